"""Things, devices and room types, by character: Rasa's CRF entity extractor, kept as what it has learned.

Rasa's own keeps its training examples and learns anew each time a model is loaded, which takes a minute with
ten thousand of them. CRFsuite's model file is data and no code, so it is kept instead. And of examples
without any entity, of which there are many, a sample teaches.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.crf_entity_extractor import CRFEntityExtractor, CRFToken
from rasa.shared.nlu.constants import ENTITIES
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn_crfsuite import CRF

if TYPE_CHECKING:
    from pathlib import Path

ORDER = "order.json"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class ThingExtractor(CRFEntityExtractor):
    """`left`: entities that another component finds, which need not be learned; `others`: how many examples
    without an entity teach."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {**CRFEntityExtractor.get_default_config(), "left": [], "others": 2000}

    def train(self, training_data: TrainingData) -> Resource:
        examples = [self._own(one) for one in training_data.nlu_examples]
        others = [one for one in examples if not one.get(ENTITIES)]
        order = np.random.default_rng(1).permutation(len(others))[: self.component_config["others"]]
        taught = TrainingData()  # handed examples, it would hash each to find those alike
        taught.training_examples = [one for one in examples if one.get(ENTITIES)]
        taught.training_examples += [others[at] for at in order]
        return super().train(taught)

    def _own(self, message: Message) -> Message:
        """The message with what is to be learned of it."""
        left = self.component_config["left"]
        entities = [one for one in message.get(ENTITIES, []) if one["entity"] not in left]
        return Message({**message.data, ENTITIES: entities}, features=message.features)

    def persist(self, dataset: list[list[CRFToken]]) -> None:
        """What was learned; the examples stay where they are."""
        with self._model_storage.write_to(self._resource) as folder:
            for tag, tagger in (self.entity_taggers or {}).items():
                with open(tagger.modelfile.name, "rb") as learned:
                    (folder / f"{tag}.crfsuite").write_bytes(learned.read())
            (folder / ORDER).write_text(json.dumps(self.crf_order), encoding="utf-8")

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ThingExtractor:
        try:
            with model_storage.read_from(resource) as folder:
                order = json.loads((folder / ORDER).read_text(encoding="utf-8"))
                taggers = {tag: _learned(folder / f"{tag}.crfsuite") for tag in order}
        except ValueError:  # nothing was trained: no example had an entity
            return cls(config, model_storage, resource)
        extractor = cls(config, model_storage, resource, taggers)
        extractor.crf_order = order
        return extractor


def _learned(file: Path) -> CRF:
    """A tagger with its model in a file of its own: the folder it came in is gone after loading."""
    tagger = CRF()
    tagger.modelfile.refresh()
    with open(tagger.modelfile.name, "wb") as kept:
        kept.write(file.read_bytes())
    return tagger
