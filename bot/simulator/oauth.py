"""snsapi_base: the page inside WeChat sends its visitor here, and they go back with a code."""

import hmac
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from bot.simulator.account import SimulatedAccount
from bot.simulator.browser import INSIDE
from bot.simulator.state import State

CODE_LIFE = timedelta(minutes=5)


class Authorisation:
    """The handlers of /connect and /sns. Who visits is whoever opened a page on their phone last."""

    def __init__(self, state: State, account: SimulatedAccount) -> None:
        self._state, self._account = state, account
        self._codes: dict[str, tuple[str, datetime]] = {}
        self._used: set[str] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/connect/oauth2/authorize", self.authorise),
            web.get("/sns/oauth2/access_token", self.exchange),
        ]

    async def authorise(self, request: web.Request) -> web.Response:
        asked = request.query
        back = asked.get("redirect_uri", "")
        wrong = asked.get("appid") != self._account.appid or asked.get("response_type") != "code"
        if wrong or asked.get("scope") != "snsapi_base" or urlsplit(back).scheme not in ("http", "https"):
            return web.Response(status=400, text="Scope 参数错误或没有 Scope 权限")
        inside = INSIDE in request.headers.get("User-Agent", "")
        if not inside or self._state.viewer not in self._state.followers:
            return web.Response(status=400, text="请在微信客户端打开链接")
        code = "0" + secrets.token_urlsafe(22)
        self._codes[code] = self._state.viewer, self._state.now() + CODE_LIFE
        joint = "&" if urlsplit(back).query else "?"
        given = urlencode({"code": code, "state": asked.get("state", "")})
        return web.Response(status=302, headers={"Location": f"{back}{joint}{given}"})

    async def exchange(self, request: web.Request) -> web.Response:
        asked, code = request.query, request.query.get("code", "")
        if asked.get("appid") != self._account.appid:
            return _error(40013, "invalid appid")
        if not hmac.compare_digest(asked.get("secret", "").encode(), self._account.secret.encode()):
            return _error(40125, "invalid appsecret")
        if code in self._used:
            return _error(40163, "code been used")
        openid, until = self._codes.get(code, ("", self._state.now()))
        if not openid or until <= self._state.now():
            return _error(40029, "invalid code")
        self._used.add(code)
        told = {
            "access_token": secrets.token_urlsafe(40),
            "expires_in": 7200,
            "refresh_token": secrets.token_urlsafe(40),
            "openid": openid,
            "scope": "snsapi_base",
        }
        if self._state.switches.snapshot_users:
            told |= {"openid": "o" + secrets.token_urlsafe(20), "is_snapshotuser": 1}
        return web.json_response(told)


def _error(errcode: int, message: str) -> web.Response:
    return web.json_response({"errcode": errcode, "errmsg": message})
