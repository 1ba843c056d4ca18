"""python -m bot restore FILE: a backup becomes the database and the media folder, on either kind of database.

Until everything is in, erased again and verified, nothing can serve from it: SQLite is filled beside the old
file and put in its place at the end, PostgreSQL has no revision until then.
"""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import RELEASE, accounts, erasures, logs
from bot import settings as settings_of
from bot.backups import Backup, BadBackup
from bot.blobs import Blobs, BlobsAway
from bot.commands import CommandFailed, opening, verify
from bot.commands.backup import FILES, PROGRESS, told
from bot.erasures import BadErasures, Erasure, Erasures
from bot.model import AccountId, GuestId, HotelId
from bot.sealing import CannotOpen
from bot.settings import Settings, SettingsError
from bot.store import dump, migrate, people
from bot.store.database import AlreadyServed, Database, DatabaseAway
from bot.store.dump import ForeignTables

QUIET = timedelta(seconds=15)  # a serving process says every 2 s that it is up
OLD_KEY = (
    "Put the old SEALING_KEYS back: the var/sealing.key of the installation that made the backup, of which a "
    "copy was put in a safe place. A new key opens nothing of it"
)
CHECKED = 512 * 2**20  # bytes between two lines that say how far the check is


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="what `python -m bot backup` has written")
    parser.add_argument("--replace", action="store_true", help="drop what is in the database now")
    parser.add_argument(
        "--without-erasures",
        action="store_true",
        help="restore although the list of those who were erased since is lost: they come back",
    )
    parser.add_argument(
        "--without-keys",
        action="store_true",
        help="restore although the sealing key is lost for good: add every account anew afterwards",
    )
    parser.add_argument("--check", action="store_true", help="only tell whether the file is whole")


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    settings = _settings(environment)
    logs.configure(settings.log_level)
    try:
        with Backup(arguments.file) as backup:
            _check(backup)
            if arguments.check:
                return 0
            if not arguments.without_keys:
                _try_keys(backup, settings)
            erased = _erasures(backup, settings, lost=arguments.without_erasures)
            return asyncio.run(_restore(backup, erased, settings, replace=arguments.replace))
    except DatabaseAway:
        raise
    except OSError as error:
        why = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        there = f"Backups lie in {settings.backup_dir}."
        raise CommandFailed(f"{arguments.file} can't be restored: {why}. {there}") from None
    except (BadBackup, BlobsAway) as error:
        raise CommandFailed(f"{arguments.file} can't be restored: {error}.") from None
    except (BadErasures, AlreadyServed) as error:
        raise CommandFailed(f"Nothing was restored: {error}.") from None


def _settings(environment: Mapping[str, str]) -> Settings:
    """As everywhere, but whoever restores is never told to make a new key."""
    try:
        return settings_of.read(environment)
    except SettingsError as error:
        missing = "SEALING_KEYS is missing"
        lines = [f"{missing}. {OLD_KEY}" if m.startswith(missing) else m for m in error.mistakes]
        raise SettingsError(lines) from None


def _try_keys(backup: Backup, settings: Settings) -> None:
    """Raises CommandFailed unless every account's secrets can be opened with the keys that are set."""
    rows, seal = backup.rows("accounts"), opening.seal(settings)
    columns = next(rows)
    for row in (dict(zip(columns, values, strict=True)) for values in rows):
        channel, account = row["channel"], AccountId(row["account"])
        if not json.loads(row["sealed"]):
            continue
        try:
            seal.open_secrets(row["sealed"], accounts.bound_to(channel, account))
        except CannotOpen:
            ours = ", ".join(key.id for key in settings.sealing_keys)
            raise CommandFailed(
                f"Nothing was restored: the keys that are set ({ours}) don't open what is sealed in this "
                f"backup (the secrets of {channel} {account}). {OLD_KEY}. "
                "If it is lost for good: --without-keys."
            ) from None


def _check(backup: Backup) -> None:
    """Raises BadBackup for a file that isn't whole, or that this release can't take."""
    found = backup.manifest
    print(f"{backup.path}: of {found.made_at:%Y-%m-%d %H:%M} UTC, {told(found)}")
    if found.schema not in migrate.revisions():
        raise BadBackup(
            f"its schema {found.schema} is newer than this release's {migrate.newest()}: "
            f"it was made by release {found.release}, this one is {RELEASE}"
        )
    read = 0
    for size in backup.check():
        if (read + size) // CHECKED > read // CHECKED:
            print(f"  checked {(read + size) // 2**20} MB", flush=True)
        read += size
    print(f"  every checksum holds ({read / 2**20:.1f} MB)")


def _erasures(backup: Backup, settings: Settings, *, lost: bool) -> list[Erasure]:
    """Who was erased, as the list beside the backup and the one in BACKUP_DIR know; both then know it."""
    here, beside = Erasures(settings.backup_dir), Erasures(backup.path.parent)
    found = erasures.merged(here.known(), beside.known())
    if len(found) < backup.manifest.erasures and not lost:
        raise BadErasures(
            f"{here.path} lists {len(found)} erasures, and {backup.manifest.erasures} were known when this "
            "backup was made. Put the newest list there, or say --without-erasures"
        )
    here.add(*(set(found) - set(here.known())))
    return found


