"""The widget in a real browser against the real service; only the assistant is played."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    FilePayload,
    Locator,
    Page,
    WebSocketRoute,
    async_playwright,
    expect,
)

from bot import accounts
from bot.guest_tokens import Key
from bot.http.widget import HISTORY
from bot.model import AccountId
from bot.sealing import Seal
from bot.store import desk as store
from bot.store.database import Database
from tests.browser.desk_world import (
    CHROMIUM,
    CHROMIUM_ARGS,
    PATIENCE,
    ROOT,
    SCREENSHOTS,
    ScriptedAssistant,
    Visitor,
    problems,
    tell,
)
from tests.media_files import film, picture, voice
from tests.scenario.world import HOTEL, DeskUser, World, running, until

# One browser and one installation for all of them; each test has a visitor of its own.
pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="module")]

BUILT = ROOT / "frontend/dist/widget/widget.js"
HOTELS_SITE = "https://www.xinghaihui.example"
MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
STRANGE = (
    "<img src=x onerror=alert(1)><b>粗</b> ]]> &amp; \u202eתירבע gnorw\u202c שלום\n第二行"
    + "长" * 60
    + "x" * 200
)
SITE_SECRET = "a secret of the hotel's own site, long enough"
PDF = b"%PDF-1.4\n"
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


class Concierge(ScriptedAssistant):
    """Offers a choice where the others don't need one, and repeats what it is told to repeat."""

    def _acts(self, text: str, facts: dict[str, Any]) -> list[dict[str, Any]]:
        if text.startswith("选"):
            options = [{"title": "对，就这样"}, {"title": "不对", "text": "不对，改一下"}]
            return [{"act": "say", "key": "assistant_again", "values": {}, "options": options}]
        return super()._acts(text, facts)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: CHROMIUM names one")
    if not BUILT.is_file():
        pytest.skip("the widget isn't built: `make frontend`")
    async with async_playwright() as playwright:
        # The hotel's site is on the internet, so to speak, and the service it asks on this machine.
        args = [*CHROMIUM_ARGS, "--disable-features=LocalNetworkAccessChecks", *MICROPHONE]
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield started
        await started.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("widget")
    async with Concierge() as assistant, running(folder, assistant) as made:  # type: ignore[arg-type]
        made.until_hour(10)  # at night guests hear who comes in the morning
        yield made


@asynccontextmanager
async def visiting(browser: Browser, world: World, **how: Any) -> AsyncIterator[tuple[BrowserContext, Page]]:
    """A new visitor on the hotel's page. A script that fails there fails the test."""
    how = {"viewport": {"width": 1366, "height": 860}, "locale": "zh-CN", **how}
    context = await browser.new_context(base_url=world.bot.url, **how)
    context.set_default_timeout(PATIENCE)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = await context.new_page()
    await page.goto(f"/sample/{HOTEL}")
    try:
        yield context, page
        assert errors == []
    except BaseException:
        await tell(page, *errors)
        raise
    finally:
        await context.close()


@asynccontextmanager
async def talking(browser: Browser, world: World, **how: Any) -> AsyncIterator[tuple[BrowserContext, Page]]:
    async with visiting(browser, world, **how) as (context, page):
        await open_widget(page)
        yield context, page


async def open_widget(page: Page) -> None:
    await page.locator(".launcher").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


def box(page: Page) -> Locator:
    return page.get_by_role("dialog").locator("textarea")


def bubbles(page: Page, whose: str = "") -> Locator:
    return page.locator(f".row{whose} .words")


async def say(page: Page, text: str) -> None:
    await box(page).fill(text)
    await box(page).press("Enter")


def loosely(text: str) -> re.Pattern[str]:
    """The text, whatever isolates stand around the names in it."""
    return re.compile("[\u2066-\u2069]*".join(re.escape(letter) for letter in text))


