"""Guests, their identities on channels, and the ledgers of their reply windows. Staff are in members."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, false, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import AccountId, ConversationId, ExternalId, GuestId, HotelId, IdentityId
from bot.store.database import insert_or_ignore
from bot.store.schema import guests, identities, ledgers


@dataclass(frozen=True)
class Identity:
    """A guest on one channel. `external` is None once it has been erased."""

    hotel: HotelId
    id: IdentityId
    guest: GuestId
    conversation: ConversationId
    channel: str
    account: AccountId
    external: ExternalId | None
    pushed_until: datetime | None


@dataclass(frozen=True)
class Guest:
    hotel: HotelId
    id: GuestId
    name: str | None
    room: str | None
    room_until: datetime | None
    preferences: tuple[str, ...]
    unfollowed_at: datetime | None
    erased_at: datetime | None
    opted_in_at: datetime | None = None
    vip_at: datetime | None = None


def identity_from(r: Row[Any]) -> Identity:
    return Identity(
        r.hotel_id,
        r.identity_id,
        r.guest_id,
        r.conversation_id,
        r.channel,
        r.account,
        r.external_id,
        r.pushed_until,
    )


async def find_identity(
    tx: AsyncConnection, hotel: HotelId, channel: str, account: AccountId, external: ExternalId
) -> Identity | None:
    query = select(identities).where(
        identities.c.hotel_id == hotel,
        identities.c.channel == channel,
        identities.c.account == account,
        identities.c.external_id == external,
    )
    found = (await tx.execute(query)).first()
    return identity_from(found) if found else None


async def identity_of(tx: AsyncConnection, hotel: HotelId, identity: IdentityId) -> Identity | None:
    query = select(identities).where(identities.c.hotel_id == hotel, identities.c.identity_id == identity)
    found = (await tx.execute(query)).first()
    return identity_from(found) if found else None


async def identities_of(tx: AsyncConnection, hotel: HotelId, conversation: ConversationId) -> list[Identity]:
    query = select(identities).where(
        identities.c.hotel_id == hotel, identities.c.conversation_id == conversation
    )
    return [identity_from(r) for r in (await tx.execute(query.order_by(identities.c.created_at))).all()]


async def identities_of_guest(tx: AsyncConnection, hotel: HotelId, guest: GuestId) -> list[Identity]:
    query = select(identities).where(identities.c.hotel_id == hotel, identities.c.guest_id == guest)
    return [identity_from(r) for r in (await tx.execute(query.order_by(identities.c.created_at))).all()]


async def add_guest(tx: AsyncConnection, hotel: HotelId, guest: GuestId, at: datetime) -> None:
    await tx.execute(insert(guests).values(hotel_id=hotel, guest_id=guest, created_at=at))


async def channels_of(
    tx: AsyncConnection, hotel: HotelId, ids: Sequence[ConversationId]
) -> dict[str, list[str]]:
    """The channels on which each conversation's guest has been met."""
    query = select(identities.c.conversation_id, identities.c.channel).where(
        identities.c.hotel_id == hotel, identities.c.conversation_id.in_(ids)
    )
    found: dict[str, list[str]] = {}
    for conversation, channel in (await tx.execute(query.order_by(identities.c.created_at))).all():
        found.setdefault(conversation, []).append(channel)
    return found


async def guests_of(tx: AsyncConnection, hotel: HotelId, ids: Sequence[GuestId]) -> dict[str, str | None]:
    """Names by guest, where they are known."""
    query = select(guests.c.guest_id, guests.c.name).where(
        guests.c.hotel_id == hotel, guests.c.guest_id.in_(ids)
    )
    return {row.guest_id: row.name for row in (await tx.execute(query)).all()}


@dataclass(frozen=True)
class Face:
    """What a list shows of a guest: name and VIP where known, the room until check-out."""

    name: str | None = None
    room: str | None = None
    vip: bool = False


async def faces_of(
    tx: AsyncConnection, hotel: HotelId, ids: Sequence[GuestId], now: datetime
) -> dict[str, Face]:
    room = case((_staying(now), guests.c.room)).label("room")
    vip = guests.c.vip_at.is_not(None).label("vip")
    query = select(guests.c.guest_id, guests.c.name, room, vip).where(
        guests.c.hotel_id == hotel, guests.c.guest_id.in_(ids)
    )
    return {r.guest_id: Face(r.name, r.room, bool(r.vip)) for r in (await tx.execute(query)).all()}


def _staying(now: datetime) -> ColumnElement[bool]:
    return or_(guests.c.room_until.is_(None), guests.c.room_until > now)


async def vips_among(tx: AsyncConnection, hotel: HotelId, ids: Sequence[GuestId]) -> set[str]:
    query = select(guests.c.guest_id).where(
        guests.c.hotel_id == hotel, guests.c.guest_id.in_(ids), guests.c.vip_at.is_not(None)
    )
    return set((await tx.execute(query)).scalars()) if ids else set()


async def add_identity(tx: AsyncConnection, identity: Identity, at: datetime) -> None:
    values = {
        "hotel_id": identity.hotel,
        "identity_id": identity.id,
        "guest_id": identity.guest,
        "conversation_id": identity.conversation,
        "channel": identity.channel,
        "account": identity.account,
        "external_id": identity.external,
        "created_at": at,
    }
    await tx.execute(insert(identities).values(**values))


async def guest_of(tx: AsyncConnection, hotel: HotelId, guest: GuestId) -> Guest:
    query = select(guests).where(guests.c.hotel_id == hotel, guests.c.guest_id == guest)
    r = (await tx.execute(query)).one()
    return Guest(
        r.hotel_id,
        r.guest_id,
        r.name,
        r.room,
        r.room_until,
        tuple(json.loads(r.preferences)),
        r.unfollowed_at,
        r.erased_at,
        r.opted_in_at,
        r.vip_at,
    )


