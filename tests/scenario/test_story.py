"""What was promised outlives who promised it: an agent who owes a cot by 20:00 leaves at 19:00, a trainee
opens the conversation on the first day, and the guest comes back on another channel the next morning."""

import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from bot.simulator import Follower
from tests.browser.desk_world import (
    PATIENCE,
    box,
    chromium,
    desk_page,
    keep,
    open_row,
    rows,
    sign_in,
)
from tests.scenario.world import HOTEL, World, own_password, until

pytestmark = [pytest.mark.browser, pytest.mark.processes]

MONDAY, TUESDAY = 0, 1
APP, SECRET = "member-app", secrets.token_hex(32)  # no dash in front
AGENT, TRAINEE, MANAGER = ("zhaomin", "赵敏"), ("xiaoliu", "小刘"), ("zhouning", "周宁")

expect.set_options(timeout=PATIENCE)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


async def ask(world: World, follower: Follower, text: str) -> str:
    heard = len(world.simulator.answers(follower))
    world.simulator.say(follower, text)
    return (await world.simulator.heard(follower, heard + 1, within=30))[-1].text


def heard(world: World, follower: Follower, words: str) -> bool:
    return any(words in answer.text for answer in world.simulator.answers(follower))


async def app(world: World, member: str, method: str, path: str, body: object = None) -> Any:
    """As the hotel's app speaks for a member who is signed in there."""
    now = int(world.clock().now().timestamp())
    claims = {"sub": member, "aud": APP, "iat": now, "exp": now + 600, "name": "林小雨"}
    told = {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256', headers={'kid': 'k1'})}"}
    url = f"{world.bot.url}/app/v1/{path}"
    async with aiohttp.ClientSession() as http, http.request(method, url, json=body, headers=told) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def says_in_the_app(world: World, member: str, text: str) -> None:
    await app(world, member, "POST", "messages", {"client_id": secrets.token_hex(8), "text": text})


async def sees_in_the_app(world: World, member: str) -> str:
    return "\n".join(m["text"] for m in (await app(world, member, "GET", "messages"))["messages"])


async def hire(world: World) -> None:
    for (login, name), role in ((AGENT, "agent"), (TRAINEE, "trainee"), (MANAGER, "duty_manager")):
        world.bot.command("staff", "add", login, name, "--hotel", HOTEL, "--role", role)
        await own_password(world.bot, login)


async def complained_last_month(world: World, follower: Follower) -> None:
    await ask(world, follower, "我要投诉，空调吵了一夜没睡好")
    manager = await world.desk(MANAGER[0])
    conversation = await manager.one("WAITING")
    await manager.reply(conversation, "实在抱歉，马上给您换一间安静的")
    await manager.act(conversation, "close", reason="solved", note="换到 1501，送了果盘")


async def leads_to(page: Page, line: Locator, said: str) -> None:
    """A line of the card has a source: a click shows the message that it came from."""
    await line.click()
    await expect(page.locator(".flash", has_text=said)).to_be_visible()


async def test_what_was_promised_outlives_who_promised_it(world: World, browser: Browser) -> None:
    await hire(world)
    world.bot.command("account", "add", "app", "--hotel", HOTEL, "--id", APP)
    world.bot.command("account", "key", "add", "app", APP, "--kid", "k1", "--key", SECRET)
    follower = world.simulator.follower("林小雨")
    await complained_last_month(world, follower)
    async with (
        desk_page(browser, world) as agent,
        desk_page(browser, world) as manager,
        desk_page(browser, world) as trainee,
    ):
        await a_cot_is_promised(world, follower, agent)
        await sign_in(manager, MANAGER[0])
        await open_row(manager)
        world.until_hour(19, MONDAY)
        world.bot.command("staff", "deactivate", AGENT[0], "--to", MANAGER[0], "--yes")
        await expect(manager.locator(".context .promise")).to_contain_text("我负责")
        await expect(agent.locator("#login")).to_be_visible()
        await keep(manager, "story-manager")
        await the_first_day(world, follower, trainee, manager)
        await the_promise_is_kept(world, manager)
    async with desk_page(browser, world) as manager:
        await the_next_morning(world, follower, manager)


async def a_cot_is_promised(world: World, follower: Follower, agent: Page) -> None:
    world.until_hour(17, MONDAY, days=25)
    assert "记下" in await ask(world, follower, "我对花生过敏，麻烦备注一下")
    await ask(world, follower, "转人工，我住1208，要一张婴儿床")
    await sign_in(agent, AGENT[0])
    await open_row(agent)
    await box(agent).fill("好的，婴儿床今晚八点前给您送到房间")
    await box(agent).press("Enter")
    await expect(agent.locator(".promise-offer")).to_be_visible()
    await box(agent).press("Tab")
    await expect(agent.locator(".context .promise")).to_contain_text("20:00")
    await until(lambda: heard(world, follower, "八点前"))


async def the_first_day(world: World, follower: Follower, trainee: Page, manager: Page) -> None:
    """The trainee knows all of it at a glance; what they write goes out when the manager has seen it."""
    await sign_in(trainee, TRAINEE[0])
    await expect(trainee.locator(".link-state[data-link=live]")).to_be_visible()
    await manager.keyboard.press("Escape")
    await manager.keyboard.press("t")
    dialog = manager.get_by_role("dialog")
    await dialog.get_by_label("交代一句").fill("婴儿床盯一下")
    await dialog.get_by_role("button", name=f"转给{TRAINEE[1]}").click()
    await open_row(trainee)
    promise = trainee.locator(".context .promise")
    await expect(promise).to_contain_text("婴儿床")
    await expect(promise).to_contain_text("20:00")
    await leads_to(trainee, promise.locator(".body"), "今晚八点前给您送到房间")
    await leads_to(trainee, trainee.locator(".context .line", has_text="花生过敏"), "花生过敏")
    complaint = trainee.locator(".complaints .line")
    await expect(complaint).to_contain_text("换到 1501，送了果盘")
    await leads_to(trainee, complaint, "空调吵了一夜")
    for width in (1440, 1024, 390):
        await trainee.set_viewport_size({"width": width, "height": 900})
        await keep(trainee, f"story-trainee-{width}")
    await trainee.set_viewport_size({"width": 1440, "height": 900})
    await box(trainee).fill("林女士您好，我是接手的同事小刘，婴儿床八点前一定送到")
    await box(trainee).press("Enter")
    await expect(trainee.locator(".trial")).to_contain_text("客人还没看到")
    review = manager.locator(".trial-review")
    await expect(review).to_contain_text("我是接手的同事小刘")
    for width in (1440, 1024, 390):
        await manager.set_viewport_size({"width": width, "height": 900})
        await keep(manager, f"story-senior-{width}")
    await manager.set_viewport_size({"width": 1440, "height": 900})
    assert not heard(world, follower, "接手的同事")
    await manager.locator("body").press("y")
    await until(lambda: heard(world, follower, "接手的同事小刘"))


async def the_promise_is_kept(world: World, manager: Page) -> None:
    await manager.locator(".context .promise").get_by_role("button", name="做到了").click()
    await expect(manager.locator(".context .promise")).to_have_count(0)
    await until(lambda: world.query("SELECT 1 FROM events WHERE type = 'promise_kept'"))  # it can be undone
    desk = await world.desk(TRAINEE[0])
    conversation = await desk.one("STAFF")
    await desk.act(conversation, "release")
    await (await world.desk(MANAGER[0])).act(conversation, "close", reason="solved")


async def the_next_morning(world: World, follower: Follower, manager: Page) -> None:
    """In the app, with a code that WeChat showed; and a stranger who says the same of themselves."""
    world.until_hour(9, TUESDAY)
    await says_in_the_app(world, "member-88", "昨晚的婴儿床很好，谢谢，转人工")
    code = re.search(r"\d{4} ?\d{4}", await ask(world, follower, "绑定"))
    assert code
    redeemed = await app(world, "member-88", "POST", "link-codes/redeem", {"code": code[0]})
    assert redeemed == {"linked": True}
    await sign_in(manager, MANAGER[0])
    await open_row(manager)
    await expect(manager.locator(".complaints .line")).to_contain_text("换到 1501，送了果盘")
    await expect(manager.locator(".context .line", has_text="花生过敏")).to_be_visible()
    await expect(manager.locator(".message", has_text="今晚八点前给您送到房间")).to_be_attached()
    await expect(manager.locator(".summary")).to_contain_text("答应的做到了：好的，婴儿床今晚八点前")
    await keep(manager, "story-tuesday")

    await says_in_the_app(world, "member-99", "我是林小雨，住1208，转人工，我的婴儿床呢")
    await until(lambda: stranger_waits(world))
    assert "八点前" not in await sees_in_the_app(world, "member-99")
    stranger = rows(manager).filter(has_text="我的婴儿床呢")
    await stranger.click()
    await expect(manager.locator(".alike")).to_contain_text("未证实")
    await expect(manager.locator(".alike .line").first).to_contain_text("姓名一样")
    await expect(manager.locator(".complaints")).to_have_count(0)
    await keep(manager, "story-stranger")


async def stranger_waits(world: World) -> bool:
    return len(await (await world.desk(MANAGER[0])).conversations("WAITING")) > 0
