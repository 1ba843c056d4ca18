"""What a newcomer needs: to begin at the right word, true clocks, time to take back, ways to find."""

import re

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.desk_world import (
    Visitor,
    box,
    bubble,
    close_everything,
    desk_page,
    keep,
    open_row,
    problems,
    rows,
    sign_in,
    toast,
)
from tests.scenario.world import World, until

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nothing_open(world: World) -> None:
    await close_everything(world)


async def talk(guest: Visitor, turns: int) -> None:
    """So much that it doesn't fit on a screen."""
    for turn in range(turns):
        await guest.say(f"第 {turn + 1} 个问题，早餐有什么")
        await until(lambda seen=turn: _answers(guest, seen + 1))


async def _answers(guest: Visitor, wanted: int) -> bool:
    return len([m for m in await guest.messages() if m["from"] == "assistant"]) >= wanted


async def in_sight(page: Page, words: str) -> bool:
    """Whether the message stands wholly in the pane, and nothing lies over it."""
    found: bool = await bubble(page, words).evaluate(
        """message => {
            const pane = message.closest('.pane').getBoundingClientRect();
            const box = message.querySelector('.bubble').getBoundingClientRect();
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            const top = document.elementFromPoint(x, y);
            return box.top >= pane.top && box.bottom <= pane.bottom && message.contains(top);
        }"""
    )
    return found


