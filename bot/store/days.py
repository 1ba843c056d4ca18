"""A hotel's day out of its log: how much was said, who answered, who waited, what may not have arrived.

`start` and `end` bound the day, `end` excluded. Every query enters by ix_events_hotel_id_type_at.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Select, String, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation
from bot.model import ConversationId, Event, EventType, HotelId
from bot.store.log import KEYS, read_event, restore
from bot.store.schema import conversations, events

SPOKEN = (EventType.GUEST_SAID, EventType.ASSISTANT_SAID, EventType.STAFF_SAID)
# After one of these nobody waits any more for the person who was asked for.
HEARD = (EventType.STAFF_SAID, EventType.RELEASED, EventType.CLOSED, EventType.ENDED)
TEN_MINUTES = 15  # characters of a stamp: 2026-11-22T13:4


@dataclass(frozen=True)
class Spoken:
    """How many messages of one kind came in the ten minutes from `at` on."""

    at: datetime
    type: EventType
    count: int


@dataclass(frozen=True)
class Asked:
    """A person was asked for: when and why, and the seq that ended the waiting (None: it goes on)."""

    conversation: ConversationId
    seq: int
    at: datetime
    reason: str
    heard: int | None


@dataclass(frozen=True)
class Unsure:
    """A message of ours that may not have arrived: `seq` is the message."""

    conversation: ConversationId
    seq: int
    at: datetime


@dataclass(frozen=True)
class Rated:
    """One to five stars; the guest's sentence is the event's content."""

    conversation: ConversationId
    seq: int
    at: datetime
    stars: int


@dataclass(frozen=True)
class Flagged:
    """Reply `seq` of `by` that a manager should see, and why (kinds of bot.flags)."""

    conversation: ConversationId
    seq: int
    at: datetime
    kinds: tuple[str, ...]
    by: str


@dataclass(frozen=True)
class Talk:
    """How many messages a guest wrote on the day, and the last of them."""

    conversation: ConversationId
    count: int
    seq: int
    at: datetime


def _on(hotel: HotelId, types: Sequence[EventType], start: datetime, end: datetime) -> Any:
    e = events.c
    return (e.hotel_id == hotel) & e.type.in_(types) & (e.at >= start) & (e.at < end)


def _told(tx: AsyncConnection, name: str) -> Any:
    """A code out of an event's body, as text."""
    if tx.dialect.name == "sqlite":
        return func.json_extract(events.c.body, f"$.{name}")
    return cast(events.c.body, JSON)[name].as_string()


async def spoken(tx: AsyncConnection, hotel: HotelId, start: datetime, end: datetime) -> list[Spoken]:
    when = func.substr(events.c.at, 1, TEN_MINUTES, type_=String)
    said = select(when.label("bucket"), events.c.type).where(_on(hotel, SPOKEN, start, end)).subquery()
    query = select(said.c.bucket, said.c.type, func.count()).group_by(said.c.bucket, said.c.type)
    rows = (await tx.execute(query)).all()
    return [Spoken(datetime.fromisoformat(f"{at}0:00+00:00"), EventType(t), n) for at, t, n in rows]


async def answered(tx: AsyncConnection, hotel: HotelId, start: datetime, end: datetime) -> dict[str, int]:
    """How often the assistant answered a guest by itself, by what it took their words for."""
    intent, handed = _told(tx, "intent"), _told(tx, "handoff")
    by_itself = intent.is_not(None) & (intent != "") & or_(handed.is_(None), handed == "")
    query = select(intent.label("intent")).where(_on(hotel, (EventType.ASSISTANT_SAID,), start, end))
    said = query.where(by_itself).subquery()
    counted = select(said.c.intent, func.count()).group_by(said.c.intent)
    rows = (await tx.execute(counted)).all()
    return {row[0]: row[1] for row in sorted(rows, key=lambda row: (-row[1], row[0]))}


async def asked(tx: AsyncConnection, hotel: HotelId, start: datetime, end: datetime) -> list[Asked]:
    """Who needed a person, oldest first; asked for again before anybody came, it is the same waiting."""
    found: dict[tuple[str, int | None], Asked] = {}
    for row in (await tx.execute(_asked(tx, hotel, start, end))).all():
        one = Asked(row.conversation_id, row.seq, row.at, row.reason or "", row.heard)
        found.setdefault((one.conversation, one.heard), one)
    return list(found.values())


