"""The channel contract: what every channel must do, whoever made it. A new one adds its kit to KITS.

In: only what is authentic comes in, once; what is unknown is acknowledged. Out: what a channel can't take
degrades, and each way of failing ends in the outcome that the outbox acts on.
"""

import asyncio
import json
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from bot import accounts
from bot.channels import CHANNELS
from bot.channels.port import Attachment, NeverDelivered, Option, Outcome, Reply, Sender, TryLater, Unclear
from bot.channels.wechat import MemoryTokenCache, WeChatClient
from bot.channels.wechat import calls as wechat_client
from bot.channels.wechat.account import Account as WeChatAccount
from bot.channels.wechat.account import Mode
from bot.channels.wechat.render import custom_text
from bot.channels.wecom import WeComClient
from bot.channels.wecom import client as wecom_client
from bot.channels.wecom.account import Account as WeComAccount
from bot.http.guard import DATABASE
from bot.http.wecom import PULLER
from bot.main import seal_of
from bot.media import LIMITS, BadFile, read
from bot.model import AccountId, ExternalId, HotelId
from bot.settings import Settings
from bot.simulator.wecom import WeCom
from tests.conftest import SettingsMaker
from tests.contract.site import AES_KEY, ONE, SOON, TOKEN, Site, app_token, serving
from tests.servers import free_port
from tests.unit.test_wechat_push import message, signed

LONG = Reply("您好，" * 1200)
CHOICE = Reply("要哪一个？", (Option("明早七点", "明早七点"), Option("不用了", "不用了")))
BILL = Reply("", file=Attachment("file", "application/pdf", "账单.pdf", b"%PDF-1.7", "https://h/files/x"))


class Kit(ABC):
    """A channel as its other side sees it."""

    name: str

    async def open(self, site: Site, settings: Settings) -> None:
        """What the channel's other side needs before it can speak."""
        self._browser = await site.browser()

    async def close(self) -> None:
        """What `open` has started ends."""
        return

    @abstractmethod
    async def say(self, text: str, key: str, proof: str = "right") -> int:
        """The status of a guest's message; `proof` is right, wrong or missing."""

    @abstractmethod
    async def unknown(self) -> int:
        """The status of a message of a type that nobody has heard of."""


class WeChatKit(Kit):
    name = "wechat"

    async def say(self, text: str, key: str, proof: str = "right") -> int:
        query = {"right": signed("t0ken"), "wrong": signed("other"), "missing": {}}[proof]
        return await self._push(query, message(Content=text, MsgId=key, ToUserName="gh_1"))

    async def unknown(self) -> int:
        return await self._push(signed("t0ken"), message(MsgType="hologram", MsgId="77"))

    async def _push(self, query: dict[str, str], xml: str) -> int:
        url = "/wechat/plain"
        async with self._browser.client.post(url, params=query, data=xml.encode()) as answer:
            return answer.status

    @asynccontextmanager
    async def sending(self, api: str) -> AsyncIterator[Sender]:
        account = WeChatAccount(AccountId("a"), "wx1", "s", "t", (AES_KEY,), Mode.SAFE, api=api)

        async def find(id_: AccountId) -> WeChatAccount:
            return account

        async with WeChatClient(find, MemoryTokenCache(), lambda: datetime.now(UTC)) as client:
            yield client


class WeComKit(Kit):
    name = "wecom"

    async def open(self, site: Site, settings: Settings) -> None:
        await site.app[PULLER].stop()  # what is pulled here is pulled because of a nudge
        self._platform = WeCom()
        await self._platform.start()
        at = self._platform
        values = {"corpid": at.corpid, "open_kfid": at.open_kfid, "secret": at.secret, "token": at.token}
        values |= {"aes_keys": [at.aes_key], "api": at.url}  # type: ignore[dict-item]
        async with site.app[DATABASE].write() as tx:
            now, seal = datetime.now(UTC), seal_of(settings)
            await accounts.save(tx, seal, "wecom", AccountId("kf"), HotelId(ONE), values, now)
        at.callback = f"{site.origin}/wecom/kf"

    async def close(self) -> None:
        await self._platform.stop()

    async def say(self, text: str, key: str, proof: str = "right") -> int:
        at = self._platform
        right, at.token = at.token, {"right": at.token, "wrong": "other", "missing": ""}[proof]
        known = next((m for m in at.messages if m["msgid"] == key), None)
        if known:  # the platform brings it again: a cursor that was lost
            at.messages.append(known)
        else:
            at.lose_nudges = True
            await at.say("wmGuest", text)
            at.lose_nudges, at.messages[-1]["msgid"] = False, key
        status = await at.nudge()
        at.token = right
        return status or 0

    async def unknown(self) -> int:
        return await self._platform.bring("wmGuest", "hologram", {}) or 0

    @asynccontextmanager
    async def sending(self, api: str) -> AsyncIterator[Sender]:
        account = WeComAccount(AccountId("a"), "ww1", "wk1", "s", "t", (AES_KEY,), api)

        async def find(id_: AccountId) -> WeComAccount:
            return account

        async with WeComClient(find, MemoryTokenCache(), lambda: datetime.now(UTC)) as client:
            yield client


