"""python -m bot knowledge: search a list of points, take one over into a hotel, report."""

import argparse
import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from bot import logs, settings
from bot.clock import Clock
from bot.commands import CommandFailed, lines, opening
from bot.knowledge import Hotel, Hotels, encoder, files, unanswered
from bot.knowledge.index import Hit, Index
from bot.knowledge.library import Library, folder_of, rows_of
from bot.knowledge.vectors import Shelf
from bot.model import HotelId
from bot.settings import Settings, SettingsError
from bot.store import desk, points
from bot.store.database import Database
from bot.store.points import Entry, Version
from bot.texts import load_texts

DEFAULT_K = 10
PORTION = 500  # points written in one transaction
WAITING = 64  # questions that are worked on before their turn
TOLD_EVERY = 10.0  # seconds between two lines about a long work


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    search = actions.add_parser("search", help='find points: JSON lines {"text", "k"} in, ranked points out')
    search.add_argument("--file", type=Path, required=True, help="a list of points: CSV, Excel or YAML")
    importing = actions.add_parser("import", help="show what a list would change, then take it over")
    importing.add_argument("hotel")
    importing.add_argument("--file", type=Path, required=True, help="a list of points: CSV, Excel or YAML")
    importing.add_argument("--yes", action="store_true", help="don't ask")
    report = actions.add_parser("report", help="what guests asked in vain since yesterday")
    report.add_argument("--days", type=int, default=1, help="how far to look back (1)")


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    if arguments.action == "search":
        lines.use_utf8()
        return search(arguments.file, environment, sys.stdin, sys.stdout)
    found = settings.read(environment)
    logs.configure(found.log_level)
    if arguments.action == "import":
        return asyncio.run(_import(found, arguments.hotel, arguments.file, sure=arguments.yes))
    return asyncio.run(_report(found, timedelta(days=arguments.days)))


# ---- searching a file


def search(file: Path, environment: Mapping[str, str], asked: TextIO, told: TextIO) -> int:
    """Answer every line in its order, {"error"} where it is no question, and 1 if any was none. Only answers
    go to `told`; how far it is goes to standard error."""
    titles, index = _index(file, vectors_folder(environment))
    bad = 0
    with ThreadPoolExecutor(_cores(), "search") as pool:
        for answer in _in_order(pool, index, titles, asked):
            told.write(lines.written(answer) + "\n")
            told.flush()
            bad += "error" in answer
    return 1 if bad else 0


def vectors_folder(environment: Mapping[str, str]) -> Path:
    """Where vectors are kept: beside the other files, also where nothing else has been set up."""
    try:
        found = settings.read(environment)
    except SettingsError:
        return folder_of(environment.get("BLOB_URL") or "file:var/blobs")
    return folder_of(found.blob_url)


def _read(file: Path) -> tuple[list[files.Line], list[files.Wrong]]:
    try:
        return files.read(file.name, file.read_bytes())
    except OSError as error:
        raise CommandFailed(f"{file} can't be read: {error.strerror}") from None
    except files.BadFile as error:
        raise CommandFailed(f"{file} is no list of points we can read: {error.code}") from None


def _points(read: list[files.Line], wrong: list[files.Wrong]) -> tuple[dict[str, Entry], list[files.Wrong]]:
    """What can be found, by id, else by the row's number; and rows without a title or with a known id."""
    faults, entries, numbers = list(wrong), dict[str, Entry](), {line.id for line in read}
    for line in read:
        own = str(line.number)
        id_ = line.id or (own if own not in numbers else f"row {own}")
        if not line.entry.title or id_ in entries:
            code = "point_twice" if line.entry.title else "point_title_empty"
            faults.append(files.Wrong(line.number, code, {}))
        else:
            entries[id_] = line.entry
    return entries, sorted(faults, key=lambda fault: fault.number)


def _index(file: Path, folder: Path) -> tuple[dict[str, str], Index]:
    entries, wrong = _points(*_read(file))
    if wrong:
        first = f"the first is row {wrong[0].number} ({wrong[0].code})"
        print(f"{len(wrong)} rows of {file} make no sense; {first}", file=sys.stderr)
    rows = rows_of(entries)
    shelf = Shelf(folder)
    vectors = shelf.take([row.text for row in rows], _cores(), _Progress("encoding"))
    print(f"{len(entries)} points, {len(rows)} writings", file=sys.stderr)
    return {id_: entry.title for id_, entry in entries.items()}, Index(rows, vectors)


