"""Several people at one conversation: whispering, putting it aside, taking it over."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from bot import mentions, snoozing
from bot.conversation import Conversation, Record, Refused
from bot.http.acting import TEXT_LIMIT, act, protected, row_and_event, show_row
from bot.http.guard import CLOCK, Caller, Problem, caller, read_object, respond, text_of
from bot.model import Actor, ActorKind, Audience, ConversationId, EventType, NewEvent, StaffId, State

FARTHEST = timedelta(days=60)


def add_routes(app: web.Application) -> None:
    one = "/desk/v1/hotels/{hotel}/conversations/{conversation}"
    app.router.add_post(f"{one}/whisper", whisper)
    app.router.add_post(f"{one}/snooze", snooze)
    app.router.add_post(f"{one}/wake", wake)
    app.router.add_post(f"{one}/take-over", take_over)


async def whisper(request: web.Request) -> web.Response:
    """A supervisor's word that whoever holds the conversation sees, and nobody else: `{"text"}`."""
    body, me = await read_object(request), caller(request)
    text, client_id = text_of(body, "text", TEXT_LIMIT), text_of(body, "client_id", 64)
    content = protected(request, me, ConversationId(request.match_info["conversation"]), text)
    member, now = _id(me), request.app[CLOCK].now()
    row, seq = await act(
        request, lambda row, gone: mentions.whisper(row, member, content, client_id, now), client_id
    )
    return respond(await row_and_event(request, row, seq))


async def snooze(request: web.Request) -> web.Response:
    """`{"until": a time, or null for the guest's next word}`."""
    body, member, now = await read_object(request), _id(caller(request)), request.app[CLOCK].now()
    until = _until(body, now)
    row, _ = await act(request, lambda row, gone: snoozing.snooze(row, member, until, now))
    return respond({"conversation": await show_row(request, row)})


async def wake(request: web.Request) -> web.Response:
    member, now = _id(caller(request)), request.app[CLOCK].now()
    row, _ = await act(request, lambda row, gone: snoozing.wake(row, member, now))
    return respond({"conversation": await show_row(request, row)})


async def take_over(request: web.Request) -> web.Response:
    """From whom it is: `{"from": the holder's id}`. Whoever asks has been asked whether they mean it."""
    body, member, now = await read_object(request), _id(caller(request)), request.app[CLOCK].now()
    holder = StaffId(text_of(body, "from", 64))

    def taken(row: Conversation, _gone: bool) -> Record:
        if row.state is not State.STAFF or row.holder != holder or holder == member:
            raise Refused("not_holder", row.holder, row.held_since)
        moved = {"holder": member, "from": holder, "why": "taken_over"}
        actor = Actor(ActorKind.STAFF, member)
        return Record((NewEvent(EventType.TRANSFERRED, now, actor, Audience.GUEST, body=moved),))

    row, _ = await act(request, taken)
    return respond({"conversation": await show_row(request, row)})


def _id(me: Caller) -> StaffId:
    return me.signed_in.staff.id


def _until(body: dict[str, Any], now: datetime) -> datetime | None:
    if body.get("until") is None:
        return None
    try:
        until = datetime.fromisoformat(str(body["until"]))
    except ValueError:
        raise Problem(400, "bad_due") from None
    if until.tzinfo is None or not now < until < now + FARTHEST:
        raise Problem(400, "bad_due")
    return until.astimezone(UTC)
