"""The product as it runs: real processes of Rasa, actions and bot, one clock that a test shifts, and a gate
between bot and Rasa that a test may close."""

import asyncio
import atexit
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web
from argon2 import PasswordHasher

from bot.__main__ import main as command_line
from bot.clock import Clock
from bot.simulator import SimulatedAccount, Simulator, Switches
from bot.store import members
from bot.store.database import Database
from tests.rasa_servers import ROOT, TOKEN, Assistant
from tests.servers import free_port

HOTEL, THERE = "xinghaihui", ZoneInfo("Asia/Shanghai")
OTHER_HOTEL = "yunting"
PASSWORD = "correct horse battery"
PATIENCE = 30.0


async def until(what: Callable[[], Any], within: float = PATIENCE) -> Any:
    """The first true value of `what`, which may be async; TimeoutError says that it never came."""
    pause = 0.05  # the longer it takes, the less often it is asked: asking is work for what is waited for
    async with asyncio.timeout(within):
        while True:
            found = what()
            found = await found if asyncio.iscoroutine(found) else found
            if found:
                return found
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, 0.25)


class Gate:
    """What stands between bot and Rasa: passes turns on, holds their answers while it is closed."""

    def __init__(self, assistant_url: str) -> None:
        self._target, self._open = assistant_url, asyncio.Event()
        self._open.set()
        self.asked: list[dict[str, Any]] = []
        self.answered = 0
        self.broken = False  # answers 500 as long as it is set
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        self._session = aiohttp.ClientSession()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self._open.set()
        if self._runner:
            await self._runner.cleanup()
        await self._session.close()

    def close(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def _pass(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.method == "POST":
            self.asked.append(json.loads(body))
        if self.broken:
            return web.Response(status=500)
        headers = {k: v for k, v in request.headers.items() if k in ("X-Rasa-Token", "Content-Type")}
        url = self._target + request.rel_url.raw_path_qs
        async with self._session.request(request.method, url, data=body, headers=headers) as answer:
            content = await answer.read()
        await self._open.wait()
        self.answered += request.method == "POST"
        return web.Response(body=content, status=answer.status, content_type="application/json")


@dataclass
class Bot:
    """One process of the service."""

    environment: dict[str, str]
    log: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> str:
        """What `python -m bot …` does beside the service, without waiting for one more interpreter."""
        with ThreadPoolExecutor(1) as beside, redirect_stdout(StringIO()) as said:
            code = beside.submit(command_line, arguments, self.environment).result(60)
        if code:
            raise RuntimeError(f"{arguments} failed: {said.getvalue()}")
        return said.getvalue()

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bot", "serve"], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        await until(self._healthy)

    async def _healthy(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise RuntimeError(self.log.read_text("utf-8")[-3000:])
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/healthz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    def kill(self) -> None:
        """As if the power had gone."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(15)


class DeskUser:
    """A staff member's browser, as far as the API can tell."""

    def __init__(self, bot: Bot, login: str, hotel: str = HOTEL) -> None:
        self.bot, self.login, self.hotel = bot, login, hotel
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"X-Desk": "1"}
        )

    async def sign_in(self, password: str = PASSWORD) -> dict[str, Any]:
        body = {"login": self.login, "password": password}
        async with self._session.post(f"{self.bot.url}/desk/v1/session", json=body) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found

    async def change_password(self, old: str, new: str) -> None:
        body = {"old": old, "new": new}
        async with self._session.post(f"{self.bot.url}/desk/v1/password", json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        url = f"{self.bot.url}/desk/v1/hotels/{self.hotel}/{path}"
        async with self._session.request(method, url, json=body) as answer:
            return answer.status, await answer.json()

    async def conversations(self, state: str = "") -> list[dict[str, Any]]:
        _, found = await self.call("GET", f"conversations?state={state}")
        rows: list[dict[str, Any]] = found["conversations"]
        return rows

    async def one(self, state: str = "") -> str:
        """The id of the only conversation, once there is one in that state."""
        rows = await until(lambda: self.conversations(state))
        assert len(rows) == 1
        return str(rows[0]["id"])

    async def events(self, conversation: str, type_: str = "") -> list[dict[str, Any]]:
        _, found = await self.call("GET", f"conversations/{conversation}")
        return [e for e in found["events"] if not type_ or e["type"] == type_]

    async def row(self, conversation: str) -> dict[str, Any]:
        _, found = await self.call("GET", f"conversations/{conversation}")
        row: dict[str, Any] = found["conversation"]
        return row

    async def act(self, conversation: str, what: str, **body: object) -> dict[str, Any]:
        status, found = await self.call("POST", f"conversations/{conversation}/{what}", body)
        assert status == 200, found
        return found

    async def reply(self, conversation: str, text: str, client_id: str = "") -> dict[str, Any]:
        return await self.act(conversation, "reply", text=text, client_id=client_id or f"c-{time.time_ns()}")

    async def send_file(self, conversation: str, data: bytes, client_id: str) -> dict[str, Any]:
        path = f"conversations/{conversation}/files?client_id={client_id}"
        url = f"{self.bot.url}/desk/v1/hotels/{self.hotel}/{path}"
        async with self._session.post(url, data=data) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found

    async def orders(self, state: str = "open") -> list[dict[str, Any]]:
        _, found = await self.call("GET", f"orders?state={state}")
        rows: list[dict[str, Any]] = found["orders"]
        return rows

    async def close(self) -> None:
        await self._session.close()


@dataclass
class World:
    """One installation, with everything a test may break."""

    bot: Bot
    gate: Gate
    simulator: Simulator
    clock_file: Path
    database: Path
    desks: list[DeskUser] = field(default_factory=list)

    def shift(self, **units: float) -> None:
        """Let time pass for all processes at once: shift(hours=1)."""
        names = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}
        more = sum(names[unit] * count for unit, count in units.items())
        self.clock_file.write_text(str(float(self.clock_file.read_text()) + more))

    def until_hour(self, hour: int, weekday: int | None = None, days: int = 0) -> None:
        """Let time pass until that hour at the hotel, on the next such weekday, at least `days` from now."""
        now = self.clock().now().astimezone(THERE)
        then = (now + timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0)
        while then <= now or weekday not in (None, then.weekday()):
            then += timedelta(days=1)
        self.shift(seconds=(then - now).total_seconds())

    def clock(self) -> Clock:
        return Clock(self.clock_file)

    async def desk(self, login: str = "admin", hotel: str = HOTEL) -> DeskUser:
        user = DeskUser(self.bot, login, hotel)
        self.desks.append(user)
        await user.sign_in()
        return user

    @contextmanager
    def database_locked(self) -> Iterator[None]:
        """Nobody can commit meanwhile (SQLite)."""
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.database)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


