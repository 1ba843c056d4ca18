"""python -m bot guest export|erase HOTEL GUEST"""

import argparse
import asyncio
import json
import sys

from bot import guests
from bot.blobs import Blobs
from bot.commands import CommandFailed, opening
from bot.conversation import Patience
from bot.dispatch import Dispatch
from bot.files import Files
from bot.guests import UnknownGuest
from bot.knowledge import Hotels
from bot.model import GuestId, HotelId
from bot.nudges import Nudges
from bot.settings import Settings
from bot.store.database import Database
from bot.texts import load_texts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    exporting = actions.add_parser("export", help="print all that is kept of a guest, as JSON")
    erasing = actions.add_parser("erase", help="erase a guest's words, numbers and ids for good")
    erasing.add_argument("--yes", action="store_true", help="don't ask")
    for action in (exporting, erasing):
        action.add_argument("hotel")
        action.add_argument("guest", help="the guest's id, as the desk shows it")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    action = _export if arguments.action == "export" else _erase
    try:
        return asyncio.run(action(arguments, settings))
    except UnknownGuest:
        raise CommandFailed(f"{arguments.hotel} has no guest {arguments.guest}.") from None


async def _export(arguments: argparse.Namespace, settings: Settings) -> int:
    async with opening.database(settings) as opened:
        await opening.known_hotel(opened, arguments.hotel)
        async with opened.read() as tx:
            found = await guests.export(tx, HotelId(arguments.hotel), GuestId(arguments.guest))
    print(json.dumps(found, ensure_ascii=False, indent=2))
    return 0


async def _erase(arguments: argparse.Namespace, settings: Settings) -> int:
    async with opening.database(settings) as opened:
        await opening.known_hotel(opened, arguments.hotel)
        if not arguments.yes:
            _agree(arguments.guest)
        count = await _dispatch(settings, opened).erase(HotelId(arguments.hotel), GuestId(arguments.guest))
    print(f"Erased: {count} contents. The log still proves that something was said, and no longer what.")
    return 0


def _dispatch(settings: Settings, opened: Database) -> Dispatch:
    """The one path of every event, without a Redis: a serving process sees the change a little later."""
    hotels = Hotels(load_texts(settings.texts_dir))
    seal = opening.seal(settings)
    kept = Files(Blobs(settings.blob_url, settings.blob_key), seal)
    return Dispatch(opened, opening.clock(settings), hotels, seal, Nudges(), Patience(), kept=kept)


def _agree(guest: str) -> None:
    if not sys.stdin.isatty():
        raise CommandFailed("Nothing was erased: nobody is here to be asked. Say --yes.")
    if input(f"Erase {guest} for good? [y/N] ").strip().lower() not in ("y", "yes"):
        raise CommandFailed("Nothing was erased.")
