"""Nudges: within a process, across processes by a real Valkey, and never in the way when it is gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.asyncio import Redis

from bot import nudges as module
from bot.nudges import CHANNEL, Nudges, wait_for
from tests.servers import Valkey


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)


Maker = Callable[[Valkey], Awaitable[Nudges]]


@pytest.fixture
async def process() -> AsyncIterator[Maker]:
    """Each call is another process, as far as nudges can tell."""
    made: list[tuple[Nudges, Redis]] = []

    async def make(server: Valkey) -> Nudges:
        redis = Redis.from_url(server.url, socket_connect_timeout=0.5, socket_timeout=None)
        nudges = Nudges(redis)
        nudges.start()
        made.append((nudges, redis))
        return nudges

    yield make
    for nudges, redis in made:
        await nudges.stop()
        await redis.aclose()


@pytest.fixture
def own_valkey() -> AsyncIterator[Valkey]:  # type: ignore[misc]
    server = Valkey()
    server.start()
    yield server  # type: ignore[misc]
    server.remove()


async def reaches(sender: Nudges, watcher: Nudges, topic: str = "outbox", seconds: float = 10) -> bool:
    """Whether a nudge arrives; sent again and again, since a subscription takes its time."""
    with watcher.watch(topic) as nudged:
        for _ in range(int(seconds / 0.1)):
            await sender.nudge(topic)
            if await wait_for(nudged, 0.1):
                return True
    return False


async def test_who_watches_a_topic_is_woken_and_nobody_else() -> None:
    nudges = Nudges()
    with nudges.watch("hotel:a") as mine, nudges.watch("hotel:b", "outbox") as other:
        await nudges.nudge("hotel:a", "conversation:c")
        assert mine.is_set()
        assert not other.is_set()
        await nudges.nudge("outbox")
        assert other.is_set()


async def test_who_has_stopped_watching_is_forgotten() -> None:
    nudges = Nudges()
    with nudges.watch("outbox", "hotel:a"):
        pass
    assert nudges._watchers == {}


async def test_waiting_ends_with_the_nudge_or_with_the_time() -> None:
    event = asyncio.Event()
    assert not await wait_for(event, 0.01)
    assert not await wait_for(event, -1)
    event.set()
    assert await wait_for(event, 0.01)


async def test_a_nudge_crosses_processes(valkey: Valkey, process: Maker) -> None:
    here, there = await process(valkey), await process(valkey)
    assert await reaches(here, there)
    assert await reaches(there, here, "conversation:c")


async def test_other_words_on_the_wire_do_no_harm(valkey: Valkey, process: Maker) -> None:
    here, there = await process(valkey), await process(valkey)
    assert await reaches(here, there)
    stranger = Redis.from_url(valkey.url)
    for garbage in (b"\xff\xfe", b"", b" ", b"\x00" * 100, "早餐".encode()):
        await stranger.publish(CHANNEL, garbage)
    await stranger.aclose()
    assert await reaches(here, there)


async def test_without_redis_nothing_raises_and_the_process_is_still_nudged(
    own_valkey: Valkey, process: Maker
) -> None:
    here = await process(own_valkey)
    own_valkey.stop()
    with here.watch("outbox") as nudged:
        await here.nudge("outbox")
        assert nudged.is_set()


async def test_redis_comes_back_and_so_do_nudges(own_valkey: Valkey, process: Maker) -> None:
    here, there = await process(own_valkey), await process(own_valkey)
    assert await reaches(here, there)
    own_valkey.stop()
    await here.nudge("outbox")
    own_valkey.start()
    assert await reaches(here, there, seconds=30)


async def test_stopping_twice_or_unstarted_is_fine() -> None:
    nudges = Nudges()
    nudges.start()
    await nudges.stop()
    await nudges.stop()
