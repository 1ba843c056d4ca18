"""The one path of every event, on both databases: nothing twice, nothing lost, nothing crosses."""

import asyncio
import importlib
import inspect
import logging
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot import asking, knowledge, staff, suggestions
from bot.channels.port import InboundKind, NeverDelivered, TryLater, Unclear
from bot.conversation import Acknowledge, Claim, Close, Conversation, Record, Refused, Resend
from bot.delivery import PASSIVE_LEASE
from bot.dispatch import Received, bound_to
from bot.engine import EngineFailed, NotUpYet, Turn
from bot.ladder import AGAIN
from bot.model import (
    SERVICE,
    Act,
    Answer,
    Handoff,
    Order,
    OrderId,
    OrderState,
    Reason,
    Remember,
    Say,
    State,
)
from bot.store import arrivals, desk, log, outbox, people, read_marks
from bot.store.database import Database
from bot.store.outbox import CUSTOM
from tests.conftest import FixedClock
from tests.contract.floor import ONE, TWO, Floor
from tests.core import documents

ID_CARD = "11010119900307803X"
BANK_CARD = "6222020200112230"
WAKE = "2026-11-23T07:00:00+08:00"  # the clock of the tests begins at 21:30 the evening before
DUE = datetime.fromisoformat(WAKE).astimezone(UTC)


@pytest.fixture
async def floor(database_url: str, clock: FixedClock) -> AsyncIterator[Floor]:
    database = Database(database_url)
    made = Floor(database, clock)
    await made.open()
    await made.hire("lin")
    await made.hire("bo")
    yield made
    await made.check()
    await database.close()


def turn(*acts: Act, memory: dict[str, Any] | None = None) -> Turn:
    return Turn(acts, memory or {"m": 1}, "i", 0.9)


def wake(op: str = "place", due: str = WAKE, order: str | None = None, **slots: Any) -> Order:
    found = {"room": "1208", "due_at": due, **slots}
    return Order(op, "wake_up_call", found, OrderId(order) if order else None)


# ---- a message is safe, once


async def test_the_same_message_twice_is_one_event(floor: Floor) -> None:
    first = await floor.hear(key="message:7")
    again = await floor.hear(key="message:7")
    assert (again.seq, again.row.id, again.deliveries) == (first.seq, first.row.id, 2)
    assert await floor.count(first, "guest_said") == 1
    assert (await floor.hear(key="message:7")).deliveries == 3


async def test_a_messages_seq_is_its_own_whatever_came_with_it(floor: Floor) -> None:
    first = await floor.hear("着火了", key="message:7")
    again = await floor.hear("着火了", key="message:7")
    assert (await floor.types(first))[first.seq - 1] == "guest_said"
    assert again.seq == first.seq < first.row.seq


async def test_the_same_message_at_the_same_moment_is_one_event(floor: Floor) -> None:
    got = await asyncio.gather(*(floor.hear(key="message:7") for _ in range(6)))
    assert len({(r.row.id, r.seq) for r in got}) == 1
    assert await floor.types(got[0]) == ["contacted", "guest_said"]


async def test_many_messages_at_once_leave_no_gap_and_one_identity(floor: Floor) -> None:
    got = await asyncio.gather(*(floor.hear(f"第{n}句") for n in range(12)))
    assert len({r.identity.id for r in got}) == 1
    assert len({r.row.id for r in got}) == 1
    events = [e for e, _ in await floor.thread(got[0])]
    assert [e.seq for e in events] == list(range(1, 14))
    said = {c.text for e, c in await floor.thread(got[0]) if e.type == "guest_said"}
    assert said == {f"第{n}句" for n in range(12)}
    assert (await floor.sql("SELECT count(*) FROM outbox WHERE kind = 'ask'"))[0][0] == 1
    assert (await floor.sql("SELECT count(*) FROM guests"))[0][0] == 1


async def test_questions_that_come_together_have_one_answer(floor: Floor) -> None:
    got = await asyncio.gather(*(floor.hear(f"第{n}句") for n in range(5)))
    await floor.work()
    assert await floor.count(got[0], "assistant_said") == 1
    assert not (await floor.row(got[0])).pending
    assert floor.engine.asked[0][0].count("\n") == 4


async def interrupted(floor: Floor, after: float) -> Received:
    """A guest writes again, `after` seconds later, while the answer to the first message is computed."""
    first = await floor.hear("早餐几点")
    item = await floor.lease_ask()
    question = await floor.worker.asking.question(item)
    assert question
    floor.clock.forward(seconds=after)
    await floor.hear("泳池呢")
    await floor.worker.asking.respond(item, question, turn(Answer("ask_breakfast"), wake()))
    assert (await floor.row(first)).pending
    await floor.work()
    return first


async def test_what_arrives_before_the_answer_is_in_the_log_is_one_turn_with_it(floor: Floor) -> None:
    first = await interrupted(floor, after=1)
    assert await floor.count(first, "assistant_said") == 1
    assert floor.engine.asked[-1][0] == "早餐几点\n泳池呢"
    assert await floor.orders() == []  # what the given-up answer would have ordered


async def test_an_answer_that_took_long_is_given_and_the_rest_is_answered_next(floor: Floor) -> None:
    """A guest who goes on typing must not go on without an answer."""
    first = await interrupted(floor, after=2.5)
    assert await floor.count(first, "assistant_said") == 2
    assert floor.engine.asked[-1][0] == "泳池呢"
    assert len(await floor.orders()) == 1


async def test_an_opener_waits_for_what_comes_after_it(floor: Floor) -> None:
    got = await floor.hear("你好")
    await floor.work()
    assert floor.engine.asked == []
    floor.clock.forward(seconds=1)
    await floor.hear("早餐几点")
    await floor.work()
    assert [asked[0] for asked in floor.engine.asked] == ["你好\n早餐几点"]
    assert await floor.count(got, "assistant_said") == 1


@pytest.mark.parametrize("more", [(), ("在吗",)])
async def test_an_opener_with_nothing_after_it_is_answered_too(floor: Floor, more: tuple[str, ...]) -> None:
    """A moment and a half later; a second opener doesn't wait again."""
    got = await floor.hear("你好")
    for words in more:
        await floor.hear(words)
    if not more:
        floor.clock.forward(seconds=1.6)
    await floor.work()
    assert len(floor.engine.asked) == 1
    assert await floor.count(got, "assistant_said") == 1


async def test_no_two_processes_ask_about_one_conversation_at_a_time(floor: Floor) -> None:
    await floor.hear("早餐几点")
    await floor.lease_ask("p1")
    await floor.hear("泳池呢")
    async with floor.database.write() as tx:
        assert await outbox.lease_due(tx, "p2", floor.clock.now(), timedelta(seconds=8)) == []
    floor.clock.forward(seconds=9)  # p1 is dead
    async with floor.database.write() as tx:
        assert await outbox.lease_due(tx, "p2", floor.clock.now(), timedelta(seconds=8))


