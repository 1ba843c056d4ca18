"""What a statement on SQLite costs through our connections, against those of aiosqlite in the same run.

    .venv/bin/python -m bench.statements

Processor time and time by the clock of transactions as the service makes them: two SELECTs and an UPDATE.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.store.sqlite import connector

ROUNDS, TRANSACTIONS = 5, 1000


def main() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        asyncio.run(_compare(f"{folder}/one.db"))


async def _compare(path: str) -> None:
    url = f"sqlite+aiosqlite:///{path}"
    engines = {"aiosqlite": create_async_engine(url, connect_args={"isolation_level": None})}
    engines["ours"] = create_async_engine(url, async_creator=connector(path))
    for engine in engines.values():
        event.listen(engine.sync_engine, "begin", lambda tx: tx.exec_driver_sql("BEGIN"))
    async with engines["ours"].begin() as tx:
        await tx.execute(text("CREATE TABLE guest (id INTEGER PRIMARY KEY, name TEXT)"))
        await tx.execute(
            text("INSERT INTO guest VALUES (:id, :name)"), [{"id": at, "name": "住客"} for at in range(20)]
        )
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            spent[name].append(await _time(engine))
    found = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in spent.items()
    }
    for name, (processor, clock) in found.items():
        print(f"{name}: {processor:.2f} ms of processor, {clock:.2f} ms by the clock a transaction")
    ratios = [ours / theirs for ours, theirs in zip(found["ours"], found["aiosqlite"], strict=True)]
    print(f"ours takes {ratios[0]:.2f} of the processor and {ratios[1]:.2f} of the time", end=" ")
    print(f"(median of {ROUNDS}, load {os.getloadavg()[0]:.1f})")
    for engine in engines.values():
        await engine.dispose()


async def _time(engine: AsyncEngine) -> tuple[float, float]:
    """Milliseconds a transaction."""
    processor, clock = time.process_time(), time.perf_counter()
    for at in range(TRANSACTIONS):
        async with engine.begin() as tx:
            (await tx.execute(text("SELECT * FROM guest WHERE id = :id"), {"id": at % 20})).one()
            (await tx.execute(text("SELECT * FROM guest"))).all()
            await tx.execute(text("UPDATE guest SET name = '王芳' WHERE id = :id"), {"id": at % 20})
    each = 1000 / TRANSACTIONS
    return (time.process_time() - processor) * each, (time.perf_counter() - clock) * each


if __name__ == "__main__":
    main()
