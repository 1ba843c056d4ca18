"""A hotel as the service knows it: its facts, answers, wording and hours, from the database.

The YAML of hotels/ is only the way in; after its import the database is the truth. What the hotel can answer
are its knowledge points; a topic's own answer is the point that bears the topic's name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import hotel_files
from bot.handoff import Duty, duty
from bot.hotel_files import HotelFile, Topic
from bot.knowledge.rules import speaks, take_over
from bot.model import HotelId
from bot.store import desk, points
from bot.store import facts as fact_store
from bot.store.desk import HotelRow
from bot.store.facts import FactChange
from bot.store.points import Entry, Point, PointId, Version
from bot.texts import Texts

DEFAULT_LANGUAGE = "zh"
OVERLAP = timedelta(minutes=10)  # more than any two processes' clocks are apart


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
    points: Mapping[str, Version] = field(default_factory=dict)  # what may answer guests, by point

    @property
    def id(self) -> HotelId:
        return self.file.id

    @property
    def zone(self) -> tzinfo:
        return self.file.zone

    def say(self, key: str, now: datetime, /, **values: Any) -> str:
        """Raises texts.UnknownKey and texts.MissingValue."""
        return self.texts.render(key, values, facts=self.facts, now=now, zone=self.zone)

    def today(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    def own_point(self, topic: str, now: datetime, channel: str | None = None) -> Version:
        """The topic's own answer, which stands for all that nobody has written a point about.

        Raises UnknownTopic.
        """
        found = self.points.get(topic)
        if found is None or not speaks(found.entry, self.today(now), channel):
            raise UnknownTopic(topic)
        return found

    def tell(self, point: Version, now: datetime) -> str:
        """A point's answer; raises texts.MissingValue where the hotel hasn't told us a fact."""
        return self.texts.fill(point.entry.answer, {}, facts=self.facts, now=now, zone=self.zone)

    def answer(self, topic: str, now: datetime) -> str:
        """Raises UnknownTopic and texts.MissingValue."""
        return self.tell(self.own_point(topic, now), now)

    def duty(self, now: datetime) -> Duty:
        return duty(self.file.duty, now)

    def say_by_duty(self, key: str, now: datetime, there: bool = True) -> str:
        """The sentence for somebody on duty now, for when somebody will be, or for when nobody knows.

        `there`: whether one of those who should be on duty now is.
        """
        hours = self.duty(now)
        if hours.open:
            missing = f"{key}_nobody" if f"{key}_nobody" in self.texts else "handoff_nobody"
            return self.say(f"{key}_open" if there else missing, now)
        if hours.next:
            told = self.say(f"{key}_closed", now, next=hours.next.isoformat())
            return told + self._shift(f"{key}_closed", now, hours.next)
        fallback = f"{key}_no_duty"
        return self.say(fallback if fallback in self.texts else "handoff_no_duty", now)

    def _shift(self, key: str, now: datetime, comes: datetime) -> str:
        """Who comes then, by the name of the shift, where the hotel has given it one."""
        shift = self.file.departments.shift_at(comes.astimezone(self.zone).time())
        if shift is None or "{next" not in self.texts.sentence(key):
            return ""
        return self.say("next_shift", now, next=comes.isoformat(), shift=shift)


def speak(file: HotelFile, texts: Mapping[str, Texts], known: Mapping[str, Version] | None = None) -> Hotel:
    """A hotel with its own wording laid over ours; without points of its own, with those of its YAML."""
    ours = texts[DEFAULT_LANGUAGE]
    own = file.texts.get(DEFAULT_LANGUAGE, {})
    spoken = known if known is not None else _from_yaml(file)
    return Hotel(file, ours.with_overrides(own), file.all_facts(), spoken)


def _from_yaml(file: HotelFile) -> dict[str, Version]:
    never = datetime.fromtimestamp(0, file.zone)
    return {id_: Version(id_, 1, entry, "hotel", never) for id_, entry in _entries(file)}


def _entries(file: HotelFile) -> list[tuple[PointId, Entry]]:
    return [(PointId(name), Entry(t.title, t.answer, topic=name)) for name, t in file.topics.items()]


@dataclass(frozen=True)
class _Known:
    """What is in memory of a hotel, and the stamps it was read at."""

    changed_at: datetime
    revision: int
    newest: datetime | None
    hotel: Hotel


class Hotels:
    """The hotels of the database, parsed once for each change; of points, those that have changed."""

    def __init__(self, texts: Mapping[str, Texts]) -> None:
        self.texts = texts
        self._known: dict[HotelId, _Known] = {}

    def known(self, id_: HotelId) -> Hotel | None:
        """The hotel as it was last read here, perhaps a change ago."""
        known = self._known.get(id_)
        return known.hotel if known else None

    async def get(self, tx: AsyncConnection, id_: HotelId) -> Hotel:
        """Raises UnknownHotel."""
        stamp = await desk.hotel_stamp(tx, id_)
        if stamp is None:
            raise UnknownHotel(id_)
        known = self._known.get(id_)
        if known is None or (known.changed_at, known.revision) != stamp:
            known = self._known[id_] = await self._read(tx, id_, *stamp)
        return known.hotel

    async def _read(self, tx: AsyncConnection, id_: HotelId, changed_at: datetime, revision: int) -> _Known:
        before = self._known.get(id_)
        since = before.newest - OVERLAP if before and before.newest else None
        changed = await points.list_points(tx, id_, since=since)
        spoken = dict(before.hotel.points) if before and since else {}
        for point in changed:
            spoken.pop(point.id, None)
            if point.approved and not point.retired_at:
                spoken[point.id] = point.approved
        moments = [p.changed_at for p in changed] + [m for m in [before and before.newest] if m]
        newest = max(moments, default=None)
        if before and before.changed_at == changed_at:
            return _Known(changed_at, revision, newest, replace(before.hotel, points=spoken))
        row = await desk.hotel_of(tx, id_)
        if row is None:
            raise UnknownHotel(id_)
        return _Known(changed_at, revision, newest, speak(parse_row(row), self.texts, spoken))


def parse_row(row: HotelRow) -> HotelFile:
    documents = {
        "hotel": row.profile,
        "knowledge": row.knowledge,
        "texts": row.wording,
        "wechat": row.wechat,
    }
    return hotel_files.parse(documents)


async def file_of(tx: AsyncConnection, row: HotelRow) -> HotelFile:
    """The hotel as its YAML would say it today: topics as their points answer now."""
    own = [p for p in await points.list_points(tx, row.id) if _is_own(p)]
    topics = {str(p.id): Topic(p.approved.entry.title, p.approved.entry.answer) for p in own if p.approved}
    return replace(parse_row(row), topics=topics)


def _is_own(point: Point) -> bool:
    """Whether it is a topic's own answer, which YAML can say."""
    return bool(point.approved and point.approved.entry.topic == point.id and not point.retired_at)


async def save(tx: AsyncConnection, documents: Mapping[str, Any], at: datetime) -> None:
    """Make these documents the hotel's truth; they have been parsed without a mistake before.

    Topics that the YAML no longer has are taken back; other points stay as staff have made them.
    """
    file = hotel_files.parse(documents)
    plain = {
        name: json.loads(json.dumps(documents.get(name) or {}, default=str)) for name in hotel_files.DOCUMENTS
    }
    said = (plain["hotel"], plain["knowledge"], plain["texts"])
    row = HotelRow(file.id, file.name, file.zone.key, *said, at, plain["wechat"])
    if before := await desk.hotel_of(tx, file.id):
        await fact_store.add(tx, file.id, _changes(before.profile["facts"], row.profile["facts"], at))
    await desk.save_hotel(tx, row)
    await take_over(tx, file.id, _entries(file), at)
    for point in await points.list_points(tx, file.id):
        if _is_own(point) and point.id not in file.topics:
            await points.retire(tx, file.id, point.id, None, at)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], at: datetime) -> list[FactChange]:
    """What a file does to the facts; a new hotel's first ones are no change."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [FactChange(name, before.get(name), after.get(name), None, at) for name in names]
