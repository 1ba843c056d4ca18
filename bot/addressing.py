"""Which hotel a message is for, where an account serves several: a scanned code tells, or where they wrote
before, or what they answer when they are asked, once.

Until it is known the message is safe, sealed, and in nobody's log; after two minutes without an answer it is
the account's first hotel's. Nothing crosses: what is decided is received as if it had been for that hotel.
"""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import meaning, safety
from bot.channels.port import Inbound, InboundKind
from bot.dispatch import ANSWERED, Dispatch, Received, message_hash
from bot.model import ExternalId, HotelId
from bot.store import desk, undecided
from bot.store.desk import AccountRow
from bot.store.undecided import Held

WAIT = timedelta(minutes=2)
AGAIN = frozenset({"换酒店", "换一家酒店", "换家酒店"})


@dataclass(frozen=True)
class Question:
    """The guest is asked which hotel is meant: nothing is logged yet, so whoever took the message says it."""

    text: str


@dataclass(frozen=True)
class _Choice:
    """What has been found out. `hotel` None: the guest has to say."""

    hotel: HotelId | None
    taken: bool = False  # the message did nothing but choose


def hotels_of(account: AccountRow) -> list[HotelId]:
    """The hotels that an account serves; the first one is its home."""
    return list(dict.fromkeys([account.hotel, *map(HotelId, account.config.get("hotels", ()))]))


