"""What the desk's pages are told: rows, events and orders as JSON. Reads, never decides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import linking, mentions
from bot.channels import CHANNELS
from bot.conversation import Conversation, Quiet, heeded_until
from bot.files import Files
from bot.http.files import FILES
from bot.http.files import shown as shown_file
from bot.http.guard import CLOCK, HOTELS, caller
from bot.http.offers import add_offers
from bot.knowledge import Hotel
from bot.model import (
    ActorKind,
    Content,
    ConversationId,
    Event,
    EventType,
    HotelId,
    IdentityId,
    State,
)
from bot.store import log, members, outbox, people, points, proofs, read_marks
from bot.store.desk import OrderRow
from bot.store.people import Face, Identity
from bot.store.promises import PromiseRow

_OURS = frozenset({"memory", "file", "fetch", "media_id", "thumb_media_id", "url"})  # of no use to a page
_SEEN = {"delivered": "identity", "read": "reader"}  # how far a guest's page has come, by kind of mark
_VOUCHED = frozenset({"site", "wechat"})
PREVIEW = 120  # characters of the last words in a list


@dataclass(frozen=True)
class Lens:
    """Who looks at which hotel, and when."""

    hotel: Hotel
    viewer: str
    now: datetime
    files: Files


async def lens_of(request: web.Request, tx: AsyncConnection) -> Lens:
    """What whoever asks looks through; guard_desk has let them in."""
    me = caller(request)
    hotel = await request.app[HOTELS].get(tx, me.hotel)
    return Lens(hotel, f"staff:{me.signed_in.staff.id}", request.app[CLOCK].now(), request.app[FILES])


async def show_rows(tx: AsyncConnection, lens: Lens, rows: Sequence[Conversation]) -> list[dict[str, Any]]:
    """Conversations as the queue shows them; what a departed person held is shown as waiting."""
    hotel, ids = lens.hotel.id, [row.id for row in rows]
    handed = await log.last_transfers(tx, hotel, [row for row in rows if row.state is State.STAFF])
    mentioned = {id_ for row in rows for id_ in (row.holder, row.assigned_to, row.seen_by)} | {
        _handed_by(event) for event, _ in handed.values()
    }
    names = await members.names_of(tx, {id_ for id_ in mentioned if id_})
    channels = await people.channels_of(tx, hotel, ids)
    faces = await people.faces_of(tx, hotel, [row.guest for row in rows], lens.now)
    words = await log.last_words(tx, hotel, rows)
    stars = await log.last_ratings(tx, hotel, [row for row in rows if row.state is State.CLOSED])
    unread = await read_marks.unread(tx, hotel, ids, lens.viewer)
    active = await members.active_in(tx, hotel, lens.now)
    shown = []
    for row in rows:
        gone = row.state is State.STAFF and row.holder not in active
        last, face = words.get(row.id), faces.get(row.guest, Face())
        shown.append(
            {
                "id": row.id,
                "hotel": hotel,
                "guest": {
                    **_guest(lens, row, face.name, channels.get(row.id, [])),
                    "room": face.room,
                },
                "channels": list(dict.fromkeys(channels.get(row.id, []))),
                "state": State.WAITING if gone else row.state,
                "holder": None if gone or not row.holder else _person(row.holder, names),
                "held_since": None if gone else row.held_since,
                "handed_over": _handed(*handed[row.id], names) if row.id in handed and not gone else None,
                "waiting_since": row.held_since if gone else row.waiting_since,
                "reason": row.reason,
                "department": row.department,
                "urgent": row.urgent,
                "nobody": row.nobody,
                "assigned": _assigned(row, names) if row.assigned_to in active else None,
                "vip": face.vip,
                "alarm_since": row.alarm_since,
                "alarm_kind": row.alarm_kind,
                "unheard_since": row.unheard_since,
                "due": None if gone else _due(lens, row),
                "snoozed": None if gone else _snoozed(row),
                "seen": _seen(row, names, lens.hotel.file.alerts.quiet),
                "last": _last(*last) if last else None,
                "seq": row.seq,
                "visit": row.visit,
                "epoch": row.epoch,
                "unclear": len(row.unclear),
                "drafts": list(row.drafts or ()),
                "unread": unread.get(row.id, 0),
                "stars": stars.get(row.id),
                "ended_into": row.ended_into,
                "changed_at": row.changed_at,
                "opened_at": row.opened_at,
            }
        )
    return shown


def _assigned(row: Conversation, names: dict[str, str]) -> dict[str, Any]:
    """Who is asked to take it, and until when; nobody who has left."""
    return {**_person(str(row.assigned_to), names), "until": row.assigned_until}


def _due(lens: Lens, row: Conversation) -> dict[str, Any] | None:
    """The next target that this conversation's people have, and when it is missed."""
    running = lens.hotel.file.clocks.running(row)
    first = min(running, key=lambda due: due.at, default=None)
    return {"clock": first.clock, "at": first.at} if first else None


