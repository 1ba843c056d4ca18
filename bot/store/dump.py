"""Every row of every table, out and in: what a backup holds, the same for both databases.

Tables are read as they stand in the database, not as this release knows them, so that nothing is lost of a
schema that is older or newer. Who is up, who is signed in and the schema's revision are no part of a dump.
"""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, and_, func, insert, inspect, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.database import Database
from bot.store.outbox import CUSTOM
from bot.store.schema import metadata, outbox, processes

ROWS = 1000  # in memory at a time
REVISION = "alembic_version"
LEFT_OUT = frozenset({REVISION, "revisions", "processes", "sign_ins"})
RESTORED = "restored"  # who leased what was on its way when the backup was made

Rows = Sequence[Sequence[Any]]


class ForeignTables(Exception):
    """The database holds tables that aren't ours; the message names them."""


@asynccontextmanager
async def frozen(database: Database, folder: Path) -> AsyncIterator[AsyncConnection]:
    """A reading in which nothing moves while the service goes on, however long it takes.

    SQLite is copied into `folder` first: a long reading would keep its journal from being emptied.
    """
    if database.path is None:
        async with database.read() as tx:
            yield await tx.execution_options(isolation_level="REPEATABLE READ")
        return
    copy = folder / "copy.db"
    _copy(database.path, copy)
    opened = Database(f"sqlite:///{copy.absolute()}")
    try:
        async with opened.read() as tx:
            yield tx
    finally:
        await opened.close()


def _copy(path: Path, to: Path) -> None:
    source, target = sqlite3.connect(path), sqlite3.connect(to)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()


async def tables_of(tx: AsyncConnection) -> list[Table]:
    """The tables there are, those first that others refer to."""

    def reflect(connection: Connection) -> list[Table]:
        found = MetaData()
        found.reflect(connection)
        return [table for table in found.sorted_tables if table.name not in LEFT_OUT]

    return await tx.run_sync(reflect)


async def count(tx: AsyncConnection, table: Table) -> int:
    return int((await tx.execute(select(func.count()).select_from(table))).scalar_one())


async def rows_of(tx: AsyncConnection, table: Table) -> AsyncIterator[Rows]:
    """All rows by their key, some at a time."""
    found = await tx.stream(select(table).order_by(*table.primary_key.columns))
    async for part in found.partitions(ROWS):
        yield part


async def put_rows(tx: AsyncConnection, table: Table, columns: Sequence[str], rows: Rows) -> None:
    await tx.execute(insert(table), [dict(zip(columns, row, strict=True)) for row in rows])


async def names_of(tx: AsyncConnection) -> set[str]:
    """Of all tables there are, whoever's."""

    def look(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names())

    return await tx.run_sync(look)


async def drop_all(tx: AsyncConnection) -> None:
    """Take every table of ours away, and what guards them. Raises ForeignTables if there are others."""
    names = await names_of(tx)
    if strange := names - set(metadata.tables) - LEFT_OUT:
        raise ForeignTables(", ".join(sorted(strange)))
    for name in sorted(names):
        await tx.execute(text(f'DROP TABLE IF EXISTS "{name}" CASCADE'))
    await tx.execute(text("DROP FUNCTION IF EXISTS refuse_change() CASCADE"))


async def last_seen(tx: AsyncConnection) -> datetime | None:
    """When a serving process last said that it is up."""
    if processes.name not in await names_of(tx):
        return None
    found: datetime | None = (await tx.execute(select(func.max(processes.c.seen_at)))).scalar_one()
    return found


async def distrust_deliveries(tx: AsyncConnection, now: datetime) -> int:
    """Mark what was still to be sent when the backup was made as on its way since; how many.

    It went out long ago, most likely. The worker finds the leases run out and shows the messages as unclear,
    so that a person decides; what waits for the guest's next push goes on waiting.
    """
    owed = and_(
        outbox.c.kind == "deliver", outbox.c.state.in_(("queued", "sending")), outbox.c.due_at.is_not(None)
    )
    values = {"state": "sending", "via": CUSTOM, "owner": RESTORED, "lease_until": now, "changed_at": now}
    return int((await tx.execute(update(outbox).where(owed).values(**values))).rowcount)
