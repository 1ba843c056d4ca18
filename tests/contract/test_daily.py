"""What was asked in vain, told to a hotel's groups once a day: when, how much, by whom, and never twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot import worker
from bot.engine import Turn
from bot.knowledge.library import Library
from bot.model import Handoff, Reason
from bot.store.database import Database
from tests.conftest import FixedClock
from tests.contract.floor import ONE, TWO, Floor

MORNING = datetime(2026, 11, 23, 0, 5, tzinfo=UTC)  # 08:05 by the first hotel's clock, 06:05 by the other's


@pytest_asyncio.fixture
async def floor(database_url: str, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Floor]:
    made = Floor(Database(database_url), clock)
    made.dispatch.library = Library(tmp_path)
    await made.open()
    yield made
    await made.dispatch.library.close()
    await made.database.close()


async def ask(floor: Floor, text: str, who: str, reason: Reason = Reason.LOW_CONFIDENCE) -> None:
    floor.engine.turns.append(Turn((Handoff(reason),), {}))
    await floor.talk(text, who=who)


async def test_the_day_before_is_told_in_numbers_once_and_after_eight(floor: Floor) -> None:
    await ask(floor, "附近有滑雪场吗", "oAnna")
    await ask(floor, "这边能滑雪不，附近哪有雪场", "oBen")
    await ask(floor, "可以租自行车吗", "oCai")
    await ask(floor, "转人工", "oDan", Reason.HUMAN_HANDOFF)
    floor.clock.at = MORNING.replace(minute=0, hour=23, day=22)  # 07:00
    await floor.worker._report()
    assert floor.robots.reports == []
    floor.clock.at = MORNING
    await floor.worker._report()
    await floor.worker._report()
    assert floor.robots.reports == [(ONE, 3, 2)]


async def test_a_running_service_tells_it_by_itself(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.01)
    await ask(floor, "附近有滑雪场吗", "oAnna")
    floor.clock.at = MORNING
    await floor.worker.start()
    try:
        for beat in range(6000):
            floor.clock.at = MORNING + timedelta(seconds=10 * min(beat, 100))
            await asyncio.sleep(0.01)
            if floor.robots.reports:
                break
    finally:
        await floor.worker.stop()
    assert floor.robots.reports == [(ONE, 1, 1)]


async def test_of_two_processes_one_tells_it(floor: Floor) -> None:
    await ask(floor, "附近有滑雪场吗", "oAnna")
    floor.clock.at = MORNING
    other = floor.another_worker("p2")
    await floor.worker._report()
    await other._report()
    assert floor.robots.reports == [(ONE, 1, 1)]


async def test_a_day_without_open_questions_rings_nobody(floor: Floor) -> None:
    await ask(floor, "附近有滑雪场吗", "oAnna")
    floor.clock.at = MORNING
    floor.clock.forward(days=1)
    await floor.worker._report()
    assert floor.robots.reports == []


async def test_the_next_day_is_told_anew_and_each_hotel_its_own_by_its_clock(floor: Floor) -> None:
    floor.clock.at = MORNING
    await floor.worker._report()
    await ask(floor, "附近有滑雪场吗", "oAnna")
    floor.engine.turns.append(Turn((Handoff(Reason.MISSING_FACT),), {}))
    await floor.talk("可以租自行车吗", who="oBen", account=f"wx-{TWO}")
    floor.clock.forward(days=1)
    await floor.worker._report()
    assert floor.robots.reports == [(ONE, 1, 1)]
    floor.clock.forward(hours=2)
    await floor.worker._report()
    assert floor.robots.reports == [(ONE, 1, 1), (TWO, 1, 1)]
