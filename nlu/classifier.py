"""Intents from spelling first and, where that isn't sure, from the sentence vector too.

Two linear models vote: an SVM on how a message is spelt (`nlu.spelling`), and a logistic regression on the
dense sentence rows, centred and scaled. A cascade: the vector costs ten times what all else costs, so it is
asked for only where spelling alone is below `sure`. Scores become confidences by what they were worth on
messages the models had not seen, so that a confidence of 0.8 is right about eight times in ten (`Trust`).
Without a dense featurizer in the pipeline spelling decides alone. Nothing here knows any intent.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from nlu import words
from nlu.encoder import ENCODED, vector
from nlu.normal import normalise
from nlu.spelling import Spelling, per_label
from nlu.words import Words

Array: TypeAlias = np.ndarray  # float32, or int where it says so
VOTE, TRUST = "vote", "trust.json"
CLAUSES = "clauses"  # of a message: [{"text", "start", "end"}]; each gets its own ranking here


class LinearVote:
    """The two models and their sum; rows are messages, columns the sorted labels."""

    def __init__(self, config: dict[str, Any], words: Words) -> None:
        self._config = config
        self.spelling = Spelling(config, words)
        self.labels: list[str] = []
        self.arrays: dict[str, Array] = {}

    def fit(self, texts: list[str], dense: Array | None, labels: list[str]) -> LinearVote:
        self.labels = sorted(set(labels))
        self.spelling.fit(texts, labels)
        if dense is not None:
            self._fit_dense(dense, labels)
        return self

    def _fit_dense(self, dense: Array, labels: list[str]) -> None:
        """Centre and scale are folded into the weights: W (x - m) / s + b."""
        centre, scale = dense.mean(axis=0), dense.std(axis=0) + 1e-9
        model = LogisticRegression(C=self._config["dense_c"], max_iter=self._config["max_iter"])
        model.fit((dense - centre) / scale, labels)
        weights = per_label(model.coef_) / scale
        self.arrays["weights"] = weights.T.astype(np.float32)
        self.arrays["bias"] = (per_label(model.intercept_) - weights @ centre).astype(np.float32)

    def save(self, folder: Path, name: str) -> None:
        arrays: dict[str, Any] = {**self.arrays, **self.spelling.arrays}
        np.savez_compressed(folder / f"{name}.npz", **arrays)
        learned = {
            "labels": self.labels,
            "vocabularies": self.spelling.vocabularies,
            "dictionary": self.spelling.words.own,
        }
        (folder / f"{name}.json").write_text(json.dumps(learned, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, name: str, config: dict[str, Any]) -> LinearVote:
        learned = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        vote = cls(config, Words(learned["dictionary"]))
        vote.labels, vote.spelling.vocabularies = learned["labels"], learned["vocabularies"]
        with np.load(folder / f"{name}.npz") as arrays:
            for key in arrays:
                (vote.arrays if key in ("weights", "bias") else vote.spelling.arrays)[key] = arrays[key]
        return vote

    @property
    def reads_vectors(self) -> bool:
        return "weights" in self.arrays

    def spelt(self, texts: list[str]) -> Array:
        return self.spelling.scores(texts)

    def said(self, dense: Array) -> Array:
        """What the sentence vectors say: log chances."""
        chances: Array = log_softmax(dense @ self.arrays["weights"] + self.arrays["bias"], axis=1)
        return chances

    def both(self, spelt: Array, dense: Array) -> Array:
        weighed: Array = self.said(dense) + self._config["spelling_weight"] * spelt
        return weighed


@dataclass
class Trust:
    """From scores to chances. `heat` spreads the chances over the labels; `weights` say what the best one is
    worth, from how far it leads and from its margin by spelling: a message in unknown words has a best label
    too, but one that its words speak against."""

    heat: float = 1.0
    weights: list[float] = field(default_factory=list)  # and the constant last; empty: heat alone

    @classmethod
    def fit(cls, scores: Array, spelt: Array, right: Array) -> Trust:
        """`right` holds the column of each row's label."""
        heat = fit_temperature(scores, right)
        best = scores.argmax(axis=1) == right
        if best.all() or not best.any():
            return cls(heat)
        signs = _signs(softmax(heat * scores, axis=1), spelt)
        model = LogisticRegression(C=10.0, max_iter=1000).fit(signs, best)
        return cls(heat, [*model.coef_[0].tolist(), float(model.intercept_[0])])

    def chances(self, scores: Array, spelt: Array) -> Array:
        chances: Array = softmax(self.heat * scores, axis=1)
        if not self.weights:
            return chances
        worth = expit(_signs(chances, spelt) @ np.array(self.weights[:-1]) + self.weights[-1])
        best = chances.argmax(axis=1)
        rows = np.arange(len(chances))
        rest = 1 - chances[rows, best]
        chances *= ((1 - worth) / np.maximum(rest, 1e-9))[:, np.newaxis]
        # never so low that another label would overtake the best one
        chances[rows, best] = 0
        chances[rows, best] = np.maximum(worth, chances.max(axis=1) * 1.001)
        chances /= chances.sum(axis=1, keepdims=True)
        return chances


def _signs(chances: Array, spelt: Array) -> Array:
    ranked = np.sort(chances, axis=1)
    first, second = ranked[:, -1], ranked[:, -2]
    margin = spelt[np.arange(len(chances)), chances.argmax(axis=1)]
    signs: Array = np.column_stack([logit(np.clip(first, 1e-6, 1 - 1e-6)), first - second, margin])
    return signs