def set_password(bot: Bot, login: str) -> str:
    """A person's one-time password, as the command prints it."""
    said = bot.command("staff", "reset", login)
    found = re.search(r"password\S* ([\w-]{12,})", said)
    assert found, said
    return found[1]


async def own_password(bot: Bot, login: str) -> None:
    """A password of their own, as if they had chosen it; hashed for a test, which signs in often."""
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    database = Database(bot.environment["DATABASE_URL"])
    try:
        async with database.write() as tx:
            member = await members.find_staff(tx, login)
            assert member, login
            await members.change_staff(tx, member.id, password=hashed, must_change=False)
    finally:
        await database.close()


@dataclass(frozen=True)
class Template:
    """A prepared installation that nobody has used yet; copied, it saves a test five processes' starts."""

    database: Path
    account: SimulatedAccount
    simulator_port: int


_TEMPLATES: dict[bool, Template] = {}


async def _template(custom_send: bool) -> Template:
    """With the sample hotel, a simulated account and an administrator with a password of their own."""
    if custom_send not in _TEMPLATES:
        folder = Path(tempfile.mkdtemp(prefix="dianxiaoer-template-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        made = Template(folder / "dianxiaoer.db", SimulatedAccount.made(), free_port())
        bot = Bot(_environment(folder, "http://127.0.0.1:9", {}), folder / "bot.log", free_port())
        bot.command("prepare")
        _add_wechat(bot, made, custom_send)
        await own_password(bot, "admin")
        _TEMPLATES[custom_send] = made
    return _TEMPLATES[custom_send]


def _environment(folder: Path, rasa_url: str, settings: dict[str, str]) -> dict[str, str]:
    clock_file = folder / "clock"
    clock_file.write_text("0")
    return os.environ | {
        "DIANXIAOER_ENV": "test",
        "ENGINE_WARMUP": "0",
        "CLOCK_FILE": str(clock_file),
        "DATABASE_URL": f"sqlite:///{folder}/dianxiaoer.db",
        "BLOB_URL": f"file:{folder}/blobs",
        "BACKUP_DIR": str(folder / "backups"),
        "SEALING_KEYS": "test:dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=",
        "RASA_URL": rasa_url,
        "RASA_TOKEN": TOKEN,
        **settings,
    }


@asynccontextmanager
async def running(
    folder: Path,
    assistant: Assistant,
    *,
    custom_send: bool = True,
    switches: Switches | None = None,
    **settings: str,
) -> AsyncIterator[World]:
    """An installation with the sample hotel, a simulated account and an administrator, serving."""
    template = await _template(custom_send)
    for file in template.database.parent.glob("dianxiaoer.db*"):
        shutil.copy(file, folder)
    gate = Gate(f"http://127.0.0.1:{assistant.rasa.port}")
    await gate.start()
    port = free_port()
    environment = _environment(folder, gate.url, {"PORT": str(port), **settings})
    bot = Bot(environment, folder / "bot.log", port)
    clock_file = folder / "clock"
    simulator = Simulator(
        template.account,
        f"{bot.url}/wechat/sim",
        port=template.simulator_port,
        now=Clock(clock_file).now,
        switches=switches,
    )
    world = World(bot, gate, simulator, clock_file, folder / "dianxiaoer.db")
    try:
        async with simulator:
            await bot.start()
            yield world
    finally:
        for user in world.desks:
            await user.close()
        bot.stop()
        await gate.stop()


def _add_wechat(bot: Bot, template: Template, custom_send: bool) -> None:
    account = template.account
    values = {
        "appid": account.appid,
        "secret": account.secret,
        "token": account.token,
        "aes_keys": account.aes_key,
        "mode": account.mode.value,
        "api": f"http://127.0.0.1:{template.simulator_port}",
        "custom_send": str(custom_send).lower(),
    }
    sets = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    bot.command("account", "add", "wechat", "--hotel", HOTEL, "--id", "sim", *sets)
