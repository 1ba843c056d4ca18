"""The one path of every event: read -> decide -> append, with its outbox rows, in one transaction -> nudge.

Whoever loses a race reads and decides again with what is already at hand; Rasa isn't asked twice. Nothing
here waits for the network: the worker does.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import files, guests, linking, meaning, metrics, openers, rating, reach, safety, words
from bot.channels import CHANNELS
from bot.channels.port import RECOGNISED, Inbound, InboundKind
from bot.clock import Clock
from bot.conversation import Command, Conversation, Heard, Lose, Patience, Receive, Said, Wake
from bot.erasures import Erasure, Erasures
from bot.knowledge import Hotel, Hotels
from bot.knowledge.library import Library
from bot.model import (
    SERVICE,
    AccountId,
    Actor,
    ActorKind,
    Audience,
    Content,
    ConversationId,
    Event,
    EventType,
    GuestId,
    HotelId,
    NewEvent,
    State,
)
from bot.nudges import Nudges
from bot.recognition import Recognition, Told
from bot.sealing import Seal
from bot.store import arrivals, log, outbox, people
from bot.store.database import Database
from bot.store.desk import AccountRow
from bot.store.log import StaleVersion
from bot.store.outbox import Item
from bot.store.people import Identity
from bot.writer import Writer

logger = logging.getLogger(__name__)

ANSWERED = frozenset({InboundKind.TEXT, InboundKind.MEDIA, InboundKind.FOLLOW, InboundKind.CLICK})


@dataclass(frozen=True)
class Received:
    """A message that is safe. `seq` is its own; `deliveries` counts how often the platform has brought it."""

    identity: Identity
    row: Conversation
    key: str
    seq: int
    deliveries: int


def message_hash(account: AccountId, message_key: str) -> str:
    """A platform's message id may hold an openid, so only its hash is kept."""
    return hashlib.sha256(f"{account}\n{message_key}".encode()).hexdigest()


