"""Our way to SQLite: every statement one errand to the connection's thread, and nothing of it lost."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import sqlite
from bot.store.database import Database


@pytest_asyncio.fixture
async def tx(tmp_path: Path) -> AsyncIterator[AsyncConnection]:
    database = Database(f"sqlite:///{tmp_path}/one.db")
    async with database.write() as tx:
        await tx.execute(text("CREATE TABLE guest (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"))
        yield tx
    await database.close()


async def _fill(tx: AsyncConnection, guests: int) -> None:
    rows = [{"id": at, "name": f"客人{at}"} for at in range(guests)]
    await tx.execute(text("INSERT INTO guest VALUES (:id, :name)"), rows)


@pytest.fixture
def errands(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was asked of the connections' threads."""
    asked: list[Any] = []
    execute = aiosqlite.Connection._execute

    async def counted(self: aiosqlite.Connection, what: Any, *given: Any, **more: Any) -> Any:
        asked.append(what)
        return await execute(self, what, *given, **more)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
    return asked


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM guest",
        "INSERT INTO guest VALUES (900, '王芳') RETURNING name",
        "UPDATE guest SET name = '李雷' WHERE id = 1",
        "DELETE FROM guest",
    ],
)
async def test_a_statement_is_one_errand(tx: AsyncConnection, errands: list[Any], statement: str) -> None:
    await _fill(tx, 20)
    errands.clear()
    await tx.execute(text(statement))
    assert len(errands) == 1


async def test_many_rows_are_one_errand_too(tx: AsyncConnection, errands: list[Any]) -> None:
    await _fill(tx, 20)
    assert len(errands) == 1


@pytest.mark.parametrize("guests", [0, 1, sqlite.BROUGHT - 1, sqlite.BROUGHT, sqlite.BROUGHT + 1, 2000])
async def test_every_row_comes_once_and_in_order(tx: AsyncConnection, guests: int) -> None:
    if guests:
        await _fill(tx, guests)
    found = (await tx.execute(text("SELECT id, name FROM guest ORDER BY id"))).all()
    assert [tuple(row) for row in found] == [(at, f"客人{at}") for at in range(guests)]


@pytest.mark.parametrize("guests", [3, sqlite.BROUGHT, 2000])
async def test_a_stream_brings_them_bit_by_bit(tx: AsyncConnection, guests: int) -> None:
    await _fill(tx, guests)
    streamed = await tx.stream(text("SELECT id FROM guest ORDER BY id"))
    assert [row.id async for row in streamed] == list(range(guests))


async def test_a_stream_brings_them_one_by_one(tx: AsyncConnection) -> None:
    await _fill(tx, 300)
    streamed = await tx.stream(text("SELECT id FROM guest ORDER BY id"))
    found = []
    while row := await streamed.fetchone():
        found.append(row.id)
    assert found == list(range(300))


async def test_a_stream_that_is_left_is_closed(tx: AsyncConnection) -> None:
    await _fill(tx, 2000)
    streamed = await tx.stream(text("SELECT id FROM guest"))
    assert len(await streamed.fetchmany(300)) == 300
    await streamed.close()
    await tx.execute(text("DROP TABLE guest"))  # refused while somebody reads it


async def test_it_says_how_many_it_changed(tx: AsyncConnection) -> None:
    await _fill(tx, 5)
    changed = await tx.execute(text("UPDATE guest SET name = '住客' WHERE id > 1"))
    assert changed.rowcount == 3


async def test_what_the_database_refuses_is_raised(tx: AsyncConnection) -> None:
    await _fill(tx, 1)
    with pytest.raises(IntegrityError, match="NOT NULL"):
        await tx.execute(text("INSERT INTO guest VALUES (7, NULL)"))
    with pytest.raises(IntegrityError, match="UNIQUE"):
        await _fill(tx, 2)
    assert (await tx.execute(text("SELECT count(*) FROM guest"))).scalar() == 1


async def test_connections_are_as_the_store_needs_them(tx: AsyncConnection) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    for name, value in wanted.items():
        assert (await tx.execute(text(f"PRAGMA {name}"))).scalar() == value


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        await sqlite.connector(str(tmp_path / "none/one.db"))()
