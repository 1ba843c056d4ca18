"""What the phone page and the tests use: followers that do things, the screens, the wire, the switches.

Only for this machine: other names in Host (a rebound address) and bodies that a foreign page could send
without asking are refused.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from bot.simulator.browser import PhoneBrowser
from bot.simulator.state import Follower, Json, as_json

if TYPE_CHECKING:
    from bot.simulator.server import Simulator

PAGE = Path(__file__).parent / "page"
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_PING = 15.0
PAGE_POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
_FILES = {"": "index.html"} | {
    path.name: path.name for path in PAGE.iterdir() if path.suffix in (".js", ".css")
}


@web.middleware
async def local_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """The platform's own paths are open to whoever reaches them; the controls are not."""
    if not request.path.startswith(("/cgi-bin/", "/wecom/cgi-bin/")):
        if urlsplit(f"//{request.host}").hostname not in LOCAL:
            raise web.HTTPForbidden(text="this simulator serves 127.0.0.1 only")
        if request.method != "GET" and request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="send JSON")
    return await handler(request)


class Control:
    """The handlers of /control/* and of the page."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator
        self._browser = PhoneBrowser(simulator.state)
        self._streams: set[asyncio.Queue[Json | None]] = set()

    def routes(self) -> list[web.RouteDef]:
        person = "/control/followers/{openid}"
        pages = [web.get(f"/{name}", self._page) for name in _FILES]
        return [
            *pages,
            web.get("/control/state", self.state),
            web.get("/control/stream", self.stream),
            web.post("/control/followers", self.create_follower),
            web.get(f"{person}/screen", self.screen),
            web.post(f"{person}/act", self.act),
            web.get(f"{person}/open", self.open),
            web.get("/control/media/{media}", self.media),
            web.get("/control/wire", self.wire),
            web.post("/control/switches", self.switch),
            web.post("/control/tokens/{what:expire|revoke}", self.tokens),
            web.post("/control/verify-address", self.verify_address),
            web.post("/control/target", self.target),
            web.post("/control/reset", self.reset),
        ]

    def close(self) -> None:
        """Ends the streams, so that stopping doesn't wait for open pages."""
        for stream in self._streams:
            stream.put_nowait(None)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": PAGE_POLICY}
        return web.FileResponse(PAGE / _FILES[request.path.removeprefix("/")], headers=headers)

    async def state(self, _request: web.Request) -> web.Response:
        return json_answer(self._snapshot())

    def _snapshot(self) -> Json:
        simulator, state = self._simulator, self._simulator.state
        account = simulator.account
        return {
            "account": {
                "name": account.name,
                "original_id": account.original_id,
                "appid": account.appid,
                "mode": account.mode,
                "target": simulator.target,
            },
            "now": state.now().isoformat(),
            "menu": state.menu,
            "switches": asdict(state.switches),
            "followers": [state.follower_json(one) for one in state.followers.values()],
            "screens": {
                one.openid: [as_json(shown) for shown in one.screen] for one in state.followers.values()
            },
            "wire": [as_json(entry) for entry in state.wire],
        }

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: first everything, then every change."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._streams.add(queue)
        self._simulator.state.watchers.add(queue.put_nowait)
        try:
            await response.write(_event({"type": "snapshot", **self._snapshot()}))
            await self._write(response, queue)
        except ConnectionError:
            pass  # the page was closed
        finally:
            self._simulator.state.watchers.discard(queue.put_nowait)
            self._streams.discard(queue)
        return response

    async def _write(self, response: web.StreamResponse, queue: "asyncio.Queue[Json | None]") -> None:
        while True:
            try:
                change = await asyncio.wait_for(queue.get(), _PING)
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            if change is None:
                return
            stamped = change | {"now": self._simulator.state.now().isoformat()}
            await response.write(_event(stamped))

    async def create_follower(self, request: web.Request) -> web.Response:
        given = await body_of(request)
        name = str(given.get("name") or "")
        make = self._simulator.follow if given.get("follow") else self._simulator.follower
        follower = make(name) if name else make()
        return json_answer(self._simulator.state.follower_json(follower), status=201)

    async def screen(self, request: web.Request) -> web.Response:
        after = _number(request.query.get("after", "0"))
        shown = [as_json(one) for one in self._follower(request).screen if one.id > after]
        return json_answer({"shown": shown})

    async def act(self, request: web.Request) -> web.Response:
        """What the follower does: {"do": "say", "text": ...} and the like; see `Simulator.act`."""
        try:
            push = self._simulator.act(self._follower(request), await body_of(request))
        except (KeyError, TypeError, ValueError) as wrong:
            raise bad(str(wrong)) from None
        return json_answer({"push": push.id}, status=202)

    async def open(self, request: web.Request) -> web.Response:
        """A page, as WeChat's browser on this phone comes to it."""
        try:
            address = await self._browser.arrive(self._follower(request).openid, request.query.get("url", ""))
        except ValueError as wrong:
            raise bad(str(wrong)) from None
        return web.Response(status=302, headers={"Location": address, "Cache-Control": "no-store"})

    async def media(self, request: web.Request) -> web.Response:
        """A file of the platform's store, as a phone shows or plays it."""
        stored = self._simulator.state.media.get(request.match_info["media"])
        if stored is None:
            raise web.HTTPNotFound(text="no such file")
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}
        return web.Response(body=stored.data, content_type=stored.type, headers=headers)

    async def wire(self, request: web.Request) -> web.Response:
        after = _number(request.query.get("after", "0"))
        return json_answer({"wire": [as_json(one) for one in self._simulator.state.wire if one.id > after]})

    async def switch(self, request: web.Request) -> web.Response:
        try:
            self._simulator.state.switch(await body_of(request))
        except ValueError as wrong:
            raise bad(str(wrong)) from None
        return json_answer(asdict(self._simulator.state.switches))

    async def tokens(self, request: web.Request) -> web.Response:
        if request.match_info["what"] == "expire":
            self._simulator.tokens.expire()
        else:
            self._simulator.tokens.revoke()
        return json_answer({})

    async def verify_address(self, _request: web.Request) -> web.Response:
        return json_answer({"verified": await self._simulator.verify_address()})

    async def target(self, request: web.Request) -> web.Response:
        target = str((await body_of(request)).get("target", ""))
        if urlsplit(target).scheme not in ("http", "https"):
            raise bad("target is an http address")
        self._simulator.target = target
        return json_answer({"target": target})

    async def reset(self, _request: web.Request) -> web.Response:
        self._simulator.state.reset()
        return json_answer({})

    def _follower(self, request: web.Request) -> Follower:
        try:
            return self._simulator.state.followers[request.match_info["openid"]]
        except KeyError:
            raise web.HTTPNotFound(text="no such follower") from None


async def body_of(request: web.Request) -> Mapping[str, Any]:
    try:
        given = await request.json()
    except ValueError:
        raise bad("not JSON") from None
    if not isinstance(given, dict):
        raise bad("not a JSON object")
    return given


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise bad("after is a number")
    return int(text)


def bad(why: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": why}), content_type="application/json")


def json_answer(value: object, status: int = 200) -> web.Response:
    return web.json_response(value, status=status, dumps=_dumps)


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _event(value: Json) -> bytes:
    return f"data: {_dumps(value)}\n\n".encode("utf-8", "replace")
