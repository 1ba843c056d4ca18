"""Messages and commands that have arrived, each once: a repetition is recognised by its key."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation
from bot.model import AccountId, ConversationId, HotelId, IdentityId
from bot.store.database import insert_or_ignore
from bot.store.people import Identity
from bot.store.schema import arrivals


async def arrive(tx: AsyncConnection, identity: Identity, message_key: str, seq: int, at: datetime) -> bool:
    """Note a message's arrival. False when the same message has arrived before."""
    values = {
        "hotel_id": identity.hotel,
        "channel": identity.channel,
        "account": identity.account,
        "message_key": message_key,
        "conversation_id": identity.conversation,
        "identity_id": identity.id,
        "seq": seq,
        "deliveries": 1,
        "at": at,
    }
    query = insert_or_ignore(tx, arrivals).values(**values).on_conflict_do_nothing()
    return bool((await tx.execute(query)).rowcount)


async def remember_command(
    tx: AsyncConnection, row: Conversation, who: AccountId, key: str, seq: int, at: datetime
) -> None:
    """Note a staff member's command by its client id, so that a repetition is recognised."""
    values = {
        "hotel_id": row.hotel,
        "channel": "desk",
        "account": who,
        "message_key": key,
        "conversation_id": row.id,
        "identity_id": row.identity or "",
        "seq": seq,
        "deliveries": 1,
        "at": at,
    }
    await tx.execute(insert(arrivals).values(**values))


@dataclass(frozen=True)
class Arrival:
    conversation: ConversationId
    identity: IdentityId
    seq: int
    deliveries: int
    at: datetime


async def arrived(
    tx: AsyncConnection, hotel: HotelId, channel: str, account: AccountId, message_key: str
) -> Arrival | None:
    query = select(arrivals).where(
        arrivals.c.hotel_id == hotel,
        arrivals.c.channel == channel,
        arrivals.c.account == account,
        arrivals.c.message_key == message_key,
    )
    r = (await tx.execute(query)).first()
    return Arrival(r.conversation_id, r.identity_id, r.seq, r.deliveries, r.at) if r else None


async def count_delivery(
    tx: AsyncConnection, hotel: HotelId, channel: str, account: AccountId, message_key: str
) -> None:
    key = and_(
        arrivals.c.hotel_id == hotel,
        arrivals.c.channel == channel,
        arrivals.c.account == account,
        arrivals.c.message_key == message_key,
    )
    await tx.execute(update(arrivals).where(key).values(deliveries=arrivals.c.deliveries + 1))
