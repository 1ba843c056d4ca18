"""The page on which one writes as a guest of 微信客服: its guests, their screens, and what may go wrong.

Looked at again and again rather than followed: a small page for one guest at a time.
"""

import base64
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.simulator.control import PAGE, PAGE_POLICY, bad, body_of, json_answer
from bot.simulator.wecom import ENDED, SENDS, WINDOW, Guest, WeCom


def serving(platform: WeCom) -> web.Application:
    """The platform with its page, to be put under /wecom."""
    app, page = platform.app(), _Page(platform)
    app.add_routes(
        [
            web.get("/", page.show),
            web.get("/control/guests/{guest}", page.state),
            web.post("/control/guests/{guest}/act", page.act),
            web.get("/control/media/{media}", page.media),
        ]
    )
    return app


class _Page:
    def __init__(self, platform: WeCom) -> None:
        self._platform = platform
        self._told: int | None = 0  # how the last callback ended; None: it was lost on the way

    async def show(self, _request: web.Request) -> web.StreamResponse:
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": PAGE_POLICY}
        return web.FileResponse(PAGE / "wecom.html", headers=headers)

    async def state(self, request: web.Request) -> web.Response:
        name, platform = request.match_info["guest"], self._platform
        guest = platform.guests.get(name, Guest())
        return json_answer(
            {
                "callback": platform.callback,
                "told": self._told,
                "lose_nudges": platform.lose_nudges,
                "known": name in platform.guests,
                "state": guest.state,
                "left": SENDS - guest.sent,
                "closes_at": guest.spoke_at + WINDOW,
                "now": platform.now(),
                "screen": guest.screen,
            }
        )

    async def act(self, request: web.Request) -> web.Response:
        """{"do": "say", "text": ...}, choose, enter, image, by_hand, end, lose."""
        name, what = request.match_info["guest"], await body_of(request)
        try:
            await self._do(name, what)
        except (KeyError, TypeError, ValueError) as wrong:
            raise bad(str(wrong)) from None
        return json_answer({"told": self._told})

    async def _do(self, guest: str, what: Mapping[str, Any]) -> None:
        platform = self._platform
        match what["do"]:
            case "say":
                self._told = await platform.say(guest, str(what["text"]))
            case "choose":
                self._told = await platform.say(guest, str(what["text"]), menu_id=str(what["id"]))
            case "image":
                data = base64.b64decode(what["data"], validate=True)
                self._told = await platform.show(guest, "image", data)
            case "enter":
                self._told = await platform.enter(guest)
            case "by_hand":
                platform.answer_by_hand(guest, str(what["text"]))
                self._told = await platform.nudge()
            case "end":
                platform.guests[guest].state = ENDED
            case "lose":
                platform.lose_nudges = bool(what["on"])
            case other:
                raise ValueError(f"do: {other}")

    async def media(self, request: web.Request) -> web.Response:
        """A picture or a file that was said, as a phone shows it."""
        data, _ = self._platform.media.get(request.match_info["media"], (b"", 0.0))
        if not data:
            raise web.HTTPNotFound(text="no such file")
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}
        return web.Response(body=data, content_type=_type(data), headers=headers)


def _type(data: bytes) -> str:
    """Of what is shown in place; anything else is only kept."""
    kinds = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"GIF8": "image/gif"}
    found = (kind for start, kind in kinds.items() if data.startswith(start))
    return next(found, "application/octet-stream")
