"""Telling an app's backend that its guest is away: a real server that takes it, fails, hangs or has gone."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import accounts, push_webhooks
from bot.channels import app
from bot.model import AccountId
from bot.push_webhooks import AGAIN, AWAY, SIGNATURE
from bot.store import desk, read_marks
from bot.store.database import Database
from tests.conftest import FixedClock
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
