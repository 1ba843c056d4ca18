"""The desk's API for orders: the list; who sees to one, takes it on, hands it to a colleague or gives it back
to the desk; ticking it as done."""

from typing import Any

from aiohttp import web

from bot import orders
from bot.conversation import Record
from bot.http import views
from bot.http.acting import TEXT_LIMIT, protected, staying
from bot.http.guard import CLOCK, DATABASE, DISPATCH, Caller, Problem, caller, read_object, respond, text_of
from bot.http.views import lens_of
from bot.model import OrderId, OrderState, StaffId
from bot.store import desk
from bot.store.desk import OrderRow


def add_routes(app: web.Application) -> None:
    app.router.add_get("/desk/v1/hotels/{hotel}/orders", list_orders)
    app.router.add_post("/desk/v1/hotels/{hotel}/orders/{order}/done", finish_order)
    app.router.add_post("/desk/v1/hotels/{hotel}/orders/{order}/take", take)


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
    return await _answer(request, order)


async def finish_order(request: web.Request) -> web.Response:
    """Tick an order as done: a wake-up call as called."""
    body, me = await read_object(request), caller(request)
    text = text_of(body, "note", TEXT_LIMIT, required=False)
    order = await _open(request, me)
    content = protected(request, me, order.conversation, text) if text.strip() else None
    done = orders.done(order, me.signed_in.staff.id, request.app[CLOCK].now(), content)
    once = (order.id, "done")  # two people ticking at once: one event
    await request.app[DISPATCH].act(me.hotel, order.conversation, lambda row, gone: Record((done,)), once)
    return await _answer(request, order)


async def _answer(request: web.Request, order: OrderRow) -> web.Response:
    async with request.app[DATABASE].read() as tx:
        lens = await lens_of(request, tx)
        found = await desk.order_of(tx, order.hotel, order.id)
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
