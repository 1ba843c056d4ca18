"""A trainee beside a senior colleague: what a guest is told is what was approved; in a browser."""

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.desk_world import (
    Visitor,
    box,
    close_everything,
    desk_page,
    keep,
    open_row,
    problems,
    rows,
    sign_in,
)
from tests.scenario.world import HOTEL, PASSWORD, World, own_password

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="module")]

BETTER = "好的，婴儿床已经安排，八点前送到您房间"


async def lock_and_open(page: Page) -> None:
    """Choose a PIN, lock with a key, see nothing, and come back with the PIN."""
    await page.locator(".me").click()
    await page.get_by_role("menuitem", name="设置 PIN").click()
    await page.fill("#pin-password", PASSWORD)
    await page.fill("#new-pin", "2580")
    await page.fill("#again-pin", "2580")
    await page.keyboard.press("Enter")
    await expect(page.locator("#new-pin")).to_have_count(0)
    await page.locator("h1").first.click()
    await page.keyboard.press("q")
    await expect(page.locator("#pin")).to_be_focused()
    assert "婴儿床" not in await page.content()
    assert await problems(page) == []
    for width, name in ((1440, "wide"), (390, "phone")):
        await page.set_viewport_size({"width": width, "height": 844})
        await keep(page, f"locked-{name}")
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.reload()
    await page.fill("#pin", "1111")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("还可以试 4 次")
    await page.fill("#pin", "2580")
    await page.keyboard.press("Enter")


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nothing_open(world: World) -> None:
    await close_everything(world)


async def test_a_guest_reads_what_a_senior_approved(browser: Browser, world: World) -> None:
    world.bot.command("staff", "add", "xiaochen", "小陈", "--hotel", HOTEL, "--role", "trainee")
    await own_password(world.bot, "xiaochen")
    async with (
        Visitor(world) as guest,
        desk_page(browser, world) as trainee,
        desk_page(browser, world) as senior,
    ):
        await guest.say("我要找人工，孩子要婴儿床")
        await sign_in(trainee, "xiaochen")
        await open_row(trainee)
        await box(trainee).fill("婴儿床八点前送到")
        await box(trainee).press("Enter")
        draft = trainee.locator(".trial")
        await expect(draft).to_contain_text("客人还没看到")
        await keep(trainee, "trainee-draft")
        assert await problems(trainee, ".thread") == []

        await sign_in(senior)
        await expect(rows(senior).locator(".why", has_text="等您审")).to_be_visible()
        await senior.keyboard.press("n")
        review = senior.locator(".trial-review")
        await expect(review).to_contain_text("婴儿床八点前送到")
        await keep(senior, "senior-review")
        assert await problems(senior, ".thread") == []
        await senior.keyboard.press("e")
        await review.locator("textarea").fill(BETTER)
        await keep(senior, "senior-edit")
        await review.locator("textarea").press("Enter")
        await expect(senior.locator(".message.staff", has_text=BETTER)).to_contain_text("改过")
        await guest.heard(BETTER)
        await expect(draft).to_contain_text("改过后已发出")
        await keep(trainee, "trainee-outcome")
        await box(trainee).fill("还需要别的吗？")
        await box(trainee).press("Enter")
        await expect(review).to_contain_text("还需要别的吗？")
        await senior.keyboard.press("y")
        await expect(trainee.locator(".message.staff", has_text="还需要别的吗？")).to_contain_text("同意")
        await senior.get_by_role("button", name="今日").click()
        await expect(senior.get_by_text("实习生写了 2 条回复，1 条原样发出")).to_be_visible()
        await keep(senior, "today-trainees")
        await box(trainee).fill("写到一半")
        await lock_and_open(trainee)
        await expect(box(trainee)).to_have_value("写到一半")
    exported = world.bot.command("drafts", "export", HOTEL)
    assert BETTER in str(exported)
    assert "婴儿床八点前送到" in str(exported)
