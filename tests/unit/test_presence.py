"""Who is writing: known at once, forgotten by itself, shared over a real Valkey, and never in the way."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot import presence as module
from bot.clock import Clock
from bot.model import ConversationId, HotelId
from bot.nudges import Nudges
from bot.presence import ASSISTANT, GUEST, Presence, staff
from tests.servers import Valkey

HERE, ELSEWHERE = ConversationId("c1"), ConversationId("c2")


@pytest.fixture
def clock_file(tmp_path: Path) -> Path:
    (tmp_path / "clock").write_text("0")
    return tmp_path / "clock"


@pytest.fixture
def alone(clock_file: Path) -> Presence:
    return Presence(None, Clock(clock_file), Nudges())


@pytest.fixture
async def two(valkey: Valkey, clock_file: Path) -> AsyncIterator[tuple[Presence, Presence]]:
    """Two processes."""
    made = [Redis.from_url(valkey.url, socket_connect_timeout=0.5, socket_timeout=None) for _ in range(2)]
    yield Presence(made[0], Clock(clock_file), Nudges()), Presence(made[1], Clock(clock_file), Nudges())
    for redis in made:
        await redis.delete(module.PREFIX + HERE)
        await redis.aclose()


async def test_whoever_writes_is_seen_there_and_nowhere_else(alone: Presence) -> None:
    await alone.typing(HERE, GUEST)
    await alone.typing(HERE, staff("s1"))
    assert await alone.who_types(HERE) == {GUEST, "staff:s1"}
    assert await alone.who_types(ELSEWHERE) == set()
    await alone.ended(HERE, GUEST)
    assert await alone.who_types(HERE) == {"staff:s1"}


async def test_it_is_forgotten_by_itself(alone: Presence, clock_file: Path) -> None:
    await alone.typing(HERE, GUEST)
    clock_file.write_text("5.5")
    assert await alone.who_types(HERE) == {GUEST}
    clock_file.write_text("7.25")
    assert await alone.who_types(ELSEWHERE) == set()
    assert alone._own == {}
    assert await alone.who_types(HERE) == set()


async def test_pages_and_desks_are_nudged(clock_file: Path) -> None:
    nudges = Nudges()
    presence = Presence(None, Clock(clock_file), nudges)
    with nudges.watch(f"conversation:{HERE}") as page, nudges.watch("hotel:h") as desk:
        await presence.typing(HERE, ASSISTANT)
        assert page.is_set()
        assert not desk.is_set()
        page.clear()
        await presence.ended(HERE, ASSISTANT, HotelId("h"))
        assert page.is_set()
        assert desk.is_set()


async def test_replicas_share_it(two: tuple[Presence, Presence], clock_file: Path) -> None:
    one, other = two
    await one.typing(HERE, GUEST)
    await other.typing(HERE, ASSISTANT)
    assert await one.who_types(HERE) == await other.who_types(HERE) == {GUEST, ASSISTANT}
    await one.ended(HERE, GUEST)
    assert await other.who_types(HERE) == {ASSISTANT}
    clock_file.write_text("6.5")
    assert await one.who_types(HERE) == await other.who_types(HERE) == set()


async def test_without_redis_each_process_knows_its_own(valkey: Valkey, clock_file: Path) -> None:
    gone = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.5, socket_timeout=None)
    presence = Presence(gone, Clock(clock_file), Nudges())
    await presence.typing(HERE, GUEST)
    assert await presence.who_types(HERE) == {GUEST}
    await presence.ended(HERE, GUEST)
    assert await presence.who_types(HERE) == set()
    await gone.aclose()


async def test_who_has_it_open_is_seen_until_their_last_page_of_it_is_gone(
    alone: Presence, clock_file: Path
) -> None:
    hotel, li = HotelId("h"), staff("li")
    await alone.looks(hotel, li, "p1", {HERE, ELSEWHERE})
    await alone.looks(hotel, li, "p2", {HERE})
    assert await alone.who_looks(hotel) == {HERE: {li}, ELSEWHERE: {li}}
    assert await alone.who_looks(HotelId("another")) == {}
    await alone.looks(hotel, li, "p1", ())
    assert await alone.who_looks(hotel) == {HERE: {li}}
    clock_file.write_text(str(module.LOOKING_SECONDS + 1))  # a page that went without a word
    assert await alone.who_looks(hotel) == {}


async def test_replicas_share_who_looks(two: tuple[Presence, Presence], clock_file: Path) -> None:
    one, other = two
    hotel = HotelId(f"h{clock_file}")  # the server is shared by tests
    await one.looks(hotel, staff("li"), "p1", {HERE})
    await other.looks(hotel, staff("bo"), "p2", {HERE, ELSEWHERE})
    assert await one.who_looks(hotel) == await other.who_looks(hotel)
    assert (await one.who_looks(hotel))[HERE] == {staff("li"), staff("bo")}
    await one.looks(hotel, staff("li"), "p1", ())
    assert await other.who_looks(hotel) == {HERE: {staff("bo")}, ELSEWHERE: {staff("bo")}}
    clock_file.write_text(str(module.LOOKING_SECONDS + 1))
    assert await one.who_looks(hotel) == {}
