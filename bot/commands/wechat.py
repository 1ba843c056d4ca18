"""python -m bot wechat menu show|push ACCOUNT, qr ACCOUNT SCENE: an official account's own pages."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bot import accounts, knowledge
from bot.channels import wechat
from bot.channels.wechat import MemoryTokenCache, Pages, WeChatClient
from bot.commands import CommandFailed, opening
from bot.model import AccountId
from bot.own_replies import OwnReplies, menu_json
from bot.settings import Settings
from bot.store import desk
from bot.store.desk import AccountRow

SAVED = Path("var/wechat")
NO_MENU = "hotels/<id>/wechat.yml says nothing of a menu for this account"
WHY = {
    "address_not_listed": "this machine's address is not on the account's IP list (IP 白名单)",
    "not_authorised": "the account may not do this: it isn't verified (未认证)",
    "account_settings": "AppID and AppSecret don't belong together",
    "unreachable": "the platform can't be reached from here",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    whats = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    menu = whats.add_parser("menu", help="the account's menu: as it is now, or as wechat.yml says")
    actions = menu.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, help_ in (
        ("show", "what guests see now, and what a push would make of it"),
        ("push", "make wechat.yml's the menu; what is there now is saved under var/wechat first"),
    ):
        actions.add_parser(name, help=help_).add_argument("account")
    code = whats.add_parser("qr", help="a lasting QR code, as for a room or a lobby sign")
    code.add_argument("account")
    code.add_argument("scene", help="room:1208, hotel:xinghaihui, or any word of your own")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    work = _qr if arguments.what == "qr" else _menu
    try:
        asyncio.run(work(arguments, settings))
    except wechat.Refused as refused:
        why = WHY.get(refused.why.removeprefix("token_"), refused)
        raise CommandFailed(f"The platform didn't do it: {why}.") from None
    return 0


async def _menu(arguments: argparse.Namespace, settings: Settings) -> None:
    async with _opened(arguments.account, settings) as (row, own, pages):
        now = await pages.menu()
        wanted = menu_json(own, chat_address(settings, row.account)) if own.menu is not None else None
        if arguments.action == "show":
            print("At the platform now:")
            print(_pretty(now))
            print("As wechat.yml says:")
            print(_pretty(wanted) if wanted else NO_MENU + ".")
            return
        if not wanted or not wanted["button"]:
            raise CommandFailed(f"Nothing was changed: {NO_MENU}.")
        saved = _save(row.account, now, opening.clock(settings).now().strftime("%Y%m%dT%H%M%SZ"))
        print(f"What was there is saved in {saved}.")
        await pages.put_menu(wanted)
        print("The menu is made. Phones show it within minutes; follow the account anew to see it at once.")


async def _qr(arguments: argparse.Namespace, settings: Settings) -> None:
    if not 1 <= len(arguments.scene) <= 64 or not arguments.scene.isprintable():
        raise CommandFailed("A scene has 1 to 64 characters.")
    async with _opened(arguments.account, settings) as (row, _own, pages):
        ticket = await pages.code(arguments.scene)
    print(f"{arguments.scene} of {row.account}, to be printed from:")
    print(f"{wechat.SHOWN_AT}?{urlencode({'ticket': ticket})}")


def chat_address(settings: Settings, account: AccountId) -> str:
    """Where a menu's `url: chat` leads: our own page, the visitor signed in."""
    return f"{settings.base_url}/wechat/{account}/sign-in"


@asynccontextmanager
async def _opened(name: str, settings: Settings) -> AsyncIterator[tuple[AccountRow, OwnReplies, Pages]]:
    """The account, what it answers by itself, and its pages at the platform."""
    seal, clock = opening.seal(settings), opening.clock(settings)
    async with opening.database(settings) as opened:
        async with opened.read() as tx:
            row = await desk.account_of(tx, "wechat", AccountId(name))
            hotel = await desk.hotel_of(tx, row.hotel) if row else None
        if row is None or hotel is None:
            raise CommandFailed(f"There is no WeChat account {name!r}: `python -m bot account list`.")
        account = accounts.open_wechat(row, seal)
        own = knowledge.parse_row(hotel).replies_of("wechat", row.account)

        async def find(_id: AccountId) -> wechat.Account:
            return account

        async with WeChatClient(find, MemoryTokenCache(), clock.now) as client:
            yield row, own, client.pages(account)


def _save(account: AccountId, menu: Mapping[str, Any], stamp: str) -> Path:
    SAVED.mkdir(parents=True, exist_ok=True)
    path = SAVED / f"menu-{account}-{stamp}.json"
    path.write_text(_pretty(menu) + "\n", "utf-8")
    return path


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
