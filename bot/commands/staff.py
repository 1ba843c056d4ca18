"""python -m bot staff add|grant|post|deactivate|reset|second-factor|list: the people at the desk."""

import argparse
import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import staff
from bot.commands import CommandFailed, opening
from bot.knowledge import parse_row
from bot.model import HotelId, StaffId
from bot.roles import end_of, last_day
from bot.settings import Settings
from bot.staff import UnknownStaff
from bot.store import desk, members, posts
from bot.store.database import Database
from bot.store.desk import HotelRow
from bot.store.members import Staff

LOGIN = re.compile(r"[\w.@-]{1,64}")
_UNTIL = "the last day of the role, as 2026-12-31; else it is for good"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser("add", help="add a person and print a one-time password")
    adding.add_argument("login")
    adding.add_argument("name", help="as colleagues see it")
    adding.add_argument("--guests", metavar="NAME", help="as guests see it, instead of 前台")
    adding.add_argument("--hotel", action="append", required=True, help="where they work; may be repeated")
    adding.add_argument("--role", choices=staff.ROLES, default="agent")
    adding.add_argument("--until", metavar="DATE", type=date.fromisoformat, help=_UNTIL)
    granting = actions.add_parser("grant", help="let a person work in another hotel, or in another role")
    granting.add_argument("login")
    granting.add_argument("hotel")
    granting.add_argument("role", choices=staff.ROLES)
    granting.add_argument("--until", metavar="DATE", type=date.fromisoformat, help=_UNTIL)
    posting = actions.add_parser("post", help="say in which departments a person works")
    posting.add_argument("login")
    posting.add_argument("hotel")
    posting.add_argument("departments", nargs="*", help="as hotel.yml names them; none takes them all away")
    posting.add_argument(
        "--skill", action="append", default=[], help="as hotel.yml names it; may be repeated"
    )
    posting.add_argument("--capacity", type=int, help="conversations at once; else the hotel's")
    leaving = actions.add_parser("deactivate", help="show what a person holds, and end their access")
    leaving.add_argument("login")
    leaving.add_argument("--to", metavar="LOGIN", help="who gets what they hold; else everybody does")
    leaving.add_argument("--yes", action="store_true", help="don't ask")
    resetting = actions.add_parser("reset", help="print a new one-time password and end every sign-in")
    resetting.add_argument("login")
    factor = actions.add_parser("second-factor", help="take a second factor away, when the phone is lost")
    factor.add_argument("switch", choices=["off"])
    factor.add_argument("login")
    actions.add_parser("list", help="everybody, and where they work")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    actions = {
        "add": _add,
        "grant": _grant,
        "post": _post,
        "deactivate": _deactivate,
        "reset": _reset,
        "second-factor": _second_factor,
        "list": _list,
    }
    try:
        asyncio.run(actions[arguments.action](arguments, settings))
    except UnknownStaff:
        raise CommandFailed(f"Nobody has the login {arguments.login!r}.") from None
    return 0


async def _add(arguments: argparse.Namespace, settings: Settings) -> None:
    if not LOGIN.fullmatch(arguments.login):
        raise CommandFailed(
            f"The login {arguments.login!r} must be one word of at most 64 letters, digits and . _ @ -; "
            "the name, as colleagues see it, comes after it."
        )
    password = staff.one_time_password()
    async with opening.database(settings) as opened:
        hotels = [await opening.known_hotel(opened, name) for name in arguments.hotel]
        try:
            async with opened.write() as tx:
                now = opening.clock(settings).now()
                shown = arguments.guests or opening.name_for_guests(settings)
                await staff.add(tx, arguments.login, arguments.name, {}, password, now, shown)
                for hotel in hotels:
                    ends = _ends(arguments, hotel)
                    await staff.grant(tx, arguments.login, hotel.id, arguments.role, ends)
        except IntegrityError:
            raise CommandFailed(f"The login {arguments.login!r} is taken.") from None
        await _warn_of_namesakes(opened, arguments, hotels)
    _show(arguments.login, password)


async def _warn_of_namesakes(
    opened: Database, arguments: argparse.Namespace, hotels: Sequence[HotelRow]
) -> None:
    """Colleagues tell people apart by their names alone."""
    async with opened.read() as tx:
        for other in await members.all_staff(tx):
            if not other.active or other.login == arguments.login or other.name != arguments.name:
                continue
            terms = await members.terms_of(tx, other.id)
            for hotel in hotels:
                if hotel.id in terms:
                    print(f"Note: {hotel.id} has another {other.name} already, with the login {other.login}.")


async def _grant(arguments: argparse.Namespace, settings: Settings) -> None:
    async with opening.database(settings) as opened:
        hotel = await opening.known_hotel(opened, arguments.hotel)
        async with opened.write() as tx:
            ends = _ends(arguments, hotel)
            await staff.grant(tx, arguments.login, hotel.id, arguments.role, ends)
    last = f" up to {arguments.until}" if arguments.until else ""
    print(f"{arguments.login} works in {hotel.id} as {arguments.role} from now on{last}.")


def _ends(arguments: argparse.Namespace, hotel: HotelRow) -> datetime | None:
    return end_of(arguments.until, ZoneInfo(hotel.timezone)) if arguments.until else None


