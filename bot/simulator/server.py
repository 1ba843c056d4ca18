"""The simulator as one object: its server, its pushes, and what followers can do.

`async with Simulator(account, target) as simulator:` serves on 127.0.0.1, on a port of its own unless one is
given. Tests use it in their own process; `python -m bot simulate-wechat` serves it for people.
"""

import asyncio
import base64
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bot.channels.wechat.window import MESSAGE, TOUCH, Window
from bot.simulator import wecom_page
from bot.simulator.account import SimulatedAccount
from bot.simulator.api import PlatformApi
from bot.simulator.control import Control, local_only
from bot.simulator.media import recorded
from bot.simulator.oauth import Authorisation
from bot.simulator.pushes import Push, Pusher
from bot.simulator.state import Follower, Shown, State, Switches
from bot.simulator.tokens import TokenOffice
from bot.simulator.wecom import WeCom

SAMPLE_MENU: dict[str, Any] = {
    "button": [
        {
            "name": "住店服务",
            "sub_button": [
                {"type": "click", "name": "早餐时间", "key": "breakfast"},
                {"type": "click", "name": "无线网络", "key": "wifi"},
                {"type": "click", "name": "叫醒服务", "key": "wake_up"},
            ],
        },
        {"type": "click", "name": "联系前台", "key": "front_desk"},
        {"type": "view", "name": "位置交通", "url": "https://hotel.example/map"},
    ]
}
# What a push of each kind tells beside its MediaId, and the kinds that have none.
_PUSHED: dict[str, dict[str, str]] = {
    "image": {"PicUrl": "{url}/media/{media}"},
    "voice": {"Format": "amr", "Recognition": ""},
    "video": {"ThumbMediaId": "{media}-thumb"},
}
_PLAIN_KINDS: dict[str, dict[str, str]] = {
    "location": {"Location_X": "38.874", "Location_Y": "121.541", "Scale": "16", "Label": "星海广场"},
    "link": {
        "Title": "大连三日游",
        "Description": "一份行程",
        "Url": "https://travel.example/dalian?days=3",
    },
    "file": {
        "Title": "行程单.pdf",
        "Description": "",
        "FileKey": "k",
        "FileMd5": "m",
        "FileTotalLen": "2048",
    },
}
_NAMES = ("小张", "林女士", "阿Ken", "王先生", "Sophie", "陈阿姨")


def _now() -> datetime:
    return datetime.now(UTC)