class Dispatch(Writer):
    """Everything that happens to a conversation goes through here, from any channel, page or clock."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        hotels: Hotels,
        seal: Seal,
        nudges: Nudges,
        patience: Patience,
        library: Library | None = None,
        kept: files.Files | None = None,
        erasures: Erasures | None = None,
    ) -> None:
        super().__init__(database, clock, hotels, nudges, patience)
        self.seal, self.library, self.files, self.erasures = seal, library, kept, erasures
        self.recognition = Recognition(self, seal)
        self.hears = False  # whether a recogniser is there to hear voice messages

    # ---- a guest's message or a channel's event

    async def receive(self, account: AccountRow, inbound: Inbound) -> Received:
        """Make a message safe: in the log once, however often it is delivered."""
        if inbound.subjects:
            await self.recognition.recognise(account, inbound.external_id, inbound.subjects, meet=True)
        told = await self._told(account, inbound) if inbound.kind is InboundKind.TEXT else None
        received = await self.transact(lambda tx: self._receive(tx, account, inbound, told))
        if received.deliveries > 1:
            metrics.REPEATS.labels(account.channel).inc()
            return received
        metrics.MESSAGES.labels(account.channel).inc()
        await self.poke(received.row, [received.identity.id])
        return received

    async def _receive(
        self, tx: AsyncConnection, account: AccountRow, inbound: Inbound, told: Told | None = None
    ) -> Received:
        key = message_hash(account.account, inbound.message_key)
        known = await arrivals.arrived(tx, account.hotel, account.channel, account.account, key)
        if known:
            await arrivals.count_delivery(tx, account.hotel, account.channel, account.account, key)
            return await self._repeated(tx, account, key, known)
        now = self.clock.now()
        identity, row = await self.recognition.met(tx, account, inbound.external_id, now)
        hotel = await self.hotels.get(tx, account.hotel)
        rated = None if told else await rating.given(tx, hotel, identity, row, inbound, now)
        if rated:
            return await self._taken(tx, account, identity, row, inbound, rated, rated.event, key, now)
        own = hotel.file.replies_of(account.channel, account.account)
        inbound, ready = meaning.meant(hotel, own, inbound, now)
        command = await self._command(tx, hotel, identity, row, inbound, now)
        if ready and not told:
            said = words.introduce(ready, hotel, _next_visit(row), now)
            command = replace(
                command,
                ask=command.ask and inbound.kind is InboundKind.TEXT,
                words=Said(words.content_of(said, None), words.body_of(said, _next_visit(row))),
                yields=inbound.kind is InboundKind.TEXT,
            )
        if told:
            spoken = words.Spoken((hotel.say(told.key, now, **told.values),), keys=(told.key,))
            said = words.introduce(spoken, hotel, _next_visit(row), now)
            command = replace(
                command, ask=False, words=Said(words.content_of(said, None), words.body_of(said, row))
            )
        return await self._taken(tx, account, identity, row, inbound, command, command.event, key, now)

    async def _taken(
        self,
        tx: AsyncConnection,
        account: AccountRow,
        identity: Identity,
        row: Conversation,
        inbound: Inbound,
        command: Command,
        said: NewEvent,
        key: str,
        now: datetime,
    ) -> Received:
        """What came in, written, with what it means to its channel; unique by its key."""
        after, events = await self.written(tx, row, command, now, account)
        await self._channel_side(tx, account, identity, inbound, after, key, now)
        seq = next((e.seq for e in events if e.type is said.type), after.seq)
        if not await arrivals.arrive(tx, identity, key, seq, now):
            raise StaleVersion
        return Received(identity, after, key, seq, 1)

    async def _repeated(
        self, tx: AsyncConnection, account: AccountRow, key: str, known: arrivals.Arrival
    ) -> Received:
        identity = await people.identity_of(tx, account.hotel, known.identity)
        row = await log.row_of(tx, account.hotel, known.conversation)
        assert identity is not None
        assert row is not None
        if account.config.get("custom_send", True) and not row.silent:
            until = self.clock.now() + self.patience.handler_wait
            await people.open_push(tx, identity, until, key)
        return Received(identity, row, key, known.seq, known.deliveries + 1)

    async def _told(self, account: AccountRow, inbound: Inbound) -> Told | None:
        """What the service does and says itself. None: it is an ordinary message."""
        asked, wanted = linking.asked(inbound.text), reach.wanted(inbound.text)
        if asked is None and wanted is None:
            return None
        key = message_hash(account.account, inbound.message_key)
        async with self.database.read() as tx:
            if await arrivals.arrived(tx, account.hotel, account.channel, account.account, key):
                return None  # a repetition: it was told
        if asked:
            return await self.recognition.about_linking(account, inbound.external_id, asked)
        identity = await self.recognition.recognise(account, inbound.external_id, (), meet=True)
        assert identity
        await self.opt(identity, bool(wanted))
        return Told("opted_in" if wanted else "opted_out", {})

    async def opt(self, identity: Identity, wanted: bool) -> None:
        """Note whether unasked messages are welcome. A no is obeyed on every channel at once."""

        async def work(tx: AsyncConnection) -> Conversation:
            now = self.clock.now()
            here = await people.identity_of(tx, identity.hotel, identity.id) or identity
            await people.change_guest(tx, here.hotel, here.guest, opted_in_at=now if wanted else None)
            actor, body = Actor(ActorKind.GUEST, here.guest), {"in": wanted}
            event = NewEvent(EventType.GUEST_OPTED, now, actor, Audience.STAFF, here.id, body)
            return await self.record(tx, here.hotel, here.conversation, event)

        await self.poke(await self.transact(work))

    async def _command(
        self,
        tx: AsyncConnection,
        hotel: Hotel,
        identity: Identity,
        row: Conversation,
        inbound: Inbound,
        now: datetime,
    ) -> Receive:
        event = self._event(identity, inbound, now)
        gone = await self.holder_gone(tx, row)
        notice = hotel.file.privacy.version
        if inbound.kind is InboundKind.TEXT:
            found = safety.danger(inbound.text)
            kind = found.kind if found else None
            opener = openers.says_nothing(inbound.text)
            return Receive(event, kind, _help(hotel, kind, row, now), gone, notice, opener=opener)
        fetch = inbound.fetch is not None
        hears = self.hears or bool(inbound.body.get(RECOGNISED))
        voice = hears and inbound.subtype == "voice" and (fetch or inbound.file is not None)
        unread = inbound.kind is InboundKind.MEDIA and not voice
        what = "file_name" if inbound.subtype == "file" and not (fetch or inbound.file) else inbound.subtype
        words_ = self._unread(hotel, _next_visit(row), what, now) if unread else None
        return Receive(
            event,
            holder_gone=gone,
            notice=notice,
            words=words_,
            ask=False,
            fetch=fetch,
            hear=voice and not fetch,
            yields=True,
        )

    def _event(self, identity: Identity, inbound: Inbound, now: datetime) -> NewEvent:
        type_ = _EVENTS.get(inbound.kind, EventType.CHANNEL_EVENT_RECEIVED)
        said = type_ is EventType.GUEST_SAID
        bound = bound_to(identity.hotel, identity.conversation)
        text, sealed = self.seal.protect(inbound.text, bound)
        details: dict[str, Any] = {}
        for name, value in inbound.body.items():
            if name != "client_id":
                details[name], more = (
                    self.seal.protect(value, bound) if isinstance(value, str) else (value, ())
                )
                sealed += more
        blobs: tuple[str, ...] = ()
        if inbound.file:
            details["file"], blobs = inbound.file.to_json(), inbound.file.blobs
        if inbound.fetch:
            details["fetch"] = inbound.fetch
        empty = not (text or details)
        content = None if empty else Content(text or None, sealed, blobs=blobs, details=details or None)
        body = {
            "kind": inbound.kind,
            "subtype": inbound.subtype or None,
            "sent_at": inbound.sent_at.isoformat() if inbound.sent_at else None,
        }
        if client_id := inbound.body.get("client_id"):
            body["client_id"] = client_id
        if scene := meaning.scene_of(inbound):
            body["scene"] = scene
        audience = Audience.GUEST if said else Audience.STAFF
        return NewEvent(
            type_, now, Actor(ActorKind.GUEST, identity.guest), audience, identity.id, body, content
        )

    def _unread(self, hotel: Hotel, seen: Conversation, kind: str, now: datetime) -> Said:
        """That the assistant can't read, hear or open this."""
        return self._own(hotel, seen, unread_key(hotel, kind), now)

    async def lost(self, tx: AsyncConnection, row: Conversation, event: NewEvent, why: str) -> Lose:
        """That a guest's file will never be here; the guest is told what can be done instead, if anything."""
        hotel = await self.hotels.get(tx, row.hotel)
        said = await log.event_of(tx, row.hotel, row.id, event.body["seq"])
        key = f"lost_{_LOST.get(why, why)}"
        words_ = self._own(hotel, row, key, event.at) if key in hotel.texts else None
        return Lose(event, said.identity if said else None, words_)

    def _own(self, hotel: Hotel, seen: Conversation, key: str, now: datetime) -> Said:
        spoken = words.introduce(words.Spoken((hotel.say(key, now),), keys=(key,)), hotel, seen, now)
        return Said(words.content_of(spoken, None), words.body_of(spoken, seen))

    async def _channel_side(
        self,
        tx: AsyncConnection,
        account: AccountRow,
        identity: Identity,
        inbound: Inbound,
        row: Conversation,
        key: str,
        now: datetime,
    ) -> None:
        """What a message means to the channel: its reply window opens, its push may carry an answer."""
        if inbound.kind is InboundKind.FOLLOW:
            await people.change_guest(tx, identity.hotel, identity.guest, unfollowed_at=None)
        if inbound.kind is InboundKind.UNFOLLOW:
            await people.change_guest(tx, identity.hotel, identity.guest, unfollowed_at=now)
            await outbox.put(tx, row.hotel, row.id, row.seq, (Wake("erase", now),), now)
        windows = CHANNELS[account.channel].windows
        if windows is None:
            return
        ledger = await people.ledger_of(tx, identity.hotel, identity.id)
        await people.save_ledger(tx, identity.hotel, identity.id, windows.opened(ledger, inbound, now))
        if inbound.kind not in ANSWERED or not account.config.get("custom_send", True):
            return
        if not CHANNELS[account.channel].capabilities.passive:
            return await outbox.release_waiting(tx, identity.hotel, identity.id, now)
        until = now if row.silent else now + self.patience.handler_wait
        await outbox.release_waiting(tx, identity.hotel, identity.id, until)
        await people.open_push(tx, identity, until, key)

    async def hear(self, item: Item, text: str | None) -> None:
        """Take in what was heard in a voice message, and end its row; nothing heard is said politely."""
        seq = int(item.key)

        async def work(tx: AsyncConnection) -> Conversation | None:
            now = self.clock.now()
            if not await outbox.settle_own(tx, item, "done", now):
                return None
            await outbox.lock_conversation(tx, item.hotel, item.conversation)
            row = await log.row_of(tx, item.hotel, item.conversation)
            said = await log.event_of(tx, item.hotel, item.conversation, seq)
            if row is None or said is None or (await people.guest_of(tx, item.hotel, row.guest)).erased_at:
                return None
            command = await self._heard(tx, row, said, text, now)
            return await self.commit(tx, row, command, now, await self.account_of(tx, row))

        row = await self.transact(work)
        if row:
            await self.poke(row, [row.identity] if row.identity else [])

    async def _heard(
        self, tx: AsyncConnection, row: Conversation, said: Event, text: str | None, now: datetime
    ) -> Heard:
        hotel = await self.hotels.get(tx, row.hotel)
        notice = hotel.file.privacy.version
        if not text:
            words_ = self._unread(hotel, row, "voice", now)
            return Heard(said.seq, notice=notice, words=words_)
        masked, sealed = self.seal.protect(text, bound_to(row.hotel, row.id))
        event = NewEvent(
            EventType.VOICE_HEARD, now, SERVICE, Audience.STAFF, said.identity, {}, Content(masked, sealed)
        )
        found = safety.danger(text)
        kind = found.kind if found else None
        return Heard(said.seq, event, kind, _help(hotel, kind, row, now), notice)

    # ---- staff, clocks and deliveries

    async def act(
        self,
        hotel: HotelId,
        conversation: ConversationId,
        command: Callable[[Conversation, bool], Command],
        once: tuple[str, str] | None = None,
        check: Callable[[AsyncConnection], Awaitable[None]] | None = None,
        before: Callable[[AsyncConnection], Awaitable[None]] | None = None,
    ) -> tuple[Conversation, int]:
        """Carry out what `command(row, holder_gone)` asks; the row after it, and the seq of its last event.

        `once` (who, client id) makes a repetition answer with the first one's result. `check` looks at what
        the command supposes, in the same transaction; `before` holds what must be held before the
        conversation is, such as people who may not leave meanwhile. Raises Refused, and what these raise.
        """

        async def work(tx: AsyncConnection) -> tuple[Conversation, int]:
            if before:
                await before(tx)
            await outbox.lock_conversation(tx, hotel, conversation)
            row = await log.row_of(tx, hotel, conversation)
            if row is None:
                raise LookupError(conversation)
            key = message_hash(AccountId(once[0]), f"{conversation}\n{once[1]}") if once else ""
            if once and (known := await arrivals.arrived(tx, hotel, "desk", AccountId(once[0]), key)):
                return row, known.seq
            if check:
                await check(tx)
            now, account = self.clock.now(), await self.account_of(tx, row)
            after = await self.commit(tx, row, command(row, await self.holder_gone(tx, row)), now, account)
            if once:
                await arrivals.remember_command(tx, row, AccountId(once[0]), key, after.seq, now)
            return after, after.seq

        row, seq = await self.transact(work)
        await self.poke(row, [row.identity] if row.identity else [])
        return row, seq

    async def erase(self, hotel: HotelId, guest: GuestId) -> int:
        """Erase a guest, as guests.erase; afterwards no journal and no folder holds their words either."""
        now = self.clock.now()
        async with self.database.read() as tx:
            listed = await guests.named(tx, hotel, guest, now)
        await self._list_erasures(*listed)
        erased = await self.transact(lambda tx: guests.erase(tx, self.commit, hotel, guest, now))
        await self.database.forget()
        if self.files:
            await self.files.delete(hotel, sorted(erased.blobs))
        return erased.contents

    async def erase_identity(self, identity: Identity) -> int:
        """Erase one channel of a guest who is still there on another, as guests.erase_identity."""
        now = self.clock.now()
        await self._list_erasures(Erasure(identity.hotel, now, None, (identity.id,)))
        erased = await self.transact(lambda tx: guests.erase_identity(tx, self.commit, identity, now))
        await self.database.forget()
        if self.files:
            await self.files.delete(identity.hotel, sorted(erased.blobs))
        return erased.contents

    async def _list_erasures(self, *erasures: Erasure) -> None:
        """Beside the backups, before it is done: a crash in between must not let a restored backup undo it.

        Where it can't be written they are erased all the same; the next start or backup writes it.
        """
        if self.erasures is None:
            return
        try:
            await asyncio.to_thread(self.erasures.add, *erasures)
        except OSError as error:
            metrics.ERASURES_UNLISTED.inc()
            logger.error("an erasure is not listed beside the backups: %s", error.strerror, exc_info=True)


