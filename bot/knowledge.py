"""A hotel as the service knows it: its facts, answers, wording and hours, from the database.

The YAML of hotels/ is only the way in; after its import the database is the truth.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import hotel_files
from bot.handoff import Duty, duty
from bot.hotel_files import HotelFile
from bot.model import HotelId
from bot.store import desk
from bot.store.desk import HotelRow
from bot.texts import Texts

DEFAULT_LANGUAGE = "zh"


class UnknownTopic(KeyError):
    """The hotel has no answer to this topic."""


class UnknownHotel(LookupError):
    """No hotel of this id has been imported."""


@dataclass(frozen=True)
class Hotel:
    """One hotel, ready to speak. Every sentence takes the moment it is said at."""

    file: HotelFile
    texts: Texts
    facts: Mapping[str, Any]

    @property
    def id(self) -> HotelId:
        return self.file.id

    @property
    def zone(self) -> tzinfo:
        return self.file.zone

    def say(self, key: str, now: datetime, /, **values: Any) -> str:
        """Raises texts.UnknownKey and texts.MissingValue."""
        return self.texts.render(key, values, facts=self.facts, now=now, zone=self.zone)

    def answer(self, topic: str, now: datetime) -> str:
        """Raises UnknownTopic, and texts.MissingValue where the hotel hasn't told us a fact."""
        if topic not in self.file.topics:
            raise UnknownTopic(topic)
        sentence = self.file.topics[topic].answer
        return self.texts.fill(sentence, {}, facts=self.facts, now=now, zone=self.zone)

    def duty(self, now: datetime) -> Duty:
        return duty(self.file.duty, now)

    def say_by_duty(self, key: str, now: datetime) -> str:
        """The sentence for somebody on duty now, for when somebody will be, or for when nobody knows."""
        hours = self.duty(now)
        if hours.open:
            return self.say(f"{key}_open", now)
        if hours.next:
            return self.say(f"{key}_closed", now, next=hours.next.isoformat())
        fallback = f"{key}_no_duty"
        return self.say(fallback if fallback in self.texts else "handoff_no_duty", now)


def speak(file: HotelFile, texts: Mapping[str, Texts]) -> Hotel:
    """A hotel with its own wording laid over ours."""
    ours = texts[DEFAULT_LANGUAGE]
    own = file.texts.get(DEFAULT_LANGUAGE, {})
    return Hotel(file, ours.with_overrides(own), file.all_facts())


class Hotels:
    """The hotels of the database, parsed once for each change."""

    def __init__(self, texts: Mapping[str, Texts]) -> None:
        self.texts = texts
        self._known: dict[HotelId, tuple[datetime, Hotel]] = {}

    async def get(self, tx: AsyncConnection, id_: HotelId) -> Hotel:
        """Raises UnknownHotel."""
        changed_at = await desk.hotel_changed_at(tx, id_)
        if changed_at is None:
            raise UnknownHotel(id_)
        known = self._known.get(id_)
        if known is None or known[0] != changed_at:
            row = await desk.hotel_of(tx, id_)
            if row is None:
                raise UnknownHotel(id_)
            known = self._known[id_] = (row.changed_at, speak(parse_row(row), self.texts))
        return known[1]


def parse_row(row: HotelRow) -> HotelFile:
    documents = {"hotel": row.profile, "knowledge": row.knowledge, "texts": row.wording}
    return hotel_files.parse(documents)


async def save(tx: AsyncConnection, documents: Mapping[str, Any], at: datetime) -> None:
    """Make these documents the hotel's truth; they have been parsed without a mistake before."""
    file = hotel_files.parse(documents)
    plain = {
        name: json.loads(json.dumps(documents.get(name) or {}, default=str)) for name in hotel_files.DOCUMENTS
    }
    row = HotelRow(file.id, file.name, file.zone.key, plain["hotel"], plain["knowledge"], plain["texts"], at)
    await desk.save_hotel(tx, row)
