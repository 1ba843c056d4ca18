"""Who sees to an order: somebody takes it on, hands it to a colleague, or gives it back to the desk."""

from typing import Any

from aiohttp import web

from bot import orders
from bot.conversation import Record
from bot.http import views
from bot.http.desk import staying
from bot.http.guard import CLOCK, DATABASE, DISPATCH, Caller, Problem, caller, read_object, respond, text_of
from bot.http.views import lens_of
from bot.model import OrderId, StaffId
from bot.store import desk
from bot.store.desk import OrderRow


def add_routes(app: web.Application) -> None:
    app.router.add_post("/desk/v1/hotels/{hotel}/orders/{order}/take", take)


async def take(request: web.Request) -> web.Response:
    """`{"owner"?: id}`: whoever asks, unless the body names a colleague, or null for the whole desk."""
    me, body = caller(request), await read_object(request)
    order = await _open(request, me)
    owner = _owner(me, body)
    if order.owner != owner:
        event = orders.taken(order, me.signed_in.staff.id, owner, request.app[CLOCK].now())
        told, before = Record((event,)), staying(me, owner)
        dispatch = request.app[DISPATCH]
        await dispatch.act(me.hotel, order.conversation, lambda row, gone: told, before=before)
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        found = await desk.order_of(tx, me.hotel, order.id)
        return respond({"order": (await views.show_orders(tx, lens, [found] if found else []))[0]})


def _owner(me: Caller, body: dict[str, Any]) -> StaffId | None:
    if "owner" in body and body["owner"] is None:
        return None
    return StaffId(text_of(body, "owner", 64, required=False) or me.signed_in.staff.id)


async def _open(request: web.Request, me: Caller) -> OrderRow:
    async with request.app[DATABASE].read() as tx:
        order = await desk.order_of(tx, me.hotel, OrderId(request.match_info["order"]))
    if order is None:
        raise Problem(404, "not_found")
    if order.state not in orders.OPEN:
        raise Problem(409, "order_not_open")
    return order
