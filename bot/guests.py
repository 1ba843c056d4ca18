"""A guest's data as a whole: exporting it, and erasing it so that the log stays provable."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import linking, orders
from bot.conversation import GRAVE, Close, Command, Conversation, Record
from bot.erasures import Erasure
from bot.guest_tokens import Signed
from bot.model import (
    SERVICE,
    Actor,
    ActorKind,
    Audience,
    ConversationId,
    Event,
    EventType,
    GuestId,
    HotelId,
    IdentityId,
    NewEvent,
    PromiseState,
    StaffId,
    State,
)
from bot.store import desk, files, handovers, log, people, promises, proofs
from bot.store.people import Identity

LATEST = timedelta(days=30)  # after unfollowing, whatever is open
LOOK_AGAIN = timedelta(hours=1)

Commit = Callable[[AsyncConnection, Conversation, Command, datetime], Awaitable[Conversation]]


class UnknownGuest(LookupError):
    """No guest of this id in this hotel."""


def news_of(kept: people.Guest, signed: Signed) -> dict[str, Any]:
    """What a token tells of the guest that isn't known yet. A name that staff have given stays."""
    values: dict[str, Any] = {}
    if signed.name and kept.name is None:
        values["name"] = signed.name
    if signed.room and (kept.room, kept.room_until) != (signed.room, signed.room_until):
        values |= {"room": signed.room, "room_until": signed.room_until}
    return values


