"""Finding the points that a question may mean: the encoder's vectors, with a little of character BM25.

An index is made once and never changed; every writing of a point (its title, its variants) is a row, and a
point is as good as its best row. Pure: vectors come in, no file and no clock is touched. A row's score is the
mean of the centred vectors' cosine and of BM25, which counts LEXICAL times as much; BM25 is divided by what
the question itself would get, so that 1 is the same words.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bot.knowledge.encoder import Vectors
from bot.knowledge.writing import plain
from encoder import DIMENSIONS

K1, B = 1.2, 0.75
LEXICAL = 0.3
COARSE = 96  # dimensions of the first look, which picks
PICKED = 200  # rows for the second, in all dimensions
FEW = 4000  # rows up to which the first look is at all dimensions: finding the telling ones costs more

_UNIT = re.compile(r"[a-z0-9]+|[^\W_]")


@dataclass(frozen=True)
class Hit:
    """A point that was found; `row` is the writing of it that matched best."""

    point: str
    score: float
    meaning: float
    wording: float
    row: str


@dataclass(frozen=True)
class Row:
    """One writing of one point."""

    point: str
    text: str


def units(text: str) -> list[str]:
    """Characters, and runs of letters and digits; case, width, punctuation and old forms don't count."""
    return _UNIT.findall(plain(text))


def terms(text: str) -> list[str]:
    """Units, and pairs of neighbours."""
    found = units(text)
    return found + [f"{a}\t{b}" for a, b in pairwise(found)]


class Wording:
    """BM25 over rows, its postings as flat arrays."""

    def __init__(self, texts: Sequence[str]) -> None:
        said = [terms(text) for text in texts]
        self.rows, self._term = len(texts), dict[str, int]()
        each = np.array([self._term.setdefault(t, len(self._term)) for one in said for t in one], np.int64)
        lengths = np.array([len(one) for one in said], np.float32)
        place: Any = np.repeat(np.arange(self.rows, dtype=np.int64), [len(one) for one in said])
        # Each term of each row once, with how often it stands there.
        pairs, times = np.unique(place * max(len(self._term), 1) + each, return_counts=True)
        row, ids = np.divmod(pairs, max(len(self._term), 1))
        self._idf = _idf(np.bincount(ids, minlength=len(self._term)), self.rows)
        self._mean = max(float(lengths.mean()), 1.0) if self.rows else 1.0
        order = np.argsort(ids, kind="stable")
        norm = K1 * (1 - B + B * lengths[row] / self._mean)
        self._weights = (self._idf[ids] * times * (K1 + 1) / (times + norm))[order].astype(np.float32)
        self._rows: Any = row[order].astype(np.int32)
        self._starts: Any = np.searchsorted(ids[order], np.arange(len(self._term) + 1))

    def scores(self, text: str) -> Vectors:
        """For each row, how much of the question's wording it shares: 0 to about 1."""
        asked = Counter(terms(text))
        known = [self._term[term] for term in asked if term in self._term]
        total: Vectors = np.zeros(self.rows, np.float32)
        for term in known:
            span = slice(self._starts[term], self._starts[term + 1])
            total[self._rows[span]] += self._weights[span]
        return total / max(self._most(asked), 1e-6)

    def _most(self, asked: Counter[str]) -> float:
        """What a row that is the question would get; words nobody has used count as the rarest."""
        rarest = float(_idf(0, self.rows))
        norm = K1 * (1 - B + B * asked.total() / self._mean)
        idf = ((self._idf[self._term[t]] if t in self._term else rarest, n) for t, n in asked.items())
        return float(sum(weight * n * (K1 + 1) / (n + norm) for weight, n in idf))


def _idf(documents: Any, rows: int) -> Any:
    return np.log(1 + (rows - documents + 0.5) / (documents + 0.5))


class Meaning:
    """Centred vectors; many are turned so that their first dimensions tell most, for a quick first look."""

    def __init__(self, vectors: Vectors) -> None:
        self._centre = vectors.mean(axis=0) if len(vectors) else np.zeros(DIMENSIONS, np.float32)
        centred = _unit(vectors - self._centre)
        self._axes = _telling_first(centred) if len(vectors) > FEW else None
        self._turned = centred if self._axes is None else centred @ self._axes
        self._coarse = self._turned if self._axes is None else np.ascontiguousarray(self._turned[:, :COARSE])

    def seen(self, vector: Vectors) -> Vectors:
        """A question's vector as this index sees it."""
        centred = _unit((vector - self._centre)[np.newaxis, :])[0]
        return centred if self._axes is None else centred @ self._axes

    def guess(self, seen: Vectors) -> Vectors:
        # Not a matrix product: the library behind it would start threads, which costs more than the sum.
        return np.einsum("ij,j->i", self._coarse, seen[: self._coarse.shape[1]])

    def exact(self, seen: Vectors, rows: Vectors) -> Vectors:
        return np.einsum("ij,j->i", self._turned[rows], seen)


def _telling_first(centred: Vectors) -> Vectors:
    """The axes along which the vectors differ, the most telling first."""
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.ascontiguousarray(axes[:, ::-1], dtype=np.float32)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-6)).astype(np.float32)


class Index:
    """Rows to search, with a vector for each. `lexical` is 0 for meaning alone."""

    def __init__(self, rows: Sequence[Row], vectors: Vectors, lexical: float = LEXICAL) -> None:
        self.rows, self._lexical = tuple(rows), lexical
        self._meaning, self._wording = Meaning(vectors), Wording([row.text for row in rows])

    def centred(self, vectors: Vectors) -> Vectors:
        """Unit vectors as this index compares them."""
        return np.vstack([self._meaning.seen(vector) for vector in vectors])

    def search(self, text: str, vector: Vectors, k: int) -> list[Hit]:
        """The k best points, best first."""
        if not self.rows:
            return []
        seen, wording = self._meaning.seen(vector), self._wording.scores(text)
        picked = _best(self._meaning.guess(seen) + self._lexical * wording, PICKED + k)
        meaning = self._meaning.exact(seen, picked)
        total = (meaning + self._lexical * wording[picked]) / (1 + self._lexical)
        order = np.argsort(-total, kind="stable")
        hits = (self._hit(picked[i], total[i], meaning[i], wording[picked[i]]) for i in order)
        return list(_first_of_each(hits, k))

    def search_wording(self, text: str, k: int) -> list[Hit]:
        """By BM25 alone: what the vectors are measured against, and what is left without them."""
        wording = self._wording.scores(text)
        picked = _best(wording, PICKED + k)
        order = picked[np.argsort(-wording[picked], kind="stable")]
        return list(_first_of_each((self._hit(row, wording[row], 0, wording[row]) for row in order), k))

    def _hit(self, row: int, score: float, meaning: float, wording: float) -> Hit:
        found = self.rows[row]
        return Hit(found.point, float(score), float(meaning), float(wording), found.text)


def _best(scores: Vectors, count: int) -> Vectors:
    """The rows with the highest scores, in no order."""
    if count >= len(scores):
        return np.arange(len(scores))
    return np.argpartition(scores, -count)[-count:]


def _first_of_each(hits: Iterator[Hit], k: int) -> Iterator[Hit]:
    """The best row of each point, until k points are there."""
    seen: set[str] = set()
    for hit in hits:
        if len(seen) == k:
            return
        if hit.point not in seen:
            seen.add(hit.point)
            yield hit
