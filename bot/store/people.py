"""Guests, their identities on channels, and their ledgers; staff, memberships and sign-ins."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Row,
    and_,
    case,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation
from bot.model import AccountId, ConversationId, EventType, ExternalId, GuestId, HotelId, IdentityId, StaffId
from bot.roles import WORKING
from bot.store.schema import (
    Moment,
    arrivals,
    audit,
    events,
    guests,
    identities,
    ledgers,
    memberships,
    read_marks,
    sign_ins,
    staff,
)


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


def insert_or_ignore(tx: AsyncConnection, table: Any) -> Any:
    """INSERT … ON CONFLICT, in the words of the database at hand."""
    return (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(table)


# ---- guests and identities


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


# ---- arrivals


async def arrive(tx: AsyncConnection, identity: Identity, message_key: str, seq: int, at: datetime) -> bool:
    """Note a message's arrival. False when the same message has arrived before."""
    values = {
        "hotel_id": identity.hotel,
        "channel": identity.channel,
        "account": identity.account,
        "message_key": message_key,
        "conversation_id": identity.conversation,
        "identity_id": identity.id,
        "seq": seq,
        "deliveries": 1,
        "at": at,
    }
    query = insert_or_ignore(tx, arrivals).values(**values).on_conflict_do_nothing()
    return bool((await tx.execute(query)).rowcount)


async def remember_command(
    tx: AsyncConnection, row: Conversation, who: AccountId, key: str, seq: int, at: datetime
) -> None:
    """Note a staff member's command by its client id, so that a repetition is recognised."""
    values = {
        "hotel_id": row.hotel,
        "channel": "desk",
        "account": who,
        "message_key": key,
        "conversation_id": row.id,
        "identity_id": row.identity or "",
        "seq": seq,
        "deliveries": 1,
        "at": at,
    }
    await tx.execute(insert(arrivals).values(**values))


def as_json(values: Sequence[str]) -> str:
    return json.dumps(list(values), ensure_ascii=False)


@dataclass(frozen=True)
class Arrival:
    conversation: ConversationId
    identity: IdentityId
    seq: int
    deliveries: int
    at: datetime


async def arrived(
    tx: AsyncConnection, hotel: HotelId, channel: str, account: AccountId, message_key: str
) -> Arrival | None:
    query = select(arrivals).where(
        arrivals.c.hotel_id == hotel,
        arrivals.c.channel == channel,
        arrivals.c.account == account,
        arrivals.c.message_key == message_key,
    )
    r = (await tx.execute(query)).first()
    return Arrival(r.conversation_id, r.identity_id, r.seq, r.deliveries, r.at) if r else None


async def count_delivery(
    tx: AsyncConnection, hotel: HotelId, channel: str, account: AccountId, message_key: str
) -> None:
    key = and_(
        arrivals.c.hotel_id == hotel,
        arrivals.c.channel == channel,
        arrivals.c.account == account,
        arrivals.c.message_key == message_key,
    )
    await tx.execute(update(arrivals).where(key).values(deliveries=arrivals.c.deliveries + 1))


# ---- reply windows


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


# ---- read marks


async def unread(
    tx: AsyncConnection, hotel: HotelId, ids: Sequence[ConversationId], viewer: str
) -> dict[str, int]:
    """How many messages of guests a viewer hasn't seen, by conversation."""
    mine = and_(
        read_marks.c.hotel_id == events.c.hotel_id,
        read_marks.c.conversation_id == events.c.conversation_id,
        read_marks.c.viewer == viewer,
    )
    query = (
        select(events.c.conversation_id, func.count())
        .select_from(events.outerjoin(read_marks, mine))
        .where(
            events.c.hotel_id == hotel,
            events.c.conversation_id.in_(ids),
            events.c.type == EventType.GUEST_SAID,
            events.c.seq > func.coalesce(read_marks.c.seq, 0),
        )
        .group_by(events.c.conversation_id)
    )
    return {row[0]: row[1] for row in (await tx.execute(query)).all()}


async def mark_read(
    tx: AsyncConnection, hotel: HotelId, conversation: ConversationId, viewer: str, seq: int
) -> None:
    """Remember how far a viewer has seen; it never goes back."""
    query = insert_or_ignore(tx, read_marks).values(
        hotel_id=hotel, conversation_id=conversation, viewer=viewer, seq=seq
    )
    keys = ["hotel_id", "conversation_id", "viewer"]
    later = read_marks.c.seq < query.excluded.seq
    await tx.execute(
        query.on_conflict_do_update(index_elements=keys, set_={"seq": query.excluded.seq}, where=later)
    )


async def read_mark(tx: AsyncConnection, hotel: HotelId, conversation: ConversationId, viewer: str) -> int:
    query = select(read_marks.c.seq).where(
        read_marks.c.hotel_id == hotel,
        read_marks.c.conversation_id == conversation,
        read_marks.c.viewer == viewer,
    )
    return int((await tx.execute(query)).scalar() or 0)


# ---- staff


def _staff(r: Row[Any]) -> Staff:
    names = ("login", "name", "password", "must_change", "active", "failures", "locked_until")
    more = ("pin", "pin_failures", "second_factor", "second_step", "guest_name")
    return Staff(r.staff_id, *(getattr(r, name) for name in (*names, *more)))


async def find_staff(tx: AsyncConnection, login: str) -> Staff | None:
    found = (await tx.execute(select(staff).where(staff.c.login == login))).first()
    return _staff(found) if found else None


