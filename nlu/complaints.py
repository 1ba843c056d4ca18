"""What kind of complaint a message is, and what it is about, by examples of its own (data/complaints.yml).

Reads only messages of the intents it is told to, and puts `complaint`, {"kind", "topic"}, on them. The intent
stays as it is; which kinds and topics there are comes from the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu import words
from nlu.classifier import Vote, VoteClassifier, usual
from nlu.encoder import Shelf, encode_all, vector
from nlu.normal import normalise
from nlu.words import Words

COMPLAINT = "complaint"
ASPECTS = ("kind", "topic")


def read(path: str) -> list[dict[str, str]]:
    """{"text", "kind", "topic"} of each example."""
    blocks = yaml.safe_load(Path(path).read_text(encoding="utf-8"))["complaints"]
    return [
        {"text": line.removeprefix("- ").strip(), **{aspect: block[aspect] for aspect in ASPECTS}}
        for block in blocks
        for line in block["examples"].splitlines()
    ]


def fit(
    config: dict[str, Any], texts: list[str], vectors: Any, labels: dict[str, list[str]]
) -> dict[str, Vote]:
    cutter = Words(words.read(config["dictionary"]))
    return {
        aspect: Vote(config, cutter, usual(config)).fit(texts, vectors, labels[aspect]) for aspect in ASPECTS
    }


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class ComplaintSorter(GraphComponent):
    """`examples`: the file, null for none; `intents`: whose messages are sorted; `likely`: the confidence of
    these together from which a message that is read as something else may be one all the same; `longest`:
    characters the encoder sees, as in the encoder's own settings."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            **VoteClassifier.get_default_config(),
            "widths": [2.0],  # too few examples to choose by
            "spelling_weights": [0.2],
            "examples": None,
            "intents": [],
            "likely": 0.1,
            "longest": 28,
            "shelf": ".rasa/complaints.npz",
        }

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config, self._storage, self._resource = config, model_storage, resource
        self._votes: dict[str, Vote] = {}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ComplaintSorter:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        if self._config["examples"] is None:
            return self._resource
        examples = read(self._config["examples"])
        texts = [normalise(one["text"]).text for one in examples]
        vectors = self._vectors([text[-self._config["longest"] :] for text in texts])
        labels = {aspect: [one[aspect] for one in examples] for aspect in ASPECTS}
        self._votes = fit(self._config, texts, vectors, labels)
        with self._storage.write_to(self._resource) as folder:
            for aspect, vote in self._votes.items():
                vote.save(Path(folder), aspect)
        return self._resource

    def _vectors(self, texts: list[str]) -> Any:
        shelf = Shelf(Path(self._config["shelf"]))
        known = shelf.take(set(texts))
        known.update(encode_all(set(texts) - known.keys()))
        shelf.keep(known)
        return np.vstack([known[text] for text in texts])

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            if self._votes and message.get(TEXT) and self._may_be_one(message):
                message.set(COMPLAINT, self._sorted(message), add_to_output=True)
        return messages

    def _may_be_one(self, message: Message) -> bool:
        """Whether it is read as one of `intents`, or isn't far from it."""
        readings = message.get("intent_ranking") or []
        likely = sum(one["confidence"] for one in readings if one["name"] in self._config["intents"])
        read = (message.get(INTENT) or {}).get("name")
        return read in self._config["intents"] or likely >= self._config["likely"]

    def _sorted(self, message: Message) -> dict[str, str]:
        text = normalise(message.get(TEXT)).text
        dense = vector(text[-self._config["longest"] :])[np.newaxis, :]
        scores = {aspect: vote.both(vote.spelt([text]), dense)[0] for aspect, vote in self._votes.items()}
        return {aspect: self._votes[aspect].labels[int(row.argmax())] for aspect, row in scores.items()}

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ComplaintSorter:
        component = cls(config, model_storage, resource)
        try:
            with model_storage.read_from(resource) as folder:
                for aspect in ASPECTS:
                    component._votes[aspect] = Vote.load(Path(folder), aspect, config)
        except ValueError:  # there were no examples
            pass
        return component
