"""The desk's API: REST to act, a WebSocket (or long polling) to follow. guard.guard_desk stands before it."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from aiohttp import WSMsgType, web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import dispatch, metrics, orders, phrases, presence, staff
from bot.conversation import (
    Acknowledge,
    Claim,
    Close,
    Command,
    Conversation,
    DraftReply,
    Note,
    Record,
    Refused,
    Release,
    Resend,
    Said,
    Speak,
)
from bot.http import files, views, ways
from bot.http.feed import Feed
from bot.http.guard import (
    CLOCK,
    COMPUTER,
    COOKIE,
    DATABASE,
    DESK,
    DISPATCH,
    HOTELS,
    PRESENCE,
    SETTINGS,
    SHARED,
    SIGNED_IN,
    SOCKETS,
    Caller,
    Problem,
    caller,
    dumps,
    may_have_factor,
    may_send,
    must_set_factor,
    push,
    read_object,
    respond,
    seq_of,
    text_of,
)
from bot.http.looking import Looking
from bot.http.mentions import check_colleagues, mentioned
from bot.http.search import key_of, next_key
from bot.http.views import lens_of
from bot.ids import new_id
from bot.linking import CannotLink
from bot.model import (
    Actor,
    ActorKind,
    Content,
    ConversationId,
    EventType,
    GuestId,
    IdentityId,
    OrderId,
    OrderState,
    PromiseState,
    StaffId,
    State,
)
from bot.nudges import wait_for
from bot.roles import MAY, Permission, Role
from bot.sealing import CannotOpen
from bot.staff import SignedIn
from bot.store import audits, desk, log, members, mentions, outbox, posts, promises, read_marks

TEXT_LIMIT = 5000
LOOK_SECONDS = 2.0
POLL_SECONDS = 25.0
HEARTBEAT = 25.0
SEEN_SECONDS = 60.0
ALARMING = (State.WAITING, State.STAFF, State.BOT)
CLOSE_REASONS = frozenset({"solved", "no_answer", "spam", "other"})


def add_routes(app: web.Application) -> None:
    one = "/desk/v1/hotels/{hotel}/conversations/{conversation}"
    app.router.add_post("/desk/v1/session", sign_in)
    app.router.add_get("/desk/v1/session", who)
    app.router.add_delete("/desk/v1/session", sign_out)
    app.router.add_post("/desk/v1/password", change_password)
    app.router.add_get("/desk/v1/hotels/{hotel}/conversations", list_conversations)
    app.router.add_get(one, show_conversation)
    app.router.add_post(f"{one}/claim", claim)
    app.router.add_post(f"{one}/reply", reply)
    app.router.add_post(f"{one}/files", send_file)
    app.router.add_post(f"{one}/note", note)
    app.router.add_post(f"{one}/release", release)
    app.router.add_post(f"{one}/close", close)
    app.router.add_post(f"{one}/acknowledge", acknowledge)
    app.router.add_post(f"{one}/resend", resend)
    app.router.add_post(f"{one}/read", read)
    app.router.add_post(one + r"/events/{seq:\d+}/sealed", open_sealed)
    app.router.add_post("/desk/v1/hotels/{hotel}/guests/{guest}/link", link_guest)
    app.router.add_post("/desk/v1/hotels/{hotel}/identities/{identity}/unlink", unlink_identity)
    app.router.add_get("/desk/v1/hotels/{hotel}/orders", list_orders)
    app.router.add_post("/desk/v1/hotels/{hotel}/orders/{order}/done", finish_order)
    app.router.add_get("/desk/v1/hotels/{hotel}/feed", feed)
    app.router.add_get("/desk/v1/hotels/{hotel}/feed/poll", poll)


# ---- signing in


async def sign_in(request: web.Request) -> web.Response:
    body = await read_object(request)
    login, password = text_of(body, "login", 64), text_of(body, "password", 200)
    code = text_of(body, "code", 64, required=False)
    try:
        computer = request.cookies.get(COMPUTER) or secrets.token_urlsafe(32)
        token, signed_in = await request.app[DESK].sign_in(login, password, computer, code)
    except staff.WrongLogin:
        raise Problem(401, "wrong_login") from None
    except staff.CodeNeeded:
        raise Problem(401, "code_needed") from None
    except staff.WrongCode:
        raise Problem(401, "wrong_code") from None
    except staff.Locked as locked:
        raise await locked_out(request, locked) from None
    response = respond(await show_session(request, signed_in))
    keep_cookie(request, response, COOKIE, token, staff.SIGNED_IN)
    keep_cookie(request, response, COMPUTER, computer, timedelta(days=365))
    return response


async def locked_out(request: web.Request, locked: staff.Locked) -> Problem:
    return Problem(423, "locked", retry_at=locked.retry_at, zone=await _some_zone(request))


def keep_cookie(request: web.Request, to: web.Response, name: str, value: str, age: timedelta) -> None:
    secure = request.app[SETTINGS].base_url.startswith("https:")
    seconds = int(age.total_seconds())
    to.set_cookie(name, value, max_age=seconds, path="/desk", httponly=True, samesite="Strict", secure=secure)


async def _some_zone(request: web.Request) -> Any:
    async with request.app[DATABASE].read() as tx:
        rows = await desk.list_hotels(tx)
        return (await request.app[HOTELS].get(tx, rows[0].id)).zone if rows else None


async def show_session(request: web.Request, signed_in: SignedIn) -> dict[str, Any]:
    async with request.app[DATABASE].read() as tx:
        hotels = {row.id: row for row in await desk.list_hotels(tx)}
    member = signed_in.staff
    return {
        "staff": {
            "id": member.id,
            "name": member.name,
            "login": member.login,
            "guest_name": member.guest_name,
            "must_change_password": member.must_change,
        },
        "hotels": [
            {
                "id": id_,
                "name": hotels[id_].name,
                "name_en": hotels[id_].profile.get("name_en"),
                "timezone": hotels[id_].timezone,
                "role": role,
                "may": sorted(MAY[Role(role)]) if role in set(Role) else [],
            }
            for id_, role in signed_in.roles.items()
        ],
        "lock_after": request.app[SETTINGS].lock_minutes * 60,
        "has_pin": member.pin is not None,
        "second_factor": show_factor(request, signed_in),
        "now": request.app[CLOCK].now(),
    }


def show_factor(request: web.Request, signed_in: SignedIn) -> dict[str, bool]:
    return {
        "on": request.app[DESK].asks(signed_in.staff),
        "offered": may_have_factor(request, signed_in),
        "must": must_set_factor(request, signed_in),
    }


async def show_locked(request: web.Request) -> dict[str, Any]:
    """Who may open the desk again; and that there is an alarm, but not whose."""
    known = await request.app[SHARED].known(request.cookies.get(COMPUTER, ""))
    now = request.app[CLOCK].now()
    async with request.app[DATABASE].read() as tx:
        urgent = [
            row
            for hotel in request[SIGNED_IN].roles
            for row in await desk.list_conversations(tx, hotel, ALARMING, now=now)
        ]
    return {
        "locked": True,
        "login": request[SIGNED_IN].staff.login,
        "people": [{"login": k.member.login, "name": k.member.name, "pin": k.opens} for k in known],
        "alarm": any(row.alarm_since for row in urgent),
        "now": now,
    }


async def who(request: web.Request) -> web.Response:
    signed_in = request[SIGNED_IN]
    shown = await (show_locked(request) if signed_in.locked else show_session(request, signed_in))
    return respond(shown)


async def sign_out(request: web.Request) -> web.Response:
    await request.app[DESK].sign_out(request.cookies.get(COOKIE, ""))
    response = respond({})
    response.del_cookie(COOKIE, path="/desk")
    return response


async def change_password(request: web.Request) -> web.Response:
    body, member = await read_object(request), request[SIGNED_IN].staff
    old, new = text_of(body, "old", 200), text_of(body, "new", 200)
    if len(new) < staff.MINIMUM:
        raise Problem(400, "password_too_short", minimum=staff.MINIMUM)
    if new == old:
        raise Problem(400, "password_same")
    try:
        await request.app[DESK].change_password(member, old, new, request.cookies[COOKIE])
    except staff.WrongLogin:
        raise Problem(403, "wrong_password") from None
    signed_in = await request.app[DESK].who(request.cookies[COOKIE])
    if signed_in is None:  # a change at another desk, at the same time, has ended this one
        raise Problem(401, "signed_out")
    return respond(await show_session(request, signed_in))


# ---- looking


async def list_conversations(request: web.Request) -> web.Response:
    me, query = caller(request), request.query
    states = _states(query.get("state", ""))
    limit = min(seq_of(query.get("limit")) or 50, 200)
    holder = me.signed_in.staff.id if query.get("mine") == "1" else None
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        rows = await desk.list_conversations(
            tx, me.hotel, states, holder, key_of(query.get("after")), None, limit, now=lens.now
        )
        shown = await views.show_rows(tx, lens, rows)
    return respond({"conversations": shown, "next": next_key(shown) if len(rows) == limit else None})


def _states(text: str) -> tuple[State, ...]:
    try:
        return tuple(State(part) for part in text.split(",") if part)
    except ValueError:
        raise Problem(400, "bad_request") from None


async def show_conversation(request: web.Request) -> web.Response:
    me, id_ = caller(request), ConversationId(request.match_info["conversation"])
    after = seq_of(request.query.get("after"))
    async with request.app[DATABASE].read() as tx:
        return respond(await _shown(request, tx, me, id_, after))


async def _shown(
    request: web.Request, tx: Any, me: Caller, id_: ConversationId, after: int
) -> dict[str, Any]:
    row = await log.row_of(tx, me.hotel, id_)
    if row is None:
        raise Problem(404, "not_found")
    lens = await lens_of(request, tx)
    placed = await desk.list_orders(tx, me.hotel, guest=row.guest)
    owed = await promises.listed(tx, me.hotel, guest=row.guest)
    return {
        "conversation": (await views.show_rows(tx, lens, [row]))[0],
        "ended_into": row.ended_into,
        "earlier": [] if after else await views.show_earlier(tx, lens, row),
        "identities": await views.show_identities(tx, lens, row),
        "events": await views.show_events(tx, lens, row, after),
        "seq": row.seq,
        "reply": await ways.show_reply(tx, lens, row),
        "orders": await views.show_orders(tx, lens, placed),
        "promises": await views.show_promises(tx, lens, owed),
    }


# ---- one guest, several channels


async def link_guest(request: web.Request) -> web.Response:
    """A staff member's word that two guests are one: `{"guest": the other's id}`."""
    me, body = caller(request), await read_object(request)
    other = GuestId(text_of(body, "guest", 64))
    one, who = GuestId(request.match_info["guest"]), me.signed_in.staff.id
    try:
        row = await request.app[DISPATCH].recognition.link(me.hotel, one, other, who)
    except CannotLink as cannot:
        raise Problem(409, cannot.code) from None
    return respond({"conversation": row.id})


async def unlink_identity(request: web.Request) -> web.Response:
    """Undo a link: the identity has a conversation of its own again."""
    me, identity = caller(request), IdentityId(request.match_info["identity"])
    try:
        row = await request.app[DISPATCH].recognition.unlink(me.hotel, identity, me.signed_in.staff.id)
    except CannotLink as cannot:
        raise Problem(409, cannot.code) from None
    return respond({"conversation": row.id})


# ---- acting

Build = Callable[[Conversation, bool], Command]
Check = Callable[[AsyncConnection], Awaitable[None]]


async def act(
    request: web.Request,
    build: Build,
    client_id: str | None = None,
    check: Check | None = None,
    colleague: StaffId | None = None,
) -> tuple[Conversation, int]:
    """Carry out a command on the conversation of the address. Raises Problem.

    Whoever acts, and the `colleague` who is given something, can't leave meanwhile.
    """
    me, id_ = caller(request), ConversationId(request.match_info["conversation"])
    once = (me.signed_in.staff.id, client_id) if client_id else None
    try:
        return await request.app[DISPATCH].act(me.hotel, id_, build, once, check, staying(me, colleague))
    except LookupError:
        raise Problem(404, "not_found") from None
    except Refused as refused:
        raise await _problem(request, refused) from None


def staying(me: Caller, colleague: StaffId | None = None) -> Check:
    """Holds whoever acts, and whom they give something to, until it is done. Raises Problem."""
    member = me.signed_in.staff.id

    async def hold(tx: AsyncConnection) -> None:
        for id_ in sorted({member, colleague or member}):
            if not await members.hold_active(tx, me.hotel, id_, me.at):
                raise Problem(401, "signed_out") if id_ == member else Problem(409, "not_a_colleague")

    return hold


_REFUSALS = {
    "closed": "closed",
    "unreachable": "reply_window_closed",
    "not_held": "not_holder",
    "to_oneself": "to_oneself",
    "not_assigned": "not_assigned",
    "draft_decided": "draft_decided",
    "unheard": "unheard",
    "nobody_to_tell": "nobody_to_tell",
}


async def _problem(request: web.Request, refused: Refused) -> Problem:
    """A refusal as the page needs it: who holds the conversation, and since when."""
    if refused.code not in ("held", "not_holder") or refused.holder is None:
        return Problem(409, _REFUSALS.get(refused.code, "not_holder"))
    async with request.app[DATABASE].read() as tx:
        names = await members.names_of(tx, {refused.holder})
    name = names.get(refused.holder, "")
    problem = Problem(409, "held", holder=name, since=refused.since)
    problem.values["holder_id"] = refused.holder
    return problem


async def show_row(request: web.Request, row: Conversation) -> dict[str, Any]:
    async with request.app[DATABASE].read() as tx:
        return (await views.show_rows(tx, await lens_of(request, tx), [row]))[0]


async def row_and_event(request: web.Request, row: Conversation, seq: int) -> dict[str, Any]:
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        shown = (await views.show_rows(tx, lens, [row]))[0]
        events = await views.show_events(tx, lens, row, seq - 1)
    return {"conversation": shown, "event": events[0] if events else None}


async def claim(request: web.Request) -> web.Response:
    member = caller(request).signed_in.staff.id
    row, _ = await act(request, lambda row, gone: Claim(member, gone))
    return respond({"conversation": await show_row(request, row)})


async def reply(request: web.Request) -> web.Response:
    body, me = await read_object(request), caller(request)
    text, client_id = text_of(body, "text", TEXT_LIMIT), text_of(body, "client_id", 64)
    take_over = body.get("take_over", True) is not False
    if phrases.has_gap(text):
        raise Problem(400, "unfilled")
    id_ = ConversationId(request.match_info["conversation"])
    content = protected(request, me, id_, text)
    said = {"client_id": client_id}

    way = _way(request, text_of(body, "identity", 64, required=False))

    speaking = Speak if me.may(Permission.SPEAK) else DraftReply  # a trainee's waits for approval

    def speak(row: Conversation, gone: bool) -> Speak | DraftReply:
        return speaking(me.signed_in.staff.id, content, said, way and way[0], gone, take_over)

    row, seq = await act(request, speak, client_id, way and way[1])
    await request.app[PRESENCE].ended(row.id, presence.staff(me.signed_in.staff.id), me.hotel)
    return respond(await row_and_event(request, row, seq))


def _way(request: web.Request, identity: str) -> tuple[IdentityId, Check] | None:
    """The identity that staff chose for a reply, and what looks whether it is one of this guest's."""
    if not identity:
        return None
    me, id_ = caller(request), ConversationId(request.match_info["conversation"])
    way = IdentityId(identity)
    return way, lambda tx: ways.check_way(tx, me.hotel, id_, way)


async def send_file(request: web.Request) -> web.Response:
    """A file from staff, as the body; `?client_id=` makes sending idempotent, `?name=` is shown, `?identity=`
    chooses where it goes."""
    me, client_id = caller(request), text_of(dict(request.query), "client_id", 64)
    take_over = request.query.get("take_over") != "false"
    way = _way(request, request.query.get("identity", "")[:64])
    file = await files.take(request, me.hotel)
    content = Content(blobs=file.blobs, details={"file": file.to_json()})

    def speak(row: Conversation, gone: bool) -> Speak:
        said = {"client_id": client_id}
        return Speak(me.signed_in.staff.id, content, said, way and way[0], gone, take_over)

    row, seq = await act(request, speak, client_id, way and way[1])
    return respond(await row_and_event(request, row, seq))


def protected(request: web.Request, me: Caller, id_: ConversationId, text: str) -> Content:
    """Staff's words are kept like a guest's: identifying numbers masked, their originals sealed."""
    seal = request.app[DISPATCH].seal
    return Content(*seal.protect(text, dispatch.bound_to(me.hotel, id_)))


async def note(request: web.Request) -> web.Response:
    body, me = await read_object(request), caller(request)
    text, client_id = text_of(body, "text", TEXT_LIMIT), text_of(body, "client_id", 64)
    id_ = ConversationId(request.match_info["conversation"])
    content, named = protected(request, me, id_, text), mentioned(body)
    member = me.signed_in.staff.id
    said = {"client_id": client_id, **({"mentions": list(named)} if named else {})}
    row, seq = await act(
        request,
        lambda row, gone: Note(member, content, said),
        client_id,
        lambda tx: check_colleagues(tx, me, named, request.app[CLOCK].now()),
    )
    return respond(await row_and_event(request, row, seq))


async def release(request: web.Request) -> web.Response:
    me = caller(request)
    async with request.app[DATABASE].read() as tx:
        hotel = await request.app[HOTELS].get(tx, me.hotel)
    text = hotel.say("released_to_assistant", request.app[CLOCK].now(), staff=me.signed_in.staff.for_guests)
    words = Said(Content(text=text), {"keys": ["released_to_assistant"], "introduced": True})
    row, _ = await act(request, lambda row, gone: Release(me.signed_in.staff.id, words))
    return respond({"conversation": await show_row(request, row)})


async def close(request: web.Request) -> web.Response:
    body, me = await read_object(request), caller(request)
    if body.get("reason") not in CLOSE_REASONS:
        raise Problem(400, "bad_reason")
    text = text_of(body, "note", TEXT_LIMIT, required=False)
    id_ = ConversationId(request.match_info["conversation"])
    content = protected(request, me, id_, text) if text.strip() else None
    actor = Actor(ActorKind.STAFF, me.signed_in.staff.id)
    row, _ = await act(request, lambda row, gone: Close(actor, body["reason"], content))
    return respond({"conversation": await show_row(request, row)})


async def acknowledge(request: web.Request) -> web.Response:
    """Seen: the alarm, a guest who waits, a promise that is late. What is about to be told next isn't, for a
    while; acknowledging is no claim."""
    me, id_ = caller(request), ConversationId(request.match_info["conversation"])
    async with request.app[DATABASE].read() as tx:
        open_ = await promises.listed(tx, me.hotel, PromiseState.OPEN)
    owed = any(one.conversation == id_ and one.due_at <= me.at for one in open_)
    row, _ = await act(request, lambda row, gone: Acknowledge(me.signed_in.staff.id, owed, gone))
    return respond({"conversation": await show_row(request, row)})


async def resend(request: web.Request) -> web.Response:
    """再发一次: staff alone may repeat what may have arrived."""
    body, me = await read_object(request), caller(request)
    seq = seq_of(body.get("seq"))
    id_ = ConversationId(request.match_info["conversation"])
    async with request.app[DATABASE].read() as tx:
        event = await log.event_of(tx, me.hotel, id_, seq)
        content = await log.content_of(tx, me.hotel, id_, event.seq) if event else None
    if event is None or event.identity is None or content is None or not content.text:
        raise Problem(404, "not_found")
    if event.type not in (EventType.STAFF_SAID, EventType.ASSISTANT_SAID):
        raise Problem(400, "not_unclear")
    found, identity, member = event.seq, event.identity, me.signed_in.staff.id
    await _check_repeatable(request, me, id_, found)
    row, _ = await act(request, lambda row, gone: Resend(member, found, identity))
    return respond({"conversation": await show_row(request, row)})


async def _check_repeatable(request: web.Request, me: Caller, id_: ConversationId, seq: int) -> None:
    async with request.app[DATABASE].read() as tx:
        state, _ = (await outbox.deliveries(tx, me.hotel, id_)).get(seq, ("", None))
    if state not in ("unclear", "failed"):
        raise Problem(409, "not_unclear")


async def read(request: web.Request) -> web.Response:
    body, me = await read_object(request), caller(request)
    id_, seq = ConversationId(request.match_info["conversation"]), seq_of(body.get("seq"))
    async with request.app[DATABASE].write() as tx:
        row = await log.row_of(tx, me.hotel, id_)
        if row is None:
            raise Problem(404, "not_found")
        viewer = f"staff:{me.signed_in.staff.id}"
        await read_marks.mark_read(tx, me.hotel, id_, viewer, min(seq, row.seq))
        await mentions.see(tx, me.hotel, id_, me.signed_in.staff.id, seq, request.app[CLOCK].now())
    return respond({})


async def open_sealed(request: web.Request) -> web.Response:
    """The sealed numbers of one message, for those who may; every opening is on record."""
    me, id_ = caller(request), ConversationId(request.match_info["conversation"])
    seq = seq_of(request.match_info["seq"])
    async with request.app[DATABASE].write() as tx:
        content = await log.content_of(tx, me.hotel, id_, seq)
        if content is None or not content.sealed:
            raise Problem(404, "nothing_sealed")
        now, what = request.app[CLOCK].now(), f"{id_}#{seq}"
        await audits.record(tx, me.hotel, new_id(), now, me.signed_in.staff.id, "open_sealed", what)
    seal, bound = request.app[DISPATCH].seal, dispatch.bound_to(me.hotel, id_)
    try:
        opened = [{"kind": s["kind"], "value": seal.open(s, bound)} for s in content.sealed]
    except CannotOpen:
        raise Problem(409, "nothing_sealed") from None
    return respond({"values": opened})


# ---- orders


async def list_orders(request: web.Request) -> web.Response:
    me = caller(request)
    wanted = {
        "open": orders.OPEN,
        "done": (OrderState.DONE,),
        "cancelled": (OrderState.CANCELLED,),
        "": (),
    }
    states = wanted.get(request.query.get("state", "open"))
    if states is None:
        raise Problem(400, "bad_request")
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        found = await desk.list_orders(tx, me.hotel, states)
        return respond({"orders": await views.show_orders(tx, lens, found)})


async def finish_order(request: web.Request) -> web.Response:
    """Tick an order as done: a wake-up call as called."""
    body, me = await read_object(request), caller(request)
    text = text_of(body, "note", TEXT_LIMIT, required=False)
    id_, member = OrderId(request.match_info["order"]), me.signed_in.staff.id
    async with request.app[DATABASE].read() as tx:
        order = await desk.order_of(tx, me.hotel, id_)
    if order is None:
        raise Problem(404, "not_found")
    if order.state not in orders.OPEN:
        raise Problem(409, "order_not_open")
    content = protected(request, me, order.conversation, text) if text.strip() else None
    done = orders.done(order, member, request.app[CLOCK].now(), content)
    once = (order.id, "done")  # two people ticking at once: one event
    await request.app[DISPATCH].act(me.hotel, order.conversation, lambda row, gone: Record((done,)), once)
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        found = await desk.order_of(tx, me.hotel, id_)
        return respond({"order": (await views.show_orders(tx, lens, [found] if found else []))[0]})


# ---- following


async def _frames(request: web.Request, place: Feed, me: Caller) -> list[dict[str, Any]]:
    """What is new, each frame with the service's time: a page's own clock may be off."""
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        return [{**frame, "now": lens.now} for frame in await place.frames(tx, lens)]


async def feed(request: web.Request) -> web.StreamResponse:
    me = caller(request)
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=64_000)
    await socket.prepare(request)
    hello = await socket.receive(timeout=10)
    frame = _frame(hello.data) if hello.type is WSMsgType.TEXT else None
    if frame is None or frame.get("type") != "hello":
        await socket.close(code=4401)
        return socket
    place = Feed.resume(frame.get("cursor"), frame.get("follow"), request.app[CLOCK].now())
    looking = Looking(request.app[PRESENCE], request.app[DATABASE], request.app[CLOCK], me)
    metrics.SOCKETS.labels("desk").inc()
    request.app[SOCKETS].add(socket)
    with request.app[DISPATCH].nudges.watch(f"hotel:{me.hotel}") as nudged:
        pushing = asyncio.create_task(push(socket, _push(request, socket, place, looking, me, nudged)))
        try:
            await _listen(request, socket, place, me, nudged)
        finally:
            pushing.cancel()
            with suppress(asyncio.CancelledError):
                await pushing
            await looking.gone()
            metrics.SOCKETS.labels("desk").dec()
            request.app[SOCKETS].discard(socket)
    return socket


async def _push(
    request: web.Request,
    socket: web.WebSocketResponse,
    place: Feed,
    looking: Looking,
    me: Caller,
    nudged: asyncio.Event,
) -> None:
    """Send what is new at each nudge, and look by itself when none comes."""
    token, seen = request.cookies.get(COOKIE, ""), 0.0
    while not socket.closed:
        nudged.clear()
        if request.app[CLOCK].monotonic() - seen > SEEN_SECONDS or not seen:
            seen = request.app[CLOCK].monotonic()
            await _seen(request, me)
        signed_in = await request.app[DESK].who(token)
        if signed_in is None or signed_in.locked or signed_in.roles.get(me.hotel) != me.role:
            await socket.close(code=4401)  # signed out, deactivated, run out, or of another role by now
            return
        frames = await _frames(request, place, me) + await place.typing(request.app[PRESENCE])
        for frame in frames + await looking.frames(place.opened):
            await socket.send_str(dumps(frame))
        await wait_for(nudged, LOOK_SECONDS)


async def _seen(request: web.Request, me: Caller) -> None:
    """Whoever has a desk open is there still."""
    who, now = me.signed_in.staff.id, request.app[CLOCK].now()
    async with request.app[DATABASE].read() as tx:
        stale = await posts.stale(tx, me.hotel, who, now)
    if stale:
        async with request.app[DATABASE].write() as tx:
            await posts.see(tx, me.hotel, who, now)


async def _listen(
    request: web.Request, socket: web.WebSocketResponse, place: Feed, me: Caller, nudged: asyncio.Event
) -> None:
    async for message in socket:
        frame = _frame(message.data) if message.type is WSMsgType.TEXT else None
        if frame is None or not may_send(me, frame):
            continue
        match frame:
            case {"type": "ping"}:
                await socket.send_str(dumps({"type": "pong", "now": request.app[CLOCK].now()}))
            case {"type": "follow", "conversation": str(id_), "after": int(after)}:
                place.follow[ConversationId(id_)] = seq_of(after)
                nudged.set()
            case {"type": "unfollow", "conversation": str(id_)}:
                place.follow.pop(ConversationId(id_), None)
                nudged.set()
            case {"type": "typing", "conversation": str(id_)}:
                await _typing(request, me, ConversationId(id_))


async def _typing(request: web.Request, me: Caller, id_: ConversationId) -> None:
    """A colleague is writing to this guest; the guest's page and the other desks may say so."""
    async with request.app[DATABASE].read() as tx:
        known = await log.row_of(tx, me.hotel, id_) is not None
    if known:
        await request.app[PRESENCE].typing(id_, presence.staff(me.signed_in.staff.id), me.hotel)


def _frame(raw: str) -> dict[str, Any] | None:
    try:
        frame = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None


async def poll(request: web.Request) -> web.Response:
    """The same frames for a page whose sockets fail; answers when there is something, or in 25 s."""
    me, clock = caller(request), request.app[CLOCK]
    follow = {
        id_: seq_of(seq)
        for id_, _, seq in (part.partition(":") for part in request.query.getall("follow", []))
        if seq.isdecimal()
    }
    place = Feed.resume(request.query.get("cursor"), follow, clock.now())
    await _seen(request, me)
    deadline = clock.monotonic() + POLL_SECONDS
    async with request.app[DATABASE].read() as tx:
        await place.prime(tx, await lens_of(request, tx))
    with request.app[DISPATCH].nudges.watch(f"hotel:{me.hotel}") as nudged:
        while True:
            nudged.clear()
            frames = await _frames(request, place, me)
            left = deadline - clock.monotonic()
            if frames or left <= 0:
                return respond({"frames": frames, "cursor": place.cursor, "now": clock.now()})
            await wait_for(nudged, min(left, LOOK_SECONDS))