class WebKit(Kit):
    name = "web"

    async def say(self, text: str, key: str, proof: str = "right") -> int:
        token = {"right": TOKEN, "wrong": "short", "missing": None}[proof]
        body = {"client_id": f"client-{key}", "text": text, "token": token}
        status, _ = await self._browser.call("POST", f"/widget/v1/{ONE}-page/messages", body)
        return status

    async def unknown(self) -> int:
        """A page of a later release may send more than we know."""
        body = {"client_id": "client-0099", "text": "在吗", "token": TOKEN, "hologram": {"x": 1}}
        status, _ = await self._browser.call("POST", f"/widget/v1/{ONE}-page/messages", body)
        return status


class AppKit(Kit):
    name = "app"

    async def say(self, text: str, key: str, proof: str = "right") -> int:
        right, wrong = app_token(), app_token(secret="of-somebody-who-is-not-the-hotel-at-all")
        headers = {"Authorization": f"Bearer {right if proof == 'right' else wrong}"}
        body = {"client_id": f"client-{key}", "text": text}
        return await self._send(body, {} if proof == "missing" else headers)

    async def unknown(self) -> int:
        """An app of a later release may send more than we know."""
        body = {"client_id": "client-0099", "text": "在吗", "hologram": {"x": 1}}
        return await self._send(body, {"Authorization": f"Bearer {app_token()}"})

    async def _send(self, body: dict[str, Any], headers: dict[str, str]) -> int:
        return (await self._browser.call("POST", "/app/v1/messages", body, headers))[0]


KITS: tuple[type[Kit], ...] = (WeChatKit, WeComKit, WebKit, AppKit)
SENDING = [kit for kit in KITS if not CHANNELS[kit.name].capabilities.pulls]


def test_every_channel_has_its_kit() -> None:
    assert {kit.name for kit in KITS} == set(CHANNELS)


@pytest.fixture(params=KITS, ids=lambda kit: kit.name)
async def kit(
    request: pytest.FixtureRequest, database_url: str, make_settings: SettingsMaker
) -> AsyncIterator[tuple[Kit, Site]]:
    url = f"http://127.0.0.1:{free_port()}"
    settings = make_settings(DATABASE_URL=database_url, RASA_URL=url, HANDLER_WAIT=0, **SOON)
    async with serving(settings) as site:
        made: Kit = request.param()
        await made.open(site, settings)
        yield made, site
        await made.close()


async def count(site: Site, type_: str = "guest_said") -> int:
    return int((await site.sql(f"SELECT count(*) FROM events WHERE type = '{type_}'"))[0][0])


# ---- in


async def test_what_is_authentic_comes_in_and_the_same_again_once(kit: tuple[Kit, Site]) -> None:
    channel, site = kit
    assert await channel.say("早餐几点", "10001") == 200
    assert await channel.say("早餐几点", "10001") == 200
    assert await count(site) == 1
    assert await channel.say("几点退房", "10002") == 200
    assert await count(site) == 2


@pytest.mark.parametrize("proof", ["wrong", "missing"])
async def test_what_isnt_authentic_stays_outside(kit: tuple[Kit, Site], proof: str) -> None:
    channel, site = kit
    assert await channel.say("早餐几点", "10001", proof) in (401, 403)
    assert await count(site) == 0


async def test_a_type_that_nobody_knows_is_acknowledged(kit: tuple[Kit, Site]) -> None:
    channel, _ = kit
    assert await channel.unknown() == 200


