"""python -m bot drafts export HOTEL: trainees' replies beside what went out, to teach with."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.commands import CommandFailed, opening
from bot.model import EventType, HotelId
from bot.settings import Settings
from bot.store import drafts, log, members
from bot.store.drafts import Drafted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    exporting = actions.add_parser(
        "export", help="one JSON a line; numbers that identify stay masked, and who was erased is left out"
    )
    exporting.add_argument("hotel")
    exporting.add_argument("--since", metavar="DATE", type=date.fromisoformat, help="a day of the hotel's")
    exporting.add_argument("--out", type=Path, help="a file; else the standard output")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    lines = asyncio.run(_lines(arguments, settings))
    with _opened(arguments.out) as out:
        out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    print(f"Written: {len(lines)}.", file=sys.stderr)
    return 0


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    try:
        with path.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise CommandFailed(f"{path} can't be written: {error.strerror}.") from None


async def _lines(arguments: argparse.Namespace, settings: Settings) -> list[dict[str, Any]]:
    async with opening.database(settings) as opened:
        row = await opening.known_hotel(opened, arguments.hotel)
        start = datetime.min.replace(tzinfo=UTC)
        if arguments.since:
            start = datetime.combine(arguments.since, time(), ZoneInfo(row.timezone))
        end = opening.clock(settings).now() + timedelta(seconds=1)
        async with opened.read() as tx:
            found = await drafts.drafted(tx, row.id, start, end)
            names = await members.names_of(tx, {one.author for one in found})
            lines = [await _line(tx, row.id, one, names) for one in found if one.outcome != drafts.OPEN]
    return [line for line in lines if line]


async def _line(
    tx: AsyncConnection, hotel: HotelId, one: Drafted, names: dict[str, str]
) -> dict[str, Any] | None:
    """What the guest had said last, what the trainee would have said, and what went out or why it didn't."""
    wrote = await log.content_of(tx, hotel, one.conversation, one.seq)
    if wrote is None or not wrote.text:
        return None
    decided = await log.content_of(tx, hotel, one.conversation, one.decided or 0)
    thread = await log.read_thread(tx, hotel, one.conversation)
    asked = [c.text for e, c in thread if e.type is EventType.GUEST_SAID and e.seq < one.seq and c.text]
    words = decided.text if decided else None
    return {
        "conversation": one.conversation,
        "seq": one.seq,
        "at": one.at.isoformat(),
        "trainee": names.get(one.author, one.author),
        "outcome": one.outcome,
        "guest_said": asked[-1] if asked else None,
        "drafted": wrote.text,
        "sent": None if one.outcome == drafts.REFUSED else words,
        "why_refused": words if one.outcome == drafts.REFUSED else None,
    }
