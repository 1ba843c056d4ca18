"""The one writer of the log: what is decided is appended with its outbox rows, in one transaction -> nudge.

Whoever loses a race reads and decides again. Who speaks, and what is said, others know.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import files, flags, mentions, metrics, orders, promises
from bot.channels import CHANNELS
from bot.clock import Clock
from bot.conversation import (
    Approve,
    Command,
    Conversation,
    Deliver,
    Effect,
    Patience,
    Record,
    Speak,
    Wake,
    decide,
)
from bot.knowledge import Hotels
from bot.model import Content, ConversationId, Event, EventType, HotelId, IdentityId, NewEvent, StaffId, State
from bot.nudges import Nudges
from bot.store import desk, log, members, outbox, people
from bot.store.database import Database
from bot.store.desk import AccountRow
from bot.store.log import StaleVersion
from bot.store.people import Identity

logger = logging.getLogger(__name__)

T = TypeVar("T")
TRIES = 20


class Writer:
    """Every event of a conversation is appended through here, in a transaction that says all it causes."""

    def __init__(
        self, database: Database, clock: Clock, hotels: Hotels, nudges: Nudges, patience: Patience
    ) -> None:
        self.database, self.clock, self.hotels = database, clock, hotels
        self.nudges, self.patience = nudges, patience

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` in one transaction, again from the start when somebody else was first."""
        for _ in range(TRIES):
            try:
                async with self.database.write() as tx:
                    return await work(tx)
            except (StaleVersion, IntegrityError) as lost:
                logger.debug("lost a race: %s", type(lost).__name__)
        raise StaleVersion("too many others are writing to this conversation")

    async def record(
        self, tx: AsyncConnection, hotel: HotelId, conversation: ConversationId, *events: NewEvent
    ) -> Conversation:
        """Log what happened to a conversation, in a transaction that does more. Raises StaleVersion."""
        await outbox.lock_conversation(tx, hotel, conversation)
        row = await log.row_of(tx, hotel, conversation)
        assert row
        return await self.commit(tx, row, Record(events), self.clock.now())

    async def holder_gone(self, tx: AsyncConnection, row: Conversation) -> bool:
        """Whether it is held by somebody who may not own anything any more."""
        now = self.clock.now()
        return row.state is State.STAFF and not await members.is_active(tx, row.hotel, row.holder, now)

    async def commit(
        self,
        tx: AsyncConnection,
        row: Conversation,
        command: Command,
        now: datetime,
        account: AccountRow | None = None,
    ) -> Conversation:
        """Decide and write: events, the row, orders, preferences and outbox rows. Raises StaleVersion."""
        return (await self.written(tx, row, command, now, account))[0]

    async def written(
        self,
        tx: AsyncConnection,
        row: Conversation,
        command: Command,
        now: datetime,
        account: AccountRow | None = None,
    ) -> tuple[Conversation, list[Event]]:
        """As `commit`, with the events that were appended."""
        if isinstance(command, Speak | Approve):
            command = replace(command, flags=await self._flags(tx, row, command.content))
        if isinstance(command, Approve):
            author = StaffId(command.draft.actor.id or "")
            gone = not await members.is_active(tx, row.hotel, author, now)
            command = replace(command, author_gone=gone)
        hotel = self.hotels.known(row.hotel) or await self.hotels.get(tx, row.hotel)
        patience = replace(self.patience, quiet=hotel.file.alerts.quiet)
        decision = decide(row, command, now, patience, hotel.file.departments.route)
        events = await log.append(tx, row, decision)
        await orders.project(tx, decision.row, events, decision.events)
        await promises.project(tx, decision.row, events, decision.events)
        await files.project(tx, decision.row, events, decision.events)
        await mentions.project(tx, decision.row, events)
        await _remember(tx, decision.row, decision.events)
        routed = [await self._routed(tx, row, effect, account) for effect in decision.effects]
        effects = [effect for several in routed for effect in several]
        begun = hotel.file.clocks.begun(row, decision.row)
        effects += [Wake("target", due.warn_at, due.key) for due in begun]
        await outbox.put(tx, row.hotel, row.id, decision.row.seq, effects, now)
        _count(events)
        return decision.row, events

    async def _flags(self, tx: AsyncConnection, row: Conversation, reply: Content) -> tuple[str, ...]:
        """What a manager should see about a reply; whoever wrote it, by whatever way."""
        facts = (await self.hotels.get(tx, row.hotel)).facts
        own = {number for fact in facts.values() for number in flags.numbers_in(str(fact))}
        return flags.flags(reply.text or "", own)

    async def _routed(
        self, tx: AsyncConnection, row: Conversation, effect: Effect, account: AccountRow | None
    ) -> list[Effect]:
        """A delivery as its channel takes it: where pages pull, a look, later, whether the guest is there;
        with the next push where only that can carry it."""
        if not isinstance(effect, Deliver):
            return [effect]
        identity = await people.identity_of(tx, row.hotel, effect.identity)
        if identity is None:
            return []
        if account is None or (account.channel, account.account) != (identity.channel, identity.account):
            account = await desk.account_of(tx, identity.channel, identity.account)
        if CHANNELS[identity.channel].capabilities.pulls:
            return await self._if_away(tx, identity, effect.seq, account)
        if not CHANNELS[identity.channel].capabilities.passive:
            return [replace(effect, due=self.clock.now())]  # no push is open that could carry it
        passive_only = account is not None and not account.config.get("custom_send", True)
        return [replace(effect, due=None) if passive_only else effect]

    async def _if_away(
        self, tx: AsyncConnection, identity: Identity, seq: int, account: AccountRow | None
    ) -> list[Effect]:
        """What is done, by settings, for a guest who doesn't look: their app's backend is told; the answer is
        brought to where they can be reached."""
        now, wakes = self.clock.now(), list[Effect]()
        if pushes := account.config.get("push_after") if account else None:
            wakes.append(Wake("push", now + timedelta(seconds=pushes), identity.id))
        if away := (await self.hotels.get(tx, identity.hotel)).file.away:
            wakes.append(Wake("reach", now + timedelta(minutes=away.minutes), str(seq)))
        return wakes

    async def account_of(self, tx: AsyncConnection, row: Conversation) -> AccountRow | None:
        identity = await people.identity_of(tx, row.hotel, row.identity) if row.identity else None
        return await desk.account_of(tx, identity.channel, identity.account) if identity else None

    async def poke(self, row: Conversation, identities: Sequence[IdentityId] = ()) -> None:
        lines = [f"line:{i}" for i in identities]
        await self.nudges.nudge("outbox", f"conversation:{row.id}", f"hotel:{row.hotel}", *lines)


async def _remember(tx: AsyncConnection, row: Conversation, events: Sequence[NewEvent]) -> None:
    new = [e.content.text for e in events if e.type is EventType.PREFERENCE_REMEMBERED and e.content]
    if new:
        guest = await people.guest_of(tx, row.hotel, row.guest)
        kept = list(dict.fromkeys([*guest.preferences, *(text for text in new if text)]))
        await people.change_guest(tx, row.hotel, row.guest, preferences=people.as_json(kept))
    for event in events:
        if event.type is EventType.VIP_MARKED:
            await people.change_guest(
                tx, row.hotel, row.guest, vip_at=event.at if event.body["vip"] else None
            )


def _count(events: Sequence[Event]) -> None:
    for event in events:
        if event.type is EventType.HANDOFF_REQUESTED:
            metrics.HANDOFFS.labels(event.body["reason"]).inc()
        elif event.type is EventType.NOBODY_FOUND:
            metrics.NOBODY.labels(event.body["why"]).inc()
        elif event.type is EventType.ASSIGNMENT_ENDED:
            metrics.ASSIGNMENTS.labels(event.body["why"]).inc()
        elif event.type is EventType.CLAIMED and event.body.get("assigned"):
            metrics.ASSIGNMENTS.labels("accepted").inc()
