"""What happens when things break, with the real processes: kill -9, lost answers, spent quotas, the night."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.simulator import Follower
from tests.rasa_servers import Assistant
from tests.scenario.world import World, running, until
from tests.servers import Valkey

SHANGHAI = ZoneInfo("Asia/Shanghai")


def texts(world: World, type_: str) -> list[str]:
    """What was said by events of a type, in order."""
    sql = (
        "SELECT c.text FROM events e JOIN contents c USING (hotel_id, conversation_id, seq) "
        f"WHERE e.type = '{type_}' ORDER BY e.seq"
    )
    return [str(row[0]) for row in world.query(sql)]


def count(world: World, type_: str) -> int:
    return int(world.query(f"SELECT count(*) FROM events WHERE type = '{type_}'")[0][0])


async def chat(world: World, follower: Follower, *said: str) -> str:
    """Say things one after the other, each after the answer to the one before; the last answer."""
    for text in said:
        heard = len(world.simulator.answers(follower))
        world.simulator.say(follower, text)
        await world.simulator.heard(follower, heard + 1, within=30)
    return world.simulator.answers(follower)[-1].text


async def waiting_guest(world: World, follower: Follower) -> str:
    """A guest who has asked for a person and got the answer; the conversation's id."""
    await chat(world, follower, "转人工")
    world.shift(seconds=20)  # no repetition of the push: the answer has arrived
    await until(lambda: count(world, "delivery_accepted") == count(world, "assistant_said"))
    return await (await world.desk()).one("WAITING")


def at(world: World, hour: int, minute: int = 0) -> None:
    """Shift the clock forward to the next time it is so late in Shanghai."""
    now = world.clock().now().astimezone(SHANGHAI)
    target = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    world.shift(seconds=((target - now) % timedelta(days=1)).total_seconds())


# ---- the assistant


async def test_killed_between_acknowledgement_and_answer(world: World) -> None:
    """Exactly one answer, in the log and, passively, on the wire."""
    follower = world.simulator.follower("小张")
    world.gate.close()
    world.simulator.say(follower, "早餐几点到几点")
    await until(lambda: count(world, "guest_said") == 1 and world.gate.asked)
    world.bot.kill()
    world.gate.open()
    await world.bot.start()
    heard = await world.simulator.heard(follower, 1)
    await asyncio.sleep(2)
    assert [(s.via, s.delivery > 1) for s in world.simulator.answers(follower)] == [("passive", True)]
    assert texts(world, "assistant_said") == [heard[0].text]
    assert count(world, "guest_said") == 1


async def test_killed_between_rasas_answer_and_the_commit(world: World) -> None:
    """Asked again, it places one order."""
    follower = world.simulator.follower("小张")
    await chat(world, follower, "明天早上七点叫我起床", "1208")
    world.gate.close()
    world.simulator.say(follower, "对")
    await until(lambda: texts(world, "guest_said")[-1:] == ["对"])
    await until(lambda: len(world.gate.asked) == 3)
    with world.database_locked():
        world.gate.open()
        await until(lambda: world.gate.answered == 3)
        await asyncio.sleep(0.3)
        world.bot.kill()
    assert count(world, "order_placed") == 0
    await world.bot.start()
    await until(lambda: count(world, "order_placed") == 1)
    await world.simulator.heard(follower, 3)
    await asyncio.sleep(2)
    assert count(world, "order_placed") == 1
    assert len(world.query("SELECT order_id FROM orders")) == 1
    assert "前台" in world.simulator.answers(follower)[-1].text


