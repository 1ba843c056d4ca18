"""Pictures, files, voice, cards and ratings in the widget."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, WebSocket, expect

from tests.browser.widget.pages import (
    box,
    bubbles,
    chosen,
    desk_of,
    keep,
    loosely,
    open_widget,
    pick,
    say,
    talking,
    visiting,
)
from tests.media_files import film, picture, voice
from tests.scenario.world import World, until

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

PDF = b"%PDF-1.4\n"


# ---- pictures, files and voice


async def test_a_picture_is_chosen_seen_sent_and_opened_large(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        await pick(
            page, chosen("海.jpg", picture(640, 480), "image/jpeg"), chosen("单.pdf", PDF, "application/pdf")
        )
        await expect(page.locator(".chosen")).to_have_count(2)
        await keep(page, "chosen")
        await say(page, "这是房间的窗")
        await expect(page.locator(".row.guest .pic img")).to_have_attribute(
            "src", re.compile("/files/xinghaihui/")
        )
        await expect(page.locator(".row.guest a.file")).to_contain_text("单.pdf")
        await expect(bubbles(page, ".guest")).to_have_text("这是房间的窗")
        await expect(page.locator(".row.guest .meta svg")).to_have_count(0)
        await expect(page.locator(".row.guest .pic img")).to_have_js_property("naturalWidth", 640)
        await keep(page, "picture")
        await page.locator(".row.guest .pic").click()
        large = page.get_by_role("dialog", name="海.jpg")
        await expect(large).to_be_visible()
        await keep(page, "large")
        await page.keyboard.press("Escape")
        await expect(large).to_have_count(0)
        await expect(page.get_by_role("dialog", name="星海会商务酒店")).to_be_visible()
        await expect(page.locator(".row.guest .pic")).to_be_focused()
        desk, conversation = await desk_of(world, "这是房间的窗")
        files = [e["file"]["kind"] for e in await desk.events(conversation, "guest_said") if e["file"]]
        assert files == ["image", "file"]
        seen = await page.locator(".row").count()
        await page.reload()
        await open_widget(page)
        await expect(page.locator(".row")).to_have_count(seen)
        await expect(page.locator(".row.guest .pic img")).to_be_visible()


async def test_what_is_pasted_or_dropped_waits_for_sending(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        event = """(box, [type, data]) => {
            const all = new DataTransfer();
            all.items.add(new File([new Uint8Array(data)], '图.png', {type: 'image/png'}));
            const how = {bubbles: true, cancelable: true, composed: true};
            box.dispatchEvent(type === 'paste' ? new ClipboardEvent('paste', {...how, clipboardData: all})
                : new DragEvent('drop', {...how, dataTransfer: all}));
        }"""
        data = list(picture(60, 40, "PNG"))
        await box(page).evaluate(event, ["paste", data])
        await box(page).evaluate(event, ["drop", data])
        await expect(page.locator(".chosen")).to_have_count(2)
        await page.get_by_role("button", name=loosely("去掉 图.png")).first.click()
        await expect(page.locator(".chosen")).to_have_count(1)
        await expect(page.locator(".row")).to_have_count(0)
        await page.get_by_role("button", name="发送").click()
        await expect(page.locator(".row.guest .pic img")).to_have_count(1)
        await expect(page.locator(".row.guest .meta svg")).to_have_count(0)


async def test_what_is_too_large_is_said_before_anything_is_sent(
    browser: Browser, world: World, tmp_path: Path
) -> None:
    large = tmp_path / "大.pdf"
    with large.open("wb") as file:
        file.truncate(20_000_001)
    async with talking(browser, world) as (_, page):
        label = "发图片或文件（图片 10 MB 以内，其他 20 MB 以内）"
        await expect(page.get_by_role("button", name=loosely(label))).to_be_visible()
        await page.locator("input[type=file]").set_input_files(large)
        await expect(page.get_by_role("alert")).to_have_text(loosely("大.pdf 太大了，最大 20 MB"))
        await expect(page.locator(".chosen")).to_have_count(0)


async def test_a_file_that_is_none_says_why_and_can_be_given_up(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        await pick(page, chosen("坏.jpg", b"\xff\xd8\xff broken", "image/jpeg"))
        await page.get_by_role("button", name="发送").click()
        await expect(page.locator(".row.refused .meta")).to_contain_text("这个文件打不开，可能是坏了")
        await keep(page, "file-refused")
        await page.get_by_role("button", name="不发了").click()
        await expect(page.locator(".row")).to_have_count(0)


async def test_a_picture_waits_for_the_network_and_goes_once(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (context, page):
        await say(page, "图片之前，转人工")
        await expect(bubbles(page)).to_have_count(2)
        await context.set_offline(True)
        await expect(page.locator(".line[role=status]")).to_contain_text("网络断开了")
        await pick(page, chosen("海.jpg", picture(640, 480), "image/jpeg"))
        await page.get_by_role("button", name="发送").click()
        await expect(page.locator(".row.guest .meta svg")).to_have_count(1)
        await context.set_offline(False)
        await expect(page.locator(".row.guest .meta svg")).to_have_count(0)
        desk, conversation = await desk_of(world, "图片之前，转人工")
        assert len([e for e in await desk.events(conversation, "guest_said") if e["file"]]) == 1


async def test_a_picture_that_the_network_took_away_is_tried_again(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (context, page):
        await say(page, "想看海景，转人工")
        await expect(bubbles(page)).to_have_count(2)
        desk, conversation = await desk_of(world, "想看海景，转人工")
        await page.route("**/files/**", lambda route: route.abort())
        await desk.send_file(conversation, picture(640, 480), "picture-1")
        await expect(page.locator(".row.staff a.file")).to_have_count(1)
        await page.unroute("**/files/**")
        await context.set_offline(True)
        await expect(page.locator(".line[role=status]")).to_contain_text("网络断开了")
        await context.set_offline(False)
        await expect(page.locator(".row.staff .pic img")).to_have_js_property("naturalWidth", 640)


async def test_a_voice_message_is_recorded_and_played(browser: Browser, world: World) -> None:
    async with talking(browser, world, permissions=["microphone"]) as (_, page):
        await say(page, "语音之前")
        await page.get_by_role("button", name="说话").click()
        await expect(page.locator(".recording")).to_contain_text(re.compile(r"0:0[2-9]"))
        await keep(page, "recording")
        await page.get_by_role("button", name="取消录音").click()
        await expect(page.locator(".recording")).to_have_count(0)
        await page.get_by_role("button", name="说话").click()
        await expect(page.locator(".recording")).to_contain_text(re.compile(r"0:0[1-9]"))
        await page.get_by_role("button", name="发送语音").click()
        heard = page.locator(".row.guest audio")
        await expect(heard).to_have_attribute("src", re.compile("/files/xinghaihui/"))
        await expect(heard).to_have_js_property("error", None)
        assert await heard.evaluate(
            "e => new Promise(ok => e.duration ? ok(true) : e.onloadedmetadata = () => ok(true))"
        )
        await keep(page, "voice")
        desk, conversation = await desk_of(world, "语音之前")
        kinds = [e["file"]["kind"] for e in await desk.events(conversation, "guest_said") if e["file"]]
        assert kinds == ["voice"]


async def test_without_a_microphone_it_says_so(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        denied = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('denied'))"
        await page.evaluate(f"() => {{ {denied}; }}")
        await page.get_by_role("button", name="说话").click()
        await expect(page.get_by_role("alert")).to_contain_text("用不了麦克风")


async def test_what_staff_send_is_shown_and_played_in_place(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        await say(page, "想看看泳池，转人工")
        desk, conversation = await desk_of(world, "想看看泳池，转人工")
        for n, data in enumerate((picture(400, 900), voice(), film())):
            await desk.send_file(conversation, data, f"file-{n:04}")
        await expect(page.locator(".row.staff .pic img")).to_be_visible()
        await expect(page.locator(".row.staff audio")).to_be_visible()
        # A film in a format that this browser can't play stands there as a link.
        await expect(page.locator(".row.staff a.file")).to_contain_text("视频")
        for player in ("audio",):
            loaded = "e => new Promise(ok => e.readyState ? ok(true) : e.onloadedmetadata = () => ok(true))"
            assert await page.locator(f".row.staff {player}").evaluate(loaded)
        await keep(page, "staff-files")


# ---- cards, rating, who is writing


async def test_an_order_is_a_card_that_moves_with_its_state(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        await say(page, "送两条毛巾来")
        card = page.locator(".row.assistant .card")
        await expect(card).to_contain_text("送物品")
        await expect(card).to_contain_text("两条毛巾")
        await expect(card).to_contain_text(loosely("1506 房"))
        await expect(card).to_contain_text("已记下")
        await keep(page, "card")
        desk, conversation = await desk_of(world, "送两条毛巾来")
        (order,) = [o for o in await desk.orders() if o["conversation"] == conversation]
        await desk.call("POST", f"orders/{order['id']}/done", {})
        await expect(card).to_contain_text("已办好")
        await expect(page.locator(".row")).to_have_count(2)


async def test_a_visit_that_staff_have_ended_is_rated_with_a_sentence(browser: Browser, world: World) -> None:
    speakers: list[str] = []

    def follow(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: '"speaker"' in frame and speakers.append(str(frame)))

    async def answer_late(route: Route) -> None:
        """The line says that it has been rated before the answer does."""
        answer = await route.fetch()
        await until(lambda: '"rate"' not in speakers[-1])
        await route.fulfill(response=answer)

    async with visiting(browser, world) as (_, page):
        page.on("websocket", follow)
        await page.route("**/rating", answer_late)
        await open_widget(page)
        await say(page, "请结束这次，转人工")
        desk, conversation = await desk_of(world, "请结束这次，转人工")
        await desk.reply(conversation, "好的，祝您入住愉快")
        await desk.act(conversation, "close", reason="solved")
        asked = page.get_by_role("region", name="这次服务您满意吗？")
        await asked.get_by_role("button", name="4 星").click()
        await asked.get_by_role("textbox").fill("很快")
        await keep(page, "rating")
        await asked.get_by_role("button", name="提交").click()
        await expect(asked).to_contain_text("谢谢，我们收到了。")
        (rated,) = await desk.events(conversation, "guest_rated")
        assert (rated["body"]["stars"], rated["text"]) == (4, "很快")
        await page.reload()
        await open_widget(page)
        await expect(bubbles(page, ".staff")).to_have_count(1)
        await expect(page.locator(".rating")).to_have_count(0)


async def test_the_guest_sees_that_somebody_is_writing(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        world.gate.close()
        try:
            await say(page, "慢慢想，早餐几点")
            await expect(page.locator(".dots")).to_be_visible()
            await expect(page.locator(".log")).to_contain_text("对方正在输入")
            await keep(page, "typing")
        finally:
            world.gate.open()
        await expect(bubbles(page, ".assistant")).to_have_count(1)
        await expect(page.locator(".dots")).to_have_count(0)