async def test_a_thread_opens_at_the_word_that_waits(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page, Visitor(world) as guest:
        await talk(guest, 6)
        await guest.say("空调坏了，找人工来看看")
        await sign_in(page)
        await open_row(page)
        await expect(bubble(page, "空调坏了")).to_be_visible()
        await until(lambda: in_sight(page, "空调坏了"))
        assert not await in_sight(page, "第 1 个问题")
        for number in range(12):
            await guest.say(f"还在吗 {number} " + "快点来人吧" * 12)
        await expect(bubble(page, "还在吗 11")).to_have_count(1)
        await page.reload()
        await expect(bubble(page, "还在吗 11")).to_have_count(1)
        await until(lambda: in_sight(page, "空调坏了"))
        await expect(page.locator(".ways")).to_contain_text(re.compile("回到最新|条新消息"))
        await keep(page, "opens-at-unanswered")
        # The ways to elsewhere stand beside the words, never on them.
        await page.locator(".pane").evaluate("pane => pane.scrollTop = 0")
        for way in await page.locator(".way").all():
            place = await way.bounding_box()
            pane = await page.locator(".pane").bounding_box()
            assert place
            assert pane
            assert place["y"] >= pane["y"] + pane["height"]
        await page.get_by_role("button", name="客人还在等的那句").click()
        await until(lambda: in_sight(page, "空调坏了"))
        await page.get_by_role("button", name=re.compile("回到最新|条新消息")).click()
        await until(lambda: in_sight(page, "还在吗 11"))


async def test_the_clock_goes_on_until_somebody_has_answered(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page, Visitor(world) as guest:
        await sign_in(page)
        await guest.say("找人工，等着呢")
        await open_row(page)
        world.shift(minutes=4)
        wait, counts = rows(page).locator(".wait"), re.compile(r"^4:\d\d$")
        await expect(wait).to_have_text(counts, timeout=30_000)  # a pong brings the time
        # Who can't come now says that they have seen it: by a button where a robot's link leads, or a key.
        for width in (390, 1440):
            await page.set_viewport_size({"width": width, "height": 844})
            await expect(page.locator(".strip").get_by_role("button", name="看到了")).to_be_visible()
            await keep(page, f"unseen-{width}")
            assert await problems(page, ".thread") == []
        await page.keyboard.press("a")
        await expect(page.locator("header.head")).to_contain_text("管理员看到了")
        await expect(page.locator(".strip")).to_have_count(0)
        await keep(page, "seen")
        await page.get_by_role("button", name="接入 C").click()
        await expect(page.locator(".chip")).to_have_text("您在接待")
        await expect(page.locator("header.head")).not_to_contain_text("看到了")
        await expect(wait).to_have_text(counts)
        await expect(page.locator("header.head")).to_contain_text(re.compile(r"已等 4:\d\d"))
        await keep(page, "claimed-still-waiting")
        await page.keyboard.press("r")
        await box(page).fill("来了来了")
        await box(page).press("Enter")
        await expect(page.locator("header.head")).not_to_contain_text("已等")


async def test_there_is_time_to_take_it_back(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page, Visitor(world) as guest:
        await sign_in(page)
        await guest.say("找人工，撤销试试")
        await open_row(page)
        await page.get_by_role("button", name="接入 C").click()
        await expect(page.locator(".chip")).to_have_text("您在接待")
        await expect(toast(page, "您接入了")).to_have_count(0)
        await page.clock.install()
        await page.get_by_role("button", name="交还助手").click()
        undo = toast(page, "交还助手").get_by_role("button", name="撤销")
        await page.clock.run_for(3_000)  # time goes by of itself too, before the mouse is there
        await expect(undo).to_be_visible()
        await undo.hover()
        await page.clock.run_for(30_000)
        await expect(undo).to_be_visible()
        await page.mouse.move(700, 300)
        await page.clock.run_for(1_000)
        await undo.focus()
        await page.clock.run_for(30_000)
        # Words stay with the page they were said on, and the way back with them.
        await page.get_by_role("navigation").get_by_text("知识").click()
        await expect(page.locator(".toast")).to_have_count(0)
        await page.get_by_role("navigation").get_by_text("会话").click()
        await expect(page.locator(".toast")).to_have_count(1)
        await undo.click()
        await expect(toast(page, "已撤销")).to_be_visible()
    user = await world.desk()
    assert (await user.conversations("STAFF"))[0]["state"] == "STAFF"


async def test_keys_go_through_the_list_as_it_is_seen(browser: Browser, world: World) -> None:
    async with (
        desk_page(browser, world) as page,
        Visitor(world) as one,
        Visitor(world) as two,
        Visitor(world) as three,
        Visitor(world) as four,
    ):
        await one.say("几点吃早餐")
        await two.say("找人工，第二位")
        await three.say("我要投诉，第三位")
        await four.say("房间着火了")
        user = await world.desk()
        await until(lambda: _all_here(user, 4))
        await sign_in(page)
        await expect(rows(page)).to_have_count(4)
        await expect(page.locator(".alarm[role=alert]")).to_be_visible()
        seen = await rows(page).evaluate_all("rows => rows.map(row => row.dataset.id)")
        for key, walk in (("j", seen), ("k", seen[-2::-1])):
            for id_ in walk:
                await page.keyboard.press(key)
                await expect(page).to_have_url(re.compile(f"/{id_}$"))
        await page.keyboard.press("a")


async def _all_here(user: object, count: int) -> bool:
    found = await user.conversations("BOT,WAITING")  # type: ignore[attr-defined]
    answered = [row for row in found if row["last"] and row["last"]["speaker"] == "assistant"]
    return len(answered) + len([row for row in found if row["state"] == "WAITING"]) == count


async def test_everything_can_be_found(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page, Visitor(world) as guest, Visitor(world) as other:
        await guest.say("我的蓝色雨伞忘在大堂了")
        await guest.heard("早餐")
        await close_everything(world)  # it isn't among what is going on, nor among the last words
        await other.say("送两条毛巾")
        await other.heard("已经转给前台")
        await sign_in(page)
        await expect(rows(page)).to_have_count(1)
        await page.keyboard.press("f")
        await page.keyboard.type("蓝色雨伞")
        hit = rows(page).filter(has_text="蓝色雨伞")
        await expect(hit.locator("mark")).to_have_text("蓝色雨伞")
        await expect(rows(page)).to_have_count(1)
        await expect(page.get_by_text("全部会话都找过了")).to_be_visible()
        await keep(page, "search")
        await hit.click()
        await expect(bubble(page, "我的蓝色雨伞忘在大堂了")).to_be_visible()
        await page.get_by_role("button", name="清除搜索").click()
        await page.keyboard.press("f")
        await page.keyboard.type("1506")
        await expect(rows(page).locator(".words")).to_have_text("1506 两条毛巾")
        await page.locator(".find input").fill("没有人说过的话")
        await expect(page.get_by_role("heading", name="没有找到「没有人说过的话」")).to_be_visible()
        await keep(page, "search-none")
        await page.route("**/search", lambda route: route.abort())
        await page.locator(".find input").fill("雨伞")
        await expect(page.get_by_role("alert").filter(has_text="没取到")).to_be_visible()
        await page.unroute("**/search")
        await page.get_by_role("button", name="再试一次").click()
        await expect(rows(page).locator("mark")).to_have_text("雨伞")


async def test_the_password_can_be_seen_before_it_is_sent(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page:
        await page.goto("/desk/")
        await expect(page.get_by_text("启动服务的窗口")).to_have_count(0)
        await page.get_by_role("button", name="显示密码").click()
        await page.fill("#password", "看得见吗")
        await expect(page.locator("#password")).to_have_attribute("type", "text")
        await keep(page, "sign-in-shown")
        await page.get_by_role("button", name="隐藏密码").click()
        await expect(page.locator("#password")).to_have_attribute("type", "password")
        await expect(page.locator("#password")).to_have_value("看得见吗")
