"""One writing for many: half width, simplified, lower case, no endless repeats, no invisible marks.

Owns how a guest's text looks to the models and the grammar, and where each character came from.
Never changes the text that is kept: `starts` and `ends` point back into it.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from opencc import OpenCC

LONGEST_RUN = 2
_SIMPLE = str.maketrans({"妳": "你", "祂": "他", "牠": "它", "喺": "在", "嘅": "的", "冇": "没", "嚟": "来"})


@dataclass(frozen=True)
class Normal:
    """`text[i]` was written at `starts[i]:ends[i]` of the original."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The original's half-open span behind a half-open span of `text`, which must not be empty."""
        return self.starts[start], self.ends[end - 1]


@lru_cache(maxsize=1)
def _converter() -> OpenCC:
    return OpenCC("t2s")


def simplify(text: str) -> str:
    """Traditional to simplified, character for character (the length never changes)."""
    simple: str = _converter().convert(text)
    if len(simple) != len(text):
        simple = "".join(_converter().convert(char)[:1] or char for char in text)
    return simple.translate(_SIMPLE)


def _half_width(char: str) -> str:
    code = ord(char)
    if 0xFF01 <= code <= 0xFF5E:
        return chr(code - 0xFEE0)
    return " " if char.isspace() else char


def _is_mark(char: str) -> bool:
    """Joiners, variation selectors, skin tones, directions: they carry no meaning of their own."""
    return unicodedata.category(char) in ("Cf", "Mn", "Cc") or "\U0001f3fb" <= char <= "\U0001f3ff"


@lru_cache(maxsize=256)
def normalise(text: str) -> Normal:
    """Remembered: each component of the pipeline asks for it anew."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for at, original in enumerate(text):
        if _is_mark(original) and not original.isspace():
            continue
        char = _half_width(original).lower()[:1]
        if _too_many(chars, char):
            ends[-1] = at + 1
            continue
        chars.append(char)
        starts.append(at)
        ends.append(at + 1)
    return Normal(simplify("".join(chars)), tuple(starts), tuple(ends))


def _too_many(chars: list[str], char: str) -> bool:
    """Digits may repeat as they like (rooms, phones); spaces once, all else twice."""
    if char.isdecimal() or char in "零〇一二三四五六七八九十两":
        return False
    limit = 1 if char == " " else LONGEST_RUN
    return chars[-limit:] == [char] * limit
