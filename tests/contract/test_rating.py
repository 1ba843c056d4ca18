"""Guests without a page are asked how it was: once, and where it takes nothing from a person."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot import knowledge, rating, settings
from bot.channels import CHANNELS
from bot.channels.port import InboundKind, NeverDelivered, TryLater, Unclear
from bot.conversation import Close
from bot.dispatch import Received
from bot.http.guard import CLOCK, DISPATCH, SETTINGS
from bot.http.wechat import WORKER, _Handler
from bot.model import SERVICE, Actor, ActorKind, State
from bot.store import log
from bot.store.database import Database
from tests.conftest import FixedClock
from tests.contract.floor import ONE, Floor
from tests.core import documents

ASKED = "刚才的服务"


@pytest.fixture
async def floor(migrated_sqlite: Path, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Floor]:
    shutil.copy(migrated_sqlite, tmp_path / "rating.db")
    database = Database(f"sqlite:///{tmp_path / 'rating.db'}")
    made = Floor(database, clock)
    await made.open()
    await made.hire("lin")
    yield made
    await made.check()
    await database.close()


async def served(
    floor: Floor, reason: str = "solved", who: str = "oGuest", speaks: bool = True, **more: Any
) -> Received:
    """A guest to whom a colleague has spoken, and whose visit that colleague has ended."""
    got = await floor.hear("转人工", who=who, **more)
    await floor.claim(got, "lin")
    if speaks:
        await floor.reply(got, "lin", "好了，您看看")
        await floor.work()
    lin = Actor(ActorKind.STAFF, floor.people["lin"])
    await floor.act(got, lambda row, gone: Close(lin, reason))
    return got


async def asked(floor: Floor) -> int:
    """How often a guest has been asked, once all that was due is done."""
    await floor.later(seconds=11)
    await floor.later(minutes=2)
    return sum(text.startswith(ASKED) for text in floor.sender.texts)


async def rated(floor: Floor, got: Received) -> list[tuple[int, str | None]]:
    return [(e.body["stars"], c.text) for e, c in await floor.thread(got) if e.type == "guest_rated"]


async def test_one_who_was_served_is_asked_once_and_the_answer_is_a_rating(floor: Floor) -> None:
    got = await served(floor)
    assert await asked(floor) == 1
    await floor.hear("满意", subtype="msgmenu")
    assert await rated(floor, got) == [(4, None)]
    assert (await floor.row(got)).state is State.CLOSED
    assert (await floor.shown(got))["stars"] == 4
    assert await floor.count(got, "rating_thanked") == 1
    await floor.later(minutes=1)  # nobody's push has carried the thanks: they aren't sent by themselves
    assert len(floor.sender.texts) == 2
    await floor.hear("5")
    assert (await rated(floor, got), (await floor.row(got)).state) == ([(4, None)], State.BOT)


@pytest.mark.parametrize(
    ("said", "stars", "words"),
    [("5", 5, None), ("很满意，谢谢小林", 0, None), ("很满意，谢谢", 5, "很满意，谢谢")],
)
async def test_only_words_that_say_nothing_else_are_an_answer(
    floor: Floor, said: str, stars: int, words: str | None
) -> None:
    got = await served(floor)
    assert await asked(floor) == 1
    await floor.hear(said)
    assert await rated(floor, got) == ([(stars, words)] if stars else [])
    assert (await floor.row(got)).state is (State.CLOSED if stars else State.BOT)


async def test_a_number_that_nobody_asked_for_or_that_comes_late_is_an_ordinary_word(floor: Floor) -> None:
    got = await served(floor, reason="no_answer")
    assert await asked(floor) == 0
    await floor.hear("5")
    assert (await floor.row(got)).state is State.BOT
    late = await served(floor, who="oLate")
    assert await asked(floor) == 1
    await floor.later(hours=24)
    await floor.hear("5", who="oLate")
    assert (await rated(floor, got), await rated(floor, late)) == ([], [])


async def test_a_guest_who_goes_on_is_asked_at_the_end_of_that(floor: Floor) -> None:
    got = await served(floor)
    await floor.hear("还有一件事")
    assert await asked(floor) == 0
    await floor.claim(got, "lin")
    await floor.reply(got, "lin", "您说")
    await floor.work()
    await floor.act(got, lambda row, gone: Close(Actor(ActorKind.STAFF, floor.people["lin"]), "solved"))
    assert await asked(floor) == 1


@pytest.mark.parametrize(
    "case", ["silent", "spam", "by itself", "emergency", "passive", "page", "stop", "gone", "erased", "off"]
)
async def test_who_is_never_asked(floor: Floor, case: str) -> None:
    more: dict[str, Any] = {
        "account": {"passive": f"poor-{ONE}", "page": f"page-{ONE}"}.get(case, f"wx-{ONE}")
    }
    if case == "emergency":
        await floor.talk("着火了", **more)
    if case == "stop":
        await floor.talk("退订", **more)
    got = await served(floor, "spam" if case == "spam" else "solved", speaks=case != "silent", **more)
    if case == "by itself":
        await floor.hear("早餐几点")
        await floor.act(got, lambda row, gone: Close(SERVICE, "idle"))
    if case == "gone":
        await floor.hear("", kind=InboundKind.UNFOLLOW)
    if case == "erased":
        await floor.dispatch.erase(ONE, got.row.guest)
    if case == "off":
        async with floor.database.write() as tx:
            floor.clock.forward(seconds=1)
            await knowledge.save(tx, documents(ask_rating=False), floor.clock.now())
    assert await asked(floor) == 0
    assert await floor.count(got, "rating_asked") == 0


@pytest.mark.parametrize(("replies", "times"), [(2, 1), (3, 0)])
async def test_a_window_keeps_two_for_people(floor: Floor, replies: int, times: int) -> None:
    got = await floor.hear("转人工")
    for n in range(replies):
        await floor.reply(got, "lin", f"第{n + 1}句")
    await floor.work()
    await floor.act(got, lambda row, gone: Close(Actor(ActorKind.STAFF, floor.people["lin"]), "solved"))
    assert await asked(floor) == times


@pytest.mark.parametrize(
    "outcome", [TryLater(1, "busy"), NeverDelivered("count_used_up"), Unclear("timeout")], ids=lambda o: o.why
)
async def test_what_can_not_be_sent_at_once_is_not_sent_later(floor: Floor, outcome: Any) -> None:
    got = await served(floor)
    floor.sender.outcomes.append(outcome)
    assert await asked(floor) == 1
    await floor.talk("早餐几点")
    assert await floor.waiting(got) == 0
    assert sum(text.startswith(ASKED) for text in floor.sender.texts) == 1
    assert (await floor.row(got)).unclear == ()


async def put(floor: Floor, got: Received) -> None:
    """The question, in the line and not yet sent."""
    floor.clock.forward(seconds=11)
    async with floor.database.read() as tx:
        hotel = await floor.dispatch.hotels.get(tx, ONE)
        row = await log.row_of(tx, ONE, got.row.id)
        assert row
        question = await rating.question(tx, hotel, row.id, row.visit, floor.clock.now())
    assert question
    await floor.act(got, lambda row, gone: question)


async def test_a_window_that_others_have_used_meanwhile_still_keeps_two(floor: Floor) -> None:
    got = await served(floor)
    await put(floor, got)
    async with floor.database.write() as tx:
        for _ in range(2):
            await floor.worker.delivery._spend(tx, got.identity, CHANNELS["wechat"])
    await floor.work()
    assert not any(text.startswith(ASKED) for text in floor.sender.texts)
    assert await floor.waiting(got) == 0


async def test_a_guest_who_is_faster_than_the_question_is_not_asked(floor: Floor) -> None:
    got = await served(floor)
    await put(floor, got)
    await floor.hear("还在吗")
    await floor.work()
    assert not any(text.startswith(ASKED) for text in floor.sender.texts)


async def test_the_answer_to_a_push_never_carries_the_question(floor: Floor) -> None:
    got = await served(floor)
    await put(floor, got)
    clicked = await floor.hear("早餐几点", kind=InboundKind.CLICK, waits=True)
    app = web.Application()
    app[WORKER], app[DISPATCH], app[CLOCK] = floor.worker, floor.dispatch, floor.clock
    app[SETTINGS] = settings.read({"SEALING_KEYS": f"k:{'a' * 43}=", "RASA_TOKEN": "t" * 16})
    assert (await floor.row(got)).state is State.CLOSED  # so that nothing else would keep it back
    assert await _Handler(app, await floor.account(f"wx-{ONE}"), clicked, 0.0).reply() is None
    assert (await floor.deliveries(got))[-1][1:] == ("failed", "withdrawn")
    await floor.later(minutes=1)
    assert not any(text.startswith(ASKED) for text in floor.sender.texts)
