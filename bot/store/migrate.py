"""Bringing a database to this release's schema, forward only, one process at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from bot.store.database import Database

ADVISORY_LOCK = 0x64786572  # any constant; the same in every release


def config(connection: Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def newest() -> str:
    """The revision this release needs."""
    return ScriptDirectory.from_config(config()).get_current_head() or ""


def revisions() -> dict[str, str]:
    """Every revision this release knows, oldest first, with the first line of what it says."""
    found = ScriptDirectory.from_config(config()).walk_revisions()
    return {one.revision: (one.doc or "").partition("\n")[0] for one in reversed(list(found))}


def _revision(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade(connection: Connection, to: str = "head") -> None:
    """Within a transaction of the caller's: nobody else migrates meanwhile."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
    command.upgrade(config(connection), to)


def set_revision(connection: Connection, revision: str) -> None:
    """Say which revision the tables are at; '' for none, and no process of ours serves from them."""
    MigrationContext.configure(connection).stamp(ScriptDirectory.from_config(config()), revision or "base")


@contextmanager
def _alone(path: Path | None) -> Iterator[None]:
    """Two processes on one SQLite file: the second waits."""
    if path is None:
        yield
        return
    with open(f"{path}.migrating", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def migrate(database: Database) -> tuple[str, str]:
    """Run what is missing; the revisions before and after."""
    with _alone(database.path):
        before = await current(database)
        async with database.write() as connection:
            await connection.run_sync(upgrade)
        return before, await current(database)


async def current(database: Database) -> str:
    """The revision the database is at, or '' for an empty one."""
    async with database.read() as connection:
        return await connection.run_sync(_revision)
