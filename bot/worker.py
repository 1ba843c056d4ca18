"""Due outbox rows: ask the assistant, deliver, wake. Any number of replicas may run this.

A row is leased, or marked sending, and committed before the call; no transaction is open during one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from bot import attendance, guests, metrics, orders, rating, reach, snoozing
from bot.addressing import Addressing
from bot.alerting import Alerting
from bot.asking import Asking, Question
from bot.assigning import Assigning
from bot.channels.port import Fetcher, Sender, ShowsTyping
from bot.conversation import Close, Conversation, Lapse, Record, Refused, Said, clocks
from bot.delivery import Delivery
from bot.dispatch import Dispatch
from bot.engine import Engine, EngineFailed, NotUpYet, Turn
from bot.fetching import Fetching
from bot.knowledge import Hotel, unanswered
from bot.knowledge.daily import Daily
from bot.knowledge.index import Hit
from bot.knowledge.unanswered import Asked
from bot.leaving import Leaving
from bot.logs import conversation as logged
from bot.model import SERVICE, Content, Handoff, OrderId, OrderState, Reason, Say
from bot.nudges import wait_for
from bot.presence import ASSISTANT, Presence
from bot.push_webhooks import PushWebhooks
from bot.robots import Robots
from bot.speech import Recogniser
from bot.store import desk, log, outbox, people
from bot.store.outbox import Item

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5  # how often the outbox is looked at when nobody nudges
BEAT_SECONDS = 2.0
TIDY_EVERY = timedelta(hours=1)
SWEEP_EVERY = timedelta(hours=12)
RUN_OUT_EVERY = timedelta(seconds=10)  # how often it is looked whether a role has run out
REPORT_EVERY = timedelta(minutes=5)  # how often it is looked whether a hotel's day has yet to be told
KEPT = timedelta(days=7)  # settled questions and wake-ups, for whoever looks into what happened
ASK_TRIES = 3
STARTING = timedelta(seconds=1)  # between two looks whether Rasa, which starts with us, is up
SLOW_ANSWER = 1.0  # seconds after which the guest is shown that an answer is being written


class Worker:
    """One per process. `process` names its leases."""

    def __init__(
        self,
        dispatch: Dispatch,
        engine: Engine,
        senders: Mapping[str, Sender],
        robots: Robots,
        process: str,
        ask_lease: timedelta,
        fetchers: Mapping[str, Fetcher] | None = None,
        base_url: str = "",
        speech: Recogniser | None = None,
        presence: Presence | None = None,
    ) -> None:
        self.dispatch, self.engine, self.senders, self.robots = dispatch, engine, senders, robots
        self.process, self.ask_lease = process, ask_lease
        self.presence = presence
        self.delivery = Delivery(dispatch, senders, process, base_url)
        self.fetching = Fetching(dispatch, fetchers or {}, speech)
        dispatch.hears = speech is not None
        self.database, self.clock = dispatch.database, dispatch.clock
        self.addressing, self.leaving = Addressing(dispatch), Leaving(dispatch)
        self.assigning, self.alerting = Assigning(dispatch), Alerting(dispatch, robots)
        self.asking = Asking(dispatch)
        self.daily = Daily(self.database)
        self.pushes = PushWebhooks(dispatch.database, dispatch.seal)
        self._running: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._slots = asyncio.Semaphore(16)

    async def start(self) -> None:
        self._started = self.clock.now()
        await self._beat()
        await self._free_orphans()
        self._loops = [asyncio.create_task(self._beating()), asyncio.create_task(self._working())]

    async def stop(self, grace: float = 5.0) -> None:
        """Take nothing new, let what is under way end."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        if self._running:
            await asyncio.wait(self._running, timeout=grace)

    # ---- loops

    async def _beating(self) -> None:
        tidied = swept = reported = ran_out = self.clock.now()
        while True:
            await self._guarded(self._beat)
            await self._guarded(self.addressing.settle)
            if self.clock.now() - tidied > TIDY_EVERY:
                tidied = self.clock.now()
                await self._guarded(self._tidy)
            if self.clock.now() - ran_out > RUN_OUT_EVERY:
                ran_out = self.clock.now()
                await self._guarded(self.leaving.run_out)
            if self.clock.now() - swept > SWEEP_EVERY:
                swept = self.clock.now()
                await self._guarded(self._sweep)
            if self.clock.now() - reported > REPORT_EVERY:
                reported = self.clock.now()
                self._spawn(self._report())  # groups may be slow, and a beat must not wait for them
            await asyncio.sleep(BEAT_SECONDS)

    async def _report(self) -> None:
        """Each hotel's groups hear once a day how much was asked in vain the day before."""
        now = self.clock.now()
        async with self.database.read() as tx:
            hotels = [await self.dispatch.hotels.get(tx, row.id) for row in await desk.list_hotels(tx)]
        for hotel in hotels:
            asked = await self.daily.due(hotel, now)
            if asked:
                await self.robots.report(hotel, len(asked), await self._kinds(hotel, asked), now)

    async def _kinds(self, hotel: Hotel, asked: Sequence[Asked]) -> int:
        """How many different questions these are, as the desk's list groups them."""
        library = self.dispatch.library
        if library is None:
            return len(asked)
        await library.ready(hotel)
        return len(await unanswered.grouped(library, hotel, asked))

    async def _tidy(self) -> None:
        async with self.database.write() as tx:
            await outbox.forget_settled(tx, self.clock.now() - KEPT)

    async def _sweep(self) -> None:
        if self.dispatch.files:
            await self.dispatch.files.sweep(self.database, self.clock.now())

    async def _beat(self) -> None:
        async with self.database.write() as tx:
            await outbox.beat(tx, self.process, self._started, self.clock.now())

    async def _free_orphans(self) -> None:
        """On SQLite there is one serving process: leases of others are those of the dead."""
        if self.database.sqlite:
            async with self.database.write() as tx:
                await outbox.free_own(tx, [self.process], self.clock.now())

    async def _working(self) -> None:
        with self.dispatch.nudges.watch("outbox") as nudged:
            while True:
                nudged.clear()
                await self._guarded(self._look)
                await wait_for(nudged, LOOK_SECONDS)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """A database that is away must not end the loop: the rows stay, and so do we."""
        try:
            await work()
        except Exception as error:
            logger.error("the outbox can't be worked on: %s", type(error).__name__, exc_info=True)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        now = self.clock.now()
        async with self.database.read() as tx:
            due = await outbox.next_is_due(tx, now)
            lines = [key for key in await outbox.due_lines(tx, now) if key[1] not in self.delivery.lines]
            over = await outbox.run_out(tx, now)
        if due:
            async with self.database.write() as tx:
                leased = await outbox.lease_due(tx, self.process, now, self.ask_lease, _KINDS)
            for item in leased:
                self._spawn(self._item(item))
        for hotel, identity in lines:
            self.delivery.lines.add(identity)
            self._spawn(self.delivery.line(hotel, identity))
        for item in over:
            await self.delivery.ran_out(item, now, self._started)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.create_task(self._slot(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _slot(self, work: Awaitable[None]) -> None:
        async with self._slots:
            try:
                await work
            except Exception as error:
                logger.error("work failed, its row stays: %s", type(error).__name__, exc_info=True)

    async def _reach(self, item: Item) -> None:
        """A message that nobody has fetched from its page: bring it to where its guest can be reached."""
        async with self.database.read() as tx:
            hotel = await self.dispatch.hotels.get(tx, item.hotel)
            found = await reach.find(tx, hotel, item.conversation, int(item.key), self.clock.now())
        if found:
            with suppress(Refused):
                await self.dispatch.act(item.hotel, item.conversation, lambda row, gone: found)
        await self._done(item)

    # ---- questions and wake-ups

    async def _item(self, item: Item) -> None:
        with logged(item.conversation):
            try:
                await _KINDS[item.kind](self, item)
            except NotUpYet as error:
                logger.info("Rasa isn't up yet, the question waits: %s", error)
                now = self.clock.now()
                async with self.database.write() as tx:
                    await outbox.put_back(tx, item, now + STARTING, now, "starting", tries=item.attempts - 1)

    async def _done(self, item: Item) -> None:
        async with self.database.write() as tx:
            await outbox.settle_own(tx, item, "done", self.clock.now())

    async def _ask(self, item: Item) -> None:
        question = await self.asking.question(item)
        if question is None:
            return await self._done(item)
        sign = asyncio.create_task(self._show_typing(item))
        if self.presence:
            await self.presence.typing(item.conversation, ASSISTANT)
        try:
            turn = await self._turn(item, question)
            found = await self._look_up(item, question, turn)
            sign.cancel()  # never after the answer
            await self.asking.respond(item, question, turn, found)
        finally:
            sign.cancel()
            if self.presence:
                await self.presence.ended(item.conversation, ASSISTANT)

    async def _suggest(self, item: Item) -> None:
        """The guest has written to whoever holds it, and somebody looks: look up what could be answered."""
        question = await self.asking.question(item, for_staff=True)
        if question is None or question.unread:
            return await self._done(item)
        turn = await self._turn(item, question)
        await self.asking.suggest(item, question, turn, await self._look_up(item, question, turn))

    async def _snooze(self, item: Item) -> None:
        """What somebody put aside comes back: it rings them, if they still have it."""
        now = self.clock.now()
        with suppress(Refused):
            await self.dispatch.act(item.hotel, item.conversation, lambda row, gone: snoozing.due(row, now))
        await self._done(item)

    async def _show_typing(self, item: Item) -> None:
        """Once an answer takes long, let the guest see that it is being written, where a platform can."""
        await asyncio.sleep(SLOW_ANSWER)
        try:
            async with self.database.read() as tx:
                row = await log.row_of(tx, item.hotel, item.conversation)
                to = await people.identity_of(tx, item.hotel, row.identity) if row and row.identity else None
                account = await desk.account_of(tx, to.channel, to.account) if to else None
            sender: object = self.senders.get(to.channel) if to else None
            may = account is not None and account.config.get("custom_send", True)
            if to and to.external and may and isinstance(sender, ShowsTyping):
                await sender.show_typing(to.account, to.external)
        except Exception as error:
            logger.info("no typing sign: %s", type(error).__name__)

    async def _look_up(self, item: Item, question: Question, turn: Turn) -> list[Hit]:
        """Retrieval only ever improves an answer: without it there is the topic's own, or a person."""
        try:
            return await self.asking.look_up(item, question, turn)
        except Exception as error:
            logger.error("knowledge can't be searched: %s", type(error).__name__, exc_info=True)
            return []

    async def _turn(self, item: Item, question: Question) -> Turn:
        """Rasa's decision; a failure is one too: a person is needed. Raises NotUpYet while Rasa starts."""
        if question.unread:  # a file that came while the words before it were answered
            return Turn((Say(question.unread),), question.memory)
        failed = Turn((Handoff(Reason.ENGINE_FAILED),), question.memory)
        if item.attempts > ASK_TRIES or not question.text.strip():
            return failed
        begun = self.clock.monotonic()
        try:
            turn = await self.engine.ask(question.text, question.memory, question.facts)
        except NotUpYet:
            raise
        except EngineFailed as error:
            logger.warning("the assistant failed: %s", error)
            metrics.TURNS.labels("failed").inc()
            return failed
        metrics.ENGINE_SECONDS.observe(self.clock.monotonic() - begun)
        metrics.TURNS.labels("answered").inc()
        return turn

    async def _lapse(self, item: Item) -> None:
        """The guest of a held conversation has waited too long: it is nobody's again, and rings."""

        async with self.database.read() as tx:
            hotel, now = await self.dispatch.hotels.get(tx, item.hotel), self.clock.now()
            held = await log.row_of(tx, item.hotel, item.conversation)
            by, department = (held.holder, held.department) if held else (None, None)
            there = await attendance.somebody(tx, hotel, department, now, but=by)
        text = hotel.say_by_duty("lapsed", now, there)
        words = Said(Content(text=text), {"keys": ["lapsed"]})

        def lapse(row: Conversation, gone: bool) -> Lapse:
            due = clocks(row, self.dispatch.patience).get("lapse")
            if not gone and (due is None or due > self.clock.now()):
                raise Refused("not_due")
            return Lapse("holder_inactive" if gone else "overdue", words)

        with suppress(Refused):
            await self.dispatch.act(item.hotel, item.conversation, lapse)
        await self._done(item)

    async def _idle(self, item: Item) -> None:
        """A visit that has gone quiet ends by itself."""

        def close(row: Conversation, _gone: bool) -> Close:
            due = clocks(row, self.dispatch.patience).get("idle")
            if due is None or due > self.clock.now():
                raise Refused("not_due")
            return Close(SERVICE, "idle")

        with suppress(Refused):
            await self.dispatch.act(item.hotel, item.conversation, close)
        await self._done(item)

    async def _rate(self, item: Item) -> None:
        """A colleague has ended a visit: its guest is asked how it was, where a message has to."""
        async with self.database.read() as tx:
            hotel = await self.dispatch.hotels.get(tx, item.hotel)
            found = await rating.question(tx, hotel, item.conversation, int(item.key), self.clock.now())
        if found:
            with suppress(Refused):
                once = (item.conversation, f"rate {found.visit}")
                await self.dispatch.act(item.hotel, item.conversation, lambda row, gone: found, once)
        await self._done(item)

    async def _escalate(self, item: Item) -> None:
        await self._until(item, await self.alerting.waiting(item))

    async def _target(self, item: Item) -> None:
        await self._until(item, await self.alerting.target(item))

    async def _promise(self, item: Item) -> None:
        await self._until(item, await self.alerting.promise(item))

    async def _assign(self, item: Item) -> None:
        await self._until(item, await self.assigning.look(item))

    async def _push(self, item: Item) -> None:
        """A guest of an app hasn't looked: tell the app's backend."""
        wait = await self.pushes.push(item, self.clock.now())
        if wait is None:
            return await self._done(item)
        async with self.database.write() as tx:
            await outbox.put_back(tx, item, self.clock.now() + wait, self.clock.now())

    async def _until(self, item: Item, again: datetime | None) -> None:
        """Its row is looked at again then, or done."""
        await (self._later(item, again) if again else self._done(item))

    async def _later(self, item: Item, due: datetime) -> None:
        async with self.database.write() as tx:
            await outbox.put_back(tx, item, due, self.clock.now(), part=0)

    async def _ring(self, item: Item) -> None:
        """An order's minute has come: it rings at the desk until somebody ticks it."""
        now = self.clock.now()
        async with self.database.read() as tx:
            order = await desk.order_of(tx, item.hotel, OrderId(item.key))
        if order is None or order.state is not OrderState.OPEN or order.due_at is None or order.due_at > now:
            return await self._done(item)
        rung = orders.rung(order, now)
        once = (order.id, f"rung {order.due_at.isoformat()}")
        await self.dispatch.act(item.hotel, item.conversation, lambda row, gone: Record((rung,)), once)
        await self._done(item)

    async def _fetch(self, item: Item) -> None:
        await self.fetching.fetch(item)

    async def _hear(self, item: Item) -> None:
        await self.fetching.hear(item)

    async def _hand_over(self, item: Item) -> None:
        await self.leaving.hand_over(item)

    async def _erase(self, item: Item) -> None:
        """The guest has unfollowed: erase once nothing of theirs is open, at the latest in 30 days."""
        now = self.clock.now()
        async with self.database.read() as tx:
            due = await guests.erasure_due(tx, item.hotel, item.conversation, now)
        if due and due.at > now:
            return await self._later(item, due.at)
        if due and due.identity:
            await self.dispatch.erase_identity(due.identity)
        elif due:
            await self.dispatch.erase(item.hotel, due.guest)
        await self._done(item)


_KINDS: dict[str, Callable[[Worker, Item], Awaitable[None]]] = {
    "ask": Worker._ask,
    "lapse": Worker._lapse,
    "snooze": Worker._snooze,
    "suggest": Worker._suggest,
    "idle": Worker._idle,
    "rate": Worker._rate,
    "escalate": Worker._escalate,
    "assign": Worker._assign,
    "ring": Worker._ring,
    "target": Worker._target,
    "promise": Worker._promise,
    "hand_over": Worker._hand_over,
    "erase": Worker._erase,
    "fetch": Worker._fetch,
    "reach": Worker._reach,
    "hear": Worker._hear,
    "push": Worker._push,
}
