"""What trainees would say to guests: approving it, as it is or in other words, and refusing it."""

from aiohttp import web

from bot import phrases
from bot.conversation import Approve, Conversation, RefuseDraft
from bot.http.acting import TEXT_LIMIT, act, protected, row_and_event
from bot.http.guard import DATABASE, Caller, Problem, caller, event_of, given_text, read_object, respond
from bot.model import Content, Event, EventType
from bot.roles import Permission
from bot.store import log

NOTE_LIMIT = 1000


def add_routes(app: web.Application) -> None:
    one = "/desk/v1/hotels/{hotel}/conversations/{conversation}" + r"/drafts/{seq:\d+}"
    app.router.add_post(f"{one}/approve", approve)
    app.router.add_post(f"{one}/refuse", refuse)


async def _draft(request: web.Request, me: Caller) -> tuple[Event, Content]:
    id_, seq = event_of(request)
    async with request.app[DATABASE].read() as tx:
        event = await log.event_of(tx, me.hotel, id_, seq)
        content = await log.content_of(tx, me.hotel, id_, seq)
    if event is None or event.type is not EventType.REPLY_DRAFTED:
        raise Problem(404, "not_found")
    if content is None or not content.text:
        raise Problem(409, "draft_decided")  # the guest has been erased
    return event, content


async def approve(request: web.Request) -> web.Response:
    """It goes out: as it is, or in the words of `{"text"}`. What the trainee wrote stays beside it."""
    body, me = await read_object(request), caller(request)
    event, drafted = await _draft(request, me)
    words = given_text(body, "text", TEXT_LIMIT)
    edited = bool(words) and words != (drafted.text or "").strip()
    content = _reworded(request, me, event, words) if edited else _as_it_is(drafted)

    def build(_row: Conversation, gone: bool) -> Approve:
        return Approve(me.signed_in.staff.id, event, content, edited, gone)

    row, seq = await act(request, build)
    return respond(await row_and_event(request, row, seq))


def _as_it_is(drafted: Content) -> Content:
    return Content(drafted.text, drafted.sealed)


def _reworded(request: web.Request, me: Caller, event: Event, words: str) -> Content:
    if phrases.has_gap(words):
        raise Problem(400, "unfilled")
    return protected(request, me, event.conversation, words)


async def refuse(request: web.Request) -> web.Response:
    """It doesn't go out; `{"note"?}` tells the trainee why. Whoever wrote it may take it back."""
    body, me = await read_object(request), caller(request)
    event, _ = await _draft(request, me)
    if event.actor.id != me.signed_in.staff.id and not me.may(Permission.APPROVE):
        raise Problem(403, "forbidden")
    words = given_text(body, "note", NOTE_LIMIT)
    content = protected(request, me, event.conversation, words) if words else None

    def build(_row: Conversation, _gone: bool) -> RefuseDraft:
        return RefuseDraft(me.signed_in.staff.id, event.seq, content)

    row, seq = await act(request, build)
    return respond(await row_and_event(request, row, seq))
