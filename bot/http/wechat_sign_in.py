"""A page opened from the account's menu inside WeChat signs its visitor in: platform, code, openid, token.

Whoever can't be signed in gets the page all the same, as anybody does. The token travels behind `#`, which no
server sees and no log keeps.
"""

import hmac
import logging
import secrets
from dataclasses import replace
from urllib.parse import quote, urlencode

from aiohttp import web

from bot import metrics
from bot.addressing import hotels_of
from bot.channels.wechat import WeChatClient
from bot.channels.wechat.authorise import NotSignedIn, authorise_address, whose
from bot.http.guard import DATABASE, DISPATCH, SETTINGS
from bot.http.wechat import ACCOUNTS
from bot.model import AccountId
from bot.sign_in import token_for
from bot.store import desk
from bot.store.desk import AccountRow

logger = logging.getLogger(__name__)

CLIENT = web.AppKey("wechat_client", WeChatClient)
COOKIE = "wechat_state"
COOKIE_SECONDS = 300


def add_routes(app: web.Application) -> None:
    app.router.add_get("/wechat/{account}/sign-in", sign_in)


async def sign_in(request: web.Request) -> web.Response:
    """First without a code: off to the platform; then with one: on to the page."""
    row = await request.app[ACCOUNTS].row(AccountId(request.match_info["account"]))
    if row is None:
        raise web.HTTPNotFound
    page, row = await _page(request, row)
    inside = "MicroMessenger" in request.headers.get("User-Agent", "")
    if not inside or not row.config.get("sign_in"):
        return _to(f"/chat/{quote(page)}")
    if "code" not in request.query:
        return _to_platform(request, row, page)
    return await _back(request, row, page)


def _to_platform(request: web.Request, row: AccountRow, page: str) -> web.Response:
    state = secrets.token_urlsafe(24)
    base = request.app[SETTINGS].base_url
    back = f"{base}/wechat/{row.account}/sign-in?{urlencode({'page': page})}"
    answer = _to(authorise_address(request.app[ACCOUNTS].open(row), back, state))
    answer.set_cookie(
        COOKIE,
        state,
        max_age=COOKIE_SECONDS,
        httponly=True,
        secure=base.startswith("https:"),
        samesite="Lax",
        path=f"/wechat/{row.account}/sign-in",
    )
    return answer


async def _back(request: web.Request, row: AccountRow, page: str) -> web.Response:
    given, kept = request.query.get("state", ""), request.cookies.get(COOKIE, "")
    try:
        if not kept or not hmac.compare_digest(given.encode(), kept.encode()):
            raise NotSignedIn("state")
        account = request.app[ACCOUNTS].open(row)
        openid = await whose(request.app[CLIENT].calls, account, request.query["code"])
        token = await token_for(request.app[DISPATCH], row, openid)
    except NotSignedIn as refused:
        logger.info("not signed in: %s", refused.why)
        metrics.REFUSALS.labels("wechat", f"sign_in_{refused.why}").inc()
        return _forget(_to(f"/chat/{quote(page)}"), row)
    return _forget(_to(f"/chat/{quote(page)}#signed={token}"), row)


async def _page(request: web.Request, row: AccountRow) -> tuple[str, AccountRow]:
    """The widget key of the page, and the account as its hotel's: the page that is asked for, if it is one of
    the account's hotels', else the first one's."""
    async with request.app[DATABASE].read() as tx:
        rows = await desk.list_accounts(tx)
    pages = {r.account: r.hotel for r in rows if r.channel == "web" and r.active}
    asked = AccountId(request.query.get("page", ""))
    if pages.get(asked) in hotels_of(row):
        return asked, replace(row, hotel=pages[asked])
    for key, hotel in pages.items():
        if hotel == row.hotel:
            return key, row
    raise web.HTTPNotFound


def _to(address: str) -> web.Response:
    headers = {"Location": address, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(status=302, headers=headers)


def _forget(answer: web.Response, row: AccountRow) -> web.Response:
    answer.del_cookie(COOKIE, path=f"/wechat/{row.account}/sign-in")
    return answer
