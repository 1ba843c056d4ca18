"""From a guest's question to a knowledge point's answer: what retrieval changes, and what is on record."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest_asyncio

from bot.engine import Turn
from bot.knowledge import encoder, rules
from bot.knowledge.library import Library
from bot.model import Act, Answer, Handoff, Order, Reason, Say, StaffId
from bot.store.database import Database
from bot.store.points import Entry, PointId
from tests.conftest import FixedClock
from tests.contract.floor import ONE, TWO, Floor

MEI, LIN = StaffId("mei"), StaffId("lin")
COUPON = Entry("早餐券丢了怎么办", "没关系，报房号就行。", ("早餐票找不到了",), "ask_breakfast")
UMBRELLA = Entry("可以借雨伞吗", "前台免费借。", ("有没有伞",))


@pytest_asyncio.fixture
async def floor(database_url: str, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Floor]:
    database = Database(database_url)
    made = Floor(database, clock)
    made.dispatch.library = Library(tmp_path)
    await made.open()
    yield made
    await made.dispatch.library.close()
    await database.close()


async def know(floor: Floor, **entries: Entry) -> None:
    """Points that mei has written and lin has approved."""
    async with floor.database.write() as tx:
        for id_, entry in entries.items():
            version = await rules.edit(tx, ONE, PointId(id_), entry, MEI, floor.clock.now(), "desk")
            await rules.approve(tx, ONE, PointId(id_), version.number, LIN, floor.clock.now())
    await ready(floor)


async def ready(floor: Floor) -> None:
    assert floor.dispatch.library
    hotel = await floor.read(lambda tx: floor.dispatch.hotels.get(tx, ONE))
    await floor.dispatch.library.ready(hotel)


async def answered(floor: Floor, text: str, *acts: Act, vector: bytes | None = None, **more: Any) -> Any:
    """The event and words of the answer to a message that Rasa reads so."""
    floor.engine.turns.append(Turn(acts, {}, "intent", 0.9, vector=vector))
    said = await floor.talk(text, **more)
    return [(e, c) for e, c in await floor.thread(said) if e.type == "assistant_said"][-1]


async def test_the_topics_own_answer_says_which_point_and_version_it_is(floor: Floor) -> None:
    event, content = await answered(floor, "早餐几点", Answer("ask_breakfast"))
    assert event.body["points"] == [{"id": "ask_breakfast", "version": 1}]
    assert event.body["topics"] == ["ask_breakfast"]
    assert "06:30–10:00" in content.text


async def test_a_point_of_the_topic_answers_what_it_is_about(floor: Floor) -> None:
    await know(floor, coupon=COUPON)
    event, content = await answered(floor, "早餐的票找不着了", Answer("ask_breakfast"))
    assert "报房号就行" in content.text
    assert event.body["points"] == [{"id": "coupon", "version": 1}]
    assert event.body["topics"] == ["ask_breakfast"]
    event, _ = await answered(floor, "几点能吃上早饭", Answer("ask_breakfast"))
    assert event.body["points"] == [{"id": "ask_breakfast", "version": 1}]


async def test_a_draft_answers_nobody_and_an_approved_version_goes_on(floor: Floor) -> None:
    async with floor.database.write() as tx:
        await rules.edit(tx, ONE, PointId("coupon"), COUPON, MEI, floor.clock.now(), "desk")
    await ready(floor)
    event, _ = await answered(floor, COUPON.title, Answer("ask_breakfast"))
    assert event.body["points"] == [{"id": "ask_breakfast", "version": 1}]
    async with floor.database.write() as tx:
        await rules.approve(tx, ONE, PointId("coupon"), 1, LIN, floor.clock.now())
        newer = replace(COUPON, answer="请补一张。")
        await rules.edit(tx, ONE, PointId("coupon"), newer, LIN, floor.clock.now(), "desk", 1)
    await ready(floor)
    event, content = await answered(floor, COUPON.title, Answer("ask_breakfast"))
    assert event.body["points"] == [{"id": "coupon", "version": 1}]
    assert "报房号就行" in content.text


async def test_what_is_not_understood_is_answered_by_a_point_that_is_certain(floor: Floor) -> None:
    await know(floor, umbrella=UMBRELLA)
    event, content = await answered(floor, "可以借把雨伞吗", Handoff(Reason.LOW_CONFIDENCE))
    assert event.body["points"] == [{"id": "umbrella", "version": 1}]
    assert event.body["handoff"] is None
    assert "免费借" in content.text
    event, _ = await answered(floor, "我要把吉他修一修", Handoff(Reason.LOW_CONFIDENCE))
    assert (event.body["points"], event.body["handoff"]) == ([], "low_confidence")


async def test_words_for_not_understood_give_way_too(floor: Floor) -> None:
    await know(floor, umbrella=UMBRELLA)
    for key in ("unclear", "out_of_scope"):
        event, _ = await answered(floor, "有没有雨伞借", Say(key))
        assert event.body["points"] == [{"id": "umbrella", "version": 1}]


async def test_whoever_asks_for_a_person_gets_one_whatever_is_known(floor: Floor) -> None:
    await know(floor, umbrella=UMBRELLA)
    for reason in (Reason.COMPLAIN, Reason.HUMAN_HANDOFF, Reason.EMERGENCY):
        event, _ = await answered(floor, UMBRELLA.title, Handoff(reason), who=f"o{reason}")
        assert (event.body["points"], event.body["handoff"]) == ([], reason)


async def test_an_order_is_not_touched(floor: Floor) -> None:
    await know(floor, umbrella=UMBRELLA)
    order = Order("place", "request_supplies", {"room": "1208", "what": "雨伞"})
    event, _ = await answered(floor, UMBRELLA.title, order, Say("service_placed"))
    assert event.body["points"] == []
    assert len(await floor.orders()) == 1


async def test_two_that_are_equally_near_are_offered_and_choosing_one_answers(floor: Floor) -> None:
    first = Entry("大床房可以加床吗", "可以加一张。")
    await know(floor, king=first, twin=Entry("双床房可以加床吗", "不可以。"))
    event, content = await answered(floor, "房间可以加床吗", Handoff(Reason.MISUNDERSTOOD))
    assert event.body["points"] == []
    titles = [option["title"] for option in content.details["options"]]
    assert set(titles) == {"大床房可以加床吗", "双床房可以加床吗"}
    number = str(titles.index(first.title) + 1)
    event, content = await answered(floor, number, Handoff(Reason.MISUNDERSTOOD))
    assert floor.engine.asked[-1][0] == first.title
    assert "可以加一张" in content.text


async def test_several_topics_of_one_message_keep_their_own_answers(floor: Floor) -> None:
    await know(floor, coupon=COUPON)
    event, _ = await answered(floor, COUPON.title, Answer("ask_breakfast"), Answer("ask_wifi"))
    assert [point["id"] for point in event.body["points"]] == ["ask_breakfast", "ask_wifi"]


async def test_a_point_is_silent_outside_its_days_and_channels(floor: Floor) -> None:
    yesterday = date(2026, 11, 21)
    await know(
        floor,
        coupon=replace(COUPON, valid_to=yesterday),
        umbrella=replace(UMBRELLA, channels=("web",)),
    )
    event, _ = await answered(floor, COUPON.title, Answer("ask_breakfast"))
    assert event.body["points"] == [{"id": "ask_breakfast", "version": 1}]
    event, _ = await answered(floor, UMBRELLA.title, Say("unclear"))
    assert event.body["points"] == []


async def test_a_topic_whose_answer_has_expired_is_a_colleagues(floor: Floor) -> None:
    async with floor.database.write() as tx:
        (own,) = await rules.points.list_points(tx, ONE, ids=["ask_pool"])
        entry = replace(own.latest.entry, valid_to=date(2026, 11, 1))
        await rules.edit(tx, ONE, own.id, entry, MEI, floor.clock.now(), "desk")
        await rules.approve(tx, ONE, own.id, 2, LIN, floor.clock.now())
    event, _ = await answered(floor, "泳池几点开", Answer("ask_pool"))
    assert (event.body["points"], event.body["handoff"]) == ([], "missing_fact")


async def test_a_point_with_a_fact_that_nobody_knows_asks_a_colleague(floor: Floor) -> None:
    await know(floor, coupon=replace(COUPON, answer="补一张 {coupon_price:money}。"))
    event, content = await answered(floor, COUPON.title, Answer("ask_breakfast"))
    assert (event.body["handoff"], event.body["points"]) == ("missing_fact", [])
    assert "{" not in content.text


async def test_nothing_crosses_to_another_hotel(floor: Floor) -> None:
    await know(floor, umbrella=UMBRELLA)
    event, _ = await answered(floor, UMBRELLA.title, Say("unclear"), account=f"wx-{TWO}")
    assert event.body["points"] == []


async def test_the_connectors_vector_is_taken_where_there_is_one(floor: Floor) -> None:
    """A vector of other words finds what those words mean: the text is not encoded again."""
    await know(floor, umbrella=UMBRELLA)
    vector = encoder.encode([UMBRELLA.title])[0].astype("<f2").tobytes()
    event, _ = await answered(floor, "伞", Say("unclear"), vector=vector)
    assert event.body["points"] == [{"id": "umbrella", "version": 1}]


async def test_without_an_index_the_topic_still_answers(floor: Floor) -> None:
    class Broken(Library):
        async def search(self, *_: Any) -> Any:
            raise RuntimeError("no index")

    floor.dispatch.library = Broken(Path("nowhere"))
    event, _ = await answered(floor, "早餐几点", Answer("ask_breakfast"))
    assert event.body["points"] == [{"id": "ask_breakfast", "version": 1}]