async def test_the_platforms_own_ids_stand_on_the_identity_alone(floor: Floor) -> None:
    got = await floor.talk(who="oSECRETopenid", key="event:oSECRETopenid|1|subscribe|")
    assert (await floor.everything()).count("oSECRETopenid") == 1
    async with floor.database.read() as tx:
        identity = await people.identity_of(tx, ONE, got.identity.id)
    assert identity
    assert identity.external == "oSECRETopenid"


# ---- answers


async def test_an_answer_is_logged_with_its_memory_and_sent_once(floor: Floor) -> None:
    floor.engine.turns = [turn(Answer("ask_breakfast"), memory={"form": "x"})]
    got = await floor.talk()
    assert (await floor.types(got))[-3:] == ["notice_shown", "assistant_said", "delivery_accepted"]
    assert len(floor.sender.sent) == 1
    assert "06:30–10:00" in floor.sender.texts[0]
    await floor.talk("泳池呢")
    assert floor.engine.asked[1][1] == {"form": "x"}


async def test_a_failed_engine_is_a_handoff_and_never_silence(floor: Floor) -> None:
    floor.engine.turns = [EngineFailed("TimeoutError")]
    got = await floor.talk()
    row = await floor.row(got)
    assert (row.state, row.reason) == (State.WAITING, Reason.ENGINE_FAILED)
    assert "请同事" in floor.sender.texts[0]


async def test_an_answer_that_is_too_late_is_kept_as_a_draft(floor: Floor) -> None:
    got = await floor.hear()
    item = await floor.lease_ask()
    question = await floor.worker.asking.question(item)
    assert question
    await floor.claim(got, "lin")
    acts = turn(Answer("ask_breakfast"), wake(), Remember("不放水果"))
    await floor.worker.asking.respond(item, question, acts)
    thread = await floor.thread(got)
    assert [e.type.value for e, _ in thread][-1] == "assistant_drafted"
    assert "06:30" in (thread[-1][1].text or "")
    await floor.later(minutes=1)
    assert floor.sender.sent == []
    assert await floor.orders() == []


async def test_an_answer_from_before_a_claim_and_a_release_is_too_late_as_well(floor: Floor) -> None:
    got = await floor.hear()
    item = await floor.lease_ask()
    question = await floor.worker.asking.question(item)
    assert question
    await floor.claim(got, "lin")
    await floor.release(got, "lin")
    await floor.worker.asking.respond(item, question, turn(Answer("ask_breakfast")))
    assert await floor.count(got, "assistant_drafted") == 1


async def test_a_person_who_comes_at_the_same_moment_leaves_the_assistant_no_word(floor: Floor) -> None:
    """Whoever is first: after the claim nothing of the assistant's is said."""
    got = await floor.hear()
    item = await floor.lease_ask()
    question = await floor.worker.asking.question(item)
    assert question
    answer = floor.worker.asking.respond(item, question, turn(Answer("ask_breakfast")))
    await asyncio.gather(answer, floor.claim(got, "lin"))
    types = await floor.types(got)
    assert "assistant_said" not in types[types.index("claimed") :]


async def test_an_order_is_placed_once_though_its_turn_comes_twice(floor: Floor) -> None:
    got = await floor.hear("明早七点叫我")
    item = await floor.lease_ask()
    question = await floor.worker.asking.question(item)
    assert question
    acts = turn(Say("thank"), wake())
    await asyncio.gather(*(floor.worker.asking.respond(item, question, acts) for _ in range(3)))
    assert await floor.count(got, "order_placed") == 1
    assert await floor.count(got, "assistant_said") == 1
    assert len(await floor.orders()) == 1


@pytest.mark.parametrize("next_owner", ["p1", "p2"])
async def test_a_lease_that_has_run_out_places_nothing(floor: Floor, next_owner: str) -> None:
    got = await floor.hear("明早七点叫我")
    slow = await floor.lease_ask("p1")
    question = await floor.worker.asking.question(slow)
    assert question
    floor.clock.forward(seconds=9)
    other = await floor.lease_ask(next_owner)
    assert other.attempts == 2
    await floor.worker.asking.respond(slow, question, turn(Say("thank"), wake()))
    assert await floor.orders() == []
    await floor.worker.asking.respond(other, question, turn(Say("thank"), wake()))
    assert len(await floor.orders()) == 1
    assert await floor.count(got, "assistant_said") == 1


async def test_a_question_waits_for_an_assistant_that_starts_and_uses_up_no_tries(floor: Floor) -> None:
    floor.engine.turns = [NotUpYet("refused")] * 5
    got = await floor.hear()
    await floor.later(seconds=4)
    for _ in range(5):
        assert (await floor.row(got)).state is State.BOT
        assert floor.sender.texts == []
        await floor.later(seconds=1)
    await floor.later(seconds=4)  # the push's handler has ended
    assert "06:30–10:00" in floor.sender.texts[0]
    assert len(floor.engine.asked) == 6
    assert (await floor.row(got)).state is State.BOT


async def test_a_question_that_kills_every_process_goes_to_a_person(floor: Floor) -> None:
    got = await floor.hear()
    for _ in range(3):
        await floor.lease_ask("dies")
        floor.clock.forward(seconds=9)
    await floor.work()
    assert floor.engine.asked == []
    assert (await floor.row(got)).reason is Reason.ENGINE_FAILED


async def test_acts_that_cannot_be_carried_out_ask_a_person_and_do_nothing(floor: Floor) -> None:
    floor.engine.turns = [turn(Say("thank"), wake("cancel", order="nobodys"), wake())]
    got = await floor.talk("取消叫醒")
    assert (await floor.row(got)).reason is Reason.ACTION_FAILED
    assert await floor.orders() == []
    floor.engine.turns = [turn(Say("thank"), wake(due="2026-11-23T07:00:00"))]  # no zone
    await floor.talk("明早七点叫我", who="oOther")
    assert await floor.orders() == []


async def test_another_guests_order_is_nobody_elses_to_change(floor: Floor) -> None:
    floor.engine.turns = [turn(Say("thank"), wake())]
    await floor.talk("明早七点叫我", who="oFirst")
    (order,) = await floor.orders()
    floor.engine.turns = [turn(Say("thank"), wake("cancel", order=order.id))]
    got = await floor.talk("取消叫醒", who="oSecond")
    assert (await floor.orders())[0].state is OrderState.OPEN
    assert (await floor.row(got)).reason is Reason.ACTION_FAILED


async def test_a_preference_is_remembered_once_and_told_to_the_next_turn(floor: Floor) -> None:
    for _ in range(2):
        floor.engine.turns = [turn(Say("thank"), Remember("不放水果"))]
        await floor.talk("房间别放水果")
    await floor.talk()
    assert floor.engine.asked[-1][2]["guest"]["preferences"] == ["不放水果"]


