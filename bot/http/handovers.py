"""交接班: what is open now, signing it off, and every handover there has been.

Who leaves signs first and freezes the list; who comes signs on their own desk, or here with their login and
password, which signs nobody in. Words are read when they are shown: what was erased since is gone here too.
"""

import json
from datetime import timedelta
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import orders, staff
from bot.handovers import Floor, sections
from bot.http import views
from bot.http.acting import staying
from bot.http.guard import (
    CLOCK,
    DATABASE,
    DESK,
    DISPATCH,
    Caller,
    Problem,
    caller,
    given_text,
    read_object,
    respond,
    seq_of,
    text_of,
)
from bot.http.sessions import locked_out
from bot.http.views import PREVIEW, Lens, lens_of, show_guests
from bot.ids import new_id
from bot.model import ConversationId, PromiseState, StaffId, State
from bot.store import days, desk, handovers, log, members, people, promises
from bot.store.handovers import CAME, LEFT, Entry

NOTE = 2000
LISTED = 50
MOST = 2000
UNSURE = timedelta(days=2)  # what may not have arrived before that is history


def add_routes(app: web.Application) -> None:
    place = "/desk/v1/hotels/{hotel}/handovers"
    app.router.add_get(f"{place}/now", show_now)
    app.router.add_get(place, list_past)
    app.router.add_post(place, leave)
    app.router.add_get(place + "/{handover}", show_one)
    app.router.add_post(place + "/{handover}/sign", come)


# ---- looking


async def show_now(request: web.Request) -> web.Response:
    """What would be handed over now, and what still waits for who comes to sign."""
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        frozen = sections(await _floor(tx, lens))
        past = await handovers.listed(tx, lens.hotel.id, limit=5)
        pending = [pair for pair in past if pair[1] is None and lens.now - pair[0].at < UNSURE]
        return respond(
            {
                "now": lens.now,
                "shift": _shift(lens),
                "since": past[0][0].at if past else None,
                "sections": await _shown(tx, lens, frozen),
                "pending": [await _entry(tx, left, came) for left, came in pending],
            }
        )


async def list_past(request: web.Request) -> web.Response:
    """`?before=` the number of the last one seen."""
    me, before = caller(request), seq_of(request.query.get("before")) or None
    async with request.app[DATABASE].read() as tx:
        found = await handovers.listed(tx, me.hotel, before, LISTED)
        shown = [await _entry(tx, left, came) for left, came in found]
    return respond({"handovers": shown, "next": shown[-1]["number"] if len(shown) == LISTED else None})


async def show_one(request: web.Request) -> web.Response:
    me = caller(request)
    async with request.app[DATABASE].read() as tx:
        return respond({"handover": await _whole(request, tx, me, request.match_info["handover"])})


async def _whole(request: web.Request, tx: AsyncConnection, me: Caller, id_: str) -> dict[str, Any]:
    entries = await handovers.of(tx, me.hotel, id_)
    if LEFT not in entries:
        raise Problem(404, "not_found")
    lens, left = await lens_of(request, tx), entries[LEFT]
    shown = await _entry(tx, left, entries.get(CAME))
    return {**shown, "sections": await _shown(tx, lens, json.loads(left.body)["sections"])}


async def _floor(tx: AsyncConnection, lens: Lens) -> Floor:
    hotel = lens.hotel.id
    urgent = await desk.list_conversations(tx, hotel, (State.WAITING, State.STAFF), limit=MOST, now=lens.now)
    recent = await desk.list_conversations(tx, hotel, since=lens.now - UNSURE, limit=MOST, now=lens.now)
    known = {row.id for row in urgent}
    odd = [r for r in recent if r.id not in known and not r.ended_into and (r.alarm_since or r.unclear)]
    return Floor(
        [*urgent, *odd],
        await promises.listed(tx, hotel, PromiseState.OPEN),
        await desk.list_orders(tx, hotel, orders.OPEN),
        await members.active_in(tx, hotel, lens.now),
        await people.vips_of(tx, hotel),
    )


def _shift(lens: Lens) -> str | None:
    """What the shift is called that ends about now: the one half an hour ago."""
    local = (lens.now - timedelta(minutes=30)).astimezone(lens.hotel.zone).time()
    return lens.hotel.file.departments.shift_at(local)


async def _entry(tx: AsyncConnection, left: Entry, came: Entry | None) -> dict[str, Any]:
    body = json.loads(left.body)
    names = await members.names_of(tx, {left.staff, came.staff} if came else {left.staff})
    counts = {name: len(lines) for name, lines in body["sections"].items()}
    return {
        "id": left.handover,
        "number": left.number,
        "shift": body["shift"],
        "left": {"id": left.staff, "name": names.get(left.staff, ""), "at": left.at},
        "came": {"id": came.staff, "name": names.get(came.staff, ""), "at": came.at} if came else None,
        "note": left.note,
        "erased": left.emptied_at is not None,
        "counts": counts,
        "hash": (came or left).hash,
    }


