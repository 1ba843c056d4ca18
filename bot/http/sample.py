"""A sample of a hotel's app, as a page, with the signing that a hotel's own backend would do.

Both exist only on this machine (Settings.on_this_machine) and where an account is marked as a sample, which
`python -m bot run` makes: anybody may sign in here, as a guest whom nobody knows.
"""

import re
from html import escape
from pathlib import Path

import jwt
from aiohttp import web

from bot.http.app_door import KEYS
from bot.http.guard import (
    CLOCK,
    DATABASE,
    HOTELS,
    SETTINGS,
    Limit,
    Problem,
    read_object,
    respond,
    same_origin,
)
from bot.knowledge import Hotel
from bot.model import HotelId
from bot.store import desk
from bot.store.desk import AccountRow

LIFE = 600  # seconds
SIGNED = web.AppKey("samples_signed", Limit)
PAGE = Path(__file__).with_name("pages") / "sample_app.html"

_GUEST = re.compile(r"[a-z0-9-]{8,40}")


def add_routes(app: web.Application) -> None:
    app[SIGNED] = Limit(app[CLOCK], 20, 60.0)
    app.router.add_get("/sample/{hotel}/app", show)
    app.router.add_post("/sample/{hotel}/app/token", sign)


async def _sample(request: web.Request) -> tuple[AccountRow, Hotel]:
    """Raises HTTPNotFound where there is no sample."""
    if not request.app[SETTINGS].on_this_machine:
        raise web.HTTPNotFound
    id_ = HotelId(request.match_info["hotel"])
    async with request.app[DATABASE].read() as tx:
        accounts = [a for a in await desk.list_accounts(tx) if a.hotel == id_ and a.active]
        found = next((a for a in accounts if a.config.get("sample") is True), None)
        if found is None:
            raise web.HTTPNotFound
        return found, await request.app[HOTELS].get(tx, id_)


async def show(request: web.Request) -> web.Response:
    _, hotel = await _sample(request)
    page = PAGE.read_text("utf-8")
    known = {"hotel": hotel.id, "colour": hotel.file.widget.colour, **hotel.facts}
    for name, value in known.items():
        page = page.replace("{{" + name + "}}", escape(str(value)))
    return web.Response(text=page, content_type="text/html")


async def sign(request: web.Request) -> web.Response:
    """What a hotel's backend does for its own signed-in guest; here for whoever comes from our page."""
    account, _ = await _sample(request)
    guest = (await read_object(request)).get("guest")
    if not isinstance(guest, str) or not _GUEST.fullmatch(guest):
        raise Problem(400, "bad_request")
    if not same_origin(request):
        raise Problem(403, "bad_origin")
    if not request.app[SIGNED].allows(guest):
        raise Problem(429, "too_many")
    key, now = request.app[KEYS].of(account)[0], int(request.app[CLOCK].now().timestamp())
    claims = {"sub": f"sample-{guest}", "aud": account.account, "iat": now, "exp": now + LIFE}
    token = jwt.encode(claims, key.key, key.alg, headers={"kid": key.kid})
    return respond({"token": token, "seconds": LIFE})
