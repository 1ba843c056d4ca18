"""The widget on other people's pages, for visitors whom a site knows, and on a page of its own."""

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from playwright.async_api import Browser, expect

from bot import accounts
from bot.guest_tokens import Key
from bot.http.widget import HISTORY
from bot.model import AccountId
from bot.sealing import Seal
from bot.store import desk as store
from bot.store.database import Database
from tests.browser.desk_world import Visitor
from tests.browser.widget.pages import (
    PHONE,
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
from tests.media_files import picture
from tests.scenario.world import HOTEL, World

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

SITE_SECRET = "a secret of the hotel's own site, long enough"


# ---- other people's pages


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
        for page in (laptop, phone):
            await page.evaluate("token => Dianxiaoer.identify(token)", signed(world, "zhao"))
        await say(laptop, "电脑上问的")
        await expect(bubbles(phone, ".guest")).to_have_text(["电脑上问的"])
        await expect(bubbles(laptop, ".assistant")).not_to_have_count(0)
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
