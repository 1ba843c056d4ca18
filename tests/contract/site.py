"""The real application on a test server: both hotels, their pages, two official accounts, no engine."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import jwt
from aiohttp import ClientResponse, ClientWebSocketResponse, CookieJar, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import accounts, knowledge, main, staff
from bot.guest_tokens import Key
from bot.http.guard import DATABASE
from bot.model import AccountId, HotelId
from bot.sealing import Seal
from bot.settings import Settings
from bot.store.database import Database
from tests.contract.prepared import prepared
from tests.core import OTHER, SAMPLE, documents
from tests.servers import free_port

ONE, TWO = "xinghaihui", "yunting"
ORIGIN = "https://www.xinghaihui.example"
PASSWORD = "a-password-of-ones-own"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
TOKEN, OTHER_TOKEN = "v" * 43, "w" * 43
APP_SECRET = "a-secret-of-the-hotels-own-backend-for-tests"
SOON: dict[str, object] = {"ENGINE_TIMEOUT": 0.5}


main.load_texts = cache(main.load_texts)  # type: ignore[attr-defined]  # they take a while and never change


async def furnish(settings: Settings) -> None:
    """Hotels, accounts and people in the settings' migrated database."""
    database, seal = Database(settings.database_url), main.seal_of(settings)
    async with database.write() as tx:
        await prepared(tx, f"site {seal.derived('tests')}", partial(_furnish, seal=seal))
    await database.close()


async def _furnish(tx: AsyncConnection, seal: Seal) -> None:
    now = datetime.now(UTC)
    wechat = {
        "appid": "wxtest",
        "secret": "s3cret",
        "token": "t0ken",
        "api": f"http://127.0.0.1:{free_port()}",
    }
    for folder in (SAMPLE, OTHER):
        await knowledge.save(tx, documents(folder), now)
    for hotel in (ONE, TWO):
        await accounts.save(tx, seal, "web", AccountId(f"{hotel}-page"), HotelId(hotel), {}, now)
        app = {"origins": [ORIGIN], "keys": [Key("k1", "HS256", APP_SECRET).to_json()]}
        await accounts.save(tx, seal, "app", AccountId(f"{hotel}-app"), HotelId(hotel), app, now)
    plain = {**wechat, "mode": "plain"}
    await accounts.save(tx, seal, "wechat", AccountId("plain"), HotelId(ONE), plain, now)
    safe = {**wechat, "mode": "safe", "aes_keys": [AES_KEY]}
    await accounts.save(tx, seal, "wechat", AccountId("safe"), HotelId(ONE), safe, now)
    for login, roles in {
        "admin": {HotelId(ONE): "administrator"},
        "agent": {HotelId(ONE): "agent"},
        "new": {HotelId(ONE): "agent"},
        "far": {HotelId(TWO): "administrator"},
    }.items():
        await staff.add(tx, login, f"员工{login}", roles, PASSWORD, now)
    await tx.execute(text("UPDATE staff SET must_change = false WHERE login <> 'new'"))


def app_token(subject: str = "member-7", hotel: str = ONE, secret: str = APP_SECRET, **claims: Any) -> str:
    """A token as the hotel's backend signs it."""
    now = int(time.time())
    whole = {"sub": subject, "aud": f"{hotel}-app", "iat": now, "exp": now + 600} | claims
    return jwt.encode(whole, secret, "HS256", headers={"kid": "k1"})


