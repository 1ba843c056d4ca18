"""What commands work with: the database at the right schema, the clock, the keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.blobs import Blobs
from bot.clock import Clock
from bot.commands import CommandFailed
from bot.conversation import Patience
from bot.dispatch import Dispatch
from bot.erasures import Erasures
from bot.files import Files
from bot.knowledge import Hotels
from bot.model import HotelId
from bot.nudges import Nudges
from bot.sealing import Seal
from bot.settings import Settings
from bot.store import desk
from bot.store.database import Database
from bot.store.desk import HotelRow
from bot.store.migrate import SchemaMisfit, require_fit
from bot.store.migrate import migrate as run_missing
from bot.texts import load_texts


def clock(settings: Settings) -> Clock:
    return Clock(settings.clock_file)


def seal(settings: Settings) -> Seal:
    return Seal({key.id: key.key for key in settings.sealing_keys})


def blobs(settings: Settings) -> Blobs:
    return Blobs(settings.blob_url, settings.blob_key)


def dispatch(settings: Settings, opened: Database, *, listing: bool = True) -> Dispatch:
    """The one path of every event, without a Redis: a serving process sees the change a little later.

    `listing` off for erasures that are on the list already.
    """
    return Dispatch(
        opened,
        clock(settings),
        Hotels(load_texts(settings.texts_dir)),
        seal(settings),
        Nudges(),
        Patience(),
        kept=Files(blobs(settings), seal(settings)),
        erasures=Erasures(settings.backup_dir) if listing else None,
    )


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    """Closed afterwards. Raises CommandFailed when this release can't serve on its schema."""
    async with any_database(settings) as opened:
        try:
            await require_fit(opened)
        except SchemaMisfit as misfit:
            raise CommandFailed(f"Nothing was done: {misfit}.") from None
        yield opened


async def migrate(opened: Database) -> tuple[str, str]:
    """Run what is missing of the schema; the revisions before and after. Raises CommandFailed."""
    try:
        return await run_missing(opened)
    except SchemaMisfit as misfit:
        raise CommandFailed(f"Nothing was done: {misfit}.") from None


@asynccontextmanager
async def any_database(settings: Settings) -> AsyncIterator[Database]:
    """At whatever schema. Closed afterwards."""
    opened = Database(settings.database_url)
    try:
        yield opened
    finally:
        await opened.close()


async def known_hotel(opened: Database, name: str) -> HotelRow:
    """Raises CommandFailed, naming the hotels there are."""
    async with opened.read() as tx:
        found = await desk.hotel_of(tx, HotelId(name))
        names = [row.id for row in await desk.list_hotels(tx)]
    if found is None:
        there = ", ".join(names) or "none; `python -m bot hotel import FOLDER` adds one"
        raise CommandFailed(f"There is no hotel {name!r}. There are: {there}.")
    return found


def name_for_guests(settings: Settings) -> str:
    """What guests read for somebody who has chosen nothing else."""
    return load_texts(settings.texts_dir)["zh"].sentence("staff_for_guests")
