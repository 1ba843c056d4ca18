"""The composition root: builds everything from settings, serves, and stops in order."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

from aiohttp import web
from redis.asyncio import Redis

from bot import flags, staff
from bot.accounts import Accounts, GuestKeys, open_wechat, open_wecom
from bot.blobs import Blobs
from bot.channels.port import Fetcher, Sender
from bot.channels.wechat.client import WeChatClient
from bot.channels.wechat.tokens import MemoryTokenCache, TokenCache
from bot.channels.wecom.client import WeComClient
from bot.clock import Clock
from bot.conversation import Patience
from bot.dispatch import Dispatch
from bot.engine import Engine
from bot.erasures import BadErasures, Erasures
from bot.files import Files
from bot.http import (
    api_page,
    app_door,
    assigning,
    card,
    closing,
    colleagues,
    conversations,
    corrections,
    drafts,
    facts,
    files,
    following,
    guard,
    handovers,
    knowledge,
    linking,
    openapi,
    operations,
    orders,
    own_name,
    phrases,
    posts,
    promises,
    sample,
    search,
    sessions,
    today,
    together,
    wechat,
    wechat_sign_in,
    wecom,
    widget,
)
from bot.http import app as app_edge
from bot.http import second_factor as factor_edge
from bot.http import shared_desks as shared_edge
from bot.http import staff as staff_edge
from bot.http.guard import CLOCK, DATABASE, DESK, DISPATCH, HOTELS, MAX_BODY, SETTINGS
from bot.ids import new_id
from bot.knowledge import Hotels
from bot.knowledge.library import Library, folder_of
from bot.logs import AccessLogger
from bot.nudges import Nudges
from bot.presence import Presence
from bot.pulling import Puller
from bot.readiness import Readiness
from bot.robots import Robots
from bot.sealing import Seal
from bot.settings import Settings
from bot.shared_desks import SharedDesks
from bot.shared_tokens import RedisTokenCache
from bot.speech import HttpRecogniser
from bot.store import migrate
from bot.store.database import AlreadyServed, Database
from bot.texts import load_texts
from bot.worker import Worker

logger = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`serve` takes everything from the settings."""


def run(_arguments: argparse.Namespace, settings: Settings) -> int:
    try:
        asyncio.run(serve(settings))
    except (AlreadyServed, migrate.SchemaMisfit) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def seal_of(settings: Settings) -> Seal:
    return Seal({key.id: key.key for key in settings.sealing_keys})


def patience_of(settings: Settings) -> Patience:
    return Patience(
        hold=timedelta(minutes=settings.hold_minutes),
        escalate=timedelta(seconds=settings.escalate_seconds),
        handler_wait=timedelta(seconds=settings.handler_wait),
    )


def redis_of(settings: Settings) -> "Redis | None":
    if not settings.redis_url:
        return None
    return Redis.from_url(settings.redis_url, socket_connect_timeout=0.5, socket_timeout=None)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then take nothing new, end what is under way, and go."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        app = await build(settings, stack)
        runner = web.AppRunner(app, access_log_class=AccessLogger, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, settings.host, settings.port).start()
        logger.info("serving on %s:%s", settings.host, settings.port)
        await asyncio.to_thread(flags.learn)
        await stop.wait()
        logger.info("stopping")


async def _list_erasures(database: Database, erasures: Erasures, now: datetime) -> None:
    """Write what couldn't be written when it happened; guests are served all the same."""
    try:
        async with database.read() as tx:
            await erasures.catch_up(tx, now)
    except (BadErasures, OSError) as error:
        logger.error("the list of erasures beside the backups can't be kept: %s", error)