def _seen(row: Conversation, names: dict[str, str], quiet: Quiet) -> dict[str, Any] | None:
    """Who has seen the alert about it, when, and until when it climbs no further."""
    if row.seen_by is None:
        return None
    return {"by": _person(row.seen_by, names), "at": row.seen_at, "until": heeded_until(row, quiet)}


def _snoozed(row: Conversation) -> dict[str, Any] | None:
    """Who put it aside, until when (None: the guest's next word)."""
    return {"by": row.snoozed_by, "until": row.snoozed_until} if row.snoozed_by else None


def _person(id_: str, names: dict[str, str]) -> dict[str, str]:
    return {"id": id_, "name": names.get(id_, "")}


def _handed(event: Event, note: Content, names: dict[str, str]) -> dict[str, Any]:
    return {"by": _person(_handed_by(event), names), "at": event.at, "note": note.text}


def _handed_by(event: Event) -> str:
    """Who handed it over; for what somebody left behind, whose it was."""
    return event.actor.id or str(event.body.get("from") or "")


def _guest(lens: Lens, row: Conversation, name: str | None, channels: list[str]) -> dict[str, Any]:
    key = f"guest_{channels[0]}" if channels else "guest_web"
    label = name or lens.hotel.say(key, lens.now, tail=row.guest[-4:])
    return {"id": row.guest, "name": name, "label": label, "channel": channels[0] if channels else "web"}


async def show_guests(
    tx: AsyncConnection, lens: Lens, rows: Sequence[Conversation]
) -> dict[ConversationId, dict[str, Any]]:
    """Who the guests of these conversations are, by conversation."""
    channels = await people.channels_of(tx, lens.hotel.id, [row.id for row in rows])
    names = await people.guests_of(tx, lens.hotel.id, [row.guest for row in rows])
    return {row.id: _guest(lens, row, names.get(row.guest), channels.get(row.id, [])) for row in rows}


def _last(event: Event, content: Content) -> dict[str, Any]:
    kind = content.file.kind if content.file else event.body.get("subtype")
    text = (content.text or "")[:PREVIEW]
    return {"text": text, "at": event.at, "speaker": event.actor.kind, "kind": kind}


async def show_events(
    tx: AsyncConnection,
    lens: Lens,
    row: Conversation,
    after: int = 0,
    of: ConversationId | None = None,
) -> list[dict[str, Any]]:
    """The thread of a conversation after a seq, on every channel, with how deliveries stand.

    `of`: where its identities are now, for a conversation that has ended in another.
    """
    read = await log.read_thread(tx, lens.hotel.id, row.id, after)
    thread = [(event, content) for event, content in read if mentions.hears(event, lens.viewer)]
    identities = {i.id: i for i in await people.identities_of(tx, lens.hotel.id, of or row.id)}
    for gone in {e.identity for e, _ in thread if e.identity} - identities.keys():  # linked elsewhere since
        if left := await people.identity_of(tx, lens.hotel.id, gone):
            identities[gone] = left
    sent = await outbox.deliveries(tx, lens.hotel.id, row.id)
    seen = {state: await _marks(tx, row, identities, viewer) for state, viewer in _SEEN.items()}
    mentioned = {e.actor.id for e, _ in thread if e.actor.kind is ActorKind.STAFF}
    mentioned |= {e.body.get(name) for e, _ in thread for name in ("holder", "owner", "to", "by")}
    names = await members.names_of(tx, {str(id_) for id_ in mentioned if id_})
    shown = [_event(lens, e, c, identities, sent, seen, names) for e, c in thread]
    await add_offers(tx, lens.hotel, lens.viewer, row, shown, lens.now)
    return await _with_points(tx, lens.hotel.id, row, shown)


