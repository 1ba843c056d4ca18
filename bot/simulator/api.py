"""The platform's side of the calls that the service makes: /cgi-bin/*, with its error codes and forms."""

import asyncio
import hmac
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from aiohttp import web

from bot.simulator.account import SimulatedAccount
from bot.simulator.state import Follower, State, WireEntry
from bot.simulator.tokens import TokenOffice

_MAX_TEXT = 2048
_ACTIVE = timedelta(seconds=30)
_HANG = 120.0
_MESSAGES = {
    -1: "system error",
    0: "ok",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40008: "invalid message type",
    40013: "invalid appid",
    40125: "invalid appsecret",
    41001: "access_token missing",
    42001: "access_token expired",
    43002: "require POST method",
    43004: "require subscribe",
    44004: "empty content",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45015: "response out of time limit or subscription is canceled",
    45047: "out of response count limit",
    45072: "invalid command",
    45080: "no interaction in the last 30 seconds",
    45081: "already typing",
    46003: "menu no exist",
    47001: "data format error",
    48001: "api unauthorized",
}


class Refused(Exception):
    """The platform refuses a call with this errcode."""

    def __init__(self, errcode: int) -> None:
        super().__init__(str(errcode))
        self.errcode = errcode


class Cut(Exception):
    """The connection is cut in place of an answer."""


Handler = Callable[[web.Request, str], Awaitable[Mapping[str, Any]]]


