"""A guest who has left the page gets the answer where they can be reached: by the hotel's setting and only
with the guest's own word (提醒我), which 退订 takes back on every channel at once."""

import re
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import CHANNELS
from bot.conversation import Reach
from bot.knowledge import Hotel
from bot.model import Content, ConversationId, EventType
from bot.store import desk, log, people, proofs, read_marks
from bot.store.people import Identity

KEPT_FOR_PEOPLE = 2  # of a reply window: the last message is a person's, this one may take the one before

_YES = re.compile(r"(?:请)?提醒我|開啟提醒|开启提醒|订阅提醒|remind me", re.IGNORECASE)
_NO = re.compile(r"退订|退訂|取消订阅|取消訂閱|取消提醒|关闭提醒|别再发了|td|unsubscribe|stop", re.IGNORECASE)


def wanted(text: str) -> bool | None:
    """Whether a message asks for unasked messages, or to end them; None when it is about something else."""
    said = text.strip().strip("。.!！")
    if _YES.fullmatch(said):
        return True
    return False if _NO.fullmatch(said) else None


async def find(
    tx: AsyncConnection, hotel: Hotel, conversation: ConversationId, seq: int, now: datetime
) -> Reach | None:
    """Where to bring message `seq`, or word of it; None when its page has it or nothing is allowed."""
    event = await log.event_of(tx, hotel.id, conversation, seq)
    row = await log.row_of(tx, hotel.id, conversation)
    away = hotel.file.away
    if event is None or event.identity is None or row is None or row.ended_into or away is None:
        return None
    seen = await read_marks.read_mark(tx, hotel.id, conversation, f"identity:{event.identity}")
    guest = await people.guest_of(tx, hotel.id, row.guest)
    if seen >= seq or guest.erased_at or guest.opted_in_at is None:
        return None
    here = [i for i in await people.identities_of(tx, hotel.id, conversation) if i.id != event.identity]
    for channel in away.channels:
        for identity in here:
            if identity.channel == channel and await takes(tx, identity, now):
                return await _brought(tx, hotel, conversation, seq, event.identity, identity, seen, now)
    return None


async def takes(tx: AsyncConnection, to: Identity, now: datetime, left: int = KEPT_FOR_PEOPLE) -> bool:
    """Whether this channel takes a message of ours now; `left`: so many its window must still have."""
    channel = CHANNELS[to.channel]
    account = await desk.account_of(tx, to.channel, to.account)
    if to.external is None or account is None or channel.capabilities.pulls:
        return False
    if not account.config.get("custom_send", True):
        return False
    if channel.windows is None:
        return True
    ledger = await people.ledger_of(tx, to.hotel, to.id)
    return channel.windows.allowance(ledger, now).left >= left


async def _brought(
    tx: AsyncConnection,
    hotel: Hotel,
    conversation: ConversationId,
    seq: int,
    said_to: str,
    to: Identity,
    seen: int,
    now: datetime,
) -> Reach | None:
    """The words themselves where one signed subject is behind both; else word that there is an answer, once
    until the guest looks."""
    if said_to in await proofs.same_person(tx, hotel.id, to.id):
        return Reach(seq, to.id)
    told = await log.events_of_types_in(tx, hotel.id, conversation, (EventType.GUEST_NOTIFIED,))
    if any(int(e.body["seq"]) > seen for e in told):
        return None
    return Reach(seq, to.id, Content(text=hotel.say("away_notice", now)))
