"""WeChat's access tokens in Redis, so that all replicas use one. Without Redis each fetches its own: the
platform's stable_token gives all of them the same."""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.channels.wechat.tokens import MemoryTokenCache, Token

logger = logging.getLogger(__name__)

PREFIX = "dianxiaoer:token:"
LOCK_SECONDS = 15
TURN_SECONDS = 0.1


class RedisTokenCache:
    """A TokenCache that falls back to this process's own when Redis is away. Never raises."""

    def __init__(self, redis: "Redis", now: Callable[[], datetime]) -> None:
        self._redis, self._now, self._own = redis, now, MemoryTokenCache()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, appid: str) -> Token | None:
        try:
            async with asyncio.timeout(0.5):
                kept = await self._redis.get(PREFIX + appid)
        except (RedisError, OSError, TimeoutError):
            return await self._own.get(appid)
        if kept is None:
            return await self._own.get(appid)
        value = json.loads(kept)
        return Token(value["value"], datetime.fromisoformat(value["renew_at"]))

    async def put(self, appid: str, token: Token) -> None:
        await self._own.put(appid, token)
        seconds = max(1, int((token.renew_at - self._now()).total_seconds()))
        body = json.dumps({"value": token.value, "renew_at": token.renew_at.isoformat()})
        try:
            async with asyncio.timeout(0.5):
                await self._redis.set(PREFIX + appid, body, ex=seconds)
        except (RedisError, OSError, TimeoutError):
            logger.debug("token kept in this process alone: redis is away")

    def fetching(self, appid: str) -> AbstractAsyncContextManager[object]:
        return self._fetching(appid)

    @asynccontextmanager
    async def _fetching(self, appid: str) -> AsyncIterator[None]:
        """One fetch at a time: in this process by a lock, across processes by a key that runs out."""
        async with self._locks[appid]:
            key = f"{PREFIX}lock:{appid}"
            held = await self._hold(key)
            try:
                yield
            finally:
                if held:
                    await self._free(key)

    async def _hold(self, key: str) -> bool:
        try:
            async with asyncio.timeout(LOCK_SECONDS):
                while not await self._redis.set(key, "1", nx=True, ex=LOCK_SECONDS):
                    await asyncio.sleep(TURN_SECONDS)
                return True
        except (RedisError, OSError, TimeoutError):
            return False

    async def _free(self, key: str) -> None:
        try:
            async with asyncio.timeout(0.5):
                await self._redis.delete(key)
        except (RedisError, OSError, TimeoutError):
            logger.debug("the token lock will run out by itself: redis is away")
