"""Calls to the platform: the access token, pulling, sending, files, the session's state.

`send` never raises for anything the other side does. What may have arrived is Unclear and is not repeated.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import aiohttp

from bot.channels.port import (
    Accepted,
    Attachment,
    Fetched,
    NeverDelivered,
    Outcome,
    Reply,
    TryLater,
    Unclear,
)
from bot.channels.wechat.tokens import Token, TokenCache
from bot.channels.wecom import render
from bot.channels.wecom.account import Account
from bot.channels.wecom.errcodes import TOKEN_REFUSED, outcome
from bot.model import AccountId, ExternalId

_CONNECT = 4.0  # seconds until there is a connection: nothing has been sent yet
_READ = 8.0
_RETRY = 3.0
WELCOME_LIFE = timedelta(seconds=20)
ASSISTANT = 1  # the session's state in which the API may speak
PULLED = 1000

FindAccount = Callable[[AccountId], Awaitable[Account | None]]


class CannotPull(Exception):
    """The platform gave no messages; the cursor stays where it is."""


class _Failed(Exception):
    """A call that brought no readable answer. `sent`: the request may have reached the platform."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.why, self.sent = why, sent


@dataclass(frozen=True)
class Pulled:
    """Messages after a cursor, and where to go on."""

    messages: tuple[Mapping[str, Any], ...]
    cursor: str
    more: bool


