"""The phone page of the simulator, in a real browser: a person chats as a follower and reads the wire."""

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from bot.channels import wecom
from bot.channels.port import Accepted, NeverDelivered, Option, Reply
from bot.channels.wechat import MemoryTokenCache, open_push, passive_reply, verify_address
from bot.channels.wechat.render import custom_menu
from bot.channels.wecom.client import WeComClient
from bot.model import AccountId, ExternalId
from bot.simulator import Shown, SimulatedAccount, Simulator, Switches
from bot.simulator.server import SAMPLE_MENU
from bot.simulator.wecom import WeCom
from tests.browser.desk_world import SCREENSHOTS
from tests.media_files import picture, voice

# One browser for all of them: starting it takes longer than any of the tests.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@asynccontextmanager
async def echoing(simulator: Simulator) -> AsyncIterator[None]:
    """A hotel that repeats in the HTTP answer what it is told."""
    account = simulator.account.registered(AccountId("a"), simulator.url)

    async def get(request: web.Request) -> web.Response:
        return web.Response(text=verify_address(account, request.query))

    async def post(request: web.Request) -> web.Response:
        push = open_push(account, request.query, await request.read())
        if not push.inbound.text:
            return web.Response(text="success")
        said = f"您说：{push.inbound.text}"
        at, random = datetime.now(UTC), secrets.token_bytes(24)
        return web.Response(text=passive_reply(account, push, said, at=at, random=random))

    app = web.Application()
    app.add_routes([web.get("/wechat/a", get), web.post("/wechat/a", post)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    simulator.target = f"http://127.0.0.1:{runner.addresses[0][1]}/wechat/a"
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def opened(browser: Browser, address: str, width: int, height: int) -> AsyncIterator[Page]:
    """The page as a newcomer sees it; it must not complain about anything."""
    complaints: list[str] = []

    def listen(said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            complaints.append(said.text)

    context = await browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", listen)
    await page.goto(address)
    yield page
    await context.close()
    assert complaints == []


@asynccontextmanager
async def phone(
    browser: Browser, width: int = 1440, height: int = 900
) -> AsyncIterator[tuple[Simulator, Page]]:
    async with Simulator(SimulatedAccount.made(), switches=Switches(answer_within=0.3)) as simulator:
        simulator.state.menu = SAMPLE_MENU
        async with echoing(simulator), opened(browser, simulator.url, width, height) as page:
            yield simulator, page


async def keep(page: Page, name: str) -> None:
    """A picture of the page, for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"phone-{name}.png")


async def say(page: Page, text: str) -> None:
    await page.get_by_label("输入消息").fill(text)
    await page.get_by_label("输入消息").press("Enter")


async def test_a_newcomer_follows_and_is_led_to_the_first_word(browser: Browser) -> None:
    async with phone(browser) as (simulator, page):
        await page.get_by_text("说句话试试").click()
        await page.get_by_role("button", name="发送", exact=True).click()
        await expect(page.locator(".message-theirs .bubble")).to_have_text("您说：早餐几点？")
        await expect(page.locator(".origin")).to_have_text("被动回复 · 第 1 次推送")
        await expect(page.locator("#quota")).to_have_text("还可发 5 条")
        (follower,) = simulator.state.followers.values()
        assert follower.following


async def test_words_are_shown_as_words(browser: Browser) -> None:
    async with phone(browser) as (_simulator, page):
        await page.get_by_label("切换到输入").click()
        await say(page, "<img src=x onerror=alert(1)>]]>")
        await expect(page.locator(".message-theirs .bubble")).to_have_text(
            "您说：<img src=x onerror=alert(1)>]]>"
        )
        assert await page.locator(".chat img").count() == 0


async def test_the_wire_shows_each_push_sealed_and_in_clear(browser: Browser) -> None:
    async with phone(browser) as (_simulator, page):
        await page.get_by_label("切换到输入").click()
        await say(page, "早餐")
        await page.locator(".origin").click()
        opened_entry = page.locator(".entry details[open]")
        await expect(opened_entry.locator("pre").first).to_contain_text("<Content><![CDATA[早餐]]></Content>")
        await opened_entry.get_by_role("button", name="线上原文").first.click()
        sent = opened_entry.locator("pre").first
        await expect(sent).to_contain_text(re.compile(r"msg_signature=[0-9a-f]{40}"))
        await expect(sent).not_to_contain_text("早餐")


async def test_a_push_that_is_lost_comes_again_and_the_switch_says_so(browser: Browser) -> None:
    async with phone(browser) as (simulator, page):
        await page.get_by_label("切换到输入").click()
        await page.locator("#faults summary").click()
        await page.get_by_label("丢推送（次）").fill("1")
        await page.get_by_label("丢推送（次）").press("Tab")
        await expect(page.locator("#faults-on")).to_have_text("1 项开着")
        await say(page, "早餐")
        await expect(page.locator(".origin")).to_have_text("被动回复 · 第 2 次推送")
        await expect(page.locator("#faults-on")).to_be_hidden()
        assert [entry.end for entry in simulator.state.wire][-2:] == ["lost", "answered"]


async def test_leaving_and_coming_back(browser: Browser) -> None:
    async with phone(browser) as (simulator, page):
        await expect(page.locator("#unfollow")).to_have_text("取消关注")
        await page.locator("#unfollow").click()
        await page.get_by_role("button", name="关注公众号").click()
        await expect(page.locator(".chat-notice").last).to_have_text("已关注公众号")
        events = [entry.title for entry in simulator.state.wire]
        # A push that a busy machine answers late comes again.
        assert [name for name, _ in groupby(events)] == ["subscribe", "unsubscribe", "subscribe"]


async def test_menus_and_choices_are_tapped(browser: Browser) -> None:
    async with phone(browser) as (simulator, page):
        await page.get_by_role("button", name="住店服务").click()
        await page.get_by_role("button", name="早餐时间").click()
        await expect(page.locator(".entry-title", has_text="点菜单")).to_contain_text("breakfast")
        (follower,) = simulator.state.followers.values()
        token, _ = simulator.tokens.stable(timedelta(hours=2), force=False) or ("", 0)
        menu = custom_menu(
            ExternalId(follower.openid), Reply("确认吗？", (Option("确认", "确认"), Option("取消", "取消")))
        )
        async with aiohttp.ClientSession() as http:
            send = f"{simulator.url}/cgi-bin/message/custom/send"
            async with http.post(send, params={"access_token": token}, data=menu) as response:
                assert (await response.json())["errcode"] == 0
        await keep(page, "choices")
        await page.get_by_role("button", name="确认", exact=True).click()
        await expect(page.locator(".message-theirs .bubble").last).to_have_text("您说：确认")


async def test_a_picture_and_a_voice_file_are_chosen_and_sent(browser: Browser) -> None:
    async with phone(browser) as (simulator, page):
        await page.get_by_label("切换到输入").click()
        await page.get_by_label("更多").click()
        async with page.expect_file_chooser() as chooser:
            await page.get_by_role("button", name="照片").click()
        shown = {"name": "灯.jpg", "mimeType": "image/jpeg", "buffer": picture(64, 48)}
        await (await chooser.value).set_files(shown)  # type: ignore[arg-type]
        bubble = page.locator(".message-mine .bubble img")
        await expect(bubble).to_be_visible()
        assert await bubble.evaluate("one => one.decode().then(() => one.naturalWidth)") == 64
        heard = {"name": "a.wav", "mimeType": "audio/wav", "buffer": voice(1.0, "wav")}
        await page.locator("#pick-voice").set_input_files(heard)  # type: ignore[arg-type]
        await expect(page.locator(".message-mine .bubble-voice")).to_be_visible()
        await keep(page, "media")
        pushed = [entry.title for entry in simulator.state.wire]
        assert pushed[-2:] == ["image", "voice"]
        stored = [simulator.state.media.get(one.media) for one in _mine(simulator)]
        assert stored[-1]
        assert stored[-1].data.startswith(b"#!AMR\n")


def _mine(simulator: Simulator) -> list[Shown]:
    (follower,) = simulator.state.followers.values()
    return [one for one in follower.screen if one.side == "guest"]


async def test_a_narrow_screen_is_the_phone_itself(browser: Browser) -> None:
    async with phone(browser, 390, 844) as (_simulator, page):
        await expect(page.locator(".bench")).to_be_hidden()
        await page.get_by_label("切换到输入").click()
        await say(page, "一个很长很长的词" * 20 + "https://hotel.example/" + "x" * 200)
        await expect(page.locator(".message-theirs")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
        await keep(page, "narrow")
        await page.get_by_role("button", name="接口").click()
        await expect(page.locator(".phone")).to_be_hidden()
        await keep(page, "narrow-wire")
        assert await page.evaluate("document.documentElement.scrollWidth") == 390


@asynccontextmanager
async def serviced(platform: WeCom) -> AsyncIterator[WeComClient]:
    """A hotel on 微信客服 that takes what it is nudged about, and the session with it."""
    account = wecom.Account(
        AccountId("kf"),
        platform.corpid,
        platform.open_kfid,
        platform.secret,
        platform.token,
        (platform.aes_key,),
        platform.url,
    )

    async def find(_id: AccountId) -> wecom.Account:
        return account

    async def nudge(request: web.Request) -> web.Response:
        told = wecom.open_nudge(account, request.query, await request.read())
        assert told
        for message in (await client.pull(account, "", told.token)).messages:
            if message.get("msgtype") == "text":
                await client.take_session(account, ExternalId(message["external_userid"]))
        return web.Response(text="success")

    app = web.Application()
    app.add_routes([web.post("/wecom/kf", nudge)])
    async with (
        WeComClient(find, MemoryTokenCache(), lambda: datetime.now(UTC)) as client,
        TestServer(app) as server,
    ):
        platform.callback = str(server.make_url("/wecom/kf"))
        yield client


async def test_a_guest_of_wecom_writes_chooses_and_sees_whose_the_session_is(browser: Browser) -> None:
    platform = WeCom()
    async with (
        Simulator(SimulatedAccount.made(), wecom=platform) as simulator,
        serviced(platform) as client,
        opened(browser, f"{simulator.url}/wecom/", 1280, 860) as page,
    ):
        await page.get_by_text("说句话试试").click()
        await page.get_by_role("button", name="发送", exact=True).click()
        await expect(page.locator("#state")).to_have_text("由助手接待")
        await expect(page.locator("#told")).to_have_text("已收下")
        (guest,) = (ExternalId(name) for name in platform.guests)
        asked = Reply("早餐 06:30–10:00。刚才的服务您还满意吗？", (Option("满意", "4"), Option("一般", "3")))
        assert isinstance(await client.send(AccountId("kf"), guest, asked), Accepted)
        await expect(page.locator("#quota")).to_have_text("还可发 4 条")
        await page.get_by_role("button", name="满意", exact=True).click()
        await expect(page.locator(".message-mine .bubble").last).to_have_text("满意")
        await expect(page.locator("#quota")).to_have_text("还可发 5 条")
        assert platform.messages[-1]["text"] == {"content": "满意", "menu_id": "1"}
        await page.get_by_label("在企业微信里由同事回复").fill("我是小张，马上来")
        await page.get_by_role("button", name="接待并回复").click()
        await expect(page.locator(".message-theirs").last).to_contain_text("企业微信里的同事")
        await expect(page.locator("#state")).to_have_text("人工接待")
        await keep(page, "wecom")
        assert isinstance(await client.send(AccountId("kf"), guest, Reply("还在吗")), NeverDelivered)


async def test_a_page_left_open_follows_a_reset(browser: Browser) -> None:
    async with phone(browser) as (simulator, page):
        await page.get_by_label("切换到输入").click()
        await say(page, "早餐")
        await expect(page.locator(".message-theirs")).to_be_visible()
        await page.get_by_role("button", name="全部清空").click()
        await expect(page.locator(".message")).to_have_count(0)
        await say(page, "晚餐")
        await expect(page.locator(".message-theirs .bubble")).to_have_text("您说：晚餐")
        assert len(simulator.state.followers) == 1