async def show_earlier(tx: AsyncConnection, lens: Lens, row: Conversation) -> list[dict[str, Any]]:
    """What was said in conversations that go on in this one, in time order; each names its own."""
    shown = []
    for id_ in await linking.ended_here(tx, lens.hotel.id, row.id):
        ended = await log.row_of(tx, lens.hotel.id, id_)
        if ended:
            events = await show_events(tx, lens, ended, 0, row.id)
            shown += [{**event, "conversation": id_} for event in events]
    return sorted(shown, key=lambda event: event["at"])


async def show_identities(tx: AsyncConnection, lens: Lens, row: Conversation) -> list[dict[str, Any]]:
    """The guest's channels, and by what proof each belongs to this guest (None: it began here).

    `signed`: who has vouched for it, the hotel's own site or app ("site") or WeChat's sign-in ("wechat").
    """
    hotel = lens.hotel.id
    linked = await log.events_of_types_in(tx, hotel, row.id, (EventType.IDENTITY_LINKED,))
    came = {e.body["identity"]: e for e in linked}
    names = await members.names_of(tx, {e.actor.id for e in linked if e.actor.id})
    shown = []
    for one in await people.identities_of(tx, hotel, row.id):
        event, subjects = came.get(one.id), await proofs.subjects_of(tx, hotel, one.id)
        shown.append(
            {
                "id": one.id,
                "channel": one.channel,
                "proof": event and event.body["proof"],
                "by": names.get(event.actor.id or "") if event else None,
                "at": event and event.at,
                "signed": sorted({subject.partition(":")[0] for subject in subjects} & _VOUCHED),
                "reachable": one.external is not None,
            }
        )
    return shown


async def _marks(
    tx: AsyncConnection, row: Conversation, identities: Iterable[IdentityId], viewer: str
) -> dict[IdentityId, int]:
    return {id_: await read_marks.read_mark(tx, row.hotel, row.id, f"{viewer}:{id_}") for id_ in identities}


