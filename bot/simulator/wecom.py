"""企业微信客服 as a server, as far as a bot needs it, for tests and for trying things out.

Callbacks that may be lost, messages pulled by cursor, five sends in 48 hours, session states, files for three
days. Holds nothing for good.
"""

import asyncio
import base64
import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from bot.channels.wechat.codec import encrypt, signature
from bot.channels.wechat.markup import cdata
from bot.clock import Clock

SENDS = 5
WINDOW = 48 * 3600.0
WELCOME = 20.0
FILES = 3 * 86400.0
ASSISTANT, SERVICER, ENDED = 1, 3, 4


@dataclass
class Guest:
    """What the platform knows of one guest of the account."""

    state: int = ENDED
    spoke_at: float = -WINDOW
    sent: int = 0
    got: list[dict[str, Any]] = field(default_factory=list)
    screen: list[dict[str, Any]] = field(default_factory=list)  # whose message and when, oldest first

    def show(self, side: str, message: dict[str, Any], at: float) -> None:
        """`side`: the guest, the account, a servicer of 企业微信."""
        self.screen.append({"side": side, "at": at, "message": message})


@dataclass(frozen=True)
class Known:
    """What the platform and we both know of the account."""

    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    corpid: str = "ww" + "1" * 16
    open_kfid: str = "wk" + "2" * 16

    @classmethod
    def made(cls) -> "Known":
        key = base64.b64encode(os.urandom(32)).decode()[:43]
        return cls(secrets.token_hex(16), secrets.token_hex(8), key)