Sections = dict[str, list[dict[str, Any]]]


async def _shown(tx: AsyncConnection, lens: Lens, frozen: Sections) -> Sections:
    """The lines with guests, names and words, as far as they are still there."""
    lines = [line for found in frozen.values() for line in found]
    places = [(ConversationId(line["conversation"]), int(line["seq"])) for line in lines]
    words = await log.messages_of(tx, lens.hotel.id, places)
    rows = await days.rows_of(tx, lens.hotel.id, [place[0] for place in places])
    guests = await show_guests(tx, lens, list(rows.values()))
    people_ = {line.get(name) for line in lines for name in ("holder", "owner")}
    names = await members.names_of(tx, {str(id_) for id_ in people_ if id_})
    owed = [await promises.find(tx, lens.hotel.id, line["promise"]) for line in frozen.get("promises", ())]
    promised = {p.id: p.words for p in owed if p}
    placed = {o.id: o for o in await _orders(tx, lens, frozen)}

    def show(line: dict[str, Any]) -> dict[str, Any]:
        place = ConversationId(line["conversation"]), int(line["seq"])
        said = words.get(place)
        shown = {
            **line,
            "guest": guests.get(place[0]),
            "text": (said[1].text or "")[:PREVIEW] if said else "",
        }
        for name in ("holder", "owner"):
            if line.get(name):
                shown[name] = {"id": line[name], "name": names.get(line[name], "")}
        if "promise" in line:
            shown["text"] = promised.get(line["promise"]) or shown["text"]
        if order := placed.get(line.get("order", "")):
            shown |= {
                "service_name": views.service_name(lens, order.service),
                "text": order.details.get("what") or "",
                "room": order.details.get("room"),
            }
        return shown

    return {name: [show(line) for line in found] for name, found in frozen.items()}


async def _orders(tx: AsyncConnection, lens: Lens, frozen: Sections) -> list[desk.OrderRow]:
    found = [await desk.order_of(tx, lens.hotel.id, line["order"]) for line in frozen.get("orders", ())]
    return [order for order in found if order]


# ---- signing


async def leave(request: web.Request) -> web.Response:
    """Who leaves signs: `{"note"?}`. The list is frozen as it stands at this moment."""
    me, body = caller(request), await read_object(request)
    dispatch = request.app[DISPATCH]
    masked, _ = dispatch.seal.protect(given_text(body, "note", NOTE), f"{me.hotel}/handover")
    id_, member = new_id(), me.signed_in.staff.id

    async def sign(tx: AsyncConnection) -> None:
        await staying(me)(tx)
        lens = await lens_of(request, tx)
        frozen = {"shift": _shift(lens), "sections": sections(await _floor(tx, lens))}
        previous = await handovers.last(tx, me.hotel)
        entry = handovers.written(previous, me.hotel, id_, LEFT, lens.now, member, frozen, masked)
        await handovers.add(tx, entry)

    await dispatch.transact(sign)
    return await _told(request, me, id_)


async def come(request: web.Request) -> web.Response:
    """Who comes signs: on their own desk, or here with `{"login", "password"}`."""
    me, body, id_ = caller(request), await read_object(request), request.match_info["handover"]
    by_password = bool(body.get("login"))
    member = await _vouched(request, body) if by_password else me.signed_in.staff.id

    async def sign(tx: AsyncConnection) -> None:
        now = request.app[CLOCK].now()
        if not await members.hold_active(tx, me.hotel, member, now):
            raise Problem(409, "not_a_colleague")
        entries = await handovers.of(tx, me.hotel, id_)
        if LEFT not in entries:
            raise Problem(404, "not_found")
        if CAME in entries:
            raise Problem(409, "handover_signed")
        if entries[LEFT].staff == member:
            raise Problem(409, "handover_oneself")
        signed = {"of": entries[LEFT].hash, "by": "password" if by_password else "desk"}
        previous = await handovers.last(tx, me.hotel)
        await handovers.add(tx, handovers.written(previous, me.hotel, id_, CAME, now, member, signed))

    await request.app[DISPATCH].transact(sign)
    return await _told(request, me, id_)


async def _vouched(request: web.Request, body: dict[str, Any]) -> StaffId:
    login, password = text_of(body, "login", 64), text_of(body, "password", 200)
    try:
        return (await request.app[DESK].vouch(login, password)).id
    except staff.WrongLogin:
        raise Problem(403, "wrong_login") from None
    except staff.Locked as locked:
        raise await locked_out(request, locked) from None


async def _told(request: web.Request, me: Caller, id_: str) -> web.Response:
    async with request.app[DATABASE].read() as tx:
        return respond({"handover": await _whole(request, tx, me, id_)})
