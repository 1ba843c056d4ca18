"""Openers: whether a message says nothing by itself (你好, 在吗), so that the next is worth a short wait.

Owns the reading of data/openers.yml. Never decides how long, nor what is answered.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

import yaml

FILE = Path(__file__).resolve().parent.parent / "data" / "openers.yml"
LONGEST = 20  # characters; who writes more has said something


def says_nothing(text: str) -> bool:
    """Whether the message is made of openers alone."""
    plain = "".join(
        char for char in unicodedata.normalize("NFKC", text.strip().lower()) if not _is_decoration(char)
    )
    return 0 < len(plain) <= LONGEST and bool(_openers().fullmatch(plain))


def _is_decoration(char: str) -> bool:
    """Spaces, emoji and marks that can't be seen."""
    return char.isspace() or unicodedata.category(char) in ("So", "Sk", "Cf", "Cc", "Mn")


@lru_cache(maxsize=1)
def _openers() -> re.Pattern[str]:
    """Raises KeyError when the file is not what it says it must be."""
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    words = "|".join(re.escape(word) for word in sorted(content["words"], key=len, reverse=True))
    around = f"[{re.escape(content['particles'])}]*"
    return re.compile(f"(?:{around}(?:{words}){around})+")
