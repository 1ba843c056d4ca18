"""What the desk's tests need around a browser: an installation, a scripted assistant, web visitors."""

import base64
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    async_playwright,
    expect,
)

from tests.scenario.world import HOTEL, PASSWORD, World, until

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "var/screenshots"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # The last of these lists is the one that counts, so Playwright's own are named again where they matter.
    # The hotel's site is on the internet, so to speak, and asks this machine (LocalNetworkAccessChecks). Two
    # pages of the browser's own in each window (WebUIOmnibox…) took as much time as the page that is tested.
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,LensOverlay,LocalNetworkAccessChecks,"
    # A renderer kept ready for the next window is work for a window that may never open (SpareRenderer…).
    "MediaRouter,OptimizationHints,PaintHolding,PreconnectToSearch,SpareRendererForSitePerProcess,"
    "WebUIOmniboxAimPopup,WebUIOmniboxPopup",
    # The widget is a guest on another site's page, and no browser will give it a cookie there.
    "--test-third-party-cookie-phaseout",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
PATIENCE = 30_000.0  # milliseconds; a page on a busy machine, never a bar for speed
DESK, WIDGET = ROOT / "frontend/dist/desk/index.html", ROOT / "frontend/dist/widget/widget.js"
AXE = ROOT / "frontend/node_modules/axe-core/axe.min.js"
ADMINISTRATOR, COLLEAGUE, COLLEAGUE_NAME = "管理员", "wangfang", "王芳"


class ScriptedAssistant:
    """Speaks the connector's language and understands six phrases; the desk needs no more of Rasa."""

    def __init__(self) -> None:
        self.rasa = SimpleNamespace(port=0)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/webhooks/dianxiaoer/turn", self._turn)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.rasa.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner
        await self._runner.cleanup()

    async def _turn(self, request: web.Request) -> web.Response:
        asked = await request.json()
        acts = self._acts(asked["text"], asked["facts"])
        intent = {"name": acts[0]["topic"], "confidence": 0.58} if "topic" in acts[0] else {}
        entities = [
            {"entity": kind, "value": found[0], "start": found.start(), "end": found.end()}
            for kind, pattern in (("device", "手机"), ("phone", "1[0-9]{10}"))
            for found in re.finditer(pattern, asked["text"])
        ]
        answer = {"acts": acts, "memory": {}, "intent": intent, "entities": entities, "closed": True}
        return web.json_response(answer)

    def _acts(self, text: str, facts: dict[str, Any]) -> list[dict[str, Any]]:
        if "人工" in text:
            return [{"act": "handoff", "reason": "human_handoff"}]
        if "投诉" in text:
            return [{"act": "handoff", "reason": "complain", "detail": {"kind": "accusing"}}]
        if "滑雪" in text:
            return [{"act": "handoff", "reason": "low_confidence"}]
        if "叫我" in text:
            due = (datetime.fromisoformat(facts["now"]) + timedelta(minutes=10)).isoformat()
            placed = {"act": "say", "key": "wake_placed", "values": {"room": "1208", "due_at": due}}
            return [self._order("wake_up_call", room="1208", due_at=due), placed]
        if "毛巾" in text:
            placed = {"act": "say", "key": "service_placed"}
            return [self._order("request_supplies", room="1506", what="两条毛巾"), placed]
        return [{"act": "answer", "topic": "ask_breakfast"}]

    def _order(self, service: str, **slots: str) -> dict[str, Any]:
        return {"act": "order", "op": "place", "service": service, "slots": slots}