class Simulator:
    """The platform. `state` is what it knows, `tokens` its access tokens, `target` where it pushes to."""

    def __init__(
        self,
        account: SimulatedAccount,
        target: str = "",
        *,
        port: int = 0,
        now: Callable[[], datetime] = _now,
        switches: Switches | None = None,
        wecom: WeCom | None = None,
    ) -> None:
        self.account = account
        self.state = State(now, switches or Switches())
        self.tokens = TokenOffice(now)
        self._pusher = Pusher(self.state, account, target)
        self._control = Control(self)
        self._api = PlatformApi(self.state, account, self.tokens)
        self._authorisation = Authorisation(self.state, account)
        self._runner: web.AppRunner | None = None
        self._port, self._wecom = port, wecom
        # MsgIds as the platform's: 18 digits, growing.
        self._message = secrets.randbelow(10**9) * 10**8 + 23 * 10**16

    async def __aenter__(self) -> Self:
        await self._pusher.open()
        app = web.Application(middlewares=[local_only], client_max_size=32_000_000)
        app.add_routes([*self._api.routes(), *self._authorisation.routes(), *self._control.routes()])
        if self._wecom:
            app.add_subapp("/wecom", wecom_page.serving(self._wecom))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        if self._wecom:
            self._wecom.url = f"{self.url}/wecom"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._control.close()
        await self._pusher.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it serves: what an account's `api` is set to."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def target(self) -> str:
        return self._pusher.target

    @target.setter
    def target(self, address: str) -> None:
        self._pusher.target = address
        self.state.tell({"type": "target", "target": address})

    async def verify_address(self) -> bool:
        """Enters the target on the platform's settings page: whether the bot proves that it is ours."""
        return await self._pusher.verify_address()

    # ---- followers

    def follower(self, name: str = "") -> Follower:
        """Somebody who has followed the account long ago: nothing is pushed."""
        return self.state.add_follower(name or self._name(), following=True)

    def follow(self, name: str = "") -> Follower:
        """Somebody who follows the account now."""
        follower = self.state.add_follower(name or self._name(), following=False)
        self.act(follower, {"do": "follow"})
        return follower

    def say(self, follower: Follower, text: str) -> Push:
        return self.act(follower, {"do": "say", "text": text})

    def unfollow(self, follower: Follower) -> Push:
        return self.act(follower, {"do": "unfollow"})

    def screen(self, follower: Follower) -> list[Shown]:
        """Everything on the follower's phone, oldest first."""
        return list(follower.screen)

    def answers(self, follower: Follower) -> list[Shown]:
        """What the account has said to the follower, oldest first."""
        return [shown for shown in follower.screen if shown.side == "account"]

    async def heard(self, follower: Follower, count: int, within: float = 20.0) -> list[Shown]:
        """The account's words to the follower once there are `count` of them; TimeoutError otherwise."""
        changed = asyncio.Event()

        def watch(_change: object) -> None:
            changed.set()

        self.state.watchers.add(watch)
        try:
            async with asyncio.timeout(within):
                while len(self.answers(follower)) < count:
                    await changed.wait()
                    changed.clear()
        finally:
            self.state.watchers.discard(watch)
        return self.answers(follower)

    def act(self, follower: Follower, what: Mapping[str, Any]) -> Push:
        """One act of a follower's, as the control API names it in "do". ValueError says what is wrong."""
        acts: dict[str, Callable[[Follower, Mapping[str, Any]], Push]] = {
            "say": self._say,
            "choose": self._choose,
            "send": self._send,
            "follow": self._follow,
            "unfollow": self._unfollow,
            "click": self._click,
            "view": self._view,
            "scan": self._scan,
        }
        kind = what.get("do")
        if kind not in acts:
            raise ValueError(f"do is one of {', '.join(acts)}")
        if kind != "follow" and not follower.following:
            raise ValueError("this person doesn't follow the account")
        return acts[str(kind)](follower, what)

    def _say(self, follower: Follower, what: Mapping[str, Any]) -> Push:
        text = str(what["text"])
        if not text:
            raise ValueError("say something")
        return self._message_push(follower, text, {"MsgType": "text", "Content": text})

    def _choose(self, follower: Follower, what: Mapping[str, Any]) -> Push:
        """A tap on a choice of a msgmenu: a text on the phone, a menu click in the platform's books."""
        text = str(what["text"])
        fields = {"MsgType": "text", "Content": text, "bizmsgmenuid": str(what["id"])}
        return self._message_push(follower, text, fields, window=TOUCH)

    def _send(self, follower: Follower, what: Mapping[str, Any]) -> Push:
        """A picture, a voice message, a film (of a file in "data", base64), a file, a place, a page. With a
        voice, in "recognition", what the platform has heard in it."""
        kind = str(what["kind"])
        if kind in _PLAIN_KINDS:
            return self._message_push(follower, kind, {"MsgType": kind} | _PLAIN_KINDS[kind], shown_as=kind)
        stored = "video" if kind == "shortvideo" else kind
        if stored not in _PUSHED:
            raise ValueError(f"kind is one of {', '.join([*_PUSHED, 'shortvideo', *_PLAIN_KINDS])}")
        given = base64.b64decode(what["data"], validate=True) if what.get("data") else None
        media = self.state.media.put(stored, recorded(stored, given))
        fields = {"MsgType": kind, "MediaId": media}
        fields |= {name: value.format(url=self.url, media=media) for name, value in _PUSHED[stored].items()}
        if stored == "voice":
            fields["Recognition"] = str(what.get("recognition", ""))
        return self._message_push(follower, kind, fields, shown_as=stored, media=media)

    def _message_push(
        self,
        follower: Follower,
        text: str,
        fields: dict[str, str],
        *,
        window: Window = MESSAGE,
        shown_as: str = "text",
        media: str = "",
    ) -> Push:
        self._message += secrets.randbelow(1000) + 1
        self.state.acted(follower, window)
        push = self._pusher.push(follower, fields["MsgType"], fields | {"MsgId": str(self._message)})
        self.state.show(follower, "guest", text, kind=shown_as, push=push.id, media=media)
        return push

    def _follow(self, follower: Follower, what: Mapping[str, Any]) -> Push:
        if follower.following:
            raise ValueError("this person follows the account already")
        follower.following = True
        fields = {"EventKey": f"qrscene_{what['scene']}", "Ticket": "simulated"} if what.get("scene") else {}
        return self._event(follower, "subscribe", fields, "已关注公众号", TOUCH)

    def _unfollow(self, follower: Follower, _what: Mapping[str, Any]) -> Push:
        follower.following = False
        follower.ledger = follower.ledger.closed()
        return self._event(follower, "unsubscribe", {}, "已取消关注", None)

    def _click(self, follower: Follower, what: Mapping[str, Any]) -> Push:
        key = str(what["key"])
        return self._event(follower, "CLICK", {"EventKey": key}, "", TOUCH)

    def _view(self, follower: Follower, what: Mapping[str, Any]) -> Push:
        self.state.viewer = follower.openid
        return self._event(follower, "VIEW", {"EventKey": str(what["url"])}, "", None)

    def _scan(self, follower: Follower, what: Mapping[str, Any]) -> Push:
        fields = {"EventKey": str(what["scene"]), "Ticket": "simulated"}
        return self._event(follower, "SCAN", fields, "已扫描二维码", TOUCH)

    def _event(
        self, follower: Follower, event: str, fields: Mapping[str, str], notice: str, window: Window | None
    ) -> Push:
        self.state.acted(follower, window)
        push = self._pusher.push(follower, event, {"MsgType": "event", "Event": event, **fields})
        if notice:
            self.state.show(follower, "notice", notice, push=push.id)
        return push

    def _name(self) -> str:
        number = len(self.state.followers)
        return _NAMES[number % len(_NAMES)] + ("" if number < len(_NAMES) else str(number // len(_NAMES) + 1))
