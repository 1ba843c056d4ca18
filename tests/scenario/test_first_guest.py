"""The first guest is served: WeChat, the hotel's page and the desk, with Rasa behind them and another hotel
beside them. Screenshots are kept in var/screenshots/."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from bot.simulator import Follower
from tests.browser.desk_world import SCREENSHOTS, Visitor, chromium, desk_page, sign_in
from tests.rasa_servers import ROOT, Assistant
from tests.scenario.world import HOTEL, OTHER_HOTEL, World, own_password, running, until

pytestmark = [pytest.mark.browser, pytest.mark.processes]

OTHER_CLERK = "other-clerk"

# An act at the desk goes out seconds later, so that it can be undone.
expect.set_options(timeout=30_000)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest.fixture
async def two_hotels(tmp_path: Path, assistant: Assistant) -> AsyncIterator[World]:
    """The sample hotel, and another with the same rooms."""
    async with running(tmp_path, assistant) as made:
        made.until_hour(10)  # just after midnight the assistant asks which morning is meant
        made.bot.command("hotel", "import", str(ROOT / "tests/data/hotels" / OTHER_HOTEL), "--yes")
        made.bot.command("account", "add", "web", "--hotel", OTHER_HOTEL, "--id", f"{OTHER_HOTEL}-page")
        made.bot.command("staff", "add", OTHER_CLERK, "云汀前台", "--hotel", OTHER_HOTEL)
        await own_password(made.bot, OTHER_CLERK)
        yield made


async def keep(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"first-guest-{name}.png")


async def ask(world: World, follower: Follower, text: str) -> str:
    """Say it on WeChat; the answer, which must come in the HTTP reply to the push."""
    heard = len(world.simulator.answers(follower))
    world.simulator.say(follower, text)
    answer = (await world.simulator.heard(follower, heard + 1, within=30))[-1]
    assert answer.via == "passive"
    return answer.text


async def say(page: Page, text: str) -> None:
    box = page.get_by_role("dialog").locator("textarea")
    await box.fill(text)
    await box.press("Enter")


async def order_a_wake_up_call(world: World, follower: Follower) -> None:
    """Asked for, interrupted by a question, corrected, confirmed."""
    assert "房" in await ask(world, follower, "明天早上七点叫我起床")
    confirm = await ask(world, follower, "1208")
    tomorrow = (world.clock().now() + timedelta(hours=8)).date() + timedelta(days=1)
    assert f"{tomorrow.month}月{tomorrow.day}日" in confirm
    assert "周" + "一二三四五六日"[tomorrow.weekday()] in confirm
    assert "早上7:00" in confirm
    assert "还有" in confirm
    interrupted = await ask(world, follower, "对了，停车收费吗")
    assert "停车" in interrupted
    assert "早上7:30" in await ask(world, follower, "不对，改成早上七点半")
    placed = await ask(world, follower, "对")
    assert "前台会打电话叫您" in placed


async def test_the_first_guest_is_served(two_hotels: World, browser: Browser) -> None:
    world = two_hotels
    follower = world.simulator.follower("小张")
    stranger = Visitor(world, OTHER_HOTEL)
    async with desk_page(browser, world) as desk, stranger:
        await sign_in(desk)
        await expect(desk.locator(".link-state[data-link=live]")).to_be_visible()

        # On WeChat, in safe mode.
        assert "06:30–10:00" in await ask(world, follower, "早餐几点到几点")
        await order_a_wake_up_call(world, follower)

        # On the hotel's page, whose visitor loses the network and comes back.
        context = await browser.new_context(base_url=world.bot.url, locale="zh-CN")
        page = await context.new_page()
        await page.goto(f"/sample/{HOTEL}")
        await page.locator(".launcher").click()
        await say(page, "停车怎么收费")
        await expect(page.locator(".row.assistant .words")).to_contain_text("停车")
        await context.set_offline(True)
        await say(page, "我要找人工")
        await expect(page.locator(".row.guest .words")).to_have_count(2)
        await keep(page, "widget-offline")
        await context.set_offline(False)
        await expect(page.locator(".row.assistant .words").last).to_contain_text("同事", timeout=60_000)
        await page.reload()
        await page.locator(".launcher").click()
        await expect(page.locator(".row.guest .words")).to_have_text(["停车怎么收费", "我要找人工"])
        await expect(page.locator(".row.assistant .words")).to_have_count(2)

        # Both wait for a person, and so does a guest of another hotel.
        assert "同事" in await ask(world, follower, "转人工")
        await stranger.say("我要找人工，我住1208")
        await stranger.heard("同事")
        rows = desk.locator(".row")
        await expect(rows).to_have_count(2)
        await keep(desk, "desk-two-waiting")
        await answer(desk, "微信", "您好，我是前台，微信这边请讲")
        await until(lambda: world.simulator.answers(follower)[-1].text == "您好，我是前台，微信这边请讲")
        await answer(desk, "网页", "您好，我是前台，网页这边请讲")
        await expect(page.locator(".row.staff .words")).to_have_text("您好，我是前台，网页这边请讲")
        await expect(page.locator(".speaker")).to_contain_text("正在与")
        await keep(page, "widget-staff")
        await note(desk, "这位客人要发票")
        await keep(desk, "desk-answered")
        for channel in ("网页", "微信"):
            await hand_back(desk, channel)
        await expect(page.locator(".row.assistant .words").last).to_contain_text("自动助手")
        await until(lambda: "自动助手" in world.simulator.answers(follower)[-1].text)

        # The assistant answers again.
        assert "06:30–10:00" in await ask(world, follower, "早餐几点到几点")
        await say(page, "早餐几点到几点")
        await expect(page.locator(".row.assistant .words").last).to_contain_text("06:30–10:00")
        assert all("发票" not in text for text in await page.locator(".row .words").all_inner_texts())

        await serve_and_be_rated(world, follower)
        await ring_and_tick(world, desk)
        await context.close()
    await check_the_log(world)
    await check_that_nothing_crosses(world, follower)


async def answer(desk: Page, channel: str, text: str) -> None:
    await desk.locator(".row").filter(has_text=channel).click()
    box = desk.locator(".box textarea")
    await box.fill(text)
    await box.press("Enter")
    await expect(desk.locator(".message", has_text=text)).to_be_visible()
    await expect(desk.locator(".chip")).to_have_text("您在接待")


async def note(desk: Page, text: str) -> None:
    box = desk.locator(".box textarea")
    await box.fill(f"#{text}")
    await box.press("Enter")
    await expect(desk.locator(".message.note")).to_contain_text(text)


async def hand_back(desk: Page, channel: str) -> None:
    await desk.locator(".row").filter(has_text=channel).click()
    await expect(desk.locator(".chip")).to_have_text("您在接待")
    await desk.locator(".box textarea").press("Escape")
    await desk.keyboard.press("b")
    await expect(desk.locator(".chip")).to_have_text("助手在接待", timeout=15_000)


async def serve_and_be_rated(world: World, follower: Follower) -> None:
    """A colleague ends the visit on WeChat; the guest is asked how it was, and taps an answer."""
    clerk = await world.desk()
    rows = [row for row in await clerk.conversations() if "wechat" in row["channels"]]
    id_ = str(rows[0]["id"])
    await clerk.reply(id_, "发票放在前台了，您路过时拿")
    await until(
        lambda: (
            world.query("SELECT 1 FROM outbox WHERE kind = 'deliver' AND state IN ('queued', 'sending')")
            == []
        )
    )
    await clerk.act(id_, "close", reason="solved")
    world.shift(seconds=11)
    await until(lambda: "满意吗" in world.simulator.answers(follower)[-1].text)
    heard = len(world.simulator.answers(follower))
    world.simulator.act(follower, {"do": "choose", "text": "满意", "id": "4"})
    thanks = (await world.simulator.heard(follower, heard + 1, within=30))[-1]
    assert (thanks.via, "谢谢您的评价" in thanks.text) == ("passive", True)
    row = await clerk.row(id_)
    assert (row["state"], row["stars"]) == ("CLOSED", 4)
    await clerk.close()


async def ring_and_tick(world: World, desk: Page) -> None:
    """The wake-up call rings at its minute, not before, until somebody ticks it as called."""
    due = world.query("SELECT due_at FROM orders WHERE service = 'wake_up_call'")
    assert len(due) == 1
    now = world.clock().now()
    seconds = (now.fromisoformat(due[0][0]) - now).total_seconds()
    world.shift(seconds=seconds - 60)
    await desk.context.clear_cookies()  # another shift, another sign-in: the old one has run out
    await sign_in(desk)
    await expect(desk.locator(".link-state[data-link=live]")).to_be_visible()
    await asyncio.sleep(2)
    await expect(desk.locator(".calls")).to_have_count(0)
    world.shift(seconds=61)
    calls = desk.locator(".calls")
    await expect(calls).to_contain_text("1208", timeout=20_000)
    await keep(desk, "desk-wake-up")
    await calls.get_by_role("button", name="已叫醒").click()
    await expect(calls).to_have_count(0, timeout=20_000)
    await until(lambda: world.query("SELECT 1 FROM events WHERE type = 'order_done'"))


async def check_the_log(world: World) -> None:
    """All of it, in order, and a second process rebuilds the rows from it."""
    kinds = [
        str(row[0])
        for row in world.query("SELECT type FROM events WHERE hotel_id = 'xinghaihui' ORDER BY at")
    ]
    wanted = [
        "order_placed",
        "handoff_requested",
        "claimed",
        "staff_said",
        "staff_noted",
        "released",
        "rating_asked",
        "guest_rated",
        "order_rung",
    ]
    places = [kinds.index(kind) for kind in wanted]
    assert places == sorted(places)
    assert kinds.count("order_placed") == 1
    kept = dict(world.query("SELECT conversation_id, row FROM conversations"))
    world.bot.stop()
    assert world.bot.command("verify").startswith("ok:")
    assert "rebuilt:" in world.bot.command("verify", "--rebuild")
    assert dict(world.query("SELECT conversation_id, row FROM conversations")) == kept


async def check_that_nothing_crosses(world: World, follower: Follower) -> None:
    """The other hotel's clerk sees the other hotel's guest, and nobody else's words."""
    await world.bot.start()
    clerk = await world.desk(OTHER_CLERK, OTHER_HOTEL)
    rows = await clerk.conversations()
    assert len(rows) == 1
    assert await clerk.orders() == []
    said = " ".join(e["text"] or "" for e in await clerk.events(rows[0]["id"]))
    assert "云汀" in said
    assert "星海会" not in said
    ours = await world.desk()
    assert all(row["hotel"] == HOTEL for row in await ours.conversations())
    status, _ = await clerk.call("GET", f"../{HOTEL}/conversations")
    assert status == 403
    assert not re.search("云汀", " ".join(s.text for s in world.simulator.answers(follower)))
