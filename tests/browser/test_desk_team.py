"""What outlives whoever leaves: promises, handing over, and the card beside the thread; in a browser."""

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
    rows,
    sign_in,
    toast,
)
from tests.scenario.world import World

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="module")]

expect.set_options(timeout=15_000)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nothing_open(world: World) -> None:
    await close_everything(world)


async def test_a_promise_is_noted_by_one_key_and_stands_there_until_it_is_kept(
    browser: Browser, world: World
) -> None:
    async with Visitor(world) as guest, desk_page(browser, world) as page:
        await guest.say("我要找人工，孩子要婴儿床")
        await sign_in(page)
        await open_row(page)
        await box(page).fill("好的，婴儿床半小时内给您送到房间")
        await box(page).press("Enter")
        offer = page.locator(".promise-offer")
        await expect(offer).to_contain_text("记为承诺")
        await keep(page, "promise-offer")
        await box(page).press("ArrowUp")
        await page.get_by_label("答应了什么").fill("婴儿床半小时内送到")
        await keep(page, "promise-edit")
        await page.get_by_role("button", name="保存").click()
        await expect(offer).to_have_count(0)
        card = page.locator(".context .promise")
        await expect(card).to_contain_text("婴儿床半小时内送到")
        await expect(card).to_contain_text("还有")
        await keep(page, "promise-open")
        await box(page).fill("我跟经理说一声，看能不能免费")
        await box(page).press("Enter")
        await expect(offer).to_contain_text("约")
        await box(page).press("Escape")
        await expect(offer).to_have_count(0)
        world.shift(minutes=31)
        await expect(toast(page, "到点了：婴儿床")).to_be_visible()
        await expect(rows(page).locator(".late", has_text="承诺到点了")).to_be_visible()
        await keep(page, "promise-late")
        await card.get_by_role("button", name="做到了").click()
        await expect(card).to_have_count(0)
