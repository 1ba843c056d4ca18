"""custom/send against the simulator and against servers that break off: which outcome follows from what."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.channels.port import Accepted, NeverDelivered, Option, Outcome, Reply, TryLater, Unclear
from bot.channels.wechat import NEXT_PUSH_MAY_CARRY, Account, MemoryTokenCache, Token, WeChatClient, calls
from bot.channels.wechat.errcodes import TOKEN_REFUSED, outcome
from bot.model import AccountId, ExternalId
from bot.simulator import Follower, SimulatedAccount, Simulator
from tests.conftest import FixedClock
from tests.contract.test_wechat_oracle import vectors

ID = AccountId("a")
HELLO = Reply("早餐 7:00–10:00")


@dataclass
class Desk:
    """A client, the platform it talks to, and a guest who has just written."""

    client: WeChatClient
    simulator: Simulator
    account: Account
    clock: FixedClock
    guest: Follower

    async def send(self, reply: Reply = HELLO) -> Outcome:
        return await self.client.send(ID, ExternalId(self.guest.openid), reply)

    def heard(self) -> list[str]:
        return [shown.text for shown in self.simulator.answers(self.guest)]

    def calls(self, path: str) -> int:
        return sum(entry.title == path for entry in self.simulator.state.wire)


@asynccontextmanager
async def serving(account: Account, clock: FixedClock) -> AsyncIterator[WeChatClient]:
    async def find(wanted: AccountId) -> Account | None:
        return account if wanted == ID else None

    async with WeChatClient(find, MemoryTokenCache(), clock.now) as client:
        yield client


@pytest.fixture
async def desk(clock: FixedClock) -> AsyncIterator[Desk]:
    simulated = SimulatedAccount.made()
    async with Simulator(simulated, "http://127.0.0.1:1/", now=clock.now) as simulator:
        account = simulated.registered(ID, simulator.url)
        async with serving(account, clock) as client:
            guest = simulator.follower()
            simulator.say(guest, "早餐几点")
            yield Desk(client, simulator, account, clock, guest)


async def test_a_message_arrives_and_the_token_is_asked_for_once(desk: Desk) -> None:
    assert [await desk.send(Reply(text)) for text in ("一", "二]]>\n<b>😀")] == [Accepted(), Accepted()]
    assert desk.heard() == ["一", "二]]>\n<b>😀"]
    assert desk.calls("stable_token") == 1


async def test_options_and_long_texts_arrive_in_order(desk: Desk) -> None:
    assert await desk.send(Reply("哪个？", (Option("甲", "甲"), Option("乙", "乙")))) == Accepted()
    assert await desk.send(Reply("长" * 1000)) == Accepted()
    assert desk.heard() == ["哪个？", "长" * 682, "长" * 318]
    assert desk.simulator.answers(desk.guest)[0].options == (("1", "甲"), ("2", "乙"))


async def test_nothing_to_say_and_nobody_to_say_it_for(desk: Desk) -> None:
    assert await desk.send(Reply("")) == NeverDelivered("empty")
    openid = ExternalId(desk.guest.openid)
    assert await desk.client.send(AccountId("b"), openid, HELLO) == NeverDelivered("unknown_account")


async def test_many_senders_fetch_one_token(desk: Desk) -> None:
    outcomes = await asyncio.gather(*(desk.send() for _ in range(5)))
    assert outcomes == [Accepted()] * 5
    assert desk.calls("stable_token") == 1


async def test_a_token_is_renewed_five_minutes_before_its_end(desk: Desk) -> None:
    await desk.send()
    desk.clock.forward(minutes=114)
    assert await desk.send() == Accepted()
    assert desk.calls("stable_token") == 1
    desk.clock.forward(minutes=1)
    assert await desk.send() == Accepted()
    assert desk.calls("stable_token") == 2


@pytest.mark.parametrize("end", ["expire", "revoke"])
async def test_a_refused_token_is_fetched_once_and_the_message_sent_once(desk: Desk, end: str) -> None:
    await desk.send(Reply("一"))
    getattr(desk.simulator.tokens, end)()
    assert await desk.send(Reply("二")) == Accepted()
    assert desk.heard() == ["一", "二"]
    assert desk.calls("stable_token") == 2
    assert desk.calls("message/custom/send") == 3


async def test_many_refused_senders_fetch_one_new_token(desk: Desk) -> None:
    await desk.send()
    desk.simulator.tokens.expire()
    assert await asyncio.gather(*(desk.send() for _ in range(4))) == [Accepted()] * 4
    assert desk.calls("stable_token") == 2


@pytest.mark.parametrize("errcode", sorted(TOKEN_REFUSED))
async def test_a_token_that_stays_refused_is_not_asked_for_for_ever(desk: Desk, errcode: int) -> None:
    desk.simulator.state.switch({"send_fault": "errcode", "send_errcode": errcode, "send_faults": -1})
    assert await desk.send() == TryLater(30, "token_refused")
    assert desk.calls("message/custom/send") == 2


async def test_a_platform_that_repeats_the_refused_token_is_forced(desk: Desk) -> None:
    await desk.send()
    desk.simulator.state.switch({"send_fault": "errcode", "send_errcode": 40001, "send_faults": 1})
    assert await desk.send() == Accepted()
    forced = [entry.sent for entry in desk.simulator.state.wire if '"force_refresh": true' in entry.sent]
    assert len(forced) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [({"secret": "x"}, "account_settings"), ({"appid": "x"}, "account_settings")],
)
async def test_an_account_with_wrong_settings_says_so(desk: Desk, change: dict[str, str], why: str) -> None:
    wrong = replace(desk.account, **change)  # type: ignore[arg-type]
    async with serving(wrong, desk.clock) as client:
        assert await client.send(ID, ExternalId(desk.guest.openid), HELLO) == NeverDelivered(why)
        assert await client.check(wrong) == [why]
        assert await client.check(replace(wrong, aes_keys=("short",))) != [why]
    assert await desk.client.check(desk.account) == []


# ---- refusals of the platform


async def test_the_window_the_count_and_the_follower(desk: Desk) -> None:
    for _ in range(5):
        assert await desk.send() == Accepted()
    assert await desk.send() == NeverDelivered("count_used_up")
    desk.clock.forward(hours=48)
    assert await desk.send() == NeverDelivered("window_closed")
    desk.simulator.unfollow(desk.guest)
    assert await desk.send() == NeverDelivered("not_following")
    desk.simulator.state.switch({"verified": False})
    assert await desk.send() == NeverDelivered("not_authorised")


@pytest.mark.parametrize(
    ("errcode", "expected"),
    [
        (-1, TryLater(2, "busy")),
        (45011, TryLater(15, "rate")),
        (45009, NeverDelivered("daily_quota")),
        (48002, NeverDelivered("blocked_by_guest")),
        (50005, NeverDelivered("not_following")),
        (40003, NeverDelivered("unknown_guest")),
        (99999, NeverDelivered("errcode_99999")),
    ],
)
async def test_error_codes_have_their_outcome(desk: Desk, errcode: int, expected: Outcome) -> None:
    desk.simulator.state.switch({"send_fault": "errcode", "send_errcode": errcode, "send_faults": 1})
    assert await desk.send() == expected
    assert desk.heard() == []


def test_no_refusal_is_unclear_and_success_is_the_only_success() -> None:
    for errcode in range(-1, 100_000):
        found = outcome(errcode)
        assert isinstance(found, Accepted) == (errcode == 0)
        assert not isinstance(found, Unclear)
    wheres = {found.why for code in range(100_000) if isinstance(found := outcome(code), NeverDelivered)}
    assert wheres >= NEXT_PUSH_MAY_CARRY


# ---- what may have arrived


@pytest.mark.parametrize(
    ("fault", "why", "arrived"),
    [
        ("cut_before", "connection_lost", []),
        ("cut_after", "connection_lost", [HELLO.text]),
        ("http_502", "http_502", [HELLO.text]),
        ("garbage", "answer_unreadable", [HELLO.text]),
        ("hang", "timeout", [HELLO.text]),
    ],
)
async def test_what_breaks_off_midway_is_unclear_and_not_repeated(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: str, why: str, arrived: list[str]
) -> None:
    desk.simulator.state.switch({"send_fault": fault, "send_faults": 1})
    monkeypatch.setattr(calls, "_READ", 0.3)
    async with serving(desk.account, desk.clock) as client:
        found = await client.send(ID, ExternalId(desk.guest.openid), HELLO)
    assert found == Unclear(why)
    assert desk.heard() == arrived
    assert desk.calls("message/custom/send") == 1


async def test_a_second_part_that_fails_makes_the_whole_unclear(desk: Desk) -> None:
    for _ in range(4):
        await desk.send()
    assert await desk.send(Reply("长" * 1000)) == Unclear("partly_sent")


async def test_nobody_there_is_tried_later(desk: Desk) -> None:
    openid = ExternalId(desk.guest.openid)
    for api in ("http://127.0.0.1:1", "http://nowhere.invalid"):
        async with serving(replace(desk.account, api=api), desk.clock) as client:
            assert await client.send(ID, openid, HELLO) == TryLater(3, "token_unreachable")
    await desk.send()
    gone = replace(desk.account, api="http://127.0.0.1:1")
    cache = MemoryTokenCache()
    await cache.put(gone.appid, Token.made("t", timedelta(hours=2), desk.clock.now()))

    async def find(_: AccountId) -> Account:
        return gone

    async with WeChatClient(find, cache, desk.clock.now) as client:
        assert await client.send(ID, openid, HELLO) == TryLater(3, "unreachable")


Handler = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def platform(token: Handler, send: Handler) -> AsyncIterator[str]:
    """Another server in the platform's place."""
    app = web.Application()
    app.add_routes([web.post("/cgi-bin/stable_token", token), web.post("/cgi-bin/message/custom/send", send)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def answering(status: int, body: str) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=body, content_type="application/json")

    return answer


GOOD_TOKEN = answering(200, '{"access_token":"t","expires_in":7200}')


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, '{"errcode":0,"errmsg":"ok"}', Accepted()),
        (200, "", Unclear("answer_unreadable")),
        (200, "[0]", Unclear("answer_unreadable")),
        (200, "{}", Unclear("answer_unreadable")),
        (200, '{"errcode":"0"}', Unclear("answer_unreadable")),
        (200, "[" * 100_000, Unclear("answer_unreadable")),
        (500, '{"errcode":0}', Unclear("http_500")),
        (404, "", TryLater(3, "http_404")),
        (302, "", TryLater(3, "http_302")),
    ],
)
async def test_strange_answers(clock: FixedClock, status: int, body: str, expected: Outcome) -> None:
    async with platform(GOOD_TOKEN, answering(status, body)) as api:
        account = SimulatedAccount.made().registered(ID, api)
        async with serving(account, clock) as client:
            assert await client.send(ID, ExternalId("o"), HELLO) == expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "nonsense", TryLater(3, "token_answer_unreadable")),
        (200, "{}", TryLater(2, "busy")),
        (502, "", TryLater(3, "token_http_502")),
        (200, '{"errcode":-1}', TryLater(2, "busy")),
        (200, '{"errcode":40164}', NeverDelivered("address_not_listed")),
        (200, '{"access_token":5,"expires_in":7200}', TryLater(2, "busy")),
    ],
)
async def test_without_a_token_nothing_was_sent(
    clock: FixedClock, status: int, body: str, expected: Outcome
) -> None:
    async def send(_request: web.Request) -> web.Response:
        raise AssertionError("a message was sent without a token")

    async with (
        platform(answering(status, body), send) as api,
        serving(SimulatedAccount.made().registered(ID, api), clock) as client,
    ):
        assert await client.send(ID, ExternalId("o"), HELLO) == expected


