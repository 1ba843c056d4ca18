"""The same beginning for many tests: made once by the product's own code, then copied row by row."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.schema import metadata

_KEPT: dict[str, dict[str, list[dict[str, Any]]]] = {}


async def prepared(
    tx: AsyncConnection, name: str, make: Callable[[AsyncConnection], Awaitable[None]]
) -> None:
    """Fill an empty database as `make` does, from a copy of what it left the first time."""
    if name in _KEPT:
        for table, rows in _KEPT[name].items():
            await tx.execute(insert(metadata.tables[table]), rows)
        return
    await make(tx)
    found: dict[str, list[dict[str, Any]]] = {}
    for table in metadata.sorted_tables:
        rows = [dict(row) for row in (await tx.execute(select(table))).mappings()]
        if rows:
            found[table.name] = rows
    _KEPT[name] = found