async def keep(page: Page, name: str) -> None:
    """A picture of the page, for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"widget-{name}.png")


async def desk_of(world: World, words: str) -> tuple[DeskUser, str]:
    """The desk, and the conversation whose guest wrote these words."""
    desk = world.desks[0] if world.desks else await world.desk()

    async def find() -> str:
        rows = await desk.conversations()
        threads = {row["id"]: await desk.events(row["id"], "guest_said") for row in rows}
        return next((id_ for id_, said in threads.items() if any(e["text"] == words for e in said)), "")

    return desk, await until(find)


# ---- the first minute


async def test_a_guest_sees_who_speaks_how_to_reach_a_person_and_the_privacy_notice(
    browser: Browser, world: World
) -> None:
    async with visiting(browser, world) as (context, page):
        assert await context.storage_state() == {"cookies": [], "origins": []}
        await keep(page, "launcher")
        await open_widget(page)
        dialog = page.get_by_role("dialog", name="星海会商务酒店")
        await expect(dialog.locator(".speaker")).to_have_text("自动助手在为您服务")
        await expect(dialog.locator(".reach")).to_contain_text("0411-0000-1208")
        notice = dialog.get_by_role("link", name="隐私说明")
        await expect(notice).to_have_attribute("href", "https://www.xinghaihui.example/privacy")
        await expect(box(page)).to_be_focused()
        await keep(page, "first")


async def test_a_question_is_answered_and_every_answer_is_marked(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        await say(page, "早餐几点？\n我带两个孩子")
        await expect(bubbles(page, ".guest")).to_have_text("早餐几点？\n我带两个孩子", use_inner_text=True)
        await expect(bubbles(page, ".assistant")).to_contain_text("06:30–10:00")
        await expect(bubbles(page, ".assistant")).to_contain_text("自动助手")
        await expect(page.locator(".row.assistant .mark")).to_have_text("自动助手")
        await expect(page.locator(".row.guest .meta svg")).to_have_count(0)
        await bubbles(page, ".assistant").click()
        await expect(page.locator(".row.assistant time")).to_have_text(re.compile(r"^\d\d:\d\d$"))
        await keep(page, "answer")


async def test_choices_disappear_once_one_is_taken(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        await say(page, "选一个")
        await expect(page.locator(".log .chips button")).to_have_text(["对，就这样", "不对"])
        await keep(page, "choices")
        await page.get_by_role("button", name="不对", exact=True).click()
        await expect(bubbles(page, ".guest")).to_have_text(["选一个", "不对，改一下"])
        await expect(page.locator(".log .chips")).to_have_count(0)


async def test_a_page_that_is_only_looked_at_leaves_no_trace(browser: Browser, world: World) -> None:
    before = world.query("SELECT count(*) FROM conversations")
    async with visiting(browser, world) as (context, page):
        await expect(page.locator(".launcher")).to_be_visible()
        assert (await context.storage_state())["origins"] == []
        await open_widget(page)
        await expect(page.locator(".first")).to_be_visible()
    assert world.query("SELECT count(*) FROM conversations") == before


# ---- nothing missing, nothing twice


async def test_history_is_there_after_a_reload(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (context, page):
        await say(page, "早餐几点？")
        await expect(bubbles(page)).to_have_count(2)
        said = await bubbles(page).all_inner_texts()
        await page.reload()
        await open_widget(page)
        await expect(bubbles(page)).to_have_text(said, use_inner_text=True)
        assert await context.cookies() == []


async def test_a_guest_who_loses_the_network_finds_everything_once(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (context, page):
        await say(page, "断网前，转人工")
        await expect(page.locator(".speaker")).to_have_text("正在为您请同事，请稍等")
        desk, conversation = await desk_of(world, "断网前，转人工")
        await context.set_offline(True)
        await expect(page.locator(".line[role=status]")).to_contain_text("网络断开了")
        await say(page, "断网时写的")
        await expect(page.locator(".row.guest .meta svg")).to_have_count(1)
        await desk.reply(conversation, "您离开时同事的话")
        await keep(page, "offline")
        await context.set_offline(False)
        await expect(page.locator(".line[role=status]")).to_be_hidden()
        await expect(bubbles(page, ".staff")).to_have_text("您离开时同事的话")
        await expect(page.locator(".row.guest .meta svg")).to_have_count(0)
        await expect(bubbles(page, ".guest")).to_have_text(["断网前，转人工", "断网时写的"])
        await expect(page.locator(".speaker")).to_contain_text("管理员")
        await keep(page, "staff")
        seen = await bubbles(page).all_inner_texts()
        await page.reload()
        await open_widget(page)
        await expect(bubbles(page)).to_have_count(len(seen))
        assert len(await desk.events(conversation, "guest_said")) == 2


async def test_what_waits_survives_a_reload_without_network(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (context, page):
        await say(page, "早餐几点？")
        await expect(bubbles(page)).to_have_count(2)
        await page.route("**/widget/v1/**", lambda route: route.abort())
        await page.route_web_socket("**/socket", lambda ws: ws.close())
        await context.set_offline(True)
        await say(page, "写了就走")
        await expect(page.locator(".row.guest .meta svg")).to_have_count(1)
        await page.close()
        await context.set_offline(False)
        again = await context.new_page()
        await again.goto(f"/sample/{HOTEL}")
        await open_widget(again)
        await expect(bubbles(again, ".guest")).to_have_text(["早餐几点？", "写了就走"])
        await expect(again.locator(".row.guest .meta svg")).to_have_count(0)


async def test_a_service_that_dies_and_comes_back_loses_nothing(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        await say(page, "断电前")
        await expect(bubbles(page, ".assistant")).to_have_count(1)
        world.bot.kill()
        await expect(page.locator(".line[role=status]")).to_contain_text("网络断开了")
        await say(page, "断电时写的")
        await world.bot.start()
        await expect(bubbles(page, ".assistant")).to_have_count(2)
        await expect(bubbles(page, ".guest")).to_have_text(["断电前", "断电时写的"])
        await expect(page.locator(".row.guest .meta svg")).to_have_count(0)


async def test_two_tabs_are_one_conversation(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (context, page):
        await say(page, "第一个标签页")
        await expect(bubbles(page)).to_have_count(2)
        other = await context.new_page()
        await other.goto(f"/sample/{HOTEL}")
        await open_widget(other)
        await expect(bubbles(other)).to_have_count(2)
        await say(other, "第二个标签页")
        for tab in (page, other):
            await expect(bubbles(tab, ".guest")).to_have_text(["第一个标签页", "第二个标签页"])
            await expect(bubbles(tab)).to_have_count(4)


async def test_where_sockets_are_cut_long_polling_takes_over(browser: Browser, world: World) -> None:
    async with visiting(browser, world) as (_, page):
        cut: list[str] = []

        def refuse(socket: WebSocketRoute) -> None:
            cut.append(socket.url)

        await page.route_web_socket("**/socket", lambda ws: (refuse(ws), ws.close())[-1])
        await open_widget(page)
        await say(page, "没有长连接也要早餐")
        await expect(bubbles(page, ".assistant")).to_contain_text("06:30–10:00")
        await expect(bubbles(page)).to_have_count(2)
        assert len(cut) == 2
        desk, conversation = await desk_of(world, "没有长连接也要早餐")
        await desk.reply(conversation, "同事的话也到了")
        await expect(bubbles(page, ".staff")).to_have_text("同事的话也到了")


async def test_blocked_storage_costs_the_history_and_nothing_else(browser: Browser, world: World) -> None:
    async with visiting(browser, world) as (context, page):
        await context.add_init_script(
            "Object.defineProperty(window, 'localStorage',"
            " {get() { throw new DOMException('no', 'SecurityError') }})"
        )
        await page.reload()
        await open_widget(page)
        await say(page, "早餐几点？")
        await expect(bubbles(page)).to_have_count(2)


# ---- strange words


async def test_strange_words_are_shown_as_they_were_written(browser: Browser, world: World) -> None:
    async with talking(browser, world, locale="zh-CN") as (_, page):
        await say(page, STRANGE)
        await expect(bubbles(page, ".assistant")).to_have_count(1)
        desk, conversation = await desk_of(world, STRANGE)
        await desk.reply(conversation, STRANGE)
        await expect(bubbles(page, ".staff")).to_have_count(1)
        for whose in (".guest", ".staff"):
            assert await bubbles(page, whose).evaluate("e => e.textContent") == STRANGE
            assert await bubbles(page, whose).evaluate("e => e.childElementCount") == 0
            assert await bubbles(page, whose).evaluate("e => getComputedStyle(e).unicodeBidi") == "isolate"
        width = "e => [e.scrollWidth, e.clientWidth]"
        inner, outer = await page.locator(".scroll").evaluate(width)
        assert inner <= outer
        await keep(page, "strange")


async def test_what_cannot_be_taken_says_why_and_is_not_lost(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        await say(page, "长" * 10_001)
        await expect(page.get_by_role("alert")).to_have_text("一次最多 10000 个字，麻烦分几条发")
        assert len(await box(page).input_value()) == 10_001
        await say(page, "长" * 10_000)
        await expect(page.get_by_role("alert")).to_be_hidden()
        await expect(bubbles(page, ".assistant")).to_have_count(1)
        await expect(bubbles(page, ".guest")).to_have_count(1)


async def test_enter_while_composing_chinese_sends_nothing(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        await box(page).fill("zaocan")
        press = (
            "e => e.dispatchEvent("
            "new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, cancelable: true}))"
        )
        assert await box(page).evaluate(press)
        await expect(box(page)).to_have_value("zaocan")
        await box(page).press("Shift+Enter")
        await expect(box(page)).to_have_value("zaocan\n")


# ---- hands, ears and screens


async def test_everything_works_by_keyboard(browser: Browser, world: World) -> None:
    async with visiting(browser, world) as (_, page):
        launcher = page.get_by_role("button", name="打开在线服务")
        await launcher.focus()
        await page.keyboard.press("Enter")
        await expect(box(page)).to_be_focused()
        await page.keyboard.type("早餐几点？")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="发送")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(bubbles(page, ".guest")).to_have_count(1)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(launcher).to_be_focused()


async def test_news_is_counted_and_told_while_the_widget_is_closed(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        await say(page, "关上窗口，转人工")
        await expect(bubbles(page)).to_have_count(2)
        await page.keyboard.press("Escape")
        await expect(page.locator(".badge")).to_be_hidden()
        desk, conversation = await desk_of(world, "关上窗口，转人工")
        await desk.reply(conversation, "您好，我是前台")
        await expect(page.locator(".badge")).to_have_text("1")
        await expect(page.get_by_role("button", name=re.compile("1 条新消息"))).to_be_visible()
        await expect(page.locator("[aria-live=polite]")).to_have_text("有新消息")
        await keep(page, "unread")
        await page.reload()
        await expect(page.locator(".badge")).to_have_text("1")
        await open_widget(page)
        await expect(bubbles(page, ".staff")).to_have_text("您好，我是前台")
        await desk.reply(conversation, "请问有什么可以帮您")
        await expect(page.locator("[aria-live=polite]")).to_have_text("管理员: 请问有什么可以帮您")
        await expect(bubbles(page, ".staff")).to_have_count(2)
        await page.keyboard.press("Escape")
        await expect(page.locator(".badge")).to_be_hidden()


async def test_on_a_phone_it_is_a_sheet_that_keeps_the_focus(browser: Browser, world: World) -> None:
    async with talking(browser, world, **PHONE) as (_, page):
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_have_attribute("aria-modal", "true")
        assert await dialog.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
        await keep(page, "phone-first")
        await say(page, "早餐几点？")
        await expect(bubbles(page)).to_have_count(2)
        await keep(page, "phone")
        for _ in range(8):
            await page.keyboard.press("Tab")
            assert await page.evaluate("document.activeElement.tagName") == "DIANXIAOER-WIDGET"
        assert await page.evaluate("getComputedStyle(document.documentElement).overflow") == "hidden"
        await page.get_by_role("button", name="关闭", exact=True).tap()
        await expect(page.locator(".launcher")).to_be_visible()
        assert await page.evaluate("getComputedStyle(document.documentElement).overflow") != "hidden"
        await keep(page, "phone-launcher")


async def test_the_box_stays_above_the_phones_keyboard(browser: Browser, world: World) -> None:
    async with talking(browser, world, **PHONE) as (_, page):
        await page.evaluate(
            """() => {
                Object.defineProperty(visualViewport, 'height', {value: 500, configurable: true});
                Object.defineProperty(visualViewport, 'offsetTop', {value: 40, configurable: true});
                visualViewport.dispatchEvent(new Event('resize'));
            }"""
        )
        found = await page.get_by_role("dialog").bounding_box()
        assert found == {"x": 0, "y": 40, "width": 390, "height": 500}


async def test_the_launcher_covers_none_of_the_pages_own_buttons(browser: Browser, world: World) -> None:
    for how in ({}, PHONE):
        async with visiting(browser, world, **how) as (_, page):
            ours = await page.locator(".launcher").bounding_box()
            theirs = await page.locator("a.top").bounding_box()
            assert ours
            assert theirs
            assert ours["y"] + ours["height"] <= theirs["y"]
            await page.locator("a.top").click()


async def test_a_button_of_the_page_opens_it_too(browser: Browser, world: World) -> None:
    async with visiting(browser, world) as (_, page):
        await expect(page.locator(".launcher")).to_be_visible()
        await page.get_by_role("button", name="问问怎么走").click()
        await expect(page.get_by_role("dialog")).to_be_visible()


async def test_dark_and_english(browser: Browser, world: World) -> None:
    async with talking(browser, world, color_scheme="dark") as (_, page):
        await say(page, "选一个")
        await expect(page.locator(".log .chips button")).to_have_count(2)
        await keep(page, "dark")
    async with browser_on_hotels_site(browser, world, lang="en") as page:
        await open_widget(page)
        await expect(page.locator(".hotel")).to_have_text("Xinghaihui Business Hotel")
        await expect(page.locator(".speaker")).to_have_text("Automated assistant")
        await expect(page.locator(".first")).to_be_visible()
        await keep(page, "english-first")
        await say(page, "Breakfast?")
        await expect(bubbles(page, ".assistant")).to_have_count(1)
        await keep(page, "english")


# ---- pictures, files and voice


def chosen(name: str, data: bytes, type_: str) -> FilePayload:
    return {"name": name, "mimeType": type_, "buffer": data}


async def pick(page: Page, *files: FilePayload) -> None:
    await page.locator("input[type=file]").set_input_files(list(files))


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
        assert await page.locator(".row.guest .pic img").evaluate("e => e.naturalWidth") == 640
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


async def test_what_is_too_large_is_said_before_anything_is_sent(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        label = "发图片或文件（图片 10 MB 以内，其他 20 MB 以内）"
        await expect(page.get_by_role("button", name=loosely(label))).to_be_visible()
        await pick(page, chosen("大.pdf", PDF + b"0" * 20_000_001, "application/pdf"))
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
    async with talking(browser, world) as (_, page):
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


# ---- what is asked for, and what isn't


async def test_links_can_be_followed_and_lead_where_they_say(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        await say(page, "看链接，转人工")
        desk, conversation = await desk_of(world, "看链接，转人工")
        words = (
            "路线在 https://map.example/a?b=1。别信 https://bank.example@evil.example/ 和 javascript:alert(1)"
        )
        await desk.reply(conversation, words)
        link = page.locator(".row.staff .words a")
        await expect(link).to_have_text(["https://map.example/a?b=1"])
        await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
        await expect(link).to_have_attribute("target", "_blank")
        assert await bubbles(page, ".staff").evaluate("e => e.textContent") == words


async def test_news_is_in_the_title_and_heard_by_who_has_written(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        title = await page.title()
        await page.evaluate(
            """() => {
                window.tones = 0;
                const start = OscillatorNode.prototype.start;
                OscillatorNode.prototype.start = function (at) {
                    window.tones += 1;
                    return start.call(this, at);
                };
                window.look = (how) => {
                    Object.defineProperty(document, 'visibilityState', {value: how, configurable: true});
                    document.dispatchEvent(new Event('visibilitychange'));
                };
            }"""
        )
        await say(page, "去别的标签页，转人工")
        await expect(bubbles(page)).to_have_count(2)
        assert await page.evaluate("window.tones") == 0
        await page.evaluate("look('hidden')")
        desk, conversation = await desk_of(world, "去别的标签页，转人工")
        await desk.reply(conversation, "您好")
        await expect(page).to_have_title(f"(1) 有新消息 · {title}")
        await page.wait_for_function("window.tones === 2")
        await page.evaluate("look('visible')")
        await expect(page).to_have_title(title)
        await page.get_by_role("button", name="关闭提示音").click()
        await page.evaluate("look('hidden')")
        await desk.reply(conversation, "还在吗")
        await expect(page).to_have_title(f"(1) 有新消息 · {title}")
        assert await page.evaluate("window.tones") == 2


async def test_whoever_stays_is_greeted_once_and_not_again_when_they_wave_it_away(
    browser: Browser, world: World
) -> None:
    async with visiting(browser, world) as (_, page):
        greeting = page.locator(".greeting")
        await expect(greeting).to_contain_text("您好，需要帮忙吗？")
        await keep(page, "greeting")
        await page.clock.install()
        await greeting.get_by_role("button", name="关闭").click()
        await expect(greeting).to_have_count(0)
        await page.reload()
        await expect(page.locator(".launcher")).to_be_visible()
        await page.clock.run_for(10_000)
        await expect(greeting).to_have_count(0)


async def test_traditional_chinese(browser: Browser, world: World) -> None:
    async with browser_on_hotels_site(browser, world, lang="zh-Hant-TW") as page:
        await open_widget(page)
        await expect(page.locator(".speaker")).to_have_text("自動助手在為您服務")
        await say(page, "选一个")
        await expect(page.locator(".log .chips button")).to_have_count(2)
        await keep(page, "traditional")


# ---- everybody can use it


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_keeps_to_wcag_aa(browser: Browser, world: World, scheme: str) -> None:
    for how in ({}, PHONE):
        async with visiting(browser, world, color_scheme=scheme, **how) as (_, page):
            await expect(page.locator(".greeting")).to_be_visible()
            assert await problems(page, "dianxiaoer-widget") == []
            await open_widget(page)
            await expect(page.locator(".first")).to_be_visible()
            assert await problems(page, "dianxiaoer-widget") == []
            words = f"送两条毛巾来，{scheme}{len(how)}"
            await say(page, words)
            await expect(page.locator(".card")).to_be_visible()
            await pick(
                page,
                chosen("海.jpg", picture(), "image/jpeg"),
                chosen("坏.jpg", b"\xff\xd8\xff", "image/jpeg"),
            )
            assert await problems(page, "dianxiaoer-widget") == []
            await say(page, f"转人工，看 https://map.example/{scheme}")
            await expect(page.locator(".row.refused")).to_be_visible()
            await expect(page.locator(".row.guest .pic img")).to_be_visible()
            desk, conversation = await desk_of(world, words)
            await desk.send_file(conversation, voice(), f"file-{scheme}-{len(how)}")
            await desk.act(conversation, "close", reason="solved")
            await page.get_by_role("button", name="4 星").click()
            assert await problems(page, "dianxiaoer-widget") == []


# ---- other people's pages


@asynccontextmanager
async def browser_on_hotels_site(
    browser: Browser, world: World, site: str = HOTELS_SITE, lang: str = "zh-Hans"
) -> AsyncIterator[Page]:
    """A page of the hotel's own site, whose content policy allows what docs/channels/web.md asks for."""
    ours = world.bot.url
    media = f"img-src {ours} blob:; media-src {ours} blob:"
    policy = (
        f"default-src 'none'; script-src {ours}; connect-src {ours} {ours.replace('http', 'ws', 1)}; {media}"
    )
    html = (
        f"<!doctype html><html lang={lang}><meta charset=utf-8><title>酒店</title>"
        f"<script src='{ours}/widget.js' data-key='{HOTEL}-page' data-side=left data-offset-x=32 async>"
        "</script>"
    )
    context = await browser.new_context(viewport={"width": 900, "height": 700}, locale="zh-CN")
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    blocked: list[str] = []
    page.on("console", lambda m: blocked.append(m.text) if "Content Security Policy" in m.text else None)
    await page.route(
        f"{site}/**",
        lambda route: route.fulfill(
            body=html, content_type="text/html", headers={"Content-Security-Policy": policy}
        ),
    )
    await page.goto(f"{site}/rooms")
    try:
        yield page
        assert blocked == []
    finally:
        await context.close()


