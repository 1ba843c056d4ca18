"""Intents from sentence vectors and spelling together.

Two linear models vote: a logistic regression on the dense sentence rows, centred and scaled, and a linear SVM
on character n-grams and words. Their sum becomes a probability through a temperature that is fitted on
messages neither had seen, so that a confidence of 0.8 is right about eight times in ten. Nothing here knows
any intent.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.featurizers.featurizer import Featurizer
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.optimize import minimize_scalar
from scipy.sparse import hstack
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from nlu import words
from nlu.normal import normalise
from nlu.words import Words

Array: TypeAlias = np.ndarray  # float32, or int where it says so
ARRAYS, LEARNED = "arrays.npz", "learned.json"


class LinearVote:
    """The two models and their sum; rows are messages, columns the sorted labels."""

    def __init__(self, config: dict[str, Any], words: Words) -> None:
        self._config = config
        self._words = words
        self.labels: list[str] = []
        self.vocabularies: list[dict[str, int]] = []
        self.arrays: dict[str, Array] = {}

    def fit(self, texts: list[str], dense: Array, labels: list[str]) -> LinearVote:
        self.labels = sorted(set(labels))
        self._fit_dense(dense, labels)
        self._fit_spelling(texts, labels)
        return self

    def _fit_dense(self, dense: Array, labels: list[str]) -> None:
        """Centre and scale are folded into the weights: W (x - m) / s + b."""
        centre, scale = dense.mean(axis=0), dense.std(axis=0) + 1e-9
        model = LogisticRegression(C=self._config["dense_c"], max_iter=self._config["max_iter"])
        model.fit((dense - centre) / scale, labels)
        weights = _per_label(model.coef_) / scale
        self.arrays["weights"] = weights.T.astype(np.float32)
        self.arrays["bias"] = (_per_label(model.intercept_) - weights @ centre).astype(np.float32)

    def _fit_spelling(self, texts: list[str], labels: list[str]) -> None:
        readers = self._readers([None, None])
        rows = hstack([reader.fit_transform(texts) for reader in readers]).tocsr()
        model = LinearSVC(C=self._config["spelling_c"], random_state=1).fit(rows, labels)
        self.vocabularies = [{word: int(at) for word, at in one.vocabulary_.items()} for one in readers]
        self.arrays["idf"] = np.concatenate([reader.idf_ for reader in readers]).astype(np.float32)
        self.arrays["spelling_weights"] = _per_label(model.coef_).T.astype(np.float32)
        self.arrays["spelling_bias"] = _per_label(model.intercept_).astype(np.float32)

    def _readers(self, vocabularies: Sequence[dict[str, int] | None]) -> list[TfidfVectorizer]:
        """Of characters and of words; with their vocabularies, or to learn them."""
        characters, words = vocabularies
        common = {"sublinear_tf": True, "dtype": np.float32}
        ngrams = (1, self._config["longest_ngram"])
        return [
            TfidfVectorizer(analyzer="char", ngram_range=ngrams, vocabulary=characters, **common),
            TfidfVectorizer(analyzer=self._words, vocabulary=words, **common),
        ]

    def ready(self) -> LinearVote:
        """Must be called once after arrays and vocabularies were set, before `scores`."""
        self._reading = self._readers(self.vocabularies)
        edge = len(self.vocabularies[0])
        self._reading[0].idf_, self._reading[1].idf_ = self.arrays["idf"][:edge], self.arrays["idf"][edge:]
        return self

    def parts(self, texts: list[str], dense: Array) -> tuple[Array, Array]:
        """What the sentence vectors say (log chances) and what the spelling says (margins)."""
        said = log_softmax(dense @ self.arrays["weights"] + self.arrays["bias"], axis=1)
        rows = hstack([reader.transform(texts) for reader in self._reading]).tocsr()
        spelt = rows @ self.arrays["spelling_weights"] + self.arrays["spelling_bias"]
        return said, np.asarray(spelt)

    def scores(self, texts: list[str], dense: Array) -> Array:
        said, spelt = self.parts(texts, dense)
        weighed: Array = said + self._config["spelling_weight"] * spelt
        return weighed


def _per_label(values: Array) -> Array:
    """Of two labels scikit-learn keeps the second's only."""
    return np.concatenate([-values, values]) if len(values) == 1 else values


