"""SQLite connections on which a statement is one errand to the connection's thread instead of four.

aiosqlite goes there and back to make a cursor, to run the statement, to fetch its rows and to close it; each
way wakes the other thread and the loop. Here a statement brings its rows along (bench/statements.py).
"""

import sqlite3
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Self

import aiosqlite

BROUGHT = 256  # rows that come with the statement; those after them come when they are asked for


class Cursor(aiosqlite.Cursor):
    """As SQLAlchemy uses one: executed once, read to its end in one go or by `fetchmany`, closed."""

    def __init__(self, connection: "Connection", cursor: sqlite3.Cursor) -> None:
        super().__init__(connection, cursor)
        self._rows: list[Any] = []
        self._open = True

    async def _there(self, what: Callable[..., Any], *given: Any) -> Any:
        """An errand to the connection's thread."""
        return await self._execute(what, *given)  # type: ignore[no-untyped-call]

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> Self:
        self._rows = await self._there(self._begin, sql, parameters or ())
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Self:
        await self._there(self._all, sql, parameters)
        return self

    def _all(self, sql: str, parameters: Iterable[Any]) -> None:
        self._cursor.executemany(sql, parameters)
        self._end()

    def _begin(self, sql: str, parameters: Any) -> list[Any]:
        self._cursor.execute(sql, parameters)
        rows = self._cursor.fetchmany(BROUGHT) if self._cursor.description else []
        if len(rows) < BROUGHT:
            self._end()
        return rows

    def _end(self) -> None:
        self._open = False
        self._cursor.close()

    async def fetchone(self) -> Any:
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        size = self.arraysize if size is None else size
        if self._open and len(self._rows) < size:
            self._rows += await self._there(self._cursor.fetchmany, size - len(self._rows))
        given, self._rows = self._rows[:size], self._rows[size:]
        return given

    async def fetchall(self) -> list[Any]:
        if self._open:
            self._rows += await self._there(self._cursor.fetchall)
        given, self._rows = self._rows, []
        return given

    async def close(self) -> None:
        if self._open:
            await self._there(self._end)


class Connection(aiosqlite.Connection):
    def cursor(self) -> Cursor:  # type: ignore[override]  # without the way there and back that theirs takes
        return Cursor(self, self._conn.cursor())


def connector(path: str, *prepared: str) -> Callable[[], Coroutine[Any, Any, Connection]]:
    """For SQLAlchemy's `async_creator`: connections in autocommit mode on which the statements `prepared`
    have been run. Their threads keep no process from ending."""

    def open_() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for statement in prepared:
            connection.execute(statement).close()
        return connection

    async def connect() -> Connection:
        connection = Connection(open_, BROUGHT)
        connection._thread.daemon = True
        await connection
        return connection

    return connect
