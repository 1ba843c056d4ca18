"""One call to the platform at a time: the access token, the HTTP, and what its failure means.

Owns the connection and the token, knows nothing of messages. Nothing here raises for what the other side
does. What may have reached the platform without a readable answer is Unclear.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import aiohttp

from bot.channels.port import NeverDelivered, TryLater, Unclear
from bot.channels.wechat.account import Account
from bot.channels.wechat.errcodes import TOKEN_REFUSED, outcome
from bot.channels.wechat.tokens import Token, TokenCache
from bot.model import AccountId

CONNECT = 4.0  # seconds until there is a connection: nothing has been sent yet
_READ = 8.0  # seconds of silence after which we no longer believe in an answer
RETRY = 3.0
JSON = "application/json; charset=utf-8"
JSON_LIMIT = 1_000_000  # bytes of an answer that isn't a file
TOO_LARGE = "answer_too_large"

FindAccount = Callable[[AccountId], Awaitable[Account | None]]


@dataclass(frozen=True)
class Call:
    """One request below the api's address; a GET where it has no body."""

    path: str
    body: bytes | None = field(default=None, repr=False)
    type: str = JSON
    query: Mapping[str, str] = field(default_factory=dict)
    limit: int = JSON_LIMIT
    seconds: float = 0.0  # more time for large bodies


@dataclass(frozen=True)
class Answer:
    """What came back with status 200. `name` is a file's, where the platform tells one."""

    type: str
    data: bytes = field(repr=False)
    name: str | None = None

    def object(self) -> dict[str, Any] | None:
        """The JSON object that it is, if it is one."""
        try:
            found = json.loads(self.data)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def errcode(self) -> int | None:
        """The platform's code, where a JSON object holds one."""
        if self.type.partition("/")[0] in ("image", "audio", "video"):
            return None
        code = (self.object() or {}).get("errcode")
        return code if isinstance(code, int) else None


Failure = TryLater | NeverDelivered | Unclear


class _Failed(Exception):
    """A call that brought no answer. `sent`: the request may have reached the platform."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.why, self.sent = why, sent


class Calls:
    """All calls of all official accounts. Use it as an async context manager.

    `find` looks an account up by our id, `now` is the clock, `cache` may be shared between processes.
    """

    def __init__(self, find: FindAccount, cache: TokenCache, now: Callable[[], datetime]) -> None:
        self.find = find
        self._cache, self._now = cache, now
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # A kept-alive connection may be closed by the other side while we write into it, and then nobody
        # knows whether the message arrived. A fresh one per call costs a handshake and spares that doubt.
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def make(self, account: Account, call: Call) -> Answer | Failure:
        """Make a call with the account's token; once more with another one where that is refused."""
        token = await self.token(account)
        if not isinstance(token, str):
            return token
        url = f"{account.api}/{call.path}"
        answer = await self._attempt(url, call, token)
        if isinstance(answer, Answer) and answer.errcode() in TOKEN_REFUSED:
            token = await self.token(account, refused=token)
            return await self._attempt(url, call, token) if isinstance(token, str) else token
        return answer

    async def at(self, address: str, call: Call) -> Answer | Failure:
        """GET what lies at an address of the platform's, without a token."""
        return await self._attempt(address, call, None)

    async def open(self, account: Account, call: Call) -> Answer | Failure:
        """Make a call that takes no token."""
        return await self._attempt(f"{account.api}/{call.path}", call, None)

    async def token(self, account: Account, *, refused: str | None = None) -> str | TryLater | NeverDelivered:
        cached = await self._cached(account, refused)
        if cached is not None:
            return cached
        async with self._cache.fetching(account.appid):
            # Somebody else may have fetched it while we waited.
            return await self._cached(account, refused) or await self._fetch_token(account, refused)

    async def _attempt(self, url: str, call: Call, token: str | None) -> Answer | Failure:
        try:
            return await self._sent(url, call, token)
        except _Failed as failed:
            return Unclear(failed.why) if failed.sent else TryLater(RETRY, failed.why)

    async def _cached(self, account: Account, refused: str | None) -> str | None:
        token = await self._cache.get(account.appid)
        if token is None or token.value == refused or token.renew_at <= self._now():
            return None
        return token.value

    async def _fetch_token(self, account: Account, refused: str | None) -> str | TryLater | NeverDelivered:
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
            call = Call("cgi-bin/stable_token", json.dumps(asked).encode())
            answer = await self._sent(f"{account.api}/{call.path}", call, None)
        except _Failed as failed:
            return TryLater(RETRY, f"token_{failed.why}")
        found = answer.object()
        if found is None:
            return TryLater(RETRY, "token_answer_unreadable")
        return _token(found, self._now())

    async def _sent(self, url: str, call: Call, token: str | None) -> Answer:
        """The answer of status 200; _Failed for everything else."""
        if self._http is None:
            raise RuntimeError("a WeChatClient works inside `async with`")
        query = dict(call.query) | ({} if token is None else {"access_token": token})
        try:
            async with self._http.request(
                "GET" if call.body is None else "POST",
                url,
                params=query or None,
                data=call.body,
                headers={} if call.body is None else {"Content-Type": call.type},
                allow_redirects=False,
                timeout=_patience(call.seconds),
            ) as response:
                return await _read(response, call.limit)
        except aiohttp.InvalidURL:
            raise _Failed("api_address", sent=False) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise _Failed("unreachable", sent=False) from None
        except TimeoutError:
            raise _Failed("timeout", sent=True) from None
        except (aiohttp.ClientError, OSError):
            raise _Failed("connection_lost", sent=True) from None


def _patience(more: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=CONNECT + _READ + 3 + more, connect=CONNECT, sock_read=_READ)


async def _read(response: aiohttp.ClientResponse, limit: int) -> Answer:
    """A 4xx was turned away before the platform looked at it; after a 5xx nobody knows how far it came."""
    if response.status != 200:
        raise _Failed(f"http_{response.status}", sent=response.status >= 500)
    data = bytearray()
    async for piece in response.content.iter_chunked(65_536):
        data += piece
        if len(data) > limit:
            raise _Failed(TOO_LARGE, sent=True)
    disposition = response.content_disposition
    return Answer(response.content_type, bytes(data), disposition.filename if disposition else None)


def _token(answer: Mapping[str, Any], now: datetime) -> Token | TryLater | NeverDelivered:
    value, seconds = answer.get("access_token"), answer.get("expires_in")
    if isinstance(value, str) and isinstance(seconds, int):
        return Token.made(value, timedelta(seconds=seconds), now)
    code = answer.get("errcode")
    found = outcome((code if isinstance(code, int) else 0) or -1)
    return found if isinstance(found, TryLater | NeverDelivered) else TryLater(RETRY, "token_unreadable")