class WeComClient:
    """The sender and fetcher of all 客服账号. Use it as an async context manager."""

    def __init__(self, find: FindAccount, cache: TokenCache, now: Callable[[], datetime]) -> None:
        self._find, self._cache, self._now = find, cache, now
        self._http: aiohttp.ClientSession | None = None
        self._welcome: dict[tuple[AccountId, ExternalId], tuple[str, datetime]] = {}

    async def __aenter__(self) -> Self:
        # One connection per call, as with WeChat: a kept-alive one may close while we write into it.
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            timeout=aiohttp.ClientTimeout(total=_CONNECT + _READ + 3, connect=_CONNECT, sock_read=_READ),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    # ---- pulling

    async def pull(self, account: Account, cursor: str, nudge: str = "") -> Pulled:
        """The messages after `cursor`, oldest first. Raises CannotPull."""
        asked = {"cursor": cursor, "token": nudge, "limit": PULLED, "open_kfid": account.open_kfid}
        answer = await self._asked(account, "kf/sync_msg", {k: v for k, v in asked.items() if v})
        if not isinstance(answer, dict):
            raise CannotPull(getattr(answer, "why", "refused"))
        messages = [m for m in answer.get("msg_list") or () if isinstance(m, dict)]
        return Pulled(tuple(messages), str(answer.get("next_cursor") or cursor), bool(answer.get("has_more")))

    def may_welcome(self, account: AccountId, guest: ExternalId, code: str) -> None:
        """Remember a guest's coming in: the next message to them within 20 s goes with this code."""
        now = self._now()
        self._welcome = {key: kept for key, kept in self._welcome.items() if kept[1] > now}
        self._welcome[account, guest] = (code, now + WELCOME_LIFE)

    async def take_session(self, account: Account, guest: ExternalId) -> bool:
        """Ask for the session to be the assistant's; False while a servicer of 企业微信 has it."""
        asked = {"open_kfid": account.open_kfid, "external_userid": guest}
        state = await self._asked(account, "kf/service_state/get", asked)
        found = state.get("service_state") if isinstance(state, dict) else None
        if found in (ASSISTANT, None):
            return found == ASSISTANT
        if found != 0:
            return False
        moved = await self._asked(account, "kf/service_state/trans", {**asked, "service_state": ASSISTANT})
        return isinstance(moved, dict)

    # ---- sending

    async def send(self, account: AccountId, to: ExternalId, reply: Reply) -> Outcome:
        found = await self._find(account)
        if found is None:
            return NeverDelivered("unknown_account")
        if reply.file:
            return await self._send_file(found, to, reply.file)
        code, until = self._welcome.pop((account, to), ("", self._now()))
        if code and until > self._now() and not reply.options:
            told = {"code": code, "msgtype": "text", "text": {"content": reply.text}}
            return await self._told(found, "kf/send_msg_on_event", told)
        return await self._told(found, "kf/send_msg", render.message(to, found.open_kfid, reply))

    async def _send_file(self, account: Account, to: ExternalId, file: Attachment) -> Outcome:
        uploaded = await self._upload(account, file)
        if not isinstance(uploaded, str):
            return uploaded
        told = render.attached(to, account.open_kfid, file.kind, uploaded)
        return await self._told(account, "kf/send_msg", told)

    async def _upload(self, account: Account, file: Attachment) -> str | TryLater | NeverDelivered:
        """Whatever goes wrong here, no message has been sent."""
        form = aiohttp.FormData()
        form.add_field("media", file.data, filename=file.name, content_type=file.type)
        answer = await self._asked(account, "media/upload", form, {"type": file.kind}, sends=False)
        if isinstance(answer, dict):
            return str(answer.get("media_id") or "") or NeverDelivered("upload_unreadable")
        return answer if isinstance(answer, TryLater | NeverDelivered) else TryLater(_RETRY, "upload")

    async def _told(self, account: Account, path: str, body: Mapping[str, Any]) -> Outcome:
        answer = await self._asked(account, path, body)
        if isinstance(answer, dict):
            return Accepted(str(answer["msgid"]) if "msgid" in answer else None)
        return answer

    # ---- guests' files

    async def fetch(
        self, account: AccountId, reference: str, limit: int
    ) -> Fetched | TryLater | NeverDelivered:
        found = await self._find(account)
        if found is None:
            return NeverDelivered("unknown_account")
        token = await self._token(found, None)
        if not isinstance(token, str):
            return token
        assert self._http
        query = {"access_token": token, "media_id": reference}
        try:
            async with self._http.get(
                f"{found.api}/cgi-bin/media/get", params=query, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    return TryLater(_RETRY, f"http_{answer.status}")
                data = await answer.content.read(limit + 1)
                while len(data) <= limit and (more := await answer.content.read(limit + 1 - len(data))):
                    data += more
        except (aiohttp.ClientError, TimeoutError, OSError):
            return TryLater(_RETRY, "unreachable")
        if len(data) > limit:
            return NeverDelivered("file_too_large")
        return _refusal(data) or Fetched(data)

    # ---- calls

    async def check(self, account: Account) -> list[str]:
        """What keeps this account from serving, as codes; asks the platform for a token."""
        token = await self._token(account, None)
        return [] if isinstance(token, str) else [token.why]

    async def _asked(
        self,
        account: Account,
        path: str,
        body: "Mapping[str, Any] | aiohttp.FormData",
        query: Mapping[str, str] | None = None,
        sends: bool = True,
    ) -> dict[str, Any] | Outcome:
        """The platform's answer, or what its failure means; a refused token is fetched anew, once."""
        refused: str | None = None
        for _ in range(2):
            token = await self._token(account, refused)
            if not isinstance(token, str):
                return token
            try:
                answer = await self._call(account, path, body, {"access_token": token, **(query or {})})
            except _Failed as failed:
                return Unclear(failed.why) if failed.sent and sends else TryLater(_RETRY, failed.why)
            code = answer.get("errcode", 0)
            if code == 0:
                return answer
            refused = token
            if code not in TOKEN_REFUSED:
                break
        return outcome(code if isinstance(code, int) else -1)

    async def _token(self, account: Account, refused: str | None) -> str | TryLater | NeverDelivered:
        key = f"wecom:{account.corpid}:{account.open_kfid}"
        async with self._cache.fetching(key):
            kept = await self._cache.get(key)
            if kept and kept.value != refused and kept.renew_at > self._now():
                return kept.value
            asked = {"corpid": account.corpid, "corpsecret": account.secret}
            try:
                answer = await self._call(account, "gettoken", None, asked)
            except _Failed as failed:
                return TryLater(_RETRY, f"token_{failed.why}")
            value, seconds = answer.get("access_token"), answer.get("expires_in")
            if not isinstance(value, str) or not isinstance(seconds, int):
                found = outcome(int(answer.get("errcode") or -1))
                if isinstance(found, TryLater | NeverDelivered):
                    return found
                return TryLater(_RETRY, "token_unreadable")
            await self._cache.put(key, Token.made(value, timedelta(seconds=seconds), self._now()))
            return value

    async def _call(
        self,
        account: Account,
        path: str,
        body: "Mapping[str, Any] | aiohttp.FormData | None",
        query: Mapping[str, str],
    ) -> dict[str, Any]:
        """The JSON object that the platform answers; _Failed for everything else."""
        assert self._http
        data = body if isinstance(body, aiohttp.FormData) else None
        said = None if body is None or data else json.dumps(body, ensure_ascii=False).encode()
        method = "GET" if body is None else "POST"
        try:
            async with self._http.request(
                method,
                f"{account.api}/cgi-bin/{path}",
                params=query,
                data=data or said,
                headers={"Content-Type": "application/json; charset=utf-8"} if said else None,
                allow_redirects=False,
            ) as response:
                return _object(response.status, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
            raise _Failed("unreachable", sent=False) from None
        except TimeoutError:
            raise _Failed("timeout", sent=True) from None
        except (aiohttp.ClientError, OSError):
            raise _Failed("connection_lost", sent=True) from None


def _refusal(data: bytes) -> NeverDelivered | TryLater | None:
    """A file that is an error: the platform answers with JSON where it has none."""
    if not data.startswith(b"{"):
        return None
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return None
    code = answer.get("errcode") if isinstance(answer, dict) else None
    if not isinstance(code, int) or code == 0:
        return None
    found = outcome(code)
    return found if isinstance(found, TryLater | NeverDelivered) else NeverDelivered(f"errcode_{code}")


def _object(status: int, body: bytes) -> dict[str, Any]:
    """A 4xx was turned away before the platform looked at it; after a 5xx nobody knows how far it came."""
    if status != 200:
        raise _Failed(f"http_{status}", sent=status >= 500)
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise _Failed("answer_unreadable", sent=True) from None
    if not isinstance(answer, dict):
        raise _Failed("answer_unreadable", sent=True)
    return answer
