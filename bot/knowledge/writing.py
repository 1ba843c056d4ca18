"""One way to write what is compared: half width, simplified, small letters. Nobody ever reads it."""

import unicodedata
from functools import lru_cache
from importlib.resources import files


def plain(text: str) -> str:
    """The text as points and questions are compared, character for character."""
    return unicodedata.normalize("NFKC", text).lower().translate(_simplified())


@lru_cache(maxsize=1)
def _simplified() -> dict[int, str]:
    """Traditional characters to the simplified ones; where a table offers several, its first."""
    table = files("opencc").joinpath("dictionary/TSCharacters.txt").read_text("utf-8")
    pairs = (line.split() for line in table.splitlines() if line.strip())
    return {ord(old): new for old, new, *_ in pairs if len(old) == len(new) == 1}
