"""WeChat's pushes. A push is acknowledged only when it is in the log; its answer may carry a reply.

While the assistant may speak, the handler waits for the head of the guest's delivery line; while a person
holds the conversation it answers at once with what is undelivered, else `success`. Whoever leases a row
sends it; so any replica may get any push.
"""

import asyncio
import logging
import os

from aiohttp import web

from bot import metrics, rating
from bot.accounts import Accounts
from bot.addressing import Addressing, Question
from bot.channels import CHANNELS, wechat
from bot.clock import Clock
from bot.delivery import PASSIVE_LEASE
from bot.dispatch import ANSWERED, Received
from bot.http.guard import CLOCK, DISPATCH, MAX_BODY, SETTINGS
from bot.model import AccountId
from bot.nudges import wait_for
from bot.store import log, outbox, people
from bot.store.desk import AccountRow
from bot.store.outbox import Item
from bot.worker import Worker

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.1  # without Redis, how often a waiting handler looks at the line
PLATFORM_PATIENCE = 5.0  # seconds after which the platform hangs up and delivers again
LAST_DELIVERY = 3
FILE_TRIES = 2  # a file that custom/send has refused so often goes as its address with the next push

ACCOUNTS = web.AppKey("wechat_accounts", Accounts[wechat.Account])
WORKER = web.AppKey("worker", Worker)
ADDRESSING = web.AppKey("addressing", Addressing)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/wechat/{account}", verify_address)
    app.router.add_post("/wechat/{account}", take_push)


async def verify_address(request: web.Request) -> web.Response:
    row = await _row(request)
    try:
        echo = wechat.verify_address(request.app[ACCOUNTS].open(row), request.query)
    except wechat.PushRefused as refused:
        return push_refused("wechat", refused)
    return web.Response(text=echo, content_type="text/plain")


async def take_push(request: web.Request) -> web.Response:
    arrived = request.app[CLOCK].monotonic()
    row = await _row(request)
    if (request.content_length or 0) > MAX_BODY:
        return push_refused("wechat", wechat.TooLarge("body"))
    account = request.app[ACCOUNTS].open(row)
    try:
        push = wechat.open_push(account, request.query, await request.read())
    except wechat.PushRefused as refused:
        return push_refused("wechat", refused)
    if push.for_account:
        logger.info("news for the account %s: %s", row.account, push.inbound.subtype)
        return web.Response(text=wechat.SUCCESS)
    received = await request.app[ADDRESSING].receive(row, push.inbound)
    if push.inbound.kind not in ANSWERED:
        return web.Response(text=wechat.SUCCESS)
    if isinstance(received, Question):
        text: str | None = received.text
    else:
        text = await _Handler(request.app, row, received, arrived).reply()
    if text is None:
        return web.Response(text=wechat.SUCCESS)
    body = wechat.passive_reply(account, push, text, at=request.app[CLOCK].now(), random=os.urandom(24))
    return web.Response(text=body, content_type="application/xml")


async def _row(request: web.Request) -> AccountRow:
    row = await request.app[ACCOUNTS].row(AccountId(request.match_info["account"]))
    if row is None:
        raise web.HTTPNotFound
    return row


def push_refused(channel: str, refused: wechat.PushRefused) -> web.Response:
    """The reason stands in the log and the count; the other side learns the status alone."""
    logger.warning("a push of %s refused: %s", channel, refused)
    metrics.REFUSALS.labels(channel, type(refused).__name__).inc()
    return web.Response(status=refused.status)


class _Handler:
    """One push's wait for something to answer with."""

    def __init__(self, app: web.Application, row: AccountRow, received: Received, arrived: float) -> None:
        self._delivery, self._dispatch = app[WORKER].delivery, app[DISPATCH]
        self._clock: Clock = app[CLOCK]
        self._received, self._arrived = received, arrived
        self._deadline = arrived + app[SETTINGS].handler_wait
        self._passive_only = not row.config.get("custom_send", True)

    async def reply(self) -> str | None:
        """The text to answer with, or None for `success`."""
        identity = self._received.identity
        try:
            with self._dispatch.nudges.watch(f"line:{identity.id}") as nudged:
                while True:
                    nudged.clear()
                    # Asked before the look at the line: an answer committed between the two would else be
                    # neither on the line nor owed any more, and this push would go without it.
                    may_come = await self._may_come()
                    if await self._sends_itself():
                        return None  # a picture goes by custom/send, and nothing overtakes it
                    if item := await self._take():
                        return await self._text(item)
                    left = self._deadline - self._clock.monotonic()
                    if left <= 0 or not may_come:
                        break
                    await wait_for(nudged, min(left, LOOK_SECONDS))
            if self._passive_only and left <= 0:
                await self._hang_up()
            return None
        finally:
            await self._close()

    async def _take(self) -> Item | None:
        """Lease what an earlier delivery of this push was given, else the head of the line."""
        identity, key, now = self._received.identity, self._received.key, self._clock.now()
        async with self._dispatch.database.read() as tx:
            item = await outbox.carried(tx, identity.hotel, identity.id, key)
            if item is None:
                item = await outbox.head(tx, identity.hotel, identity.id)
            asks = item is not None and item.state == "queued" and await rating.asks(tx, item)
        if item and asks:
            await self._delivery.withdraw(item)  # who writes is answered, not asked how it was
            return await self._take()
        if item is None or (item.state != "queued" and item.via != key):
            return None
        async with self._dispatch.database.write() as tx:
            mine = await outbox.mark_sending(tx, item, self._delivery.process, key, now, PASSIVE_LEASE)
        return item if mine else None

    async def _sends_itself(self) -> bool:
        """Whether the head of the line is a file that the account can send as what it is."""
        if self._passive_only:
            return False
        identity = self._received.identity
        async with self._dispatch.database.read() as tx:
            item = await outbox.head(tx, identity.hotel, identity.id)
            if item is None or item.state != "queued" or item.attempts >= FILE_TRIES:
                return False
            content = await log.content_of(tx, item.hotel, item.conversation, item.seq)
        return content is not None and content.file is not None and not content.text

    async def _text(self, item: Item) -> str | None:
        parts = await self._delivery.parts_of(item, CHANNELS[self._received.identity.channel])
        metrics.DELIVERIES.labels("wechat", "Passive").inc()
        return wechat.in_words(parts[item.part]) if item.part < len(parts) else None

    async def _may_come(self) -> bool:
        """Whether waiting is worth it: the assistant owes an answer, or one is on its way."""
        identity = self._received.identity
        async with self._dispatch.database.read() as tx:
            row = await log.row_of(tx, identity.hotel, identity.conversation)
        return row is not None and not row.silent and row.pending

    async def _hang_up(self) -> None:
        """Without custom/send only a push can carry the answer: let the platform deliver this one again."""
        if self._received.deliveries < LAST_DELIVERY:
            over = self._arrived + PLATFORM_PATIENCE + 0.5
            await asyncio.sleep(max(0.0, over - self._clock.monotonic()))

    async def _close(self) -> None:
        identity, key = self._received.identity, self._received.key
        async with self._dispatch.database.write() as tx:
            await people.close_push(tx, identity, key)
        await self._dispatch.nudges.nudge("outbox")
