"""The widget on a page of another site, on a phone, with third-party cookies blocked, through a network that
drops for a second, a minute and an hour: straight to the service, behind nginx and behind Caddy."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.desk_world import SCREENSHOTS, ScriptedAssistant
from tests.media_files import picture
from tests.proxies import STARTS, stop
from tests.scenario.world import HOTEL, World, running, until

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

SITE = "https://www.xinghaihui.example"
AWAY = {"a second": 1, "a minute": 60, "an hour": 3600}
SAID = ("guest_said", "assistant_said", "staff_said")
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "locale": "zh-CN",
}


@pytest_asyncio.fixture(loop_scope="session")
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with ScriptedAssistant() as assistant, running(tmp_path, assistant) as made:  # type: ignore[arg-type]
        yield made


@asynccontextmanager
async def way(name: str, world: World, folder: Path) -> AsyncIterator[str]:
    """Where the page reaches the service."""
    if name == "direct":
        yield world.bot.url
        return
    folder.mkdir()
    proxy = STARTS[name](folder, f"127.0.0.1:{world.bot.port}")
    try:
        yield proxy.url
    finally:
        stop(proxy.process)


@asynccontextmanager
async def site(browser: Browser, url: str) -> AsyncIterator[Page]:
    """A page of the hotel's own site on a phone whose browser takes no cookie of anybody else's."""
    page_ = (
        "<!doctype html><html lang=zh-Hans><meta charset=utf-8><title>酒店</title>"
        "<meta name=viewport content='width=device-width'><h1>星海会</h1>"
        f"<script src='{url}/widget.js' data-key='{HOTEL}-page' async></script>"
    )
    context = await browser.new_context(**PHONE, ignore_https_errors=True)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    await context.route(f"{SITE}/**", lambda route: route.fulfill(body=page_, content_type="text/html"))
    page = await context.new_page()
    await page.clock.install()
    await page.goto(f"{SITE}/rooms")
    yield page
    assert errors == []
    assert await context.cookies() == []
    await context.close()


async def test_the_browser_keeps_no_cookie_of_a_site_within_another(browser: Browser) -> None:
    """What the other tests here take for granted of their browser."""
    other = "https://www.other.example"
    context = await browser.new_context(**PHONE)
    frame = f"<!doctype html><iframe src='{other}/within'></iframe>"
    sets = "<!doctype html><script>document.cookie = 'kept=1; SameSite=None; Secure; Path=/'</script>"
    await context.route(f"{SITE}/**", lambda route: route.fulfill(body=frame, content_type="text/html"))
    await context.route(f"{other}/**", lambda route: route.fulfill(body=sets, content_type="text/html"))
    page = await context.new_page()
    await page.goto(f"{SITE}/rooms")
    assert [await one.evaluate("document.cookie") for one in page.frames] == ["", ""]
    assert await context.cookies() == []
    await page.goto(f"{other}/by-itself")
    assert await page.evaluate("document.cookie") == "kept=1"
    await context.close()


async def say(page: Page, text: str) -> None:
    box = page.get_by_role("dialog").locator("textarea")
    await box.fill(text)
    await box.press("Enter")


async def shown(page: Page) -> list[str]:
    """What stands on the page, message by message; a picture as its kind."""
    what = "r.querySelector('.words')?.textContent ?? (r.querySelector('.pic') ? 'image' : '?')"
    found: list[str] = await page.locator(".row").evaluate_all(f"rows => rows.map(r => {what})")
    return found


@pytest.mark.parametrize("through", ["direct", "nginx", "caddy"])
async def test_nothing_is_missing_and_nothing_comes_twice(
    browser: Browser, world: World, tmp_path: Path, through: str
) -> None:
    async with way(through, world, tmp_path / through) as url, site(browser, url) as page:
        await page.locator(".launcher").click()
        await say(page, "我到了，转人工")
        await expect(page.locator(".speaker")).to_have_text("正在为您请同事，请稍等")
        desk = await world.desk()
        conversation = await desk.one()
        await desk.reply(conversation, "您好，我是前台")
        await expect(page.locator(".row.staff")).to_have_count(1)
        for name, seconds in AWAY.items():
            await page.context.set_offline(True)
            await say(page, f"断网时写的：{name}")
            await page.locator("input[type=file]").set_input_files(
                {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture(200, 100 + seconds % 97)}
            )
            await page.get_by_role("button", name="发送").click()
            await desk.reply(conversation, f"断网时同事写的：{name}")
            if seconds == 1:
                await asyncio.sleep(1)
            else:
                world.shift(seconds=seconds)
                await page.clock.fast_forward(seconds * 1000)
            await expect(page.locator(".row.guest .meta svg")).to_have_count(2)
            await page.context.set_offline(False)
            await expect(page.locator(".row.guest .meta svg")).to_have_count(0, timeout=40_000)

        async def complete() -> bool:
            events = [e for e in await desk.events(conversation) if e["type"] in SAID]
            return await shown(page) == [e["text"] or e["file"]["kind"] for e in events]

        await until(complete, within=90)
        said = await shown(page)
        assert all(said.count(f"断网时{who}写的：{name}") == 1 for who in ("", "同事") for name in AWAY)
        assert said.count("image") == len(AWAY)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=SCREENSHOTS / f"widget-away-{through}.png")
        await page.reload()
        await page.locator(".launcher").click()
        await expect(page.locator(".row")).to_have_count(len(said))
        assert await shown(page) == said