async def test_facts_say_what_an_action_needs(floor: Floor) -> None:
    floor.engine.turns = [turn(Say("thank"), wake())]
    await floor.talk("明早七点叫我")
    await floor.talk()
    facts = floor.engine.asked[-1][2]
    assert (facts["hotel"], facts["timezone"], facts["state"]) == (ONE, "Asia/Shanghai", "BOT")
    assert facts["now"].endswith("+08:00")
    assert facts["duty"]["open"] is True
    assert [(o["service"], o["room"], o["state"]) for o in facts["orders"]] == [
        ("wake_up_call", "1208", "open")
    ]


async def test_after_a_hand_back_the_memory_is_new_and_told_what_the_person_said(floor: Floor) -> None:
    got = await floor.talk()
    assert floor.engine.asked[-1][2]["handed_back"] is None
    await floor.claim(got, "lin")
    await floor.reply(got, "lin", "毛巾五分钟到")
    await floor.reply(got, "lin", "我的电话13812345678")
    await floor.release(got, "lin")
    for words in ("还有呢", "好"):  # for as long as the visit lasts
        await floor.talk(words)
        told = floor.engine.asked[-1][2]["handed_back"]
        assert told == {"by": "员工lin", "said": "我的电话13812345678"}
    assert [asked[1] for asked in floor.engine.asked][1] is None


async def test_of_two_colleagues_the_last_one_to_hand_back_is_told(floor: Floor) -> None:
    got = await floor.talk()
    for who, words in (("lin", "我是林"), ("bo", "")):
        await floor.claim(got, who)
        if words:
            await floor.reply(got, who, words)
        await floor.release(got, who)
    await floor.talk("还有呢")
    assert floor.engine.asked[-1][2]["handed_back"] == {"by": "员工bo", "said": None}


async def test_a_new_visit_starts_without_the_old_memory(floor: Floor) -> None:
    got = await floor.talk()
    await floor.claim(got, "lin")
    await floor.reply(got, "lin", "毛巾五分钟到")
    await floor.release(got, "lin")
    await floor.act(got, lambda row, gone: Close(SERVICE, "solved"))
    await floor.talk("又来了")
    assert (await floor.row(got)).visit == 2
    assert floor.engine.asked[-1][1] is None
    assert floor.engine.asked[-1][2]["handed_back"] is None


# ---- the delivery line


async def test_what_pages_pull_is_not_sent(floor: Floor) -> None:
    got = await floor.talk(account=f"page-{ONE}")
    assert await floor.count(got, "assistant_said") == 1
    assert await floor.deliveries(got) == []


async def test_without_custom_send_everything_waits_for_a_push(floor: Floor) -> None:
    got = await floor.talk(account=f"poor-{ONE}")
    await floor.reply(got, "lin")
    await floor.later(minutes=10)
    assert floor.sender.sent == []
    assert [state for _, state, _ in await floor.deliveries(got)] == ["queued", "queued"]
    assert await floor.waiting(got) == 2


async def test_one_line_for_the_assistant_and_for_people_in_order(floor: Floor) -> None:
    got = await floor.hear()
    await floor.work()
    for n in range(3):
        await floor.reply(got, "lin", f"第{n}句")
    floor.clock.forward(seconds=5)
    await floor.work()
    assert "06:30" in floor.sender.texts[0]
    assert floor.sender.texts[1:] == ["第0句", "第1句", "第2句"]
    seqs = [seq for seq, state, _ in await floor.deliveries(got) if state == "accepted"]
    assert seqs == sorted(seqs)
    assert len(seqs) == 4


async def test_one_that_must_wait_holds_back_the_later_ones(floor: Floor) -> None:
    got = await floor.talk()
    floor.sender.sent.clear()
    floor.sender.outcomes = [TryLater(10, "busy")]
    await floor.reply(got, "lin", "先")
    await floor.reply(got, "lin", "后")
    await floor.work()
    assert floor.sender.texts == ["先"]
    await floor.later(seconds=11)
    assert floor.sender.texts == ["先", "先", "后"]


async def test_a_line_that_waits_makes_nobody_spin(floor: Floor) -> None:
    """A line that can't go now isn't looked into, and one that is nudges nobody to look again at once."""
    got = await floor.talk()
    floor.sender.outcomes = [TryLater(10, "busy")]
    await floor.reply(got, "lin", "先")
    await floor.reply(got, "lin", "后")
    await floor.work()
    async with floor.database.read() as tx:
        assert await outbox.due_lines(tx, floor.clock.now()) == []
    with floor.dispatch.nudges.watch("outbox") as nudged:
        await floor.worker.delivery.line(ONE, got.identity.id)
        assert not nudged.is_set()


async def test_try_later_ends_after_a_minute_and_fails_where_staff_see_it(floor: Floor) -> None:
    got = await floor.talk()
    floor.sender.sent.clear()
    floor.sender.outcomes = [TryLater(15, "rate")] * 10
    await floor.reply(got, "lin", "先")
    await floor.reply(got, "lin", "后")
    for _ in range(6):
        await floor.later(seconds=16)
    assert floor.sender.texts.count("先") <= 5
    states = {state for _, state, _ in await floor.deliveries(got)}
    assert "failed" in states
    failed = [e for e, _ in await floor.thread(got) if e.type == "delivery_failed"]
    assert failed[0].body["why"] == "rate"


async def test_never_delivered_is_a_failure_at_once(floor: Floor) -> None:
    floor.sender.outcomes = [NeverDelivered("blocked_by_guest")]
    got = await floor.talk()
    assert (await floor.deliveries(got))[0][1:] == ("failed", "blocked_by_guest")
    await floor.later(minutes=5)
    assert len(floor.sender.sent) == 1


async def test_unclear_is_shown_and_never_repeated_by_itself(floor: Floor) -> None:
    floor.sender.outcomes = [Unclear("timeout")]
    got = await floor.talk()
    for _ in range(5):
        await floor.later(minutes=10)
    assert len(floor.sender.sent) == 1
    row = await floor.row(got)
    assert len(row.unclear) == 1
    assert (await floor.shown(got))["unclear"] == 1
    resend = Resend(floor.people["lin"], row.unclear[0], got.identity.id)
    await floor.act(got, lambda row, gone: resend)
    await floor.work()
    assert len(floor.sender.sent) == 2
    assert (await floor.row(got)).unclear == ()


async def test_a_call_cut_off_midway_is_unclear_and_does_not_stop_the_line(floor: Floor) -> None:
    """kill -9 between the mark and the answer: the row is `sending` and nobody will ever know."""
    got = await floor.hear()
    await floor.work()
    floor.clock.forward(seconds=5)
    assert await floor.worker.delivery.take_head(ONE, got.identity.id)
    await floor.reply(got, "lin", "您好")
    await floor.later(seconds=19)
    assert floor.sender.sent == []  # one in flight
    await floor.later(seconds=2)
    assert floor.sender.texts == ["您好"]
    assert len((await floor.row(got)).unclear) == 1
    assert await floor.count(got, "delivery_unclear") == 1