async def build(settings: Settings, stack: AsyncExitStack) -> web.Application:
    """Everything, wired. What is opened here is closed by `stack`, last first."""
    clock, seal = Clock(settings.clock_file), seal_of(settings)
    database = Database(settings.database_url)
    stack.push_async_callback(database.close)
    database.serve()
    await migrate.require_fit(database)
    redis = redis_of(settings)
    if redis is not None:
        stack.push_async_callback(redis.aclose)
    nudges = Nudges(redis)
    nudges.start()
    stack.push_async_callback(nudges.stop)
    hotels = Hotels(load_texts(settings.texts_dir))
    library = Library(folder_of(settings.blob_url))
    stack.push_async_callback(library.close)
    await library.open(database, hotels)
    kept = Files(Blobs(settings.blob_url, settings.blob_key), seal)
    erasures = Erasures(settings.backup_dir)
    await _list_erasures(database, erasures, clock.now())
    patience = patience_of(settings)
    dispatch = Dispatch(database, clock, hotels, seal, nudges, patience, library, kept, erasures)
    engine = Engine(settings.rasa_url, settings.rasa_token, settings.engine_timeout, settings.engine_warmup)
    stack.push_async_callback(engine.close)
    accounts = Accounts(database, seal, "wechat", open_wechat)
    tokens: TokenCache = RedisTokenCache(redis, clock.now) if redis is not None else MemoryTokenCache()
    client = await stack.enter_async_context(WeChatClient(accounts.find, tokens, clock.now))
    desks = Accounts(database, seal, "wecom", open_wecom)
    wecom_client = await stack.enter_async_context(WeComClient(desks.find, tokens, clock.now))
    robots = Robots(database, seal, settings.base_url)
    process = f"{os.uname().nodename[:20]}-{new_id()[-12:]}"
    lease = timedelta(seconds=settings.engine_timeout + 5)
    senders: dict[str, Sender] = {"wechat": client, "wecom": wecom_client}
    fetchers: dict[str, Fetcher] = {"wechat": client, "wecom": wecom_client}
    ears = HttpRecogniser(settings.speech_url) if settings.speech_url else None
    presence = Presence(redis, clock, nudges)
    base = settings.base_url
    worker = Worker(dispatch, engine, senders, robots, process, lease, fetchers, base, ears, presence)
    await worker.start()
    stack.push_async_callback(worker.stop)
    puller = Puller(dispatch, desks, wecom_client, worker.addressing)
    puller.start()
    stack.push_async_callback(puller.stop)
    app = web.Application(
        client_max_size=MAX_BODY,
        middlewares=[
            guard.secure_headers,
            guard.answer_errors,
            guard.guard_desk,
            widget.guard_widget,
            app_door.guard_app,
        ],
    )
    app[guard.SOCKETS] = guard.Sockets()
    app.on_shutdown.append(guard.close_sockets)
    app[SETTINGS], app[CLOCK], app[DATABASE], app[HOTELS] = settings, clock, database, hotels
    app[DISPATCH], app[DESK] = (
        dispatch,
        staff.Desk(database, clock, seal if settings.second_factor != "off" else None),
    )
    app[files.FILES], app[guard.PRESENCE] = kept, presence
    app[guard.SHARED] = SharedDesks(database, clock)
    app[widget.GUEST_KEYS] = GuestKeys(seal)
    app[wechat.ACCOUNTS], app[wechat.WORKER] = accounts, worker
    app[wechat_sign_in.CLIENT] = client
    app[wechat.ADDRESSING] = worker.addressing
    app[wecom.ACCOUNTS], app[wecom.PULLER] = desks, puller
    app[operations.READINESS] = Readiness(database, redis, settings)
    app[app_door.KEYS], app[openapi.OPERATIONS] = GuestKeys(seal), []
    for_guests = (
        wechat,
        wechat_sign_in,
        wecom,
        widget,
        app_edge,
        openapi,
        api_page,
        sample,
        files,
        operations,
    )
    for edge in (
        *for_guests,
        sessions,
        shared_edge,
        factor_edge,
        own_name,
        conversations,
        linking,
        following,
        drafts,
        card,
        closing,
        colleagues,
        staff_edge,
        orders,
        posts,
        assigning,
        promises,
        search,
        today,
        handovers,
        knowledge,
        facts,
        corrections,
        phrases,
        together,
    ):
        edge.add_routes(app)
    return app
