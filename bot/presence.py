"""Who is writing just now, and who has a conversation open. Ephemeral: it expires by itself, nothing depends
on it, and no event ever says it.

Shared by replicas over Redis; without one, or while it is away, each process knows its own pages.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.clock import Clock
from bot.model import ConversationId, HotelId
from bot.nudges import Nudges

logger = logging.getLogger(__name__)

PREFIX = "dianxiaoer:typing:"
LOOKING = "dianxiaoer:looking:"
SECONDS = 6.0  # whoever goes on writing says so again before that
LOOKING_SECONDS = 30.0  # whoever goes on looking says so again before that
WITHIN = 0.5
GUEST, ASSISTANT = "guest", "assistant"


def staff(id_: str) -> str:
    """A staff member, as `who` names them."""
    return f"staff:{id_}"


class Presence:
    """`who` is "guest", "assistant" or "staff:<id>". Never raises, never waits long."""

    def __init__(self, redis: "Redis | None", clock: Clock, nudges: Nudges) -> None:
        self._redis, self._clock, self._nudges = redis, clock, nudges
        self._own: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._open: defaultdict[str, dict[str, float]] = defaultdict(dict)

    async def typing(self, conversation: ConversationId, who: str, hotel: HotelId | None = None) -> None:
        """`who` is writing, for SECONDS from now. With `hotel` its desks are nudged too."""
        self._own[conversation][who] = self._until()
        await self._tell(conversation, who, self._until())
        await self._nudge(conversation, hotel)

    async def ended(self, conversation: ConversationId, who: str, hotel: HotelId | None = None) -> None:
        """`who` has stopped, or has said it."""
        if self._own[conversation].pop(who, None) is None and self._redis is None:
            return
        await self._tell(conversation, who, None)
        await self._nudge(conversation, hotel)

    async def who_types(self, conversation: ConversationId) -> set[str]:
        now = self._now()
        found = {who for who, until in self._own.get(conversation, {}).items() if until > now}
        self._forget(now)
        return found | await self._others(PREFIX + conversation, now)

    async def looks(
        self, hotel: HotelId, who: str, page: str, conversations: Collection[ConversationId]
    ) -> None:
        """This page of `who` has these conversations open, for LOOKING_SECONDS from now, and no others."""
        ours, mine = self._open[hotel], f" {who} {page}"
        before = {mark for mark in ours if mark.endswith(mine)}
        after = {conversation + mine for conversation in conversations}
        for mark in before - after:
            del ours[mark]
        ours.update(dict.fromkeys(after, self._now() + LOOKING_SECONDS))
        await self._tell_open(hotel, before - after, after)
        if before != after:
            await self._nudges.nudge(f"hotel:{hotel}")

    async def who_looks(self, hotel: HotelId) -> dict[ConversationId, set[str]]:
        """Who has which of the hotel's conversations open."""
        now, ours = self._now(), self._open[hotel]
        for mark in [mark for mark, until in ours.items() if until <= now]:
            del ours[mark]
        found: dict[ConversationId, set[str]] = {}
        for mark in {*ours, *await self._others(LOOKING + hotel, now)}:
            conversation, who, _ = mark.split(" ")
            found.setdefault(ConversationId(conversation), set()).add(who)
        return found

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _until(self) -> float:
        return self._now() + SECONDS

    def _forget(self, now: float) -> None:
        """Drop what has run out anywhere, so that nothing grows."""
        for conversation in [c for c, by in self._own.items() if all(until <= now for until in by.values())]:
            del self._own[conversation]

    async def _nudge(self, conversation: ConversationId, hotel: HotelId | None) -> None:
        topics = [f"conversation:{conversation}", *([f"hotel:{hotel}"] if hotel else [])]
        await self._nudges.nudge(*topics)

    async def _tell(self, conversation: ConversationId, who: str, until: float | None) -> None:
        """`until` None: not any more."""
        marks = {who: until} if until is not None else {}
        await self._write(PREFIX + conversation, {who} - marks.keys(), marks, SECONDS)

    async def _tell_open(self, hotel: HotelId, gone: Collection[str], there: Collection[str]) -> None:
        marks = dict.fromkeys(there, self._now() + LOOKING_SECONDS)
        await self._write(LOOKING + hotel, gone, marks, LOOKING_SECONDS)

    async def _write(self, key: str, gone: Collection[str], there: dict[str, float], seconds: float) -> None:
        """Tell other processes. What has run out goes too, so that nothing grows."""
        if self._redis is None or not (gone or there):
            return
        try:
            async with asyncio.timeout(WITHIN), self._redis.pipeline(transaction=False) as several:
                several.zremrangebyscore(key, "-inf", self._now())
                if gone:
                    several.zrem(key, *gone)
                if there:
                    several.zadd(key, there)
                    several.expire(key, int(seconds) + 1)
                await several.execute()
        except (RedisError, OSError, TimeoutError):
            logger.debug("presence is known to this process alone: redis is away")

    async def _others(self, key: str, now: float) -> set[str]:
        if self._redis is None:
            return set()
        try:
            async with asyncio.timeout(WITHIN):
                found = await self._redis.zrangebyscore(key, f"({now}", "+inf")
        except (RedisError, OSError, TimeoutError):
            return set()
        return {mark.decode() for mark in found if isinstance(mark, bytes)}
