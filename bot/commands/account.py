"""python -m bot account add|off|on|list: WeChat accounts, widgets, apps and group robots, secrets sealed.

`account key add|remove|list` keeps the keys by which a hotel's own site or app says who its guest is.
"""

import argparse
import asyncio
import getpass
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot import accounts
from bot.accounts import FIELDS, VOUCHED, BadAccount
from bot.commands import CommandFailed, opening
from bot.guest_tokens import ALGORITHMS, Key
from bot.model import AccountId, HotelId
from bot.settings import Settings
from bot.store import desk
from bot.store.desk import AccountRow

NAMED = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")  # it becomes part of addresses
LISTS = frozenset({"aes_keys", "origins"})
NEVER_TYPED = frozenset({"keys"})  # `account key add` keeps those
SWITCHES = frozenset({"custom_send", "sign_in", "sample"})
COUNTS = frozenset({"push_after"})
VALUES = """what the account needs, may be repeated; NAME=@FILE takes the value from a file, secrets that
are left out are asked for. wechat: appid, secret, token, aes_keys (current, or current,previous), mode
(safe, plain, or compatible while changing over), original_id, custom_send (false for an account that isn't
verified), hotels (others that the account serves too), sign_in (true for a verified service account whose
menu opens our page). app: origins (of pages that may use it in a browser); push_url, push_secret,
push_after (where we say that a guest has something to read who hasn't looked for so many seconds). wecom:
corpid, open_kfid, secret, token, aes_keys. Robots: url, secret."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser("add", help="add an account, or replace what is known of it")
    adding.add_argument("channel", choices=sorted(FIELDS))
    adding.add_argument("--hotel", required=True)
    adding.add_argument("--id", help="our name for it, in addresses; a widget gets one by itself")
    adding.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=VALUES)
    for name, what in (
        ("off", "take nothing from an account and send nothing through it; what was said stays"),
        ("on", "use an account again"),
    ):
        switching = actions.add_parser(name, help=what)
        switching.add_argument("channel", choices=sorted(FIELDS))
        switching.add_argument("id")
    actions.add_parser("list", help="what there is, and where it is used; never a secret")
    _add_key_arguments(actions.add_parser("key", help="keys that sign who a site's or an app's guest is"))


def _add_key_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="key_action", required=True, metavar="ACTION")
    for name, help_ in (
        ("add", "add a key beside those there are; a secret that isn't given is made, and shown once"),
        ("remove", "take a key back: what it has signed is refused from now on"),
        ("list", "names and algorithms; never a key"),
    ):
        action = actions.add_parser(name, help=help_)
        action.add_argument("channel", choices=sorted(VOUCHED))
        action.add_argument("account", help="our name for the account, as `account list` shows it")
        if name != "list":
            action.add_argument(
                "--kid", required=name == "remove", help="the key's name, as in a token's header"
            )
        if name == "add":
            action.add_argument("--alg", choices=ALGORITHMS, default=ALGORITHMS[0])
            action.add_argument(
                "--key", metavar="KEY|@FILE", help="the shared secret, or the public key as PEM (ES256)"
            )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    work = {"add": _add, "off": _switch, "on": _switch, "list": _list, "key": _change_keys}[arguments.action]
    asyncio.run(work(arguments, settings))
    return 0


async def _switch(arguments: argparse.Namespace, settings: Settings) -> None:
    key, active = (arguments.channel, AccountId(arguments.id)), arguments.action == "on"
    async with opening.database(settings) as opened, opened.write() as tx:
        if not await desk.switch_account(tx, *key, active, opening.clock(settings).now()):
            raise CommandFailed(f"There is no {arguments.channel} account {arguments.id!r}.")
    print(f"{arguments.channel} {arguments.id} is {arguments.action}.")


async def _add(arguments: argparse.Namespace, settings: Settings) -> None:
    values = _asked(arguments.channel, read_values(arguments.set))
    account = AccountId(arguments.id or f"{arguments.channel[0]}{secrets.token_hex(8)}")
    async with opening.database(settings) as opened:
        hotel = HotelId((await opening.known_hotel(opened, arguments.hotel)).id)
        for other in values.get("hotels", ()):
            await opening.known_hotel(opened, other)
        now = opening.clock(settings).now()
        try:
            async with opened.write() as tx:
                before = await desk.account_of(tx, arguments.channel, account)
                if before is None and not NAMED.fullmatch(account):
                    raise BadAccount(f"--id {account!r} must be of a-z, 0-9 and - alone, as in lobby-2")
                await accounts.save(
                    tx, opening.seal(settings), arguments.channel, account, hotel, values, now
                )
        except ValueError as error:
            raise CommandFailed(f"Not added: {error}.") from None
    print(f"{'Replaced' if before else 'Added'}. {used_at(arguments.channel, account, settings)}")


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
        told = f"{path or 'The file after @'} can't be read: {error.strerror}"
        raise CommandFailed(f"{told}. Put the value there, alone, and name the file after @.") from None


def _value(name: str, value: str) -> Any:
    if name in LISTS:
        return [part.strip() for part in value.split(",") if part.strip()]
    if name in COUNTS:
        if not value.isdecimal():
            raise CommandFailed(f"{name} is a number of seconds.")
        return int(value)
    if name in SWITCHES:
        return value.lower() not in ("false", "no", "0", "off")
    return value


def _asked(channel: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """With the secrets that weren't given, typed unseen; nothing is asked where nobody is there."""
    missing = sorted(FIELDS[channel][1] - NEVER_TYPED - set(values)) if sys.stdin.isatty() else []
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
    if channel == "app":
        return f"The app's API: {settings.base_url}/app/v1, tokens with aud={account}"
    return "It is told of guests who wait unclaimed."


