"""Telling an app's backend that its guest is away: a real server that takes it, fails, hangs or has gone."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import accounts, push_webhooks
from bot.channels import app
from bot.model import AccountId
from bot.push_webhooks import AGAIN, AWAY, SIGNATURE
from bot.store import desk, read_marks
from bot.store.database import Database
from tests.conftest import ROOT, FixedClock
from tests.contract.floor import ONE, Floor

SECRET = "a-secret-between-the-two-of-us"
WORDS = "早餐几点，我在1208"


@dataclass
class Backend:
    """The hotel's backend: keeps what it is sent, answers what the test has put there."""

    answers: list[int] = field(default_factory=list)
    calls: list[tuple[dict[str, Any], bytes, str]] = field(default_factory=list)
    hangs: bool = False
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.calls.append((json.loads(body), body, request.headers[SIGNATURE]))
        if self.hangs:
            await asyncio.sleep(30)
        status = self.answers.pop(0) if self.answers else 200
        return web.Response(status=status, headers={"Location": self.url} if status == 302 else {})


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    made, application = Backend(), web.Application()
    application.router.add_post("/push", made.take)
    server = TestServer(application)
    await server.start_server(shutdown_timeout=0.1)
    made.url = str(server.make_url("/push"))
    yield made
    await server.close()


class Away:
    """A guest of the hotel's app who has asked something and gone."""

    def __init__(self, floor: Floor, clock: FixedClock) -> None:
        self.floor, self.clock = floor, clock

    async def open(self, url: str) -> None:
        values = {"push_url": url, "push_secret": SECRET}
        async with self.floor.database.write() as tx:
            await accounts.save(tx, self.floor.seal, "app", AccountId("ours"), ONE, values, self.clock.now())

    async def ask(self, n: int = 1) -> None:
        """The guest writes, and is answered."""
        async with self.floor.database.read() as tx:
            account = await desk.account_of(tx, "app", AccountId("ours"))
        assert account
        body = {"client_id": f"client-{n:04}", "text": WORDS}
        inbound = app.parse_message("member-7", body, self.clock.now())
        self.received = await self.floor.dispatch.receive(account, inbound)
        self.clock.forward(seconds=3)
        await self.floor.work()

    async def pass_by(self, **span: float) -> None:
        self.clock.forward(**span)
        await self.floor.work()

    async def look(self) -> None:
        """The app fetches what is new."""
        identity = self.received.identity
        async with self.floor.database.write() as tx:
            await read_marks.mark_read(tx, ONE, identity.conversation, f"identity:{identity.id}", 10_000)


@pytest.fixture
async def guest(database_url: str, clock: FixedClock, backend: Backend) -> AsyncIterator[Away]:
    database = Database(database_url)
    floor = Floor(database, clock)
    await floor.open()
    made = Away(floor, clock)
    await made.open(backend.url)
    yield made
    await database.close()


async def test_a_guest_who_does_not_look_is_told_of_once_and_without_words(
    guest: Away, backend: Backend
) -> None:
    await guest.ask()
    assert backend.calls == []
    await guest.pass_by(seconds=AWAY + 1)
    await guest.pass_by(hours=3)
    assert len(backend.calls) == 1
    event, body, signature = backend.calls[0]
    assert set(event) == {
        "id",
        "type",
        "at",
        "account",
        "hotel",
        "subject",
        "conversation",
        "unread",
        "kind",
    }
    assert (event["subject"], event["account"], event["unread"]) == ("member-7", "ours", 1)
    assert (event["type"], event["kind"]) == ("guest.unread", "assistant")
    assert "早餐" not in body.decode()
    at = signature.partition(",")[0].removeprefix("t=")
    expected = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert signature == f"t={at},v1={expected}"


async def test_who_has_looked_is_not_called(guest: Away, backend: Backend) -> None:
    await guest.ask()
    await guest.look()
    await guest.pass_by(minutes=5)
    assert backend.calls == []


