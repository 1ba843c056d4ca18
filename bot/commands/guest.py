"""python -m bot guest export|erase HOTEL GUEST"""

import argparse
import asyncio
import json
import sys

from bot import guests
from bot.commands import CommandFailed, opening
from bot.erasures import BadErasures, Erasures
from bot.guests import UnknownGuest
from bot.model import GuestId, HotelId
from bot.settings import Settings


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
        count = await opening.dispatch(settings, opened).erase(
            HotelId(arguments.hotel), GuestId(arguments.guest)
        )
    print(f"Erased: {count} contents. The log still proves that something was said, and no longer what.")
    return _listed(Erasures(settings.backup_dir), HotelId(arguments.hotel), GuestId(arguments.guest))


def _listed(erasures: Erasures, hotel: HotelId, guest: GuestId) -> int:
    """The exit code: 1 where a restored backup would not know of it."""
    try:
        if any((one.hotel, one.guest) == (hotel, guest) for one in erasures.known()):
            return 0
        why = "it can't be written"
    except (BadErasures, OSError) as error:
        why = str(error)
    print(
        f"NOT listed in {erasures.path}: {why}. A backup that is restored would bring this guest back. "
        "Make the folder of BACKUP_DIR writable; the next start or backup then lists it.",
        file=sys.stderr,
    )
    return 1


def _agree(guest: str) -> None:
    if not sys.stdin.isatty():
        raise CommandFailed("Nothing was erased: nobody is here to be asked. Say --yes.")
    if input(f"Erase {guest} for good? [y/N] ").strip().lower() not in ("y", "yes"):
        raise CommandFailed("Nothing was erased.")
