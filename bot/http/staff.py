"""The people of a hotel, for its administrators: who they are, what they hold, and ending their access."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import orders, staff
from bot.http import views
from bot.http.guard import CLOCK, DATABASE, DISPATCH, Caller, Problem, caller, read_object, respond
from bot.http.views import Lens, lens_of
from bot.ids import new_id
from bot.model import HotelId, PromiseState, StaffId
from bot.staff import Held
from bot.store import desk, people, promises
from bot.store.people import Staff


def add_routes(app: web.Application) -> None:
    hotel = "/desk/v1/hotels/{hotel}"
    app.router.add_get(f"{hotel}/staff", list_staff)
    app.router.add_get(hotel + "/staff/{staff}/holds", show_holds)
    app.router.add_post(hotel + "/staff/{staff}/deactivate", deactivate)


def administrator(request: web.Request) -> Caller:
    me = caller(request)
    if me.signed_in.roles[me.hotel] != "administrator":
        raise Problem(403, "forbidden")
    return me


async def member_of(tx: AsyncConnection, request: web.Request, me: Caller) -> Staff:
    member = await people.find_member(tx, me.hotel, StaffId(request.match_info["staff"]))
    if member is None:
        raise Problem(404, "not_found")
    return member


async def list_staff(request: web.Request) -> web.Response:
    me, now = administrator(request), request.app[CLOCK].now()
    async with request.app[DATABASE].read() as tx:
        members = await people.members_of(tx, me.hotel)
        here = await people.signed_in_among(tx, [member.id for member, _ in members], now)
        held = {c.id: c.holds for c in await desk.list_colleagues(tx, me.hotel, now)}
        owed = await promises.listed(tx, me.hotel, PromiseState.OPEN)
        taken = await desk.list_orders(tx, me.hotel, orders.OPEN)
    shown = [
        {
            "id": member.id,
            "login": member.login,
            "name": member.name,
            "role": role,
            "active": member.active,
            "signed_in": member.active and member.id in here,
            "conversations": held.get(member.id, 0),
            "promises": sum(p.owner == member.id for p in owed) if member.active else 0,
            "orders": sum(o.owner == member.id for o in taken) if member.active else 0,
        }
        for member, role in members
    ]
    return respond({"staff": shown})


async def show_holds(request: web.Request) -> web.Response:
    """What would be left behind: each may be given to a colleague, or goes back to everybody."""
    me = administrator(request)
    async with request.app[DATABASE].read() as tx:
        member = await member_of(tx, request, me)
        lens = await lens_of(request, tx)
        rows = await desk.list_conversations(tx, me.hotel, holder=member.id, limit=staff.MOST)
        owed = await promises.listed(tx, me.hotel, PromiseState.OPEN, owner=member.id, limit=staff.MOST)
        taken = await desk.list_orders(tx, me.hotel, orders.OPEN, owner=member.id, limit=staff.MOST)
        return respond(
            {
                "conversations": await views.show_rows(tx, lens, rows),
                "promises": await views.show_promises(tx, lens, owed),
                "orders": await views.show_orders(tx, lens, taken),
                "elsewhere": await _elsewhere(tx, lens, member),
            }
        )


async def _elsewhere(tx: AsyncConnection, lens: Lens, member: Staff) -> int:
    """How much this person holds in other hotels; it goes back to everybody there."""
    return sum(thing.hotel != lens.hotel.id for thing in await staff.held_by(tx, member.id))


async def deactivate(request: web.Request) -> web.Response:
    """End somebody's access: `{"to": {id of a conversation, promise or order: id of a colleague}}`; what it
    doesn't name goes back to everybody."""
    me, body = administrator(request), await read_object(request)
    plan, now = _plan(body), request.app[CLOCK].now()
    async with request.app[DATABASE].write() as tx:
        member = await member_of(tx, request, me)
        if member.id == me.signed_in.staff.id:
            raise Problem(409, "not_oneself")
        roles = await people.roles_of(tx, member.id)
        if any(me.signed_in.roles.get(hotel) != "administrator" for hotel in roles):
            raise Problem(403, "works_elsewhere")
        for to in sorted(set(plan.values())):
            if to == member.id or not await people.hold_active(tx, me.hotel, to):
                raise Problem(409, "not_a_colleague")
        things = await staff.deactivate(tx, member.login, now, lambda thing: _to(plan, me.hotel, thing))
        for hotel in roles:
            who = me.signed_in.staff.id
            await people.record_audit(tx, hotel, new_id(), now, who, "deactivate", member.id)
    await request.app[DISPATCH].nudges.nudge("outbox", *(f"hotel:{hotel}" for hotel in roles))
    return respond({"handed_over": len(things)})


def _to(plan: Mapping[str, StaffId], hotel: HotelId, thing: Held) -> StaffId | None:
    return plan.get(thing.id) if thing.hotel == hotel else None


def _plan(body: dict[str, Any]) -> dict[str, StaffId]:
    to = body.get("to") or {}
    if not isinstance(to, dict) or not all(isinstance(v, str | None) for v in to.values()):
        raise Problem(400, "bad_request")
    return {id_: StaffId(who) for id_, who in to.items() if who}
