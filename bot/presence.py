"""Who is writing just now. Ephemeral: it expires by itself, nothing depends on it, and no event ever says it.

Shared by replicas over Redis; without one, or while it is away, each process knows its own pages.
"""

import asyncio
import logging
from collections import defaultdict

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.clock import Clock
from bot.model import ConversationId, HotelId
from bot.nudges import Nudges

logger = logging.getLogger(__name__)

PREFIX = "dianxiaoer:typing:"
SECONDS = 6.0  # whoever goes on writing says so again before that
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
        return found | await self._others(conversation, now)

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
        if self._redis is None:
            return
        key = PREFIX + conversation
        try:
            async with asyncio.timeout(WITHIN), self._redis.pipeline(transaction=False) as several:
                if until is None:
                    several.zrem(key, who)
                else:
                    several.zadd(key, {who: until})
                    several.expire(key, int(SECONDS) + 1)
                await several.execute()
        except (RedisError, OSError, TimeoutError):
            logger.debug("typing is known to this process alone: redis is away")

    async def _others(self, conversation: ConversationId, now: float) -> set[str]:
        if self._redis is None:
            return set()
        try:
            async with asyncio.timeout(WITHIN):
                found = await self._redis.zrangebyscore(PREFIX + conversation, f"({now}", "+inf")
        except (RedisError, OSError, TimeoutError):
            return set()
        return {who.decode() for who in found if isinstance(who, bytes)}
