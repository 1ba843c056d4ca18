"""Who else works in the hotel, and handing a conversation over to one of them."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from bot.conversation import Transfer
from bot.http.acting import act, protected, show_row
from bot.http.guard import CLOCK, DATABASE, caller, read_object, respond, text_of
from bot.model import ConversationId, StaffId
from bot.spelling import spelt
from bot.store import desk
from bot.store.desk import Colleague

NOTE_LIMIT = 1000


def add_routes(app: web.Application) -> None:
    hotel = "/desk/v1/hotels/{hotel}"
    app.router.add_get(f"{hotel}/colleagues", list_colleagues)
    app.router.add_post(hotel + "/conversations/{conversation}/transfer", transfer)


async def list_colleagues(request: web.Request) -> web.Response:
    """Everybody who may be handed a conversation: who is signed in first, then by how much they hold."""
    me = caller(request)
    async with request.app[DATABASE].read() as tx:
        found = await desk.list_colleagues(tx, me.hotel, request.app[CLOCK].now())
    others = [one for one in found if one.id != me.signed_in.staff.id]
    return respond({"colleagues": await asyncio.to_thread(_shown, others)})


def _shown(colleagues: Sequence[Colleague]) -> list[dict[str, Any]]:
    return [
        {"id": c.id, "name": c.name, "spelt": spelt(c.name), "signed_in": c.signed_in, "holds": c.holds}
        for c in colleagues
    ]


async def transfer(request: web.Request) -> web.Response:
    """Hand it over, with a note that the colleague sees and the guest doesn't."""
    body, me = await read_object(request), caller(request)
    to, words = StaffId(text_of(body, "to", 64)), text_of(body, "note", NOTE_LIMIT, required=False)
    client_id = text_of(body, "client_id", 64)
    id_ = ConversationId(request.match_info["conversation"])
    note = protected(request, me, id_, words) if words.strip() else None

    def build(_row: object, gone: bool) -> Transfer:
        return Transfer(me.signed_in.staff.id, to, note, gone)

    row, _ = await act(request, build, client_id, colleague=to)
    return respond({"conversation": await show_row(request, row)})