class WeCom:
    """One enterprise with one 客服账号."""

    def __init__(self, clock: Clock | None = None, known: Known | None = None) -> None:
        self._clock, known = clock or Clock(), known or Known.made()
        self.corpid, self.open_kfid = known.corpid, known.open_kfid
        self.secret, self.token, self.aes_key = known.secret, known.token, known.aes_key
        self._run = secrets.token_hex(4)  # a cursor of an earlier run points at nothing that is here
        self.callback = ""
        self.lose_nudges = False
        self.fail_next: list[int] = []  # errcodes for the next sends; 0 hangs up after taking the message
        self.guests: dict[str, Guest] = {}
        self.messages: list[dict[str, Any]] = []
        self.media: dict[str, tuple[bytes, float]] = {}
        self._access: dict[str, float] = {}
        self._welcomes: dict[str, tuple[str, float]] = {}
        self._runner: web.AppRunner | None = None
        self.url = ""

    def now(self) -> float:
        """Seconds since 1970, by a clock that a test may shift."""
        return self._clock.now().timestamp()

    # ---- as a server

    async def start(self, port: int = 0) -> None:
        self._runner = web.AppRunner(self.app())
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def app(self) -> web.Application:
        """What the bot calls; `url` is set to where it is served."""
        app = web.Application(client_max_size=25_000_000)
        add = app.router.add_route
        add("GET", "/cgi-bin/gettoken", self._gettoken)
        add("POST", "/cgi-bin/kf/sync_msg", self._guarded(self._sync))
        add("POST", "/cgi-bin/kf/send_msg", self._guarded(self._send))
        add("POST", "/cgi-bin/kf/send_msg_on_event", self._guarded(self._send_on_event))
        add("POST", "/cgi-bin/kf/service_state/get", self._guarded(self._state))
        add("POST", "/cgi-bin/kf/service_state/trans", self._guarded(self._trans))
        add("POST", "/cgi-bin/media/upload", self._upload)
        add("GET", "/cgi-bin/media/get", self._media)
        return app

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    # ---- what guests and colleagues do

    async def say(self, guest: str, text: str, **more: Any) -> int | None:
        """A guest's words; the status that the bot's callback gave, None when the nudge was lost."""
        return await self.bring(guest, "text", {"content": text, **more})

    async def show(self, guest: str, kind: str, data: bytes) -> int | None:
        """A guest's picture, voice message, film or file."""
        media = secrets.token_hex(12)
        self.media[media] = (data, self.now() + FILES)
        return await self.bring(guest, kind, {"media_id": media})

    async def bring(self, guest: str, kind: str, told: dict[str, Any]) -> int | None:
        known = self.guests.setdefault(guest, Guest())
        known.spoke_at, known.sent = self.now(), 0
        if known.state == ENDED:
            known.state = 0
        message = {"external_userid": guest, "origin": 3, "msgtype": kind, kind: told}
        known.show("guest", message, self.now())
        self._keep(message)
        return await self.nudge()

    async def enter(self, guest: str, **link: str) -> int | None:
        """A guest opens the chat; a welcome may be sent by its code."""
        code = secrets.token_hex(8)
        self.guests.setdefault(guest, Guest())
        self._welcomes[code] = (guest, self.now() + WELCOME)
        event = {"event_type": "enter_session", "external_userid": guest, "welcome_code": code, **link}
        self._keep({"origin": 4, "msgtype": "event", "event": event})
        return await self.nudge()

    def answer_by_hand(self, guest: str, text: str) -> None:
        """A servicer takes the session in 企业微信 itself and says something."""
        self.guests[guest].state = SERVICER
        who = {"external_userid": guest, "origin": 5, "servicer_userid": "zhang"}
        message = {**who, "msgtype": "text", "text": {"content": text}}
        self.guests[guest].show("servicer", message, self.now())
        self._keep(message)

    def _keep(self, message: dict[str, Any]) -> None:
        told = {"msgid": secrets.token_hex(16), "open_kfid": self.open_kfid, "send_time": int(self.now())}
        self.messages.append({**told, **message})

    async def nudge(self) -> int | None:
        """Tell the bot that there is something; again, twice, when it doesn't take it."""
        if self.lose_nudges:
            return None
        status = 0
        for _ in range(3):
            status = await self._call_back()
            if status == 200:
                break
        return status

    async def _call_back(self) -> int:
        stamp, nonce = str(int(self.now())), secrets.token_hex(5)
        plain = (
            f"<xml><ToUserName>{cdata(self.corpid)}</ToUserName><CreateTime>{stamp}</CreateTime>"
            f"<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[kf_msg_or_event]]></Event>"
            f"<Token>{cdata(secrets.token_hex(8))}</Token><OpenKfId>{cdata(self.open_kfid)}</OpenKfId></xml>"
        )
        sealed = encrypt(plain, key=self.aes_key, appid=self.corpid, random=os.urandom(16))
        query = {
            "msg_signature": signature(self.token, stamp, nonce, sealed),
            "timestamp": stamp,
            "nonce": nonce,
        }
        body = f"<xml><ToUserName>{cdata(self.corpid)}</ToUserName><Encrypt>{cdata(sealed)}</Encrypt></xml>"
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http,
                http.post(self.callback, params=query, data=body.encode()) as answer,
            ):
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    def address_query(self, echo: str) -> dict[str, str]:
        """The query of the platform's GET when an address is entered."""
        stamp, nonce = str(int(self.now())), secrets.token_hex(5)
        sealed = encrypt(echo, key=self.aes_key, appid=self.corpid, random=os.urandom(16))
        return {
            "msg_signature": signature(self.token, stamp, nonce, sealed),
            "timestamp": stamp,
            "nonce": nonce,
            "echostr": sealed,
        }

    def texts(self, guest: str) -> list[str]:
        """What the guest has got, as text."""
        return [
            told.get("msgmenu", {}).get("head_content") or told.get("text", {}).get("content", "")
            for told in self.guests[guest].got
        ]

    # ---- what the bot calls

    async def _gettoken(self, request: web.Request) -> web.Response:
        if (request.query.get("corpid"), request.query.get("corpsecret")) != (self.corpid, self.secret):
            return _answer(40001)
        token = secrets.token_hex(16)
        self._access[token] = self.now() + 7200
        return web.json_response({"errcode": 0, "access_token": token, "expires_in": 7200})

    def expire_tokens(self) -> None:
        self._access.clear()

    def _refused(self, request: web.Request) -> web.Response | None:
        known = self._access.get(request.query.get("access_token", ""))
        return None if known and known > self.now() else _answer(40014)

    def _guarded(
        self, handler: Callable[[dict[str, Any]], "web.Response | None"]
    ) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.json()
            answer = self._refused(request) or handler(body)
            if answer is None:  # the message was taken, and the line goes dead
                assert request.transport
                request.transport.close()
                await asyncio.sleep(0)
                return web.Response()
            return answer

        return handle

    def _sync(self, body: dict[str, Any]) -> web.Response:
        if body.get("open_kfid") != self.open_kfid:
            return _answer(95000)
        run, _, number = str(body.get("cursor") or "").partition("-")
        start = int(number) if run == self._run else 0
        some = self.messages[start : start + min(int(body.get("limit", 1000)), 1000)]
        end = start + len(some)
        more = int(end < len(self.messages))
        cursor = f"{self._run}-{end}"
        return web.json_response({"errcode": 0, "next_cursor": cursor, "has_more": more, "msg_list": some})

    def _send(self, body: dict[str, Any]) -> web.Response | None:
        guest = self.guests.get(str(body.get("touser")))
        if guest is None:
            return _answer(40096)
        code = self.fail_next.pop(0) if self.fail_next else None
        if code:
            return _answer(code)
        if guest.state not in (0, ASSISTANT):
            return _answer(95016 if guest.state == SERVICER else 95018)
        if self.now() - guest.spoke_at > WINDOW:
            return _answer(95002)
        if guest.sent >= SENDS:
            return _answer(95001)
        guest.sent += 1
        guest.got.append(body)
        guest.show("account", body, self.now())
        if code == 0:
            return None
        return web.json_response({"errcode": 0, "errmsg": "ok", "msgid": secrets.token_hex(16)})

    def _send_on_event(self, body: dict[str, Any]) -> web.Response:
        guest, until = self._welcomes.pop(str(body.get("code")), ("", 0.0))
        if until <= self.now():
            return _answer(95018)
        self.guests[guest].got.append(body)
        self.guests[guest].show("account", body, self.now())
        return web.json_response({"errcode": 0, "errmsg": "ok", "msgid": secrets.token_hex(16)})

    def _state(self, body: dict[str, Any]) -> web.Response:
        guest = self.guests.get(str(body.get("external_userid")), Guest())
        return web.json_response({"errcode": 0, "service_state": guest.state})

    def _trans(self, body: dict[str, Any]) -> web.Response:
        guest = self.guests[str(body["external_userid"])]
        if guest.state not in (0, ASSISTANT):
            return _answer(95016)
        guest.state = int(body["service_state"])
        return _answer(0)

    async def _upload(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        part = await (await request.multipart()).next()
        assert isinstance(part, aiohttp.BodyPartReader)
        data = bytes(await part.read())
        media = hashlib.sha256(data).hexdigest()
        self.media[media] = (data, self.now() + FILES)
        return web.json_response({"errcode": 0, "type": request.query["type"], "media_id": media})

    async def _media(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        data, until = self.media.get(request.query.get("media_id", ""), (b"", 0.0))
        if until <= self.now():
            return _answer(40007)
        return web.Response(body=data, content_type="application/octet-stream")


def _answer(code: int) -> web.Response:
    return web.json_response({"errcode": code, "errmsg": "ok" if code == 0 else "refused"})
