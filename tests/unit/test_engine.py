"""The engine against a real server that misbehaves: whatever isn't a finished turn is a failure."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.engine import Engine, EngineFailed, NotUpYet, Turn, parse
from bot.model import Answer, Handoff, Order, OrderId, Reason, Remember, Say
from tests.servers import free_port

GOOD: dict[str, Any] = {
    "acts": [{"act": "answer", "topic": "ask_breakfast"}],
    "memory": {"version": 1},
    "intent": {"name": "ask_breakfast", "confidence": 0.9},
    "entities": [],
    "closed": True,
}


class Connector:
    """Answers each turn with what the test has put there; remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.pause = 200, json.dumps(GOOD).encode(), 0.0
        self.cut = False
        self.asked: list[tuple[str | None, Any]] = []

    async def turn(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.headers.get("X-Rasa-Token"), await request.json()))
        await asyncio.sleep(self.pause)
        if self.cut:
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(self.body)
            assert request.transport
            request.transport.close()
            return response
        return web.Response(status=self.status, body=self.body, content_type="application/json")


@pytest.fixture
def connector() -> Connector:
    return Connector()


@pytest.fixture
async def engine(connector: Connector) -> AsyncIterator[Engine]:
    app = web.Application()
    app.router.add_post("/webhooks/dianxiaoer/turn", connector.turn)
    async with TestServer(app) as server:
        made = Engine(str(server.make_url("")).rstrip("/"), "t0ken", 0.5)
        yield made
        await made.close()


async def test_the_readings_and_the_kind_of_a_complaint_come_too(
    engine: Engine, connector: Connector
) -> None:
    more = {
        "ranking": [{"name": "complain", "confidence": 0.7}],
        "complaint": {"kind": "critical", "topic": None},
    }
    connector.body = json.dumps(GOOD | more).encode()
    turn = await engine.ask("早餐几点", None, {})
    assert (turn.ranking, turn.complaint) == ((("complain", 0.7),), "critical")


async def test_a_finished_turn_comes_back_whole(engine: Engine, connector: Connector) -> None:
    turn = await engine.ask("早餐几点", {"version": 1}, {"room": "1208"})
    assert turn == Turn((Answer("ask_breakfast"),), {"version": 1}, "ask_breakfast", 0.9)
    assert connector.asked == [
        ("t0ken", {"text": "早餐几点", "memory": {"version": 1}, "facts": {"room": "1208"}})
    ]


@pytest.mark.parametrize("status", [201, 204, 301, 400, 401, 404, 500, 503, 504])
async def test_any_status_but_200_is_a_failure(engine: Engine, connector: Connector, status: int) -> None:
    connector.status = status
    with pytest.raises(EngineFailed, match=str(status)):
        await engine.ask("早餐几点", None, {})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"closed": false, "error": "timeout"}', "504: timeout"),
        ('{"error": "客人说：着火了"}'.encode(), "504: no reason given"),
        (b"[]", "504: no reason given"),
        (b"<html>", "504: no reason given"),
    ],
)
async def test_a_failure_has_the_connectors_code_and_no_words(
    engine: Engine, connector: Connector, body: bytes, why: str
) -> None:
    connector.status, connector.body = 504, body
    with pytest.raises(EngineFailed, match=f"{why}$"):
        await engine.ask("早餐几点", None, {})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"7",
        b'"closed"',
        b"<html>",
        b"\xff\xfe",
        b"{",
        b"[" * 5000,
        json.dumps({**GOOD, "closed": False}).encode(),
        json.dumps({**GOOD, "closed": "true"}).encode(),
        json.dumps({**GOOD, "closed": 1}).encode(),
        json.dumps({k: v for k, v in GOOD.items() if k != "closed"}).encode(),
        json.dumps({k: v for k, v in GOOD.items() if k != "acts"}).encode(),
        json.dumps({**GOOD, "acts": None}).encode(),
        json.dumps({**GOOD, "acts": "answer"}).encode(),
        json.dumps({**GOOD, "acts": {"act": "answer"}}).encode(),
        json.dumps({**GOOD, "acts": [None]}).encode(),
        json.dumps({**GOOD, "acts": [{"act": "dance"}]}).encode(),
        json.dumps({**GOOD, "acts": [{"act": "answer"}]}).encode(),
        json.dumps({**GOOD, "acts": [{"act": "answer", "topic": 7}]}).encode(),
        json.dumps({**GOOD, "acts": [{"act": "say", "key": ["greet"]}]}).encode(),
        json.dumps({**GOOD, "acts": [{"act": "say", "key": "greet", "values": [1]}]}).encode(),
        json.dumps({**GOOD, "acts": [{"act": "say", "key": "greet", "options": ["yes"]}]}).encode(),
        json.dumps({**GOOD, "acts": [{"act": "say", "key": "greet", "options": [{}]}]}).encode(),
        json.dumps({**GOOD, "acts": [{"act": "order", "op": "steal", "service": "x"}]}).encode(),
        json.dumps({**GOOD, "acts": [{"act": "order", "op": "place", "service": "x", "slots": 3}]}).encode(),
        json.dumps({**GOOD, "acts": [{"act": "remember", "preference": 7}]}).encode(),
        json.dumps({**GOOD, "acts": [{"act": "handoff", "reason": "bored"}]}).encode(),
        json.dumps({**GOOD, "acts": [{"act": "handoff", "reason": "suggest", "detail": "x"}]}).encode(),
        json.dumps({**GOOD, "memory": "all of it"}).encode(),
        json.dumps({**GOOD, "intent": "ask_breakfast"}).encode(),
        json.dumps({**GOOD, "intent": {"name": "x", "confidence": "high"}}).encode(),
    ],
)
async def test_whatever_is_no_turn_is_a_failure(engine: Engine, connector: Connector, body: bytes) -> None:
    connector.body = body
    with pytest.raises(EngineFailed):
        await engine.ask("早餐几点", None, {})


