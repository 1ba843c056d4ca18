"""The rows of promises: what is owed, by whom, until when. bot.promises says what events mean to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import ConversationId, GuestId, HotelId, PromiseId, PromiseState, StaffId
from bot.store.database import insert_or_ignore
from bot.store.schema import promises


@dataclass(frozen=True)
class PromiseRow:
    """`seq` is the message that promised it, `made_seq` the event that says so; no `owner`: the desk's."""

    hotel: HotelId
    id: PromiseId
    conversation: ConversationId
    guest: GuestId
    seq: int
    made_seq: int
    words: str | None
    state: PromiseState
    due_at: datetime
    guessed: bool
    owner: StaffId | None
    made_at: datetime
    made_by: StaffId | None
    reminded_at: datetime | None
    reminded_to: StaffId | None
    ended_at: datetime | None
    ended_by: StaffId | None
    changed_at: datetime


_COLUMNS = {
    "hotel": "hotel_id",
    "id": "promise_id",
    "conversation": "conversation_id",
    "guest": "guest_id",
    "owner": "owner_id",
}


def _values(row: PromiseRow) -> dict[str, Any]:
    return {_COLUMNS.get(name, name): value for name, value in vars(row).items()}


def _row(r: Row[Any]) -> PromiseRow:
    names = PromiseRow.__dataclass_fields__
    values = {name: getattr(r, _COLUMNS.get(name, name)) for name in names}
    return PromiseRow(**values | {"state": PromiseState(r.state)})


async def save(tx: AsyncConnection, row: PromiseRow) -> None:
    values = _values(row)
    query = insert_or_ignore(tx, promises).values(**values)
    keys = ["hotel_id", "promise_id"]
    await tx.execute(query.on_conflict_do_update(index_elements=keys, set_=values))


async def find(tx: AsyncConnection, hotel: HotelId, id_: PromiseId) -> PromiseRow | None:
    query = select(promises).where(promises.c.hotel_id == hotel, promises.c.promise_id == id_)
    found = (await tx.execute(query)).first()
    return _row(found) if found else None


async def listed(
    tx: AsyncConnection,
    hotel: HotelId,
    state: PromiseState | None = None,
    guest: GuestId | None = None,
    owner: StaffId | None = None,
    since: datetime | None = None,
    limit: int = 1000,
) -> list[PromiseRow]:
    """What is due first comes first."""
    wanted = {"state": state, "guest_id": guest, "owner_id": owner}
    query = select(promises).where(promises.c.hotel_id == hotel)
    query = query.where(*(promises.c[name] == value for name, value in wanted.items() if value is not None))
    if since:
        query = query.where(promises.c.changed_at >= since)
    query = query.order_by(promises.c.due_at, promises.c.promise_id).limit(limit)
    return [_row(r) for r in (await tx.execute(query)).all()]


async def of_message(tx: AsyncConnection, hotel: HotelId, id_: ConversationId, seq: int) -> PromiseRow | None:
    """What this message has been noted to promise."""
    query = select(promises).where(
        promises.c.hotel_id == hotel, promises.c.conversation_id == id_, promises.c.seq == seq
    )
    found = (await tx.execute(query.limit(1))).first()
    return _row(found) if found else None


async def empty(tx: AsyncConnection, hotel: HotelId, guest: GuestId) -> None:
    """Take the words out of what a guest was promised."""
    mine = (promises.c.hotel_id == hotel) & (promises.c.guest_id == guest)
    await tx.execute(update(promises).where(mine).values(words=None))


async def empty_said(tx: AsyncConnection, hotel: HotelId, id_: ConversationId, seqs: Sequence[int]) -> None:
    """Take the words out of what was promised by events of one identity."""
    said = promises.c.made_seq.in_(list(seqs)) | promises.c.seq.in_(list(seqs))
    mine = (promises.c.hotel_id == hotel) & (promises.c.conversation_id == id_)
    await tx.execute(update(promises).where(mine, said).values(words=None))