async def test_what_was_refused_for_good_by_the_window_waits_for_the_guests_next_word(floor: Floor) -> None:
    floor.sender.outcomes = [NeverDelivered("window_closed")]
    got = await floor.talk()
    assert (await floor.deliveries(got))[0][1:] == ("queued", "window_closed")
    await floor.later(hours=1)
    assert len(floor.sender.sent) == 1
    await floor.talk("在吗")
    assert len(floor.sender.sent) == 3
    assert floor.sender.texts[1] == floor.sender.texts[0]


async def test_the_ledger_counts_down_and_keeps_the_last_message_for_a_person(floor: Floor) -> None:
    got = await floor.talk()
    for n in range(3):
        await floor.reply(got, "lin", f"第{n}句")
    await floor.work()
    assert len(floor.sender.sent) == 4
    await floor.release(got, "lin")  # the assistant's sentence would be the fifth
    await floor.later(minutes=1)
    assert len(floor.sender.sent) == 4
    await floor.reply(got, "lin", "最后一条")
    await floor.later(minutes=1)
    assert floor.sender.texts[-1] == "最后一条"
    assert len(floor.sender.sent) == 5
    await floor.reply(got, "lin", "第六条")
    await floor.later(minutes=1)
    assert len(floor.sender.sent) == 5
    assert await floor.waiting(got) == 2


async def test_after_the_window_nothing_is_sent_until_the_guest_writes(floor: Floor) -> None:
    got = await floor.talk()
    floor.clock.forward(hours=49)
    await floor.reply(got, "lin", "迟来的话")
    await floor.later(minutes=1)
    assert len(floor.sender.sent) == 1
    await floor.hear("在吗")
    await floor.later(seconds=5)
    assert "迟来的话" in floor.sender.texts


async def test_a_lost_trial_after_a_long_wait_is_tried_again_like_any_other(floor: Floor) -> None:
    got = await floor.talk()
    floor.clock.forward(hours=49)
    await floor.reply(got, "lin", "迟来的话")
    await floor.later(minutes=1)
    floor.sender.outcomes = [TryLater(2, "busy")]
    await floor.hear("在吗")
    await floor.later(seconds=5)
    await floor.later(seconds=5)
    assert floor.sender.texts.count("迟来的话") == 2
    assert await floor.count(got, "delivery_failed") == 0


# ---- the reply in the answer to a push


async def lease_passively(floor: Floor, got: Any, by: str = "p1") -> outbox.Item:
    async with floor.database.write() as tx:
        item = await outbox.head(tx, ONE, got.identity.id)
        assert item
        assert await outbox.mark_sending(tx, item, by, got.key, floor.clock.now(), PASSIVE_LEASE)
    return item


async def test_while_a_push_is_open_the_line_is_its_handlers(floor: Floor) -> None:
    await floor.hear(waits=True)
    await floor.work()
    await floor.later(seconds=4)
    assert floor.sender.sent == []


async def test_a_repeated_push_gets_the_same_reply_again(floor: Floor) -> None:
    got = await floor.hear()
    await floor.work()
    item = await lease_passively(floor, got)
    floor.clock.forward(seconds=5)
    again = await floor.hear(key="message:1")
    async with floor.database.read() as tx:
        carried = await outbox.carried(tx, ONE, again.identity.id, again.key)
    assert carried
    assert carried.id == item.id
    async with floor.database.write() as tx:
        assert await outbox.mark_sending(tx, carried, "p2", again.key, floor.clock.now(), PASSIVE_LEASE)
        assert not await outbox.mark_sending(
            tx, carried, "p3", "another push", floor.clock.now(), PASSIVE_LEASE
        )
        assert not await outbox.mark_sending(tx, carried, "p3", CUSTOM, floor.clock.now(), PASSIVE_LEASE)
    await floor.later(seconds=15)
    assert await floor.count(got, "delivery_accepted") == 0  # the lease began anew


async def test_no_repetition_with_a_bot_up_all_that_time_means_accepted(floor: Floor) -> None:
    got = await floor.hear()
    await floor.work()
    await lease_passively(floor, got)
    for _ in range(8):
        await floor.later(seconds=2)
    await floor.later(seconds=0.5)
    assert await floor.count(got, "delivery_accepted") == 1
    assert floor.sender.sent == []


async def test_the_witness_need_not_have_beaten_that_very_second(floor: Floor) -> None:
    """The worker looks twice a second and beats every two: it must not take its own pause for an absence."""
    got = await floor.hear()
    await floor.work()
    await lease_passively(floor, got)
    await floor.later(seconds=15)
    floor.clock.forward(seconds=1.2)
    await floor.work()
    assert await floor.count(got, "delivery_accepted") == 1


async def test_another_process_is_as_good_a_witness(floor: Floor) -> None:
    got = await floor.hear()
    await floor.work()
    await lease_passively(floor, got)
    floor.clock.forward(seconds=10)
    young = floor.another_worker("p2")
    await young._beat()
    floor.clock.forward(seconds=4.5)
    await floor.worker._beat()
    floor.clock.forward(seconds=1.6)
    await floor.work(young)
    assert await floor.count(got, "delivery_accepted") == 1


async def test_without_a_witness_it_is_unclear(floor: Floor) -> None:
    """The bot was down for a while: the platform may have knocked and found nobody."""
    got = await floor.hear()
    await floor.work()
    await lease_passively(floor, got)
    floor.clock.forward(seconds=30)
    restarted = floor.another_worker("p2")
    await restarted._beat()
    await floor.work(restarted)
    assert await floor.count(got, "delivery_unclear") == 1
    assert await floor.count(got, "delivery_accepted") == 0


# ---- people


async def test_a_reply_is_bound_to_holding_and_not_to_the_version(floor: Floor) -> None:
    got = await floor.hear()
    await floor.claim(got, "lin")
    await asyncio.gather(
        *(floor.hear(f"还有{n}") for n in range(8)), *(floor.reply(got, "lin", f"答{n}") for n in range(4))
    )
    assert await floor.count(got, "staff_said") == 4
    assert await floor.count(got, "guest_said") == 9


async def test_two_people_claim_and_one_gets_it(floor: Floor) -> None:
    got = await floor.hear()
    done = await asyncio.gather(floor.claim(got, "lin"), floor.claim(got, "bo"), return_exceptions=True)
    (refused,) = [d for d in done if isinstance(d, Refused)]
    (row,) = [d for d in done if isinstance(d, Conversation)]
    assert refused.holder == row.holder
    assert await floor.count(got, "claimed") == 1


