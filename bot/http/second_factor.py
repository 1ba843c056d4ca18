"""One's own second factor: setting it up with the first code, and turning it off."""

from aiohttp import web

from bot import second_factor, staff
from bot.http.guard import (
    CLOCK,
    COOKIE,
    DATABASE,
    DESK,
    DISPATCH,
    SIGNED_IN,
    Problem,
    may_have_factor,
    read_object,
    respond,
    text_of,
)
from bot.http.sessions import locked_out
from bot.store.members import Staff


def add_routes(app: web.Application) -> None:
    app.router.add_post("/desk/v1/second-factor/offer", offer)
    app.router.add_post("/desk/v1/second-factor", confirm)
    app.router.add_post("/desk/v1/second-factor/off", turn_off)


async def offer(request: web.Request) -> web.Response:
    """`{"password"}`: a key for the phone. It counts only once `confirm` has seen a code of it."""
    body, member = await read_object(request), _willing(request)
    await _ask_password(request, member, text_of(body, "password", 200))
    key, now = second_factor.new_key(), request.app[CLOCK].now()
    shown = {"key": second_factor.written(key), "link": second_factor.link(key, member.login)}
    return respond(shown | {"offer": second_factor.offer(request.app[DISPATCH].seal, member.id, key, now)})


async def confirm(request: web.Request) -> web.Response:
    """`{"offer", "code"}`: from now on a code is asked for. The recovery codes are shown this once."""
    body, member = await read_object(request), _willing(request)
    code, seal, now = text_of(body, "code", 64), request.app[DISPATCH].seal, request.app[CLOCK].now()
    key = second_factor.offered(seal, member.id, text_of(body, "offer", 2000), now)
    if key is None:
        raise Problem(409, "offer_over")
    factor, codes = second_factor.with_recovery_codes(key)
    proof = second_factor.proven(factor, code, None, now)
    if proof is None:
        raise Problem(403, "wrong_code")
    async with request.app[DATABASE].write() as tx:
        present = request.cookies[COOKIE]
        if not await staff.add_factor(tx, seal, member, proof.factor, proof.step, now, present):
            raise Problem(409, "has_second_factor")
    return respond({"recovery": codes})


def _willing(request: web.Request) -> Staff:
    """Who asks, when they may have a second factor and have none."""
    if not may_have_factor(request, request[SIGNED_IN]):
        raise Problem(403, "forbidden")
    if request[SIGNED_IN].staff.second_factor is not None:
        raise Problem(409, "has_second_factor")
    return request[SIGNED_IN].staff


async def turn_off(request: web.Request) -> web.Response:
    """`{"password", "code"}`."""
    body, member, desk = await read_object(request), request[SIGNED_IN].staff, request.app[DESK]
    password, code = text_of(body, "password", 200), text_of(body, "code", 64)
    if not desk.asks(member):
        raise Problem(409, "no_second_factor")
    await _ask_password(request, member, password)
    try:
        await desk.prove(member, code)
    except (staff.WrongCode, staff.CodeNeeded):
        raise Problem(403, "wrong_code") from None
    except staff.Locked as locked:
        raise await locked_out(request, locked) from None
    async with request.app[DATABASE].write() as tx:
        now, present = request.app[CLOCK].now(), request.cookies[COOKIE]
        await staff.drop_factor(tx, member.login, now, member.id, present)
    return respond({})


async def _ask_password(request: web.Request, member: Staff, password: str) -> None:
    """Wrong ones count as they do at sign-in."""
    try:
        await request.app[DESK].vouch(member.login, password)
    except staff.WrongLogin:
        raise Problem(403, "wrong_password") from None
    except staff.Locked as locked:
        raise await locked_out(request, locked) from None
