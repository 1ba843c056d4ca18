"""How far each viewer has read each conversation."""

from collections.abc import Sequence

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import ConversationId, EventType, HotelId
from bot.store.database import insert_or_ignore
from bot.store.schema import events, read_marks


async def unread(
    tx: AsyncConnection, hotel: HotelId, ids: Sequence[ConversationId], viewer: str
) -> dict[str, int]:
    """How many messages of guests a viewer hasn't seen, by conversation."""
    mine = and_(
        read_marks.c.hotel_id == events.c.hotel_id,
        read_marks.c.conversation_id == events.c.conversation_id,
        read_marks.c.viewer == viewer,
    )
    query = (
        select(events.c.conversation_id, func.count())
        .select_from(events.outerjoin(read_marks, mine))
        .where(
            events.c.hotel_id == hotel,
            events.c.conversation_id.in_(ids),
            events.c.type == EventType.GUEST_SAID,
            events.c.seq > func.coalesce(read_marks.c.seq, 0),
        )
        .group_by(events.c.conversation_id)
    )
    return {row[0]: row[1] for row in (await tx.execute(query)).all()}


async def mark_read(
    tx: AsyncConnection, hotel: HotelId, conversation: ConversationId, viewer: str, seq: int
) -> None:
    """Remember how far a viewer has seen; it never goes back."""
    query = insert_or_ignore(tx, read_marks).values(
        hotel_id=hotel, conversation_id=conversation, viewer=viewer, seq=seq
    )
    keys = ["hotel_id", "conversation_id", "viewer"]
    later = read_marks.c.seq < query.excluded.seq
    await tx.execute(
        query.on_conflict_do_update(index_elements=keys, set_={"seq": query.excluded.seq}, where=later)
    )


async def read_mark(tx: AsyncConnection, hotel: HotelId, conversation: ConversationId, viewer: str) -> int:
    query = select(read_marks.c.seq).where(
        read_marks.c.hotel_id == hotel,
        read_marks.c.conversation_id == conversation,
        read_marks.c.viewer == viewer,
    )
    return int((await tx.execute(query)).scalar() or 0)
