"""python -m bot hotel import FOLDER: show what would change, then change it."""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot import hotel_files, hotel_notes, knowledge
from bot.commands import CommandFailed, opening
from bot.hotel_files import BadHotel, HotelFile
from bot.settings import Settings
from bot.store import desk, facts
from bot.store.database import Database
from bot.store.facts import FactChange
from bot.texts import load_texts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    importing = actions.add_parser("import", help="make a folder of YAML the hotel's truth")
    importing.add_argument("folder", type=Path, help="as in hotels/xinghaihui")
    importing.add_argument("--yes", action="store_true", help="don't ask")
    importing.add_argument(
        "--facts", choices=("file", "desk"), help="whose facts stay where staff have changed them on the desk"
    )
    actions.add_parser("list", help="the hotels there are")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.action == "list":
        return asyncio.run(_list(settings))
    return asyncio.run(take_folder(arguments.folder, settings, sure=arguments.yes, whose=arguments.facts))


async def _list(settings: Settings) -> int:
    async with opening.database(settings) as opened, opened.read() as tx:
        for row in await desk.list_hotels(tx):
            print(f"{row.id}  {row.name}")
    return 0


async def take_folder(folder: Path, settings: Settings, *, sure: bool, whose: str | None) -> int:
    documents, hotel = read(folder, settings)
    async with opening.database(settings) as opened:
        for note in hotel_notes.notes(hotel, load_texts(settings.texts_dir)):
            print(f"Note: {note}.")
        known, told = await _known(opened, hotel), await _told_on_the_desk(opened, hotel)
        if told and (whose or _chosen(hotel, told, sure=sure)) == "desk":
            documents = _keeping(documents, told)
            hotel, told = hotel_files.parse(documents, load_texts(settings.texts_dir)), {}
        changes = hotel_files.difference(known, hotel)
        print("\n".join(changes) or f"Nothing changes: {hotel.name} is as it stands in {folder}.")
        if changes and (sure or _agreed(hotel)):
            await save(opened, documents, settings)
            print(f"Imported {hotel.name} ({hotel.id}).")
    return 0


async def _told_on_the_desk(opened: Database, hotel: HotelFile) -> dict[str, FactChange]:
    """Facts that were changed on the desk last, and that the file says otherwise."""
    async with opened.read() as tx:
        last = await facts.newest(tx, hotel.id)
    return {name: one for name, one in last.items() if one.by and hotel.facts.get(name) != one.after}


def _chosen(hotel: HotelFile, told: Mapping[str, FactChange], *, sure: bool) -> str:
    """Whose word stays; the file's is what an import is for, but nobody's is overwritten unasked."""
    for name, one in told.items():
        print(
            f"! facts.{name}: the desk says {_said(one.after)} ({one.at:%Y-%m-%d %H:%M} UTC), "
            f"the file {_said(hotel.facts.get(name))}"
        )
    if sure or not sys.stdin.isatty():
        raise CommandFailed(
            "Nothing was changed: staff have changed these facts on the desk. "
            "Say --facts desk to keep theirs, --facts file to take the file's."
        )
    kept = input("Keep what the desk says? [Y/n] ").strip().lower() not in ("n", "no")
    return "desk" if kept else "file"


def _said(value: object) -> str:
    return "nothing" if value is None else repr(value)


def _keeping(documents: dict[str, Any], told: Mapping[str, FactChange]) -> dict[str, Any]:
    """The file's documents with what the desk says of these facts."""
    said = {name: one.after for name, one in told.items()}
    merged = {**documents["hotel"]["facts"], **said}
    kept = {name: value for name, value in merged.items() if value is not None}
    return {**documents, "hotel": {**documents["hotel"], "facts": kept}}


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
