"""The widget in a real browser against the real service; only the assistant is played."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    WebSocketRoute,
    async_playwright,
    expect,
)

from bot.http.widget import HISTORY
from tests.browser.desk_world import (
    CHROMIUM,
    CHROMIUM_ARGS,
    ROOT,
    SCREENSHOTS,
    ScriptedAssistant,
    Visitor,
)
from tests.scenario.world import HOTEL, DeskUser, World, running, until

# One browser and one installation for all of them; each test has a visitor of its own.
pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="module")]

expect.set_options(timeout=20_000)  # a busy machine, and a page that waits before it tries again
BUILT = ROOT / "frontend/dist/widget/widget.js"
HOTELS_SITE = "https://www.xinghaihui.example"
STRANGE = (
    "<img src=x onerror=alert(1)><b>粗</b> ]]> &amp; \u202eתירבע gnorw\u202c שלום\n第二行"
    + "长" * 60
    + "x" * 200
)
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
        args = [*CHROMIUM_ARGS, "--disable-features=LocalNetworkAccessChecks"]
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        yield started
        await started.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("widget")
    async with Concierge() as assistant, running(folder, assistant) as made:  # type: ignore[arg-type]
        yield made


@asynccontextmanager
async def visiting(browser: Browser, world: World, **how: Any) -> AsyncIterator[tuple[BrowserContext, Page]]:
    """A new visitor on the hotel's page. A script that fails there fails the test."""
    how = {"viewport": {"width": 1366, "height": 860}, "locale": "zh-CN", **how}
    context = await browser.new_context(base_url=world.bot.url, **how)
    context.set_default_timeout(20_000)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = await context.new_page()
    await page.goto(f"/sample/{HOTEL}")
    try:
        yield context, page
        assert errors == []
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
        await page.get_by_role("button", name="关闭").tap()
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
        await expect(page.locator(".speaker")).to_have_text("The automated assistant is here for you")
        await keep(page, "english")


# ---- other people's pages


@asynccontextmanager
async def browser_on_hotels_site(
    browser: Browser, world: World, site: str = HOTELS_SITE, lang: str = "zh-Hans"
) -> AsyncIterator[Page]:
    """A page of the hotel's own site, whose content policy allows what docs/channels/web.md asks for."""
    ours = world.bot.url
    policy = f"default-src 'none'; script-src {ours}; connect-src {ours} {ours.replace('http', 'ws', 1)}"
    html = (
        f"<!doctype html><html lang={lang}><meta charset=utf-8><title>酒店</title>"
        f"<script src='{ours}/widget.js' data-key='{HOTEL}-page' data-side=left data-offset-x=32 async>"
        "</script>"
    )
    context = await browser.new_context(viewport={"width": 900, "height": 700}, locale="zh-CN")
    context.set_default_timeout(20_000)
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
