"""What a database needs before it can serve: the schema, a hotel, somebody who may sign in.

Does only what is missing, so it may run before every start.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from bot import accounts, staff
from bot.commands import CommandFailed, opening
from bot.commands import hotel as hotel_command
from bot.guest_tokens import Key
from bot.model import AccountId, HotelId
from bot.settings import Settings
from bot.store import desk, members
from bot.store.database import Database

ADMINISTRATOR = "admin"
SAMPLE_APP = AccountId("sample-app")


@dataclass(frozen=True)
class Prepared:
    """What was made now: hotels by name, the first administrator's one-time password, and the schema that a
    database which was there already is at, with the one it came from."""

    hotels: tuple[str, ...] = ()
    password: str | None = None
    schema: tuple[str, str] | None = None


def words(prepared: Prepared) -> list[str]:
    """What a person has to be told of it, once."""
    lines = [f"Imported {name}." for name in prepared.hotels]
    if prepared.schema:
        before, after = prepared.schema
        lines.insert(0, f"Brought the schema from {before} to {after}.")
    if prepared.password:
        lines += [
            "",
            f"Sign in to the desk as {ADMINISTRATOR} with the one-time password {prepared.password}",
        ]
        lines += ["It is shown this once. `python -m bot staff reset admin` makes another."]
    return lines


async def prepare(settings: Settings) -> Prepared:
    """Migrate; where nothing is there yet, import HOTELS_DIR and add an administrator."""
    opened = Database(settings.database_url)
    try:
        before, after = await opening.migrate(opened)
        imported = await _import_hotels(opened, settings)
        schema = (before, after) if before and before != after else None
        return Prepared(imported, await _administrator(opened, settings), schema)
    finally:
        await opened.close()


async def _import_hotels(opened: Database, settings: Settings) -> tuple[str, ...]:
    """Import every hotel's folder, each with a widget for its page, if the database has no hotel."""
    if await _hotels(opened):
        return ()
    names = []
    folders = sorted(path.parent for path in settings.hotels_dir.glob("*/hotel.yml"))
    if not folders:
        raise CommandFailed(
            f"No hotel was imported: HOTELS_DIR={settings.hotels_dir} holds none. "
            "It takes a folder for each hotel with its hotel.yml inside; the sample is hotels/xinghaihui."
        )
    for folder in folders:
        documents, hotel = hotel_command.read(folder, settings)
        await hotel_command.save(opened, documents, settings)
        await _save_account(opened, settings, "web", AccountId(f"{hotel.id}-page"), hotel.id, {})
        names.append(hotel.name)
    return tuple(names)


async def _administrator(opened: Database, settings: Settings) -> str | None:
    async with opened.write() as tx:
        if await members.count_staff(tx):
            return None
        password = staff.one_time_password()
        roles = {row.id: "administrator" for row in await desk.list_hotels(tx)}
        now, shown = opening.clock(settings).now(), opening.name_for_guests(settings)
        await staff.add(tx, ADMINISTRATOR, "管理员", roles, password, now, shown)
        return password


def sample_app() -> dict[str, object]:
    """An app whose tokens we sign ourselves, for the sample page: of `python -m bot run` alone."""
    key = Key("sample", "HS256", secrets.token_urlsafe(48))
    return {"sample": True, "keys": [key.to_json()]}


async def register(
    settings: Settings, channel: str, account: AccountId, values: dict[str, object]
) -> HotelId | None:
    """Keep an account of the first hotel; None when there is no hotel."""
    async with opening.database(settings) as opened:
        hotels = await _hotels(opened)
        if hotels:
            await _save_account(opened, settings, channel, account, hotels[0], values)
        return hotels[0] if hotels else None


async def _hotels(opened: Database) -> Sequence[HotelId]:
    async with opened.read() as tx:
        return [row.id for row in await desk.list_hotels(tx)]


async def _save_account(
    opened: Database,
    settings: Settings,
    channel: str,
    account: AccountId,
    hotel: HotelId,
    values: dict[str, object],
) -> None:
    async with opened.write() as tx:
        now = opening.clock(settings).now()
        await accounts.save(tx, opening.seal(settings), channel, account, hotel, values, now)
