"""Intents by how a message is spelt: characters, words and sounds (pinyin), weighed by a linear SVM.

Sounds see through what thumbs and voice input do to a sentence: 退访, 早惨. Knows no intent and no encoder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from pypinyin import lazy_pinyin
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from nlu.words import Words

Array: TypeAlias = np.ndarray
LONGEST = 200  # characters looked at


class Spelling:
    """Rows are messages (normalised texts), columns the sorted labels."""

    def __init__(self, config: dict[str, Any], words: Words) -> None:
        self._config = config
        self.words = words
        self.vocabularies: list[dict[str, int]] = []
        self.arrays: dict[str, Array] = {}

    def fit(self, texts: list[str], labels: list[str]) -> Spelling:
        readers = [
            TfidfVectorizer(analyzer=one, min_df=self._config["rarest"], sublinear_tf=True, dtype=np.float32)
            for one in self._analyzers
        ]
        rows = hstack([reader.fit_transform(texts) for reader in readers]).tocsr()
        model = LinearSVC(C=self._config["spelling_c"], random_state=1).fit(rows, labels)
        self.vocabularies = [{gram: int(at) for gram, at in one.vocabulary_.items()} for one in readers]
        self.arrays["idf"] = np.concatenate([reader.idf_ for reader in readers]).astype(np.float32)
        self.arrays["spelling_weights"] = np.ascontiguousarray(per_label(model.coef_).T, dtype=np.float32)
        self.arrays["spelling_bias"] = per_label(model.intercept_).astype(np.float32)
        return self

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
    def _analyzers(self) -> tuple[Callable[[str], list[str]], ...]:
        """Characters, words and sounds."""
        return self._characters, self._in_words, self._sounds

    def _characters(self, text: str) -> list[str]:
        """With marks for the edges: how a message begins and ends tells much."""
        return _grams(f"^{text[:LONGEST]}$", self._config["longest_ngram"])

    def _in_words(self, text: str) -> list[str]:
        return self.words(text[:LONGEST])

    def _sounds(self, text: str) -> list[str]:
        return [" ".join(gram) for gram in _grams(lazy_pinyin(text[:LONGEST]), self._config["longest_ngram"])]


def _grams(sequence: Any, longest: int) -> list[Any]:
    return [
        sequence[at : at + length]
        for length in range(1, longest + 1)
        for at in range(len(sequence) - length + 1)
    ]


def per_label(values: Array) -> Array:
    """Of two labels scikit-learn keeps the second's only."""
    return np.concatenate([-values, values]) if len(values) == 1 else values
