"""python -m bot guest export|erase HOTEL GUEST, guest vips HOTEL LIST.csv"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from bot import guests, vips
from bot.commands import CommandFailed, opening
from bot.conversation import Record
from bot.dispatch import Dispatch
from bot.erasures import BadErasures, Erasures
from bot.guests import UnknownGuest
from bot.model import GuestId, HotelId
from bot.settings import Settings
from bot.store.proofs import conversation_of
from bot.vips import BadList, Change, Comparison


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    exporting = actions.add_parser("export", help="print all that is kept of a guest, as JSON")
    erasing = actions.add_parser("erase", help="erase a guest's words, numbers and ids for good")
    erasing.add_argument("--yes", action="store_true", help="don't ask")
    marking = actions.add_parser("vips", help="show what a list of VIPs would change, then change it")
    marking.add_argument("hotel")
    marking.add_argument(
        "list", type=Path, help="CSV: guest, member, phone or openid, or name and room; and vip (yes, no)"
    )
    marking.add_argument("--yes", action="store_true", help="don't ask")
    for action in (exporting, erasing):
        action.add_argument("hotel")
        action.add_argument("guest", help="the guest's id, as the desk shows it")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    try:
        return asyncio.run(_ACTIONS[arguments.action](arguments, settings))
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


async def _vips(arguments: argparse.Namespace, settings: Settings) -> int:
    hotel, now = HotelId(arguments.hotel), opening.clock(settings).now()
    try:
        wanted = vips.read(arguments.list.read_bytes())
    except OSError as error:
        raise CommandFailed(f"{arguments.list} can't be read: {error.strerror}.") from None
    except BadList as error:
        raise CommandFailed(f"{arguments.list} can't be taken:\n{error}") from None
    seal = opening.seal(settings)
    async with opening.database(settings) as opened:
        await opening.known_hotel(opened, hotel)
        async with opened.read() as tx:
            found = await vips.compare(tx, seal, hotel, wanted, now)
        _show(found)
        if (found.changes or found.awaits or found.forgets) and (arguments.yes or _agreed(found)):
            async with opened.write() as tx:
                await vips.expect(tx, seal, hotel, found, now)
            come = await vips.come_meanwhile(opened, seal, hotel, found, now)
            changes = (*found.changes, *come)
            marked = [await _mark(opening.dispatch(settings, opened), hotel, one) for one in changes]
            awaited = found.waiting + len(found.awaits) - sum(one.wanted.vip for one in come)
            print(f"Changed {sum(marked)} guests; {awaited} are awaited.")
    return 0


def _show(found: Comparison) -> None:
    for change in found.changes:
        print(f"{'+ VIP' if change.wanted.vip else '- VIP'}: {change.wanted} (guest {change.guest})")
    for one in found.awaits:
        print(f"+ VIP once they show who they are: {one}")
    for one in found.forgets:
        print(f"- no longer awaited: {one}")
    for one in found.several:
        print(f"? line {one.line}: several guests are {one}; say guest or member")
    for one in found.nobody:
        print(f"? line {one.line}: {one} hasn't written yet; import again later")
    print(f"To change: {len(found.changes)}. As they should be: {found.same}.")
    print(
        f"Not here yet: {len(found.awaits)} to wait for, {found.waiting} waited for already, "
        f"{len(found.forgets)} no longer."
    )


def _agreed(found: Comparison) -> bool:
    if not sys.stdin.isatty():
        raise CommandFailed("Nothing was changed: nobody is here to be asked. Say --yes.")
    others = len(found.awaits) + len(found.forgets)
    asked = f"Change {len(found.changes)} guests, and {others} who aren't here yet, so? [y/N] "
    return input(asked).strip().lower() in ("y", "yes")


async def _mark(dispatch: Dispatch, hotel: HotelId, change: Change) -> bool:
    """With its event in the guest's log, as when staff do it."""
    async with dispatch.database.read() as tx:
        where = await conversation_of(tx, hotel, change.guest)
    if where is None:
        return False
    event = guests.vip_marked(change.wanted.vip, None, dispatch.clock.now())
    await dispatch.act(hotel, where, lambda row, gone: Record((event,)))
    return True


_ACTIONS = {"export": _export, "erase": _erase, "vips": _vips}