def _next_visit(row: Conversation) -> Conversation:
    """The row as the guest's next word finds it."""
    return replace(row, visit=row.visit + 1) if row.state is State.CLOSED else row


_LOST = {"file_empty": "file_broken"}
_EVENTS: Mapping[InboundKind, EventType] = {
    InboundKind.TEXT: EventType.GUEST_SAID,
    InboundKind.MEDIA: EventType.GUEST_SAID,
    InboundKind.FOLLOW: EventType.GUEST_FOLLOWED,
    InboundKind.UNFOLLOW: EventType.GUEST_UNFOLLOWED,
}


def unread_key(hotel: Hotel, kind: str) -> str:
    """The sentence for what the assistant can't read, hear or open."""
    key = f"unsupported_{kind}"
    return key if key in hotel.texts else "unsupported_media"


def _help(hotel: Hotel, kind: str | None, row: Conversation, now: datetime) -> Said | None:
    """What to do and whom to call, before anything else; who is speaking comes after it."""
    if kind is None:
        return None
    keys = [f"emergency_{kind}"]
    new = row.state is State.CLOSED or row.introduced_visit != row.visit
    if new:
        keys.append("emergency_label")
    text = "\n\n".join(hotel.say(key, now) for key in keys)
    return Said(Content(text=text), {"keys": keys, "introduced": new})


def bound_to(hotel: HotelId, conversation: ConversationId) -> str:
    """What a sealed number is bound to: it opens nowhere else."""
    return f"{hotel}/{conversation}"
