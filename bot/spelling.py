"""How Chinese words are typed: syllable by syllable, so that a page finds them by pinyin and by initials.

The dictionary is read when first needed, which takes half a second: callers leave the event loop for it.
"""

from functools import lru_cache

LONGEST = 60  # characters of a text that anybody types to find it


@lru_cache(maxsize=2000)
def spelt(text: str) -> str:
    """The syllables with spaces between; what isn't Chinese stays as it is: "王芳 Amy" is "wang fang amy"."""
    from pypinyin import lazy_pinyin

    return " ".join(" ".join(lazy_pinyin(text[:LONGEST])).lower().split())
