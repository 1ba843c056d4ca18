"""The people of a hotel, for its managers: who they are and what they hold; roles, and ending access."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import orders, staff
from bot.http import views
from bot.http.guard import CLOCK, DATABASE, DISPATCH, HOTELS, Caller, Problem, caller, read_object, respond
from bot.http.views import Lens, lens_of
from bot.ids import new_id
from bot.model import HotelId, PromiseState, StaffId
from bot.roles import WORKING, Permission, Role, end_of, last_day, may
from bot.staff import Held
from bot.store import acquaintance, audits, desk, members, promises
from bot.store.acquaintance import Known
from bot.store.members import Staff


def add_routes(app: web.Application) -> None:
    hotel = "/desk/v1/hotels/{hotel}"
    app.router.add_get(f"{hotel}/staff", list_staff)
    app.router.add_get(hotel + "/staff/{staff}/holds", show_holds)
    app.router.add_post(hotel + "/staff/{staff}/role", appoint)
    app.router.add_post(hotel + "/staff/{staff}/deactivate", deactivate)


async def member_of(tx: AsyncConnection, request: web.Request, me: Caller) -> Staff:
    member = await members.find_member(tx, me.hotel, StaffId(request.match_info["staff"]))
    if member is None:
        raise Problem(404, "not_found")
    return member


async def list_staff(request: web.Request) -> web.Response:
    me, now = caller(request), request.app[CLOCK].now()
    async with request.app[DATABASE].read() as tx:
        everybody = await members.members_of(tx, me.hotel)
        here = await members.signed_in_among(tx, [member.id for member, _, _ in everybody], now)
        zone = (await request.app[HOTELS].get(tx, me.hotel)).zone
        held = {c.id: c.holds for c in await desk.list_colleagues(tx, me.hotel, now)}
        owed = await promises.listed(tx, me.hotel, PromiseState.OPEN)
        taken = await desk.list_orders(tx, me.hotel, orders.OPEN)
    shown = [
        {
            "id": member.id,
            "login": member.login,
            "name": member.name,
            "role": role,
            "until": _day(last_day(expires_at, zone)),
            "expired": expires_at is not None and expires_at <= now,
            "active": member.active,
            "signed_in": member.active and member.id in here,
            "conversations": held.get(member.id, 0),
            "promises": sum(p.owner == member.id for p in owed) if member.active else 0,
            "orders": sum(o.owner == member.id for o in taken) if member.active else 0,
        }
        for member, role, expires_at in everybody
    ]
    return respond({"staff": shown})


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


async def appoint(request: web.Request) -> web.Response:
    """Another role, for good or up to a day of the hotel's: `{"role", "until"?}`. Not for oneself."""
    me, body = caller(request), await read_object(request)
    role, now = str(body.get("role")), request.app[CLOCK].now()
    if role not in set(Role):
        raise Problem(400, "bad_request")
    async with request.app[DATABASE].write() as tx:
        member = await member_of(tx, request, me)
        if member.id == me.signed_in.staff.id:
            raise Problem(409, "not_ones_own_role")
        zone = (await request.app[HOTELS].get(tx, me.hotel)).zone
        expires_at = _end(body.get("until"), zone, now)
        await members.join_hotel(tx, me.hotel, member.id, role, expires_at)
        if Role(role) not in WORKING:  # they own nothing here from now on
            await members.change_staff(tx, member.id, changed_at=now)
            await staff.let_go(tx, me.hotel, member.id, now)
        what = f"{member.id}: {role}" + (f" until {body['until']}" if expires_at else "")
        await audits.record(tx, me.hotel, new_id(), now, me.signed_in.staff.id, "appoint", what)
    await request.app[DISPATCH].nudges.nudge("outbox", f"hotel:{me.hotel}")
    return respond({})


def _end(until: object, zone: tzinfo, now: datetime) -> datetime | None:
    """When a role ends that lasts up to and with this day; a day that is over is refused."""
    if until is None:
        return None
    try:
        end = end_of(date.fromisoformat(str(until)), zone)
    except (ValueError, OverflowError):
        raise Problem(400, "bad_day") from None
    if end <= now:
        raise Problem(400, "bad_day")
    return end


async def show_holds(request: web.Request) -> web.Response:
    """What would be left behind: each may be given to a colleague, or goes back to everybody."""
    me = caller(request)
    async with request.app[DATABASE].read() as tx:
        member = await member_of(tx, request, me)
        lens = await lens_of(request, tx)
        rows = await desk.list_conversations(tx, me.hotel, holder=member.id, limit=staff.MOST, now=lens.now)
        owed = await promises.listed(tx, me.hotel, PromiseState.OPEN, owner=member.id, limit=staff.MOST)
        taken = await desk.list_orders(tx, me.hotel, orders.OPEN, owner=member.id, limit=staff.MOST)
        best = await acquaintance.known_best(tx, me.hotel, member.id, lens.now)
        return respond(
            {
                "conversations": await views.show_rows(tx, lens, rows),
                "promises": await views.show_promises(tx, lens, owed),
                "orders": await views.show_orders(tx, lens, taken),
                "guests": await _show_known(tx, lens, best),
                "elsewhere": await _elsewhere(tx, lens, member),
            }
        )


async def _show_known(tx: AsyncConnection, lens: Lens, best: Sequence[Known]) -> list[dict[str, Any]]:
    guests = await views.show_guests(tx, lens, [known.row for known in best])
    return [
        {"id": one.row.guest, "guest": guests[one.row.id], "said": one.said, "last_at": one.last_at}
        for one in best
    ]


async def _elsewhere(tx: AsyncConnection, lens: Lens, member: Staff) -> int:
    """How much this person holds in other hotels; it goes back to everybody there."""
    held = await staff.held_by(tx, member.id, lens.now)
    return sum(thing.hotel != lens.hotel.id and thing.kind != staff.GUEST for thing in held)


async def deactivate(request: web.Request) -> web.Response:
    """End somebody's access: `{"to": {id of a conversation, promise, order or guest: id of a colleague}}`;
    what it doesn't name goes back to everybody."""
    me, body = caller(request), await read_object(request)
    plan, now = _plan(body), request.app[CLOCK].now()
    async with request.app[DATABASE].write() as tx:
        member = await member_of(tx, request, me)
        if member.id == me.signed_in.staff.id:
            raise Problem(409, "not_oneself")
        roles = await members.terms_of(tx, member.id)
        if not all(may(me.signed_in.roles.get(hotel), Permission.APPOINT) for hotel in roles):
            raise Problem(403, "works_elsewhere")
        for to in sorted(set(plan.values())):
            if to == member.id or not await members.hold_active(tx, me.hotel, to, now):
                raise Problem(409, "not_a_colleague")
        things = await staff.deactivate(tx, member.login, now, lambda thing: _to(plan, me.hotel, thing))
        for hotel in roles:
            who = me.signed_in.staff.id
            await audits.record(tx, hotel, new_id(), now, who, "deactivate", member.id)
    await request.app[DISPATCH].nudges.nudge("outbox", *(f"hotel:{hotel}" for hotel in roles))
    return respond({"handed_over": len(things)})


def _to(plan: Mapping[str, StaffId], hotel: HotelId, thing: Held) -> StaffId | None:
    return plan.get(thing.id) if thing.hotel == hotel else None


def _plan(body: dict[str, Any]) -> dict[str, StaffId]:
    to = body.get("to") or {}
    if not isinstance(to, dict) or not all(isinstance(v, str | None) for v in to.values()):
        raise Problem(400, "bad_request")
    return {id_: StaffId(who) for id_, who in to.items() if who}
