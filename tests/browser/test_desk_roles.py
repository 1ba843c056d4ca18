"""A trainee beside a senior colleague: what a guest is told is what was approved; in a browser."""

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

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
from tests.scenario.world import HOTEL, World, own_password

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="module")]

BETTER = "好的，婴儿床已经安排，八点前送到您房间"


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
        assert await problems(trainee) == []

        await sign_in(senior)
        await expect(rows(senior).locator(".why", has_text="等您审")).to_be_visible()
        await senior.keyboard.press("n")
        review = senior.locator(".trial-review")
        await expect(review).to_contain_text("婴儿床八点前送到")
        await keep(senior, "senior-review")
        assert await problems(senior) == []
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
    exported = world.bot.command("drafts", "export", HOTEL)
    assert BETTER in str(exported)
    assert "婴儿床八点前送到" in str(exported)
