"""A guest's data as a whole: exporting it, and erasing it so that the log stays provable."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import orders
from bot.conversation import GRAVE, Close, Command, Conversation, Record
from bot.model import SERVICE, Audience, ConversationId, EventType, GuestId, HotelId, NewEvent, State
from bot.store import desk, files, log, people

LATEST = timedelta(days=30)  # after unfollowing, whatever is open
LOOK_AGAIN = timedelta(hours=1)

Commit = Callable[[AsyncConnection, Conversation, Command, datetime], Awaitable[Conversation]]


class UnknownGuest(LookupError):
    """No guest of this id in this hotel."""


async def export(tx: AsyncConnection, hotel: HotelId, guest: GuestId) -> dict[str, Any]:
    """All that is kept about a guest, as JSON. Sealed numbers stay masked. Raises UnknownGuest."""
    if not await people.find_guest(tx, hotel, guest):
        raise UnknownGuest(guest)
    kept = await people.guest_of(tx, hotel, guest)
    ids = await desk.conversations_of_guest(tx, hotel, guest)
    return {
        "guest": {"id": guest, "hotel": hotel, "name": kept.name, "room": kept.room},
        "preferences": list(kept.preferences),
        "conversations": [await _conversation(tx, hotel, id_) for id_ in ids],
    }


async def _conversation(tx: AsyncConnection, hotel: HotelId, id_: ConversationId) -> dict[str, Any]:
    thread = await log.read_thread(tx, hotel, id_)
    identities = await people.identities_of(tx, hotel, id_)
    placed = await desk.list_orders(tx, hotel, (), id_)
    return {
        "id": id_,
        "identities": [
            {"channel": i.channel, "account": i.account, "external": i.external} for i in identities
        ],
        "messages": [
            {"seq": e.seq, "at": e.at.isoformat(), "type": e.type, "actor": e.actor.kind, "text": c.text}
            for e, c in thread
            if e.audience is Audience.GUEST
        ],
        "orders": [
            {"service": o.service, "state": o.state, "placed_at": o.placed_at.isoformat(), **o.details}
            for o in placed
        ],
    }


@dataclass(frozen=True)
class Erased:
    """How many contents were emptied, and the blobs that no message holds any more."""

    contents: int
    blobs: set[str]


async def erase(tx: AsyncConnection, commit: Commit, hotel: HotelId, guest: GuestId, now: datetime) -> Erased:
    """Erase a guest's words, files, memory, sealed originals, orders' details and outer ids.

    The log keeps its events and stays provable. Raises UnknownGuest.
    """
    if not await people.find_guest(tx, hotel, guest):
        raise UnknownGuest(guest)
    count, blobs = 0, set[str]()
    for id_ in await desk.conversations_of_guest(tx, hotel, guest):
        row = await log.row_of(tx, hotel, id_)
        assert row is not None
        if row.state is not State.CLOSED:
            row = await commit(tx, row, Close(SERVICE, "erased"), now)  # nobody is left to wait for
        event = NewEvent(EventType.GUEST_ERASED, now, SERVICE, Audience.STAFF)
        await commit(tx, row, Record((event,)), now)
        count += await log.empty_contents(tx, hotel, id_, now)
        blobs |= await files.drop(tx, hotel, id_)
    await desk.empty_orders(tx, hotel, guest)
    await people.erase_identities(tx, hotel, guest)
    blank = {"name": None, "room": None, "preferences": "[]", "erased_at": now}
    await people.change_guest(tx, hotel, guest, **blank)
    return Erased(count, blobs)


async def erasure_due(
    tx: AsyncConnection, hotel: HotelId, conversation: ConversationId, now: datetime
) -> tuple[GuestId, datetime] | None:
    """When an unfollowed guest is to be erased, or looked at again; None when they have come back."""
    row = await log.row_of(tx, hotel, conversation)
    assert row is not None
    guest = await people.guest_of(tx, hotel, row.guest)
    if guest.unfollowed_at is None or guest.erased_at:
        return None
    open_orders = await desk.list_orders(tx, hotel, orders.OPEN, conversation)
    latest = guest.unfollowed_at + LATEST
    busy = now < latest and _busy(row, open_orders, guest, now)
    return row.guest, min(now + LOOK_AGAIN, latest) if busy else now


def _busy(row: Conversation, open_orders: Sequence[Any], guest: people.Guest, now: datetime) -> bool:
    """Whether an order, a complaint or a stay is open."""
    staying = guest.room_until is not None and guest.room_until > now
    complaint = row.state in (State.WAITING, State.STAFF) and row.reason in GRAVE
    return bool(open_orders) or staying or complaint
