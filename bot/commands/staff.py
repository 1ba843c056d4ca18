"""python -m bot staff add|grant|deactivate|reset|list: the people at the desk, until it has a page for it."""

import argparse
import asyncio

from sqlalchemy.exc import IntegrityError

from bot import staff
from bot.commands import CommandFailed, opening
from bot.model import HotelId
from bot.settings import Settings
from bot.staff import UnknownStaff
from bot.store import people


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser("add", help="add a person and print a one-time password")
    adding.add_argument("login")
    adding.add_argument("name", help="as guests and colleagues see it")
    adding.add_argument("--hotel", action="append", required=True, help="where they work; may be repeated")
    adding.add_argument("--role", choices=staff.ROLES, default="agent")
    granting = actions.add_parser("grant", help="let a person work in another hotel, or in another role")
    granting.add_argument("login")
    granting.add_argument("hotel")
    granting.add_argument("role", choices=staff.ROLES)
    for name, what in (
        ("deactivate", "end a person's access; what they hold goes back to everybody"),
        ("reset", "print a new one-time password and end every sign-in"),
    ):
        actions.add_parser(name, help=what).add_argument("login")
    actions.add_parser("list", help="everybody, and where they work")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    actions = {"add": _add, "grant": _grant, "deactivate": _deactivate, "reset": _reset, "list": _list}
    try:
        asyncio.run(actions[arguments.action](arguments, settings))
    except UnknownStaff:
        raise CommandFailed(f"Nobody has the login {arguments.login!r}.") from None
    return 0


async def _add(arguments: argparse.Namespace, settings: Settings) -> None:
    password = staff.one_time_password()
    async with opening.database(settings) as opened:
        hotels = [(await opening.known_hotel(opened, name)).id for name in arguments.hotel]
        roles = {HotelId(id_): arguments.role for id_ in hotels}
        try:
            async with opened.write() as tx:
                now = opening.clock(settings).now()
                await staff.add(tx, arguments.login, arguments.name, roles, password, now)
        except IntegrityError:
            raise CommandFailed(f"The login {arguments.login!r} is taken.") from None
    _show(arguments.login, password)


async def _grant(arguments: argparse.Namespace, settings: Settings) -> None:
    async with opening.database(settings) as opened:
        hotel = HotelId((await opening.known_hotel(opened, arguments.hotel)).id)
        async with opened.write() as tx:
            await staff.grant(tx, arguments.login, hotel, arguments.role)
    print(f"{arguments.login} works in {hotel} as {arguments.role} from now on.")


async def _reset(arguments: argparse.Namespace, settings: Settings) -> None:
    password = staff.one_time_password()
    async with opening.database(settings) as opened, opened.write() as tx:
        await staff.reset(tx, arguments.login, password, opening.clock(settings).now())
    _show(arguments.login, password)


async def _deactivate(arguments: argparse.Namespace, settings: Settings) -> None:
    async with opening.database(settings) as opened, opened.write() as tx:
        held = await staff.deactivate(tx, arguments.login, opening.clock(settings).now())
    print(f"{arguments.login} can no longer sign in. Conversations handed back to the queue: {held}.")


async def _list(_arguments: argparse.Namespace, settings: Settings) -> None:
    async with opening.database(settings) as opened, opened.read() as tx:
        for member in await people.all_staff(tx):
            roles = ", ".join(
                f"{hotel}: {role}" for hotel, role in (await people.roles_of(tx, member.id)).items()
            )
            print(f"{member.login}  {member.name}  {'' if member.active else '(inactive) '}{roles}")


def _show(login: str, password: str) -> None:
    print(
        f"Login: {login}\nOne-time password: {password}\nIt is shown once; a new one is asked for at sign-in."
    )