async def test_an_answer_that_comes_after_a_take_over_is_a_draft(world: World) -> None:
    follower = world.simulator.follower("小张")
    world.gate.close()
    world.simulator.say(follower, "早餐几点到几点")
    await until(lambda: world.gate.asked)
    desk = await world.desk()
    conversation = await desk.one("BOT")
    await desk.act(conversation, "claim")
    world.gate.open()
    await until(lambda: count(world, "assistant_drafted") == 1)
    await desk.reply(conversation, "您好，我是前台小李")
    heard = await world.simulator.heard(follower, 1)
    await asyncio.sleep(1)
    assert [s.text for s in world.simulator.answers(follower)] == [heard[0].text] == ["您好，我是前台小李"]
    assert count(world, "assistant_said") == 0
    draft = (await desk.events(conversation, "assistant_drafted"))[0]
    assert "早餐" in draft["text"]
    assert draft["audience"] == "staff"


async def test_rasa_gone_tells_the_guest_that_a_colleague_will_answer(world: World) -> None:
    follower = world.simulator.follower("小张")
    world.gate.broken = True
    said = await chat(world, follower, "早餐几点到几点")
    assert "同事" in said
    row = await (await world.desk()).conversations("WAITING")
    assert [r["reason"] for r in row] == ["engine_failed"]


# ---- pushes and deliveries


async def test_the_same_push_three_times_is_one_message(world: World) -> None:
    follower = world.simulator.follower("小张")
    world.simulator.state.switches = world.simulator.state.switches.changed({"duplicate": True})
    await chat(world, follower, "早餐几点到几点")
    await asyncio.sleep(1)
    world.simulator.state.switches = world.simulator.state.switches.changed({"lose_answers": 2})
    await chat(world, follower, "停车收费吗")
    assert count(world, "guest_said") == 2
    assert count(world, "assistant_said") == 2
    assert len({s.text for s in world.simulator.answers(follower)}) == 2


async def test_killed_during_custom_send_is_unclear_and_not_repeated(world: World) -> None:
    follower = world.simulator.follower("小张")
    conversation = await waiting_guest(world, follower)
    faults = {"send_fault": "hang", "send_faults": 1}
    world.simulator.state.switches = world.simulator.state.switches.changed(faults)
    desk = await world.desk()
    await desk.act(conversation, "claim")
    await desk.reply(conversation, "您好，我这就来")
    await until(lambda: [e for e in world.simulator.state.wire if "custom/send" in e.title])
    world.bot.kill()
    await world.bot.start()
    world.shift(seconds=25)
    await until(lambda: count(world, "delivery_unclear") == 1)
    await asyncio.sleep(1.5)
    assert len([e for e in world.simulator.state.wire if "custom/send" in e.title]) == 1
    event = (await desk.events(conversation, "staff_said"))[0]
    assert event["delivery"]["state"] == "unclear"
    assert (await desk.row(conversation))["unclear"] == 1
    await desk.act(conversation, "resend", seq=event["seq"])
    await until(lambda: [s for s in world.simulator.answers(follower) if s.text == "您好，我这就来"])
    await until(lambda: count(world, "delivery_accepted") >= 1)
    assert (await desk.row(conversation))["unclear"] == 0


async def test_a_token_that_expired_at_sending_is_fetched_again_once(world: World) -> None:
    follower = world.simulator.follower("小张")
    conversation = await waiting_guest(world, follower)
    desk = await world.desk()
    await desk.act(conversation, "claim")
    await desk.reply(conversation, "第一句")
    await until(lambda: world.simulator.answers(follower)[-1].text == "第一句")
    world.simulator.tokens.expire()
    await desk.reply(conversation, "第二句")
    await until(lambda: world.simulator.answers(follower)[-1].text == "第二句")
    calls = [e for e in world.simulator.state.wire if "stable_token" in e.title]
    assert len(calls) == 2


