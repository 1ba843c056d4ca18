"""python -m bot account add|list: WeChat accounts, widgets and group robots, their secrets sealed."""

import argparse
import asyncio
import getpass
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot import accounts
from bot.accounts import FIELDS
from bot.commands import CommandFailed, opening
from bot.model import AccountId, HotelId
from bot.settings import Settings
from bot.store import desk
from bot.store.desk import AccountRow

LISTS = frozenset({"aes_keys"})
SWITCHES = frozenset({"custom_send"})
VALUES = """what the account needs, may be repeated; NAME=@FILE takes the value from a file, secrets that are
left out are asked for. wechat: appid, secret, token, aes_keys (current, or current,previous), mode (safe or
plain), original_id, custom_send (false for an account that isn't verified). Robots: url, secret."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser("add", help="add an account, or replace what is known of it")
    adding.add_argument("channel", choices=sorted(FIELDS))
    adding.add_argument("--hotel", required=True)
    adding.add_argument("--id", help="our name for it, in addresses; a widget gets one by itself")
    adding.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=VALUES)
    actions.add_parser("list", help="what there is, and where it is used; never a secret")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    asyncio.run(_add(arguments, settings) if arguments.action == "add" else _list(settings))
    return 0


async def _add(arguments: argparse.Namespace, settings: Settings) -> None:
    values = _asked(arguments.channel, read_values(arguments.set))
    account = AccountId(arguments.id or f"{arguments.channel[0]}{secrets.token_hex(8)}")
    async with opening.database(settings) as opened:
        hotel = HotelId((await opening.known_hotel(opened, arguments.hotel)).id)
        now = opening.clock(settings).now()
        try:
            async with opened.write() as tx:
                await accounts.save(
                    tx, opening.seal(settings), arguments.channel, account, hotel, values, now
                )
        except ValueError as error:
            raise CommandFailed(f"Not added: {error}.") from None
    print(f"Added. {used_at(arguments.channel, account, settings)}")


def read_values(given: Sequence[str]) -> dict[str, Any]:
    """{"mode": "safe", ...}; raises CommandFailed for a word without `=` and for an unreadable file."""
    values: dict[str, Any] = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals:
            raise CommandFailed(f"{word!r} is not NAME=VALUE.")
        values[name] = _value(name, _from_file(value[1:]) if value.startswith("@") else value)
    return values


def _from_file(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise CommandFailed(f"{path} can't be read: {error.strerror}.") from None


def _value(name: str, value: str) -> Any:
    if name in LISTS:
        return [part.strip() for part in value.split(",") if part.strip()]
    if name in SWITCHES:
        return value.lower() not in ("false", "no", "0", "off")
    return value


def _asked(channel: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """With the secrets that weren't given, typed unseen; nothing is asked where nobody is there."""
    missing = sorted(FIELDS[channel][1] - set(values)) if sys.stdin.isatty() else []
    typed = {name: getpass.getpass(f"{name} (empty for none): ") for name in missing}
    return dict(values) | {name: _value(name, value) for name, value in typed.items() if value}


def used_at(channel: str, account: AccountId, settings: Settings) -> str:
    """What is done with it at the other end."""
    if channel == "wechat":
        return f"The server address (URL) at the platform: {settings.base_url}/wechat/{account}"
    if channel == "web":
        return (
            f'On the page: <script src="{settings.base_url}/widget.js" data-key="{account}" async></script>'
        )
    return "It is told of guests who wait unclaimed."


async def _list(settings: Settings) -> None:
    async with opening.database(settings) as opened, opened.read() as tx:
        for row in await desk.list_accounts(tx):
            print(_line(row, settings))


def _line(row: AccountRow, settings: Settings) -> str:
    public = " ".join(f"{name}={value}" for name, value in sorted(row.config.items()))
    state = "" if row.active else " (inactive)"
    line = f"{row.channel} {row.account}{state} hotel={row.hotel} {public}".rstrip()
    return f"{line}\n    {used_at(row.channel, row.account, settings)}"
