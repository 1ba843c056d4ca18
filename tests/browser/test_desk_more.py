"""Handing over, choosing the channel, files, and the manager's day, in a real browser."""

import re
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.desk_world import (
    ADMINISTRATOR,
    COLLEAGUE,
    COLLEAGUE_NAME,
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
from tests.media_files import picture
from tests.scenario.world import World, until

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nothing_open(world: World) -> None:
    await close_everything(world)


async def test_the_day_shows_what_happened(browser: Browser, world: World) -> None:
    """First in this file: until somebody writes, the day is empty."""
    world.until_hour(14)  # the desk is open, and the day doesn't end meanwhile
    async with desk_page(browser, world) as page:
        await sign_in(page)
        await page.get_by_role("navigation").get_by_text("今日").click()
        await expect(page.get_by_role("heading", name="今天还没有客人说话")).to_be_visible()
        await keep(page, "today-empty")
    async with Visitor(world) as one, Visitor(world) as two, desk_page(browser, world) as page:
        for _ in range(3):
            await one.say("几点吃早餐")
        await until(one.messages)
        await one.say("滑雪板能寄存吗")
        await two.say("我要投诉，等了半天")
        user = await world.desk()

        async def both_wait() -> bool:
            return len(await user.conversations("WAITING")) == 2

        await until(both_wait)
        world.shift(minutes=6)
        await sign_in(page, path="/desk/xinghaihui/today")
        messages = page.locator("[data-number=messages]")
        await expect(messages).to_contain_text("5")
        await expect(messages).to_contain_text("2 位客人")
        await expect(page.locator("[data-number=handed_over] b")).to_have_text("2")
        await expect(page.get_by_role("heading", name="点最忙，客人发来 5 条")).to_be_visible()
        await expect(page.get_by_label("助手没答上的").locator(".day-line")).to_contain_text("滑雪板能寄存吗")
        await expect(page.get_by_label("现在等久了的").locator(".day-line")).to_have_count(2)
        await keep(page, "today")
        await page.get_by_role("button", name="看数字").click()
        await expect(page.locator("table:not(.clocks) tbody tr td").first).to_have_text("5")
        await page.locator("[data-number=longest_wait]").click()
        await expect(page.get_by_role("heading", name="等得最久的")).to_be_visible()
        await keep(page, "today-list")
        await page.locator(".day-line", has_text="投诉").first.click()
        await expect(bubble(page, "我要投诉，等了半天")).to_be_visible()
        for width in (1024, 390):
            async with desk_page(browser, world, width=width, height=844, dark=width == 1024) as small:
                await sign_in(small, path="/desk/xinghaihui/today")
                await expect(small.locator("[data-number=messages] b")).to_have_text("5")
                await expect(small.get_by_label("现在等久了的").locator(".day-line")).to_have_count(2)
                await keep(small, f"today-{width}")
                assert await problems(small) == []
                assert not await small.evaluate("document.documentElement.scrollWidth > innerWidth")
        async with desk_page(browser, world) as unheard:
            # The numbers are there before the list is: who waits isn't known yet, and nobody is told "none".
            await unheard.route_web_socket("**/feed", lambda _: None)
            await sign_in(unheard, path="/desk/xinghaihui/today")
            await expect(unheard.locator("[data-number=messages] b")).to_have_text("5")
            await expect(unheard.get_by_label("现在等久了的")).to_contain_text("正在连接")
        async with desk_page(browser, world) as english:
            await english.goto("/desk/")
            await english.get_by_role("button", name="English").click()
            await sign_in(english, path="/desk/xinghaihui/today")
            await expect(english.get_by_text("Guests' messages", exact=True)).to_be_visible()
            await keep(english, "today-english")
        await page.get_by_role("button", name="我的账号").click()
        await page.get_by_role("menuitem", name="退出登录").click()
        await sign_in(page, COLLEAGUE)
        await expect(page.get_by_role("navigation").get_by_text("今日")).to_have_count(0)


async def test_a_guest_is_handed_to_a_colleague_with_a_note(browser: Browser, world: World) -> None:
    async with (
        desk_page(browser, world) as mine,
        desk_page(browser, world) as theirs,
        Visitor(world) as guest,
    ):
        await sign_in(mine)
        await sign_in(theirs, COLLEAGUE)
        await expect(theirs.locator(".link-state[data-link=live]")).to_be_visible()
        await guest.say("找人工，账单的事")
        await open_row(mine)
        await mine.get_by_role("button", name="接入 C").click()
        await expect(mine.locator(".chip")).to_have_text("您在接待")
        await mine.keyboard.press("Escape")
        await mine.keyboard.press("t")
        dialog = mine.get_by_role("dialog")
        await expect(dialog.get_by_text("已登录")).to_be_visible()
        await dialog.get_by_label("交代一句").fill("已答应减免早餐")
        await keep(mine, "transfer")
        await dialog.get_by_role("button", name=f"转给{COLLEAGUE_NAME}").click()
        await expect(mine.locator(".chip")).to_have_text(f"{COLLEAGUE_NAME}在接待")
        await expect(toast(theirs, "转给您：已答应减免早餐")).to_be_visible()
        await expect(theirs.locator("html")).to_have_attribute("data-rang", "waiting")
        await expect(rows(theirs)).to_contain_text(f"{ADMINISTRATOR}转来：已答应减免早餐")
        await keep(theirs, "transferred")
        await open_row(theirs)
        await expect(theirs.locator(".message.note")).to_contain_text("已答应减免早餐")
        await expect(theirs.locator(".happened", has_text=f"转给了{COLLEAGUE_NAME}")).to_be_visible()
        await theirs.keyboard.press("r")
        await box(theirs).fill("您好，我来接着办")
        await box(theirs).press("Enter")
        await guest.heard("我来接着办")
        await expect(rows(theirs)).not_to_contain_text("转来")
        assert all("减免" not in m["text"] for m in await guest.messages())


async def test_files_are_seen_before_they_go_and_after(
    browser: Browser, world: World, tmp_path: Path
) -> None:
    shown, empty, words = tmp_path / "大堂.jpg", tmp_path / "空的.txt", tmp_path / "菜单.txt"
    shown.write_bytes(picture(640, 400))
    empty.write_bytes(b"")
    words.write_text("早餐菜单：粥、面、鸡蛋", "utf-8")
    async with desk_page(browser, world) as page, Visitor(world) as guest:
        await sign_in(page)
        await guest.say("找人工，发个图")
        await open_row(page)
        await page.locator("input[type=file]").set_input_files([shown, empty, words])
        tray = page.locator(".tray li")
        await expect(tray).to_have_count(3)
        await expect(tray.filter(has_text="空的.txt")).to_contain_text("发不了")
        await keep(page, "files-before")
        await page.get_by_role("button", name="不发 空的.txt").click()
        await box(page).fill("请看图")
        await box(page).press("Enter")
        image = page.locator(".message.staff img")
        await expect(image).to_be_visible()
        await until(lambda: image.evaluate("img => img.complete && img.naturalWidth === 640"))
        assert await image.evaluate("img => Math.round(img.clientWidth / img.clientHeight * 10)") == 16
        await expect(page.locator(".message.staff a.file", has_text="菜单.txt")).to_be_visible()
        await expect(page.locator(".unsent")).to_have_count(0)
        sent = await until(lambda: _with_files(guest, 2))
        assert {m["file"]["kind"] for m in sent} == {"image", "file"}
        await keep(page, "files-sent")
        await page.get_by_role("button", name="放大看：大堂.jpg").click()
        await expect(page.locator(".el-image-viewer__img")).to_be_visible()
        await keep(page, "files-large")
        await page.keyboard.press("Escape")
        await expect(page.locator(".el-image-viewer__img")).to_have_count(0)
    follower = world.simulator.follow()
    world.simulator.say(follower, "转人工，微信来的图")
    async with desk_page(browser, world) as page:
        await sign_in(page)
        await rows(page).filter(has_text="微信").click()
        bill = {"name": "账单.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
        await page.locator("input[type=file]").set_input_files(files=[bill])
        await expect(page.locator(".tray li")).to_contain_text(
            "微信收不了文件，客人会收到一个 7 天内能打开的链接"
        )
        await keep(page, "files-as-link")


async def _with_files(guest: Visitor, wanted: int) -> list[dict[str, object]]:
    found = [m for m in await guest.messages() if m.get("file")]
    return found if len(found) == wanted else []


async def test_one_guest_on_two_channels_is_linked_answered_where_staff_choose_and_rates(
    browser: Browser, world: World
) -> None:
    follower = world.simulator.follow()
    world.simulator.say(follower, "转人工，微信上的我")
    for kind in ("voice", "video", "location"):
        world.simulator.act(follower, {"do": "send", "kind": kind})
    async with desk_page(browser, world) as page, Visitor(world) as guest:
        await sign_in(page)
        await guest.say("转人工，网页上的我")
        await expect(rows(page)).to_have_count(2)
        await rows(page).filter(has_text="微信").click()

        # What the guest sent is there to hear, to see and to find, and asks no other host by itself.
        played = "e => new Promise(ok => e.readyState ? ok(true) : e.onloadedmetadata = () => ok(true))"
        for player in ("audio", "video"):
            await expect(page.locator(f".message.guest {player}")).to_be_visible()
            await page.locator(f".message.guest {player}").evaluate("e => e.load()")
            assert await page.locator(f".message.guest {player}").evaluate(played)
        map_ = page.locator(".message.guest a.map")
        await expect(map_).to_have_attribute("rel", "noopener noreferrer nofollow")
        await keep(page, "guest-media")

        channels = page.locator(".context section", has=page.get_by_role("heading", name="渠道"))
        await expect(channels.locator("li")).to_have_text(["微信首次联系的渠道"])
        await channels.get_by_role("button", name="关联客人").click()
        dialog = page.get_by_role("dialog", name="关联客人")
        await dialog.get_by_placeholder("搜姓名、房号或说过的话").fill("网页上的我")
        await dialog.locator(".el-radio").click()
        await expect(dialog.get_by_role("button", name="关联", exact=True)).to_be_disabled()
        await dialog.get_by_text("我已核实").click()
        await keep(page, "link-dialog")
        assert await problems(page) == []
        await dialog.get_by_role("button", name="关联", exact=True).click()
        await expect(toast(page, "已关联")).to_be_visible()
        await expect(page.locator(".happened", has_text="我确认是同一位客人，关联了网页")).to_be_visible()
        await expect(bubble(page, "转人工，网页上的我")).to_be_visible()
        await expect(channels.locator("li").nth(1)).to_contain_text(f"网页{ADMINISTRATOR}确认")
        await keep(page, "linked")
        assert await problems(page) == []

        await guest.types()
        await expect(page.locator(".writes")).to_have_text("客人正在输入…")
        await keep(page, "guest-types")
        await guest.say("网页上接着说")
        await expect(page.locator(".writes")).to_have_count(0)
        await page.keyboard.press("r")
        await expect(page.locator(".limits")).to_have_text("网页 · 随时可以回复")
        way = page.get_by_label("回复到哪个渠道")
        await box(page).press_sequentially("网页上见")
        await until(guest.sees_typing)
        await box(page).press("Enter")
        await guest.heard("网页上见")
        wechat = await way.locator("option", has_text="微信").get_attribute("value")
        await way.select_option(wechat)
        await expect(page.locator(".limits")).to_have_text(re.compile(r"微信 · 还可发 \d 条 · 剩 4[78] 小时"))
        await box(page).fill("长" * 700)  # WeChat takes 2048 bytes at once
        await expect(page.get_by_text("较长，会分成 2 条发出")).to_be_visible()
        await box(page).fill("")
        await keep(page, "way-chosen")
        await page.locator("input[type=file]").set_input_files(
            files=[{"name": "房卡.jpg", "mimeType": "image/jpeg", "buffer": picture()}]
        )
        await box(page).fill("微信上见")
        await box(page).press("Enter")
        await until(lambda: {"image", "text"} <= {s.kind for s in world.simulator.answers(follower)})
        await expect(page.locator(".unsent")).to_have_count(0)
        assert all("微信上见" not in m["text"] for m in await guest.messages())

        await channels.get_by_role("button", name="取消关联：网页").click()
        await keep(page, "unlink")
        assert await problems(page) == []
        await channels.get_by_role("button", name="取消关联", exact=True).click()
        await expect(page.locator(".happened", has_text="我取消了网页的关联")).to_be_visible()
        await expect(channels.locator("li")).to_have_count(1)

        await guest.say("转人工，分开以后")
        # It goes to those who wait; a row that goes elsewhere between press and release isn't clicked.
        await rows(page).filter(has_text="要找人工").filter(has_text="网页访客").click()
        await expect(bubble(page, "分开以后")).to_be_visible()
        await page.keyboard.press("r")
        await box(page).fill("分开也能聊")
        await box(page).press("Enter")
        await guest.heard("分开也能聊")
        await page.get_by_role("button", name="结束 X").click()
        await page.get_by_role("button", name="结束接待").click()
        await until(lambda: guest.rates(4, "很快，谢谢"))
        await expect(page.locator(".happened", has_text="客人评价 4 星 ★★★★☆：很快，谢谢")).to_be_visible()
        await page.get_by_role("button", name="已结束").click()
        await expect(rows(page).first.get_by_label("客人评价 4 星")).to_be_visible()
        await keep(page, "rated")
        await page.get_by_role("navigation").get_by_text("今日").click()
        card = page.get_by_label("客人评价", exact=True)
        await expect(card.get_by_role("heading")).to_have_text("1 位客人评价，平均 4 星")
        await expect(card.locator(".day-line")).to_contain_text("很快，谢谢")
        await keep(page, "today-rated")
