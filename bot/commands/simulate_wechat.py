"""python -m bot simulate-wechat: the WeChat platform on this machine, with a phone in a page.

With 微信客服 beside it, under /wecom/: both at one address.
"""

import argparse
import asyncio
import signal
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bot import knowledge
from bot.commands import CommandFailed, opening
from bot.hotel_files import HotelFile
from bot.model import AccountId
from bot.own_replies import menu_json
from bot.settings import Settings
from bot.simulator import SimulatedAccount, Simulator
from bot.simulator.account import kept, once
from bot.simulator.server import SAMPLE_MENU
from bot.simulator.wecom import Known, WeCom
from bot.store import desk

ACCOUNT = AccountId("simulated")
WECOM = AccountId("simulated-kf")
FOLDER = Path("var")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", help="where to push to, instead of this installation's service")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    asyncio.run(_serve(arguments.target or target(settings), settings))
    return 0


def target(settings: Settings) -> str:
    return f"{settings.own_url}/wechat/{ACCOUNT}"


def values(settings: Settings) -> dict[str, object]:
    """The simulated account as `account add` wants it; made in var/ at the first call."""
    played = account()
    known = played.registered(ACCOUNT, f"http://127.0.0.1:{settings.simulator_port}")
    return {
        "appid": known.appid,
        "mode": known.mode.value,
        "original_id": known.original_id,
        "api": known.api,
        "secret": known.secret,
        "token": known.token,
        "aes_keys": list(known.aes_keys),
        "sign_in": True,
    }


def wecom_values(settings: Settings) -> dict[str, object]:
    """The simulated 客服账号 as `account add` wants it; made in var/ at the first call."""
    known = wecom_known()
    return {
        "corpid": known.corpid,
        "open_kfid": known.open_kfid,
        "secret": known.secret,
        "token": known.token,
        "aes_keys": [known.aes_key],
        "api": f"http://127.0.0.1:{settings.simulator_port}/wecom",
    }


def wecom_known() -> Known:
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    return Known(**once(FOLDER / "simulated-wecom.json", asdict(Known.made())))


async def played(settings: Settings) -> HotelFile | None:
    """The hotel whose account is simulated; None where this installation has none, or serves elsewhere."""
    try:
        async with opening.database(settings) as opened, opened.read() as tx:
            account = await desk.account_of(tx, "wechat", ACCOUNT)
            row = await desk.hotel_of(tx, account.hotel) if account else None
            return knowledge.parse_row(row) if row else None
    except CommandFailed:
        return None


def menu(chat: str, hotel: HotelFile | None) -> dict[str, Any]:
    """The hotel's own, as its wechat.yml has it; else one to try things on."""
    own = hotel.replies_of("wechat", ACCOUNT) if hotel else None
    return menu_json(own, chat) if own and own.menu else _any_menu(chat)


def _any_menu(chat: str) -> dict[str, Any]:
    first, *others = SAMPLE_MENU["button"]
    inner = [*first["sub_button"], {"type": "view", "name": "在线客服", "url": chat}]
    return {"button": [{**first, "sub_button": inner}, *others]}


def account() -> SimulatedAccount:
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    return kept(FOLDER)


async def _serve(address: str, settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = opening.clock(settings)
    hotel, known = await played(settings), account()
    shown = replace(known, name=hotel.name) if hotel else known
    wecom = WeCom(clock, wecom_known())
    wecom.callback = f"{settings.own_url}/wecom/{WECOM}"
    simulator = Simulator(shown, address, port=settings.simulator_port, now=clock.now, wecom=wecom)
    simulator.state.menu = menu(f"{address}/sign-in", hotel)
    async with simulator:
        print(
            f"A guest's phone: http://127.0.0.1:{settings.simulator_port}/  (it pushes to {address})",
            flush=True,
        )
        await stop.wait()
