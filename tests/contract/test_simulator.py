"""The simulator behaves as the platform: signatures, retries, quotas, tokens, error codes; over real HTTP."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.channels.wechat import Account, Mode, Push, open_push, passive_reply, verify_address
from bot.model import AccountId
from bot.simulator import Follower, SimulatedAccount, Simulator, Switches
from bot.simulator.account import kept
from bot.simulator.pushes import OUT_OF_ORDER

QUICK = Switches(answer_within=0.4)
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)

Answerer = Callable[[Push], Awaitable[str | None]]


class Hotel:
    """A bot in miniature: opens what is pushed and answers as it is told."""

    def __init__(self, account: SimulatedAccount) -> None:
        self.account: Account = account.registered(AccountId("a"), "http://127.0.0.1:1")
        self.pushes: list[Push] = []
        self.raw: Callable[[], web.Response] | None = None
        self.answer: Answerer = self._echo

    async def _echo(self, push: Push) -> str | None:
        return f"您说：{push.inbound.text}" if push.inbound.text else None

    async def get(self, request: web.Request) -> web.Response:
        return web.Response(text=verify_address(self.account, request.query))

    async def post(self, request: web.Request) -> web.Response:
        push = open_push(self.account, request.query, await request.read())
        self.pushes.append(push)
        if self.raw is not None:
            return self.raw()
        text = await self.answer(push)
        if text is None:
            return web.Response(text="success")
        at, random = datetime.now(UTC), secrets.token_bytes(24)
        return web.Response(text=passive_reply(self.account, push, text, at=at, random=random))


class Now:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def passes(self, **span: float) -> None:
        self.at += timedelta(**span)


@asynccontextmanager
async def running(
    mode: Mode = Mode.SAFE, switches: Switches = QUICK
) -> AsyncIterator[tuple[Simulator, Hotel, Now]]:
    account, now = SimulatedAccount.made(mode=mode), Now()
    hotel = Hotel(account)
    app = web.Application()
    app.add_routes([web.get("/wechat/a", hotel.get), web.post("/wechat/a", hotel.post)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with Simulator(
            account, f"http://127.0.0.1:{port}/wechat/a", now=now, switches=switches
        ) as simulator:
            yield simulator, hotel, now
    finally:
        await runner.cleanup()


def shown(simulator: Simulator, follower: Follower) -> list[tuple[str, str]]:
    return [(item.side, item.text) for item in simulator.screen(follower)]


# ---- pushes and passive replies


@pytest.mark.parametrize("mode", list(Mode))
async def test_a_word_is_pushed_and_answered_in_every_mode(mode: Mode) -> None:
    async with running(mode) as (simulator, hotel, _now):
        guest = simulator.follower()
        assert await simulator.verify_address()
        assert await simulator.say(guest, "早餐几点]]><b>\x01").done == "answered"
        (push,) = hotel.pushes
        assert push.inbound.text == "早餐几点]]><b>\x01"
        assert push.inbound.external_id == guest.openid
        assert push.inbound.sent_at == NOON
        assert (push.key is None) == (mode is Mode.PLAIN)
        answer = simulator.answers(guest)[0]
        assert (answer.text, answer.via, answer.delivery) == ("您说：早餐几点]]><b>", "passive", 1)
        (entry,) = simulator.state.wire
        assert ("早餐几点" in entry.sent) == (mode is not Mode.SAFE)
        assert "早餐几点" in entry.sent_plain
        assert "您说" in entry.answer_plain


async def test_no_answer_in_time_brings_the_same_push_three_times_and_a_notice() -> None:
    async with running() as (simulator, hotel, _now):

        async def sleep(_push: Push) -> str | None:
            await asyncio.sleep(60)
            return None

        hotel.answer = sleep
        guest = simulator.follower()
        assert await simulator.say(guest, "在吗").done == "given_up"
        assert len({push.inbound.message_key for push in hotel.pushes}) == 1
        assert [(entry.delivery, entry.end) for entry in simulator.state.wire] == [
            (1, "cut"),
            (2, "cut"),
            (3, "cut"),
        ]
        assert len({entry.sent for entry in simulator.state.wire}) == 3  # signed and encrypted anew
        assert shown(simulator, guest) == [("guest", "在吗"), ("notice", OUT_OF_ORDER)]


async def test_the_third_delivery_can_still_be_answered() -> None:
    async with running() as (simulator, hotel, _now):

        async def third(_push: Push) -> str | None:
            if len(hotel.pushes) < 3:
                await asyncio.sleep(60)
            return "来了"

        hotel.answer = third
        guest = simulator.follower()
        assert await simulator.say(guest, "在吗").done == "answered"
        (answer,) = simulator.answers(guest)
        assert (answer.text, answer.delivery) == ("来了", 3)


async def test_a_bot_that_is_down_or_refuses_is_asked_again() -> None:
    async with running() as (simulator, hotel, _now):
        hotel.raw = lambda: web.Response(status=500)
        guest = simulator.follower()
        assert await simulator.say(guest, "一").done == "given_up"
        assert [entry.end for entry in simulator.state.wire] == ["refused"] * 3
        simulator.target = "http://127.0.0.1:1/wechat/a"
        assert await simulator.say(guest, "二").done == "given_up"
        assert [entry.end for entry in simulator.state.wire][3:] == ["unreachable"] * 3
        assert not await simulator.verify_address()


@pytest.mark.parametrize("answer", ['{"ok": true}', "<xml><a>", "<xml><MsgType>text</MsgType></xml>"])
async def test_an_answer_that_is_none_is_shown_as_out_of_order(answer: str) -> None:
    async with running() as (simulator, hotel, _now):
        hotel.raw = lambda: web.Response(text=answer)
        guest = simulator.follower()
        assert await simulator.say(guest, "在吗").done == "bad_answer"
        assert shown(simulator, guest)[-1] == ("notice", OUT_OF_ORDER)
        assert len(hotel.pushes) == 1


async def test_a_reply_signed_with_another_token_or_sent_in_clear_is_not_shown() -> None:
    async with running() as (simulator, hotel, _now):
        guest = simulator.follower()
        account = simulator.account
        for foreign in (
            replace(account, token="other"),
            replace(account, appid="wxother"),
            replace(account, aes_key="b" * 42 + "A"),
            replace(account, mode=Mode.PLAIN),
        ):
            wrong = foreign.registered(AccountId("a"), "")

            def made(wrong: Account = wrong) -> web.Response:
                push = hotel.pushes[-1]
                key = wrong.aes_keys[0] if wrong.aes_keys else None
                text = passive_reply(wrong, replace(push, key=key), "假", at=NOON, random=bytes(24))
                return web.Response(text=text)

            hotel.raw = made
            assert await simulator.say(guest, "在吗").done == "bad_answer"
        assert simulator.answers(guest) == []


async def test_a_passive_reply_over_the_limit_is_no_answer() -> None:
    async with running() as (simulator, hotel, _now):

        async def long(_push: Push) -> str:
            return "长" * 700

        hotel.answer = long
        assert await simulator.say(simulator.follower(), "在吗").done == "bad_answer"


async def test_lost_pushes_and_lost_answers_are_repeated() -> None:
    async with running() as (simulator, hotel, _now):
        guest = simulator.follower()
        simulator.state.switch({"lose_pushes": 1})
        assert await simulator.say(guest, "一").done == "answered"
        assert [entry.end for entry in simulator.state.wire] == ["lost", "answered"]
        assert len(hotel.pushes) == 1
        simulator.state.switch({"lose_answers": 2})
        assert await simulator.say(guest, "二").done == "answered"
        assert [push.inbound.text for push in hotel.pushes] == ["一", "二", "二", "二"]
        assert [answer.text for answer in simulator.answers(guest)] == ["您说：一", "您说：二"]


async def test_a_duplicated_push_is_shown_once() -> None:
    async with running(switches=replace(QUICK, duplicate=True)) as (simulator, hotel, _now):
        guest = simulator.follower()
        assert await simulator.say(guest, "一").done == "answered"
        assert len({push.inbound.message_key for push in hotel.pushes}) == 1
        assert len(hotel.pushes) == 2
        assert len(simulator.answers(guest)) == 1


async def test_disorder_lets_the_later_word_arrive_first() -> None:
    async with running(switches=replace(QUICK, disorder=True)) as (simulator, hotel, _now):
        guest = simulator.follower()
        pushes = [simulator.say(guest, "一"), simulator.say(guest, "二")]
        await asyncio.gather(*(push.done for push in pushes))
        assert [push.inbound.text for push in hotel.pushes] == ["二", "一"]


async def test_acts_arrive_as_what_they_are() -> None:
    async with running() as (simulator, hotel, _now):
        guest = simulator.follow("小张")
        for act in (
            {"do": "click", "key": "wifi"},
            {"do": "view", "url": "https://hotel.example/"},
            {"do": "scan", "scene": "1208"},
            {"do": "send", "kind": "image"},
            {"do": "send", "kind": "location"},
            {"do": "choose", "id": "2", "text": "不用了"},
            {"do": "unfollow"},
        ):
            await simulator.act(guest, act).done
        kinds = [(push.inbound.kind, push.inbound.subtype) for push in hotel.pushes]
        assert sorted(kinds) == sorted(
            [
                ("follow", "subscribe"),
                ("click", "click"),
                ("other", "view"),
                ("click", "scan"),
                ("media", "image"),
                ("media", "location"),
                ("text", "msgmenu"),
                ("unfollow", "unsubscribe"),
            ]
        )
        with pytest.raises(ValueError, match="doesn't follow"):
            simulator.say(guest, "喂")


# ---- calls to the platform


class Caller:
    """Calls the platform as a careful program would, without the client that is to be tested elsewhere."""

    def __init__(self, simulator: Simulator, http: aiohttp.ClientSession) -> None:
        self._url = f"{simulator.url}/cgi-bin/"
        self._http = http
        self._secret = simulator.account.secret
        self._appid = simulator.account.appid
        self.token = ""

    async def post(self, path: str, body: Any, token: str | None = None) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        params = {"access_token": self.token if token is None else token}
        async with self._http.post(self._url + path, params=params, data=data) as response:
            return await response.json()

    async def get(self, path: str, **params: str) -> Any:
        async with self._http.get(self._url + path, params=params) as response:
            return await response.json()

    async def stable(self, **changes: Any) -> Any:
        asked = {"grant_type": "client_credential", "appid": self._appid, "secret": self._secret}
        answer = await self.post("stable_token", asked | changes)
        self.token = answer.get("access_token", self.token)
        return answer

    async def say(self, openid: str, text: str) -> int:
        body = {"touser": openid, "msgtype": "text", "text": {"content": text}}
        return int((await self.post("message/custom/send", body))["errcode"])


@asynccontextmanager
async def calling() -> AsyncIterator[tuple[Simulator, Caller, Now]]:
    async with running() as (simulator, _hotel, now), aiohttp.ClientSession() as http:
        caller = Caller(simulator, http)
        await caller.stable()
        yield simulator, caller, now


async def test_five_messages_within_two_days_and_no_more() -> None:
    async with calling() as (simulator, caller, now):
        guest = simulator.follower()
        assert await caller.say(guest.openid, "没问过") == 45015
        await simulator.say(guest, "在吗").done
        assert [await caller.say(guest.openid, str(n)) for n in range(6)] == [0, 0, 0, 0, 0, 45047]
        await simulator.say(guest, "还在吗").done
        now.passes(hours=1.9)
        assert await caller.say(guest.openid, "在") == 0
        now.passes(hours=47)
        await caller.stable()
        assert await caller.say(guest.openid, "晚了") == 45015
        customs = [item.text for item in simulator.answers(guest) if item.via == "custom"]
        assert customs == ["0", "1", "2", "3", "4", "在"]


async def test_a_click_opens_a_minute_for_three() -> None:
    async with calling() as (simulator, caller, now):
        guest = simulator.follower()
        await simulator.act(guest, {"do": "click", "key": "wifi"}).done
        assert [await caller.say(guest.openid, str(n)) for n in range(4)] == [0, 0, 0, 45047]
        await simulator.act(guest, {"do": "scan", "scene": "1"}).done
        now.passes(minutes=1)
        assert await caller.say(guest.openid, "晚了") == 45015


async def test_who_does_not_follow_gets_nothing() -> None:
    async with calling() as (simulator, caller, _now):
        guest = simulator.follower()
        await simulator.say(guest, "在吗").done
        await simulator.unfollow(guest).done
        assert await caller.say(guest.openid, "别走") == 43004
        assert await caller.say("oNobody", "喂") == 40003
        simulator.state.switch({"verified": False})
        assert await caller.say(guest.openid, "喂") == 48001


async def test_stable_token_stays_until_five_minutes_before_its_end() -> None:
    async with calling() as (simulator, caller, now):
        first = caller.token
        now.passes(minutes=114)
        assert (await caller.stable())["access_token"] == first
        now.passes(minutes=1)
        second = (await caller.stable())["access_token"]
        assert second != first
        guest = simulator.follower()
        await simulator.say(guest, "在吗").done
        caller.token = first
        assert await caller.say(guest.openid, "旧的还能用") == 0
        now.passes(minutes=5)
        assert await caller.say(guest.openid, "到点了") == 42001


async def test_a_forced_refresh_kills_the_token_before_it_but_not_twice_in_half_a_minute() -> None:
    async with calling() as (simulator, caller, now):
        first = caller.token
        second = (await caller.stable(force_refresh=True))["access_token"]
        assert second != first
        assert (await caller.stable(force_refresh=True))["access_token"] == second
        guest = simulator.follower()
        await simulator.say(guest, "在吗").done
        caller.token = first
        assert await caller.say(guest.openid, "x") == 40001
        for _ in range(19):
            now.passes(seconds=31)
            assert "access_token" in await caller.stable(force_refresh=True)
        now.passes(seconds=31)
        assert (await caller.stable(force_refresh=True))["errcode"] == 45009


async def test_the_older_token_is_a_world_of_its_own() -> None:
    async with calling() as (simulator, caller, now):
        asked = {"grant_type": "client_credential", "appid": simulator.account.appid}
        first = await caller.get("token", **asked, secret=simulator.account.secret)
        second = await caller.get("token", **asked, secret=simulator.account.secret)
        assert first["access_token"] != second["access_token"]
        assert await caller.get("getcallbackip", access_token=first["access_token"]) == {
            "ip_list": ["127.0.0.1"]
        }
        now.passes(minutes=5)
        assert (await caller.get("getcallbackip", access_token=first["access_token"]))["errcode"] == 42001
        assert "ip_list" in await caller.get("getcallbackip", access_token=second["access_token"])
        assert "ip_list" in await caller.get("getcallbackip", access_token=caller.token)


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [({"secret": "x"}, 40125), ({"appid": "x"}, 40013), ({"grant_type": "x"}, 40002)],
)
async def test_a_wrong_secret_is_refused(changes: dict[str, str], errcode: int) -> None:
    async with calling() as (_simulator, caller, _now):
        assert (await caller.stable(**changes))["errcode"] == errcode


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        (b"{", 47001),
        (b"[]", 47001),
        ({"touser": "GUEST", "msgtype": "text"}, 47001),
        ({"touser": "GUEST", "msgtype": "dance", "dance": {}}, 40008),
        ({"touser": "GUEST", "msgtype": "text", "text": {"content": ""}}, 44004),
        ({"touser": "GUEST", "msgtype": "text", "text": {"content": "长" * 683}}, 45002),
    ],
)
async def test_a_careless_message_is_refused(body: Any, errcode: int) -> None:
    async with calling() as (simulator, caller, _now):
        guest = simulator.follower()
        await simulator.say(guest, "在吗").done
        if isinstance(body, dict):
            body = body | {"touser": guest.openid}
        assert (await caller.post("message/custom/send", body))["errcode"] == errcode


async def test_escaped_json_is_shown_as_it_stands() -> None:
    async with calling() as (simulator, caller, _now):
        guest = simulator.follower()
        await simulator.say(guest, "在吗").done
        body = {"touser": guest.openid, "msgtype": "text", "text": {"content": "早\n\\u"}}
        await caller.post("message/custom/send", json.dumps(body).encode())
        assert simulator.answers(guest)[-1].text == "\\u65e9\n\\u"


async def test_typing_is_shown_for_a_moment_after_the_guest_did_something() -> None:
    async with calling() as (simulator, caller, now):
        guest = simulator.follower()
        body = {"touser": guest.openid, "command": "Typing"}

        async def typing() -> int:
            return int((await caller.post("message/custom/typing", body))["errcode"])

        assert await typing() == 45080
        await simulator.say(guest, "在吗").done
        assert [await typing(), await typing()] == [0, 45081]
        assert guest.typing
        assert await caller.say(guest.openid, "在") == 0
        assert not guest.typing
        now.passes(seconds=31)
        assert await typing() == 45080


async def test_the_menu_is_kept() -> None:
    async with calling() as (_simulator, caller, _now):
        assert (await caller.get("menu/get", access_token=caller.token))["errcode"] == 46003
        menu = {"button": [{"type": "click", "name": "早餐", "key": "breakfast"}]}
        assert (await caller.post("menu/create", menu))["errcode"] == 0
        assert await caller.get("menu/get", access_token=caller.token) == {"menu": menu}
        assert (await caller.get("menu/delete", access_token=caller.token))["errcode"] == 0
        assert (await caller.post("menu/create", menu, token=""))["errcode"] == 41001


async def test_no_secret_stands_on_the_wire_log() -> None:
    async with calling() as (simulator, caller, _now):
        asked = {"grant_type": "client_credential", "appid": simulator.account.appid}
        await caller.get("token", **asked, secret=simulator.account.secret)
        await caller.say("oNobody", "喂")
        written = "".join(f"{entry.sent}{entry.sent_plain}{entry.answer}" for entry in simulator.state.wire)
        assert simulator.account.secret not in written
        assert caller.token not in written
        assert "喂" in written


# ---- the control API


async def test_a_test_from_outside_can_do_all_of_it() -> None:
    async with running() as (simulator, _hotel, _now), aiohttp.ClientSession() as http:

        async def post(path: str, body: Any, status: int) -> Any:
            async with http.post(f"{simulator.url}/control/{path}", json=body) as response:
                assert response.status == status, await response.text()
                return await response.json()

        async def get(path: str) -> Any:
            async with http.get(f"{simulator.url}/control/{path}") as response:
                assert response.status == 200
                return await response.json()

        guest = await post("followers", {"name": "小张"}, 201)
        person = f"followers/{guest['openid']}"
        await post(f"{person}/act", {"do": "say", "text": "早餐"}, 202)
        await simulator.heard(simulator.state.followers[guest["openid"]], 1)
        screen = (await get(f"{person}/screen"))["shown"]
        assert [(item["side"], item["text"], item["via"]) for item in screen] == [
            ("guest", "早餐", ""),
            ("account", "您说：早餐", "passive"),
        ]
        assert (await get(f"{person}/screen?after={screen[0]['id']}"))["shown"] == screen[1:]
        assert len((await get("wire"))["wire"]) == 1
        assert (await post("switches", {"delay": 1.5, "verified": False}, 200))["delay"] == 1.5
        for wrong in ({"delay": "x"}, {"nothing": 1}, {"verified": 1}, {"send_fault": "x"}):
            await post("switches", wrong, 400)
        await post(f"{person}/act", {"do": "dance"}, 400)
        await post(f"{person}/act", {"do": "say"}, 400)
        await post("target", {"target": "file:///etc/passwd"}, 400)
        assert (await post("verify-address", {}, 200))["verified"] is True
        state = await get("state")
        assert (state["followers"][0]["left"], state["switches"]["verified"]) == (5, False)
        assert simulator.account.secret not in json.dumps(state)
        await post("reset", {}, 200)
        assert (await get("state"))["followers"] == []


async def test_a_page_is_told_of_everything_at_once() -> None:
    async with running() as (simulator, _hotel, _now), aiohttp.ClientSession() as http:
        guest = simulator.follower()
        async with http.get(f"{simulator.url}/control/stream") as stream:
            seen: list[Any] = []
            simulator.say(guest, "早餐")
            async with asyncio.timeout(10):
                while not any(
                    item["type"] == "shown" and item["shown"]["side"] == "account" for item in seen
                ):
                    line = (await stream.content.readline()).decode()
                    if line.startswith("data: "):
                        seen.append(json.loads(line.removeprefix("data: ")))
        assert seen[0]["type"] == "snapshot"
        assert {"shown", "wire", "follower"} <= {item["type"] for item in seen}


async def test_another_site_cannot_use_the_controls() -> None:
    async with running() as (simulator, _hotel, _now), aiohttp.ClientSession() as http:
        reset = f"{simulator.url}/control/reset"
        async with http.post(reset, data=b"{}", headers={"Content-Type": "text/plain"}) as response:
            assert response.status == 415
        async with http.get(f"{simulator.url}/control/state", headers={"Host": "evil.example"}) as response:
            assert response.status == 403


async def test_the_page_and_its_files_are_served() -> None:
    async with running() as (simulator, _hotel, _now), aiohttp.ClientSession() as http:
        for path, kind in (("/", "text/html"), ("/phone.js", "javascript"), ("/phone.css", "text/css")):
            async with http.get(simulator.url + path) as response:
                assert response.status == 200
                assert kind in response.content_type
                assert "default-src 'self'" in response.headers["Content-Security-Policy"]


def test_the_installations_account_is_made_once_and_for_its_user_alone(tmp_path: Path) -> None:
    first, second = kept(tmp_path), kept(tmp_path)
    assert first == second
    assert first.secret not in repr(first)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert SimulatedAccount.made().token != first.token