class Addressing:
    """Stands before `dispatch.receive` for accounts that may serve several hotels."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    async def receive(self, account: AccountRow, inbound: Inbound) -> Received | Question:
        """Make a message safe, for the hotel that it is meant for; or ask which one that is."""
        if len(hotels_of(account)) == 1:
            return await self._dispatch.receive(account, inbound)
        if inbound.kind is InboundKind.UNFOLLOW:
            return await self._everywhere(account, inbound)
        who = _who(account, inbound.external_id)
        async with self._dispatch.database.write() as tx:
            held = await undecided.held_of(tx, account.channel, account.account, who)
            choice = await self._choice(tx, account, inbound, held)
            if choice.hotel is None:
                await undecided.hold(tx, self._held(account, inbound, who))
                return Question(await self._question(tx, account))
        chosen = replace(account, hotel=choice.hotel)
        await self._replay(chosen, held, who)
        if choice.taken:
            body = {"hotel": choice.hotel}
            inbound = replace(inbound, kind=InboundKind.CLICK, subtype="hotel", text="", body=body)
        return await self._dispatch.receive(chosen, inbound)

    async def settle(self) -> None:
        """Nobody's message waits for ever: without an answer it is the account's home's."""
        before = self._dispatch.clock.now() - WAIT
        async with self._dispatch.database.read() as tx:
            found = await undecided.waiting_since(tx, before)
        for channel, id_, who in found:
            async with self._dispatch.database.read() as tx:
                account = await desk.account_of(tx, channel, id_)
                held = await undecided.held_of(tx, channel, id_, who)
            if account:
                await self._replay(account, held, who)

    async def _choice(
        self, tx: AsyncConnection, account: AccountRow, inbound: Inbound, held: Sequence[Held]
    ) -> _Choice:
        hotels = hotels_of(account)
        if named := await self._scanned(tx, hotels, inbound):
            return _Choice(named)
        known = await undecided.hotels_written_to(tx, account.channel, account.account, inbound.external_id)
        usual = next((hotel for hotel in known if hotel in hotels), None)
        if any(one.key == message_hash(account.account, inbound.message_key) for one in held):
            return _Choice(None)  # the same push again: the question didn't arrive
        if held:
            said = await self._said(tx, hotels, inbound.text)
            return _Choice(said, taken=True) if said else _Choice(usual or account.hotel)
        if usual and not _asks_again(inbound):
            return _Choice(usual)
        if inbound.kind not in ANSWERED or safety.danger(inbound.text):
            return _Choice(usual or account.hotel)
        return _Choice(None)

    async def _scanned(
        self, tx: AsyncConnection, hotels: Sequence[HotelId], inbound: Inbound
    ) -> HotelId | None:
        """hotel:xinghaihui, room:1208@xinghaihui, or a room that only one of them has."""
        kind, _, rest = (meaning.scene_of(inbound) or "").partition(":")
        what, _, at = rest.partition("@")
        named = HotelId(what if kind == "hotel" else at)
        if named in hotels:
            return named
        if kind != meaning.ROOM:
            return None
        known = [await self._dispatch.hotels.get(tx, hotel) for hotel in hotels]
        having = [hotel.id for hotel in known if what in hotel.file.rooms]
        return having[0] if len(having) == 1 else None

    async def _said(self, tx: AsyncConnection, hotels: Sequence[HotelId], text: str) -> HotelId | None:
        said = unicodedata.normalize("NFKC", text).strip().rstrip(".。、")
        if said.isascii() and said.isdigit() and len(said) < 4 and 1 <= int(said) <= len(hotels):
            return hotels[int(said) - 1]
        known = [await self._dispatch.hotels.get(tx, hotel) for hotel in hotels]
        named = [hotel.id for hotel in known if said and said in hotel.file.name]
        return named[0] if len(named) == 1 else None

    async def _question(self, tx: AsyncConnection, account: AccountRow) -> str:
        known = [await self._dispatch.hotels.get(tx, hotel) for hotel in hotels_of(account)]
        lines = [f"{number}. {hotel.file.name}" for number, hotel in enumerate(known, start=1)]
        return "\n".join([known[0].say("which_hotel", self._dispatch.clock.now()), *lines])

    async def _replay(self, account: AccountRow, held: Sequence[Held], who: str) -> None:
        """Receive what has waited, then let it go: twice is once, by the messages' keys."""
        if not held:
            return
        for one in held:
            inbound = _opened(self._dispatch.seal.open_secrets(one.sealed, _bound(one)))
            if not _asks_again(inbound):
                await self._dispatch.receive(account, inbound)
        async with self._dispatch.database.write() as tx:
            await undecided.let_go(tx, account.channel, account.account, who)

    async def _everywhere(self, account: AccountRow, inbound: Inbound) -> Received:
        """Who unfollows is gone from every hotel that knew them here, and nothing of theirs waits."""
        who = _who(account, inbound.external_id)
        async with self._dispatch.database.write() as tx:
            await undecided.let_go(tx, account.channel, account.account, who)
            known = await undecided.hotels_written_to(
                tx, account.channel, account.account, inbound.external_id
            )
        done = [
            await self._dispatch.receive(replace(account, hotel=hotel), inbound)
            for hotel in known or [account.hotel]
        ]
        return done[0]

    def _held(self, account: AccountRow, inbound: Inbound, who: str) -> Held:
        key = message_hash(account.account, inbound.message_key)
        held = Held(account.channel, account.account, who, key, "", self._dispatch.clock.now())
        return replace(held, sealed=self._dispatch.seal.close_secrets(_packed(inbound), _bound(held)))


def _asks_again(inbound: Inbound) -> bool:
    return inbound.text.strip().strip("。！!") in AGAIN


def _who(account: AccountRow, external: ExternalId) -> str:
    return hashlib.sha256(f"{account.account}\n{external}".encode()).hexdigest()


def _bound(held: Held) -> str:
    return f"undecided/{held.channel}/{held.account}/{held.key}"


def _packed(inbound: Inbound) -> Mapping[str, Any]:
    """As JSON. A file that came with it can't wait here: such channels name theirs, to be fetched."""
    plain = {**asdict(replace(inbound, file=None)), "body": dict(inbound.body)}
    return {**plain, "sent_at": inbound.sent_at.isoformat() if inbound.sent_at else None}


def _opened(packed: Mapping[str, Any]) -> Inbound:
    at = packed["sent_at"]
    kind, sent = InboundKind(packed["kind"]), datetime.fromisoformat(at) if at else None
    subjects = tuple(packed.get("subjects", ()))
    return Inbound(**{**packed, "kind": kind, "sent_at": sent, "subjects": subjects})
