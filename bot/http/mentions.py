"""Whom a note names, as the page says it, and what names whoever looks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import mentions
from bot.http.guard import Caller, Problem
from bot.http.views import Lens, show_guests
from bot.model import StaffId
from bot.store import days, log, members
from bot.store import mentions as named


def mentioned(body: dict[str, Any]) -> tuple[StaffId, ...]:
    """Whom a note names: `mentions` is a list of ids."""
    ids = body.get("mentions", [])
    if not isinstance(ids, list) or len(ids) > mentions.MOST or not all(isinstance(one, str) for one in ids):
        raise Problem(400, "bad_request")
    return tuple(StaffId(one) for one in dict.fromkeys(ids))


async def check_colleagues(tx: AsyncConnection, me: Caller, ids: Sequence[StaffId], now: datetime) -> None:
    active = await members.active_in(tx, me.hotel, now) if ids else frozenset()
    if any(one not in active for one in ids):
        raise Problem(409, "not_a_colleague")


async def mentions_of(tx: AsyncConnection, lens: Lens) -> list[dict[str, Any]]:
    """What names whoever looks and they haven't seen, the oldest first."""
    found = await named.unseen(tx, lens.hotel.id, StaffId(lens.viewer.removeprefix("staff:")))
    if not found:
        return []
    said = await log.messages_of(tx, lens.hotel.id, [(one.conversation, one.seq) for one in found])
    rows = await days.rows_of(tx, lens.hotel.id, list({one.conversation for one in found}))
    guests = await show_guests(tx, lens, list(rows.values()))
    names = await members.names_of(tx, {one.by for one in found})
    return [
        {
            "conversation": one.conversation,
            "seq": one.seq,
            "at": one.at,
            "by": {"id": one.by, "name": names.get(one.by, "")},
            "text": said[one.conversation, one.seq][1].text,
            "guest": guests.get(one.conversation),
        }
        for one in found
        if (one.conversation, one.seq) in said
    ]
