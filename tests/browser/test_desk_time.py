"""What the desk does by the clock, under a pointer, while nobody looks, and on a phone; in a browser."""

import re
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.desk_world import (
    COLLEAGUE,
    Visitor,
    box,
    close_everything,
    desk_page,
    keep,
    open_row,
    problems,
    rows,
    sign_in,
    toast,
)
from tests.scenario.world import PASSWORD, World, until

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

# Whether the page is seen is the test's to say; what the browser itself shows is written down.
NOBODY_LOOKS = """
    window.told = [];
    const Shown = window.Notification;
    window.Notification = class extends Shown {
        constructor(title, options) {
            super(title, options);
            window.told.push(`${title} ${options.body ?? ""}`.trim());
        }
    };
    Object.defineProperty(document, "visibilityState", { get: () => window.away ? "hidden" : "visible" });
"""


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nothing_open(world: World) -> None:
    await close_everything(world)


async def test_a_desk_that_nobody_touches_locks_after_five_minutes(browser: Browser, world: World) -> None:
    async with Visitor(world) as guest, desk_page(browser, world) as page:
        await page.clock.install()
        await guest.say("我要找人工，孩子要婴儿床")
        await sign_in(page, COLLEAGUE)
        await choose_pin(page, "2580")
        await open_row(page)
        await box(page).fill("写到一半")
        for _ in range(2):  # whoever touches it now and then keeps it open
            await page.clock.fast_forward("04:50")
            await expect(box(page)).to_have_value("写到一半")
            await page.keyboard.press("Shift")
        await page.clock.fast_forward("05:01")
        await expect(page.locator("#pin")).to_be_visible()
        assert "婴儿床" not in await page.content()
        await page.fill("#pin", "2580")
        await page.keyboard.press("Enter")
        await expect(box(page)).to_have_value("写到一半")


async def choose_pin(page: Page, pin: str) -> None:
    await page.locator(".me").click()
    await page.get_by_role("menuitem", name="设置 PIN").click()
    await page.fill("#pin-password", PASSWORD)
    await page.fill("#new-pin", pin)
    await page.fill("#again-pin", pin)
    await page.keyboard.press("Enter")
    await expect(page.locator("#new-pin")).to_have_count(0)


async def test_the_browser_tells_whoever_isnt_looking_that_a_guest_waits(
    browser: Browser, world: World
) -> None:
    async with Visitor(world) as guest, desk_page(browser, world) as page:
        await page.context.grant_permissions(["notifications"], origin=world.bot.url)
        await page.add_init_script(NOBODY_LOOKS)
        await sign_in(page)
        await page.locator(".me").click()
        await page.get_by_role("menuitem", name="打开桌面通知").click()
        await expect(toast(page, "不看这个页面的时候会提醒您")).to_be_visible()
        await guest.say("我要找人工，我是林小雨")
        await expect(page.locator("html")).to_have_attribute("data-rang", "waiting")
        assert await page.evaluate("window.told") == []  # who looks sees it
        await page.evaluate("window.away = true")
        async with Visitor(world) as other:
            await other.say("转人工，房间漏水")
            told = await until(lambda: page.evaluate("window.told"))
        assert told == ["有客人在等人接"]  # a lock screen may show it: nobody's name, none of their words
        await page.evaluate("window.away = false")


async def test_what_was_put_aside_comes_back_at_its_time(browser: Browser, world: World) -> None:
    async with Visitor(world) as guest, desk_page(browser, world) as page:
        await guest.say("我要找人工，想问接机")
        await sign_in(page)
        await open_row(page)
        await box(page).fill("我问好了告诉您")
        await box(page).press("Enter")
        await expect(page.locator(".state .chip")).to_have_text("您在接待")
        await page.locator("header.head").get_by_role("button", name="更多").click()
        await page.get_by_role("menuitem", name="稍后处理").click()
        await page.keyboard.press("1")
        await expect(rows(page)).to_contain_text("稍后 · ")
        world.shift(minutes=31)
        await expect(toast(page, "回来了，该处理了")).to_be_visible()
        await expect(rows(page)).not_to_contain_text("稍后 · ")
        await keep(page, "back-in-time")


async def test_a_row_that_goes_elsewhere_under_the_pointer_is_still_the_one_that_was_clicked(
    browser: Browser, world: World
) -> None:
    async with Visitor(world) as guest, desk_page(browser, world) as page:
        await guest.say("几点吃早餐")
        await sign_in(page)
        await expect(page.get_by_role("region", name="助手在接待")).to_be_visible()
        id_ = await rows(page).get_attribute("data-id")
        await rows(page).hover()
        await page.mouse.down()
        await guest.say("我要找人工")
        await expect(page).to_have_title(re.compile("1"))  # it waits now, and would stand with those who do
        await page.mouse.up()
        await expect(page).to_have_url(re.compile(f"/{id_}$"))
        await expect(page.get_by_role("region", name="待接入").locator(".row")).to_have_count(1)


async def test_on_a_phone_nothing_is_cut_off_and_nothing_lies_on_what_is_owed(
    browser: Browser, world: World
) -> None:
    async with Visitor(world) as guest, desk_page(browser, world, width=390, height=844) as page:
        await guest.say("我要找人工，孩子要婴儿床")
        user = await world.desk()
        id_ = await user.one("WAITING")
        said = await user.reply(id_, "婴儿床一小时内给您送到")
        due = (world.clock().now() + timedelta(hours=1)).isoformat()
        await user.act(id_, "promises", seq=said["event"]["seq"], due_at=due)
        await sign_in(page)
        await expect(rows(page)).to_be_visible()
        await keep(page, "phone-list")
        for part in (page.get_by_role("navigation"), page.get_by_role("group", name="筛选会话")):
            assert await cut_off(part) == []
        assert await problems(page) == []
        await open_row(page)
        await expect(page.locator(".strip")).to_be_visible()
        await below_what_is_owed(page, "已静音")
        async with Visitor(world) as other:
            await other.say("房间着火了")
            await expect(page.locator(".alarm[role=alert]")).to_be_visible()
            await below_what_is_owed(page, "提示音已开")
            await page.keyboard.press("a")


async def below_what_is_owed(page: Page, words: str) -> None:
    """A key that says something: the words stand below the strip, wherever that is."""
    await page.keyboard.press("m")
    await expect(toast(page, words)).to_be_visible()
    await keep(page, "phone-toast")
    strip, told = [await one.bounding_box() for one in (page.locator(".strip"), toast(page, words))]
    assert strip
    assert told
    assert strip["y"] + strip["height"] <= told["y"]


async def cut_off(part: Locator) -> list[str]:
    """The buttons of a bar that can't be seen whole, or that stand in a second line."""
    return await part.evaluate(
        """bar => {
            const [frame, all] = [bar.getBoundingClientRect(), [...bar.querySelectorAll("button")]];
            const [first] = all.map(one => one.getBoundingClientRect());
            const within = ({ left, right, top }) =>
                left >= frame.left - 1 && right <= frame.right + 1 && top === first.top;
            return all.filter(one => !within(one.getBoundingClientRect())).map(one => one.innerText);
        }"""
    )
