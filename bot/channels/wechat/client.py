"""Calls to the platform: the access token, custom/send and custom/typing.

`send` never raises for anything the other side does. What may have arrived is Unclear and is not repeated:
custom/send takes no key by which the platform could recognise a repetition.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import aiohttp

from bot.channels.port import Accepted, NeverDelivered, Outcome, Reply, TryLater, Unclear
from bot.channels.wechat import render
from bot.channels.wechat.account import Account, mistakes
from bot.channels.wechat.errcodes import TOKEN_REFUSED, outcome
from bot.channels.wechat.tokens import Token, TokenCache
from bot.model import AccountId, ExternalId

_CONNECT = 4.0  # seconds until there is a connection: nothing has been sent yet
_READ = 8.0  # seconds of silence after which we no longer believe in an answer
_RETRY = 3.0

FindAccount = Callable[[AccountId], Awaitable[Account | None]]


class _Failed(Exception):
    """A call that brought no readable answer. `sent`: the request may have reached the platform."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent


class WeChatClient:
    """The sender of all official accounts. Use it as an async context manager.

    `find` looks an account up by our id, `now` is the clock, `cache` may be shared between processes.
    """

    def __init__(self, find: FindAccount, cache: TokenCache, now: Callable[[], datetime]) -> None:
        self._find = find
        self._cache = cache
        self._now = now
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # A kept-alive connection may be closed by the other side while we write into it, and then nobody
        # knows whether the message arrived. A fresh one per call costs a handshake and spares that doubt.
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

    async def send(self, account: AccountId, to: ExternalId, reply: Reply) -> Outcome:
        """Sends by custom/send; a reply over the length limit goes as several messages, in order."""
        found = await self._find(account)
        if found is None:
            return NeverDelivered("unknown_account")
        result: Outcome = NeverDelivered("empty")
        for number, part in enumerate(render.parts(reply)):
            result = await self._deliver(found, "message/custom/send", render.custom_text(to, part.text))
            if not isinstance(result, Accepted):
                # Repeating the whole would repeat what has arrived.
                return result if number == 0 else Unclear("partly_sent")
        return result

    async def show_typing(self, account: AccountId, to: ExternalId, *, on: bool) -> Outcome:
        """ "对方正在输入" on the guest's phone. Allowed within 30 s of the guest's last act; best effort."""
        found = await self._find(account)
        if found is None:
            return NeverDelivered("unknown_account")
        return await self._deliver(found, "message/custom/typing", render.typing(to, on=on))

    async def check(self, account: Account) -> list[str]:
        """What keeps this account from serving, as codes; asks the platform for a token."""
        if wrong := mistakes(account):
            return wrong
        token = await self._token(account, refused=None)
        return [] if isinstance(token, str) else [token.why]

    async def _deliver(self, account: Account, path: str, body: bytes) -> Outcome:
        token = await self._token(account, refused=None)
        if not isinstance(token, str):
            return token
        result = await self._attempt(account, path, token, body)
        if not isinstance(result, int):
            return result
        if result in TOKEN_REFUSED:
            return await self._deliver_anew(account, path, body, refused=token)
        return outcome(result)

    async def _deliver_anew(self, account: Account, path: str, body: bytes, *, refused: str) -> Outcome:
        """The second and last attempt, with a token other than the refused one."""
        token = await self._token(account, refused=refused)
        if not isinstance(token, str):
            return token
        result = await self._attempt(account, path, token, body)
        return outcome(result) if isinstance(result, int) else result

    async def _attempt(self, account: Account, path: str, token: str, body: bytes) -> int | Outcome:
        """The errcode of one call, or what its failure means."""
        try:
            answer = await self._call(account, path, body, token)
        except _Failed as failed:
            return Unclear(failed.why) if failed.sent else TryLater(_RETRY, failed.why)
        code = _errcode(answer)
        # JSON without an errcode isn't this call's answer: a proxy's, perhaps, after it passed us on.
        return Unclear("answer_unreadable") if code is None else code

    async def _token(self, account: Account, *, refused: str | None) -> "str | TryLater | NeverDelivered":
        cached = await self._cached(account, refused)
        if cached is not None:
            return cached
        async with self._cache.fetching(account.appid):
            # Somebody else may have fetched it while we waited.
            return await self._cached(account, refused) or await self._fetch_token(account, refused)

    async def _cached(self, account: Account, refused: str | None) -> str | None:
        token = await self._cache.get(account.appid)
        if token is None or token.value == refused or token.renew_at <= self._now():
            return None
        return token.value

    async def _fetch_token(self, account: Account, refused: str | None) -> "str | TryLater | NeverDelivered":
        fetched = await self._ask_for_token(account, force=False)
        if isinstance(fetched, Token) and fetched.value == refused:
            # The platform still gives out what it refuses: only then is the harsher way worth its 20 a day.
            fetched = await self._ask_for_token(account, force=True)
        if not isinstance(fetched, Token):
            return fetched
        await self._cache.put(account.appid, fetched)
        return fetched.value

    async def _ask_for_token(self, account: Account, *, force: bool) -> Token | TryLater | NeverDelivered:
        """Whatever goes wrong here, no message has been sent."""
        asked = {
            "grant_type": "client_credential",
            "appid": account.appid,
            "secret": account.secret,
            "force_refresh": force,
        }
        try:
            answer = await self._call(account, "stable_token", json.dumps(asked).encode())
        except _Failed as failed:
            return TryLater(_RETRY, f"token_{failed.why}")
        return _token(answer, self._now())

    async def _call(
        self, account: Account, path: str, body: bytes, token: str | None = None
    ) -> Mapping[str, Any]:
        """The JSON object that the platform answers; _Failed for everything else."""
        if self._http is None:
            raise RuntimeError("a WeChatClient works inside `async with`")
        try:
            async with self._http.post(
                f"{account.api}/cgi-bin/{path}",
                params=None if token is None else {"access_token": token},
                data=body,
                headers={"Content-Type": "application/json; charset=utf-8"},
                allow_redirects=False,
            ) as response:
                return _object(response.status, await response.read())
        except aiohttp.InvalidURL:
            raise _Failed("api_address", sent=False) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise _Failed("unreachable", sent=False) from None
        except TimeoutError:
            raise _Failed("timeout", sent=True) from None
        except (aiohttp.ClientError, OSError):
            raise _Failed("connection_lost", sent=True) from None


def _object(status: int, body: bytes) -> Mapping[str, Any]:
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


def _errcode(answer: Mapping[str, Any]) -> int | None:
    code = answer.get("errcode")
    return code if isinstance(code, int) else None


def _token(answer: Mapping[str, Any], now: datetime) -> Token | TryLater | NeverDelivered:
    value, seconds = answer.get("access_token"), answer.get("expires_in")
    if isinstance(value, str) and isinstance(seconds, int):
        return Token.made(value, timedelta(seconds=seconds), now)
    found = outcome(_errcode(answer) or -1)
    return found if isinstance(found, TryLater | NeverDelivered) else TryLater(_RETRY, "token_unreadable")
