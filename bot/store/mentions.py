"""The rows of mentions: who was named by which note, and hasn't seen it yet."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import ConversationId, HotelId, StaffId
from bot.store.database import insert_or_ignore
from bot.store.schema import mentions


@dataclass(frozen=True)
class Mention:
    conversation: ConversationId
    seq: int
    staff: StaffId
    by: StaffId
    at: datetime


async def add(tx: AsyncConnection, hotel: HotelId, named: Mention) -> None:
    values = {
        "hotel_id": hotel,
        "conversation_id": named.conversation,
        "seq": named.seq,
        "staff_id": named.staff,
        "by": named.by,
        "at": named.at,
    }
    await tx.execute(insert_or_ignore(tx, mentions).values(**values).on_conflict_do_nothing())


async def unseen(tx: AsyncConnection, hotel: HotelId, staff: StaffId, limit: int = 200) -> list[Mention]:
    """The oldest first."""
    query = select(mentions).where(
        mentions.c.hotel_id == hotel, mentions.c.staff_id == staff, mentions.c.seen_at.is_(None)
    )
    query = query.order_by(mentions.c.at, mentions.c.conversation_id, mentions.c.seq).limit(limit)
    rows = (await tx.execute(query)).all()
    return [Mention(r.conversation_id, r.seq, r.staff_id, r.by, r.at) for r in rows]


async def see(
    tx: AsyncConnection, hotel: HotelId, id_: ConversationId, staff: StaffId, seq: int, at: datetime
) -> None:
    """They have read this conversation up to `seq`."""
    mine = (mentions.c.hotel_id == hotel) & (mentions.c.conversation_id == id_)
    mine &= (mentions.c.staff_id == staff) & (mentions.c.seq <= seq) & mentions.c.seen_at.is_(None)
    await tx.execute(update(mentions).where(mine).values(seen_at=at))