async def test_it_works_on_the_hotels_own_site_under_a_strict_content_policy(
    browser: Browser, world: World
) -> None:
    async with browser_on_hotels_site(browser, world) as page:
        launcher = await page.locator(".launcher").bounding_box()
        assert launcher
        assert launcher["x"] == 32
        await open_widget(page)
        await say(page, "早餐几点？")
        await expect(bubbles(page, ".assistant")).to_contain_text("06:30–10:00")


async def test_it_does_not_show_on_anybody_elses_site(browser: Browser, world: World) -> None:
    async with browser_on_hotels_site(browser, world, site="https://www.stranger.example") as page:
        asked = await page.evaluate(
            f"fetch('{world.bot.url}/widget/v1/{HOTEL}-page/config').then(() => 'told', () => 'refused')"
        )
        assert asked == "refused"
        await expect(page.locator("dianxiaoer-widget")).to_have_count(0)


# ---- visitors whom the hotel's site knows, and a page of its own


def signed(world: World, subject: str) -> str:
    claims = {"sub": subject, "aud": f"{HOTEL}-page", "exp": int(world.clock().now().timestamp()) + 300}
    return jwt.encode(claims, SITE_SECRET, algorithm="HS256", headers={"kid": "site"})


@pytest.fixture(scope="module")
def site_key(world: World) -> None:
    """The hotel's site may say who its visitors are."""
    seal, clock = (
        Seal({"test": base64.b64decode("dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=")}),
        world.clock(),
    )

    async def add() -> None:
        database = Database(f"sqlite:///{world.database}")
        async with database.write() as tx:
            row = await store.account_of(tx, "web", AccountId(f"{HOTEL}-page"))
            assert row
            await accounts.change_keys(tx, seal, row, [Key("site", "HS256", SITE_SECRET)], clock.now())
        await database.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(add())).result()


