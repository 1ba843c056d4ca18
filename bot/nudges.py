"""Nudges: "look again", within this process and, where there is a Redis, across processes.

Holds nothing true: whoever is nudged reads the database, and whoever isn't looks again by itself soon.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

CHANNEL = "dianxiaoer:nudges"
RETRY_SECONDS = 2.0


class Nudges:
    """Topics are short strings without guests' words: outbox, hotel:<id>, conversation:<id>, line:<id>."""

    def __init__(self, redis: "Redis | None" = None) -> None:
        self._redis = redis
        self._watchers: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._listener: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._redis is not None:
            self._listener = asyncio.create_task(self._listen(self._redis))

    async def stop(self) -> None:
        if self._listener:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener

    async def nudge(self, *topics: str) -> None:
        """Wake whoever watches these topics; never raises, never waits long."""
        self._wake(topics)
        if self._redis is None or not topics:
            return
        try:
            async with asyncio.timeout(0.5):
                await self._redis.publish(CHANNEL, " ".join(topics))
        except (RedisError, OSError, TimeoutError):
            log.debug("nudge lost: redis is away")

    def _wake(self, topics: "tuple[str, ...] | list[str]") -> None:
        for topic in topics:
            for event in self._watchers.get(topic, ()):
                event.set()

    @contextmanager
    def watch(self, *topics: str) -> Iterator[asyncio.Event]:
        """An event that is set at each nudge of any of these topics; clear it before looking."""
        event = asyncio.Event()
        for topic in topics:
            self._watchers[topic].add(event)
        try:
            yield event
        finally:
            for topic in topics:
                self._watchers[topic].discard(event)
                if not self._watchers[topic]:
                    del self._watchers[topic]

    async def _listen(self, redis: "Redis") -> None:
        while True:
            try:
                async with redis.pubsub() as subscription:
                    await subscription.subscribe(CHANNEL)
                    async for message in subscription.listen():
                        if message["type"] == "message":
                            self._wake(message["data"].decode(errors="replace").split(" "))
            except (RedisError, OSError):
                await asyncio.sleep(RETRY_SECONDS)


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Wait for a nudge, at most so long. True when it came."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
            return True
    except TimeoutError:
        return False
