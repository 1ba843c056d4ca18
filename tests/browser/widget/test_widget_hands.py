"""The widget by hand, ear and eye: keyboards, phones, readers, languages and colours."""

import re

import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser.desk_world import problems
from tests.browser.widget.pages import (
    PHONE,
    box,
    browser_on_hotels_site,
    bubbles,
    chosen,
    desk_of,
    keep,
    open_widget,
    pick,
    say,
    talking,
    visiting,
)
from tests.media_files import picture, voice
from tests.scenario.world import World

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]


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
        await expect(page.locator("[aria-live=polite]")).to_have_text("前台: 请问有什么可以帮您")
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


# ---- what is asked for, and what isn't


async def test_links_can_be_followed_and_lead_where_they_say(browser: Browser, world: World) -> None:
    async with talking(browser, world) as (_, page):
        await say(page, "看链接，转人工")
        desk, conversation = await desk_of(world, "看链接，转人工")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        words = (
            "路线在 https://map.example/a?b=1。别信 https://bank.example@evil.example/ 和 javascript:alert(1)"
        )
        await desk.reply(conversation, words)
        link = page.locator(".row.staff .words a")
        await expect(link).to_have_text(["https://map.example/a?b=1"])
        await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
        await expect(link).to_have_attribute("target", "_blank")
        await page.wait_for_load_state("networkidle")
        assert [url for url in asked if not url.startswith(world.bot.url)] == []  # and no preview of them
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


async def test_the_page_and_the_hotel_can_turn_the_greeting_off(browser: Browser, world: World) -> None:
    async def without(route: Route) -> None:
        answer = await route.fetch()
        config = await answer.json()
        assert config["greeting"] is True
        await route.fulfill(response=answer, json={**config, "greeting": False})

    for attributes, hotel_greets, greeted in (("", True, 1), ("data-greeting=off", True, 0), ("", False, 0)):
        async with browser_on_hotels_site(browser, world, attributes=attributes) as page:
            if not hotel_greets:
                await page.route("**/config", without)
            await page.clock.install()
            await page.reload()
            await expect(page.locator(".launcher")).to_be_visible()
            await page.clock.run_for(10_000)
            await expect(page.locator(".greeting")).to_have_count(greeted)


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
