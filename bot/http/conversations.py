"""The desk's API for conversations: looking at them, and what whoever works at the desk does with one."""

from typing import Any

from aiohttp import web

from bot import dispatch, phrases, presence
from bot.conversation import (
    Acknowledge,
    Claim,
    Close,
    Conversation,
    DraftReply,
    Note,
    Release,
    Resend,
    Said,
    Speak,
)
from bot.http import files, views, ways
from bot.http.acting import TEXT_LIMIT, Check, act, protected, row_and_event, show_row
from bot.http.guard import (
    CLOCK,
    DATABASE,
    DISPATCH,
    HOTELS,
    PRESENCE,
    Caller,
    Problem,
    caller,
    read_object,
    respond,
    seq_of,
    text_of,
)
from bot.http.mentions import check_colleagues, mentioned
from bot.http.search import key_of, next_key
from bot.http.views import lens_of
from bot.ids import new_id
from bot.model import Actor, ActorKind, Content, ConversationId, EventType, IdentityId, PromiseState, State
from bot.roles import Permission
from bot.sealing import CannotOpen
from bot.store import audits, desk, log, mentions, outbox, promises, read_marks

CLOSE_REASONS = frozenset({"solved", "no_answer", "spam", "other"})


def add_routes(app: web.Application) -> None:
    one = "/desk/v1/hotels/{hotel}/conversations/{conversation}"
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
