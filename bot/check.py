"""python -m bot check: is everything there that serving needs, and does it work? A line for each item.

Changes nothing, but asks Rasa for one turn and each WeChat platform for a token.
"""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from bot import accounts, hotel_notes, knowledge, logs
from bot.channels.wechat import MemoryTokenCache, Pages, Refused, WeChatClient
from bot.commands import opening
from bot.engine import Engine, EngineFailed
from bot.model import Json
from bot.own_replies import OwnReplies
from bot.sealing import CannotOpen, Seal
from bot.settings import Settings
from bot.store import desk, members, people
from bot.store.database import Database, DatabaseAway
from bot.store.desk import AccountRow, HotelRow
from bot.store.migrate import SchemaMisfit, newest, require_fit, revisions
from bot.texts import BadTexts, Texts, load_texts

REDIS_SECONDS = 2


class Mark(StrEnum):
    OK = "ok"
    NOTE = "note"  # it serves all the same; somebody should know
    FAILED = "FAILED"


@dataclass(frozen=True)
class Finding:
    mark: Mark
    item: str
    text: str

    def __str__(self) -> str:
        return f"{self.mark:<8}{self.item:<34}{self.text}"


Check = Callable[[Settings], Awaitable[list[Finding]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: it looks at everything."""


def run(_arguments: argparse.Namespace, settings: Settings) -> int:
    logs.configure("ERROR")
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    failed = False
    for check in CHECKS:
        for finding in await check(settings):
            failed |= finding.mark is Mark.FAILED
            print(finding, flush=True)
    return int(failed)


def _good(item: str, text: str) -> Finding:
    return Finding(Mark.OK, item, text)


def _note(item: str, text: str) -> Finding:
    return Finding(Mark.NOTE, item, text)


def _bad(item: str, text: str) -> Finding:
    return Finding(Mark.FAILED, item, text)


async def check_settings(settings: Settings) -> list[Finding]:
    """They have been read without a mistake; what is unwise is said."""
    found = [_good("settings", f"{settings.environment}; guests and staff reach it at {settings.base_url}")]
    if not settings.public_url:
        found.append(_note("settings", "PUBLIC_URL is not set: links lead to this machine only"))
    return found


async def check_files(settings: Settings) -> list[Finding]:
    kept = [_blobs(settings.blob_url), _folder("backups", settings.backup_dir)]
    return [_texts(settings.texts_dir), _pages(settings.frontend_dir), *kept]


def _texts(folder: Path) -> Finding:
    try:
        texts = load_texts(folder)
    except (BadTexts, OSError) as error:
        return _bad("texts", str(error))
    return _good("texts", ", ".join(f"{locale}: {len(found.sentences)}" for locale, found in texts.items()))


def _pages(folder: Path) -> Finding:
    missing = [name for name in ("desk/index.html", "widget/widget.js") if not (folder / name).is_file()]
    if missing:
        return _bad("pages", f"{folder} lacks {', '.join(missing)}: run `make frontend`")
    return _good("pages", str(folder))


def _blobs(url: str) -> Finding:
    if not url.startswith("file:"):
        return _good("files", url.partition("?")[0])
    return _folder("files", Path(url.removeprefix("file:")))


def _folder(item: str, folder: Path) -> Finding:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        return _bad(item, f"{there} can't be written to")
    return _good(item, str(folder))


async def check_database(settings: Settings) -> list[Finding]:
    """The connection and the schema; then all that is in it: people, hotels, accounts."""
    opened = Database(settings.database_url)
    kind = "SQLite" if opened.sqlite else "PostgreSQL"
    if opened.path and not opened.path.exists():
        return [_bad("database", f"{opened.path} isn't there yet: run `python -m bot prepare`")]
    try:
        at = await require_fit(opened)
        return [_good("database", f"{kind}, at {at}{_beside(at)}"), *await _contents(settings, opened)]
    except SchemaMisfit as misfit:
        return [_bad("database", f"{kind}: {misfit}")]
    except DatabaseAway as error:
        return [_bad("database", str(error))]
    except (SQLAlchemyError, OSError) as error:
        return [
            _bad("database", f"{kind} can't be used: {type(getattr(error, 'orig', None) or error).__name__}")
        ]
    finally:
        await opened.close()


def _beside(at: str) -> str:
    """How the schema stands to this release's own."""
    if at == newest():
        return ""
    older = at in revisions()
    return f"; `prepare` brings it to {newest()}" if older else f", newer than this release's {newest()}"


async def _contents(settings: Settings, opened: Database) -> list[Finding]:
    async with opened.read() as tx:
        hotels, rows = await desk.list_hotels(tx), await desk.list_accounts(tx)
        active = [member for member in await members.all_staff(tx) if member.active]
    try:
        texts = load_texts(settings.texts_dir)
    except (BadTexts, OSError):  # check_files tells
        texts = {}
    found = [_staff(len(active)), *(finding for row in hotels for finding in _hotel(row, texts))]
    if not hotels:
        found.append(_bad("hotels", "there is none: run `python -m bot hotel import FOLDER`"))
    seal = opening.seal(settings)
    return found + [await _account(settings, seal, row) for row in rows if row.active]


def _staff(active: int) -> Finding:
    if not active:
        return _bad("staff", "nobody can sign in: run `python -m bot staff add`")
    return _good("staff", f"{active} can sign in")


def _hotel(row: HotelRow, texts: Mapping[str, Texts]) -> Iterator[Finding]:
    item = f"hotel {row.id}"
    try:
        file = knowledge.parse_row(row)
    except ValueError as error:
        yield _bad(item, str(error))
        return
    yield _good(item, f"{row.name}, {len(file.topics)} answers")
    for wrong in hotel_notes.mistakes(file):
        yield _bad(item, wrong)
    for note in hotel_notes.notes(file, texts):
        yield _note(item, note)


async def _account(settings: Settings, seal: Seal, row: AccountRow) -> Finding:
    item = f"{row.channel} {row.account}"
    try:
        seal.open_secrets(row.sealed, accounts.bound_to(row.channel, row.account))
    except CannotOpen as error:
        return _bad(item, f"its secrets can't be opened: {error}")
    asks = _ACCOUNTS.get(row.channel)
    return await asks(settings, seal, row) if asks else _good(item, f"hotel {row.hotel}")


async def _wechat(settings: Settings, seal: Seal, row: AccountRow) -> Finding:
    item, account = f"wechat {row.account}", accounts.open_wechat(row, seal)

    async def find(_id: Any) -> Any:
        return account

    async with WeChatClient(find, MemoryTokenCache(), opening.clock(settings).now) as client:
        wrong = await client.check(account)
        others = [] if wrong else await _others(settings, row, client.pages(account))
    if wrong:
        return _bad(item, f"{account.api} gives no token: {', '.join(wrong)}")
    if others:
        return _bad(item, f"somebody else seems to answer on it: {'; '.join(others)}")
    return _good(item, f"{account.api} gives a token; hotel {row.hotel}")


async def _others(settings: Settings, row: AccountRow, pages: Pages) -> list[str]:
    """Signs of a second platform, or of the account's own replies. Not every one leaves a sign."""
    found: list[str] = []
    async with opening.any_database(settings) as opened, opened.read() as tx:
        counted = await people.ledgers_of(tx, "wechat", row.account)
        hotel = await desk.hotel_of(tx, row.hotel)
    surprises = sum(int(ledger.get("surprises", 0)) for ledger in counted)
    if surprises:
        found.append(f"{surprises} times the platform had counted messages that we haven't sent")
    try:
        replies, menu = await pages.replies(), await pages.menu()
    except Refused:
        return found  # an account that isn't verified may not ask
    open_ = [name for name in ("is_add_friend_reply_open", "is_autoreply_open") if replies.get(name) == 1]
    if open_:
        found.append(f"its own replies are on ({', '.join(open_)})")
    own = knowledge.parse_row(hotel).replies_of("wechat", row.account) if hotel else OwnReplies()
    strange = sorted(_keys(menu) - {button.key for button in own.buttons()})
    if strange:
        found.append(f"its menu has buttons that wechat.yml doesn't know: {', '.join(strange)}")
    return found


def _keys(menu: Any) -> set[str]:
    """The keys of all click buttons in what the platform tells of a menu."""
    if isinstance(menu, list):
        return set().union(*(_keys(one) for one in menu)) if menu else set()
    if not isinstance(menu, dict):
        return set()
    own = {str(menu["key"])} if menu.get("type") == "click" and menu.get("key") else set()
    return own | _keys(list(menu.values()))


# Kinds of accounts whose platform can be asked whether it knows us.
_ACCOUNTS = {"wechat": _wechat}


async def check_redis(settings: Settings) -> list[Finding]:
    if not settings.redis_url:
        return [_note("redis", "REDIS_URL is not set: one process alone needs none")]
    client = Redis.from_url(
        settings.redis_url, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS
    )
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        return [_bad("redis", f"doesn't answer ({type(error).__name__}): slower, nothing is lost")]
    finally:
        await client.aclose()
    return [_good("redis", "answers")]


async def check_rasa(settings: Settings) -> list[Finding]:
    """The model is loaded, the actions answer, and one turn runs to its end."""
    timeout = aiohttp.ClientTimeout(total=settings.engine_timeout)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        return [
            await _model(session, settings),
            await _actions(session, settings),
            await _turn(settings),
        ]


async def _model(session: aiohttp.ClientSession, settings: Settings) -> Finding:
    try:
        async with session.get(
            f"{settings.rasa_url}/status", params={"token": settings.rasa_token}
        ) as answer:
            if answer.status == 401:
                return _bad("rasa", f"{settings.rasa_url} refuses RASA_TOKEN")
            model = (await answer.json()).get("model_file") if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return _bad("rasa", f"{settings.rasa_url} doesn't answer ({type(error).__name__})")
    return (
        _good("rasa", f"has loaded {model}") if model else _bad("rasa", f"{settings.rasa_url} has no model")
    )


async def _actions(session: aiohttp.ClientSession, settings: Settings) -> Finding:
    url = settings.action_url.removesuffix("/webhook") + "/health"
    try:
        async with session.get(url) as answer:
            good = answer.status == 200
    except (aiohttp.ClientError, TimeoutError) as error:
        return _bad("actions", f"{url} doesn't answer ({type(error).__name__})")
    return _good("actions", "answer") if good else _bad("actions", f"{url} answered {answer.status}")


async def _turn(settings: Settings) -> Finding:
    engine = Engine(settings.rasa_url, settings.rasa_token, settings.engine_timeout)
    facts: Json = {
        "hotel": "check",
        "timezone": "Asia/Shanghai",
        "now": opening.clock(settings).now().isoformat(),
        "guest": {"name": None},
        "room": None,
        "stay": None,
        "orders": [],
        "state": "BOT",
        "duty": {"open": True, "until": None, "next": None},
        "handed_back": None,
        "buttons": False,
    }
    try:
        turn = await engine.ask("你好", None, facts)
    except EngineFailed as error:
        return _bad("assistant", f"no turn runs to its end: {error}")
    finally:
        await engine.close()
    return _good("assistant", f"answered with {len(turn.acts)} acts")


CHECKS: tuple[Check, ...] = (check_settings, check_files, check_database, check_redis, check_rasa)