_theirs = and_(identities.c.hotel_id == guests.c.hotel_id, identities.c.guest_id == guests.c.guest_id)


@dataclass(frozen=True)
class Lookalike:
    """Somebody who may be the same person, by what anybody could say of themselves; it proves nothing."""

    conversation: ConversationId
    name: str | None
    channel: str
    why: tuple[str, ...]


async def lookalikes(tx: AsyncConnection, guest: Guest, now: datetime, limit: int = 3) -> list[Lookalike]:
    """Other guests with this one's name or, until check-out, in the same room."""
    same_name = guests.c.name == guest.name if guest.name else false()
    same_room = and_(guests.c.room == guest.room, _staying(now)) if guest.room else false()
    query = (
        select(guests.c.name, identities.c.conversation_id, identities.c.channel, same_name, same_room)
        .join(identities, _theirs)
        .where(
            guests.c.hotel_id == guest.hotel,
            guests.c.guest_id != guest.id,
            guests.c.erased_at.is_(None),
            or_(same_name, same_room),
        )
        .order_by(identities.c.created_at.desc())
        .limit(limit)
    )
    return [
        Lookalike(c, name, channel, tuple(w for w, holds in (("name", by_name), ("room", by_room)) if holds))
        for name, c, channel, by_name, by_room in (await tx.execute(query)).all()
    ]


async def vips_of(tx: AsyncConnection, hotel: HotelId) -> frozenset[GuestId]:
    query = select(guests.c.guest_id).where(guests.c.hotel_id == hotel, guests.c.vip_at.is_not(None))
    return frozenset(GuestId(id_) for id_ in (await tx.execute(query)).scalars())


async def find_guest(tx: AsyncConnection, hotel: HotelId, guest: GuestId) -> bool:
    query = select(guests.c.guest_id).where(guests.c.hotel_id == hotel, guests.c.guest_id == guest)
    return (await tx.execute(query)).first() is not None


async def erased_guests(tx: AsyncConnection) -> list[tuple[HotelId, GuestId, datetime]]:
    """Everybody who has been erased, in every hotel."""
    query = select(guests.c.hotel_id, guests.c.guest_id, guests.c.erased_at)
    found = await tx.execute(query.where(guests.c.erased_at.is_not(None)).order_by(guests.c.erased_at))
    return [(HotelId(r.hotel_id), GuestId(r.guest_id), r.erased_at) for r in found.all()]


async def erased_identities(tx: AsyncConnection) -> list[tuple[HotelId, GuestId, IdentityId]]:
    """Every channel that has been erased, of guests who may still be there on another."""
    query = select(identities.c.hotel_id, identities.c.guest_id, identities.c.identity_id)
    found = (await tx.execute(query.where(identities.c.external_id.is_(None)))).all()
    return [(HotelId(r.hotel_id), GuestId(r.guest_id), IdentityId(r.identity_id)) for r in found]


async def change_guest(tx: AsyncConnection, hotel: HotelId, guest: GuestId, **values: Any) -> None:
    query = update(guests).where(guests.c.hotel_id == hotel, guests.c.guest_id == guest)
    await tx.execute(query.values(**values))


async def open_push(tx: AsyncConnection, identity: Identity, until: datetime | None, key: str | None) -> None:
    """Note until when an open push may carry a reply."""
    query = update(identities).where(
        identities.c.hotel_id == identity.hotel, identities.c.identity_id == identity.id
    )
    await tx.execute(query.values(pushed_until=until, push_key=key))


async def close_push(tx: AsyncConnection, identity: Identity, key: str) -> None:
    query = update(identities).where(
        identities.c.hotel_id == identity.hotel,
        identities.c.identity_id == identity.id,
        identities.c.push_key == key,
    )
    await tx.execute(query.values(pushed_until=None, push_key=None))


async def erase_identities(tx: AsyncConnection, hotel: HotelId, ids: Sequence[IdentityId]) -> None:
    """Take the outer ids away."""
    key = and_(identities.c.hotel_id == hotel, identities.c.identity_id.in_(list(ids)))
    await tx.execute(update(identities).where(key).values(external_id=None, push_key=None))


def as_json(values: Sequence[str]) -> str:
    return json.dumps(list(values), ensure_ascii=False)


async def ledger_of(tx: AsyncConnection, hotel: HotelId, identity: IdentityId) -> dict[str, Any]:
    query = select(ledgers.c.ledger).where(ledgers.c.hotel_id == hotel, ledgers.c.identity_id == identity)
    found = (await tx.execute(query)).scalar()
    kept: dict[str, Any] = json.loads(found) if found else {}
    return kept


async def save_ledger(
    tx: AsyncConnection, hotel: HotelId, identity: IdentityId, ledger: Mapping[str, Any]
) -> None:
    text = json.dumps(ledger)
    query = insert_or_ignore(tx, ledgers).values(hotel_id=hotel, identity_id=identity, ledger=text)
    await tx.execute(
        query.on_conflict_do_update(index_elements=["hotel_id", "identity_id"], set_={"ledger": text})
    )


async def ledgers_of(tx: AsyncConnection, channel: str, account: AccountId) -> list[dict[str, Any]]:
    """The ledgers of everybody on an account."""
    same = and_(
        identities.c.hotel_id == ledgers.c.hotel_id, identities.c.identity_id == ledgers.c.identity_id
    )
    query = select(ledgers.c.ledger).select_from(ledgers.join(identities, same))
    query = query.where(identities.c.channel == channel, identities.c.account == account)
    return [json.loads(text) for text in (await tx.execute(query)).scalars()]