async def test_a_scanned_code_is_looked_for_among_recent_events_alone(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "SCANNED", 4)
    await floor.hear("", kind=InboundKind.CLICK, subtype="scan", body={"key": "room:1208"})
    for _ in range(4):
        await floor.hear("早餐几点")
        await floor.work()
    rooms = [facts["room"] for _, _, facts in floor.engine.asked]
    assert (rooms[0], rooms[-1]) == ("1208", None)


async def test_the_same_click_twice_is_said_once(floor: Floor) -> None:
    got = await floor.hear()
    first = await floor.reply(got, "lin", "您好", "client-1")
    assert await floor.reply(got, "lin", "您好", "client-1") == first
    both = await asyncio.gather(*(floor.reply(got, "lin", "再见", "client-2") for _ in range(4)))
    assert len(set(both)) == 1
    assert await floor.count(got, "staff_said") == 2


async def test_a_client_id_is_its_conversations_and_its_persons_own(floor: Floor) -> None:
    first, second = await floor.hear(who="oA"), await floor.hear(who="oB")
    await floor.reply(first, "lin", "甲", "client-1")
    await floor.reply(second, "lin", "乙", "client-1")
    assert await floor.count(second, "staff_said") == 1
    third = await floor.hear(who="oC")
    await floor.reply(third, "bo", "丙", "client-1")
    assert await floor.count(third, "staff_said") == 1


async def test_what_a_departed_person_held_is_nobodys_at_once(floor: Floor) -> None:
    got = await floor.hear()
    await floor.claim(got, "lin")
    async with floor.database.write() as tx:
        assert len(await staff.deactivate(tx, "lin", floor.clock.now())) == 1
    shown = await floor.shown(got)
    assert (shown["state"], shown["holder"]) == ("WAITING", None)
    for states, count in (((State.WAITING,), 1), ((State.STAFF,), 0)):
        async with floor.database.read() as tx:
            assert len(await desk.list_conversations(tx, ONE, states, now=floor.clock.now())) == count
    await floor.claim(got, "bo")
    assert (await floor.types(got))[-2:] == ["lapsed", "claimed"]
    assert (await floor.row(got)).holder == floor.people["bo"]


async def test_a_row_hands_over_what_a_departed_person_held(floor: Floor) -> None:
    got = await floor.hear()
    await floor.claim(got, "lin")
    await floor.reply(got, "lin", "稍等")
    async with floor.database.write() as tx:
        await staff.deactivate(tx, "lin", floor.clock.now())
    await floor.work()
    row = await floor.row(got)
    assert (row.state, row.holder) == (State.WAITING, None)
    lapsed = [e for e, _ in await floor.thread(got) if e.type == "lapsed"]
    assert lapsed[0].body.items() >= {"why": "holder_inactive", "holder": floor.people["lin"]}.items()
    await floor.later(seconds=61)
    assert floor.robots.told


async def test_a_departed_person_can_do_nothing_with_what_they_held(floor: Floor) -> None:
    got = await floor.hear()
    await floor.claim(got, "lin")
    async with floor.database.write() as tx:
        await staff.deactivate(tx, "lin", floor.clock.now())
    await floor.hear("在吗")
    assert (await floor.types(got))[-2:] == ["lapsed", "guest_said"]
    assert (await floor.row(got)).holder is None


# ---- clocks


async def test_a_held_guest_who_waits_too_long_is_everybodys_again(floor: Floor) -> None:
    got = await floor.hear()
    await floor.claim(got, "lin")
    await floor.hear("在吗")
    await floor.later(minutes=4, seconds=58)
    assert (await floor.row(got)).state is State.STAFF
    await floor.later(seconds=3)
    row = await floor.row(got)
    assert (row.state, row.holder, row.reason) == (State.WAITING, None, Reason.HUMAN_HANDOFF)


async def test_an_answer_in_time_stops_that_clock_and_the_next_word_starts_it(floor: Floor) -> None:
    got = await floor.hear()
    await floor.claim(got, "lin")
    await floor.later(minutes=4)
    await floor.reply(got, "lin")
    await floor.later(minutes=4)
    assert (await floor.row(got)).state is State.STAFF
    await floor.hear("还有")
    await floor.later(minutes=4, seconds=59)
    assert (await floor.row(got)).state is State.STAFF
    await floor.later(seconds=2)
    assert (await floor.row(got)).state is State.WAITING


async def ask_for_a_person(floor: Floor, who: str = "oGuest", reason: Reason = Reason.HUMAN_HANDOFF) -> Any:
    floor.engine.turns = [turn(Handoff(reason))]
    got = await floor.talk("转人工", who=who)
    assert (await floor.row(got)).state is State.WAITING
    return got


async def test_the_group_is_told_after_a_minute_and_again_until_somebody_comes(floor: Floor) -> None:
    got = await ask_for_a_person(floor)
    await floor.later(seconds=50)
    assert floor.robots.told == []
    await floor.later(seconds=6)
    assert [(hotel, id_) for hotel, id_, _ in floor.robots.told] == [(ONE, got.row.id)]
    await floor.later(seconds=AGAIN.total_seconds() - 1)
    assert len(floor.robots.told) == 1
    await floor.later(seconds=1)
    assert len(floor.robots.told) == 2
    await floor.claim(got, "lin")
    await floor.reply(got, "lin")
    await floor.later(hours=1)
    assert len(floor.robots.told) == 2


async def test_a_target_is_told_before_it_is_missed_and_only_while_it_runs(floor: Floor) -> None:
    """The sample's: two minutes until somebody has it, five until a word, told at three quarters of it."""
    got = await ask_for_a_person(floor)
    await floor.later(seconds=80)
    assert floor.robots.nears == []
    await floor.later(seconds=10)
    assert floor.robots.nears == [("claim", 0)]
    await floor.claim(got, "lin")
    await floor.later(minutes=2, seconds=20)
    assert floor.robots.nears == [("claim", 0), ("answer", 1)]
    await floor.reply(got, "lin")
    await floor.later(minutes=5)
    near = [e.body for e, _ in await floor.thread(got) if e.type == "target_neared"]
    assert [(body["clock"], body["department"]) for body in near] == [
        ("claim", "front_desk"),
        ("answer", "front_desk"),
    ]


async def test_a_target_keeps_quiet_as_long_as_the_hotel_says_once_somebody_has_seen_it(floor: Floor) -> None:
    async with floor.database.write() as tx:
        floor.clock.forward(seconds=1)
        quiet = documents(alerts={"seen": {"waiting_minutes": 1}})
        await knowledge.save(tx, quiet, floor.clock.now())
    got = await ask_for_a_person(floor)
    await floor.later(seconds=60)
    await floor.act(got, lambda row, gone: Acknowledge(floor.people["lin"]))
    await floor.later(seconds=30)
    assert (await floor.count(got, "target_neared"), floor.robots.nears) == (1, [])
    await floor.later(seconds=31)
    assert (await floor.count(got, "target_neared"), floor.robots.nears) == (1, [("claim", -1)])


