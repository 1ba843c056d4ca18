"""Due outbox rows: ask the assistant, deliver, wake. Any number of replicas may run this.

A row is leased, or marked sending, and committed before the call; no transaction is open during one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import attendance, guests, metrics, orders, rating, reach, snoozing
from bot.addressing import Addressing
from bot.alerting import Alerting
from bot.assigning import Assigning
from bot.blobs import BlobMissing, BlobsAway
from bot.channels import CHANNELS, Channel
from bot.channels.port import (
    Accepted,
    Attachment,
    Fetched,
    Fetcher,
    NeverDelivered,
    Option,
    Outcome,
    Reply,
    Sender,
    ShowsTyping,
    TryLater,
    Unclear,
)
from bot.conversation import Close, Conversation, Lapse, Record, Refused, Said, Wake, clocks
from bot.dispatch import Dispatch, Question
from bot.engine import Engine, EngineFailed, NotUpYet, Turn
from bot.files import SENT_FOR
from bot.knowledge import Hotel, unanswered
from bot.knowledge.daily import Daily
from bot.knowledge.index import Hit
from bot.knowledge.unanswered import Asked
from bot.leaving import Leaving
from bot.logs import conversation as logged
from bot.media import LARGEST, BadFile
from bot.model import (
    SERVICE,
    Audience,
    Content,
    EventType,
    File,
    Handoff,
    HotelId,
    IdentityId,
    NewEvent,
    OrderId,
    OrderState,
    Reason,
    Say,
)
from bot.nudges import wait_for
from bot.presence import ASSISTANT, Presence
from bot.push_webhooks import PushWebhooks
from bot.robots import Robots
from bot.speech import Recogniser
from bot.store import desk, log, outbox, people
from bot.store.outbox import CUSTOM, Item
from bot.store.people import Identity

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5  # how often the outbox is looked at when nobody nudges
BEAT_SECONDS = 2.0
TIDY_EVERY = timedelta(hours=1)
SWEEP_EVERY = timedelta(hours=12)
RUN_OUT_EVERY = timedelta(seconds=10)  # how often it is looked whether a role has run out
REPORT_EVERY = timedelta(minutes=5)  # how often it is looked whether a hotel's day has yet to be told
KEPT = timedelta(days=7)  # settled questions and wake-ups, for whoever looks into what happened
PASSIVE_LEASE = timedelta(seconds=16)  # the platform brings a push again within this, or has the answer
WITNESS = timedelta(seconds=3)  # the last repetition comes well before the lease ends; beats are 2 s apart
CUSTOM_LEASE = timedelta(seconds=20)  # longer than any call may take
GIVE_UP = timedelta(seconds=60)  # a delivery that can't be tried holds back the later ones no longer
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
        self.fetchers, self.base_url, self.speech = fetchers or {}, base_url, speech
        self.presence = presence
        dispatch.hears = speech is not None
        self.database, self.clock = dispatch.database, dispatch.clock
        self.addressing, self.leaving = Addressing(dispatch), Leaving(dispatch)
        self.assigning, self.alerting = Assigning(dispatch), Alerting(dispatch, robots)
        self.daily = Daily(self.database)
        self.pushes = PushWebhooks(dispatch.database, dispatch.seal)
        self._running: set[asyncio.Task[None]] = set()
        self._lines: set[IdentityId] = set()
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
            lines = [key for key in await outbox.due_lines(tx, now) if key[1] not in self._lines]
            over = await outbox.run_out(tx, now)
        if due:
            async with self.database.write() as tx:
                leased = await outbox.lease_due(tx, self.process, now, self.ask_lease, _KINDS)
            for item in leased:
                self._spawn(self._item(item))
        for hotel, identity in lines:
            self._lines.add(identity)
            self._spawn(self._line(hotel, identity))
        for item in over:
            await self._ran_out(item, now)

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

    # ---- guests' files that a platform keeps for us

    async def _fetch(self, item: Item) -> None:
        """Bring the file of a guest's message here, once, and log that it is here or never will be."""
        files, seq = self.dispatch.files, int(item.key)
        async with self.database.read() as tx:
            content = await log.content_of(tx, item.hotel, item.conversation, seq)
            event = await log.event_of(tx, item.hotel, item.conversation, seq)
            by = event.identity if event else None
            of = await people.identity_of(tx, item.hotel, by) if by else None
        reference = (content.details or {}).get("fetch") if content else None
        if files is None or of is None or reference is None:
            return await self._done(item)  # erased meanwhile
        await self._hold(item)
        fetcher = self.fetchers.get(of.channel)
        found = await fetcher.fetch(of.account, reference, LARGEST) if fetcher else NO_FETCHER
        try:
            match found:
                case Fetched(data, name):
                    kept = await files.keep(item.hotel, data, name)
                    blobs, details = kept.blobs, {"file": kept.to_json()}
                    await self._fetched(item, seq, Content(blobs=blobs, details=details))
                case NeverDelivered(why):
                    await self._fetched(item, seq, None, why)
                case TryLater(after, why):
                    await self._fetch_later(item, seq, after, why)
        except BadFile as bad:
            await self._fetched(item, seq, None, bad.code)
        except BlobsAway:
            await self._fetch_later(item, seq, FETCH_AGAIN.total_seconds(), "store_away")

    async def _hold(self, item: Item) -> None:
        async with self.database.write() as tx:
            await outbox.hold(tx, item, self.clock.now() + FILE_LEASE)

    async def _fetch_later(self, item: Item, seq: int, after: float, why: str) -> None:
        if item.attempts >= FETCH_TRIES:
            return await self._fetched(item, seq, None, why)
        later = self.clock.now() + timedelta(seconds=max(after, min(item.attempts, 10) * 6))
        async with self.database.write() as tx:
            await outbox.put_back(tx, item, later, self.clock.now(), why)

    async def _fetched(self, item: Item, seq: int, content: Content | None, why: str | None = None) -> None:
        type_ = EventType.MEDIA_KEPT if content else EventType.MEDIA_LOST
        body = {"seq": seq} if content else {"seq": seq, "why": why}
        event = NewEvent(type_, self.clock.now(), SERVICE, Audience.STAFF, None, body, content)

        async def work(tx: AsyncConnection) -> Conversation | None:
            if not await outbox.settle_own(tx, item, "done", self.clock.now()):
                return None
            row = await log.row_of(tx, item.hotel, item.conversation)
            if row is None or (await people.guest_of(tx, item.hotel, row.guest)).erased_at:
                return None
            voice = await self._is_voice(tx, item, seq)
            if voice:
                now = self.clock.now()
                await outbox.put(tx, item.hotel, item.conversation, seq, (Wake("hear", now, str(seq)),), now)
            if why is None or voice:
                return await self.dispatch.record(tx, item.hotel, item.conversation, event)
            await outbox.lock_conversation(tx, item.hotel, item.conversation)
            row = await log.row_of(tx, item.hotel, item.conversation) or row
            lost = await self.dispatch.lost(tx, row, event, why)
            return await self.dispatch.commit(tx, row, lost, event.at)

        if row := await self.dispatch.transact(work):
            await self.dispatch.poke(row, [row.identity] if row.identity else [])

    # ---- voice

    async def _is_voice(self, tx: AsyncConnection, item: Item, seq: int) -> bool:
        said = await log.event_of(tx, item.hotel, item.conversation, seq)
        return self.speech is not None and said is not None and said.body.get("subtype") == "voice"

    async def _hear(self, item: Item) -> None:
        """Let the recogniser hear a voice message that is here; what it hears is answered like words."""
        await self._hold(item)
        file = await self._voice(item)
        text = None
        if file and self.speech and self.dispatch.files and item.attempts <= HEAR_TRIES:
            with suppress(BlobMissing, BlobsAway):
                data = await self.dispatch.files.load(item.hotel, file.blob)
                text = await self.speech.recognise(data, file.type)
        await self.dispatch.hear(item, text)

    async def _voice(self, item: Item) -> File | None:
        """The file of the message that the row is about: with it, or brought here later."""
        seq = int(item.key)
        async with self.database.read() as tx:
            said = await log.content_of(tx, item.hotel, item.conversation, seq)
            if said and said.file:
                return said.file
            thread = await log.read_thread(tx, item.hotel, item.conversation, after=seq)
        kept = (c.file for e, c in thread if e.type is EventType.MEDIA_KEPT and e.body["seq"] == seq)
        return next(kept, None)

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
        question = await self.dispatch.question(item)
        if question is None:
            return await self._done(item)
        sign = asyncio.create_task(self._show_typing(item))
        if self.presence:
            await self.presence.typing(item.conversation, ASSISTANT)
        try:
            turn = await self._turn(item, question)
            found = await self._look_up(item, question, turn)
            sign.cancel()  # never after the answer
            await self.dispatch.respond(item, question, turn, found)
        finally:
            sign.cancel()
            if self.presence:
                await self.presence.ended(item.conversation, ASSISTANT)

    async def _suggest(self, item: Item) -> None:
        """The guest has written to whoever holds it: look up what could be answered."""
        question = await self.dispatch.question(item, for_staff=True)
        if question is None or question.unread or item.attempts > 1:
            return await self._done(item)
        turn = await self._turn(item, question)
        await self.dispatch.suggest(item, question, turn, await self._look_up(item, question, turn))

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
            return await self.dispatch.look_up(item, question, turn)
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

    # ---- deliveries

    async def _line(self, hotel: HotelId, identity: IdentityId) -> None:
        """Deliver the head of one identity's line; the next look sees what comes after it.

        A line whose head can't go now nudges nobody: it would be looked at again at once, and for ever.
        """
        try:
            sending = await self._take_head(hotel, identity)
            if sending:
                with logged(sending[0].conversation):
                    await self._deliver(*sending)
        finally:
            self._lines.discard(identity)
        if sending:
            await self.dispatch.nudges.nudge("outbox")

    async def _take_head(self, hotel: HotelId, identity: IdentityId) -> tuple[Item, Identity, Channel] | None:
        """The head, marked sending; None when it can't go now."""
        now = self.clock.now()
        async with self.database.write() as tx:
            item = await outbox.head(tx, hotel, identity, waiting=False)
            to = await people.identity_of(tx, hotel, identity)
            if (
                item is None
                or to is None
                or item.state != "queued"
                or item.due_at is None
                or item.due_at > now
            ):
                return None
            channel = CHANNELS[to.channel]
            event = await log.event_of(tx, item.hotel, item.conversation, item.seq)
            assert event
            room = await self._window_allows(tx, event.type, to, channel, now)
            if event.type in rating.PASSING and not (room and await rating.still_asks(tx, event)):
                await self._drop(tx, item, now)
                return None
            if not room:
                await outbox.put_back(tx, item, None, now, "window")  # waits for the guest's next word
                return None
            if not await outbox.mark_sending(tx, item, self.process, CUSTOM, now, CUSTOM_LEASE):
                return None
        return item, to, channel

    async def _window_allows(
        self, tx: AsyncConnection, type_: EventType, to: Identity, channel: Channel, now: datetime
    ) -> bool:
        """Whether the platform still takes one; the last one of a window is kept for a person."""
        if channel.windows is None:
            return True
        left = channel.windows.allowance(await people.ledger_of(tx, to.hotel, to.id), now).left
        return left >= _NEEDS.get(type_, 2)

    async def withdraw(self, item: Item) -> None:
        """Take a delivery out of its line, unless somebody is sending it already."""
        await self.dispatch.transact(lambda tx: self._drop(tx, item, self.clock.now()))

    async def _drop(self, tx: AsyncConnection, item: Item, now: datetime) -> Conversation | None:
        """What goes at once or never can't go now."""
        if not await outbox.settle(tx, item, "failed", now, "withdrawn", was="queued"):
            return None
        body = {"seq": item.seq, "why": "withdrawn"}
        event = NewEvent(EventType.DELIVERY_FAILED, now, SERVICE, Audience.STAFF, item.identity, body)
        return await self.dispatch.record(tx, item.hotel, item.conversation, event)

    async def _deliver(self, item: Item, to: Identity, channel: Channel) -> None:
        parts, began = await self.parts_of(item, channel), self.clock.now()
        if to.external is None or item.part >= len(parts):
            outcome: Outcome = NeverDelivered("erased")
        elif not (await self._row(item)).reachable:
            outcome = NeverDelivered("not_following")
        else:
            sender = self.senders[channel.name]
            outcome = await sender.send(to.account, to.external, parts[item.part])
        metrics.DELIVERIES.labels(channel.name, type(outcome).__name__).inc()
        await self._settle(item, to, channel, outcome, len(parts), began)

    async def parts_of(self, item: Item, channel: Channel) -> list[Reply]:
        """The replies that carry a message on its channel; none once it has been erased."""
        async with self.database.read() as tx:
            content = await log.content_of(tx, item.hotel, item.conversation, item.seq)
        if content is None or not (content.text or content.file):
            return []
        options = tuple(Option(o["title"], o["text"]) for o in (content.details or {}).get("options", ()))
        attached = await self._attachment(item.hotel, content.file) if content.file else None
        return channel.parts(Reply(content.text or "", options, attached))

    async def _attachment(self, hotel: HotelId, file: File) -> Attachment | None:
        """None once the file is gone. Raises BlobsAway: its row is looked at again when its lease is over."""
        files = self.dispatch.files
        if files is None:
            return None
        try:
            data = await files.load(hotel, file.blob)
        except BlobMissing:
            return None
        address = self.base_url + files.address(hotel, file.blob, self.clock.now(), SENT_FOR)
        return Attachment(file.kind, file.type, file.name or file.kind, data, address)

    async def _settle(
        self, item: Item, to: Identity, channel: Channel, outcome: Outcome, parts: int, began: datetime
    ) -> None:
        now = self.clock.now()
        match outcome:
            case Accepted() if item.part + 1 < parts:
                async with self.database.write() as tx:
                    await self._spend(tx, to, channel)
                    await outbox.put_back(tx, item, now, now, part=item.part + 1)
            case Accepted():
                await self.end(item, "accepted", EventType.DELIVERY_ACCEPTED, to, channel)
            case Unclear(why):
                await self.end(item, "unclear", EventType.DELIVERY_UNCLEAR, to, channel, why)
            case TryLater(after, why) if await self._may_wait(item, now + timedelta(seconds=after)):
                async with self.database.write() as tx:
                    await outbox.put_back(tx, item, now + timedelta(seconds=after), now, why)
            case TryLater(_, why):
                await self.end(item, "failed", EventType.DELIVERY_FAILED, to, None, why)
            case NeverDelivered(why):
                await self._refused(item, to, channel, why, began)

    async def _row(self, item: Item) -> Conversation:
        async with self.database.read() as tx:
            row = await log.row_of(tx, item.hotel, item.conversation)
        assert row
        return row

    async def _may_wait(self, item: Item, until: datetime) -> bool:
        async with self.database.read() as tx:
            if await rating.holds(tx, item):
                return False
        return until - await self._since(item) < GIVE_UP

    async def _since(self, item: Item) -> datetime:
        """When a delivery could first be tried: what waited for the guest's next word begins with it."""
        written = (await self._row(item)).guest_at
        return max(item.created_at, written) if written else item.created_at

    async def _refused(self, item: Item, to: Identity, channel: Channel, why: str, began: datetime) -> None:
        if channel.windows is None or why not in channel.windows.shut:
            return await self.end(item, "failed", EventType.DELIVERY_FAILED, to, None, why)
        async with self.database.write() as tx:  # the platform knows better than our ledger
            kept = await people.ledger_of(tx, to.hotel, to.id)
            shut = channel.windows.refused(kept, why, began)
            if shut:
                await people.save_ledger(tx, to.hotel, to.id, shut)
            now, passing = self.clock.now(), await rating.holds(tx, item)
            if not passing:
                await outbox.put_back(tx, item, None if shut else now, now, why)
        if passing:
            return await self.end(item, "failed", EventType.DELIVERY_FAILED, to, None, why)
        await self.dispatch.nudges.nudge(f"hotel:{item.hotel}", f"conversation:{item.conversation}")

    async def _spend(self, tx: AsyncConnection, to: Identity, channel: Channel | None) -> None:
        if channel and channel.windows:
            kept = await people.ledger_of(tx, to.hotel, to.id)
            await people.save_ledger(tx, to.hotel, to.id, channel.windows.spent(kept))

    async def end(
        self,
        item: Item,
        state: str,
        type_: EventType,
        to: Identity | None,
        spent_on: Channel | None,
        why: str | None = None,
    ) -> None:
        """End a delivery, with its event in the log: both or neither."""
        now = self.clock.now()
        body = {"seq": item.seq, "why": why}

        async def work(tx: AsyncConnection) -> Conversation | None:
            if not await outbox.settle(tx, item, state, now, why, was="sending"):
                return None
            if to:
                await self._spend(tx, to, spent_on)
            # What nobody would send again troubles nobody as unclear.
            lost = type_ is EventType.DELIVERY_UNCLEAR and await rating.holds(tx, item)
            kind = EventType.DELIVERY_FAILED if lost else type_
            event = NewEvent(kind, now, SERVICE, Audience.STAFF, item.identity, body)
            return await self.dispatch.record(tx, item.hotel, item.conversation, event)

        row = await self.dispatch.transact(work)
        if row:
            await self.dispatch.poke(row, [item.identity] if item.identity else [])

    async def _ran_out(self, item: Item, now: datetime) -> None:
        """A delivery in flight whose lease is over: nobody will tell us any more how it went."""
        if item.via == CUSTOM:
            return await self.end(item, "unclear", EventType.DELIVERY_UNCLEAR, None, None, "process_lost")
        async with self.database.read() as tx:
            seen_until = item.changed_at + PASSIVE_LEASE - WITNESS
            # This process is a witness itself, if it has been there all the time.
            up = self._started <= item.changed_at or await outbox.was_up(tx, item.changed_at, seen_until)
            to = await people.identity_of(tx, item.hotel, item.identity) if item.identity else None
        if not up:
            return await self.end(item, "unclear", EventType.DELIVERY_UNCLEAR, None, None, "no_witness")
        parts = await self.parts_of(item, CHANNELS[to.channel]) if to else []
        if item.part + 1 < len(parts):
            async with self.database.write() as tx:
                await outbox.put_back(tx, item, now, now, part=item.part + 1)
            return
        await self.end(item, "accepted", EventType.DELIVERY_ACCEPTED, None, None)


# So many messages a reply window must have left for one of these, else two: the last is a person's.
_NEEDS = {EventType.STAFF_SAID: 1, EventType.RATING_ASKED: 1 + rating.SPARED}
FILE_LEASE = timedelta(seconds=120)  # longer than bringing or hearing a file may take
FETCH_TRIES = 40
HEAR_TRIES = 3
FETCH_AGAIN = timedelta(minutes=1)
NO_FETCHER = NeverDelivered("unsupported")


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
