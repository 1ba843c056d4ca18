"""Bringing a database to this release's schema, forward only, one process at a time; and which schemas this
release serves on (docs/adr/0010-schemas-of-neighbouring-releases.md).

A migration says of itself whether it is `additive` (a release made for the schema before serves on with it)
and whether this release's code has `needed` it since. The database keeps the first of the two, so that an
older release can read it of steps that it has never heard of.
"""

import fcntl
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Column, Connection, MetaData, String, Table, insert, inspect, select, text

from bot.store.database import Database

ADVISORY_LOCK = 0x64786572  # any constant; the same in every release

# Of the schema itself, as alembic_version is: no part of a dump.
steps = Table(
    "revisions",
    MetaData(),
    Column("revision", String(32), primary_key=True),
    Column("additive", Boolean, nullable=False),
)


class SchemaMisfit(Exception):
    """The database is at a schema that this release can't serve on; the message says what to do."""


def config(connection: Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


@cache
def newest() -> str:
    """The revision this release brings a database to."""
    return ScriptDirectory.from_config(config()).get_current_head() or ""


def oldest() -> str:
    """The revision this release serves on at the least."""
    needed: list[str] = [one.revision for one in _scripts() if getattr(one.module, "needed", True)]
    return needed[-1]


def revisions() -> dict[str, str]:
    """Every revision this release knows, oldest first, with the first line of what it says."""
    return {one.revision: (one.doc or "").partition("\n")[0] for one in _scripts()}


def additive() -> set[str]:
    """The revisions that leave a release made for the schema before them serving."""
    return {one.revision for one in _scripts() if getattr(one.module, "additive", False)}


@cache
def _scripts() -> tuple[Any, ...]:
    return tuple(reversed(list(ScriptDirectory.from_config(config()).walk_revisions())))


def note(
    ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]
) -> None:
    """Called by Alembic after each step: what it leaves working, for a release that doesn't know it."""
    connection = ctx.connection
    if connection is not None and inspect(connection).has_table(steps.name):
        values = {"revision": step.up_revision_id, "additive": step.up_revision_id in additive()}
        connection.execute(insert(steps).values(**values))


def misfit(at: str, known: Sequence[str], least: str, since: Mapping[str, bool]) -> str | None:
    """Why a release that knows `known` and serves from `least` on can't serve on schema `at`; None: it can.

    `since` is what the database itself says of its steps: whether each is additive.
    """
    if not at:
        return "the database holds nothing of ours: run `python -m bot prepare` first"
    if at in known:
        if list(known).index(at) >= list(known).index(least):
            return None
        return (
            f"the database is at schema {at}, this release needs {least}: run `python -m bot prepare` first"
        )
    if {known[-1], at} <= set(since) and all(fits for one, fits in since.items() if one > known[-1]):
        return None
    return (
        f"the database's schema {at} is of a newer release, with more than additions to {known[-1]}: "
        "restore the backup that was made before the update"
    )


def _revision(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _since(connection: Connection) -> dict[str, bool]:
    if not inspect(connection).has_table(steps.name):
        return {}
    return {row.revision: row.additive for row in connection.execute(select(steps))}


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
    """Run what is missing; the revisions before and after. A newer schema stays as it is, if this release
    serves on it; else raises SchemaMisfit."""
    with _alone(database.path):
        before = await current(database)
        if before and before not in revisions():
            await require_fit(database)
            return before, before
        async with database.write() as connection:
            await connection.run_sync(upgrade)
        return before, await current(database)


async def current(database: Database) -> str:
    """The revision the database is at, or '' for an empty one."""
    async with database.read() as connection:
        return await connection.run_sync(_revision)


async def require_fit(database: Database) -> str:
    """The revision the database is at; raises SchemaMisfit when this release can't serve on it."""
    async with database.read() as connection:
        at, since = await connection.run_sync(_revision), await connection.run_sync(_since)
    if why := misfit(at, list(revisions()), oldest(), since):
        raise SchemaMisfit(why)
    return at
