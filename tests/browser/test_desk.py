"""The staff desk in a real browser against the real service; WeChat and the assistant are played."""

import asyncio
import re
import sqlite3
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.desk_world import (
    ADMINISTRATOR,
    COLLEAGUE,
    COLLEAGUE_NAME,
    ROOT,
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
from tests.scenario.world import (
    HOTEL,
    OTHER_HOTEL,
    PASSWORD,
    World,
    own_password,
    set_password,
    until,
)

# One browser and one installation for all of them; each test has guests of its own.
pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nothing_open(world: World) -> None:
    await close_everything(world)


async def test_signing_in_says_what_is_wrong(browser: Browser, world: World) -> None:
    world.bot.command("staff", "add", "locked-out", "试密码的人", "--hotel", HOTEL)
    async with desk_page(browser, world) as page:
        await page.goto("/desk/")
        await keep(page, "sign-in")
        await page.keyboard.press("Tab")
        await page.click("button[type=submit]")
        await expect(page.get_by_text("请填写账号")).to_be_visible()
        await sign_in(page, "locked-out", "wrong wrong wrong")
        await expect(page.get_by_role("alert").filter(has_text="账号或密码不对")).to_be_visible()
        await keep(page, "sign-in-wrong")
        assert await problems(page) == []
        for _ in range(4):
            await page.fill("#password", "wrong again and again")
            async with page.expect_response("**/desk/v1/session"):
                await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert").filter(has_text="先锁上了")).to_be_visible()
        await expect(page.locator("button[type=submit]")).to_be_disabled()
        await keep(page, "sign-in-locked")
        await page.context.set_offline(True)
        await page.fill("#login", "admin")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert").filter(has_text="连不上服务")).to_be_visible()
        await expect(page.locator("#password")).to_have_value("wrong again and again")


async def test_a_one_time_password_must_be_changed_first(browser: Browser, world: World) -> None:
    world.bot.command("staff", "add", "newcomer", "新同事", "--hotel", HOTEL)
    once = set_password(world.bot, "newcomer")
    async with desk_page(browser, world) as page:
        await sign_in(page, "newcomer", once)
        await expect(page.get_by_role("heading", name="换一个自己的密码")).to_be_visible()
        await page.fill("#old-password", once)
        await page.fill("#new-password", "short")
        await page.fill("#again-password", "other")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("太短了")).to_be_visible()
        await expect(page.get_by_text("两次输入的不一样")).to_be_visible()
        await keep(page, "first-password")
        await page.fill("#new-password", PASSWORD)
        await page.fill("#again-password", PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.locator(".columns")).to_be_visible()
        await page.reload()
        await expect(page.locator(".columns")).to_be_visible()
        await page.get_by_role("button", name="我的账号").click()
        await page.get_by_role("menuitem", name="退出登录").click()
        await expect(page.get_by_role("heading", name="登录客服台")).to_be_visible()
        await sign_in(page, "newcomer", PASSWORD)
        await expect(page.locator(".columns")).to_be_visible()


