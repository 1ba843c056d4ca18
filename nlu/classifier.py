"""Intents from spelling first and, where that isn't sure, from the sentence vector too.

Two models vote: a linear SVM on how a message is spelt (`nlu.spelling`), and kernel ridge regression on the
dense sentence rows (`nlu.sense`); what each counts is chosen by cross-validation on whatever they are trained
on. A cascade: the vector costs ten times what all else costs, so it is asked for only where spelling alone is
below `sure`. Scores become confidences by what they were worth on
messages the models had not seen, so that a confidence of 0.8 is right about eight times in ten (`Trust`).
Without a dense featurizer in the pipeline spelling decides alone. Nothing here knows any intent.
"""

from __future__ import annotations

import json
from collections import Counter
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
from nlu.sense import Sense
from nlu.spelling import Counted, Spelling
from nlu.words import Words

Array: TypeAlias = np.ndarray  # float32, or int where it says so
VOTE, TRUST = "vote", "trust.json"
CLAUSES = "clauses"  # of a message: [{"text", "start", "end"}]; each gets its own ranking here


@dataclass
class Weighing:
    """How the two are weighed: what cross-validation chose, where the settings leave it open."""

    width: float  # of `Sense`
    spelling: float  # what a margin by spelling counts beside a score by sense


@dataclass(frozen=True)
class Examples:
    """What is learned from: texts taken apart, their labels, and dense rows. The encoder takes a sample of
    many: `places` says of which texts the rows are, where not of all."""

    counted: list[Counted]
    dense: Array | None
    labels: list[str]
    places: Array | None = None

    @property
    def heard(self) -> Array:
        return np.arange(len(self.labels)) if self.places is None else self.places


class Vote:
    """The two models and their sum; rows are messages, columns the sorted labels."""

    def __init__(self, config: dict[str, Any], words: Words, weighing: Weighing) -> None:
        self._config = config
        self.weighing = weighing
        self.spelling = Spelling(config, words)
        self.sense = Sense(config, weighing.width)
        self.labels: list[str] = []

    def fit(self, texts: list[str], dense: Array | None, labels: list[str]) -> Vote:
        return self.learn(Examples(self.spelling.counted(texts), dense, labels))

    def learn(self, examples: Examples) -> Vote:
        self.labels = sorted(set(examples.labels))
        self.spelling.learn(examples.counted, np.arange(len(examples.labels)), examples.labels)
        if examples.dense is not None:
            self.sense.fit(examples.dense, [examples.labels[at] for at in examples.heard])
        return self

    def save(self, folder: Path, name: str) -> None:
        for part, arrays in self._arrays.items():
            np.savez_compressed(folder / f"{name}-{part}.npz", **arrays)
        learned = {
            "labels": self.labels,
            "vocabularies": self.spelling.vocabularies,
            "dictionary": self.spelling.words.own,
            "weighing": asdict(self.weighing),
        }
        (folder / f"{name}.json").write_text(json.dumps(learned, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, name: str, config: dict[str, Any]) -> Vote:
        learned = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        vote = cls(config, Words(learned["dictionary"]), Weighing(**learned["weighing"]))
        vote.labels, vote.spelling.vocabularies = learned["labels"], learned["vocabularies"]
        for part, arrays in vote._arrays.items():
            with np.load(folder / f"{name}-{part}.npz") as stored:
                arrays.update({key: stored[key] for key in stored})
        return vote

    @property
    def _arrays(self) -> dict[str, dict[str, Any]]:
        return {"spelling": self.spelling.arrays, "sense": self.sense.arrays}

    @property
    def reads_vectors(self) -> bool:
        return bool(self.sense.arrays)

    def spelt(self, texts: list[str]) -> Array:
        return self.spelling.scores(texts)

    def both(self, spelt: Array, dense: Array) -> Array:
        weighed: Array = self.sense.scores(dense) + self.weighing.spelling * spelt
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

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 5), method="bounded").x))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class VoteClassifier(IntentClassifier, GraphComponent):
    """`sure`: the confidence from which spelling alone decides (above 1: never); `widths` and
    `spelling_weights`: what `Weighing` is chosen from; `ridge` and `kept`: see `Sense`; `rarest`: an
    n-gram seen less often is not learned; `dictionary`: words of the trade, one a line; `folds`: of the
    cross-validation, of which those left out are at most `asked` examples."""

    @staticmethod
    def required_packages() -> list[str]:
        return ["sklearn", "jieba", "pypinyin"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            "widths": [2.0, 4.0],
            "ridge": 0.03,
            "kept": 8000,
            "spelling_c": 0.5,
            "spelling_weights": [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6, 1.0],
            "longest_ngram": 3,
            "rarest": 1,
            "sure": 0.9,
            "dictionary": None,
            "folds": 3,
            "asked": 2500,
            "ranking_length": 10,
        }

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._storage = model_storage
        self._resource = resource
        self._vote: Vote | None = None
        self._trust = {"spelling": Trust(), "both": Trust()}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> VoteClassifier:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [one for one in training_data.intent_examples if one.get(TEXT) and one.get(INTENT)]
        labels = [one.get(INTENT) for one in examples]
        if len(set(labels)) < 2:
            return self._resource
        cutter = Words(words.read(self._config["dictionary"]))
        counted = Spelling(self._config, cutter).counted(_text(one) for one in examples)
        heard = [at for at, one in enumerate(examples) if _row(one) is not None]
        dense = dense_rows([examples[at] for at in heard])
        learned = Examples(counted, dense, labels, np.array(heard) if heard else None)
        self._vote = Vote(self._config, cutter, self._learned_to_weigh(cutter, learned)).learn(learned)
        self._persist()
        return self._resource

    def _learned_to_weigh(self, cutter: Words, examples: Examples) -> Weighing:
        """And what scores are worth; as they come where a label has too few examples to leave any out."""
        if min(Counter(examples.labels).values()) < self._config["folds"]:
            return usual(self._config)
        unseen = unseen_scores(self._config, cutter, examples)
        self._trust = {
            "spelling": Trust.fit(unseen.spelt, unseen.spelt, unseen.right),
            "both": Trust.fit(unseen.both, unseen.spelt, unseen.right),
        }
        return unseen.weighing

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            if self._vote is not None and message.get(TEXT):
                self._classify(message, self._vote)
        return messages

    def _classify(self, message: Message, vote: Vote) -> None:
        """The whole message, and its clauses by spelling alone: they are many, and only sure ones count."""
        clauses = message.get(CLAUSES) or []
        spelt = vote.spelt([_text(message), *(normalise(one["text"]).text for one in clauses)])
        chances = self._trust["spelling"].chances(spelt, spelt)
        for clause, row in zip(clauses, chances[1:], strict=True):
            clause["ranking"] = self._ranking(row, vote.labels)
        ranking = self._ranking(self._unless_sure(message, vote, spelt[:1], chances[0]), vote.labels)
        message.set("intent", ranking[0], add_to_output=True)
        message.set("intent_ranking", ranking, add_to_output=True)

    def _unless_sure(self, message: Message, vote: Vote, spelt: Array, chances: Array) -> Array:
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
    ) -> VoteClassifier:
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
        self._vote = Vote.load(folder, VOTE, self._config)


