"""A desk that several people share: locking it, opening it with a PIN, and choosing one's PIN."""

from aiohttp import web

from bot import shared_desks, staff
from bot.http.guard import (
    COMPUTER,
    COOKIE,
    DESK,
    SHARED,
    SIGNED_IN,
    Problem,
    read_object,
    respond,
    text_of,
)
from bot.http.sessions import keep_cookie, show_locked, show_session


def add_routes(app: web.Application) -> None:
    app.router.add_post("/desk/v1/session/lock", lock)
    app.router.add_post("/desk/v1/session/open", open_)
    app.router.add_post("/desk/v1/pin", set_pin)


async def lock(request: web.Request) -> web.Response:
    """Nothing is shown or done any more until somebody opens the desk."""
    await request.app[SHARED].lock(request.cookies[COOKIE])
    return respond(await show_locked(request))


async def open_(request: web.Request) -> web.Response:
    """`{"login", "pin"}`: the same person goes on, or another who has signed in on this computer."""
    body = await read_object(request)
    login, pin = text_of(body, "login", 64), text_of(body, "pin", 64)
    try:
        computer = request.cookies.get(COMPUTER, "")
        token = await request.app[SHARED].open(request.cookies[COOKIE], computer, login, pin)
    except shared_desks.WrongPin as wrong:
        raise Problem(403, "wrong_pin" if wrong.left else "pin_used_up", left=wrong.left) from None
    signed_in = await request.app[DESK].who(token)
    if signed_in is None:
        raise Problem(401, "signed_out")
    response = respond(await show_session(request, signed_in))
    keep_cookie(request, response, COOKIE, token, staff.SIGNED_IN)
    return response


async def set_pin(request: web.Request) -> web.Response:
    """`{"password", "pin"}`: four to eight digits."""
    body, member = await read_object(request), request[SIGNED_IN].staff
    password, pin = text_of(body, "password", 200), text_of(body, "pin", 64)
    if not shared_desks.is_pin(pin):
        raise Problem(400, "bad_pin", least=shared_desks.SHORTEST, most=shared_desks.LONGEST)
    try:
        await request.app[SHARED].set_pin(member, password, pin)
    except staff.WrongLogin:
        raise Problem(403, "wrong_password") from None
    return respond({})