async def _with_points(
    tx: AsyncConnection, hotel: HotelId, row: Conversation, shown: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The points that answers came from with their titles, and which answers staff have called wrong."""
    said = [event for event in shown if event["body"].get("points")]
    if said:
        titles = await points.titles_of(tx, hotel, {p["id"] for e in said for p in e["body"]["points"]})
        for event in said:
            event["body"]["points"] = [{**p, "title": titles.get(p["id"])} for p in event["body"]["points"]]
    wrong = await points.wrong_answers(tx, hotel, row.id)
    for event in shown:
        if event["seq"] in wrong:
            event["body"]["wrong"] = True
    return shown


def _event(
    lens: Lens,
    e: Event,
    c: Content,
    identities: dict[Any, Identity],
    sent: dict[int, tuple[str, str | None]],
    seen: dict[str, dict[IdentityId, int]],
    names: dict[str, str],
) -> dict[str, Any]:
    identity = identities.get(e.identity)
    body = dict(e.body)
    if holder := body.get("holder"):
        body["holder_name"] = names.get(holder)
    if owner := body.get("owner"):
        body["owner_name"] = names.get(owner)
    if isinstance(to := body.get("to"), str) and to in names:
        body["to_name"] = names[to]
    if "draft" in body and (by := body.get("by")):
        body["by_name"] = names.get(by)
    return {
        "seq": e.seq,
        "type": e.type,
        "at": e.at,
        "actor": {"kind": e.actor.kind, "id": e.actor.id, "name": names.get(e.actor.id or "")},
        "channel": identity.channel if identity else None,
        "audience": e.audience,
        "text": c.text,
        "details": {k: v for k, v in (c.details or {}).items() if k not in _OURS} or None,
        "file": shown_file(lens.files, lens.hotel.id, c.file, lens.now) if c.file else None,
        "fetching": "fetch" in (c.details or {}),
        "body": body,
        "delivery": _delivery(e, identity, sent, seen),
        "sealed": len(c.sealed),
    }


def _delivery(
    e: Event,
    identity: Identity | None,
    sent: dict[int, tuple[str, str | None]],
    seen: dict[str, dict[IdentityId, int]],
) -> dict[str, Any] | None:
    if e.type not in ("assistant_said", "staff_said") or identity is None:
        return None
    if CHANNELS[identity.channel].capabilities.pulls:
        states = [state for state, marks in seen.items() if marks.get(identity.id, 0) >= e.seq]
        return {"state": states[-1] if states else "queued", "why": None}
    state, why = sent.get(e.seq, ("queued", None))
    return {"state": state, "why": why}


async def show_orders(tx: AsyncConnection, lens: Lens, orders: Sequence[OrderRow]) -> list[dict[str, Any]]:
    """Orders as the desk shows them; what a departed person took on is nobody's."""
    hotel = lens.hotel.id
    active = await members.active_in(tx, hotel, lens.now) if orders else frozenset()
    names = await members.names_of(tx, {id_ for o in orders for id_ in (o.done_by, o.owner) if id_})
    guests = await people.guests_of(tx, hotel, [o.guest for o in orders])
    channels = await people.channels_of(tx, hotel, [o.conversation for o in orders])
    return [
        {
            "id": o.id,
            "conversation": o.conversation,
            "guest": _order_guest(lens, o, guests, channels),
            "service": o.service,
            "service_name": service_name(lens, o.service),
            "what": _order_what(lens, o),
            "room": o.details.get("room"),
            "department": lens.hotel.file.departments.of_order(o.service),
            "details": o.details,
            "due_at": o.due_at,
            "state": o.state,
            "placed_at": o.placed_at,
            "placed_by": o.placed_by,
            "owner": _person(o.owner, names) if o.owner in active else None,
            "left_by": names.get(o.owner) if o.owner and o.owner not in active else None,
            "done_by": names.get(o.done_by or ""),
            "done_at": o.done_at,
            "seq": o.seq,
        }
        for o in orders
    ]


def _order_what(lens: Lens, order: OrderRow) -> str | None:
    what: str | None = order.details.get("what")
    doubted = order.details.get("room_unknown")
    if not doubted or doubted != order.details.get("room"):  # a change may have brought another room
        return what
    return " · ".join(filter(None, (what, lens.hotel.say("order_room_unknown", lens.now))))


async def show_promises(tx: AsyncConnection, lens: Lens, rows: Sequence[PromiseRow]) -> list[dict[str, Any]]:
    """Promises as the desk shows them; what a departed person owes is nobody's."""
    hotel = lens.hotel.id
    active = await members.active_in(tx, hotel, lens.now) if rows else frozenset()
    names = await members.names_of(tx, {id_ for p in rows for id_ in (p.owner, p.made_by, p.ended_by) if id_})
    guests = await people.guests_of(tx, hotel, [p.guest for p in rows])
    channels = await people.channels_of(tx, hotel, [p.conversation for p in rows])
    return [
        {
            "id": p.id,
            "conversation": p.conversation,
            "guest": _order_guest(lens, p, guests, channels),
            "seq": p.seq,
            "words": p.words,
            "state": p.state,
            "due_at": p.due_at,
            "guessed": p.guessed,
            "owner": _person(p.owner, names) if p.owner in active else None,
            "left_by": names.get(p.owner) if p.owner and p.owner not in active else None,
            "made_by": _person(p.made_by, names) if p.made_by else None,
            "made_at": p.made_at,
            "reminded_at": p.reminded_at,
            "reminded_to": p.reminded_to if p.reminded_to in active else None,
            "ended_at": p.ended_at,
            "ended_by": names.get(p.ended_by or ""),
        }
        for p in rows
    ]


def _order_guest(
    lens: Lens, o: OrderRow | PromiseRow, guests: dict[str, str | None], channels: dict[str, list[str]]
) -> dict[str, Any]:
    seen = channels.get(o.conversation) or ["web"]
    name = guests.get(o.guest)
    label = name or lens.hotel.say(f"guest_{seen[0]}", lens.now, tail=o.guest[-4:])
    return {"id": o.guest, "name": name, "label": label, "channel": seen[0]}


def service_name(lens: Lens, service: str) -> str:
    key = f"service_{service}"
    return lens.hotel.say(key, lens.now) if key in lens.hotel.texts else service
