"""Pages with the widget on them, and what a visitor does there."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, FilePayload, Locator, Page, expect

from tests.browser.desk_world import PATIENCE, SCREENSHOTS, tell
from tests.scenario.world import HOTEL, DeskUser, World, until

HOTELS_SITE = "https://www.xinghaihui.example"
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


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


def chosen(name: str, data: bytes, type_: str) -> FilePayload:
    return {"name": name, "mimeType": type_, "buffer": data}


async def pick(page: Page, *files: FilePayload) -> None:
    await page.locator("input[type=file]").set_input_files(list(files))


@asynccontextmanager
async def browser_on_hotels_site(
    browser: Browser, world: World, site: str = HOTELS_SITE, lang: str = "zh-Hans", attributes: str = ""
) -> AsyncIterator[Page]:
    """A page of the hotel's own site, whose content policy allows what docs/channels/web.md asks for."""
    ours = world.bot.url
    media = f"img-src {ours} blob:; media-src {ours} blob:"
    policy = (
        f"default-src 'none'; script-src {ours}; connect-src {ours} {ours.replace('http', 'ws', 1)}; {media}"
    )
    html = (
        f"<!doctype html><html lang={lang}><meta charset=utf-8><title>酒店</title>"
        f"<script src='{ours}/widget.js' data-key='{HOTEL}-page' data-side=left data-offset-x=32 {attributes}"
        " async></script>"
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
