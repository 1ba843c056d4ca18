"""What trainees would have said, and what became of it: read from the log."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import Actor, ConversationId, EventType, HotelId, StaffId
from bot.store.schema import events

SENT, EDITED, REFUSED, OPEN = "sent", "edited", "refused", "open"
_DECIDING = (EventType.STAFF_SAID, EventType.REPLY_REFUSED)
BATCH = 500


@dataclass(frozen=True)
class Drafted:
    """A trainee's reply `seq`: sent as it was, edited, refused, or open (undecided, or its conversation is
    over). `decided` is the event that decided: the reply that went out, or the refusal."""

    conversation: ConversationId
    seq: int
    at: datetime
    author: StaffId
    outcome: str = OPEN
    decided: int | None = None
    by: StaffId | None = None


async def drafted(tx: AsyncConnection, hotel: HotelId, start: datetime, end: datetime) -> list[Drafted]:
    """What was drafted from `start` and before `end`, in the order of writing."""
    e = events.c
    query = select(e.conversation_id, e.seq, e.at, e.actor).where(
        e.hotel_id == hotel, e.type == EventType.REPLY_DRAFTED, e.at >= start, e.at < end
    )
    rows = (await tx.execute(query.order_by(e.at, e.conversation_id, e.seq))).all()
    decisions = await _decisions(tx, hotel, sorted({r.conversation_id for r in rows}), start)
    return [
        Drafted(
            r.conversation_id,
            r.seq,
            r.at,
            StaffId(Actor.parse(r.actor).id or ""),
            *decisions.get((r.conversation_id, r.seq), ()),
        )
        for r in rows
    ]


async def _decisions(
    tx: AsyncConnection, hotel: HotelId, conversations: Sequence[str], since: datetime
) -> dict[tuple[str, int], tuple[str, int, StaffId]]:
    e, found = events.c, {}
    for at in range(0, len(conversations), BATCH):
        query = select(e.conversation_id, e.seq, e.type, e.actor, e.body).where(
            e.hotel_id == hotel,
            e.conversation_id.in_(conversations[at : at + BATCH]),
            e.type.in_(_DECIDING),
            e.at >= since,
        )
        for r in (await tx.execute(query)).all():
            body: dict[str, Any] = json.loads(r.body)
            if "draft" in body:
                by = StaffId(body.get("by") or Actor.parse(r.actor).id or "")
                found[r.conversation_id, int(body["draft"])] = (_outcome(r.type, body), r.seq, by)
    return found


def _outcome(type_: str, body: dict[str, Any]) -> str:
    if type_ == EventType.REPLY_REFUSED:
        return REFUSED
    return EDITED if body.get("edited") else SENT
