"""How a visit was, as the guest says it on the page or in the app: once for each that a colleague ended."""

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import rating
from bot.conversation import Conversation, Record
from bot.dispatch import bound_to
from bot.http.guard import CLOCK, DISPATCH, HOTELS, Problem, text_of
from bot.model import Actor, ActorKind, Audience, Content, EventType, NewEvent
from bot.store import log
from bot.store.people import Identity

TEXT_LIMIT = 500
STARS = range(1, 6)


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
    await _record(request, identity, row, {"stars": stars, "visit": visit}, text)
    return {"visit": visit, "stars": stars}


async def _record(
    request: web.Request, identity: Identity, row: Conversation, body: dict[str, int], text: str
) -> None:
    dispatch, actor = request.app[DISPATCH], Actor(ActorKind.GUEST, identity.guest)
    content = Content(*dispatch.seal.protect(text, bound_to(row.hotel, row.id))) if text.strip() else None
    now = request.app[CLOCK].now()
    rated = NewEvent(EventType.GUEST_RATED, now, actor, Audience.STAFF, identity.id, body, content)

    async def check(tx: AsyncConnection) -> None:
        """Whichever of the guest's pages and messages was faster."""
        hotel, there = await request.app[HOTELS].get(tx, row.hotel), await log.row_of(tx, row.hotel, row.id)
        if there is None or await rating.due(tx, hotel, there) != body["visit"]:
            raise Problem(409, "not_ratable")

    await dispatch.act(row.hotel, row.id, lambda _row, _gone: Record((rated,)), check=check)