class _Progress:
    """How far a long work is, and how long it still takes, on standard error.

    One line that is written over on a terminal, else a line every `TOLD_EVERY` seconds and the last.
    """

    def __init__(self, what: str, clock: Callable[[], float] | None = None) -> None:
        clock = clock or Clock().monotonic
        self._what, self._clock, self._begun, self._told = what, clock, clock(), 0.0

    def __call__(self, done: int, of: int) -> None:
        now, tty = self._clock(), sys.stderr.isatty()
        if done < of and now - self._told < (0.5 if tty else TOLD_EVERY):
            return
        self._told = now
        left = (now - self._begun) / max(done, 1) * (of - done)
        end = " \r" if tty and done < of else "\n"
        print(
            f"{self._what} {done}/{of} ({done * 100 // max(of, 1)} %), {left:.0f} s left",
            end=end,
            file=sys.stderr,
            flush=True,
        )


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _in_order(
    pool: ThreadPoolExecutor, index: Index, titles: Mapping[str, str], asked: TextIO
) -> Iterator[dict[str, Any]]:
    """Answers in the order of the questions: each as soon as it is there, several worked on at once."""
    waiting: SimpleQueue[Future[dict[str, Any]] | None] = SimpleQueue()
    room = threading.Semaphore(WAITING)

    def read() -> None:
        for line in asked:
            if line.strip():
                room.acquire()
                waiting.put(pool.submit(_answer, index, titles, line))
        waiting.put(None)

    threading.Thread(target=read, name="questions", daemon=True).start()
    while (next_one := waiting.get()) is not None:
        yield next_one.result()
        room.release()


def _answer(index: Index, titles: Mapping[str, str], line: str) -> dict[str, Any]:
    try:
        text, k = _question(line)
    except CommandFailed as error:
        return {"error": str(error)}
    hits = index.search(text, encoder.encode([text])[0], k) if text.strip() else []
    return {"text": text, "points": [_shown(hit, titles) for hit in hits]}


def _question(line: str) -> tuple[str, int]:
    """A line's text and how many points it wants; raises CommandFailed."""
    try:
        asked = lines.loaded(line)
        text, k = asked["text"], asked.get("k") or DEFAULT_K
    except (ValueError, KeyError, TypeError, AttributeError):
        text, k = None, 0
    if not isinstance(text, str) or not isinstance(k, int) or k < 1:
        raise CommandFailed(
            f'Not a question: {line.strip()[:80]!r}; each line must look like {{"text": "早餐几点", "k": 3}}'
        )
    return text, k


def _shown(hit: Hit, titles: Mapping[str, str]) -> dict[str, Any]:
    return {"id": hit.point, "title": titles[hit.point], "score": round(hit.score, 4)}


# ---- taking a list over


async def _import(found: Settings, hotel: str, file: Path, *, sure: bool) -> int:
    """Lines become drafts, which somebody approves on the desk; nothing is said to guests before that."""
    found_lines, wrong = _read(file)
    async with opening.database(found) as opened:
        row = await opening.known_hotel(opened, hotel)
        async with opened.read() as tx:
            plan = files.plan(found_lines, wrong, await points.list_points(tx, row.id))
        print("\n".join(_difference(plan)))
        if plan.changes and (sure or _agreed()):
            now = opening.clock(found).now()
            await _take(opened, row.id, files.versions_of(plan, None, now), now)
            print(f"Took over {len(plan.changes)} points as drafts. Approve them on the desk.")
    return 0


def _difference(plan: files.Plan) -> Iterator[str]:
    for change in plan.changes:
        what = f"~ {change.point}: {', '.join(change.fields)}" if change.before else f"+ {change.point}"
        yield f"{what}: {change.line.entry.title}"
    for mistake in plan.wrong:
        yield f"! row {mistake.number}: {mistake.code} {' '.join(map(str, mistake.values.values()))}".rstrip()
    yield f"{plan.new} new, {len(plan.changes) - plan.new} changed, {plan.unchanged} as they are"


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise CommandFailed("Nothing was changed: nobody is here to be asked. Say --yes.")
    return input("Take them over as drafts? [y/N] ").strip().lower() in ("y", "yes")


async def _take(opened: Database, hotel: HotelId, versions: list[Version], at: datetime) -> None:
    told = _Progress("taking over")
    for begin in range(0, len(versions), PORTION):
        async with opened.write() as tx:
            await points.add_versions(tx, hotel, versions[begin : begin + PORTION], at)
        told(min(begin + PORTION, len(versions)), len(versions))


# ---- what was asked in vain


async def _report(found: Settings, back: timedelta) -> int:
    library = Library(folder_of(found.blob_url))
    hotels = Hotels(load_texts(found.texts_dir))
    async with opening.database(found) as opened, opened.read() as tx:
        for row in await desk.list_hotels(tx):
            asked = await unanswered.read(tx, row.id, opening.clock(found).now() - back)
            hotel = await hotels.get(tx, row.id)
            await library.ready(hotel)
            print("\n".join(_told(hotel, await unanswered.grouped(library, hotel, asked))))
    await library.close()
    return 0


def _told(hotel: Hotel, groups: list[list[unanswered.Asked]]) -> Iterator[str]:
    count = sum(map(len, groups))
    yield f"{hotel.file.name}: {count} questions without an answer" + (":" if count else ".")
    for group in groups:
        whys = ", ".join(sorted({one.why for one in group}))
        yield f"{len(group):4}  {' / '.join(group[0].text.splitlines())}  ({whys})"