NIGHT = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)  # three in the morning at the hotel
MORNING = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)


async def test_at_night_the_group_is_told_when_the_day_begins(floor: Floor) -> None:
    floor.clock.at = NIGHT
    await ask_for_a_person(floor)
    for _ in range(3):
        await floor.later(hours=1)
    assert floor.robots.told == []
    floor.clock.at = MORNING
    await floor.later(seconds=1)
    assert len(floor.robots.told) == 1


async def test_an_emergency_wakes_the_group_at_night(floor: Floor) -> None:
    floor.clock.at = NIGHT
    got = await floor.talk("着火了快来人")
    row = await floor.row(got)
    assert (row.state, row.reason, bool(row.alarm_since)) == (State.WAITING, Reason.EMERGENCY, True)
    assert floor.sender.texts[0].startswith("请马上离开")
    assert "119" in floor.sender.texts[0]
    assert "自动助手" in floor.sender.texts[0]  # who has never heard of it learns what is speaking
    assert floor.engine.asked == []
    await floor.later(seconds=61)
    assert len(floor.robots.told) == 1


@pytest.mark.parametrize("found_by", ["safety words", "the assistant"])
async def test_an_emergency_of_somebody_who_waits_already_wakes_the_group_too(
    floor: Floor, found_by: str
) -> None:
    """The escalation was put off until the morning; danger must not inherit that."""
    floor.clock.at = NIGHT
    await ask_for_a_person(floor)
    await floor.later(minutes=2)
    assert floor.robots.told == []
    floor.engine.turns = [turn(Handoff(Reason.EMERGENCY))]
    await floor.talk("着火了快来人" if found_by == "safety words" else "出事了")
    await floor.later(seconds=61)
    assert len(floor.robots.told) == 1


async def test_the_alarm_rings_until_somebody_acknowledges(floor: Floor) -> None:
    got = await floor.talk("着火了快来人")
    assert (await floor.shown(got))["alarm_since"]
    await floor.act(got, lambda row, gone: Acknowledge(floor.people["lin"]))
    assert (await floor.shown(got))["alarm_since"] is None


async def test_the_ladder_stops_while_somebody_has_seen_it_and_climbs_again(floor: Floor) -> None:
    got = await ask_for_a_person(floor)
    await floor.later(seconds=61)
    assert len(floor.robots.told) == 1
    lin, bo = floor.people["lin"], floor.people["bo"]
    await floor.act(got, lambda row, gone: Acknowledge(lin))
    await floor.act(got, lambda row, gone: Acknowledge(bo))  # who has been told, and comes second
    assert [e.actor.id for e, _ in await floor.thread(got) if e.type == "alert_acknowledged"] == [lin]
    assert (await floor.shown(got))["seen"]["by"]["name"] == "员工lin"
    for _ in range(5):
        await floor.later(minutes=2)
    assert len(floor.robots.told) == 1
    await floor.later(seconds=61)
    assert len(floor.robots.told) == 2
    await floor.act(got, lambda row, gone: Acknowledge(bo))
    await floor.hear("着火了快来人")  # what was seen was something else
    await floor.work()
    assert len(floor.robots.told) == 3


async def test_what_comes_up_while_an_alert_is_looked_at_takes_its_row_over(floor: Floor) -> None:
    await ask_for_a_person(floor)
    floor.clock.forward(seconds=61)
    now = floor.clock.now()
    async with floor.database.write() as tx:
        (slow,) = await outbox.lease_due(tx, "slow", now, timedelta(seconds=8), ("escalate",))
    await floor.hear("着火了快来人")
    await floor.work()
    assert len(floor.robots.told) == 1
    async with floor.database.write() as tx:
        await outbox.put_back(tx, slow, now + timedelta(hours=1), now)
    assert await floor.sql("SELECT count(*) FROM outbox WHERE kind = 'escalate' AND state = 'queued'") == [
        (1,)
    ]
    await floor.later(seconds=AGAIN.total_seconds())
    assert len(floor.robots.told) == 2


async def test_what_could_be_said_is_looked_up_once_and_only_when_somebody_looks(floor: Floor) -> None:
    got = await floor.talk()
    await floor.claim(got, "lin")
    asked = len(floor.engine.asked)

    async def look() -> list[str]:
        await suggestions.look_up(floor.database, floor.dispatch.nudges, ONE, {got.row.id}, floor.clock.now())
        await floor.work()
        return [question for question, *_ in floor.engine.asked[asked:]]

    await floor.hear("几点退房")
    await floor.hear("能晚点吗")
    await floor.later(minutes=1)
    assert len(floor.engine.asked) == asked
    assert await look() == ["几点退房\n能晚点吗"]
    assert await look() == ["几点退房\n能晚点吗"]
    await floor.hear("两点行吗")
    assert len(await look()) == 2


async def test_a_visit_that_has_gone_quiet_ends_after_a_day(floor: Floor) -> None:
    got = await floor.talk()
    await floor.later(hours=23, minutes=59)
    assert (await floor.row(got)).state is State.BOT
    await floor.later(minutes=2)
    assert (await floor.row(got)).state is State.CLOSED
    assert (await floor.thread(got))[-1][0].body == {"reason": "idle"}


async def test_nobody_who_waits_or_is_held_is_ended_by_quiet(floor: Floor) -> None:
    waits, held = await ask_for_a_person(floor, "oA"), await floor.hear(who="oB")
    await floor.claim(held, "lin")
    await floor.reply(held, "lin")
    for _ in range(4):
        await floor.later(hours=20)
    assert (await floor.row(waits)).state is State.WAITING
    assert (await floor.row(held)).state is State.STAFF


# ---- orders


async def place_wake_up(floor: Floor, **more: Any) -> Any:
    floor.engine.turns = [turn(Say("thank"), wake(what="叫醒", note="靠海"))]
    return await floor.talk("明早七点叫我", **more)


async def test_an_order_rings_at_its_minute_and_once(floor: Floor) -> None:
    got = await place_wake_up(floor)
    (order,) = await floor.orders()
    assert (order.state, order.details["note"], order.guest) == (OrderState.OPEN, "靠海", got.row.guest)
    floor.clock.at = DUE - timedelta(seconds=1)
    await floor.work()
    assert (await floor.orders())[0].state is OrderState.OPEN
    await floor.later(seconds=1)
    assert (await floor.orders())[0].state is OrderState.RINGING
    await asyncio.gather(floor.work(), floor.work(floor.another_worker("p2")))
    assert await floor.count(got, "order_rung") == 1


