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
from bot.simulator.media import LIMITS, TYPES
from bot.simulator.state import Follower, State, WireEntry
from bot.simulator.tokens import TokenOffice

_MAX_TEXT = 2048
_ACTIVE = timedelta(seconds=30)
_HANG = 120.0
_ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "audio/amr": ".amr", "video/mp4": ".mp4"}
_MESSAGES = {
    -1: "system error",
    0: "ok",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40005: "invalid file type",
    40006: "invalid meida size",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid appid",
    40125: "invalid appsecret",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40023: "invalid sub button size",
    40025: "invalid sub button name size",
    40053: "invalid action info",
    40054: "invalid sub button url domain",
    41001: "access_token missing",
    41005: "media data missing",
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
            web.get("/cgi-bin/media/get", self._told(self.media_get)),
            web.post("/cgi-bin/media/upload", self._told(self.media_upload)),
            web.get("/cgi-bin/films/{media}", self._told(self.film)),
            web.get("/cgi-bin/getcallbackip", self._told(self.callback_ip)),
            web.post("/cgi-bin/menu/create", self._told(self.create_menu)),
            web.get("/cgi-bin/menu/get", self._told(self.get_menu)),
            web.get("/cgi-bin/get_current_selfmenu_info", self._told(self.current_menu)),
            web.get("/cgi-bin/get_current_autoreply_info", self._told(self.current_replies)),
            web.post("/cgi-bin/qrcode/create", self._told(self.create_code)),
            web.get("/cgi-bin/menu/delete", self._told(self.delete_menu)),
        ]

    def _told(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Puts the call on the wire log and a refusal into the platform's form."""

        async def handle(request: web.Request) -> web.StreamResponse:
            text = await _told_text(request)
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
            shown = "" if "_file" in answer else response.text or ""
            self._log_end(entry, began, response.status, shown, "answered")
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
        shown = self._shown(message)
        self._check_window(follower)
        follower.ledger = follower.ledger.spent()
        self._state.show(follower, "account", via="custom", **shown)
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

    def _shown(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """What a message of custom/send shows on the phone."""
        kind = str(message.get("msgtype"))
        part = message.get(kind)
        if kind not in ("image", "voice", "video"):
            text, options = _words(message)
            return {"text": text, "options": options}
        media = str(part.get("media_id", "")) if isinstance(part, dict) else ""
        stored = self._state.media.get(media)
        if stored is None or stored.kind != kind:
            raise Refused(40007)
        title = str(part.get("title", "")) if isinstance(part, dict) else ""
        return {"text": title or kind, "kind": kind, "media": media}

    # ---- files

    async def media_get(self, request: web.Request, _text: str) -> Mapping[str, Any]:
        self._check_token(request)
        if self._state.use_up("media_faults"):
            raise Refused(self._state.switches.media_errcode)
        media = request.query.get("media_id", "")
        stored = self._state.media.get(media)
        if stored is None:
            raise Refused(40007)
        if stored.kind == "video" and self._state.switches.films_by_address:
            return {"video_url": f"{request.url.origin()}/cgi-bin/films/{media}"}
        return {"_file": stored, "name": f"{media[:12]}{_ENDINGS.get(stored.type, '')}"}

    async def film(self, request: web.Request, _text: str) -> Mapping[str, Any]:
        """Where a film lies: no token is wanted, as on the real platform."""
        stored = self._state.media.get(request.match_info["media"])
        if stored is None:
            raise Refused(40007)
        return {"_file": stored, "name": "film.mp4"}

    async def media_upload(self, request: web.Request, _text: str) -> Mapping[str, Any]:
        self._check_token(request)
        if not self._state.switches.verified:
            raise Refused(48001)
        kind = request.query.get("type", "")
        if kind not in TYPES:
            raise Refused(40004)
        form = await request.post()
        given = form.get("media")
        if not isinstance(given, web.FileField):
            raise Refused(41005)
        data = given.file.read()
        if len(data) > LIMITS[kind]:
            raise Refused(40006)
        if given.content_type.partition("/")[0] != TYPES[kind].partition("/")[0]:
            raise Refused(40005)
        name = "thumb_media_id" if kind == "thumb" else "media_id"
        media = self._state.media.put(kind, data, given.content_type)
        return {"type": kind, name: media, "created_at": int(self._state.now().timestamp())}

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
        _check_menu(given["button"])
        self._set_menu(given)
        return error(0)

    async def get_menu(self, request: web.Request, _text: str) -> Mapping[str, Any]:
        self._check_token(request)
        if self._state.menu is None:
            raise Refused(46003)
        return {"menu": self._state.menu}

    async def current_menu(self, request: web.Request, _text: str) -> Mapping[str, Any]:
        """The menu with its lists one level deeper, as the platform gives it here and nowhere else."""
        self._check_token(request)
        if self._state.menu is None:
            return {"is_menu_open": 0, "selfmenu_info": {"button": []}}
        shown = [_listed(button) for button in self._state.menu["button"]]
        return {"is_menu_open": 1, "selfmenu_info": {"button": shown}}

    async def current_replies(self, request: web.Request, _text: str) -> Mapping[str, Any]:
        self._check_token(request)
        on = int(self._state.switches.own_replies_on)
        return {"is_add_friend_reply_open": on, "is_autoreply_open": on}

    async def create_code(self, request: web.Request, text: str) -> Mapping[str, Any]:
        self._check_token(request)
        if not self._state.switches.verified:
            raise Refused(48001)
        asked = _object(text)
        scene = asked.get("action_info", {}).get("scene", {}).get("scene_str")
        if asked.get("action_name") not in ("QR_LIMIT_STR_SCENE", "QR_STR_SCENE"):
            raise Refused(47001)
        if not isinstance(scene, str) or not 1 <= len(scene) <= 64:
            raise Refused(40053)
        ticket = "gQ" + secrets.token_urlsafe(60)
        return {"ticket": ticket, "url": f"http://weixin.qq.com/q/{ticket[2:14]}"}

    async def delete_menu(self, request: web.Request, _text: str) -> Mapping[str, Any]:
        self._check_token(request)
        self._set_menu(None)
        return error(0)

    def _set_menu(self, menu: dict[str, Any] | None) -> None:
        self._state.menu = menu
        self._state.tell({"type": "menu", "menu": menu})


def _listed(button: Mapping[str, Any]) -> Mapping[str, Any]:
    below = button.get("sub_button")
    return {"name": button["name"], "sub_button": {"list": below}} if below else button


def _check_menu(buttons: list[dict[str, Any]]) -> None:
    if not 1 <= len(buttons) <= 3:
        raise Refused(40016)
    for button in buttons:
        below = button.get("sub_button") or []
        if len(below) > 5:
            raise Refused(40023)
        for one, most in ((button, 16), *((item, 60) for item in below)):
            if not 1 <= len(str(one.get("name", "")).encode()) <= most:
                raise Refused(40018 if one is button else 40025)
            if not one.get("sub_button") and one.get("type") not in ("click", "view"):
                raise Refused(40017)
            if one.get("type") == "view" and not str(one.get("url", "")).startswith("http"):
                raise Refused(40054)


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
    if "_file" in answer:
        stored, headers = answer["_file"], {"Content-Disposition": f'attachment; filename="{answer["name"]}"'}
        return web.Response(body=stored.data, content_type=stored.type, headers=headers)
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


async def _told_text(request: web.Request) -> str:
    """The body as the wire log shows it: of a form, its size."""
    if request.content_type == "multipart/form-data":
        return f"{request.content_length} bytes"
    return (await request.read()).decode("utf-8", "replace")


def _openid(text: str) -> str:
    found = re.search(r'"touser"\s*:\s*"([^"]*)"', text)
    return found.group(1) if found else ""


def _as_it_stands(text: str) -> str:
    """The platform shows \\u escapes as they were written: careless JSON is visible on the phone."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\\u", r"\1\\\\u", text)


def _words(message: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
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
