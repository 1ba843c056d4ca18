"""The shipped proxies in front of a real running bot; who isn't installed is skipped, and says so."""

import asyncio
import io
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from bot import media
from tests.proxies import STARTS, Proxy, stop
from tests.scenario.world import HOTEL, PASSWORD, Bot, _environment, _template, until
from tests.servers import free_port

ORIGIN = "https://www.xinghaihui.example"
BEYOND = 65  # seconds; nginx cuts what has been silent for 60

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """The service as `python -m bot serve` runs it; there is no Rasa, so a person is asked for."""
    folder, port = tmp_path_factory.mktemp("bot"), free_port()
    template = asyncio.run(_template(True))
    for file in template.database.parent.glob("dianxiaoer.db*"):
        shutil.copy(file, folder)
    environment = _environment(folder, "http://127.0.0.1:9", {"PORT": str(port), "ENGINE_TIMEOUT": "0.2"})
    serving = Bot(environment, folder / "bot.log", port)
    asyncio.run(serving.start())
    yield serving
    serving.stop()


@pytest.fixture(scope="module", params=STARTS)
def proxy(
    request: pytest.FixtureRequest, bot: Bot, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp(request.param)
    running = STARTS[request.param](folder, f"127.0.0.1:{bot.port}")
    yield running
    stop(running.process)


@asynccontextmanager
async def browser(proxy: Proxy) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=proxy.trust)
    async with aiohttp.ClientSession(proxy.url, connector=connector, headers={"X-Desk": "1"}) as session:
        yield session


async def widget(session: aiohttp.ClientSession, token: str) -> aiohttp.ClientWebSocketResponse:
    socket = await session.ws_connect(f"/widget/v1/{HOTEL}-page/socket", headers={"Origin": ORIGIN})
    await socket.send_json({"type": "hello", "token": token, "after": 0})
    assert (await socket.receive_json(timeout=10))["type"] == "welcome"
    return socket


async def desk(session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    body = {"login": "admin", "password": PASSWORD}
    async with session.post("/desk/v1/session", json=body) as answer:
        assert answer.status == 200, await answer.text()
    socket = await session.ws_connect(
        f"/desk/v1/hotels/{HOTEL}/feed", headers={"Origin": f"{session._base_url}".rstrip("/")}
    )
    await socket.send_json({"type": "hello", "cursor": None, "follow": {}})
    assert (await socket.receive(timeout=10)).type is WSMsgType.TEXT
    return socket


async def answers(socket: aiohttp.ClientWebSocketResponse, type_: str) -> bool:
    """Whether a ping of the page's comes back as this."""
    await socket.send_json({"type": "ping"})
    while (message := await socket.receive(timeout=10)).type is WSMsgType.TEXT:
        if json.loads(message.data)["type"] == type_:
            return True
    return False


async def test_pages_and_answers_pass(proxy: Proxy) -> None:
    async with browser(proxy) as session:
        async with session.get("/healthz") as answer:
            assert await answer.json() == {"ok": True}
            assert answer.headers["Strict-Transport-Security"]
        async with session.get(f"/widget/v1/{HOTEL}-page/config", headers={"Origin": ORIGIN}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
            assert (await answer.json())["hotel"]["name"]
        async with session.get("/wechat/sim", params={"signature": "wrong"}) as answer:
            assert answer.status in (400, 401, 403)


async def test_a_guest_and_the_desk_hear_of_each_other_at_once(proxy: Proxy) -> None:
    async with browser(proxy) as session:
        page, follower = await widget(session, "t" * 43), await desk(session)
        await page.send_json(
            {"type": "send", "client_id": f"message-through-{proxy.name}", "text": "早餐几点？"}
        )
        while (frame := await page.receive_json(timeout=10))["type"] != "sent":
            assert frame["type"] != "error", frame

        async def heard() -> bool:
            return "conversation" in (await follower.receive(timeout=10)).data

        await until(heard)


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "/readyz", "/internal/v1/stay", "/METRICS/../metrics"]
)
async def test_inner_addresses_are_not_there_from_outside(proxy: Proxy, bot: Bot, path: str) -> None:
    async with browser(proxy) as session, session.get(path) as answer:
        assert answer.status == 404
        assert "dianxiaoer_" not in await answer.text()
    async with aiohttp.ClientSession(bot.url) as inside, inside.get("/metrics") as answer:
        assert "dianxiaoer_" in await answer.text()


@asynccontextmanager
async def echo() -> AsyncIterator[str]:
    """Says what it got; its sockets never ping."""

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return web.json_response(len(await request.read()))
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.json_response(dict(request.headers))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    app = web.Application(client_max_size=100_000_000)
    app.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def before(name: str, folder: Path, upstream: str) -> AsyncIterator[Proxy]:
    """A proxy before something else than the bot."""
    folder.mkdir(parents=True, exist_ok=True)
    running = STARTS[name](folder, upstream)
    try:
        yield running
    finally:
        stop(running.process)


@pytest.mark.parametrize("name", STARTS)
async def test_nobody_can_claim_another_address(name: str, tmp_path: Path) -> None:
    claimed = {"X-Forwarded-For": "203.0.113.9"}
    async with echo() as upstream, before(name, tmp_path, upstream) as running, browser(running) as session:
        async with session.get("/", headers=claimed) as answer:
            seen = await answer.json()
        assert seen["X-Forwarded-For"] == "127.0.0.1"
        assert seen["X-Forwarded-Proto"] == "https"
        assert seen["Host"] == f"localhost:{running.port}"


@pytest.mark.parametrize("name", STARTS)
async def test_the_largest_file_that_we_take_passes_and_no_larger_one(name: str, tmp_path: Path) -> None:
    async with echo() as upstream, before(name, tmp_path, upstream) as running, browser(running) as session:
        body = media.LARGEST + 100_000  # and what a form adds
        async with session.post("/", data=io.BytesIO(b"x" * body)) as answer:
            assert await answer.json() == body
        with suppress(aiohttp.ClientError):  # or it is cut off while it is being sent
            async with session.post("/", data=io.BytesIO(b"x" * 30_000_000)) as answer:
                assert answer.status in (413, 502)


async def test_silent_sockets_outlive_the_proxies_patience(bot: Bot, tmp_path: Path) -> None:
    """The bot's pings keep them open. A socket that nobody pings shows that nginx would have cut them."""
    await asyncio.gather(*(outlived(name, bot, tmp_path / name) for name in STARTS))


async def outlived(name: str, bot: Bot, folder: Path) -> None:
    async with (
        echo() as upstream,
        before(name, folder / "bot", f"127.0.0.1:{bot.port}") as running,
        before(name, folder / "echo", upstream) as other,
        browser(running) as session,
        browser(other) as elsewhere,
    ):
        sockets = [await widget(session, f"{name:u<43}"), await desk(session)]
        unpinged = await elsewhere.ws_connect("/")
        listening = [asyncio.create_task(quiet(socket)) for socket in (*sockets, unpinged)]
        await asyncio.sleep(BEYOND)
        assert listening[2].done() == (name == "nginx")
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        assert await answers(sockets[0], "pong")
        assert await answers(sockets[1], "pong")


async def quiet(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Only listen, as a page does; pings are answered underneath. Ends when the socket does."""
    async for _ in socket:
        pass
