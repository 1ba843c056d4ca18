"""Who is speaking: first contact, what is proven of a guest, and one guest on several channels.

What linking does to conversations stands in bot/linking.py; here is who may cause it, and how often.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import guests, linking, vips
from bot.conversation import Conversation, Record
from bot.ids import new_id
from bot.model import (
    Actor,
    ActorKind,
    Audience,
    ConversationId,
    EventType,
    ExternalId,
    GuestId,
    HotelId,
    IdentityId,
    Json,
    NewEvent,
    StaffId,
)
from bot.sealing import Seal
from bot.store import log, people, proofs
from bot.store.desk import AccountRow
from bot.store.log import StaleVersion
from bot.store.people import Identity
from bot.writer import Writer


@dataclass(frozen=True)
class Told:
    """What the service says itself, by its key, before and without the assistant."""

    key: str
    values: Json


class _Tries:
    """At most `COUNT` guesses of a code in its life, by identity; remembers recent ones only."""

    COUNT = 5

    def __init__(self) -> None:
        self._seen: dict[IdentityId, list[datetime]] = {}

    def allows(self, identity: IdentityId, now: datetime) -> bool:
        recent = {i: [t for t in at if now - t < linking.CODE_LIFE] for i, at in self._seen.items()}
        self._seen = {i: at for i, at in recent.items() if at}
        mine = self._seen.setdefault(identity, [])
        mine.append(now)
        return len(mine) <= self.COUNT


class Recognition:
    """Knows whose message it is, and writes down what proves it."""

    def __init__(self, writer: Writer, seal: Seal) -> None:
        self._writer, self._seal, self._tries = writer, seal, _Tries()

    # ---- first contact

    async def met(
        self, tx: AsyncConnection, account: AccountRow, external: ExternalId, now: datetime
    ) -> tuple[Identity, Conversation]:
        """The identity and its conversation; both are made at first contact."""
        identity = await people.find_identity(tx, account.hotel, account.channel, account.account, external)
        if identity:
            row = await linking.locked(tx, account.hotel, identity.conversation)
            if row.ended_into:
                raise StaleVersion  # linked while we waited: the identity has another conversation now
            return identity, row
        hotel, guest, conversation = account.hotel, GuestId(new_id()), ConversationId(new_id())
        identity = Identity(
            hotel,
            IdentityId(new_id()),
            guest,
            conversation,
            account.channel,
            account.account,
            external,
            None,
        )
        await people.add_guest(tx, hotel, guest, now)
        row = await log.create(tx, hotel, conversation, guest, now)
        await people.add_identity(tx, identity, now)
        actor, body = Actor(ActorKind.GUEST, guest), {"channel": account.channel}
        contacted = NewEvent(EventType.CONTACTED, now, actor, Audience.STAFF, identity.id, body)
        row = await self._writer.commit(tx, row, Record((contacted,)), now, account)
        return identity, await self._expected(tx, row, [vips.platform_id(external)], now)

    # ---- one guest, by proof

    async def recognise(
        self, account: AccountRow, external: ExternalId, subjects: Sequence[str], meet: bool = False
    ) -> Identity | None:
        """The identity, with these subjects proven on it: whoever else has one of them is the same guest.

        One that isn't known yet joins the guest whom a subject names; `meet`: else it is met for the first
        time here. A subject that was proven before costs one look.
        """
        subjects = linking.proofs_named(subjects)
        async with self._writer.database.read() as tx:
            identity = await people.find_identity(
                tx, account.hotel, account.channel, account.account, external
            )
            known = await proofs.subjects_of(tx, account.hotel, identity.id) if identity else set()
        if identity and known >= set(subjects):
            return identity
        found = await self._writer.transact(lambda tx: self._recognise(tx, account, external, subjects, meet))
        if found:
            proven = [linking.topic(found.hotel, subject) for subject in subjects]
            topics = (f"conversation:{found.conversation}", f"hotel:{found.hotel}", *proven)
            await self._writer.nudges.nudge(*topics)
        return found

    async def _recognise(
        self,
        tx: AsyncConnection,
        account: AccountRow,
        external: ExternalId,
        subjects: Sequence[str],
        meet: bool,
    ) -> Identity | None:
        hotel, now = account.hotel, self._writer.clock.now()
        identity = await people.find_identity(tx, hotel, account.channel, account.account, external)
        if identity is None:
            others = [i for s in subjects for i in await proofs.with_subject(tx, hotel, s)]
            if others:
                identity = await self._join(tx, account, external, others[0], now)
            elif meet:
                identity, _ = await self.met(tx, account, external, now)
            else:
                return None
        fresh = [s for s in subjects if await proofs.add_subject(tx, hotel, s, identity.id, now)]
        for subject in fresh:
            identity = await self._same_subject(tx, identity, subject, now)
        if fresh:
            row = await linking.locked(tx, hotel, identity.conversation)
            await self._expected(tx, row, fresh, now)
        return identity

    async def _expected(
        self, tx: AsyncConnection, row: Conversation, shown: Sequence[str], now: datetime
    ) -> Conversation:
        """Whom the hotel has named before they came is its VIP from when they have shown who they are."""
        if not await vips.was_awaited(tx, self._seal, row.hotel, shown):
            return row
        return await self._writer.commit(tx, row, Record((guests.vip_marked(True, None, now),)), now)

    async def _join(
        self, tx: AsyncConnection, account: AccountRow, external: ExternalId, other: Identity, now: datetime
    ) -> Identity:
        """A new identity of a guest who is known: no conversation of its own has to end for it."""
        row = await linking.locked(tx, other.hotel, other.conversation)
        if row.ended_into:
            raise StaleVersion
        identity = replace(
            other,
            id=IdentityId(new_id()),
            channel=account.channel,
            account=account.account,
            external=external,
            pushed_until=None,
        )
        await people.add_identity(tx, identity, now)
        actor, body = Actor(ActorKind.GUEST, other.guest), {"channel": account.channel}
        contacted = NewEvent(EventType.CONTACTED, now, actor, Audience.STAFF, identity.id, body)
        await self._writer.commit(tx, row, Record((contacted,)), now)
        return identity

    async def _same_subject(
        self, tx: AsyncConnection, identity: Identity, subject: str, now: datetime
    ) -> Identity:
        by = Actor(ActorKind.GUEST, identity.guest)
        for other in await proofs.with_subject(tx, identity.hotel, subject):
            if other.conversation != identity.conversation and other.external is not None:
                with suppress(linking.CannotLink):
                    await self._link(tx, identity, other, linking.Proof.SIGNED, by, now)
                identity = await people.identity_of(tx, identity.hotel, identity.id) or identity
        return identity

    async def _link(
        self,
        tx: AsyncConnection,
        one: Identity,
        other: Identity,
        proof: linking.Proof,
        by: Actor,
        now: datetime,
    ) -> Conversation:
        return await linking.link(
            tx, self._writer.commit, one, other, proof, by, now, self._writer.holder_gone
        )

    async def link_code(self, identity: Identity) -> str:
        """A one-time code that its guest enters, or says, on another channel."""
        return await self._writer.transact(
            lambda tx: linking.make_code(tx, identity, self._writer.clock.now())
        )

    async def redeem(self, identity: Identity, code: str) -> bool:
        """Link this identity with the one whose code it is; False when it is none, or not any more."""

        async def work(tx: AsyncConnection) -> Conversation | None:
            now = self._writer.clock.now()
            whose = await proofs.take_code(tx, identity.hotel, linking.code_hash(identity.hotel, code), now)
            other = await people.identity_of(tx, identity.hotel, whose) if whose else None
            here = await people.identity_of(tx, identity.hotel, identity.id)
            if other is None or here is None or other.conversation == here.conversation:
                return None
            by = Actor(ActorKind.GUEST, here.guest)
            return await self._link(tx, here, other, linking.Proof.CODE, by, now)

        if not self._tries.allows(identity.id, self._writer.clock.now()):
            return False
        try:
            row = await self._writer.transact(work)
        except linking.CannotLink:
            return False
        if row:
            await self._poke_linked(row)
        return row is not None

    async def link(self, hotel: HotelId, one: GuestId, other: GuestId, staff: StaffId) -> Conversation:
        """A staff member's word that two guests are one. Raises linking.CannotLink."""

        async def work(tx: AsyncConnection) -> Conversation:
            mine = await people.identities_of_guest(tx, hotel, one)
            theirs = await people.identities_of_guest(tx, hotel, other)
            if not mine or not theirs:
                raise linking.CannotLink("link_erased")
            by = Actor(ActorKind.STAFF, staff)
            return await self._link(tx, mine[0], theirs[0], linking.Proof.STAFF, by, self._writer.clock.now())

        row = await self._writer.transact(work)
        await self._poke_linked(row)
        return row

    async def unlink(self, hotel: HotelId, identity: IdentityId, staff: StaffId) -> Conversation:
        """Undo a link: the identity has a conversation of its own again. Raises linking.CannotLink."""

        async def work(tx: AsyncConnection) -> tuple[Conversation, ConversationId]:
            found = await people.identity_of(tx, hotel, identity)
            if found is None:
                raise linking.CannotLink("link_not_linked")
            by, now = Actor(ActorKind.STAFF, staff), self._writer.clock.now()
            return await linking.unlink(tx, self._writer.commit, found, by, now), found.conversation

        row, before = await self._writer.transact(work)
        await self._poke_linked(row)
        await self._writer.nudges.nudge(f"conversation:{before}")
        return row

    async def _poke_linked(self, row: Conversation) -> None:
        async with self._writer.database.read() as tx:
            ended = await linking.ended_here(tx, row.hotel, row.id)
        await self._writer.poke(row)
        await self._writer.nudges.nudge(*(f"conversation:{id_}" for id_ in ended))

    # ---- said

    async def about_linking(
        self, account: AccountRow, external: ExternalId, asked: linking.Asked
    ) -> Told | None:
        """What a guest is told who asks for a code, or says one."""
        hotel, now = account.hotel, self._writer.clock.now()
        async with self._writer.database.read() as tx:
            hashed = linking.code_hash(hotel, asked.code) if asked.code else ""
            open_ = bool(asked.code) and await proofs.code_is_open(tx, hotel, hashed, now)
        if not open_ and not asked.sure:
            return None
        identity = await self.recognise(account, external, (), meet=True)
        assert identity
        if asked.code is None:
            return Told("link_code", {"code": await self.link_code(identity)})
        return Told("link_done" if await self.redeem(identity, asked.code) else "link_refused", {})
