"""One message as the actions read it: text, intent, entities and facts, out of Rasa's tracker. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rasa_sdk import Tracker

from actions.facts import Facts, read_facts
from actions.rooms import Rooms, known_room

_PUNCTUATION = re.compile(r"[\s，。！？、；：,.!?;:~～…“”\"'（）()]+")


@dataclass(frozen=True)
class Entity:
    """`value` is normalised (see the data's README); `raw` is the guest's own word."""

    kind: str
    value: Any
    raw: str
    start: int
    end: int
    ambiguous: bool = False


@dataclass(frozen=True)
class Heard:
    text: str
    intent: str
    confidence: float  # of the best real intent, also where the message counts as not understood
    entities: tuple[Entity, ...]
    facts: Facts
    slots: dict[str, Any] = field(default_factory=dict)
    before: tuple[str, ...] = ()  # the actions of the turn before this one

    @property
    def room(self) -> str | None:
        """The guest's room, as far as it needn't be asked for."""
        ordered = [one.room for one in self.facts.orders]
        return known_room(self.facts.room, self.facts.room_proven, self.slots, ordered)

    @property
    def plain(self) -> str:
        """The text without punctuation and spaces."""
        return _PUNCTUATION.sub("", self.text)

    def all(self, *kinds: str) -> tuple[Entity, ...]:
        return tuple(entity for entity in self.entities if entity.kind in kinds)

    def last(self, kind: str) -> Entity | None:
        """The last of its kind: who corrects himself means the later word (不是七点，是七点半)."""
        found = self.all(kind)
        return found[-1] if found else None

    def without(self, *kinds: str) -> str:
        """The plain text with these entities cut out."""
        text = self.text
        for entity in sorted(self.all(*kinds), key=lambda entity: -entity.start):
            text = text[: entity.start] + text[entity.end :]
        return _PUNCTUATION.sub("", text)


def read(tracker: Tracker) -> Heard:
    message = tracker.latest_message or {}
    text = message.get("text") or ""
    facts = read_facts(message.get("metadata"))
    return Heard(
        text=text,
        intent=(message.get("intent") or {}).get("name") or "nlu_fallback",
        confidence=_confidence(message),
        entities=tuple(_entities(message, text, facts.rooms)),
        facts=facts,
        slots=dict(tracker.slots),
        before=next(_earlier_turns(tracker.events), ()),
    )


def _earlier_turns(events: Sequence[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """The actions of each turn before the current one, the latest turn first."""
    actions: list[str] = []
    current = True
    for event in reversed(events):
        if event.get("event") == "action":
            actions.insert(0, str(event.get("name")))
        elif event.get("event") == "user":
            if not current:
                yield tuple(actions)
            current, actions = False, []


def _confidence(message: dict[str, Any]) -> float:
    ranking = [rank for rank in message.get("intent_ranking") or () if rank.get("name") != "nlu_fallback"]
    best = ranking[0] if ranking else message.get("intent") or {}
    return float(best.get("confidence") or 0.0)


def _entities(message: dict[str, Any], text: str, rooms: Rooms) -> Iterator[Entity]:
    found = message.get("entities") or ()
    for entity in sorted(found, key=lambda entity: entity.get("start") or 0):
        start, end = entity.get("start") or 0, entity.get("end") or 0
        yield Entity(
            kind=entity["entity"],
            value=_value(entity, rooms),
            raw=text[start:end],
            start=start,
            end=end,
            ambiguous=bool(entity.get("ambiguous")),
        )


def _value(entity: dict[str, Any], rooms: Rooms) -> Any:
    """A room is written as the hotel writes it."""
    value = entity["value"]
    return (rooms.find(str(value)) or value) if entity["entity"] == "room_number" else value