async def _post(arguments: argparse.Namespace, settings: Settings) -> None:
    async with opening.database(settings) as opened:
        row = await opening.known_hotel(opened, arguments.hotel)
        ours = parse_row(row).departments
        _all_known("department", arguments.departments, ours.all)
        _all_known("skill", arguments.skill, ours.skills)
        if arguments.capacity is not None and arguments.capacity < 1:
            raise CommandFailed("--capacity must be 1 or more.")
        async with opened.write() as tx:
            member = await _known(tx, arguments.login)
            if HotelId(row.id) not in await members.terms_of(tx, member.id):
                raise CommandFailed(
                    f"{arguments.login} doesn't work in {row.id}: `python -m bot staff grant`."
                )
            values = {
                "departments": tuple(arguments.departments),
                "skills": tuple(arguments.skill),
                "capacity": arguments.capacity,
            }
            await posts.save(tx, HotelId(row.id), member.id, opening.clock(settings).now(), **values)
    where = ", ".join(ours.all[id_].name for id_ in arguments.departments) or "no department"
    print(f"{arguments.login} works in {row.id} in {where} from now on.")


def _all_known(kind: str, names: Sequence[str], known: Mapping[str, object]) -> None:
    if strange := [name for name in names if name not in known]:
        there = ", ".join(known) or f"none; hotel.yml names them under {kind}s"
        raise CommandFailed(f"There is no {kind} {strange[0]!r}. There are: {there}.")


async def _reset(arguments: argparse.Namespace, settings: Settings) -> None:
    password = staff.one_time_password()
    async with opening.database(settings) as opened, opened.write() as tx:
        await staff.reset(tx, arguments.login, password, opening.clock(settings).now())
    _show(arguments.login, password)


async def _second_factor(arguments: argparse.Namespace, settings: Settings) -> None:
    """On record; whoever runs this has the machine, not a login."""
    async with opening.database(settings) as opened, opened.write() as tx:
        had = await staff.drop_factor(tx, arguments.login, opening.clock(settings).now(), None)
    print(f"{arguments.login} signs in with the password alone{' from now on' if had else ' as before'}.")


async def _deactivate(arguments: argparse.Namespace, settings: Settings) -> None:
    """Show what is held first; whatever they take until the answer goes the same way."""
    async with opening.database(settings) as opened:
        async with opened.read() as tx:
            member = await _known(tx, arguments.login)
            to, theirs = await _receiver(tx, arguments, member)
            things = await staff.held_by(tx, member.id, opening.clock(settings).now())
        for thing in things:
            print(f"{thing.hotel}  {_KINDS[thing.kind]}  {thing.id}  {thing.what or ''}".rstrip())
        if things and not arguments.yes and not _agreed(arguments):
            return
        async with opened.write() as tx:
            now = opening.clock(settings).now()
            things = await staff.deactivate(
                tx, arguments.login, now, lambda thing: to if thing.hotel in theirs else None
            )
    given = sum(thing.hotel in theirs for thing in things)
    told = f", to {arguments.to}: {given}" if arguments.to else ""
    told += f", to everybody at the desk: {len(things) - given}"
    print(f"{arguments.login} can no longer sign in. Handed over{told}.")


_KINDS = {
    staff.CONVERSATION: "conversation",
    staff.PROMISE: "promise",
    staff.ORDER: "order",
    staff.GUEST: "guest",
}


async def _known(tx: AsyncConnection, login: str) -> Staff:
    member = await members.find_staff(tx, login)
    if member is None:
        raise UnknownStaff(login)
    return member


async def _receiver(
    tx: AsyncConnection, arguments: argparse.Namespace, leaving: Staff
) -> tuple[StaffId | None, set[HotelId]]:
    """Who gets it, and in which of the leaving person's hotels they work."""
    if arguments.to is None:
        return None, set()
    member = await members.find_staff(tx, arguments.to)
    if member is None or not member.active or arguments.to == arguments.login:
        raise CommandFailed(f"{arguments.to!r} can't take anything over.")
    theirs = (await members.terms_of(tx, member.id)).keys() & (await members.terms_of(tx, leaving.id)).keys()
    if not theirs:
        raise CommandFailed(f"{arguments.to!r} works in none of the hotels of {arguments.login!r}.")
    return member.id, theirs


def _agreed(arguments: argparse.Namespace) -> bool:
    if not sys.stdin.isatty():
        raise CommandFailed("Nothing was changed: nobody is here to be asked. Say --yes.")
    receiver = arguments.to or "everybody at the desk"
    asked = f"Hand all this over to {receiver}, and end the access of {arguments.login}? [y/N] "
    return input(asked).strip().lower() in ("y", "yes")


async def _list(_arguments: argparse.Namespace, settings: Settings) -> None:
    async with opening.database(settings) as opened, opened.read() as tx:
        now = opening.clock(settings).now()
        zones = {hotel.id: ZoneInfo(hotel.timezone) for hotel in await desk.list_hotels(tx)}
        for member in await members.all_staff(tx):
            terms = await members.terms_of(tx, member.id)
            roles = ", ".join(_term(hotel, *term, zones[hotel]) for hotel, term in terms.items())
            print(f"{member.login}  {member.name}  {'' if member.active else '(inactive) '}{roles}")
            for hotel in terms:
                if (post := await posts.find(tx, hotel, member.id, now)) and post.departments:
                    print(f"    {hotel}: {', '.join(post.departments)}")


def _term(hotel: HotelId, role: str, expires_at: datetime | None, zone: ZoneInfo) -> str:
    last = last_day(expires_at, zone)
    return f"{hotel}: {role}" + (f" up to {last}" if last else "")


def _show(login: str, password: str) -> None:
    print(
        f"Login: {login}\nOne-time password: {password}\nIt is shown once; a new one is asked for at sign-in."
    )
