"""Whom a line of a hotel's VIP list may mean: guests who have written and aren't erased; and who is awaited,
by keyed hashes."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import ExternalId, GuestId, HotelId
from bot.store.database import insert_or_ignore
from bot.store.schema import guests, hotels, identities, subjects, vips_awaited

Found = tuple[GuestId, bool]  # with whether they are marked


def _of(hotel: HotelId) -> Select[Any]:
    return select(guests.c.guest_id, guests.c.vip_at).where(
        guests.c.hotel_id == hotel, guests.c.erased_at.is_(None), guests.c.merged_into.is_(None)
    )


async def _read(tx: AsyncConnection, query: Select[Any]) -> list[Found]:
    rows = (await tx.execute(query.distinct().order_by(guests.c.guest_id))).all()
    return [(GuestId(id_), vip_at is not None) for id_, vip_at in rows]


async def by_id(tx: AsyncConnection, hotel: HotelId, guest: GuestId) -> list[Found]:
    return await _read(tx, _of(hotel).where(guests.c.guest_id == guest))


async def by_subject(tx: AsyncConnection, hotel: HotelId, names: Sequence[str]) -> list[Found]:
    """By what a signed token said of them."""
    proven = and_(subjects.c.hotel_id == hotel, subjects.c.subject.in_(names))
    who = select(identities.c.guest_id).join(
        subjects,
        and_(
            subjects.c.hotel_id == identities.c.hotel_id, subjects.c.identity_id == identities.c.identity_id
        ),
    )
    return await _read(tx, _of(hotel).where(guests.c.guest_id.in_(who.where(proven))))


async def by_external(tx: AsyncConnection, hotel: HotelId, external: ExternalId) -> list[Found]:
    """By a platform's own id of them."""
    who = select(identities.c.guest_id).where(
        identities.c.hotel_id == hotel, identities.c.external_id == external
    )
    return await _read(tx, _of(hotel).where(guests.c.guest_id.in_(who)))


async def by_stay(tx: AsyncConnection, hotel: HotelId, name: str, room: str, now: datetime) -> list[Found]:
    """By name and room together, until check-out."""
    staying = or_(guests.c.room_until.is_(None), guests.c.room_until > now)
    return await _read(tx, _of(hotel).where(guests.c.name == name, guests.c.room == room, staying))


# ---- who hasn't written yet


async def hold(tx: AsyncConnection, hotel: HotelId, alone: bool = False) -> None:
    """Whoever looks who is awaited holds this with others until their transaction ends. Whoever has written
    it down holds it alone for a moment: all who had looked before have ended then (PostgreSQL; SQLite has one
    writer anyway)."""
    query = select(hotels.c.hotel_id).where(hotels.c.hotel_id == hotel)
    await tx.execute(query.with_for_update(read=not alone, key_share=not alone))


async def awaited(tx: AsyncConnection, hotel: HotelId, keys: Collection[str]) -> bool:
    """Whether one of these keys is there."""
    query = select(vips_awaited.c.key).where(
        vips_awaited.c.hotel_id == hotel, vips_awaited.c.key.in_(list(keys))
    )
    return (await tx.execute(query.limit(1))).first() is not None


async def wait_for(tx: AsyncConnection, hotel: HotelId, key: str, now: datetime) -> None:
    query = insert_or_ignore(tx, vips_awaited).values(hotel_id=hotel, key=key, at=now)
    await tx.execute(query.on_conflict_do_nothing())


async def wait_no_longer(tx: AsyncConnection, hotel: HotelId, keys: Collection[str]) -> bool:
    """Whether one of them was there."""
    mine = and_(vips_awaited.c.hotel_id == hotel, vips_awaited.c.key.in_(list(keys)))
    return bool((await tx.execute(delete(vips_awaited).where(mine))).rowcount)
