"""Which of the viewer's own replies may promise something: offered beside them until somebody has decided."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation
from bot.knowledge import Hotel
from bot.model import EventType
from bot.promises.wording import offer
from bot.store import log

STANDS = timedelta(hours=1)  # nobody decides about a promise that is older
DECIDED = (EventType.PROMISE_MADE, EventType.PROMISE_DECLINED)


async def add_offers(
    tx: AsyncConnection,
    hotel: Hotel,
    viewer: str,
    row: Conversation,
    shown: list[dict[str, Any]],
    now: datetime,
) -> None:
    """Add `offer` to the events that have one: by when, and whether that is a guess."""
    mine = [e for e in shown if _is_mine(e, viewer) and now - e["at"] < STANDS]
    if not mine:
        return
    first = min(e["seq"] for e in mine)
    decided = await log.events_of_types_in(tx, hotel.id, row.id, DECIDED, first)
    over = {e.body["seq"] for e in decided}
    for event in mine:
        found = offer(event["text"], event["at"].astimezone(hotel.zone))
        if found and event["seq"] not in over:
            event["offer"] = {"due_at": found.due_at, "guessed": found.guessed}


def _is_mine(event: dict[str, Any], viewer: str) -> bool:
    said = event["type"] == EventType.STAFF_SAID and event["text"]
    return bool(said) and viewer == f"staff:{event['actor']['id']}"
