"""Connections to either database, and where their words differ; nothing about what is in them.

SQLite: WAL, one writing connection per process with BEGIN IMMEDIATE, synchronous=FULL, foreign keys and
secure_delete on. PostgreSQL: a pool. No transaction is ever open during a network call to somebody else.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.store.sqlite import connector

BUSY_SECONDS = 15
_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
)


class DatabaseAway(OSError):
    """No connection can be had; the message says to what, why, and what to do, without the password."""


class AlreadyServed(Exception):
    """Another process is serving from this SQLite file."""


def async_url(url: str) -> str:
    """The URL with the driver we use: sqlite:///x and postgresql://x are what people write."""
    parsed = make_url(url)
    driver = {
        "sqlite": "sqlite+aiosqlite",
        "postgresql": "postgresql+asyncpg",
        "postgres": "postgresql+asyncpg",
    }
    return parsed.set(drivername=driver[parsed.get_backend_name()]).render_as_string(hide_password=False)


class Database:
    """One process's way to the database: `read()` for a snapshot, `write()` for the one transaction."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = make_url(url).get_backend_name() == "sqlite"
        self.path = Path(make_url(url).database or "") if self.sqlite else None
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = self._engine("BEGIN IMMEDIATE", 1 if self.sqlite else 10)
        self._reader = self._engine("BEGIN", 4) if self.sqlite else self._writer
        self._turn = asyncio.Lock()
        self._served: int | None = None

    def _engine(self, begin: str, size: int) -> AsyncEngine:
        ours = {"async_creator": connector(str(self.path), *_PRAGMAS)} if self.path else {}
        engine = create_async_engine(
            async_url(self.url), pool_size=size, max_overflow=0, pool_timeout=BUSY_SECONDS, **ours
        )
        if self.sqlite:
            event.listen(engine.sync_engine, "begin", lambda c: c.exec_driver_sql(begin))
        else:
            event.listen(engine.sync_engine, "do_connect", _connect_postgres)
        return engine

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end, rolled back on any exception."""
        if not self.sqlite:
            async with self._writer.begin() as connection:
                yield connection
            return
        async with self._turn, self._writer.begin() as connection:
            yield connection

    def serve(self) -> None:
        """Claim an SQLite file for this process; raises AlreadyServed. Freed when the process ends."""
        if self.path is None:
            return
        self._served = os.open(f"{self.path}.serving", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._served, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyServed(
                f"{self.path} is already served by another process; stop it, or use PostgreSQL for several"
            ) from None

    async def forget(self) -> None:
        """After an erasure: nothing erased may linger in a journal. PostgreSQL's own vacuum does the rest."""
        if self.sqlite:
            async with self._turn, self._writer.connect() as connection:
                raw = await connection.get_raw_connection()
                await raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]

    async def close(self) -> None:
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()
        if self._served is not None:
            os.close(self._served)
            self._served = None


def _connect_postgres(dialect: Any, _record: Any, words: Any, options: Any) -> Any:
    """The driver's own connecting; whatever keeps it from that is told in one sentence."""
    try:
        return dialect.connect(*words, **options)
    except Exception as error:
        at = f"{options.get('host') or 'localhost'}:{options.get('port') or 5432}"
        where = f"PostgreSQL at {at}, database {options.get('database')!r}, can't be reached"
        why = os.strerror(error.errno) if isinstance(error, ConnectionError) and error.errno else str(error)
        raise DatabaseAway(
            f"{where}: {why or type(error).__name__}. Start it (`sudo systemctl start postgresql`), "
            "or correct DATABASE_URL."
        ) from error


def insert_or_ignore(tx: AsyncConnection, table: Any) -> Any:
    """INSERT … ON CONFLICT, in the words of the database at hand."""
    return (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(table)
