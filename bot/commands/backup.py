"""python -m bot backup: everything in one file, while the service goes on."""

import argparse
import asyncio
import shutil
from pathlib import Path

from bot import RELEASE, backups
from bot.backups import FORMAT, Manifest, Writing
from bot.blobs import BlobMissing, Blobs, BlobsAway
from bot.commands import CommandFailed, opening
from bot.erasures import BadErasures, Erasures
from bot.settings import Settings
from bot.store import dump
from bot.store.database import Database, DatabaseAway
from bot.store.migrate import current

PROGRESS = 20_000  # rows between two lines that say how far it is
FILES = 500  # the same, for media


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", type=_count, metavar="N", help="afterwards drop all but the newest N")


def _count(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return int(value)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    try:
        path, manifest = asyncio.run(_backup(settings))
    except DatabaseAway:
        raise
    except (OSError, BadErasures, BlobsAway) as error:
        raise CommandFailed(f"No backup was made in {settings.backup_dir}: {error}") from None
    print(f"{path}: {told(manifest)}, {_size(path)}.")
    print("The keys that open what is sealed in it are not in it: keep SEALING_KEYS apart.")
    for old in backups.backups_in(settings.backup_dir)[: -arguments.keep] if arguments.keep else []:
        old.unlink()
        print(f"Dropped {old.name}.")
    return 0


async def _backup(settings: Settings) -> tuple[Path, Manifest]:
    now = opening.clock(settings).now()
    async with opening.any_database(settings) as opened:
        folder = settings.backup_dir
        folder.mkdir(parents=True, exist_ok=True)
        _check_room(folder, opened)
        erasures = Erasures(folder)
        async with opened.read() as tx:
            await erasures.catch_up(tx, now)
        path = folder / backups.name_at(now)
        with Writing(path) as writing:
            schema, rows = await _write_tables(opened, writing)
            media, media_bytes = await _write_media(opening.blobs(settings), writing)
            manifest = Manifest(
                FORMAT,
                RELEASE,
                schema,
                "sqlite" if opened.sqlite else "postgresql",
                now,
                rows,
                media,
                media_bytes,
                len(set(erasures.known())),
                dict(writing.checksums),
            )
            writing.finish(manifest)
        return path, manifest


def _check_room(folder: Path, opened: Database) -> None:
    """A copy of an SQLite file lies there for a while; what can be known before is said before."""
    needed = opened.path.stat().st_size * 2 if opened.path else 0
    if shutil.disk_usage(folder).free < needed:
        raise CommandFailed(f"No backup was made: {folder} needs {needed // 2**20} MB of room.")


async def _write_tables(opened: Database, writing: Writing) -> tuple[str, dict[str, int]]:
    """The schema, and how many rows of each table."""
    schema, counts = await current(opened), {}
    async with dump.frozen(opened, writing.folder) as tx:
        for table in await dump.tables_of(tx):
            total = await dump.count(tx, table)
            with writing.table(table.name, table.columns.keys()) as lines:
                async for rows in dump.rows_of(tx, table):
                    lines.put(rows)
                    if lines.count % PROGRESS == 0:
                        print(f"  {table.name}: {lines.count} of {total} rows", flush=True)
            counts[table.name] = lines.count
    return schema, counts


async def _write_media(blobs: Blobs, writing: Writing) -> tuple[int, int]:
    """How many files, and their bytes. What is erased meanwhile is no longer there, and rightly so."""
    count = size = 0
    async for hotel, id_, _ in blobs.all():
        try:
            content = await blobs.get(hotel, id_)
        except BlobMissing:
            continue
        writing.add_media(f"{hotel}/{id_}", content)
        count, size = count + 1, size + len(content)
        if count % FILES == 0:
            print(f"  media: {count} files, {size // 2**20} MB", flush=True)
    return count, size


def told(manifest: Manifest) -> str:
    """What a backup holds, in a line."""
    return (
        f"{manifest.rows.get('conversations', 0)} conversations, {manifest.rows.get('events', 0)} events, "
        f"{manifest.media} files ({manifest.database}, schema {manifest.schema}, release {manifest.release})"
    )


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 2**20:.1f} MB"
