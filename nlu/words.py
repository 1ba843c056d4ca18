"""Chinese words: jieba with a dictionary of the trade. Deterministic; keeps to itself what it was taught."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import jieba

jieba.setLogLevel(logging.WARNING)


@lru_cache(maxsize=4)
def _cutter(own: tuple[str, ...]) -> Any:
    """Ready to cut: reading its dictionary takes seconds and tens of megabytes, so those alike are one."""
    cutter = jieba.Tokenizer()
    cutter.initialize()
    for word in own:
        cutter.add_word(word)
    return cutter


@lru_cache(maxsize=64)
def _cut(cutter: Any, text: str) -> tuple[str, ...]:
    """Remembered: several classifiers read the same message."""
    return tuple(word for word in cutter.lcut(text) if not word.isspace())


class Words:
    def __init__(self, own: Iterable[str] = ()) -> None:
        self.own = list(own)
        self._cutter = _cutter(tuple(self.own))

    def __call__(self, text: str) -> list[str]:
        return list(_cut(self._cutter, text))


def read(path: str | None) -> list[str]:
    """One word a line; null is an empty dictionary. A path that isn't there is a mistake and says so."""
    if path is None:
        return []
    return [word for line in Path(path).read_text(encoding="utf-8").splitlines() if (word := line.strip())]
