"""Chinese words: jieba with a dictionary of the trade. Deterministic; keeps to itself what it was taught."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import jieba

jieba.setLogLevel(logging.WARNING)


class Words:
    def __init__(self, own: Iterable[str] = ()) -> None:
        self.own = list(own)
        self._cutter = jieba.Tokenizer()
        for word in self.own:
            self._cutter.add_word(word)

    def __call__(self, text: str) -> list[str]:
        return [word for word in self._cutter.lcut(text) if not word.isspace()]


def read(path: str | None) -> list[str]:
    """One word a line; null is an empty dictionary. A path that isn't there is a mistake and says so."""
    if path is None:
        return []
    return [word for line in Path(path).read_text(encoding="utf-8").splitlines() if (word := line.strip())]