class Visitor:
    """A guest on the hotel's page, as the widget would speak for them."""

    def __init__(self, world: World, hotel: str = HOTEL) -> None:
        self._url = f"{world.bot.url}/widget/v1/{hotel}-page"
        self._token = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def say(self, text: str) -> None:
        body = {"token": self._token, "client_id": secrets.token_hex(8), "text": text}
        async with self._session.post(f"{self._url}/messages", json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def heard(self, words: str) -> dict[str, Any]:
        """The message with these words, once it has come; it must have come once."""
        messages = await until(lambda: self._with(words))
        assert len(messages) == 1
        found: dict[str, Any] = messages[0]
        return found

    async def _with(self, words: str) -> list[dict[str, Any]]:
        return [m for m in await self.messages() if words in m["text"]]

    async def types(self) -> None:
        async with self._session.post(f"{self._url}/typing", json={"token": self._token}) as answer:
            assert answer.status == 200, await answer.text()

    async def sees_typing(self) -> bool:
        """Whether the page would show that somebody is writing to its guest."""
        return bool((await self._view(0))["typing"])

    async def rates(self, stars: int, words: str) -> bool:
        """Whether there is a visit to rate; then it is rated."""
        visit = (await self._view(0))["speaker"].get("rate")
        if visit is None:
            return False
        body = {"token": self._token, "visit": visit, "stars": stars, "text": words}
        async with self._session.post(f"{self._url}/rating", json=body) as answer:
            return answer.status == 200

    async def messages(self, after: int = 0) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = (await self._view(after))["messages"]
        return messages

    async def _view(self, after: int) -> dict[str, Any]:
        body = {"token": self._token, "after": after}
        async with self._session.post(f"{self._url}/poll", json=body) as answer:
            view: dict[str, Any] = await answer.json()
        return view


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A real one, or the test is skipped loudly."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: CHROMIUM names one")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield started
        await started.close()


@asynccontextmanager
async def desk_page(
    browser: Browser, world: World, *, width: int = 1440, height: int = 900, dark: bool = False
) -> AsyncIterator[Page]:
    """The desk in a browser of its own. Whatever it complains about fails the test."""
    context: BrowserContext = await browser.new_context(
        viewport={"width": width, "height": height},
        base_url=world.bot.url,
        color_scheme="dark" if dark else "light",
        locale="zh-CN",
    )
    page, errors = await context.new_page(), []
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.extend(_complaint(message)))
    try:
        yield page
        assert errors == []
    except BaseException:
        await tell(page, *errors)
        raise
    finally:
        await context.close()


async def tell(page: Page, *more: str) -> None:
    """What stands on a page whose test has failed, for the test's report."""
    print(page.url, *more, await page.inner_text("body"), sep="\n")


def _complaint(message: ConsoleMessage) -> list[str]:
    """Refusals and lost connections are part of the tests; everything else is a mistake of the page."""
    expected = ("Failed to load resource", "WebSocket connection to")
    wrong = message.type in ("error", "warning") and not message.text.startswith(expected)
    return [message.text] if wrong else []


async def sign_in(page: Page, login: str = "admin", password: str = PASSWORD, path: str = "/desk/") -> None:
    await page.goto(path)
    await page.fill("#login", login)
    await page.fill("#password", password)
    await page.keyboard.press("Enter")


async def keep(page: Page, name: str) -> None:
    """A picture of the page, for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"desk-{name}.png")


async def problems(page: Page, part: str = "body") -> list[str]:
    """What the checker finds wrong in a part of the page by WCAG 2.2 AA, shadow roots included."""
    if not AXE.is_file():
        return []  # test_the_checker_is_there skips loudly then; what else a test shows it shows all the same
    await page.evaluate(AXE.read_text("utf-8"))  # a script tag would offend against the page's policy
    found = await page.evaluate(
        "part => axe.run(part, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})", part
    )
    return [
        f"{v['id']}: {node['target']} {node['failureSummary']}"
        for v in found["violations"]
        for node in v["nodes"]
    ]


async def close_everything(world: World) -> None:
    """What earlier tests left open is over."""
    user = await world.desk()
    for row in await user.conversations("BOT,WAITING,STAFF"):
        if row["holder"] and row["holder"]["name"] != ADMINISTRATOR:
            theirs = await world.desk(COLLEAGUE)
            await theirs.act(row["id"], "release")
        await user.act(row["id"], "acknowledge")
        await user.act(row["id"], "close", reason="other")
    for order in await user.orders():
        await user.call("POST", f"orders/{order['id']}/done", {})


def rows(page: Page) -> Locator:
    return page.locator(".row")


def box(page: Page) -> Locator:
    return page.locator(".box textarea")


def bubble(page: Page, words: str) -> Locator:
    return page.locator(".message", has_text=words)


def toast(page: Page, words: str) -> Locator:
    return page.locator(".toast", has_text=words)


async def open_row(page: Page) -> None:
    """The only conversation there is."""
    await rows(page).click()
    await expect(page.locator(".pane")).to_be_visible()