async def test_an_address_that_is_none(clock: FixedClock) -> None:
    async with serving(SimulatedAccount.made().registered(ID, "nonsense"), clock) as client:
        assert await client.send(ID, ExternalId("o"), HELLO) == TryLater(3, "token_api_address")


@pytest.mark.parametrize("vector", vectors("api_response_json"))
async def test_public_answers_are_read(clock: FixedClock, vector: dict[str, Any]) -> None:
    body = json.dumps(vector["expected"]["json"])
    is_token = "access_token" in body
    token, send = (
        (answering(200, body), answering(200, '{"errcode":0}'))
        if is_token
        else (GOOD_TOKEN, answering(200, body))
    )
    async with (
        platform(token, send) as api,
        serving(SimulatedAccount.made().registered(ID, api), clock) as client,
    ):
        found = await client.send(ID, ExternalId("o"), HELLO)
    assert isinstance(found, Accepted) == (is_token or '"errcode": 0' in body)


async def test_typing(desk: Desk) -> None:
    openid = ExternalId(desk.guest.openid)
    assert await desk.client.show_typing(ID, openid, on=True) == Accepted()
    assert desk.guest.typing
    assert await desk.client.show_typing(ID, openid, on=False) == Accepted()
    assert not desk.guest.typing
    assert await desk.client.show_typing(AccountId("b"), openid, on=True) == NeverDelivered("unknown_account")


async def test_a_client_outside_its_context_is_a_programming_error(clock: FixedClock) -> None:
    async def find(_: AccountId) -> Account:
        return SimulatedAccount.made().registered(ID, "http://127.0.0.1:1")

    with pytest.raises(RuntimeError, match="async with"):
        await WeChatClient(find, MemoryTokenCache(), clock.now).send(ID, ExternalId("o"), HELLO)
