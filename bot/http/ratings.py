"""How a visit was, as the guest says it on the page or in the app: once for each that a colleague ended."""

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation, Record
from bot.dispatch import bound_to
from bot.http.guard import CLOCK, DATABASE, DISPATCH, Problem, text_of
from bot.model import Actor, ActorKind, Audience, Content, EventType, NewEvent, State
from bot.store import log
from bot.store.people import Identity

TEXT_LIMIT = 500
STARS = range(1, 6)


async def due(tx: AsyncConnection, row: Conversation) -> int | None:
    """The visit that the guest may rate: a colleague has ended it, and it isn't rated yet."""
    if row.state is not State.CLOSED:
        return None
    types = (EventType.CLOSED, EventType.GUEST_RATED)
    last = (await log.events_of_types_in(tx, row.hotel, row.id, types))[-1:]
    ended = last and last[0].type is EventType.CLOSED and last[0].actor.kind is ActorKind.STAFF
    return row.visit if ended else None


async def take(
    request: web.Request, found: tuple[Identity, Conversation] | None, body: dict[str, Any]
) -> dict[str, int]:
    """One to five `stars` for a `visit`, and a sentence if the guest likes. Raises Problem."""
    stars, visit, text = body.get("stars"), body.get("visit"), text_of(body, "text", TEXT_LIMIT, False)
    if not isinstance(stars, int) or isinstance(stars, bool) or stars not in STARS:
        raise Problem(400, "bad_request")
    if not isinstance(visit, int) or isinstance(visit, bool):
        raise Problem(400, "bad_request")
    if found is None:
        raise Problem(409, "not_ratable")
    identity, row = found
    async with request.app[DATABASE].read() as tx:
        if await due(tx, row) != visit:
            raise Problem(409, "not_ratable")
    await _record(request, identity, row, {"stars": stars, "visit": visit}, text)
    return {"visit": visit, "stars": stars}


async def _record(
    request: web.Request, identity: Identity, row: Conversation, body: dict[str, int], text: str
) -> None:
    dispatch, actor = request.app[DISPATCH], Actor(ActorKind.GUEST, identity.guest)
    content = Content(*dispatch.seal.protect(text, bound_to(row.hotel, row.id))) if text.strip() else None
    now = request.app[CLOCK].now()
    rated = NewEvent(EventType.GUEST_RATED, now, actor, Audience.STAFF, identity.id, body, content)
    once = (identity.guest, f"rate-{body['visit']}")  # whichever of the guest's pages was faster
    await dispatch.act(row.hotel, row.id, lambda _row, _gone: Record((rated,)), once)
