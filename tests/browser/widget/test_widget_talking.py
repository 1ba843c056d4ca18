"""What is said in the widget is shown, kept and there once, whatever the network does."""

import re

import pytest
from playwright.async_api import Browser, WebSocketRoute, expect

from tests.browser.widget.pages import box, bubbles, desk_of, keep, open_widget, say, talking, visiting
from tests.scenario.world import HOTEL, World

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

STRANGE = (
    "<img src=x onerror=alert(1)><b>粗</b> ]]> &amp; \u202eתירבע gnorw\u202c שלום\n第二行"
    + "长" * 60
    + "x" * 200
)


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
        await expect(page.locator(".speaker")).to_contain_text("前台")
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