# ---- out: what it can't take, degrades


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_a_text_over_the_limit_is_split_and_loses_nothing(name: str) -> None:
    channel = CHANNELS[name]
    parts = channel.parts(LONG)
    assert "".join(part.text for part in parts) == LONG.text
    most = channel.capabilities.max_bytes
    assert most is None or all(len(part.text.encode()) <= most for part in parts)
    assert (len(parts) > 1) == (most is not None)


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_choices_are_buttons_or_numbered_lines_and_a_number_is_understood(name: str) -> None:
    channel = CHANNELS[name]
    (part,) = channel.parts(CHOICE)
    shown = [option.title for option in part.options] or [
        line.partition(". ")[2] for line in part.text.splitlines()[1:]
    ]
    assert shown == ["明早七点", "不用了"]
    assert not part.options or channel.capabilities.buttons
    assert channel.chosen(CHOICE.options, "明早七点") == "明早七点"
    if not part.options:
        assert channel.chosen(CHOICE.options, "2") == "不用了"


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_a_file_goes_as_a_file_or_as_its_address(name: str) -> None:
    channel = CHANNELS[name]
    (part,) = channel.parts(BILL)
    if "file" in channel.capabilities.media:
        assert part.file == BILL.file
    else:
        assert part.file is None
        assert "https://h/files/x" in part.text


@pytest.mark.parametrize("kind", sorted(LIMITS))
def test_a_file_over_its_limit_is_refused_by_name(kind: str) -> None:
    heads = {"image": b"\xff\xd8\xff", "voice": b"#!AMR\n", "video": b"\x1a\x45\xdf\xa3", "file": b"%PDF-"}
    with pytest.raises(BadFile, match="file_too_large"):
        read(heads[kind] + os.urandom(16) * (LIMITS[kind] // 16 + 1))  # type: ignore[index]


# ---- out: how it fails


class Platform:
    """A platform that gives tokens and treats a message as the test says."""

    def __init__(self, answer: Callable[[web.Request], Any]) -> None:
        self._answer = answer
        self.messages = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if "token" in request.path:
            return web.json_response({"access_token": "t", "expires_in": 7200, "errcode": 0})
        self.messages += 1
        found = self._answer(request)
        if found is None:
            assert request.transport
            request.transport.close()
            return web.Response()
        return found if isinstance(found, web.Response) else web.json_response(found)


FAILURES: dict[str, tuple[Callable[[web.Request], Any], Outcome | type[Outcome]]] = {
    "cut off": (lambda r: None, Unclear),
    "no answer that can be read": (lambda r: web.Response(text="<html>"), Unclear),
    "a server error after who knows what": (lambda r: web.Response(status=502), Unclear),
    "too many requests": (lambda r: web.Response(status=429), TryLater),
    "busy": (lambda r: {"errcode": -1}, TryLater),
    "used up": (lambda r: {"errcode": 45047 if "custom" in r.path else 95001}, NeverDelivered),
    "a code that nobody knows": (lambda r: {"errcode": 123456}, NeverDelivered("errcode_123456")),
}


@pytest.mark.parametrize("failure", sorted(FAILURES))
@pytest.mark.parametrize("kit_", SENDING, ids=lambda kit: kit.name)
async def test_each_failure_has_its_outcome_and_nothing_is_sent_twice(kit_: Any, failure: str) -> None:
    answer, wanted = FAILURES[failure]
    platform = Platform(answer)
    async with platform.serving() as api, kit_().sending(api) as sender:
        found = await sender.send(AccountId("a"), ExternalId("guest"), Reply("您好"))
    assert isinstance(found, wanted) if isinstance(wanted, type) else found == wanted
    assert platform.messages == 1


@pytest.mark.parametrize("kit_", SENDING, ids=lambda kit: kit.name)
async def test_a_time_out_is_unclear_and_an_absent_platform_is_tried_later(
    kit_: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (wechat_client, wecom_client):
        monkeypatch.setattr(module, "_READ", 0.2)

    async def silent(request: web.Request) -> web.StreamResponse:
        if "token" in request.path:
            return web.json_response({"access_token": "t", "expires_in": 7200, "errcode": 0})
        await asyncio.sleep(1)
        return web.Response()

    platform = Platform(lambda r: None)
    platform._handle = silent  # type: ignore[method-assign]
    async with platform.serving() as api, kit_().sending(api) as sender:
        assert isinstance(await sender.send(AccountId("a"), ExternalId("g"), Reply("您好")), Unclear)
    async with kit_().sending("http://127.0.0.1:9") as sender:
        assert isinstance(await sender.send(AccountId("a"), ExternalId("g"), Reply("您好")), TryLater)


def test_what_is_told_of_a_reply_is_json_a_platform_reads() -> None:
    """Texts go unescaped: WeChat shows \\u escapes as they stand."""
    assert json.loads(custom_text(ExternalId("o"), "您好"))["text"]["content"] == "您好"
    assert "您好".encode() in custom_text(ExternalId("o"), "您好")
