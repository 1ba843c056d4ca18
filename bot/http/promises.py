"""What staff have promised: noting it, changing it, and saying how it ended."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import promises
from bot.conversation import Record
from bot.http.acting import protected, staying
from bot.http.guard import (
    CLOCK,
    DATABASE,
    DISPATCH,
    Caller,
    Problem,
    caller,
    read_object,
    respond,
    seq_of,
    text_of,
)
from bot.http.views import Lens, lens_of, show_promises
from bot.model import ConversationId, Event, EventType, NewEvent, PromiseId, PromiseState, StaffId
from bot.store import log
from bot.store import promises as kept
from bot.store.promises import PromiseRow

WORDS = 500  # characters that say what was promised
FARTHEST = timedelta(days=400)


def add_routes(app: web.Application) -> None:
    hotel = "/desk/v1/hotels/{hotel}"
    app.router.add_get(f"{hotel}/promises", list_promises)
    app.router.add_post(hotel + "/conversations/{conversation}/promises", make)
    app.router.add_post(hotel + r"/conversations/{conversation}/events/{seq:\d+}/no-promise", decline)
    app.router.add_post(hotel + "/promises/{promise}", change)
    app.router.add_post(hotel + "/promises/{promise}/kept", keep)
    app.router.add_post(hotel + "/promises/{promise}/broken", break_)


async def list_promises(request: web.Request) -> web.Response:
    """What is owed to guests, the first due first."""
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        return respond({"promises": await show_promises(tx, lens, await _open(tx, lens))})


async def _open(tx: AsyncConnection, lens: Lens) -> Sequence[PromiseRow]:
    return await kept.listed(tx, lens.hotel.id, PromiseState.OPEN)


async def make(request: web.Request) -> web.Response:
    """Note a reply as a promise: `{"seq", "due_at", "owner"?, "words"?}`. Noted twice, it is one."""
    body, me = await read_object(request), caller(request)
    id_, seq = ConversationId(request.match_info["conversation"]), seq_of(body.get("seq"))
    now = request.app[CLOCK].now()
    due, owner = _due(body, now), _owner(me, body)
    async with request.app[DATABASE].read() as tx:
        said = await _said(tx, me, id_, seq)
        content = await log.content_of(tx, me.hotel, id_, seq)
    words = text_of(body, "words", WORDS, required=False).strip() or (content and content.text) or ""
    guessed = body.get("guessed") is True
    content = protected(request, me, id_, words[:WORDS])
    event = promises.made(me.signed_in.staff.id, seq, said.identity, due, guessed, owner, content, now)
    await _once(request, f"promise {seq}", event, owner)
    return await _answer(request, me, PromiseId(event.body["promise"]), id_, seq)


async def _said(tx: AsyncConnection, me: Caller, id_: ConversationId, seq: int) -> Event:
    event = await log.event_of(tx, me.hotel, id_, seq)
    if event is None or event.type is not EventType.STAFF_SAID:
        raise Problem(404, "not_found")
    return event


async def decline(request: web.Request) -> web.Response:
    """What was offered is no promise."""
    me, seq = caller(request), seq_of(request.match_info["seq"])
    async with request.app[DATABASE].read() as tx:
        await _said(tx, me, ConversationId(request.match_info["conversation"]), seq)
    event = promises.declined(me.signed_in.staff.id, seq, request.app[CLOCK].now())
    await _once(request, f"no promise {seq}", event)
    return respond({})


async def _once(request: web.Request, key: str, event: NewEvent, owner: StaffId | None = None) -> None:
    """About one reply it is said once, whoever was first."""
    me, id_ = caller(request), ConversationId(request.match_info["conversation"])
    before = staying(me, owner)
    await request.app[DISPATCH].act(me.hotel, id_, lambda _, gone: Record((event,)), (id_, key), None, before)


async def change(request: web.Request) -> web.Response:
    """Another time or another owner: `{"due_at"?, "owner"?}`; an owner of null is the whole desk."""
    body, me = await read_object(request), caller(request)
    row, now = await _row(request, me), request.app[CLOCK].now()
    due = _due(body, now) if "due_at" in body else row.due_at
    owner = _owner(me, body) if "owner" in body else row.owner
    event = promises.changed(row, me.signed_in.staff.id, due, owner, now)
    return await _record(request, me, row, event, owner=owner if "owner" in body else None)


async def keep(request: web.Request) -> web.Response:
    return await _end(request, was_kept=True)


async def break_(request: web.Request) -> web.Response:
    return await _end(request, was_kept=False)


async def _end(request: web.Request, was_kept: bool) -> web.Response:
    body, me = await read_object(request), caller(request)
    row, now = await _row(request, me), request.app[CLOCK].now()
    text = text_of(body, "note", WORDS, required=False)
    content = protected(request, me, row.conversation, text) if text.strip() else None
    event = promises.ended(row, me.signed_in.staff.id, was_kept, now, content)
    return await _record(request, me, row, event, (row.id, "ended"))


async def _record(
    request: web.Request,
    me: Caller,
    row: PromiseRow,
    event: NewEvent,
    once: tuple[str, str] | None = None,
    owner: StaffId | None = None,
) -> web.Response:
    dispatch, before = request.app[DISPATCH], staying(me, owner)
    await dispatch.act(me.hotel, row.conversation, lambda _, gone: Record((event,)), once, None, before)
    return await _answer(request, me, row.id, row.conversation, row.seq)


async def _row(request: web.Request, me: Caller) -> PromiseRow:
    async with request.app[DATABASE].read() as tx:
        row = await kept.find(tx, me.hotel, PromiseId(request.match_info["promise"]))
    if row is None:
        raise Problem(404, "not_found")
    if row.state is not PromiseState.OPEN:
        raise Problem(409, "promise_not_open")
    return row


async def _answer(
    request: web.Request, me: Caller, id_: PromiseId, conversation: ConversationId, seq: int
) -> web.Response:
    """The promise as it stands; where somebody else noted the same reply first, theirs."""
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        row = await kept.find(tx, me.hotel, id_) or await kept.of_message(tx, me.hotel, conversation, seq)
        shown: list[dict[str, Any]] = await show_promises(tx, lens, [row] if row else [])
    if not shown:
        raise Problem(409, "promise_not_open")
    return respond({"promise": shown[0]})


def _due(body: dict[str, Any], now: datetime) -> datetime:
    try:
        due = datetime.fromisoformat(str(body.get("due_at")))
    except ValueError:
        raise Problem(400, "bad_due") from None
    if due.tzinfo is None or not now < due < now + FARTHEST:
        raise Problem(400, "bad_due")
    return due.astimezone(UTC)


def _owner(me: Caller, body: dict[str, Any]) -> StaffId | None:
    """Who sees to it: whoever asks, unless the body names a colleague, or null for the whole desk."""
    if "owner" in body and body["owner"] is None:
        return None
    return StaffId(text_of(body, "owner", 64, required=False) or me.signed_in.staff.id)