class Browser:
    """One visitor's or staff member's browser: cookies of its own, and what its pages would send."""

    def __init__(self, client: TestClient[web.Request, web.Application]) -> None:
        self.client = client

    async def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None, **more: Any
    ) -> tuple[int, Any]:
        """Status and JSON of a request with the header that the desk's pages send."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"X-Desk": "1", "Content-Type": "application/json"} | (headers or {})
        async with self.client.request(method, path, data=data, headers=sent, **more) as answer:
            return answer.status, await shown(answer)

    async def sign_in(self, login: str, password: str = PASSWORD) -> tuple[int, Any]:
        return await self.call("POST", "/desk/v1/session", {"login": login, "password": password})

    async def desk(self, method: str, path: str, body: object = None, hotel: str = ONE) -> tuple[int, Any]:
        return await self.call(method, f"/desk/v1/hotels/{hotel}/{path}", body)

    async def feed(self, hotel: str = ONE, **hello: object) -> ClientWebSocketResponse:
        socket = await self.client.ws_connect(f"/desk/v1/hotels/{hotel}/feed")
        await socket.send_json({"type": "hello", "cursor": None, "follow": {}} | hello)
        return socket

    async def send(self, words: object, client_id: str, token: str = TOKEN, **more: Any) -> tuple[int, Any]:
        body = {"token": token, "client_id": client_id, "text": words}
        return await self.call("POST", f"/widget/v1/{ONE}-page/messages", body, {"Origin": ORIGIN}, **more)

    async def poll(self, after: object = 0, token: str = TOKEN) -> tuple[int, Any]:
        return await self.call(
            "POST", f"/widget/v1/{ONE}-page/poll", {"token": token, "after": after}, {"Origin": ORIGIN}
        )

    async def app(
        self, method: str, path: str, body: object = None, token: str | None = None, **more: Any
    ) -> tuple[int, Any]:
        """What the hotel's app sends, as one of its guests."""
        headers = {"Authorization": f"Bearer {token or app_token()}"} | more.pop("headers", {})
        return await self.call(method, f"/app/v1/{path}", body, headers, **more)

    async def app_socket(self, token: str | None = None, **hello: object) -> ClientWebSocketResponse:
        socket = await self.client.ws_connect("/app/v1/socket")
        await socket.send_json({"type": "hello", "token": token or app_token()} | hello)
        return socket

    async def widget(self, origin: str = ORIGIN) -> ClientWebSocketResponse:
        return await self.client.ws_connect(f"/widget/v1/{ONE}-page/socket", headers={"Origin": origin})


async def shown(answer: ClientResponse) -> Any:
    words = await answer.text()
    assert not re.search(r"Traceback|File \"|sqlalchemy|SELECT |asyncpg", words), words
    return json.loads(words) if words and answer.content_type == "application/json" else words


async def frames(socket: ClientWebSocketResponse, *until: str) -> list[Any]:
    """Frames up to the first of one of these types."""
    found: list[Any] = []
    while not found or found[-1]["type"] not in until:
        message = await socket.receive(timeout=20)
        assert message.type is WSMsgType.TEXT, message
        found.append(json.loads(message.data))
    return found


class Site:
    """The serving application."""

    def __init__(self, app: web.Application, server: TestServer) -> None:
        self.app, self._server = app, server
        self._clients: list[TestClient[web.Request, web.Application]] = []

    @property
    def origin(self) -> str:
        return str(self._server.make_url("")).rstrip("/")

    async def browser(self) -> Browser:
        client = TestClient(self._server, cookie_jar=CookieJar(unsafe=True))
        self._clients.append(client)
        return Browser(client)

    async def signed_in(self, login: str = "agent") -> Browser:
        browser = await self.browser()
        status, body = await browser.sign_in(login)
        assert status == 200, body
        return browser

    async def sql(self, statement: str) -> list[Any]:
        async with self.app[DATABASE].write() as tx:
            done = await tx.execute(text(statement))
            return list(done.all()) if done.returns_rows else []

    async def close(self) -> None:
        sockets = [asyncio.create_task(s.close()) for client in self._clients for s in client._websockets]
        if sockets:
            await asyncio.wait(sockets, timeout=1)
        for client in self._clients:
            for answer in client._responses:
                answer.close()
            await client.session.close()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Site]:
    await furnish(settings)
    async with AsyncExitStack() as stack:
        app = await main.build(settings, stack)
        server = TestServer(app)
        await server.start_server()
        stack.push_async_callback(server.close)
        site = Site(app, server)
        stack.push_async_callback(site.close)
        yield site
