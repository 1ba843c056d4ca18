"""The desk's API: signing in and out, one's password, and what a page is told of who has signed in."""

import secrets
from datetime import timedelta
from typing import Any

from aiohttp import web

from bot import staff
from bot.http.guard import (
    CLOCK,
    COMPUTER,
    COOKIE,
    DATABASE,
    DESK,
    HOTELS,
    SETTINGS,
    SHARED,
    SIGNED_IN,
    Problem,
    may_have_factor,
    must_set_factor,
    read_object,
    respond,
    text_of,
)
from bot.model import State
from bot.roles import MAY, Role
from bot.staff import SignedIn
from bot.store import desk

ALARMING = (State.WAITING, State.STAFF, State.BOT)


def add_routes(app: web.Application) -> None:
    app.router.add_post("/desk/v1/session", sign_in)
    app.router.add_get("/desk/v1/session", who)
    app.router.add_delete("/desk/v1/session", sign_out)
    app.router.add_post("/desk/v1/password", change_password)


async def sign_in(request: web.Request) -> web.Response:
    body = await read_object(request)
    login, password = text_of(body, "login", 64), text_of(body, "password", 200)
    code = text_of(body, "code", 64, required=False)
    try:
        computer = request.cookies.get(COMPUTER) or secrets.token_urlsafe(32)
        token, signed_in = await request.app[DESK].sign_in(login, password, computer, code)
    except staff.WrongLogin:
        raise Problem(401, "wrong_login") from None
    except staff.CodeNeeded:
        raise Problem(401, "code_needed") from None
    except staff.WrongCode:
        raise Problem(401, "wrong_code") from None
    except staff.Locked as locked:
        raise await locked_out(request, locked) from None
    response = respond(await show_session(request, signed_in))
    keep_cookie(request, response, COOKIE, token, staff.SIGNED_IN)
    keep_cookie(request, response, COMPUTER, computer, timedelta(days=365))
    return response


async def locked_out(request: web.Request, locked: staff.Locked) -> Problem:
    return Problem(423, "locked", retry_at=locked.retry_at, zone=await _some_zone(request))


def keep_cookie(request: web.Request, to: web.Response, name: str, value: str, age: timedelta) -> None:
    secure = request.app[SETTINGS].base_url.startswith("https:")
    seconds = int(age.total_seconds())
    to.set_cookie(name, value, max_age=seconds, path="/desk", httponly=True, samesite="Strict", secure=secure)


async def _some_zone(request: web.Request) -> Any:
    async with request.app[DATABASE].read() as tx:
        rows = await desk.list_hotels(tx)
        return (await request.app[HOTELS].get(tx, rows[0].id)).zone if rows else None


async def show_session(request: web.Request, signed_in: SignedIn) -> dict[str, Any]:
    async with request.app[DATABASE].read() as tx:
        hotels = {row.id: row for row in await desk.list_hotels(tx)}
    member = signed_in.staff
    return {
        "staff": {
            "id": member.id,
            "name": member.name,
            "login": member.login,
            "guest_name": member.guest_name,
            "must_change_password": member.must_change,
        },
        "hotels": [
            {
                "id": id_,
                "name": hotels[id_].name,
                "name_en": hotels[id_].profile.get("name_en"),
                "timezone": hotels[id_].timezone,
                "role": role,
                "may": sorted(MAY[Role(role)]) if role in set(Role) else [],
            }
            for id_, role in signed_in.roles.items()
        ],
        "lock_after": request.app[SETTINGS].lock_minutes * 60,
        "has_pin": member.pin is not None,
        "second_factor": show_factor(request, signed_in),
        "now": request.app[CLOCK].now(),
    }


def show_factor(request: web.Request, signed_in: SignedIn) -> dict[str, bool]:
    return {
        "on": request.app[DESK].asks(signed_in.staff),
        "offered": may_have_factor(request, signed_in),
        "must": must_set_factor(request, signed_in),
    }


async def show_locked(request: web.Request) -> dict[str, Any]:
    """Who may open the desk again; and that there is an alarm, but not whose."""
    known = await request.app[SHARED].known(request.cookies.get(COMPUTER, ""))
    now = request.app[CLOCK].now()
    async with request.app[DATABASE].read() as tx:
        urgent = [
            row
            for hotel in request[SIGNED_IN].roles
            for row in await desk.list_conversations(tx, hotel, ALARMING, now=now)
        ]
    return {
        "locked": True,
        "login": request[SIGNED_IN].staff.login,
        "people": [{"login": k.member.login, "name": k.member.name, "pin": k.opens} for k in known],
        "alarm": any(row.alarm_since for row in urgent),
        "now": now,
    }


async def who(request: web.Request) -> web.Response:
    signed_in = request[SIGNED_IN]
    shown = await (show_locked(request) if signed_in.locked else show_session(request, signed_in))
    return respond(shown)


async def sign_out(request: web.Request) -> web.Response:
    await request.app[DESK].sign_out(request.cookies.get(COOKIE, ""))
    response = respond({})
    response.del_cookie(COOKIE, path="/desk")
    return response


async def change_password(request: web.Request) -> web.Response:
    body, member = await read_object(request), request[SIGNED_IN].staff
    old, new = text_of(body, "old", 200), text_of(body, "new", 200)
    if len(new) < staff.MINIMUM:
        raise Problem(400, "password_too_short", minimum=staff.MINIMUM)
    if new == old:
        raise Problem(400, "password_same")
    try:
        await request.app[DESK].change_password(member, old, new, request.cookies[COOKIE])
    except staff.WrongLogin:
        raise Problem(403, "wrong_password") from None
    signed_in = await request.app[DESK].who(request.cookies[COOKIE])
    if signed_in is None:  # a change at another desk, at the same time, has ended this one
        raise Problem(401, "signed_out")
    return respond(await show_session(request, signed_in))
