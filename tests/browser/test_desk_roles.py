"""A trainee beside a senior colleague: what a guest is told is what was approved; in a browser."""

from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.desk_world import (
    ADMINISTRATOR,
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

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

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


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nothing_open(world: World) -> None:
    user = await world.desk()
    for row in await user.conversations("STAFF"):
        if row["holder"]["name"] != ADMINISTRATOR:
            await user.act(row["id"], "take-over", **{"from": row["holder"]["id"]})
    await close_everything(world)


async def test_ones_own_name_for_guests_and_a_second_factor_by_picture(
    browser: Browser, world: World
) -> None:
    async with Visitor(world) as guest, desk_page(browser, world) as page:
        await guest.say("转人工")
        await sign_in(page)
        await page.locator(".me").click()
        await page.get_by_role("menuitem", name="客人看到的名字").click()
        await expect(page.locator("#guest-name")).to_have_value("前台")
        await page.fill("#guest-name", "前台小管")
        await expect(page.get_by_text("客人看到的是“前台小管”，同事看到的还是“管理员”")).to_be_visible()
        await keep(page, "own-name")
        await page.keyboard.press("Enter")
        await expect(page.locator("#guest-name")).to_have_count(0)
        await open_row(page)
        await box(page).fill("这就给您送来")
        await box(page).press("Enter")
        assert (await guest.heard("这就给您送来"))["name"] == "前台小管"
        await page.locator(".me").click()
        await page.get_by_role("menuitem", name="两步验证").click()
        await page.fill("#factor-password", PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.locator("svg.picture path")).to_be_visible()
        await keep(page, "second-factor")
        await page.keyboard.press("Escape")


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


@pytest.mark.parametrize(("role", "pages"), [("auditor", 6), ("trainee", 4)])
async def test_nobody_is_offered_what_they_would_be_refused(
    browser: Browser, world: World, role: str, pages: int
) -> None:
    """Through every page of theirs, wide and on a phone: what is refused isn't there."""
    world.bot.command("staff", "add", f"one-{role}", "小何", "--hotel", HOTEL, "--role", role)
    await own_password(world.bot, f"one-{role}")
    user = await world.desk()
    async with Visitor(world) as guest:
        await guest.say("麻烦送两条毛巾，我的身份证是 11010119900307803X")
        await guest.heard("毛巾")
        await guest.say("找人工")
        id_ = await user.one("WAITING")
        said = await user.reply(id_, "八点前给您送到")
        due = (world.clock().now() + timedelta(hours=2)).isoformat()
        await user.act(id_, "promises", seq=said["event"]["seq"], due_at=due)
    for width in (1440, 390):
        async with desk_page(browser, world, width=width, height=900) as page:
            refused: list[str] = []
            page.on("response", lambda got, seen=refused: seen.append(got.url) if got.status == 403 else None)
            await sign_in(page, f"one-{role}")
            await open_row(page)
            await expect(page.locator(".message.staff")).to_be_visible()
            await expect(page.get_by_role("button", name="查看")).to_have_count(0)
            if role == "auditor":
                await expect(page.get_by_text("您的角色只能查看")).to_be_visible()
            await keep(page, f"{role}-thread-{width}")
            if width < 760:
                await page.get_by_role("button", name="客人资料").click()
            await expect(page.locator(".context .promise")).to_be_visible()
            for name in ("关联客人…", *(("做到了", "办好了", "我来办") if role == "auditor" else ())):
                await expect(page.get_by_role("button", name=name)).to_have_count(0)
            await keep(page, f"{role}-card-{width}")
            names = await page.get_by_role("navigation").get_by_role("button").all_inner_texts()
            assert len(names) == pages
            for name in names[1:]:
                await page.get_by_role("navigation").get_by_role("button", name=name, exact=True).click()
                await expect(page.locator("[aria-current=page]")).to_have_text(name)
                await expect(page.locator("h1, .list .line").first).to_be_visible()
                await expect(page.locator(".bones")).to_have_count(0)
                signs = page.get_by_role("button", name="交班，签字")
                await expect(signs).to_have_count(int(name == "交接班" and role != "auditor"))
                if name == "知识":
                    await page.locator(".list .point").first.click()
                    await expect(page.locator("#point-title")).to_be_disabled()
                    await expect(page.get_by_role("button", name="停用")).to_have_count(0)
                await keep(page, f"{role}-{name}-{width}")
            assert refused == []