@dataclass(frozen=True)
class Unseen:
    """Scores by spelling, and by both (spelling again without vectors), each row by models that never saw it;
    `right` holds the column of each row's label, `rows` which examples they are."""

    spelt: Array
    both: Array
    right: Array
    rows: Array
    weighing: Weighing


def unseen_scores(config: dict[str, Any], cutter: Words, examples: Examples) -> Unseen:
    """Of those heard, by as many folds as it takes to ask `asked` of them, all where they aren't many."""
    labels, heard = np.array(examples.labels), examples.heard
    right = np.unique(labels, return_inverse=True)[1]
    folds = StratifiedKFold(config["folds"], shuffle=True, random_state=1)
    asked: list[Array] = []
    spelt: list[Array] = []
    sensed: dict[float, list[Array]] = {width: [] for width in config["widths"]}
    for seen, left_out in folds.split(labels, labels):
        unseen = np.isin(heard, left_out)
        spelling = Spelling(config, cutter).learn(examples.counted, seen, labels[seen].tolist())
        asked.append(heard[unseen])
        spelt.append(spelling.scores_of(examples.counted, heard[unseen]))
        if examples.dense is not None:
            known, kept = examples.dense[~unseen], labels[heard[~unseen]].tolist()
            for width, found in sensed.items():
                found.append(Sense(config, width).fit(known, kept).scores(examples.dense[unseen]))
            if len(asked) == 1:
                sensed = _fittest(sensed, spelt, right[heard[unseen]], config)
        if sum(map(len, asked)) >= config["asked"]:
            break
    voted = sensed if examples.dense is not None else {}
    return _unseen(voted, np.vstack(spelt), right, np.concatenate(asked), config)


def _fittest(
    sensed: dict[float, list[Array]], spelt: list[Array], right: Array, config: dict[str, Any]
) -> dict[float, list[Array]]:
    """The width that reads the first fold best; the other folds need not try the others."""
    found = {width: _weighed(scores[0], spelt[0], right, config)[0] for width, scores in sensed.items()}
    best = max(found, key=lambda width: found[width])
    return {best: sensed[best]}


def _weighed(sensed: Array, spelt: Array, right: Array, config: dict[str, Any]) -> tuple[float, float]:
    """The accuracy at the best weight of spelling, and the weight; the middle one of those as good."""
    found = {
        weight: float(((sensed + weight * spelt).argmax(axis=1) == right).mean())
        for weight in config["spelling_weights"]
    }
    best = [weight for weight, share in found.items() if share >= max(found.values()) - 1e-9]
    return max(found.values()), best[len(best) // 2]


def _unseen(
    sensed: dict[float, list[Array]], spelt: Array, right: Array, rows: Array, config: dict[str, Any]
) -> Unseen:
    if not sensed:
        return Unseen(spelt, spelt, right[rows], rows, usual(config))
    width, scores = next((width, np.vstack(found)) for width, found in sensed.items())
    _, weight = _weighed(scores, spelt, right[rows], config)
    return Unseen(spelt, scores + weight * spelt, right[rows], rows, Weighing(width, weight))


def usual(config: dict[str, Any]) -> Weighing:
    """Where nothing was chosen: the middle of what there is to choose from."""
    widths, weights = config["widths"], config["spelling_weights"]
    return Weighing(widths[len(widths) // 2], weights[len(weights) // 2])


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