@pytest.mark.usefixtures("site_key")
async def test_who_signs_out_leaves_nothing_to_who_signs_in_next(browser: Browser, world: World) -> None:
    async with visiting(browser, world) as (_, page):
        await page.evaluate("token => Dianxiaoer.identify(token)", signed(world, "wang"))
        await open_widget(page)
        await say(page, "王先生的问题")
        await expect(bubbles(page)).to_have_count(2)
        await page.evaluate("token => Dianxiaoer.identify(() => Promise.resolve(token))", signed(world, "li"))
        await expect(page.locator(".first")).to_be_visible()
        await expect(page.locator(".row")).to_have_count(0)
        await say(page, "李女士的问题")
        await expect(bubbles(page)).to_have_count(2)
        await page.evaluate("Dianxiaoer.signOut()")
        await expect(page.locator(".row")).to_have_count(0)
        kept = await page.evaluate("Object.keys(localStorage).filter(k => k.endsWith(':sub'))")
        assert kept == []
        await page.evaluate("token => Dianxiaoer.identify(token)", signed(world, "wang"))
        await expect(bubbles(page, ".guest")).to_have_text(["王先生的问题"])
        await page.reload()
        await open_widget(page)
        await expect(page.locator(".first")).to_be_visible()
        await expect(page.locator(".row")).to_have_count(0)