async def test_a_failing_backend_is_asked_again_with_the_same_id(guest: Away, backend: Backend) -> None:
    backend.answers = [500, 429, 200]
    await guest.ask()
    await guest.pass_by(seconds=AWAY + 1)
    await guest.pass_by(seconds=AGAIN[0].total_seconds() - 2)
    assert len(backend.calls) == 1
    await guest.pass_by(seconds=3)
    await guest.pass_by(seconds=AGAIN[1].total_seconds() + 1)
    await guest.pass_by(hours=5)
    assert len(backend.calls) == 3
    assert len({event["id"] for event, _, _ in backend.calls}) == 1


async def test_what_was_read_meanwhile_is_not_repeated(guest: Away, backend: Backend) -> None:
    backend.answers = [503] * 9
    await guest.ask()
    await guest.pass_by(seconds=AWAY + 1)
    await guest.look()
    await guest.pass_by(hours=1)
    assert len(backend.calls) == 1


@pytest.mark.parametrize("status", [410, 404, 401, 302])
async def test_a_backend_that_has_gone_is_not_asked_again(guest: Away, backend: Backend, status: int) -> None:
    backend.answers = [status]
    await guest.ask()
    await guest.pass_by(seconds=AWAY + 1)
    await guest.pass_by(hours=5)
    assert len(backend.calls) == 1


async def test_a_backend_that_hangs_is_left_and_asked_again(
    guest: Away, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_webhooks, "TIMEOUT", 0.2)
    backend.hangs = True
    await guest.ask()
    await guest.pass_by(seconds=AWAY + 1)
    backend.hangs = False
    await guest.pass_by(seconds=AGAIN[0].total_seconds() + 1)
    assert len(backend.calls) == 2


async def test_a_backend_that_is_never_there_is_given_up(guest: Away, backend: Backend) -> None:
    backend.answers = [500] * 20
    await guest.ask()
    for _ in range(12):
        await guest.pass_by(hours=3)
    assert len(backend.calls) == 1 + len(AGAIN)
    await guest.ask(2)
    await guest.pass_by(seconds=AWAY + 1)
    assert len({event["id"] for event, _, _ in backend.calls}) == 2


def test_the_waits_grow() -> None:
    assert list(AGAIN) == sorted(AGAIN)
    assert timedelta(seconds=push_webhooks.TIMEOUT) < timedelta(seconds=5)


# ---- the example of a backend, which has 极光 or 个推 ring the phone

APP_ID, APP_KEY, MASTER = "app-1", "7d431e42dfa6a6d6", "5e987ac6d2e04d95"
# What both document of an alias, without what only one of them takes.
ALIAS = re.compile(r"[0-9A-Za-z_]{1,40}", re.ASCII)


