"""Staff, and the roles they have in hotels: who may own something there now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import HotelId, StaffId
from bot.roles import WORKING
from bot.store.database import insert_or_ignore
from bot.store.schema import memberships, sign_ins, staff


@dataclass(frozen=True)
class Staff:
    id: StaffId
    login: str
    name: str
    password: str
    must_change: bool
    active: bool
    failures: int
    locked_until: datetime | None
    pin: str | None = None
    pin_failures: int = 0
    second_factor: str | None = None
    second_step: int | None = None
    guest_name: str | None = None

    @property
    def for_guests(self) -> str:
        """What guests read where this person speaks to them."""
        return self.guest_name or self.name


def staff_from(r: Row[Any]) -> Staff:
    names = ("login", "name", "password", "must_change", "active", "failures", "locked_until")
    more = ("pin", "pin_failures", "second_factor", "second_step", "guest_name")
    return Staff(r.staff_id, *(getattr(r, name) for name in (*names, *more)))


async def find_staff(tx: AsyncConnection, login: str) -> Staff | None:
    found = (await tx.execute(select(staff).where(staff.c.login == login))).first()
    return staff_from(found) if found else None


async def count_staff(tx: AsyncConnection) -> int:
    return int((await tx.execute(select(func.count()).select_from(staff))).scalar_one())


async def all_staff(tx: AsyncConnection) -> list[Staff]:
    return [staff_from(r) for r in (await tx.execute(select(staff).order_by(staff.c.login))).all()]


async def add_staff(tx: AsyncConnection, member: Staff, at: datetime) -> None:
    values = {
        "staff_id": member.id,
        "login": member.login,
        "name": member.name,
        "password": member.password,
        "must_change": member.must_change,
        "active": member.active,
        "failures": member.failures,
        "guest_name": member.guest_name,
        "changed_at": at,
    }
    await tx.execute(insert(staff).values(**values))


async def change_staff(tx: AsyncConnection, id_: StaffId, **values: Any) -> None:
    await tx.execute(update(staff).where(staff.c.staff_id == id_).values(**values))


async def count_failure(tx: AsyncConnection, id_: StaffId) -> int:
    """Count a wrong password; how many there have been in a row."""
    await tx.execute(update(staff).where(staff.c.staff_id == id_).values(failures=staff.c.failures + 1))
    return int((await tx.execute(select(staff.c.failures).where(staff.c.staff_id == id_))).scalar_one())


async def join_hotel(
    tx: AsyncConnection, hotel: HotelId, id_: StaffId, role: str, expires_at: datetime | None = None
) -> None:
    """Give a person a role in a hotel, until then or for good."""
    values = {"role": role, "expires_at": expires_at}
    query = insert_or_ignore(tx, memberships).values(hotel_id=hotel, staff_id=id_, **values)
    await tx.execute(query.on_conflict_do_update(index_elements=["hotel_id", "staff_id"], set_=values))


async def terms_of(tx: AsyncConnection, id_: StaffId) -> dict[HotelId, tuple[str, datetime | None]]:
    """Every role that a person has or had, and when it runs out."""
    query = select(memberships).where(memberships.c.staff_id == id_).order_by(memberships.c.hotel_id)
    return {HotelId(r.hotel_id): (r.role, r.expires_at) for r in (await tx.execute(query)).all()}


async def ran_out(
    tx: AsyncConnection, after: datetime, until: datetime
) -> list[tuple[HotelId, StaffId, datetime]]:
    """Roles of people who still have an account that have run out between these, and when each did."""
    query = (
        select(memberships)
        .select_from(_MEMBERS)
        .where(memberships.c.expires_at > after, memberships.c.expires_at <= until, staff.c.active)
    )
    return [(HotelId(r.hotel_id), StaffId(r.staff_id), r.expires_at) for r in (await tx.execute(query)).all()]


async def roles_of(tx: AsyncConnection, id_: StaffId, now: datetime) -> dict[HotelId, str]:
    """The roles that a person has now."""
    terms = await terms_of(tx, id_)
    return {hotel: role for hotel, (role, until) in terms.items() if until is None or until > now}


def works(hotel: HotelId | Column[str], now: datetime) -> ColumnElement[bool]:
    """Active, with a role in this hotel that does the desk's work and hasn't run out."""
    lasts = or_(memberships.c.expires_at.is_(None), memberships.c.expires_at > now)
    return and_(memberships.c.hotel_id == hotel, memberships.c.role.in_(WORKING), staff.c.active, lasts)


_MEMBERS = staff.join(memberships, memberships.c.staff_id == staff.c.staff_id)


async def is_active(tx: AsyncConnection, hotel: HotelId, id_: StaffId | None, now: datetime) -> bool:
    """Whether this person may own anything in this hotel now."""
    if id_ is None:
        return False
    query = select(staff.c.staff_id).select_from(_MEMBERS).where(staff.c.staff_id == id_, works(hotel, now))
    return (await tx.execute(query)).first() is not None


async def hold_active(tx: AsyncConnection, hotel: HotelId, id_: StaffId, now: datetime) -> bool:
    """Whether this person may own anything in this hotel; if so, they stay active until the transaction ends
    (PostgreSQL; SQLite has one writer anyway). Before the conversation is locked: leaving locks them so."""
    query = select(staff.c.staff_id).select_from(_MEMBERS).where(staff.c.staff_id == id_, works(hotel, now))
    return (await tx.execute(query.with_for_update(read=True, of=staff))).first() is not None


async def members_of(tx: AsyncConnection, hotel: HotelId) -> list[tuple[Staff, str, datetime | None]]:
    """Everybody who works in the hotel, or did, with their role and when it runs out: the active first, then
    by name."""
    query = select(staff, memberships.c.role, memberships.c.expires_at).select_from(_MEMBERS)
    query = query.where(memberships.c.hotel_id == hotel).order_by(staff.c.active.desc(), staff.c.name)
    return [(staff_from(r), r.role, r.expires_at) for r in (await tx.execute(query)).all()]


async def signed_in_among(tx: AsyncConnection, ids: Sequence[StaffId], now: datetime) -> set[str]:
    query = select(sign_ins.c.staff_id).where(sign_ins.c.staff_id.in_(ids), sign_ins.c.expires_at > now)
    return set((await tx.execute(query)).scalars())


async def find_member(tx: AsyncConnection, hotel: HotelId, id_: StaffId) -> Staff | None:
    same = and_(memberships.c.staff_id == staff.c.staff_id, memberships.c.hotel_id == hotel)
    query = select(staff).select_from(staff.join(memberships, same)).where(staff.c.staff_id == id_)
    found = (await tx.execute(query)).first()
    return staff_from(found) if found else None


async def active_in(tx: AsyncConnection, hotel: HotelId, now: datetime) -> frozenset[StaffId]:
    """Everybody who may own something in this hotel now."""
    found = await tx.execute(select(staff.c.staff_id).select_from(_MEMBERS).where(works(hotel, now)))
    return frozenset(StaffId(id_) for id_ in found.scalars())


async def is_here(tx: AsyncConnection, hotel: HotelId, id_: StaffId | None, now: datetime) -> bool:
    """Whether this person works in the hotel and is signed in."""
    query = select(sign_ins.c.staff_id).where(sign_ins.c.staff_id == id_, sign_ins.c.expires_at > now)
    there = (await tx.execute(query.limit(1))).first() is not None
    return there and await is_active(tx, hotel, id_, now)


async def names_of(tx: AsyncConnection, ids: set[str]) -> dict[str, str]:
    if not ids:
        return {}
    query = select(staff.c.staff_id, staff.c.name).where(staff.c.staff_id.in_(ids))
    return {row.staff_id: row.name for row in (await tx.execute(query)).all()}


async def guest_names_of(tx: AsyncConnection, ids: set[str]) -> dict[str, str]:
    """What guests read for these people, as Staff.for_guests."""
    if not ids:
        return {}
    query = select(staff.c.staff_id, staff.c.name, staff.c.guest_name).where(staff.c.staff_id.in_(ids))
    return {row.staff_id: row.guest_name or row.name for row in (await tx.execute(query)).all()}