async def test_an_answer_that_breaks_off_is_a_failure(engine: Engine, connector: Connector) -> None:
    connector.cut = True
    with pytest.raises(EngineFailed):
        await engine.ask("早餐几点", None, {})


async def test_slow_is_a_failure_and_the_next_turn_is_asked_as_ever(
    engine: Engine, connector: Connector
) -> None:
    connector.pause = 5.0
    with pytest.raises(EngineFailed, match="Timeout"):
        await engine.ask("早餐几点", None, {})
    connector.pause = 0.0
    assert (await engine.ask("早餐几点", None, {})).intent == "ask_breakfast"


async def test_nobody_there_is_a_failure() -> None:
    engine = Engine(f"http://127.0.0.1:{free_port()}", "t", 0.5)
    with pytest.raises(EngineFailed):
        await engine.ask("早餐几点", None, {})
    await engine.close()


async def test_who_starts_with_us_is_waited_for_until_it_has_answered_once(connector: Connector) -> None:
    app, port = web.Application(), free_port()
    app.router.add_post("/webhooks/dianxiaoer/turn", connector.turn)
    engine = Engine(f"http://127.0.0.1:{port}", "t", 0.5, warmup=60)
    with pytest.raises(NotUpYet):
        await engine.ask("早餐几点", None, {})
    async with TestServer(app, port=port):
        assert (await engine.ask("早餐几点", None, {})).intent == "ask_breakfast"
    with pytest.raises(EngineFailed) as failed:
        await engine.ask("早餐几点", None, {})
    assert not isinstance(failed.value, NotUpYet)
    await engine.close()


async def test_a_failure_tells_nothing_of_the_guests_words(engine: Engine, connector: Connector) -> None:
    connector.body = json.dumps({**GOOD, "acts": [{"act": "芝麻"}], "closed": False}).encode()
    with pytest.raises(EngineFailed) as failed:
        await engine.ask("芝麻开门", None, {})
    assert "芝麻" not in str(failed.value)


def test_every_act_is_understood() -> None:
    acts = [
        {"act": "say", "key": "wake_confirm", "values": {"room": "1208"}, "options": [{"key": "option_yes"}]},
        {"act": "answer", "topic": "ask_pool"},
        {"act": "order", "op": "cancel", "service": "wake_up_call", "order": "o1", "slots": {"room": "1"}},
        {"act": "remember", "preference": "不放水果"},
        {"act": "handoff", "reason": "complain", "detail": {"kind": "critical"}},
        {"act": "handoff", "reason": "suggest"},
    ]
    assert parse({"acts": acts, "closed": True}).acts == (
        Say("wake_confirm", {"room": "1208"}, ({"key": "option_yes"},)),
        Answer("ask_pool"),
        Order("cancel", "wake_up_call", {"room": "1"}, OrderId("o1")),
        Remember("不放水果"),
        Handoff(Reason.COMPLAIN, {"kind": "critical"}),
        Handoff(Reason.SUGGEST),
    )


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_understood(reason: Reason) -> None:
    turn = parse({"acts": [{"act": "handoff", "reason": reason.value}], "closed": True})
    assert turn.acts == (Handoff(reason),)


@pytest.mark.parametrize("sent", [None, "", "no base64!", "AAAA", 3, [1.0]])
def test_a_vector_that_can_not_be_read_is_none(sent: object) -> None:
    assert parse({"acts": [], "closed": True, "vector": sent}).vector is None


def test_the_messages_vector_is_taken_as_it_was_sent() -> None:
    sent = bytes(range(256)) * 3
    assert parse({"acts": [], "closed": True, "vector": base64.b64encode(sent).decode()}).vector == sent
