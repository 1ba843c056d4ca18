"""python -m bot understand: how messages are read, through the very model and rules the guests get.

Reads JSON lines {"text", "now"?} on standard input and writes one line for each, in the same order, to
standard output: results only. Whatever else there is to say goes to standard error. Asks the Rasa of the
settings, and starts one of its own, with its actions, when none answers.
"""

import argparse
import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from bot import hotel_files, knowledge, logs, supervisor
from bot import settings as settings_of
from bot.commands import CommandFailed, lines, opening
from bot.engine import Engine, EngineFailed, Turn
from bot.facts import stranger, told_by_a_stranger
from bot.hotel_files import BadHotel
from bot.knowledge import Hotel
from bot.model import Json
from bot.processes import Kept, NotReady, stop_all
from bot.settings import Settings
from bot.texts import load_texts
from bot.understanding import reading

TURN_SECONDS = 30.0  # nobody waits for the answer: a busy machine must not look like a failure
TOLD_EVERY = 100
YEARS = range(1970, 2200)  # of "now": calendars can be asked about the years beside them


class BadLine(ValueError):
    """A line of input that can't be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class Asked:
    text: str
    now: datetime | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hotel", type=Path, help="the folder of the hotel that is written to")


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    lines.use_utf8()
    supervisor.make_secrets(supervisor.VAR)
    settings = settings_of.read(environment)
    logs.configure("WARNING")
    hotel = _hotel(arguments.hotel, settings)
    try:
        return asyncio.run(_run(settings, environment, hotel))
    except NotReady as error:
        raise CommandFailed(str(error)) from None


def _hotel(folder: Path | None, settings: Settings) -> Hotel:
    found = folder or next(
        iter(sorted(path.parent for path in settings.hotels_dir.glob("*/hotel.yml"))), None
    )
    if found is None:
        raise CommandFailed(f"There is no hotel in {settings.hotels_dir}; name a folder with --hotel.")
    texts = load_texts(settings.texts_dir)
    try:
        return knowledge.speak(hotel_files.load(found, texts), texts)
    except BadHotel as error:
        raise CommandFailed(f"{found} can't be read:\n{error}") from None


async def _run(settings: Settings, environment: Mapping[str, str], hotel: Hotel) -> int:
    bad = 0
    async with _assistant(settings, environment) as engine:
        number = 0
        while line := await asyncio.to_thread(sys.stdin.readline):
            if not line.strip():
                continue
            number += 1
            result = await _line(engine, hotel, settings, line, number)
            bad += "error" in result
            print(lines.written(result), flush=True)
            if number % TOLD_EVERY == 0:
                _tell(f"{number} messages read")
    return 1 if bad else 0


async def _line(engine: Engine, hotel: Hotel, settings: Settings, line: str, number: int) -> Json:
    """The reading, or {"error"} in its place, so that the lines of output stay those of the input."""
    try:
        asked = parse(line)
        now = asked.now or opening.clock(settings).now()
        row = stranger(hotel, now)
        facts = told_by_a_stranger(hotel, row, now)
        return reading(asked.text, await _ask(engine, asked.text, facts), hotel, row, now)
    except (BadLine, EngineFailed) as error:
        _tell(f"line {number}: {error}")
        return {"error": str(error)}


async def _ask(engine: Engine, text: str, facts: Json) -> Turn:
    """Asking twice gives the same, so a machine that was too busy is asked once more."""
    try:
        return await engine.ask(text, None, facts)
    except EngineFailed:
        return await engine.ask(text, None, facts)


def parse(line: str) -> Asked:
    try:
        given: Any = lines.loaded(line)
    except ValueError:
        raise BadLine('not JSON; each line must look like {"text": "早餐几点"}') from None
    text = given.get("text") if isinstance(given, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise BadLine('"text" is missing or empty; each line must look like {"text": "早餐几点"}')
    return Asked(text, _moment(given.get("now")))


def _moment(given: object) -> datetime | None:
    if given is None:
        return None
    try:
        now = datetime.fromisoformat(str(given))
    except ValueError:
        now = None
    if now is None or now.tzinfo is None or now.year not in YEARS:
        raise BadLine('"now" must be a time with its offset, such as 2026-11-22T21:30:00+08:00')
    return now


@asynccontextmanager
async def _assistant(settings: Settings, environment: Mapping[str, str]) -> AsyncIterator[Engine]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2))
        )
        if not await supervisor.names_a_model(session, settings)():
            settings = await _own(settings, environment, session, stack)
        engine = Engine(settings.rasa_url, settings.rasa_token, TURN_SECONDS)
        stack.push_async_callback(engine.close)
        yield engine


async def _own(
    settings: Settings,
    environment: Mapping[str, str],
    session: aiohttp.ClientSession,
    stack: AsyncExitStack,
) -> Settings:
    """Settings of a Rasa of our own, which is up and ends with the stack."""
    supervisor.check_assistant()
    own = replace(
        settings,
        rasa_url=f"http://127.0.0.1:{supervisor.free_port()}",
        rasa_token=secrets.token_urlsafe(32),
        action_url=f"http://127.0.0.1:{supervisor.free_port()}/webhook",
    )
    _tell("no Rasa answers: starting one, which takes up to a minute")
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="dianxiaoer-")))
    inherited = supervisor.child_environment(own, environment)
    kept = [
        Kept(program, folder / f"{program.name}.log", tell=_tell)
        for program in supervisor.assistant(own, inherited, session)
    ]
    stack.push_async_callback(stop_all, kept)
    for one in kept:
        await one.start()
    await asyncio.gather(*(one.wait_ready() for one in kept))
    return own


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