@dataclass
class PushService:
    """Both services' REST interfaces as documented. `phones` have the alias that was last pushed to."""

    statuses: list[int] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    handed_out: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    tokens: list[str] = field(default_factory=list)
    rung: int = 0
    bound: bool = True

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v3/push/cid", self.cid),
            web.post("/v3/push", self.jpush),
            web.post(f"/v2/{APP_ID}/auth", self.auth),
            web.post(f"/v2/{APP_ID}/push/single/alias", self.getui),
        ]

    def ring(self, body: dict[str, Any], once: str) -> None:
        (alias,) = body["audience"]["alias"]
        assert ALIAS.fullmatch(alias)
        self.bodies.append(body)
        self.rung += once not in self.done
        self.done.add(once)

    def known(self, request: web.Request) -> bool:
        wanted = base64.b64encode(f"{APP_KEY}:{MASTER}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {wanted}"

    async def cid(self, request: web.Request) -> web.Response:
        assert self.known(request)
        self.handed_out.append(f"{APP_KEY}-{len(self.handed_out)}")
        return web.json_response({"cidlist": self.handed_out[-1:]})

    async def jpush(self, request: web.Request) -> web.Response:
        assert self.known(request)
        body = await request.json()
        assert body["cid"] in self.handed_out
        assert body["platform"] == "all"
        assert body["options"] == {"time_to_live": 3600, "apns_production": True}
        assert body["notification"]["ios"]["badge"] == 1
        if not self.bound:
            return web.json_response({"error": {"code": 1011, "message": "no target"}}, status=400)
        self.ring(body, body["cid"])
        if self.statuses:  # it has rung, and the answer is lost on the way
            return web.Response(status=self.statuses.pop())
        return web.json_response({"sendno": "0", "msg_id": "1828256757"})

    async def auth(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert re.fullmatch(r"\d{13}", body["timestamp"])
        made = hashlib.sha256(f"{APP_KEY}{body['timestamp']}{MASTER}".encode()).hexdigest()
        assert (body["appkey"], body["sign"]) == (APP_KEY, made)
        self.tokens.append(f"token-{len(self.tokens)}")
        data = {"expire_time": "1999999999999", "token": self.tokens[-1]}
        return web.json_response({"code": 0, "msg": "success", "data": data})

    async def getui(self, request: web.Request) -> web.Response:
        if request.headers.get("token") != self.tokens[-1]:
            return web.json_response({"code": 10001, "msg": "token error"}, status=401)
        body = await request.json()
        assert 10 <= len(body["request_id"]) <= 32
        assert body["push_message"]["notification"]["click_type"] == "startapp"
        # 个推 itself reaches nobody who is away, and an iPhone never.
        channel = body["push_channel"]
        assert channel["ios"]["type"] == "notify"
        assert channel["ios"]["aps"]["alert"] == {"title": "您有新消息", "body": "酒店回复您了"}
        assert channel["android"]["ups"]["notification"]["body"] == "酒店回复您了"
        if not self.bound:
            return web.json_response({"code": 20001, "msg": "target user is invalid"}, status=400)
        self.ring(body, body["request_id"])
        if self.statuses:
            return web.Response(status=self.statuses.pop())
        return web.json_response({"code": 0, "msg": "", "data": {"task": {"cid": "successed_offline"}}})


@asynccontextmanager
async def example(service: str, phones: PushService) -> AsyncIterator[str]:
    """The example's address; it runs as a program of its own."""
    application = web.Application()
    application.add_routes(phones.routes())
    server = TestServer(application)
    await server.start_server(shutdown_timeout=0.1)
    program = [sys.executable, str(ROOT / "examples/python/push_backend.py"), service]
    started = await asyncio.create_subprocess_exec(
        *program,
        *("--port", "0", "--url", str(server.make_url("")).rstrip("/")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert started.stdin
        assert started.stdout
        keys = {"push_secret": SECRET, "app_id": APP_ID, "app_key": APP_KEY, "master_secret": MASTER}
        started.stdin.write(json.dumps(keys).encode() + b"\n")
        async with asyncio.timeout(60):
            port = (await started.stdout.readline()).decode().removeprefix("listening on ").strip()
        yield f"http://127.0.0.1:{port}/dianxiaoer"
    finally:
        started.kill()
        await started.wait()
        await server.close()


async def tell(address: str, body: bytes, secret: str = SECRET, at: int | None = None) -> int:
    """As it is told, at the hour that the example's clock shows."""
    signature = push_webhooks.sign(secret, int(time.time()) if at is None else at, body)
    async with (
        aiohttp.ClientSession() as http,
        http.post(address, data=body, headers={SIGNATURE: signature}) as answer,
    ):
        return answer.status


@pytest.mark.parametrize("service", ["jpush", "getui"])
async def test_the_example_rings_the_phone_once_for_each_event(
    guest: Away, backend: Backend, service: str
) -> None:
    await guest.ask()
    await guest.pass_by(seconds=AWAY + 1)
    ((event, body, _),) = backend.calls
    phones = PushService(statuses=[502])
    async with example(service, phones) as address:
        assert await tell(address, body, secret="another") == 401
        assert await tell(address, body, at=int(time.time()) - 301) == 401
        assert phones.bodies == []
        assert await tell(address, body) == 503
        assert await tell(address, body) == 204
        assert await tell(address, body) == 204
        assert (len(phones.bodies), phones.rung) == (2, 1)
        said = json.dumps(phones.bodies, ensure_ascii=False)
        assert "早餐" not in said
        assert "member-7" not in said
        assert event["conversation"] in said

        phones.tokens.append("another")  # the one that was given has run out
        later = json.dumps(event | {"id": "another-event"}).encode()
        assert await tell(address, later) == 204
        assert phones.rung == 2

        # Nobody has signed in with this alias: that stays so, and isn't tried again.
        phones.bound = False
        nobody = json.dumps(event | {"id": "a-third-event", "subject": "x" * 200}).encode()
        assert await tell(address, nobody) == 422
        assert phones.rung == 2