async def test_the_fifth_message_is_the_last_and_the_next_waits_for_the_guest(world: World) -> None:
    follower = world.simulator.follower("小张")
    conversation = await waiting_guest(world, follower)
    desk = await world.desk()
    await desk.act(conversation, "claim")
    for number in range(1, 7):
        await desk.reply(conversation, f"第{number}条")
    await until(lambda: world.simulator.answers(follower)[-1].text == "第5条")

    async def waits() -> bool:
        last = (await desk.events(conversation, "staff_said"))[-1]
        return bool(last["delivery"]["state"] == "waiting")

    await until(waits)
    _, shown = await desk.call("GET", f"conversations/{conversation}")
    assert shown["reply"]["limits"]["left"] == 0
    world.simulator.say(follower, "好的")
    await until(lambda: world.simulator.answers(follower)[-1].text == "第6条")
    assert world.simulator.answers(follower)[-1].via == "passive"


@pytest.fixture
async def unverified(tmp_path: Path, assistant: Assistant) -> AsyncIterator[World]:
    """An account that can't use custom/send."""
    async with running(tmp_path, assistant, custom_send=False) as made:
        made.simulator.state.switches = made.simulator.state.switches.changed({"verified": False})
        yield made


async def test_without_custom_send_the_guests_next_word_fetches_the_reply(unverified: World) -> None:
    world, follower = unverified, unverified.simulator.follower("小张")
    said = await chat(world, follower, "转人工")
    assert "任意一个字" in said
    desk = await world.desk()
    conversation = await desk.one("WAITING")
    await desk.act(conversation, "claim")
    await desk.reply(conversation, "您好，我是前台小李")
    _, shown = await desk.call("GET", f"conversations/{conversation}")
    assert shown["reply"]["limits"]["passive_only"] is True
    assert shown["events"][-1]["delivery"]["state"] == "waiting"
    await asyncio.sleep(1)
    assert len(world.simulator.answers(follower)) == 1
    assert await chat(world, follower, "1") == "您好，我是前台小李"
    assert not [e for e in world.simulator.state.wire if "custom/send" in e.title]


async def test_without_custom_send_a_slow_answer_comes_with_a_later_delivery(unverified: World) -> None:
    world, follower = unverified, unverified.simulator.follower("小张")
    # The platform hangs up on the first delivery, before the bot gives Rasa up: the second brings the answer.
    world.simulator.state.switches = world.simulator.state.switches.changed({"answer_within": 1.5})
    world.gate.close()
    world.simulator.say(follower, "早餐几点到几点")
    await until(lambda: world.gate.asked)
    await until(lambda: [e for e in world.simulator.state.wire if e.end == "cut"])
    world.gate.open()
    heard = await world.simulator.heard(follower, 1)
    assert heard[0].via == "passive"
    assert (heard[0].delivery or 0) > 1
    assert count(world, "assistant_said") == 1


# ---- what stands around


async def test_redis_stopped_and_started_loses_nothing(
    tmp_path: Path, assistant: Assistant, valkey: Valkey
) -> None:
    async with running(tmp_path, assistant, REDIS_URL=valkey.url) as world:
        follower = world.simulator.follower("小张")
        assert "早餐" in await chat(world, follower, "早餐几点到几点")
        valkey.stop()
        assert "停车" in await chat(world, follower, "停车收费吗")
        conversation = await waiting_guest(world, follower)
        desk = await world.desk()
        await desk.reply(conversation, "您好，我是前台小李")
        await until(lambda: world.simulator.answers(follower)[-1].text == "您好，我是前台小李")
        valkey.start()
        await desk.act(conversation, "release")
        await until(lambda: "自动助手" in world.simulator.answers(follower)[-1].text)
        assert "早餐" in await chat(world, follower, "早餐几点到几点")


async def test_at_three_in_the_morning_the_guest_is_told_when_somebody_is_on_duty(world: World) -> None:
    at(world, 3)
    follower = world.simulator.follower("小张")
    said = await chat(world, follower, "转人工")
    assert "7:00" in said
    assert "值班时间" in said
    at(world, 7, 5)
    desk = await world.desk()
    row = (await desk.conversations("WAITING"))[0]
    assert row["waiting_since"]
    assert world.clock().now() > datetime.now(UTC)