def fit_temperature(scores: Array, right: Array) -> float:
    """The t that makes softmax(t * scores) likeliest; `right` holds the column of each row's label."""

    def loss(log_t: float) -> float:
        return -float(log_softmax(np.exp(log_t) * scores, axis=1)[np.arange(len(right)), right].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearVoteClassifier(IntentClassifier, GraphComponent):
    """`sure`: the confidence from which spelling alone decides (above 1: never); `spelling_weight`: what
    spelling counts in the vote; `rarest`: an n-gram seen less often is not learned; `dictionary`: words of
    the trade, one a line."""

    @staticmethod
    def required_packages() -> list[str]:
        return ["sklearn", "jieba", "pypinyin"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            "dense_c": 0.03,
            "spelling_c": 0.5,
            "spelling_weight": 3.0,
            "longest_ngram": 3,
            "rarest": 1,
            "sure": 0.9,
            "dictionary": None,
            "max_iter": 100,
            "folds": 3,
            "ranking_length": 10,
        }

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._storage = model_storage
        self._resource = resource
        self._vote: LinearVote | None = None
        self._trust = {"spelling": Trust(), "both": Trust()}

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
        cutter = Words(words.read(self._config["dictionary"]))
        texts, dense = [_text(one) for one in examples], dense_rows(examples)
        self._trust = self._fitted_trust(cutter, texts, dense, labels)
        self._vote = LinearVote(self._config, cutter).fit(texts, dense, labels)
        self._persist()
        return self._resource

    def _fitted_trust(
        self, cutter: Words, texts: list[str], dense: Array | None, labels: list[str]
    ) -> dict[str, Trust]:
        """As it comes where a label has too few examples to be left out once."""
        names = sorted(set(labels))
        right = np.array([names.index(label) for label in labels])
        if np.bincount(right).min() < self._config["folds"]:
            return self._trust
        spelt, both = unseen_scores(self._config, cutter, texts, dense, labels)
        return {"spelling": Trust.fit(spelt, spelt, right), "both": Trust.fit(both, spelt, right)}

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            if self._vote is not None and message.get(TEXT):
                self._classify(message, self._vote)
        return messages

    def _classify(self, message: Message, vote: LinearVote) -> None:
        """The whole message, and its clauses by spelling alone: they are many, and only sure ones count."""
        clauses = message.get(CLAUSES) or []
        spelt = vote.spelt([_text(message), *(normalise(one["text"]).text for one in clauses)])
        chances = self._trust["spelling"].chances(spelt, spelt)
        for clause, row in zip(clauses, chances[1:], strict=True):
            clause["ranking"] = self._ranking(row, vote.labels)
        ranking = self._ranking(self._unless_sure(message, vote, spelt[:1], chances[0]), vote.labels)
        message.set("intent", ranking[0], add_to_output=True)
        message.set("intent_ranking", ranking, add_to_output=True)

    def _unless_sure(self, message: Message, vote: LinearVote, spelt: Array, chances: Array) -> Array:
        dense = None
        if vote.reads_vectors and chances.max() < self._config["sure"]:
            dense = dense_rows([message])
        if dense is None:
            return chances
        voted: Array = self._trust["both"].chances(vote.both(spelt, dense), spelt)[0]
        return voted

    def _ranking(self, chances: Array, labels: list[str]) -> list[dict[str, Any]]:
        order = np.argsort(-chances)[: self._config["ranking_length"]]
        return [{"name": labels[at], "confidence": float(chances[at])} for at in order]

    def _persist(self) -> None:
        if self._vote is None:
            return
        with self._storage.write_to(self._resource) as folder:
            self._vote.save(Path(folder), VOTE)
            trust = {name: asdict(one) for name, one in self._trust.items()}
            (Path(folder) / TRUST).write_text(json.dumps(trust), encoding="utf-8")

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
        trust = json.loads((folder / TRUST).read_text(encoding="utf-8"))
        self._trust = {name: Trust(**one) for name, one in trust.items()}
        self._vote = LinearVote.load(folder, VOTE, self._config)


def unseen_scores(
    config: dict[str, Any], cutter: Words, texts: list[str], dense: Array | None, labels: list[str]
) -> tuple[Array, Array]:
    """By spelling, and by both (spelling again without vectors), each row by models that never saw it."""
    names = sorted(set(labels))
    spelt: Array = np.zeros((len(labels), len(names)), dtype=np.float32)
    both: Array = np.zeros((len(labels), len(names)), dtype=np.float32)
    folds = StratifiedKFold(config["folds"], shuffle=True, random_state=1)
    for seen, unseen in folds.split(texts, labels):
        rows = None if dense is None else dense[seen]
        vote = LinearVote(config, cutter).fit([texts[at] for at in seen], rows, [labels[at] for at in seen])
        spelt[unseen] = vote.spelt([texts[at] for at in unseen])
        both[unseen] = spelt[unseen] if dense is None else vote.both(spelt[unseen], dense[unseen])
    return spelt, both


def _text(message: Message) -> str:
    return normalise(message.get(TEXT)).text


def dense_rows(messages: list[Message]) -> Array | None:
    """The sentence rows; an encoder that waits to be asked left the text for it instead. None without one."""
    rows = [_row(message) for message in messages]
    if not rows or any(row is None for row in rows):
        return None
    stacked: Array = np.vstack(rows)
    return stacked


def _row(message: Message) -> Array | None:
    features = message.get_dense_features(TEXT)[1]
    if features is not None:
        row: Array = features.features
        return row
    encoded = message.get(ENCODED)
    return vector(encoded)[np.newaxis, :] if encoded else None