@pytest.mark.usefixtures("site_key")
async def test_the_same_guest_on_two_devices_sees_one_conversation(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, laptop), talking(browser, world, **PHONE) as (_, phone):
        await laptop.evaluate("token => Dianxiaoer.identify(token)", signed(world, "zhao"))
        await say(laptop, "电脑上问的")
        await expect(bubbles(laptop, ".assistant")).not_to_have_count(0)
        await phone.evaluate("token => Dianxiaoer.identify(token)", signed(world, "zhao"))
        await expect(bubbles(phone, ".guest")).to_have_text(["电脑上问的"])
        await say(phone, "手机上问的")
        for page in (laptop, phone):
            await expect(bubbles(page, ".guest")).to_have_text(["电脑上问的", "手机上问的"])


async def test_it_fills_a_page_of_its_own(browser: Browser, world: World) -> None:
    for name, how in (("phone", PHONE), ("desktop", {})):
        async with visiting(browser, world, **how) as (_, page):
            complaints: list[str] = []
            page.on("console", lambda m, kept=complaints: kept.append(m.text) if m.type == "error" else None)
            await page.goto(f"/chat/{HOTEL}-page#signed=once")
            await say(page, "早餐几点？")
            await expect(bubbles(page, ".assistant")).to_contain_text("06:30–10:00")
            assert page.url.endswith("-page")
            await pick(page, chosen("海.jpg", picture(), "image/jpeg"))
            await page.get_by_role("button", name="发送").click()
            await expect(page.locator(".row.guest .pic img")).to_have_js_property("naturalWidth", 320)
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("dialog")).to_be_visible()
            await expect(page.get_by_role("button", name="关闭", exact=True)).to_have_count(0)
            await keep(page, f"page-{name}")
            assert complaints == []


# ---- beside the browser


async def test_whoever_was_away_for_long_misses_nothing(world: World) -> None:
    async with Visitor(world) as visitor:
        await visitor.say("我走开一整天，转人工")
        seen = (await visitor.heard("请同事"))["seq"]
        desk, conversation = await desk_of(world, "我走开一整天，转人工")
        words = [f"第 {n} 句" for n in range(HISTORY + 5)]
        for said in words:
            await desk.reply(conversation, said)
        resumed = await visitor.messages(after=seen)
        assert [m["text"] for m in resumed] == words
        afresh = await visitor.messages()
        assert afresh[-1]["text"] == words[-1]
        assert len(afresh) <= HISTORY