async def test_a_changed_order_rings_at_its_new_minute_alone(floor: Floor) -> None:
    got = await place_wake_up(floor)
    (order,) = await floor.orders()
    floor.engine.turns = [
        turn(Say("thank"), wake("change", "2026-11-23T08:30:00+08:00", order.id, room="1209"))
    ]
    await floor.talk("改成八点半")
    (changed,) = await floor.orders()
    assert (changed.details["room"], changed.details["note"]) == ("1209", "靠海")
    floor.clock.at = DUE
    await floor.later(minutes=1)
    assert await floor.count(got, "order_rung") == 0
    await floor.later(minutes=90)
    assert await floor.count(got, "order_rung") == 1


async def test_a_cancelled_order_does_not_ring(floor: Floor) -> None:
    got = await place_wake_up(floor)
    (order,) = await floor.orders()
    floor.engine.turns = [turn(Say("thank"), wake("cancel", order=order.id))]
    await floor.talk("不用叫了")
    floor.clock.at = DUE
    await floor.later(minutes=1)
    assert await floor.count(got, "order_rung") == 0
    assert (await floor.orders())[0].state is OrderState.CANCELLED


# ---- unfollowing and erasure


async def unfollow(floor: Floor, **more: Any) -> Any:
    return await floor.hear("", kind=InboundKind.UNFOLLOW, **more)


WORDS = "我对花生过敏请千万记住"


async def test_who_unfollows_is_erased_at_once_when_nothing_is_open(floor: Floor) -> None:
    floor.engine.turns = [turn(Say("thank"), Remember("花生过敏"), memory={"said": WORDS})]
    got = await floor.talk(WORDS)
    assert WORDS in await floor.everything()
    await unfollow(floor)
    await floor.work()
    kept = await floor.everything()
    for words in (WORDS, "花生", "oGuest"):
        assert words not in kept
    assert "guest_erased" in await floor.types(got)


async def test_an_open_order_puts_erasure_off_until_it_is_done(floor: Floor) -> None:
    got = await place_wake_up(floor)
    (order,) = await floor.orders()
    await unfollow(floor)
    await floor.later(hours=5)
    assert "靠海" in await floor.everything()
    async with floor.database.write() as tx:
        await desk.change_order(tx, ONE, order.id, state=OrderState.DONE, changed_at=floor.clock.now())
    await floor.later(hours=1, minutes=1)
    assert "guest_erased" in await floor.types(got)
    assert "靠海" not in await floor.everything()


async def test_thirty_days_are_the_most(floor: Floor) -> None:
    got = await place_wake_up(floor)
    await unfollow(floor)
    await floor.later(days=29, hours=23)
    assert "guest_erased" not in await floor.types(got)
    await floor.later(hours=1, minutes=1)
    assert "guest_erased" in await floor.types(got)
    assert "靠海" not in await floor.everything()


async def test_an_open_complaint_puts_erasure_off_too(floor: Floor) -> None:
    got = await ask_for_a_person(floor, reason=Reason.COMPLAIN)
    await unfollow(floor)
    await floor.later(hours=2)
    assert "guest_erased" not in await floor.types(got)
    await floor.act(got, lambda row, gone: Close(SERVICE, "solved"))
    await floor.later(hours=1, minutes=1)
    assert "guest_erased" in await floor.types(got)


async def test_who_follows_again_in_time_is_not_erased(floor: Floor) -> None:
    got = await place_wake_up(floor)
    await unfollow(floor)
    await floor.hear("", kind=InboundKind.FOLLOW, subtype="subscribe")
    await floor.later(days=31)
    assert "guest_erased" not in await floor.types(got)


async def test_sending_stops_the_moment_a_guest_unfollows(floor: Floor) -> None:
    got = await place_wake_up(floor)
    floor.sender.sent.clear()
    floor.sender.outcomes = [TryLater(5, "busy")]
    await floor.reply(got, "lin", "稍等")
    await floor.work()
    await unfollow(floor)
    await floor.later(seconds=30)
    assert floor.sender.texts == ["稍等"]
    with pytest.raises(Refused, match="unreachable"):
        await floor.reply(got, "lin", "还在吗")


async def test_an_answer_that_comes_after_the_erasure_brings_nothing_back(floor: Floor) -> None:
    got = await floor.hear(WORDS)
    item = await floor.lease_ask()
    question = await floor.worker.asking.question(item)
    assert question
    await floor.dispatch.erase(ONE, got.row.guest)
    answer = turn(
        Say("preference_remembered", {"preference": WORDS}), Remember(WORDS), memory={"said": WORDS}
    )
    await floor.worker.asking.respond(item, question, answer)
    assert WORDS not in await floor.everything()


async def test_of_who_was_erased_nothing_is_known_any_more(floor: Floor) -> None:
    got = await floor.talk("早餐几点")
    now = floor.clock.now()
    known = {"name": "张敏", "room": "1208", "room_until": now, "vip_at": now, "opted_in_at": now}
    async with floor.database.write() as tx:
        await people.change_guest(tx, ONE, got.row.guest, **known, preferences='["花生过敏"]')
    await floor.dispatch.erase(ONE, got.row.guest)
    async with floor.database.read() as tx:
        left = await people.guest_of(tx, ONE, got.row.guest)
    assert left.erased_at == now
    assert {name: getattr(left, name) for name in known} == dict.fromkeys(known)
    assert list(left.preferences) == []


async def test_nobody_is_asked_about_words_that_were_erased(floor: Floor) -> None:
    got = await floor.hear(WORDS)
    await floor.dispatch.erase(ONE, got.row.guest)
    await floor.later(minutes=5)
    assert floor.engine.asked == []
    assert await floor.count(got, "handoff_requested") == 0


async def test_after_an_erasure_the_same_follower_is_somebody_new(floor: Floor) -> None:
    first = await floor.talk(WORDS)
    await unfollow(floor)
    await floor.work()
    second = await floor.talk("你好")
    assert second.row.id != first.row.id
    assert second.row.guest != first.row.guest


# ---- numbers that identify


