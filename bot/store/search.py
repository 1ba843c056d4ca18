"""Conversations by what somebody remembers of them: a name, a room, words that people wrote.

Reads the texts with their masks only: a sealed number is in none of the columns that are looked at. What the
assistant said isn't looked at either, since it says the same to everybody.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, and_, cast, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation
from bot.model import ConversationId, EventType, HotelId
from bot.store.log import restore
from bot.store.schema import contents, conversations, events, guests, orders

SPOKEN = (EventType.GUEST_SAID, EventType.STAFF_SAID, EventType.STAFF_NOTED)


async def search(
    tx: AsyncConnection, hotel: HotelId, words: str, before: tuple[datetime, str] | None, limit: int
) -> list[Conversation]:
    """Newest change first; `before` is the key of the last one seen."""
    c = conversations.c
    found = or_(_by_guest(words), _by_order(tx, words), _spoken(words).exists())
    query = select(c.row).where(c.hotel_id == hotel, c.seq > 0, found)
    if before:
        older = (c.changed_at < before[0]) | and_(c.changed_at == before[0], c.conversation_id < before[1])
        query = query.where(older)
    query = query.order_by(c.changed_at.desc(), c.conversation_id.desc()).limit(limit)
    return [restore(row) for row in (await tx.execute(query)).scalars()]


async def last_hits(
    tx: AsyncConnection, hotel: HotelId, ids: Sequence[ConversationId], words: str
) -> dict[ConversationId, int]:
    """The seq of the last message with these words, for the conversations that have one."""
    query = _spoken(words, correlated=False).where(
        events.c.hotel_id == hotel, events.c.conversation_id.in_(ids)
    )
    columns = (events.c.conversation_id, func.max(events.c.seq))
    query = query.with_only_columns(*columns).group_by(events.c.conversation_id)
    return {ConversationId(row[0]): row[1] for row in (await tx.execute(query)).all()}


async def last_orders(
    tx: AsyncConnection, hotel: HotelId, ids: Sequence[ConversationId], words: str
) -> dict[ConversationId, tuple[int, str]]:
    """The last order with this room or these words, where there is one: the event it was placed with, and
    what it says."""
    room, what = _details(tx)
    query = select(orders.c.conversation_id, orders.c.seq, room, what).where(
        orders.c.hotel_id == hotel, orders.c.conversation_id.in_(ids), _order_says(tx, words)
    )
    rows = (await tx.execute(query.order_by(orders.c.placed_at))).all()
    return {ConversationId(row[0]): (row[1], " ".join(filter(None, row[2:]))) for row in rows}


def _holds(column: Any, words: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.icontains(words, autoescape=True)
    return found


def _spoken(words: str, correlated: bool = True) -> Any:
    same = and_(
        contents.c.hotel_id == events.c.hotel_id,
        contents.c.conversation_id == events.c.conversation_id,
        contents.c.seq == events.c.seq,
    )
    query = select(events.c.seq).select_from(events.join(contents, same))
    query = query.where(events.c.type.in_(SPOKEN), _holds(contents.c.text, words))
    if correlated:
        query = query.where(
            events.c.hotel_id == conversations.c.hotel_id,
            events.c.conversation_id == conversations.c.conversation_id,
        )
    return query


def _by_guest(words: str) -> Any:
    return exists().where(
        guests.c.hotel_id == conversations.c.hotel_id,
        guests.c.guest_id == conversations.c.guest_id,
        or_(_holds(guests.c.name, words), guests.c.room.istartswith(words, autoescape=True)),
    )


def _by_order(tx: AsyncConnection, words: str) -> Any:
    return exists().where(
        orders.c.hotel_id == conversations.c.hotel_id,
        orders.c.conversation_id == conversations.c.conversation_id,
        _order_says(tx, words),
    )


def _order_says(tx: AsyncConnection, words: str) -> Any:
    room, what = _details(tx)
    return or_(room.istartswith(words, autoescape=True), _holds(what, words))


def _details(tx: AsyncConnection) -> tuple[Any, Any]:
    """Room and subject of an order, out of what is kept of it."""
    if tx.dialect.name == "sqlite":
        details = orders.c.details
        return func.json_extract(details, "$.room"), func.json_extract(details, "$.what")
    as_json = cast(orders.c.details, JSON)
    return as_json["room"].as_string(), as_json["what"].as_string()
