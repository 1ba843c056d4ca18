"""python -m bot upgrade --check: may this release take over what is there? A line for each thing.

Changes nothing, and asks nobody but the database of the settings.
"""

import argparse
import asyncio
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bot import RELEASE, backups, logs
from bot import settings as settings_of
from bot.backups import BadBackup
from bot.blobs import folder_of
from bot.check import Finding, Mark
from bot.commands import opening
from bot.erasures import BadErasures, Erasures
from bot.settings import Settings, SettingsError
from bot.store.database import Database, DatabaseAway
from bot.store.migrate import SchemaMisfit, additive, current, newest, require_fit, revisions

FRESH = timedelta(hours=24)  # a backup before an update is no older
ENVIRONMENTS = 6 * 2**30  # bytes that a new release's environments, model and pages take
MB = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--check", action="store_true", required=True, help="tell whether it may; the update itself is yours"
    )


def run(_arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    logs.configure("ERROR")
    return asyncio.run(_run(environment))


async def _run(environment: Mapping[str, str]) -> int:
    found = [_line(Mark.OK, "release", f"{RELEASE}, schema {newest()}")]
    try:
        settings = settings_of.read(environment)
    except SettingsError as error:
        found += [_line(Mark.FAILED, "settings", mistake) for mistake in error.mistakes]
    else:
        now = opening.clock(settings).now()
        found.append(_line(Mark.OK, "settings", "this release reads them without a mistake"))
        found += [*_removed(settings_of.dotenv_mistakes(Path(".env"))), *await _database(settings)]
        found += [*_backup(settings, now), _erasures(settings), *_room(settings)]
    for finding in found:
        print(finding)
    failed = any(finding.mark is Mark.FAILED for finding in found)
    print("Not yet: what FAILED comes first." if failed else "It may be updated.")
    return int(failed)


def _line(mark: Mark, item: str, text: str) -> Finding:
    return Finding(mark, item, text)


def _removed(mistakes: list[str]) -> Iterator[Finding]:
    """What .env sets and this release doesn't know, removed since or mistyped: it would refuse to start."""
    for mistake in mistakes:
        yield _line(Mark.FAILED, "settings", mistake)


async def _database(settings: Settings) -> list[Finding]:
    """The schema that is there, and the steps from it to this release's."""
    try:
        async with opening.any_database(settings) as opened:
            if opened.path and not opened.path.exists():
                return [_line(Mark.FAILED, "database", f"{opened.path} isn't there")]
            at, why = await current(opened), await _misfit(opened)
    except DatabaseAway as error:
        return [_line(Mark.FAILED, "database", str(error))]
    except (SQLAlchemyError, OSError) as error:
        why = type(getattr(error, "orig", None) or error).__name__
        return [_line(Mark.FAILED, "database", f"it can't be used: {why}")]
    return list(_steps(at, revisions(), why))


def _steps(at: str, known: Mapping[str, str], misfit: str) -> Iterator[Finding]:
    if not at:
        yield _line(Mark.FAILED, "database", "it holds nothing of ours, or a restore wasn't finished")
    elif at not in known and misfit:
        yield _line(Mark.FAILED, "database", misfit)
    elif at not in known:
        told = (
            f"at schema {at} of a newer release; it only adds to {list(known)[-1]}, so this one serves on it"
        )
        yield _line(Mark.OK, "database", told)
    else:
        missing = list(known)[list(known).index(at) + 1 :]
        todo = f"; `prepare` brings it to {missing[-1]}" if missing else ", as this release needs it"
        yield _line(Mark.OK, "database", f"at schema {at}{todo}")
        for revision in missing:
            yield _line(Mark.OK, f"  step {revision}", f"{known[revision]} ({_back(revision)})")


def _back(revision: str) -> str:
    return "going back needs no restore" if revision in additive() else "going back needs the backup"


async def _misfit(opened: Database) -> str:
    """Why this release can't serve on the schema that is there; empty where it can, or brings it there."""
    try:
        await require_fit(opened)
    except SchemaMisfit as misfit:
        return str(misfit)
    return ""


def _backup(settings: Settings, now: datetime) -> Iterator[Finding]:
    found = backups.backups_in(settings.backup_dir)
    if not found:
        yield _line(Mark.FAILED, "backup", f"{settings.backup_dir} has none: run `python -m bot backup`")
        return
    try:
        manifest = backups.manifest_of(found[-1])
    except (BadBackup, OSError) as error:
        yield _line(Mark.FAILED, "backup", f"{found[-1]} is none: {error}")
        return
    age = now - manifest.made_at
    fresh = age < FRESH
    told = f"{found[-1].name}, {age.total_seconds() / 3600:.0f} h old"
    yield _line(Mark.OK if fresh else Mark.FAILED, "backup", told if fresh else f"{told}: make a new one")


def _erasures(settings: Settings) -> Finding:
    kept = Erasures(settings.backup_dir)
    try:
        return _line(Mark.OK, "erasures", f"{len(kept.known())} are listed beside the backups")
    except (BadErasures, OSError) as error:
        return _line(Mark.FAILED, "erasures", str(error))


def _room(settings: Settings) -> Iterator[Finding]:
    """Each disk once, with the most that the update needs there at a time."""
    disks: dict[int, tuple[Path, int]] = {}
    for folder, needed in _wanted(settings):
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        first, sum_ = disks.get(there.stat().st_dev, (there, 0))
        disks[there.stat().st_dev] = first, sum_ + needed
    for there, needed in disks.values():
        free = shutil.disk_usage(there).free
        mark = Mark.OK if free >= needed else Mark.FAILED
        yield _line(mark, "disk", f"{there}: {free // MB} MB free, {needed // MB} MB may be needed")


def _wanted(settings: Settings) -> Iterator[tuple[Path, int]]:
    """Folders and the bytes that may be written there."""
    yield Path.cwd(), ENVIRONMENTS
    for newest_backup in backups.backups_in(settings.backup_dir)[-1:]:
        yield settings.backup_dir, 2 * newest_backup.stat().st_size
    database = Path(settings.database_url.removeprefix("sqlite:///"))
    if settings.database_url.startswith("sqlite") and database.exists():
        yield database.parent, 2 * database.stat().st_size  # a migration may write a table anew
    if folder := folder_of(settings.blob_url):
        yield folder, 0