def _asked(tx: AsyncConnection, hotel: HotelId, start: datetime, end: datetime) -> Select[Any]:
    after = events.alias("after")
    heard = (
        select(func.min(after.c.seq))
        .where(
            after.c.hotel_id == events.c.hotel_id,
            after.c.conversation_id == events.c.conversation_id,
            after.c.seq > events.c.seq,
            after.c.type.in_(HEARD),
        )
        .scalar_subquery()
    )
    e = events.c
    query = select(e.conversation_id, e.seq, e.at, _told(tx, "reason").label("reason"), heard.label("heard"))
    query = query.where(_on(hotel, (EventType.HANDOFF_REQUESTED,), start, end))
    return query.order_by(e.at, e.conversation_id, e.seq)


async def unsure(tx: AsyncConnection, hotel: HotelId, start: datetime, end: datetime) -> list[Unsure]:
    e = events.c
    query = select(e.conversation_id, _told(tx, "seq").label("about"), e.at)
    query = query.where(_on(hotel, (EventType.DELIVERY_UNCLEAR,), start, end)).order_by(e.at)
    return [Unsure(r.conversation_id, int(r.about), r.at) for r in (await tx.execute(query)).all()]


async def rated(tx: AsyncConnection, hotel: HotelId, start: datetime, end: datetime) -> list[Rated]:
    """What guests said of visits that colleagues have ended, the latest first."""
    e = events.c
    query = select(e.conversation_id, e.seq, e.at, _told(tx, "stars").label("stars"))
    query = query.where(_on(hotel, (EventType.GUEST_RATED,), start, end)).order_by(e.at.desc())
    return [Rated(r.conversation_id, r.seq, r.at, int(r.stars)) for r in (await tx.execute(query)).all()]


async def steps(
    tx: AsyncConnection, hotel: HotelId, types: Sequence[EventType], start: datetime, end: datetime
) -> list[Event]:
    """Events of some types from `start` on, each conversation's in order, of those asked for in the day."""
    asked_ = select(events.c.conversation_id).where(_on(hotel, (EventType.HANDOFF_REQUESTED,), start, end))
    query = select(events).where(
        events.c.hotel_id == hotel,
        events.c.type.in_(types),
        events.c.at >= start,
        events.c.conversation_id.in_(asked_),
    )
    found = [read_event(r) for r in (await tx.execute(query)).mappings()]
    return sorted(found, key=lambda event: (event.conversation, event.seq))


async def flagged(tx: AsyncConnection, hotel: HotelId, start: datetime, end: datetime) -> list[Flagged]:
    """Replies that a manager should see, the latest first."""
    e = events.c
    query = select(e.conversation_id, e.at, e.body)
    query = query.where(_on(hotel, (EventType.REPLY_FLAGGED,), start, end)).order_by(e.at.desc())
    rows = [(r.conversation_id, r.at, json.loads(r.body)) for r in (await tx.execute(query)).all()]
    return [Flagged(id_, b["seq"], at, tuple(b["kinds"]), b["by"]) for id_, at, b in rows]


async def talks(
    tx: AsyncConnection, hotel: HotelId, start: datetime, end: datetime, limit: int
) -> tuple[int, list[Talk]]:
    """How many guests wrote, and those of them who wrote most."""
    e = events.c
    query = select(e.conversation_id, func.count().label("n"), func.max(e.seq), func.max(e.at))
    query = query.where(_on(hotel, (EventType.GUEST_SAID,), start, end)).group_by(e.conversation_id)
    rows = (await tx.execute(query)).all()
    most = sorted(rows, key=lambda row: (-row.n, row.conversation_id))[:limit]
    return len(rows), [Talk(*row) for row in most]


async def rows_of(
    tx: AsyncConnection, hotel: HotelId, ids: Sequence[ConversationId]
) -> dict[ConversationId, Conversation]:
    found: dict[ConversationId, Conversation] = {}
    c, wanted = conversations.c, list(dict.fromkeys(ids))
    for at in range(0, len(wanted), KEYS):
        query = select(c.row).where(c.hotel_id == hotel, c.conversation_id.in_(wanted[at : at + KEYS]))
        found |= {row.id: row for row in map(restore, (await tx.execute(query)).scalars())}
    return found
