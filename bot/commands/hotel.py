"""python -m bot hotel import FOLDER: show what would change, then change it."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from bot import hotel_files, hotel_notes, knowledge
from bot.commands import CommandFailed, opening
from bot.hotel_files import BadHotel, HotelFile
from bot.settings import Settings
from bot.store import desk
from bot.store.database import Database
from bot.texts import load_texts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    importing = actions.add_parser("import", help="make a folder of YAML the hotel's truth")
    importing.add_argument("folder", type=Path, help="as in hotels/xinghaihui")
    importing.add_argument("--yes", action="store_true", help="don't ask")
    actions.add_parser("list", help="the hotels there are")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.action == "list":
        return asyncio.run(_list(settings))
    return asyncio.run(_import(arguments.folder, settings, sure=arguments.yes))


async def _list(settings: Settings) -> int:
    async with opening.database(settings) as opened, opened.read() as tx:
        for row in await desk.list_hotels(tx):
            print(f"{row.id}  {row.name}")
    return 0


async def _import(folder: Path, settings: Settings, *, sure: bool) -> int:
    documents, hotel = read(folder, settings)
    async with opening.database(settings) as opened:
        for note in hotel_notes.notes(hotel, load_texts(settings.texts_dir)):
            print(f"Note: {note}.")
        changes = hotel_files.difference(await _known(opened, hotel), hotel)
        print("\n".join(changes) or f"Nothing changes: {hotel.name} is as it stands in {folder}.")
        if changes and (sure or _agreed(hotel)):
            await save(opened, documents, settings)
            print(f"Imported {hotel.name} ({hotel.id}).")
    return 0


def read(folder: Path, settings: Settings) -> tuple[dict[str, Any], HotelFile]:
    """The documents of a folder and the hotel they make. Raises CommandFailed with every mistake."""
    try:
        found = hotel_files.load(folder, load_texts(settings.texts_dir))
        if wrong := hotel_notes.mistakes(found):
            raise BadHotel(wrong)
        return hotel_files.read(folder), found
    except BadHotel as error:
        raise CommandFailed(f"{folder} can't be imported:\n{error}") from None


async def save(opened: Database, documents: dict[str, Any], settings: Settings) -> None:
    async with opened.write() as tx:
        await knowledge.save(tx, documents, opening.clock(settings).now())


async def _known(opened: Database, hotel: HotelFile) -> HotelFile | None:
    async with opened.read() as tx:
        row = await desk.hotel_of(tx, hotel.id)
        return await knowledge.file_of(tx, row) if row else None


def _agreed(hotel: HotelFile) -> bool:
    if not sys.stdin.isatty():
        raise CommandFailed("Nothing was changed: nobody is here to be asked. Say --yes.")
    return input(f"Change {hotel.name} so? [y/N] ").strip().lower() in ("y", "yes")
