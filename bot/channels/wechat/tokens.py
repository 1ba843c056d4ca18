"""Access tokens: one per account, shared by everybody who is given the same cache.

Owns when a token is fetched (5 minutes before it ends, or once after it was refused, one fetch at a time)
and never where tokens are kept: the cache is handed in.
"""

import asyncio
from collections import defaultdict
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

EARLY = timedelta(minutes=5)


@dataclass(frozen=True)
class Token:
    """A token and the time from which on it is no longer used."""

    value: str = field(repr=False)
    renew_at: datetime

    @classmethod
    def made(cls, value: str, lifetime: timedelta, now: datetime) -> "Token":
        # A very short-lived token is used for half its life rather than never.
        return cls(value, now + lifetime - min(EARLY, lifetime / 2))


class TokenCache(Protocol):
    """Where tokens are shared. It may forget at any time; it must not raise."""

    async def get(self, appid: str) -> Token | None: ...

    async def put(self, appid: str, token: Token) -> None: ...

    def fetching(self, appid: str) -> AbstractAsyncContextManager[object]:
        """Held by the one who fetches; the others wait and then find the token in the cache."""
        ...


class MemoryTokenCache:
    """A cache for one process."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, appid: str) -> Token | None:
        return self._tokens.get(appid)

    async def put(self, appid: str, token: Token) -> None:
        self._tokens[appid] = token

    def fetching(self, appid: str) -> AbstractAsyncContextManager[object]:
        return self._locks[appid]