async def test_a_number_that_identifies_is_nowhere_but_under_seal(
    floor: Floor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    got = await floor.talk(f"我的身份证{ID_CARD}，卡号 6222 0202 0011 2230")
    await floor.hear(
        "", kind=InboundKind.MEDIA, subtype="voice", body={"recognition": f"身份证{ID_CARD}", "n": 1}
    )
    kept = await floor.everything() + "\n".join(r.getMessage() for r in caplog.records)
    for number in (ID_CARD, BANK_CARD, "6222 0202 0011 2230", ID_CARD[6:14]):
        assert number not in kept
        assert number not in str(floor.engine.asked)
    assert "11**************3X" in floor.engine.asked[0][0]
    sealed = [s for _, c in await floor.thread(got) for s in c.sealed]
    opened = [floor.seal.open(s, bound_to(ONE, got.row.id)) for s in sealed]
    assert opened == [ID_CARD, BANK_CARD, ID_CARD]


async def test_erasing_leaves_no_sealed_original(floor: Floor) -> None:
    got = await floor.talk(f"我的身份证{ID_CARD}")
    (sealed,) = [s["sealed"] for _, c in await floor.thread(got) for s in c.sealed]
    assert sealed in await floor.everything()
    await floor.dispatch.erase(ONE, got.row.guest)
    assert sealed not in await floor.everything()


# ---- two hotels with the same guests, rooms and names


async def test_the_same_follower_of_two_hotels_is_two_guests(floor: Floor) -> None:
    one, two = await floor.talk(who="oSame"), await floor.talk(who="oSame", account=f"wx-{TWO}")
    assert one.identity.id != two.identity.id
    assert one.row.guest != two.row.guest
    assert "06:30–10:00" in floor.sender.texts[0]
    assert "08:00–11:00" in floor.sender.texts[1]
    assert [account for account, _, _ in floor.sender.sent] == [f"wx-{ONE}", f"wx-{TWO}"]
    assert floor.engine.asked[1][2]["hotel"] == TWO
    assert floor.engine.asked[1][2]["timezone"] == "Asia/Urumqi"
    assert floor.engine.asked[1][1] is None


async def test_the_same_message_id_at_two_hotels_is_two_messages(floor: Floor) -> None:
    one = await floor.hear(key="message:7")
    two = await floor.hear(key="message:7", account=f"wx-{TWO}")
    assert one.row.id != two.row.id
    assert two.deliveries == 1


async def test_nothing_of_one_hotel_is_found_from_the_other(floor: Floor) -> None:
    """Every query of one thing, asked with the other hotel's id, finds nothing and changes nothing."""
    got = await place_wake_up(floor, who="oSame")
    await floor.talk(f"身份证{ID_CARD}", who="oSame")
    (order,) = await floor.orders(ONE)
    before = await floor.everything()
    id_, who, guest, now = got.row.id, got.identity.id, got.row.guest, floor.clock.now()
    async with floor.database.write() as tx:
        assert await log.row_of(tx, TWO, id_) is None
        assert await log.events_of(tx, TWO, id_) == []
        assert await log.read_thread(tx, TWO, id_) == []
        assert await log.event_of(tx, TWO, id_, 2) is None
        assert await log.content_of(tx, TWO, id_, 2) is None
        assert await log.last_memory(tx, TWO, id_) is None
        assert await log.handed_back(tx, TWO, id_) is None
        assert await log.last_words(tx, TWO, [await floor.row(got)]) == {}
        assert await log.empty_contents(tx, TWO, id_, now) == 0
        assert await people.find_identity(tx, TWO, "wechat", got.identity.account, "oSame") is None  # type: ignore[arg-type]
        assert await people.identity_of(tx, TWO, who) is None
        assert await people.identities_of(tx, TWO, id_) == []
        assert not await people.find_guest(tx, TWO, guest)
        assert await people.guests_of(tx, TWO, [guest]) == {}
        assert await people.channels_of(tx, TWO, [id_]) == {}
        assert await people.ledger_of(tx, TWO, who) == {}
        assert await read_marks.unread(tx, TWO, [id_], "staff:x") == {}
        assert await arrivals.arrived(tx, TWO, "wechat", got.identity.account, got.key) is None
        await people.change_guest(tx, TWO, guest, name="x")
        await people.erase_identities(tx, TWO, guest)
        assert await desk.list_conversations(tx, TWO, now=floor.clock.now()) == []
        assert await desk.conversations_of_guest(tx, TWO, guest) == []
        assert await desk.order_of(tx, TWO, order.id) is None
        assert await desk.list_orders(tx, TWO) == []
        assert not await desk.change_order(tx, TWO, order.id, state="done")
        await desk.empty_orders(tx, TWO, guest)
        assert await outbox.head(tx, TWO, who) is None
        assert await outbox.carried(tx, TWO, who, got.key) is None
        assert await outbox.deliveries(tx, TWO, id_) == {}
        await outbox.release_waiting(tx, TWO, who, now)
    assert await floor.everything() == before
    with pytest.raises(LookupError):
        await floor.dispatch.act(TWO, id_, lambda row, gone: Claim(floor.people["lin"], gone))
    with pytest.raises(LookupError):
        await floor.dispatch.erase(TWO, guest)


# What may look across hotels: scheduling, counting, proving, and what belongs to no hotel.
ACROSS = {
    "people": {"erased_guests", "erased_identities", "ledgers_of"},
    "members": {"find_staff", "count_staff", "all_staff", "add_staff", "change_staff", "count_failure",
                "roles_of", "terms_of", "names_of", "guest_names_of", "signed_in_among", "ran_out"},
    "sign_ins": {"sign_in", "signed_in", "sign_out", "sign_out_others", "signed_in_on", "move_sign_in",
                 "lock_sign_in", "count_wrong_pin"},
    "arrivals": set(),
    "read_marks": set(),
    "audits": set(),
    "desk": {"waiting_count", "longest_wait", "list_hotels", "hotel_of", "hotel_stamp", "list_accounts",
             "account_of", "switch_account"},
    "log": {"all_conversations", "count_events"},
    "proofs": set(),
    "outbox": {"lease_due", "due_lines", "run_out", "next_is_due", "depth", "forget_settled", "free_own",
               "beat", "was_up"},
}  # fmt: skip
ASKS_BY_HOTEL = (
    r"hotel_id|\bhotel\b.*hotel,|_columns|_insert\(|_put_once\(|_own\(item|before\.hotel|works\(hotel|"
    r"\w\(tx, hotel, "
)
CARRIES_A_HOTEL = r"\b(HotelId|HotelRow|Identity|Item|Conversation|OrderRow|AccountRow|Guest)\b"


@pytest.mark.parametrize("name", ACROSS)
def test_every_query_takes_a_hotel(name: str) -> None:
    module = importlib.import_module(f"bot.store.{name}")
    queries = {
        n: f
        for n, f in inspect.getmembers(module, inspect.iscoroutinefunction)
        if not n.startswith("_") and f.__module__ == module.__name__
    }
    assert ACROSS[name] <= set(queries), "what may look across hotels is named, and is there"
    for function_name in sorted(set(queries) - ACROSS[name]):
        annotations = " ".join(
            str(p.annotation) for p in inspect.signature(queries[function_name]).parameters.values()
        )
        assert re.search(CARRIES_A_HOTEL, annotations), f"{name}.{function_name} takes no hotel"
        source = inspect.getsource(queries[function_name])
        uses = re.search(ASKS_BY_HOTEL, source)
        assert uses, f"{name}.{function_name} does not ask by hotel"


async def test_a_record_changes_only_its_own_conversation(floor: Floor) -> None:
    one, two = await floor.hear(who="oA"), await floor.hear(who="oB")
    before = (await floor.row(two)).canonical()
    await floor.act(one, lambda row, gone: Record(()))
    await floor.claim(one, "lin")
    assert (await floor.row(two)).canonical() == before
