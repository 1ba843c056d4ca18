"""How the model cuts a text: into those pieces of its vocabulary whose scores add up to the most."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from encoder.weights import Weights

_BLANK = "▁"
_UNKNOWN_COSTS = 10.0
_SPACES = re.compile("  +")


class Pieces:
    """A quarter of a million pieces as arrays, by the hash of their bytes: as Python's strings they would
    take fifty megabytes of every process."""

    def __init__(self, weights: Weights) -> None:
        self._first, self._last, self._unknown = weights.first, weights.last, weights.unknown
        self._plain, self._scores = weights.plain, weights.scores
        edges = [0, *weights.ends.tolist()]
        hashes = np.fromiter((hash(weights.names[a:b]) for a, b in pairwise(edges)), np.int64, len(edges) - 1)
        self._order = np.argsort(hashes)
        self._hashes = hashes[self._order]
        self._longest = max(b - a for a, b in pairwise(edges))
        self._worst = float(weights.scores.min()) - _UNKNOWN_COSTS

    def __call__(self, text: str) -> list[int]:
        """The pieces' places in the vocabulary, with those that begin and end a text."""
        return [self._first, *self._cut(self._written(text)), self._last]

    def _written(self, text: str) -> str:
        plain = _SPACES.sub(" ", text.translate(self._plain))
        return (plain if plain.startswith(" ") else f" {plain}").replace(" ", _BLANK)

    def _cut(self, text: str) -> list[int]:
        spans = self._known(text)
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)]  # up to each place: score, where it began, piece
        for end in range(1, len(text) + 1):
            found = (best[end - 1][0] + self._worst, end - 1, self._unknown)
            for start, piece in spans.get(end, ()):
                found = max(found, (best[start][0] + float(self._scores[piece]), start, piece))
            best.append(found)
        return list(_back(best))[::-1]

    def _known(self, text: str) -> dict[int, list[tuple[int, int]]]:
        """For each place where pieces end: where each begins, and which it is."""
        chars = [char.encode("utf-8", "replace") for char in text]
        spans: list[tuple[int, int]] = []
        hashes: list[int] = []
        for start in range(len(chars)):
            said = b""
            for end in range(start, len(chars)):
                said += chars[end]
                if len(said) > self._longest:
                    break
                spans.append((start, end + 1))
                hashes.append(hash(said))
        places = np.searchsorted(self._hashes, np.array(hashes, np.int64))
        places = np.minimum(places, len(self._hashes) - 1)
        found: dict[int, list[tuple[int, int]]] = {}
        for at in np.flatnonzero(self._hashes[places] == hashes):
            start, end = spans[at]
            piece = int(self._order[places[at]])
            if piece != self._unknown:
                found.setdefault(end, []).append((start, piece))
        return found


def _back(best: list[tuple[float, int, int]]) -> Iterator[int]:
    at = len(best) - 1
    while at:
        _, at, piece = best[at]
        yield piece
