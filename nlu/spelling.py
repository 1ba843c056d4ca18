"""Intents by how a message is spelt: characters, words and sounds (pinyin), weighed by a linear SVM.

Sounds see through what thumbs and voice input do to a sentence: 退访, 早惨. Knows no intent and no encoder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from pypinyin import lazy_pinyin
from scipy.sparse import csr_matrix, diags, hstack
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from nlu.words import Words

Array: TypeAlias = np.ndarray
Analyzer: TypeAlias = Callable[[str], list[str]]
LONGEST = 200  # characters looked at


class Counted:
    """How often each text has each gram of one kind; `times` has a row for each text."""

    def __init__(self, texts: Iterable[str], analyzer: Analyzer) -> None:
        places: dict[str, int] = {}
        found = [Counter(places.setdefault(gram, len(places)) for gram in analyzer(text)) for text in texts]
        self.grams = list(places)
        columns = np.fromiter(chain.from_iterable(found), np.int32)
        times = np.fromiter(chain.from_iterable(one.values() for one in found), np.float32)
        starts = np.cumsum([0, *map(len, found)])
        self.times = csr_matrix((times, columns, starts), shape=(len(found), len(places)))


class Spelling:
    """Rows are messages (normalised texts), columns the sorted labels."""

    def __init__(self, config: dict[str, Any], words: Words) -> None:
        self._config = config
        self.words = words
        self.vocabularies: list[dict[str, int]] = []
        self.arrays: dict[str, Array] = {}

    def fit(self, texts: list[str], labels: list[str]) -> Spelling:
        return self.learn(self.counted(texts), np.arange(len(texts)), labels)

    def counted(self, texts: Iterable[str]) -> list[Counted]:
        """Texts taken apart, which costs much: once, however often they are learned from."""
        texts = list(texts)
        return [Counted(texts, analyzer) for analyzer in self._analyzers]

    def learn(self, counted: list[Counted], rows: Array, labels: list[str]) -> Spelling:
        """From some of the texts; `labels` are those of `rows`."""
        self._known, idf = [], []
        for one in counted:
            seen = np.bincount(one.times[rows].indices, minlength=len(one.grams))
            known = np.flatnonzero(seen >= self._config["rarest"])
            self._known.append(known)
            idf.append(np.log((1 + len(rows)) / (1 + seen[known])) + 1)
        self.vocabularies = [
            {one.grams[at]: place for place, at in enumerate(known)}
            for one, known in zip(counted, self._known, strict=True)
        ]
        self.arrays["idf"] = np.concatenate(idf).astype(np.float32)
        model = LinearSVC(C=self._config["spelling_c"], random_state=1).fit(
            self._weighed(counted, rows), labels
        )
        self.arrays["spelling_weights"] = np.ascontiguousarray(per_label(model.coef_).T, dtype=np.float32)
        self.arrays["spelling_bias"] = per_label(model.intercept_).astype(np.float32)
        return self

    def _weighed(self, counted: list[Counted], rows: Array) -> Any:
        """Counts damped, weighed by how rare a gram is, each kind of a text brought to length 1."""
        blocks, start = [], 0
        for one, known in zip(counted, self._known, strict=True):
            block = one.times[rows][:, known]
            block.data = 1 + np.log(block.data)
            blocks.append(normalize(block @ diags(self.arrays["idf"][start : start + len(known)])))
            start += len(known)
        return hstack(blocks).tocsr()

    def scores_of(self, counted: list[Counted], rows: Array) -> Array:
        """`scores` of some of the texts that it learned others of."""
        told = self._weighed(counted, rows) @ self.arrays["spelling_weights"]
        margins: Array = told + self.arrays["spelling_bias"]
        return margins

    def scores(self, texts: list[str]) -> Array:
        """Margins: above 0 for a label that is likely right."""
        margins: Array = np.vstack([self._margins(text) for text in texts])
        return margins

    def _margins(self, text: str) -> Array:
        """What the vectorizers and the SVM would give, without the milliseconds they take to begin."""
        margins: Array = self.arrays["spelling_bias"].copy()
        start = 0
        for analyzer, vocabulary in zip(self._analyzers, self.vocabularies, strict=True):
            counts = Counter(start + vocabulary[gram] for gram in analyzer(text) if gram in vocabulary)
            start += len(vocabulary)
            if counts:
                at = list(counts)
                values = (1 + np.log(np.array(list(counts.values()), np.float32))) * self.arrays["idf"][at]
                margins += (values / np.linalg.norm(values)) @ self.arrays["spelling_weights"][at]
        return margins

    @property
    def _analyzers(self) -> tuple[Analyzer, ...]:
        """Characters, words and sounds."""
        return self._characters, self._in_words, self._sounds

    def _characters(self, text: str) -> list[str]:
        """With marks for the edges: how a message begins and ends tells much."""
        return _spelt(text[:LONGEST], self._config["longest_ngram"])

    def _in_words(self, text: str) -> list[str]:
        return self.words(text[:LONGEST])

    def _sounds(self, text: str) -> list[str]:
        return _heard(text[:LONGEST], self._config["longest_ngram"])


# Remembered: several classifiers read the same message.
@lru_cache(maxsize=64)
def _spelt(text: str, longest: int) -> list[str]:
    return _grams(f"^{text}$", longest)


@lru_cache(maxsize=64)
def _heard(text: str, longest: int) -> list[str]:
    return [" ".join(gram) for gram in _grams(lazy_pinyin(text), longest)]


def _grams(sequence: Any, longest: int) -> list[Any]:
    return [
        sequence[at : at + length]
        for length in range(1, longest + 1)
        for at in range(len(sequence) - length + 1)
    ]


def per_label(values: Array) -> Array:
    """Of two labels scikit-learn keeps the second's only."""
    return np.concatenate([-values, values]) if len(values) == 1 else values
