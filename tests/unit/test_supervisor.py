"""What `make run` decides: its secrets, its ports, what is ours to start and when it is ready."""

import argparse
import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import settings, supervisor
from bot.processes import Kept
from bot.settings import Settings


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def first_settings(**changes: str) -> Settings:
    supervisor.make_secrets(Path("var"))
    return settings.read(changes)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def test_the_first_start_makes_secrets_that_the_settings_accept() -> None:
    found = first_settings()
    assert len(found.sealing_keys[0].key) == 32
    assert len(found.rasa_token) >= 16


def test_secrets_are_for_this_user_alone_and_are_never_replaced() -> None:
    supervisor.make_secrets(Path("var"))
    before = {path.name: path.read_text() for path in Path("var").iterdir()}
    supervisor.make_secrets(Path("var"))
    assert {path.name: path.read_text() for path in Path("var").iterdir()} == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in Path("var").iterdir()} == {0o600}
    assert stat.S_IMODE(Path("var").stat().st_mode) == 0o700


def test_a_taken_port_is_named_with_the_setting_that_moves_it() -> None:
    with socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
            one.listen()
        taken, other = first.getsockname()[1], second.getsockname()[1]
        found = first_settings(PORT=str(taken), RASA_URL=f"http://127.0.0.1:{other}")
        with pytest.raises(supervisor.CannotRun) as caught:
            supervisor.check_ports(supervisor.ports(found, simulate=False))
    said = str(caught.value)
    assert f"port {taken}, for the service: PORT moves it" in said
    assert f"port {other}, for Rasa: RASA_URL moves it" in said


def test_ports_are_looked_at_without_anything_that_is_built_or_trained() -> None:
    asked = argparse.Namespace(check_ports=True, without_simulator=True)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        free = f"http://127.0.0.1:{supervisor.free_port()}"
        given = {"PORT": str(one.getsockname()[1]), "RASA_URL": free, "ACTION_URL": free}
        with pytest.raises(supervisor.CannotRun, match="PORT moves it"):
            supervisor.run(asked, given)
    assert supervisor.run(asked, given) == 0


def test_rasa_on_another_machine_is_not_ours_to_start() -> None:
    found = first_settings(
        RASA_URL="http://rasa.internal:5005", ACTION_URL="http://actions.internal:5055/webhook"
    )
    assert [port.setting for port in supervisor.ports(found, simulate=True)] == ["PORT", "SIMULATOR_PORT"]


async def test_programs_match_the_ports(session: aiohttp.ClientSession) -> None:
    found = first_settings()
    names = {program.name for program in supervisor.programs(found, {}, session, simulate=True)}
    assert names == {"service", "wechat-simulator", "actions", "rasa"}
    assert len(supervisor.ports(found, simulate=True)) == len(names)


def test_no_child_can_report_to_hosts_abroad() -> None:
    found = first_settings()
    inherited = supervisor.child_environment(found, {"RASA_TELEMETRY_ENABLED": "true"})
    assert inherited["RASA_TELEMETRY_ENABLED"] == "false"
    assert inherited["SANIC_HOST"] == "127.0.0.1"


async def test_no_token_stands_on_a_command_line(session: aiohttp.ClientSession) -> None:
    found = first_settings()
    commands = [program.command for program in supervisor.programs(found, {}, session, simulate=True)]
    assert commands
    assert all(found.rasa_token not in word for command in commands for word in command)


async def test_rasa_is_ready_when_it_names_a_model(session: aiohttp.ClientSession) -> None:
    answer: dict[str, object] = {"model_file": ""}

    async def status(request: web.Request) -> web.Response:
        right = request.query.get("token") == found.rasa_token
        return web.json_response(answer, status=200 if right else 401)

    app = web.Application()
    app.router.add_get("/status", status)
    async with TestServer(app) as server:
        found = first_settings(RASA_URL=f"http://127.0.0.1:{server.port}")
        ready = supervisor.names_a_model(session, found)
        assert not await ready()
        answer["model_file"] = "dianxiaoer.tar.gz"
        assert await ready()
    assert not await ready()


async def test_an_embedded_valkey_starts_keeps_nothing_and_stops() -> None:
    Path("var").mkdir()
    port = supervisor.free_port()
    kept = Kept(supervisor.valkey(dict(os.environ), port), Path("var/valkey.log"))
    await kept.start()
    try:
        await kept.wait_ready()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"CONFIG GET save\r\n")
        assert (await reader.readuntil(b"\r\n")) == b"*2\r\n"
        assert b"save" in await reader.readuntil(b"save\r\n")
        assert await reader.readuntil(b"\r\n") == b"$0\r\n"
        writer.close()
    finally:
        await kept.stop()
    assert not await supervisor.pongs(port)()


def test_the_addresses_name_a_hotel_that_is_there() -> None:
    Path("hotels/xinghaihui").mkdir(parents=True)
    Path("hotels/xinghaihui/hotel.yml").write_text("")
    said = supervisor.addresses(first_settings(PUBLIC_URL="https://desk.example.com"), simulate=True)
    for page in ("/sample/xinghaihui\n", "/docs\n"):
        assert f"https://desk.example.com{page}" in said
    assert "/sample/xinghaihui/app" not in said
    assert "https://desk.example.com/desk/" in said
    assert "http://127.0.0.1:8090/" in said
    said = supervisor.addresses(first_settings(), simulate=True)
    assert "http://127.0.0.1:8080/sample/xinghaihui/app\n" in said


async def test_what_is_missing_is_named_before_anything_starts() -> None:
    with pytest.raises(supervisor.CannotRun, match=r"models/dianxiaoer\.tar\.gz"):
        supervisor._check_installation(first_settings())