def fit_temperature(scores: Array, right: Array) -> float:
    """The t that makes softmax(t * scores) likeliest; `right` holds the column of each row's label."""

    def loss(log_t: float) -> float:
        return -float(log_softmax(np.exp(log_t) * scores, axis=1)[np.arange(len(right)), right].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearVoteClassifier(IntentClassifier, GraphComponent):
    @classmethod
    def required_components(cls) -> list[type]:
        return [Featurizer]

    @staticmethod
    def required_packages() -> list[str]:
        return ["sklearn"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            "dense_c": 0.03,
            "spelling_c": 0.5,
            "spelling_weight": 2.0,
            "longest_ngram": 4,
            "dictionary": None,
            "max_iter": 200,
            "folds": 3,
            "ranking_length": 10,
        }

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._storage = model_storage
        self._resource = resource
        self._words = Words()
        self._vote: LinearVote | None = None
        self._temperature = 1.0

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LinearVoteClassifier:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [one for one in training_data.intent_examples if one.get(TEXT) and one.get(INTENT)]
        labels = [one.get(INTENT) for one in examples]
        if len(set(labels)) < 2:
            return self._resource
        self._words = Words(words.read(self._config["dictionary"]))
        texts, dense = _texts(examples), _dense(examples)
        self._temperature = self._fitted_temperature(texts, dense, labels)
        self._vote = LinearVote(self._config, self._words).fit(texts, dense, labels).ready()
        self._persist()
        return self._resource

    def _fitted_temperature(self, texts: list[str], dense: Array, labels: list[str]) -> float:
        """1.0 where a label has too few examples to be left out once."""
        names = sorted(set(labels))
        right = np.array([names.index(label) for label in labels])
        if np.bincount(right).min() < self._config["folds"]:
            return 1.0
        scores: Array = np.zeros((len(labels), len(names)), dtype=np.float32)
        folds = StratifiedKFold(self._config["folds"], shuffle=True, random_state=1)
        for seen, unseen in folds.split(dense, right):
            vote = LinearVote(self._config, self._words).fit(
                [texts[at] for at in seen], dense[seen], [labels[at] for at in seen]
            )
            scores[unseen] = vote.ready().scores([texts[at] for at in unseen], dense[unseen])
        return fit_temperature(scores, right)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        messages_with_text = [message for message in messages if message.get(TEXT)]
        if self._vote is None or not messages_with_text:
            return messages
        scores = self._vote.scores(_texts(messages_with_text), _dense(messages_with_text))
        chances = np.exp(log_softmax(self._temperature * scores, axis=1))
        for message, row in zip(messages_with_text, chances, strict=True):
            self._rank(message, row, self._vote.labels)
        return messages

    def _rank(self, message: Message, chances: Array, labels: list[str]) -> None:
        order = np.argsort(-chances)[: self._config["ranking_length"]]
        ranking = [{"name": labels[at], "confidence": float(chances[at])} for at in order]
        message.set("intent", ranking[0], add_to_output=True)
        message.set("intent_ranking", ranking, add_to_output=True)

    def _persist(self) -> None:
        if self._vote is None:
            return
        with self._storage.write_to(self._resource) as folder:
            arrays: dict[str, Any] = self._vote.arrays
            np.savez_compressed(Path(folder) / ARRAYS, **arrays)
            learned = {
                "labels": self._vote.labels,
                "vocabularies": self._vote.vocabularies,
                "dictionary": self._words.own,
                "temperature": self._temperature,
            }
            (Path(folder) / LEARNED).write_text(json.dumps(learned, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> LinearVoteClassifier:
        component = cls(config, model_storage, resource)
        try:
            with model_storage.read_from(resource) as folder:
                component._restore(Path(folder))
        except ValueError:  # nothing was trained: there were no intents to tell apart
            pass
        return component

    def _restore(self, folder: Path) -> None:
        learned = json.loads((folder / LEARNED).read_text(encoding="utf-8"))
        self._words = Words(learned["dictionary"])
        vote = LinearVote(self._config, self._words)
        vote.labels, vote.vocabularies = learned["labels"], learned["vocabularies"]
        with np.load(folder / ARRAYS) as arrays:
            vote.arrays = dict(arrays)
        self._vote, self._temperature = vote.ready(), learned["temperature"]


def _texts(messages: list[Message]) -> list[str]:
    return [normalise(message.get(TEXT)).text for message in messages]


def _dense(messages: list[Message]) -> Array:
    rows = [message.get_dense_features(TEXT)[1] for message in messages]
    stacked: Array = np.vstack([row.features for row in rows if row is not None])
    return stacked
