"""Bringing a message to a guest: one at a time to each identity, marked as sending before the call.

No transaction is open during a call. What nobody knows the end of is unclear: staff alone send it again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import metrics, rating
from bot.blobs import BlobMissing
from bot.channels import CHANNELS, Channel
from bot.channels.port import (
    Accepted,
    Attachment,
    NeverDelivered,
    Option,
    Outcome,
    Reply,
    Sender,
    TryLater,
    Unclear,
)
from bot.conversation import Conversation
from bot.dispatch import Dispatch
from bot.files import SENT_FOR
from bot.logs import conversation as logged
from bot.model import SERVICE, Audience, EventType, File, HotelId, IdentityId, NewEvent
from bot.store import log, outbox, people
from bot.store.outbox import CUSTOM, Item
from bot.store.people import Identity

PASSIVE_LEASE = timedelta(seconds=16)  # the platform brings a push again within this, or has the answer
WITNESS = timedelta(seconds=3)  # the last repetition comes well before the lease ends; beats are 2 s apart
CUSTOM_LEASE = timedelta(seconds=20)  # longer than any call may take
GIVE_UP = timedelta(seconds=60)  # a delivery that can't be tried holds back the later ones no longer
# So many messages a reply window must have left for one of these, else two: the last is a person's.
_NEEDS = {EventType.STAFF_SAID: 1, EventType.RATING_ASKED: 1 + rating.SPARED}


class Delivery:
    """One per process. `process` names its leases; `lines` are those at work now."""

    def __init__(
        self, dispatch: Dispatch, senders: Mapping[str, Sender], process: str, base_url: str = ""
    ) -> None:
        self.dispatch, self.senders, self.process, self.base_url = dispatch, senders, process, base_url
        self.database, self.clock = dispatch.database, dispatch.clock
        self.lines: set[IdentityId] = set()

    async def line(self, hotel: HotelId, identity: IdentityId) -> None:
        """Deliver the head of one identity's line; the next look sees what comes after it.

        A line whose head can't go now nudges nobody: it would be looked at again at once, and for ever.
        """
        try:
            sending = await self.take_head(hotel, identity)
            if sending:
                with logged(sending[0].conversation):
                    await self._deliver(*sending)
        finally:
            self.lines.discard(identity)
        if sending:
            await self.dispatch.nudges.nudge("outbox")

    async def take_head(self, hotel: HotelId, identity: IdentityId) -> tuple[Item, Identity, Channel] | None:
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

    async def ran_out(self, item: Item, now: datetime, up_since: datetime) -> None:
        """A delivery in flight whose lease is over: nobody will tell us any more how it went."""
        if item.via == CUSTOM:
            return await self.end(item, "unclear", EventType.DELIVERY_UNCLEAR, None, None, "process_lost")
        async with self.database.read() as tx:
            seen_until = item.changed_at + PASSIVE_LEASE - WITNESS
            # This process is a witness itself, if it has been there all the time.
            up = up_since <= item.changed_at or await outbox.was_up(tx, item.changed_at, seen_until)
            to = await people.identity_of(tx, item.hotel, item.identity) if item.identity else None
        if not up:
            return await self.end(item, "unclear", EventType.DELIVERY_UNCLEAR, None, None, "no_witness")
        parts = await self.parts_of(item, CHANNELS[to.channel]) if to else []
        if item.part + 1 < len(parts):
            async with self.database.write() as tx:
                await outbox.put_back(tx, item, now, now, part=item.part + 1)
            return
        await self.end(item, "accepted", EventType.DELIVERY_ACCEPTED, None, None)
