"""Whom a guest knows at the desk, and which guests somebody knows best: read from the log, never stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation
from bot.model import Actor, ActorKind, ConversationId, Event, EventType, HotelId, StaffId, State
from bot.store import log, people, proofs
from bot.store.schema import conversations, events

WITHIN = timedelta(days=365)  # words from before that make nobody an acquaintance
MOST = 10
AMONG = 40  # whom they said most to; some of these are held, erased or one guest by now
LAST = 20  # of the events that may name whom a guest knows

_HANDED = EventType.GUEST_HANDED_OVER


@dataclass(frozen=True)
class Known:
    """A guest whom somebody knows: how often they said something there, and when last."""

    row: Conversation
    said: int
    last_at: datetime


async def last_colleague(
    tx: AsyncConnection, hotel: HotelId, id_: ConversationId, ended_here: Sequence[ConversationId] = ()
) -> StaffId | None:
    """Who of the staff spoke to this guest last, in any visit and in what ended here since it proved to be
    theirs; or whom that person left the guest to."""
    found = [await _last_in(tx, hotel, one) for one in {*await _own(tx, hotel, id_), *ended_here}]
    last = max((one for one in found if one), default=None)
    return last[1] if last else None


async def _own(tx: AsyncConnection, hotel: HotelId, id_: ConversationId) -> list[ConversationId]:
    """The conversations of this one's guest: another one, where a link was undone."""
    here = conversations.alias("here")
    guest = select(here.c.guest_id).where(here.c.hotel_id == hotel, here.c.conversation_id == id_)
    query = select(conversations.c.conversation_id).where(
        conversations.c.hotel_id == hotel, conversations.c.guest_id == guest.scalar_subquery()
    )
    return [ConversationId(one) for one in (await tx.execute(query)).scalars()]


async def _last_in(
    tx: AsyncConnection, hotel: HotelId, id_: ConversationId
) -> tuple[datetime, StaffId] | None:
    types = (EventType.STAFF_SAID, EventType.TRANSFERRED, _HANDED)
    query = select(events).where(
        events.c.hotel_id == hotel, events.c.conversation_id == id_, events.c.type.in_(types)
    )
    for row in (await tx.execute(query.order_by(events.c.seq.desc()).limit(LAST))).mappings():
        event = log.read_event(row)
        if found := _means(event):
            return event.at, found
    return None


def _means(e: Event) -> StaffId | None:
    if e.type is EventType.STAFF_SAID:
        return StaffId(e.actor.id or "")
    if e.type is _HANDED:
        return e.body["to"] and StaffId(e.body["to"])
    return StaffId(e.body["holder"]) if e.body.get("why") == "holder_inactive" else None


async def known_best(tx: AsyncConnection, hotel: HotelId, id_: StaffId, now: datetime) -> list[Known]:
    """The guests whom this person knows best, the best first: by what they have said to them, and those who
    were left to them. Without whom they hold now, whom they have handed over, and who was erased."""
    found: dict[ConversationId, Known] = {}
    for conversation, said, at in await _said_to(tx, hotel, id_, now - WITHIN):
        row = await _where_now(tx, hotel, conversation)
        if row is None or (row.state is State.STAFF and row.holder == id_):
            continue
        known = found.get(row.id, Known(row, 0, at))
        found[row.id] = Known(row, known.said + said, max(known.last_at, at))
    best = sorted(found.values(), key=lambda known: (known.said, known.last_at), reverse=True)
    erased = {one.row.guest for one in best if (await people.guest_of(tx, hotel, one.row.guest)).erased_at}
    return [one for one in best if one.row.guest not in erased][:MOST]


async def _said_to(
    tx: AsyncConnection, hotel: HotelId, id_: StaffId, since: datetime
) -> Iterable[tuple[ConversationId, int, datetime]]:
    """(conversation, how often, when last), the most often first."""
    query = select(events.c.conversation_id, func.count(), func.max(events.c.at)).where(
        events.c.hotel_id == hotel,
        events.c.type == EventType.STAFF_SAID,
        events.c.at >= since,
        events.c.actor == str(Actor(ActorKind.STAFF, id_)),
    )
    query = query.group_by(events.c.conversation_id).order_by(func.count().desc()).limit(AMONG)
    said = {ConversationId(c): (n, at) for c, n, at in (await tx.execute(query)).all()}
    for e in await log.events_since(tx, hotel, _HANDED, since):
        known = said.get(e.conversation)
        if e.body["to"] == id_ and known is None:
            said[e.conversation] = (0, e.at)
        elif e.body["from"] == id_ and (known is None or known[1] <= e.at):
            said.pop(e.conversation, None)
    return [(c, n, at) for c, (n, at) in said.items()]


async def _where_now(tx: AsyncConnection, hotel: HotelId, id_: ConversationId) -> Conversation | None:
    """The conversation in which its guest is spoken to now, be they linked with another since, or no more."""
    row = await log.row_of(tx, hotel, id_)
    where = await proofs.conversation_of(tx, hotel, row.guest) if row else None
    return await log.row_of(tx, hotel, where) if where and where != id_ else row