async def test_the_first_use_is_an_invitation(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page:
        await sign_in(page)
        await expect(page.get_by_role("heading", name="还没有客人来")).to_be_visible()
        await expect(page.get_by_role("link", name="打开示例页面")).to_have_attribute(
            "href", f"/sample/{HOTEL}"
        )
        await keep(page, "first-use")


async def test_a_waiting_guest_is_taken_over_answered_and_handed_back(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page, Visitor(world) as guest:
        await sign_in(page)
        await expect(page.locator(".link-state[data-link=live]")).to_be_visible()
        await guest.say("几点吃早餐")
        await until(lambda: _count(guest, "早餐", 2))
        await guest.say("我要找人工 <b>快点</b>")
        await expect(page).to_have_title("(1) 待接入 · 店小二")
        await expect(page.locator("html")).to_have_attribute("data-rang", "waiting")
        row = rows(page).filter(has_text="要找人工")
        await expect(row).to_contain_text("网页")
        await expect(row.locator(".wait")).to_have_text(re.compile(r"^\d+:\d\d$"))

        await page.keyboard.press("n")
        # What guests write is text, whatever it looks like.
        await expect(bubble(page, "我要找人工 <b>快点</b>")).to_be_visible()
        await expect(bubble(page, "早餐").locator(".auto").first).to_have_text("自动")
        await keep(page, "waiting")

        await page.keyboard.press("r")
        await box(page).press_sequentially("您好")
        # The Enter that ends a composition sends nothing.
        await box(page).dispatch_event("compositionstart")
        await box(page).press("Enter")
        await box(page).dispatch_event("compositionend")
        await expect(box(page)).to_have_value(re.compile("您好"))
        await box(page).fill("您好，我来帮您")
        await box(page).press("Shift+Enter")
        await box(page).press_sequentially("请讲")
        await box(page).press("Enter")
        await expect(box(page)).to_have_value("")
        said = await guest.heard("您好，我来帮您\n请讲")
        assert said["from"] == "staff"
        await expect(bubble(page, "请讲")).to_have_count(1)
        await expect(page.locator(".chip")).to_have_text("您在接待")
        await expect(page).to_have_title("店小二 · 客服台")

        await box(page).press_sequentially("#客人有点急")
        await expect(page.locator(".box.noting")).to_be_visible()
        await box(page).press("Enter")
        await expect(page.locator(".message.note")).to_contain_text("客人有点急")

        await box(page).press("Escape")
        await page.keyboard.press("b")
        await toast(page, "交还助手").get_by_role("button", name="撤销").click()
        await expect(page.locator(".chip")).to_have_text("您在接待")
        await page.keyboard.press("b")
        await expect(page.locator(".chip")).to_have_text("助手在接待")
        await guest.heard("接下来由我")
        await guest.say("那早餐呢")
        await expect(page.locator(".message.guest", has_text="那早餐呢")).to_be_visible()
        await until(lambda: _count(guest, "早餐", 3))
        assert all("有点急" not in m["text"] for m in await guest.messages())
        await keep(page, "handed-back")

        await page.keyboard.press("x")
        await page.get_by_role("radio", name="解决了").check()
        await keep(page, "close")
        await page.get_by_role("button", name="结束接待").click()
        await expect(page.locator(".chip")).to_have_text("已结束")
        await expect(page.locator(".happened", has_text="结束了接待：解决了")).to_be_visible()


async def _count(guest: Visitor, words: str, wanted: int) -> bool:
    return len([m for m in await guest.messages() if words in m["text"]]) >= wanted


async def test_two_people_click_claim_at_once(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as one, desk_page(browser, world) as two, Visitor(world) as guest:
        await sign_in(one)
        await sign_in(two, COLLEAGUE)
        await guest.say("找人工，两个人抢")
        both = asyncio.Barrier(2)

        async def together(route: Route) -> None:
            await both.wait()
            await route.continue_()

        for page in (one, two):
            await open_row(page)
            await expect(page.get_by_role("button", name="接入 C")).to_be_enabled()
            await page.route("**/claim", together)
            await page.evaluate(LISTEN)
        await asyncio.gather(*(page.keyboard.press("c") for page in (one, two)))
        loser, said = await until(lambda: _came_late(one, two))
        winner = two if loser is one else one
        name, other = (ADMINISTRATOR, COLLEAGUE_NAME) if winner is one else (COLLEAGUE_NAME, ADMINISTRATOR)
        assert f"晚了一步，{name}已经接入" in said
        await expect(winner.locator(".chip")).to_have_text("您在接待")
        await expect(loser.locator(".held")).to_contain_text(f"{name}从")
        await expect(box(loser)).to_have_count(0)
        await keep(loser, "held-by-another")

        await loser.get_by_role("button", name=f"问一下{name}").click()
        await expect(box(loser)).to_have_value(f"@{name} 这位客人能交给我吗？")
        await box(loser).press("Enter")
        await expect(winner.locator(".message.note")).to_contain_text(f"{other} · 备注")
        await winner.keyboard.press("Escape")
        await winner.keyboard.press("b")
        await expect(loser.locator(".chip")).to_have_text("助手在接待")


# The page keeps the words itself: they are gone in seconds, and the other page may take longer to ask.
LISTEN = """() => new MutationObserver(() => {
    const toast = [...document.querySelectorAll(".toast")].find((one) => one.innerText.includes("晚了一步"));
    window.toldLate ??= toast?.innerText;
}).observe(document.body, { childList: true, subtree: true })"""


async def _came_late(*pages: Page) -> tuple[Page, str] | None:
    """The page that was told that somebody else was first, and its words."""
    for page in pages:
        if said := await page.evaluate("window.toldLate"):
            return page, said
    return None


async def test_wechat_shows_what_it_still_takes_and_what_is_unclear(browser: Browser, world: World) -> None:
    follower = world.simulator.follow()
    world.simulator.say(follower, "转人工，微信来的")
    async with desk_page(browser, world) as page:
        await sign_in(page)
        await open_row(page)
        await expect(page.locator(".limits")).to_have_text(re.compile(r"^微信 · 还可发 \d 条 · 剩 47 小时$"))
        await page.keyboard.press("r")
        await box(page).press_sequentially("好的，我在")
        await box(page).press("Enter")
        await expect(bubble(page, "好的，我在").locator(".ladder")).to_have_text("已发出")
        await until(lambda: any("好的，我在" in shown.text for shown in world.simulator.answers(follower)))
        left = await page.locator(".limits").inner_text()

        state = world.simulator.state
        state.switches = state.switches.changed({"send_fault": "cut_after", "send_faults": 1})
        await box(page).press_sequentially("这句断在半路")
        await box(page).press("Enter")
        unclear = bubble(page, "这句断在半路")
        await expect(unclear.locator(".ladder")).to_contain_text("不确定客人收到没有")
        await expect(rows(page).filter(has_text="1 条不确定送到")).to_be_visible()
        await keep(page, "unclear")
        assert await problems(page) == []
        await unclear.get_by_role("button", name="再发一次").click()
        await expect(unclear.locator(".ladder")).to_have_text("已发出")
        await expect(page.locator(".limits")).not_to_have_text(left)

        await box(page).press_sequentially("/晚安")
        await expect(page.get_by_role("option").first).to_contain_text("祝您晚安")
        await keep(page, "phrases")
        await box(page).press("Enter")
        await expect(box(page)).to_have_value(re.compile("祝您晚安"))
        await page.reload()
        await expect(box(page)).to_have_value(re.compile("祝您晚安"))
        await box(page).fill("/tsqu")
        await expect(page.get_by_role("option").first).to_contain_text("已经安排同事去 【待填：房号】")
        await box(page).press("Enter")
        await box(page).press("Enter")  # it doesn't go out: the gap is selected, to be typed over
        await expect(toast(page, "还有没填的地方")).to_be_visible()
        await page.keyboard.type("1208")
        await expect(box(page)).to_have_value(re.compile("已经安排同事去 1208 房间"))
        await box(page).fill("")


async def test_phrases_are_the_hotels_own(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page:
        await sign_in(page, path=f"/desk/{HOTEL}/phrases")
        await page.get_by_role("button", name="新常用语").click()
        await page.get_by_label("名称").fill("婴儿床")
        await page.get_by_label("要说的话").fill("婴儿床马上送到 ")
        await page.get_by_role("button", name="房号", exact=True).click()
        await keep(page, "phrase-edit")
        assert await problems(page, ".phrase-dialog") == []
        await page.get_by_role("button", name="保存").click()
        line = page.locator("li", has_text="婴儿床")
        await expect(line).to_contain_text("婴儿床马上送到 【房号】")
        await keep(page, "phrases-page")
        assert await problems(page) == []
        await line.get_by_role("button", name="移除").click()
        await expect(line).to_have_count(0)


async def test_a_wake_up_call_rings_until_somebody_called(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page, Visitor(world) as guest:
        await sign_in(page)
        await expect(page.locator(".link-state[data-link=live]")).to_be_visible()
        await guest.say("十分钟后叫我起床")
        await page.keyboard.press("o")
        card = page.locator(".queue .order", has_text="1208")
        await expect(card).to_contain_text("还有")
        await keep(page, "orders")
        world.shift(minutes=10, seconds=30)
        await expect(page.locator(".calls")).to_contain_text("1208 房")
        await expect(page.locator("html")).to_have_attribute("data-rang", "wake")
        await expect(page).to_have_title(re.compile("^【叫醒】"))
        await keep(page, "wake-up")
        assert await problems(page) == []
        await page.locator(".calls").get_by_role("button", name="已叫醒").click()
        await toast(page, "已叫醒").get_by_role("button", name="撤销").click()
        await expect(page.locator(".calls")).to_be_visible()
        await page.locator(".calls").get_by_role("button", name="看会话").click()
        room = page.locator(".facts div", has_text="房间")
        await expect(room).to_contain_text("1208")
        await room.get_by_role("button", name="客人在服务单里说的").click()
        await expect(bubble(page, "十分钟后叫我起床")).to_be_in_viewport()
        await page.locator(".calls").get_by_role("button", name="已叫醒").click()
        await expect(page.locator(".calls")).to_have_count(0)
        await expect(page.locator(".happened", has_text="已叫醒客人")).to_be_visible()
        with sqlite3.connect(world.database) as database:  # what a token of the hotel's app says
            database.execute("UPDATE guests SET room = '0512'")
        await page.reload()
        await expect(page.locator(".link-state[data-link=live]")).to_be_visible()
        await expect(room).to_contain_text(re.compile("0512.*客人登录官网或 App 时带来的", re.DOTALL))
        await keep(page, "card-room")
        await expect(page.locator(".calls")).to_have_count(0)
        await page.keyboard.press("o")


async def test_an_emergency_rings_on_every_desk_until_somebody_knows(browser: Browser, world: World) -> None:
    async with (
        desk_page(browser, world) as mine,
        desk_page(browser, world) as theirs,
        Visitor(world) as guest,
    ):
        await sign_in(mine)
        await sign_in(theirs, COLLEAGUE)
        for page in (mine, theirs):
            await expect(page.locator(".link-state[data-link=live]")).to_be_visible()
        await guest.say("房间着火了")
        for page in (mine, theirs):
            await expect(page.locator(".alarm[role=alert]")).to_contain_text("火情")
            await expect(page.locator("html")).to_have_attribute("data-rang", "alarm")
        await expect(mine).to_have_title(re.compile("^【告急】"))
        await keep(mine, "emergency")
        assert await problems(mine) == []
        await mine.get_by_role("button", name="知道了").click()
        for page in (mine, theirs):
            await expect(page.locator(".alarm[role=alert]")).to_have_count(0)
        await rows(mine).filter(has_text="紧急情况").click()
        await expect(mine.locator(".happened", has_text="已知道警报")).to_be_visible()


async def test_the_network_goes_and_nothing_is_lost_or_said_twice(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page, Visitor(world) as guest:
        await sign_in(page)
        await guest.say("转人工，断网试试")
        await open_row(page)
        await page.context.set_offline(True)
        await page.keyboard.press("r")
        await box(page).press_sequentially("断网时写的第一句")
        await box(page).press("Enter")
        await box(page).press_sequentially("断网时写的第二句")
        await box(page).press("Enter")
        await expect(page.locator(".unsent")).to_have_count(2)
        await expect(page.locator(".cut")).to_be_visible()
        await keep(page, "offline")
        await page.context.set_offline(False)
        await expect(page.locator(".unsent")).to_have_count(0)
        await expect(page.locator(".cut")).to_have_count(0)
        said = [m["text"] for m in await guest.messages() if "断网时写的" in m["text"]]
        assert said == ["断网时写的第一句", "断网时写的第二句"]

        world.bot.kill()
        await guest_waits(page)
        await box(page).press_sequentially("重启时写的")
        await box(page).press("Enter")
        await expect(page.locator(".unsent")).to_have_count(1)
        await world.bot.start()
        await expect(page.locator(".unsent")).to_have_count(0, timeout=30_000)
        await guest.heard("重启时写的")
        await expect(bubble(page, "重启时写的")).to_have_count(1)
        await guest.say("重启后我还在")
        await expect(bubble(page, "重启后我还在")).to_be_visible()


async def guest_waits(page: Page) -> None:
    await expect(page.locator(".link-state[data-link=live]")).to_have_count(0)


async def test_a_number_that_identifies_is_opened_on_purpose(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page, Visitor(world) as guest:
        await sign_in(page)
        await guest.say("转人工，我的身份证 11010519491231002X")
        await open_row(page)
        message = page.locator(".message.guest", has_text="我的身份证")
        assert "11010519491231002X" not in await page.content()
        await message.get_by_role("button", name="查看").click()
        await expect(message.locator(".number")).to_contain_text("11010519491231002X")
        await keep(page, "sealed")
        await message.get_by_role("button", name="收起").click()
        assert "11010519491231002X" not in await page.content()


async def test_hotels_don_t_mix_and_links_lead_to_their_conversation(browser: Browser, world: World) -> None:
    world.bot.command("hotel", "import", str(ROOT / "tests/data/hotels" / OTHER_HOTEL), "--yes")
    world.bot.command("staff", "add", "both", "两店同事", "--hotel", HOTEL, "--hotel", OTHER_HOTEL)
    await own_password(world.bot, "both")
    async with desk_page(browser, world) as page, Visitor(world) as guest:
        await guest.say("转人工，只在星海")
        await sign_in(page, "both")
        await page.get_by_role("button", name="切换酒店").click()
        await keep(page, "hotels")
        await page.get_by_role("menuitem", name="云汀度假酒店").click()
        await expect(page.get_by_role("heading", name="还没有客人来")).to_be_visible()
        await page.get_by_role("button", name="切换酒店").click()
        await page.get_by_role("menuitem", name="星海会商务酒店").click()
        await open_row(page)
        id_ = page.url.rsplit("/", 1)[1]
        await page.goto("about:blank")
        await page.goto(f"/desk/#/{HOTEL}/{id_}")
        await expect(bubble(page, "只在星海")).to_be_visible()
        await page.goto(f"/desk/{OTHER_HOTEL}/{id_}")
        await expect(page.get_by_role("heading", name="找不到这个会话")).to_be_visible()


async def test_it_fits_every_screen_and_both_languages(browser: Browser, world: World) -> None:
    async with Visitor(world) as guest:
        await guest.say("送两条毛巾")
        await guest.heard("已经转给前台")
        await guest.say("我要投诉，等了半天")
        for name, width, height, dark in (
            ("1440", 1440, 900, False),
            ("1024", 1024, 768, True),
            ("390", 390, 844, False),
        ):
            async with desk_page(browser, world, width=width, height=height, dark=dark) as page:
                await sign_in(page)
                await open_row(page)
                await expect(bubble(page, "我要投诉")).to_be_visible()
                await keep(page, f"fits-{name}")
                await page.keyboard.press("i")
                await expect(page.locator(".context")).to_be_visible()
                await expect(page.locator(".context .order", has_text="两条毛巾")).to_be_visible()
                await keep(page, f"fits-{name}-details")
                assert await problems(page) == []
                assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        async with desk_page(browser, world) as page:
            await page.goto("/desk/")
            await page.get_by_role("button", name="English").click()
            await sign_in(page)
            await rows(page).filter(has_text="Complaint").click()
            await expect(page.get_by_role("button", name="Claim C")).to_be_visible()
            await page.keyboard.press("?")
            await expect(page.get_by_role("dialog")).to_contain_text("Hand back")
            await keep(page, "english-keys")
            await page.keyboard.press("Escape")
            await page.locator("html[lang=en]").wait_for()
            await page.evaluate("localStorage.clear()")


async def test_what_was_misread_is_marked_and_reviewed_by_a_second_person(
    browser: Browser, world: World, tmp_path: Path
) -> None:
    async with (
        desk_page(browser, world) as agent,
        desk_page(browser, world) as admin,
        Visitor(world) as guest,
    ):
        await sign_in(agent, COLLEAGUE)
        await guest.say("泳池到几点，手机 13912345678")
        await guest.heard("早餐")
        await open_row(agent)
        answer = bubble(agent, "早餐").last
        await expect(answer.get_by_text("问早餐")).to_have_count(0)  # nothing of it in everybody's way
        await answer.get_by_role("button", name="更多").focus()
        await agent.keyboard.press("Enter")
        await expect(agent.get_by_text("助手当成：问早餐（不太确定）")).to_be_visible()
        await keep(agent, "message-menu")
        await expect(agent.get_by_role("menuitem", name="依据：早餐")).to_be_focused()
        await agent.keyboard.press("ArrowDown")
        await expect(agent.get_by_role("menuitem", name="答得不对")).to_be_focused()
        await agent.keyboard.press("Enter")
        dialog = agent.get_by_role("dialog")
        await expect(dialog.get_by_text("问早餐", exact=True)).to_have_count(0)  # it was read as that already
        await dialog.get_by_placeholder("搜一下").fill("泳池")
        await keep(agent, "correct")
        await dialog.get_by_text("问游泳池").click()
        await dialog.get_by_role("button", name="记下来").click()
        await expect(answer.locator(".reading")).to_contain_text("我说听错了：客人是想“问游泳池”")
        await keep(agent, "corrected")
        await expect(agent.get_by_role("navigation").get_by_text("助手答错的")).to_have_count(0)

        await sign_in(admin)
        await admin.get_by_role("navigation").get_by_text("助手答错的").click()
        item = admin.locator(".item", has_text="泳池到几点")
        await expect(item).to_contain_text(f"{COLLEAGUE_NAME}指出")
        await expect(item.locator(".should")).to_contain_text("问游泳池")
        await expect(item).to_contain_text("手机 设备")
        await keep(admin, "learning")
        assert await problems(admin) == []
        await item.get_by_role("button", name="“手机”不是设备，去掉").click()
        await expect(item).not_to_contain_text("手机 设备")
        await item.get_by_role("button", name="补一处").focus()
        await admin.keyboard.press("Enter")  # what was missed is shown with keys alone
        for key in ("End", *["ArrowLeft"] * 13, "Shift+ArrowRight"):
            await admin.keyboard.press(key)
        await expect(item.get_by_role("group", name="“手机”是")).to_be_visible()
        await keep(admin, "learning-add")
        assert await problems(admin) == []
        await item.get_by_role("button", name="物品", exact=True).press("Enter")
        await expect(item).to_contain_text("手机 物品")
        for character in "泳池":  # or by the mouse
            await item.get_by_role("option", name=character, exact=True).click()
        await item.get_by_role("button", name="设备", exact=True).click()
        await item.get_by_role("button", name="“泳池”不是设备，去掉").click()
        await item.get_by_role("option", name="到", exact=True).click()
        await admin.keyboard.press("Escape")
        await expect(item.get_by_role("button", name="补一处")).to_be_focused()
        await item.get_by_role("button", name="改选").click()
        await admin.get_by_role("dialog").get_by_text("问其他设施").click()
        await expect(item.locator(".should")).to_contain_text("问其他设施")
        await item.get_by_role("button", name="同意", exact=True).click()
        await expect(toast(admin, "已同意")).to_be_visible()
        await expect(admin.get_by_role("heading", name="没有要处理的")).to_be_visible()
        await admin.get_by_role("button", name="已同意").click()
        await expect(item).to_contain_text(f"{ADMINISTRATOR}同意")
        await expect(item.locator("li")).to_contain_text(["手机 物品", "13912345678 电话", "补一处"])
        out = tmp_path / "corrections.yml"
        world.bot.command("corrections", "export", "--out", str(out))
        assert "- 泳池到几点，[手机](item) [13912345678](phone)\n" in out.read_text("utf-8")
        await item.get_by_role("button", name="看会话").click()
        theirs = bubble(admin, "早餐").last.locator(".reading")
        await expect(theirs).to_contain_text(f"{COLLEAGUE_NAME}说听错了：客人是想“问其他设施”")
        await expect(answer.locator(".reading")).to_contain_text(f"{ADMINISTRATOR}同意")

        await bubble(admin, "早餐").last.get_by_role("button", name="更多").click()
        await admin.get_by_role("menuitem", name="改一下说法").click()
        await admin.get_by_role("dialog").get_by_text("没听错，是答案不对").click()
        await admin.get_by_role("dialog").get_by_role("button", name="记下来").click()
        await expect(theirs).to_contain_text("我说答案不对")
        await admin.get_by_role("navigation").get_by_text("助手答错的").click()
        await expect(item).to_contain_text("这条是您指出的，请另一位管理员来看")
        await expect(item.get_by_role("button", name="同意", exact=True)).to_have_count(0)
        await keep(admin, "learning-own")
    world.bot.command("corrections", "export", "--out", str(out))
    assert not out.exists()  # what had been accepted was marked anew