class PlatformApi:
    """The handlers of /cgi-bin/*."""

    def __init__(self, state: State, account: SimulatedAccount, tokens: TokenOffice) -> None:
        self._state = state
        self._account = account
        self._tokens = tokens

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/cgi-bin/stable_token", self._told(self.stable_token)),
            web.get("/cgi-bin/token", self._told(self.token)),
            web.post("/cgi-bin/message/custom/send", self._told(self.custom_send)),
            web.post("/cgi-bin/message/custom/typing", self._told(self.custom_typing)),
            web.get("/cgi-bin/getcallbackip", self._told(self.callback_ip)),
            web.post("/cgi-bin/menu/create", self._told(self.create_menu)),
            web.get("/cgi-bin/menu/get", self._told(self.get_menu)),
            web.get("/cgi-bin/menu/delete", self._told(self.delete_menu)),
        ]

    def _told(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Puts the call on the wire log and a refusal into the platform's form."""

        async def handle(request: web.Request) -> web.StreamResponse:
            text = (await request.read()).decode("utf-8", "replace")
            entry = self._state.log(self._entry(request, text))
            began = time.monotonic()
            try:
                answer: Mapping[str, Any] = await handler(request, text)
            except Refused as refused:
                answer = error(refused.errcode)
            except (Cut, asyncio.CancelledError) as end:
                self._log_end(entry, began, None, "", "cut" if isinstance(end, Cut) else "given_up")
                raise
            response = _answer(answer)
            self._log_end(entry, began, response.status, response.text or "", "answered")
            return response

        return self._cutting(handle)

    def _cutting(
        self, handle: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def cut(request: web.Request) -> web.StreamResponse:
            try:
                return await handle(request)
            except Cut:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()

        return cut

    def _entry(self, request: web.Request, text: str) -> WireEntry:
        """Tokens and the AppSecret stay out of the log."""
        line = re.sub(r"((?:access_token|secret)=)[^&]+", r"\1…", f"{request.method} {request.path_qs}")
        body = re.sub(r'("secret"\s*:\s*")[^"]*', r"\1…", text)
        return WireEntry(
            self._state.number(),
            self._state.now(),
            "call",
            request.path.removeprefix("/cgi-bin/"),
            _openid(text),
            sent=f"{line}\n\n{body}".strip(),
            sent_plain=body,
            end="waiting",
        )

    def _log_end(self, entry: WireEntry, began: float, status: int | None, answer: str, end: str) -> None:
        answer = re.sub(r'("access_token":")[^"]*', r"\1…", answer)
        seconds = round(time.monotonic() - began, 3)
        self._state.log(
            replace(entry, status=status, answer=answer, answer_plain=answer, seconds=seconds, end=end)
        )

    # ---- tokens

    async def stable_token(self, _request: web.Request, text: str) -> Mapping[str, Any]:
        given = _object(text)
        self._check_secret(given)
        lifetime = timedelta(seconds=self._state.switches.token_seconds)
        issued = self._tokens.stable(lifetime, force=given.get("force_refresh") is True)
        if issued is None:
            raise Refused(45009)
        return {"access_token": issued[0], "expires_in": issued[1]}

    async def token(self, request: web.Request, _text: str) -> Mapping[str, Any]:
        self._check_secret(request.query)
        token, seconds = self._tokens.older(timedelta(seconds=self._state.switches.token_seconds))
        return {"access_token": token, "expires_in": seconds}

    def _check_secret(self, given: Mapping[str, Any]) -> None:
        if given.get("grant_type") != "client_credential":
            raise Refused(40002)
        if given.get("appid") != self._account.appid:
            raise Refused(40013)
        if not hmac.compare_digest(str(given.get("secret", "")).encode(), self._account.secret.encode()):
            raise Refused(40125)

    def _check_token(self, request: web.Request) -> None:
        if fault := self._tokens.fault(request.query.get("access_token")):
            raise Refused(fault)

    # ---- messages

    async def custom_send(self, request: web.Request, text: str) -> Mapping[str, Any]:
        self._check_token(request)
        fault = self._state.switches.send_fault if self._state.use_up("send_faults") else ""
        _fault_before(fault, self._state.switches.send_errcode)
        if not self._state.switches.verified:
            raise Refused(48001)
        message = _object(_as_it_stands(text))
        follower = self._follower(message)
        shown = _shown(message)
        self._check_window(follower)
        follower.ledger = follower.ledger.spent()
        self._state.show(follower, "account", shown[0], via="custom", options=shown[1])
        return await _fault_after(fault) or error(0)

    async def custom_typing(self, request: web.Request, text: str) -> Mapping[str, Any]:
        self._check_token(request)
        if not self._state.switches.verified:
            raise Refused(48001)
        message = _object(text)
        follower = self._follower(message)
        command = message.get("command")
        if command not in ("Typing", "CancelTyping"):
            raise Refused(45072)
        if follower.acted_at is None or self._state.now() - follower.acted_at > _ACTIVE:
            raise Refused(45080)
        if command == "Typing" and follower.typing:
            raise Refused(45081)
        follower.typing = command == "Typing"
        self._state.tell_follower(follower)
        return error(0)

    def _follower(self, message: Mapping[str, Any]) -> Follower:
        follower = self._state.followers.get(str(message.get("touser", "")))
        if follower is None:
            raise Refused(40003)
        if not follower.following:
            raise Refused(43004)
        return follower

    def _check_window(self, follower: Follower) -> None:
        allowance = follower.ledger.allowance(self._state.now())
        if allowance.closes_at is None:
            raise Refused(45015)
        if allowance.left == 0:
            raise Refused(45047)

    # ---- the rest

    async def callback_ip(self, request: web.Request, _text: str) -> Mapping[str, Any]:
        self._check_token(request)
        return {"ip_list": ["127.0.0.1"]}

    async def create_menu(self, request: web.Request, text: str) -> Mapping[str, Any]:
        self._check_token(request)
        given = _object(text)
        if not isinstance(given.get("button"), list):
            raise Refused(47001)
        self._set_menu(given)
        return error(0)

    async def get_menu(self, request: web.Request, _text: str) -> Mapping[str, Any]:
        self._check_token(request)
        if self._state.menu is None:
            raise Refused(46003)
        return {"menu": self._state.menu}

    async def delete_menu(self, request: web.Request, _text: str) -> Mapping[str, Any]:
        self._check_token(request)
        self._set_menu(None)
        return error(0)

    def _set_menu(self, menu: dict[str, Any] | None) -> None:
        self._state.menu = menu
        self._state.tell({"type": "menu", "menu": menu})


def error(errcode: int) -> Mapping[str, Any]:
    """The platform's form of an error, and of success."""
    message = _MESSAGES.get(errcode, "error")
    if errcode != 0:
        message += " rid: " + "-".join(secrets.token_hex(4) for _ in range(3))
    return {"errcode": errcode, "errmsg": message}


def _fault_before(fault: str, errcode: int) -> None:
    """Faults that strike before the message is taken."""
    if fault == "errcode":
        raise Refused(errcode)
    if fault == "cut_before":
        raise Cut


async def _fault_after(fault: str) -> Mapping[str, Any] | None:
    """Faults that strike when the follower has the message already."""
    if fault == "cut_after":
        raise Cut
    if fault == "hang":
        await asyncio.sleep(_HANG)
        raise Cut
    return {"_fault": fault} if fault in ("http_502", "garbage") else None


def _answer(answer: Mapping[str, Any]) -> web.Response:
    if answer.get("_fault") == "http_502":
        return web.Response(status=502, text="<html>502 Bad Gateway</html>", content_type="text/html")
    if answer.get("_fault") == "garbage":
        return web.Response(text='{"errcode":0,"errm')
    return web.json_response(answer, dumps=_compact)


def _compact(value: object) -> str:
    """JSON without spaces, as the platform writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _object(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(47001) from None
    if not isinstance(given, dict):
        raise Refused(47001)
    return given


def _openid(text: str) -> str:
    found = re.search(r'"touser"\s*:\s*"([^"]*)"', text)
    return found.group(1) if found else ""


def _as_it_stands(text: str) -> str:
    """The platform shows \\u escapes as they were written: careless JSON is visible on the phone."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\\u", r"\1\\\\u", text)


def _shown(message: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The text of a message and the choices below it."""
    kind = message.get("msgtype")
    part = message.get(str(kind))
    if kind == "text":
        return _content(part, "content"), ()
    if kind == "msgmenu" and isinstance(part, dict) and isinstance(part.get("list"), list):
        choices = tuple((str(one.get("id")), str(one.get("content"))) for one in part["list"])
        return _content(part, "head_content"), choices
    raise Refused(40008)


def _content(part: object, name: str) -> str:
    text = part.get(name) if isinstance(part, dict) else None
    if not isinstance(text, str):
        raise Refused(47001)
    if not text:
        raise Refused(44004)
    if len(text.encode()) > _MAX_TEXT:
        raise Refused(45002)
    return text
