"""Several wishes in one message: where it may be cut, and which cuts are meant.

`ClauseSplitter` stands before the classifier and names the clauses, so that each is read by itself;
`PartSplitter` stands last and keeps a cut only where both sides surely wish for different things. What it
keeps goes on the message, in the order written, as "parts": [{"text", "start", "end", "intent", "confidence",
"entities", "turn"}]; a message with one wish has none. Which intents are wishes comes from the settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.classifier import CLAUSES

PARTS = "parts"
_EDGE = re.compile(
    r"[,，。;；!！?？\n、]+|(?<=\S)\s+(?=\S)|(?:另外|还有就是|还有|顺便|顺带|同时|再就是|对了|然后|并且|以及)(?=\S{2})"
)
_SHORTEST = 2  # characters of a clause
_MOST = 6  # clauses looked at: a longer message is a story
Json = dict[str, Any]


def clauses(text: str) -> list[Json]:
    """The stretches between edges; edges belong to none. Connecting words go with what follows."""
    found, start = [], 0
    for edge in [*_EDGE.finditer(text), None]:
        end = edge.start() if edge else len(text)
        if len(text[start:end].strip()) >= _SHORTEST:
            found.append({"text": text[start:end], "start": start, "end": end})
        start = edge.end() if edge else end
    return found


class _Component(GraphComponent):
    def __init__(self, config: Json) -> None:
        self._config = config

    @classmethod
    def create(
        cls,
        config: Json,
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Any:
        return cls(config)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class ClauseSplitter(_Component):
    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            found = clauses(message.get(TEXT) or "")
            if 2 <= len(found) <= _MOST:
                message.set(CLAUSES, found)
        return messages


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class PartSplitter(_Component):
    """`first` and `then`: intents that may be one of several, in the order in which they are to be served (a
    part says as `turn` 0 or 1 which it is); `alone`: intents that, where the whole message is read as one of
    them, leave it whole; `sure`: the confidence each part needs; `most`: parts at most."""

    @staticmethod
    def get_default_config() -> Json:
        return {"first": [], "then": [], "alone": [], "sure": 0.8, "most": 3}

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            parts = self._parts(message)
            if parts:
                message.set(PARTS, parts, add_to_output=True)
        return messages

    def _parts(self, message: Message) -> list[Json]:
        intent = (message.get(INTENT) or {}).get("name")
        if intent in self._config["alone"]:
            return []
        merged = list(self._merged(message.get(CLAUSES) or []))
        if not 2 <= len(merged) <= self._config["most"]:
            return []
        for one in merged:
            one["turn"] = int(one["intent"] in self._config["then"])
        return [_part(message.get(TEXT), one, message.get(ENTITIES) or []) for one in merged]

    @property
    def _wishes(self) -> list[str]:
        return [*self._config["first"], *self._config["then"]]

    def _merged(self, found: list[Json]) -> Iterator[Json]:
        """Clauses that aren't sure wishes belong to the wish before them, and those in front to the first;
        neighbours with the same wish are one."""
        open_part: Json | None = None
        for clause in found:
            best = clause["ranking"][0]
            wish = best["name"] in self._wishes and best["confidence"] >= self._config["sure"]
            if open_part is None or (wish and open_part["intent"] not in (None, best["name"])):
                if open_part is not None:
                    yield open_part
                open_part = {"start": clause["start"], "intent": None, "confidence": 0.0}
            if wish and best["confidence"] > open_part["confidence"]:
                open_part.update(intent=best["name"], confidence=best["confidence"])
            open_part["end"] = clause["end"]
        if open_part is not None and open_part["intent"] is not None:
            yield open_part


def _part(text: str, one: Json, entities: list[Json]) -> Json:
    start, end = one["start"], one["end"]
    inside = [
        {**entity, "start": entity["start"] - start, "end": entity["end"] - start}
        for entity in entities
        if start <= entity["start"] and entity["end"] <= end
    ]
    return {"text": text[start:end], **one, "entities": inside}
