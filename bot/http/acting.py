"""How the desk's pages carry out a command on a conversation: once, by somebody who may, told why not."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import dispatch
from bot.conversation import Command, Conversation, Refused
from bot.http import views
from bot.http.guard import DATABASE, DISPATCH, Caller, Problem, caller
from bot.http.views import lens_of
from bot.model import Content, ConversationId, StaffId
from bot.store import members

TEXT_LIMIT = 5000
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


def protected(request: web.Request, me: Caller, id_: ConversationId, text: str) -> Content:
    """Staff's words are kept like a guest's: identifying numbers masked, their originals sealed."""
    seal = request.app[DISPATCH].seal
    return Content(*seal.protect(text, dispatch.bound_to(me.hotel, id_)))