async def count_staff(tx: AsyncConnection) -> int:
    return int((await tx.execute(select(func.count()).select_from(staff))).scalar_one())


async def all_staff(tx: AsyncConnection) -> list[Staff]:
    return [_staff(r) for r in (await tx.execute(select(staff).order_by(staff.c.login))).all()]


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


async def audited(tx: AsyncConnection, hotel: HotelId, id_: str) -> bool:
    query = select(audit.c.audit_id).where(audit.c.hotel_id == hotel, audit.c.audit_id == id_)
    return (await tx.execute(query)).first() is not None


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
    return [(_staff(r), r.role, r.expires_at) for r in (await tx.execute(query)).all()]


async def signed_in_among(tx: AsyncConnection, ids: Sequence[StaffId], now: datetime) -> set[str]:
    query = select(sign_ins.c.staff_id).where(sign_ins.c.staff_id.in_(ids), sign_ins.c.expires_at > now)
    return set((await tx.execute(query)).scalars())


async def find_member(tx: AsyncConnection, hotel: HotelId, id_: StaffId) -> Staff | None:
    same = and_(memberships.c.staff_id == staff.c.staff_id, memberships.c.hotel_id == hotel)
    query = select(staff).select_from(staff.join(memberships, same)).where(staff.c.staff_id == id_)
    found = (await tx.execute(query)).first()
    return _staff(found) if found else None


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


# ---- sign-ins


async def sign_in(
    tx: AsyncConnection,
    token_hash: str,
    id_: StaffId,
    at: datetime,
    until: datetime,
    computer: str | None = None,
) -> None:
    """`computer`: the hash of what its browser is known by."""
    values = {"staff_id": id_, "created_at": at, "expires_at": until, "computer": computer}
    await tx.execute(insert(sign_ins).values(token_hash=token_hash, **values))


async def lock_sign_in(tx: AsyncConnection, token_hash: str, at: datetime) -> None:
    await tx.execute(update(sign_ins).where(sign_ins.c.token_hash == token_hash).values(locked_at=at))


async def signed_in_on(tx: AsyncConnection, computer: str, now: datetime) -> list[Staff]:
    """Who has signed in on a computer and not out again: the latest first."""
    here = and_(sign_ins.c.computer == computer, sign_ins.c.expires_at > now, staff.c.active)
    same = sign_ins.c.staff_id == staff.c.staff_id
    query = select(staff).select_from(staff.join(sign_ins, same)).where(here)
    rows = (await tx.execute(query.order_by(sign_ins.c.created_at.desc()))).all()
    return list({row.staff_id: _staff(row) for row in rows}.values())


async def move_sign_in(
    tx: AsyncConnection, computer: str, id_: StaffId, token_hash: str, now: datetime
) -> bool:
    """A person's sign-in on a computer goes on, unlocked, under another token: until when it would have."""
    mine = and_(sign_ins.c.computer == computer, sign_ins.c.staff_id == id_)
    ends = (await tx.execute(select(func.max(sign_ins.c.expires_at, type_=Moment)).where(mine))).scalar()
    if ends is None or ends <= now:
        return False
    await tx.execute(delete(sign_ins).where(mine))
    await sign_in(tx, token_hash, id_, now, ends, computer)
    return True


async def count_wrong_pin(tx: AsyncConnection, id_: StaffId) -> int:
    """Count a PIN that was tried; how many there have been since the last right one."""
    once_more = {"pin_failures": staff.c.pin_failures + 1}
    await tx.execute(update(staff).where(staff.c.staff_id == id_).values(**once_more))
    query = select(staff.c.pin_failures).where(staff.c.staff_id == id_)
    return int((await tx.execute(query)).scalar_one())


async def signed_in(tx: AsyncConnection, token_hash: str, now: datetime) -> tuple[Staff, bool] | None:
    """The active person behind a sign-in that hasn't run out, and whether it is locked."""
    same = sign_ins.c.staff_id == staff.c.staff_id
    query = (
        select(staff, sign_ins.c.locked_at)
        .select_from(staff.join(sign_ins, same))
        .where(sign_ins.c.token_hash == token_hash, sign_ins.c.expires_at > now, staff.c.active)
    )
    found = (await tx.execute(query)).first()
    return (_staff(found), found.locked_at is not None) if found else None


async def sign_out(tx: AsyncConnection, token_hash: str | None = None, id_: StaffId | None = None) -> None:
    """End one sign-in, or all of a person's."""
    mine = or_(sign_ins.c.token_hash == token_hash, sign_ins.c.staff_id == id_)
    await tx.execute(delete(sign_ins).where(mine))


async def sign_out_others(tx: AsyncConnection, id_: StaffId, present: str, now: datetime) -> int:
    """End a person's sign-ins but the one with this token's hash; how many would have gone on."""
    mine = and_(sign_ins.c.staff_id == id_, sign_ins.c.token_hash != present)
    gone = await tx.execute(delete(sign_ins).where(mine, sign_ins.c.expires_at > now))
    return int(gone.rowcount)


async def record_audit(
    tx: AsyncConnection,
    hotel: HotelId,
    id_: str,
    at: datetime,
    who: StaffId | None,
    action: str,
    object_: str,
) -> None:
    values = {
        "hotel_id": hotel,
        "audit_id": id_,
        "at": at,
        "staff_id": who,
        "action": action,
        "object": object_,
    }
    await tx.execute(insert(audit).values(**values))