async def _restore(backup: Backup, erased: list[Erasure], settings: Settings, *, replace: bool) -> int:
    async with _target(settings, replace=replace) as opened:
        async with opened.write() as tx:
            await _fill(tx, backup, opened, settings)
        await _put_media(backup, opening.blobs(settings))
        again = await _erase_again(opened, erased, settings)
        print(f"  erased again: {again} who were erased after the backup was made")
        async with opened.read() as tx:
            conversations, events, fault = await verify.examine(tx)
        if fault:
            raise BadBackup(f"its log is broken: {fault}")
        async with opened.write() as tx:
            await tx.run_sync(migrate.set_revision, migrate.newest())
    print(f"Restored and verified: {conversations} conversations, {events} events.")
    print("Next: `python -m bot check`, then start.")
    return 0


# ---- where to


@asynccontextmanager
async def _target(settings: Settings, *, replace: bool) -> AsyncIterator[Database]:
    """The database that nobody serves from; for SQLite a new one that takes its place in the end."""
    wanted = Database(settings.database_url)
    try:
        wanted.serve()
        await _refuse_if_used(wanted, settings, replace=replace)
        if wanted.path is None:
            yield wanted
            return
        async with _beside(wanted.path) as opened:
            yield opened
    finally:
        await wanted.close()


@asynccontextmanager
async def _beside(path: Path) -> AsyncIterator[Database]:
    """A new SQLite file that takes the place of `path` in the end."""
    new = path.with_name(f"{path.name}.restoring")
    new.unlink(missing_ok=True)
    opened = Database(f"sqlite:///{new.absolute()}")
    try:
        yield opened
        await opened.close()
        for journal in ("-wal", "-shm"):
            path.with_name(f"{path.name}{journal}").unlink(missing_ok=True)
        new.replace(path)
    finally:
        await opened.close()
        for part in ("", "-wal", "-shm"):
            path.with_name(f"{new.name}{part}").unlink(missing_ok=True)


async def _refuse_if_used(wanted: Database, settings: Settings, *, replace: bool) -> None:
    if wanted.path and not wanted.path.exists():
        return
    async with wanted.read() as tx:
        if not await dump.names_of(tx):
            return
        seen = await dump.last_seen(tx)
    if not wanted.sqlite and seen and opening.clock(settings).now() - seen < QUIET:
        raise AlreadyServed(f"a process serves from this database, or did within {QUIET.seconds} s; stop it")
    if not replace:
        raise CommandFailed("Nothing was restored: the database isn't empty. --replace drops what is in it.")


async def _empty(tx: AsyncConnection) -> None:
    try:
        await dump.drop_all(tx)
    except ForeignTables as tables:
        raise CommandFailed(
            f"Nothing was restored: the database holds tables that this release doesn't know ({tables}). "
            "Give an empty database."
        ) from None


# ---- what


async def _fill(tx: AsyncConnection, backup: Backup, opened: Database, settings: Settings) -> None:
    """All rows at the backup's schema, then at this release's; no revision: nothing may serve from it yet."""
    if not opened.sqlite:
        await _empty(tx)
    await tx.run_sync(migrate.upgrade, backup.manifest.schema)
    tables = {table.name: table for table in await dump.tables_of(tx)}
    for name in backup.tables():
        if name not in tables:
            raise BadBackup(f"its table {name} is none of schema {backup.manifest.schema}")
        await _fill_table(tx, tables[name], backup)
    await tx.run_sync(migrate.upgrade)
    held = await dump.distrust_deliveries(tx, opening.clock(settings).now())
    print(f"  {held} messages that were on their way then will be shown as unclear, not sent again")
    await tx.run_sync(migrate.set_revision, "")


async def _fill_table(tx: AsyncConnection, table: Table, backup: Backup) -> None:
    rows, total = backup.rows(table.name), backup.manifest.rows[table.name]
    columns, done = next(rows), 0
    for part in _parts(rows):
        await dump.put_rows(tx, table, columns, part)
        done += len(part)
        if done % PROGRESS == 0:
            print(f"  {table.name}: {done} of {total} rows", flush=True)
    if done != total:
        raise BadBackup(f"{table.name} has {done} rows, its manifest says {total}")


def _parts(rows: Iterator[list[Any]]) -> Iterator[list[list[Any]]]:
    while part := list(islice(rows, dump.ROWS)):
        yield part


async def _put_media(backup: Backup, blobs: Blobs) -> None:
    """Files that only the replaced database knew belong to no message any more: the service sweeps them."""
    for done, (name, content) in enumerate(backup.media(), 1):
        await blobs.put(HotelId(name.partition("/")[0]), content)
        if done % FILES == 0:
            print(f"  media: {done} of {backup.manifest.media} files", flush=True)


async def _erase_again(opened: Database, erased: list[Erasure], settings: Settings) -> int:
    """Erase whom the backup still knows; how many guests and single channels."""
    dispatch, count = opening.dispatch(settings, opened, listing=False), 0
    for one in erased:
        if one.guest and await _is_known(opened, one, one.guest):
            await dispatch.erase(one.hotel, one.guest)
            count += 1
        for id_ in one.identities:
            async with opened.read() as tx:
                identity = await people.identity_of(tx, one.hotel, id_)
            if identity and identity.external is not None:
                await dispatch.erase_identity(identity)
                count += 1
    return count


async def _is_known(opened: Database, erased: Erasure, guest: GuestId) -> bool:
    """Whether the backup is older than the erasure, and not older than the guest."""
    async with opened.read() as tx:
        if not await people.find_guest(tx, erased.hotel, guest):
            return False
        before = (await people.guest_of(tx, erased.hotel, guest)).erased_at
        return before is None or before < erased.at
