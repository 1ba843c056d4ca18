"""Puts what the grammar finds (dates, times, rooms, numbers, names) on the message as entities, normalised.

For the entities it owns the grammar outranks whatever was learned; of things that are counted or named it
reads what was left, and the whole word where a piece of it was learned. It knows nothing of intents. The
hotel's clock comes with the message (metadata "now", ISO 8601 with offset); a message without one is read by
this machine's clock in the configured zone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu import counted, numbers, people, when
from nlu import named as named_things
from nlu.found import Found, free
from nlu.normal import Normal, normalise

OWNED = frozenset({"date", "time", "room_number", "phone", "order_number", "amount", "quantity"})


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class GrammarEntityExtractor(GraphComponent):
    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"timezone": "Asia/Shanghai"}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> GrammarEntityExtractor:
        return cls(ZoneInfo(config["timezone"]))

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            text = message.get(TEXT)
            if text:
                self._read(message, text)
        return messages

    def _read(self, message: Message, text: str) -> None:
        normal = normalise(text)
        found = find(normal.text, self._now(message))
        own = [_entity(one, normal, text) for one in found]
        named = [_entity(one, normal, text) for one in named_things.find(normal.text, found)]
        learned = [one for one in message.get(ENTITIES, []) if _stands(one, own)]
        others = [one for one in learned if not any(_is_piece(one, whole) for whole in named)]
        for one in [*named, *(_entity(one, normal, text) for one in counted.find(normal.text, found))]:
            others += [one] if _stands(one, others) else []
        entities = sorted([*others, *own], key=lambda entity: (entity["start"], entity["end"]))
        message.set(ENTITIES, entities, add_to_output=True)

    def _now(self, message: Message) -> datetime:
        told = (message.get(METADATA) or {}).get("now")
        return datetime.fromisoformat(told) if told else datetime.now(self._zone)


def find(text: str, now: datetime) -> list[Found]:
    """All the grammar knows of a normalised text."""
    ordered = numbers.named_orders(text)
    dated = [one for one in when.find(text, now) if free(one.start, one.end, ordered)]
    numbered = [*dated, *numbers.find(text, dated)]
    return [*numbered, *people.find(text, numbered)]


def _entity(one: Found, normal: Normal, text: str) -> dict[str, Any]:
    start, end = normal.origin(one.start, one.end)
    entity = {
        "entity": one.entity,
        "value": one.value,
        "raw": text[start:end],
        "start": start,
        "end": end,
        "confidence_entity": 1.0,
        "extractor": GrammarEntityExtractor.__name__,
    }
    return {**entity, "ambiguous": True} if one.ambiguous else entity


def _stands(learned: dict[str, Any], own: list[dict[str, Any]]) -> bool:
    if learned["entity"] in OWNED:
        return False
    return all(learned["end"] <= one["start"] or one["end"] <= learned["start"] for one in own)


def _is_piece(learned: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Of a thing that the grammar reads in full (灯 of 床头灯) or that is broken. A room type is none."""
    inside = whole["start"] <= learned["start"] and learned["end"] <= whole["end"]
    return (
        learned["entity"] in {"item", "device"}
        and inside
        and (learned["value"], learned["entity"]) != (whole["value"], "item")
    )