# ---- keys


async def _change_keys(arguments: argparse.Namespace, settings: Settings) -> None:
    async with opening.database(settings) as opened, opened.write() as tx:
        row = await desk.account_of(tx, arguments.channel, AccountId(arguments.account))
        if row is None:
            raise CommandFailed(f"There is no {arguments.channel} account {arguments.account!r}.")
        seal = opening.seal(settings)
        kept = accounts.open_keys(row, seal)
        if arguments.key_action == "list":
            return _print_keys(kept)
        after = _with_key(arguments, kept) if arguments.key_action == "add" else _without(arguments, kept)
        try:
            await accounts.change_keys(tx, seal, row, after, opening.clock(settings).now())
        except BadAccount as bad:
            raise CommandFailed(f"Not kept: {bad}.") from None
    _print_change(arguments, after)


def _print_keys(keys: Sequence[Key]) -> None:
    for key in keys:
        print(f"{key.kid}  {key.alg}")
    if not keys:
        print("No key yet: nobody can sign in.")


def _with_key(arguments: argparse.Namespace, kept: Sequence[Key]) -> list[Key]:
    given = arguments.key
    if given is None and arguments.alg != ALGORITHMS[0]:
        raise CommandFailed(f"--key is needed for {arguments.alg}: the public key as PEM, as --key @FILE.")
    value = (
        secrets.token_urlsafe(48) if given is None else _from_file(given[1:]) if given[:1] == "@" else given
    )
    return [*kept, Key(arguments.kid or f"k{secrets.token_hex(4)}", arguments.alg, value)]


def _without(arguments: argparse.Namespace, kept: Sequence[Key]) -> list[Key]:
    after = [key for key in kept if key.kid != arguments.kid]
    if len(after) == len(kept):
        raise CommandFailed(f"It has no key {arguments.kid!r}.")
    return after


def _print_change(arguments: argparse.Namespace, after: Sequence[Key]) -> None:
    if arguments.key_action == "remove":
        print(f"Removed. Keys left: {len(after)}.")
        return
    print(f"Added: kid={after[-1].kid} alg={after[-1].alg}, tokens with aud={arguments.account}.")
    if arguments.key is None:
        print(f"The secret, shown this once: {after[-1].key}")


async def _list(_arguments: argparse.Namespace, settings: Settings) -> None:
    async with opening.database(settings) as opened, opened.read() as tx:
        for row in await desk.list_accounts(tx):
            print(_line(row, settings))


def _line(row: AccountRow, settings: Settings) -> str:
    public = " ".join(f"{name}={value}" for name, value in sorted(row.config.items()))
    state = "" if row.active else " (inactive)"
    line = f"{row.channel} {row.account}{state} hotel={row.hotel} {public}".rstrip()
    return f"{line}\n    {used_at(row.channel, row.account, settings)}"
