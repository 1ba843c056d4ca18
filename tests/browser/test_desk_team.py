"""What outlives whoever leaves: promises, handing over, and the card beside the thread; in a browser."""

import re

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.desk_world import (
    ADMINISTRATOR,
    COLLEAGUE,
    COLLEAGUE_NAME,
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
from tests.scenario.world import HOTEL, World, own_password

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nothing_open(world: World) -> None:
    await close_everything(world)
    user = await world.desk()
    _, owed = await user.call("GET", "promises")
    for one in owed["promises"]:
        await user.call("POST", f"promises/{one['id']}/kept", {})


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
        assert await problems(page) == []
        await box(page).press("ArrowUp")
        await page.get_by_label("答应了什么").fill("婴儿床半小时内送到")
        await keep(page, "promise-edit")
        assert await problems(page, ".promise-dialog") == []
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
        assert await problems(page, ".context") == []
        await card.get_by_role("button", name="做到了").click()
        await expect(card).to_have_count(0)
        said = page.locator(".message.staff", has_text="我跟经理说一声")
        await said.get_by_role("button", name="更多").click()
        await page.get_by_role("menuitem", name="记为承诺").click()
        await page.get_by_role("button", name="保存").click()
        await expect(card).to_contain_text("我跟经理说一声")


async def test_who_leaves_leaves_nothing_lying(browser: Browser, world: World) -> None:
    world.bot.command("staff", "add", "zhaomin", "赵敏", "--hotel", HOTEL)
    await own_password(world.bot, "zhaomin")
    async with (
        Visitor(world) as guest,
        desk_page(browser, world) as page,
        desk_page(browser, world) as theirs,
    ):
        leaving = await world.desk("zhaomin")
        async with Visitor(world) as regular:
            await regular.say("我要找人工，老样子")
            known = await leaving.one("WAITING")
            await leaving.reply(known, "还给您留高楼层")
            await leaving.act(known, "close", reason="solved")
        await guest.say("我要找人工，孩子要婴儿床")
        await sign_in(theirs, "zhaomin")
        await open_row(theirs)
        await box(theirs).fill("婴儿床一小时内给您送到")
        await box(theirs).press("Enter")
        await expect(theirs.locator(".promise-offer")).to_be_visible()
        await box(theirs).press("Tab")
        await expect(theirs.locator(".context .promise")).to_be_visible()
        await sign_in(page)
        await page.get_by_role("navigation").get_by_text("员工").click()
        line = page.locator("li", has_text="赵敏")
        await expect(line).to_contain_text("1 个会话，1 个承诺")
        await keep(page, "staff")
        assert await problems(page) == []
        await line.get_by_role("button", name="停用").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("婴儿床一小时内给您送到")
        await dialog.get_by_label("承诺：").select_option(label=ADMINISTRATOR)
        await expect(dialog).to_contain_text("聊过 1 句")
        await expect(dialog.get_by_label("全部交给").locator("option:checked")).to_have_text("各项不同")
        await dialog.get_by_label("熟客：").select_option(label=ADMINISTRATOR)
        await keep(page, "staff-leaving")
        assert await problems(page, ".leave-dialog") == []
        await dialog.get_by_role("button", name="停用并交接").click()
        await expect(toast(page, "3 件事交接好了")).to_be_visible()
        await expect(theirs.locator("#login")).to_be_visible()
        await page.get_by_role("navigation").get_by_text("会话").click()
        await open_row(page)
        await expect(page.locator(".state .chip")).to_have_text("待接入")
        await expect(page.locator(".context .promise")).to_contain_text("我负责")
        await keep(page, "staff-after")


async def test_two_people_at_one_guest(browser: Browser, world: World) -> None:
    world.bot.command("staff", "add", "sunli", "孙丽", "--hotel", HOTEL)
    await own_password(world.bot, "sunli")
    async with (
        Visitor(world) as guest,
        desk_page(browser, world) as page,
        desk_page(browser, world) as theirs,
    ):
        await guest.say("我要找人工，想问接机")
        await sign_in(theirs, "sunli")
        await open_row(theirs)
        await box(theirs).fill("我问好了告诉您")
        await box(theirs).press("Enter")
        await expect(theirs.locator(".state .chip")).to_have_text("您在接待")
        await sign_in(page)
        await open_row(page)
        await expect(page.locator(".lookers")).to_have_text("孙丽也在看")
        await expect(theirs.locator(".lookers")).to_have_text("管理员也在看")
        await expect(rows(theirs).get_by_role("img", name="管理员也在看")).to_be_visible()
        await keep(page, "looking")
        # A word between two, and a name in a note.
        await page.get_by_role("button", name="悄悄话").click()
        await box(page).fill("接机可以免费，按老客人办")
        await keep(page, "whisper")
        assert await problems(page, ".box") == []
        await box(page).press("Enter")
        await expect(theirs.locator(".message.note")).to_contain_text("悄悄话 · 只给我看")
        await theirs.locator("header.head").get_by_role("button", name="更多").click()
        await theirs.get_by_role("menuitem", name="稍后处理").click()
        await keep(theirs, "snooze")
        assert await problems(theirs, ".snooze-dialog") == []
        await theirs.keyboard.press("1")
        await expect(rows(theirs)).to_contain_text("稍后 · ")
        await keep(theirs, "snoozed")
        await theirs.get_by_role("navigation").get_by_text("知识").click()
        await expect(page.locator(".lookers")).to_have_count(0)
        await page.get_by_role("button", name="备注").click()
        await box(page).press_sequentially("@sl")
        await expect(page.get_by_role("option")).to_contain_text("孙丽")
        await keep(page, "naming")
        await box(page).press("Enter")
        await box(page).press_sequentially("机场那边回话了吗")
        await box(page).press("Enter")
        await expect(toast(theirs, "提到您：@孙丽 机场那边回话了吗")).to_be_visible()
        await theirs.get_by_role("navigation").get_by_text("会话").click()
        await expect(theirs.get_by_role("region", name="提到我的")).to_contain_text("管理员提到您")
        await keep(theirs, "named")
        # The guest's word brings it back, with what the assistant knows about it.
        await guest.say("顺便问下早餐几点")
        await expect(toast(theirs, "回来了")).to_be_visible()
        await open_row(theirs)
        await expect(theirs.locator(".offer")).to_contain_text("早餐")
        await keep(theirs, "suggestion")
        assert await problems(theirs) == []
        await box(theirs).press("Alt+Enter")
        await expect(theirs.locator(".offer")).to_have_count(0)
        await expect(theirs.locator(".message.staff", has_text="早餐")).to_be_visible()
        await expect(theirs.get_by_role("region", name="提到我的")).to_have_count(0)
        # Taking over asks, and says so to whoever had it.
        await page.get_by_role("button", name="接过来").click()
        await expect(page.get_by_role("alert")).to_contain_text("确定接过来吗")
        await keep(page, "take-over")
        await page.get_by_role("button", name="接过来").click()
        await expect(page.locator(".state .chip")).to_have_text("您在接待")
        await expect(toast(theirs, "接过了")).to_be_visible()


async def test_whoever_opens_it_on_the_first_day_sees_what_was_before(browser: Browser, world: World) -> None:
    async with Visitor(world) as guest, desk_page(browser, world) as page:
        await guest.say("几点吃早餐")
        await guest.heard("自动助手")
        await guest.say("我要投诉，空调吵了一夜")
        await sign_in(page)
        await open_row(page)
        await box(page).fill("马上安排工程师傅上去看")
        await box(page).press("Enter")
        await expect(page.locator(".promise-offer")).to_be_visible()
        await box(page).press("Tab")
        await page.locator(".context .promise").get_by_role("button", name="做到了").click()
        await box(page).blur()
        await page.keyboard.press("x")
        left = page.get_by_label("给同事留一句")
        await expect(left).to_have_value(
            re.compile("^投诉：“我要投诉，空调吵了一夜”；回复“马上安排工程师傅上去看”；答应的")
        )
        await keep(page, "close-proposed")
        await left.fill("换到 1501，送了果盘")
        await page.get_by_role("button", name="结束接待").click()
        world.shift(hours=10)  # a sign-in lasts twelve
        await page.reload()
        await guest.say("我又来了，要找人工，后天是我生日")
        await open_row(page)
        complaint = page.locator(".complaints")
        await expect(complaint).to_contain_text("我要投诉，空调吵了一夜")
        await expect(complaint).to_contain_text("情绪激动的投诉 · 解决了：换到 1501，送了果盘")
        await expect(page.locator(".summary")).to_contain_text("答应的做到了：马上安排工程师傅")
        await expect(page.locator(".summary")).to_contain_text("问过：早餐")
        await expect(page.locator(".visits")).to_contain_text("换到 1501，送了果盘")
        dates = page.locator(".dates")
        await expect(dates).to_contain_text("生日")
        await expect(dates).to_contain_text("还有 2 天")
        await keep(page, "card")
        assert await problems(page, ".context") == []
        await complaint.get_by_role("button").click()
        await expect(page.locator(".flash", has_text="空调吵了一夜")).to_be_visible()
    for width in (1024, 390):
        async with desk_page(browser, world, width=width, height=844) as small:
            await sign_in(small)
            await open_row(small)
            await small.get_by_role("button", name="客人资料").click()
            await expect(small.locator(".summary")).to_be_visible()
            await keep(small, f"card-{width}")
            assert not await small.evaluate("document.documentElement.scrollWidth > innerWidth")


async def test_a_shift_is_signed_off_by_who_leaves_and_who_comes(browser: Browser, world: World) -> None:
    async with (
        Visitor(world) as guest,
        desk_page(browser, world) as page,
        desk_page(browser, world, width=390, height=844) as theirs,
    ):
        await guest.say("我要找人工，孩子要婴儿床")
        await sign_in(page)
        await open_row(page)
        await box(page).fill("婴儿床一小时内给您送到")
        await box(page).press("Enter")
        await expect(page.locator(".promise-offer")).to_be_visible()
        await box(page).press("Tab")
        await expect(page.locator(".context .promise")).to_be_visible()
        await page.get_by_role("navigation").get_by_text("交接班").click()
        await expect(page.locator("[data-section=promises]")).to_contain_text("婴儿床一小时内给您送到")
        await page.get_by_label("留给接班同事的话").fill("1208 的婴儿床在路上")
        for width in (1440, 1024):
            await page.set_viewport_size({"width": width, "height": 900})
            await keep(page, f"handover-{width}")
            assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        await page.set_viewport_size({"width": 1440, "height": 900})
        assert await problems(page) == []
        await page.get_by_role("button", name="交班，签字").click()
        await expect(page.get_by_text("存证号")).to_be_visible()
        await sign_in(theirs, COLLEAGUE)
        await theirs.get_by_role("navigation").get_by_text("交接班").click()
        await theirs.get_by_role("button", name="去看看").click()
        await expect(theirs.locator(".note")).to_have_text("1208 的婴儿床在路上")
        await theirs.get_by_role("button", name="接班，签收").click()
        await expect(theirs.locator(".signatures")).to_contain_text(f"接班 {COLLEAGUE_NAME}")
        await keep(theirs, "handover-phone")
        assert await problems(theirs) == []
        await page.reload()
        await expect(page.locator(".signatures")).to_contain_text(COLLEAGUE_NAME)
        await page.emulate_media(media="print")
        await expect(page.get_by_role("navigation")).to_be_hidden()
        await keep(page, "handover-print")
        await page.emulate_media(media="screen")
        await page.locator("[data-section=promises] .line").click()
        await expect(page.locator(".message.staff", has_text="婴儿床一小时内给您送到")).to_be_visible()


async def test_a_waiting_guest_is_assigned_to_one_then_to_the_next_and_passed_on(
    browser: Browser, world: World
) -> None:
    async with (
        desk_page(browser, world) as page,
        desk_page(browser, world, width=1024, height=768) as theirs,
        Visitor(world) as guest,
    ):
        await sign_in(page)
        await page.get_by_role("navigation").get_by_role("button", name="员工").click()
        for name in (ADMINISTRATOR, COLLEAGUE_NAME):
            await page.locator(".staff li", has_text=name).get_by_role("button", name="部门…").click()
            await page.get_by_label("前台").check()
            await keep(page, "post")
            await page.locator(".post-dialog").get_by_role("button", name="保存").click()
            await expect(page.locator(".staff li", has_text=name)).to_contain_text("前台")
            await expect(page.locator(".post-dialog")).to_have_count(0)
        await keep(page, "staff-posts")
        await page.get_by_role("navigation").get_by_role("button", name="会话").click()
        await sign_in(theirs, COLLEAGUE)
        await page.keyboard.press("p")
        await expect(page.locator("button.presence")).to_contain_text("在岗")
        await guest.say("我要找人工，空调不凉")
        bar = page.locator(".assigned")
        await expect(bar).to_contain_text("派给您")
        await expect(bar).to_contain_text("秒")
        await theirs.locator("button.presence").click()
        await keep(theirs, "presence")
        await theirs.get_by_role("menuitem", name="在岗").click()
        await keep(page, "assigned")
        assert await problems(page, ".assigned") == []
        await page.keyboard.press("l")
        await expect(bar).to_have_count(0)
        await expect(theirs.locator(".assigned")).to_contain_text("派给您")
        await expect(rows(page)).to_contain_text(f"已派给{COLLEAGUE_NAME}")
        await keep(theirs, "assigned-1024")
        await theirs.keyboard.press("g")
        await expect(theirs.locator(".chip")).to_contain_text("您在接待")
        await theirs.get_by_title("标为 VIP", exact=False).or_(theirs.locator("button.details")).first.click()
        await keep(theirs, "context-1024")
        await theirs.keyboard.press("Escape")
        await theirs.keyboard.press("t")
        await theirs.locator(".transfer-dialog").get_by_text("工程部").click()
        await theirs.locator("#transfer-note").fill("出风口滴水，请带梯子")
        await keep(theirs, "transfer-department")
        assert await problems(theirs, ".transfer-dialog") == []
        await theirs.get_by_role("button", name="转给工程部").click()
        await expect(bar).to_contain_text("派给您")  # nobody of 工程部 is there
        await rows(page).click()
        await page.get_by_title("标为 VIP", exact=False).click()
        await expect(rows(page).locator(".vip")).to_be_visible()
        await page.get_by_role("button", name="本部门").click()
        await keep(page, "passed-on")
        await page.set_viewport_size({"width": 390, "height": 844})
        await keep(page, "passed-on-phone")
        await page.keyboard.press("p")