async def export(tx: AsyncConnection, hotel: HotelId, guest: GuestId) -> dict[str, Any]:
    """All that is kept about a guest, as JSON. Sealed numbers stay masked. Raises UnknownGuest."""
    if not await people.find_guest(tx, hotel, guest):
        raise UnknownGuest(guest)
    kept = await people.guest_of(tx, hotel, guest)
    ids = await desk.conversations_of_guest(tx, hotel, guest)
    return {
        "guest": {"id": guest, "hotel": hotel, "name": kept.name, "room": kept.room},
        "preferences": list(kept.preferences),
        "promises": [
            {"text": p.words, "due_at": p.due_at.isoformat(), "state": p.state}
            for p in await promises.listed(tx, hotel, guest=guest)
        ],
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
    everyone = [guest, *await proofs.merged_into(tx, hotel, guest)]
    for who in everyone:
        for id_ in await desk.conversations_of_guest(tx, hotel, who):
            count += await _empty(tx, commit, hotel, id_, now)
            blobs |= await files.drop(tx, hotel, id_)
        await desk.empty_orders(tx, hotel, who)
        await promises.empty(tx, hotel, who)
    identities = await people.identities_of_guest(tx, hotel, guest)
    for identity in identities:  # what was said on it while it was linked to somebody else
        for id_ in await log.left_by(tx, hotel, identity.id):
            erased = await _take_out(tx, hotel, id_, identity.id, now)
            count, blobs = count + erased.contents, blobs | erased.blobs
    await _unname(tx, hotel, identities)
    unknown = dict.fromkeys(("name", "room", "room_until", "vip_at", "opted_in_at"))
    blank = {**unknown, "preferences": "[]", "erased_at": now}
    for who in everyone:
        await people.change_guest(tx, hotel, who, **blank)
    return Erased(count, blobs)


async def named(tx: AsyncConnection, hotel: HotelId, guest: GuestId, now: datetime) -> list[Erasure]:
    """Whom erasing this guest erases, as it is listed beside the backups. Raises UnknownGuest."""
    if not await people.find_guest(tx, hotel, guest):
        raise UnknownGuest(guest)
    identities = tuple(one.id for one in await people.identities_of_guest(tx, hotel, guest))
    merged = await proofs.merged_into(tx, hotel, guest)
    return [Erasure(hotel, now, guest, identities), *(Erasure(hotel, now, who) for who in merged)]


async def _empty(
    tx: AsyncConnection, commit: Commit, hotel: HotelId, id_: ConversationId, now: datetime
) -> int:
    row = await log.row_of(tx, hotel, id_)
    assert row is not None
    if row.state is not State.CLOSED:
        row = await commit(tx, row, Close(SERVICE, "erased"), now)  # nobody is left to wait for
    event = NewEvent(EventType.GUEST_ERASED, now, SERVICE, Audience.STAFF)
    await commit(tx, row, Record((event,)), now)
    await handovers.empty_notes(tx, hotel, id_, now)
    return await log.empty_contents(tx, hotel, id_, now)


async def _take_out(
    tx: AsyncConnection, hotel: HotelId, id_: ConversationId, identity: IdentityId, now: datetime
) -> Erased:
    """Erase what was said on one identity of a conversation that others share."""
    seqs = await log.seqs_of(tx, hotel, id_, identity)
    await promises.empty_said(tx, hotel, id_, seqs)
    await handovers.empty_notes(tx, hotel, id_, now)
    return Erased(await log.empty_contents(tx, hotel, id_, now, seqs), await files.drop(tx, hotel, id_, seqs))


async def _unname(tx: AsyncConnection, hotel: HotelId, identities: Sequence[Identity]) -> None:
    ids = [identity.id for identity in identities]
    await people.erase_identities(tx, hotel, ids)
    await proofs.forget(tx, hotel, ids)


async def erase_identity(tx: AsyncConnection, commit: Commit, identity: Identity, now: datetime) -> Erased:
    """Erase one channel of a guest who is still there on another: its words, files, proofs and outer id."""
    hotel, count, blobs = identity.hotel, 0, set[str]()
    here = [identity.conversation, *await linking.ended_here(tx, hotel, identity.conversation)]
    for id_ in [*here, *await log.left_by(tx, hotel, identity.id)]:
        erased = await _take_out(tx, hotel, id_, identity.id, now)
        count, blobs = count + erased.contents, blobs | erased.blobs
    await _unname(tx, hotel, [identity])
    await people.change_guest(tx, hotel, identity.guest, unfollowed_at=None)
    row = await log.row_of(tx, hotel, identity.conversation)
    assert row is not None
    body = {"identity": identity.id}
    event = NewEvent(EventType.GUEST_ERASED, now, SERVICE, Audience.STAFF, identity.id, body)
    await commit(tx, row, Record((event,)), now)
    return Erased(count, blobs)


def vip_marked(vip: bool, by: StaffId | None, now: datetime) -> NewEvent:
    """Somebody's word, or the hotel's import (None), that this guest comes before others; or no longer."""
    actor = Actor(ActorKind.STAFF, by) if by else SERVICE
    return NewEvent(EventType.VIP_MARKED, now, actor, Audience.STAFF, body={"vip": vip})


@dataclass(frozen=True)
class Due:
    """Whom to erase after an unfollow, and when. `identity`: only this one, the guest is there on others."""

    guest: GuestId
    at: datetime
    identity: Identity | None


async def erasure_due(
    tx: AsyncConnection, hotel: HotelId, conversation: ConversationId, now: datetime
) -> Due | None:
    """When an unfollowed guest is to be erased, or looked at again; None when they have come back."""
    row = await log.row_of(tx, hotel, conversation)
    while row is not None and row.ended_into:
        row = await log.row_of(tx, hotel, row.ended_into)
    assert row is not None
    guest = await people.guest_of(tx, hotel, row.guest)
    if guest.unfollowed_at is None or guest.erased_at:
        return None
    there, gone = await _channels(tx, hotel, row)
    if not gone:
        return None
    open_orders = await desk.list_orders(tx, hotel, orders.OPEN, guest=row.guest)
    owed = await promises.listed(tx, hotel, PromiseState.OPEN, row.guest)
    latest = guest.unfollowed_at + LATEST
    busy = now < latest and _busy(row, [*open_orders, *owed], guest, now)
    at = min(now + LOOK_AGAIN, latest) if busy else now
    return Due(row.guest, at, gone[0] if there else None)


async def _channels(
    tx: AsyncConnection, hotel: HotelId, row: Conversation
) -> tuple[list[Identity], list[Identity]]:
    """The guest's identities that are still there, and those that were unfollowed."""
    types = (EventType.GUEST_UNFOLLOWED, EventType.GUEST_FOLLOWED, EventType.GUEST_SAID)
    here = [row.id, *await linking.ended_here(tx, hotel, row.id)]
    last: dict[str | None, Event] = {}
    for id_ in here:
        for event in await log.events_of_types_in(tx, hotel, id_, types):
            before = last.get(event.identity)
            if before is None or before.at <= event.at:
                last[event.identity] = event
    there: list[Identity] = []
    gone: list[Identity] = []
    for identity in await people.identities_of_guest(tx, hotel, row.guest):
        event_ = last.get(identity.id)
        unfollowed = event_ is not None and event_.type is EventType.GUEST_UNFOLLOWED
        if identity.external is not None:
            (gone if unfollowed else there).append(identity)
    return there, gone


def _busy(row: Conversation, owed: Sequence[Any], guest: people.Guest, now: datetime) -> bool:
    """Whether an order, a promise, a complaint or a stay is open."""
    staying = guest.room_until is not None and guest.room_until > now
    complaint = row.state in (State.WAITING, State.STAFF) and row.reason in GRAVE
    return bool(owed) or staying or complaint
