"""Our words in traditional Chinese, made of the simplified ones, so that each sentence stands once."""

from functools import lru_cache

from opencc import OpenCC


@lru_cache
def _converter() -> OpenCC:
    return OpenCC("s2twp")  # characters, and the words that differ (网络, 網路)


@lru_cache(maxsize=4096)
def traditional(text: str) -> str:
    """Placeholders ({name}) come through as they are."""
    return str(_converter().convert(text))
