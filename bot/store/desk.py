"""What the desk lists: conversations and orders of one hotel, and the hotels and accounts themselves."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, case, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation
from bot.model import AccountId, ConversationId, GuestId, HotelId, OrderId, OrderState, StaffId, State
from bot.store.database import insert_or_ignore
from bot.store.log import restore
from bot.store.members import works
from bot.store.schema import accounts, conversations, guests, hotels, memberships, orders, sign_ins, staff


@dataclass(frozen=True)
class HotelRow:
    id: HotelId
    name: str
    timezone: str
    profile: dict[str, Any]
    knowledge: dict[str, Any]
    wording: dict[str, Any]
    changed_at: datetime
    wechat: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AccountRow:
    channel: str
    account: AccountId
    hotel: HotelId
    config: dict[str, Any]
    sealed: str
    active: bool


@dataclass(frozen=True)
class Colleague:
    """Who works in a hotel: whether signed in, and how many of its conversations they hold."""

    id: StaffId
    name: str
    signed_in: bool
    holds: int


@dataclass(frozen=True)
class OrderRow:
    hotel: HotelId
    id: OrderId
    conversation: ConversationId
    guest: GuestId
    service: str
    state: OrderState
    due_at: datetime | None
    details: dict[str, Any]
    seq: int
    owner: StaffId | None
    placed_at: datetime
    placed_by: str
    done_at: datetime | None
    done_by: StaffId | None
    changed_at: datetime


# ---- conversations


async def list_conversations(
    tx: AsyncConnection,
    hotel: HotelId,
    states: tuple[State, ...] = (),
    holder: StaffId | None = None,
    before: tuple[datetime, str] | None = None,
    since: datetime | None = None,
    limit: int = 200,
    *,
    now: datetime,
) -> list[Conversation]:
    """Newest change first; `before` is the key of the last one seen, `since` a time of change.

    What a departed person held counts as waiting. What goes on in another conversation is only among the
    changes: whoever has it in a list takes it out.
    """
    c = conversations.c
    query = select(c.row).where(c.hotel_id == hotel, c.seq > 0)
    if since is None:
        query = query.where(~_gone_on())
    if states:
        query = query.where(case((_holder_gone(now), State.WAITING.value), else_=c.state).in_(states))
    if holder:
        query = query.where(c.holder_id == holder)
    if since:
        query = query.where(c.changed_at >= since)
    if before:
        older = (c.changed_at < before[0]) | and_(c.changed_at == before[0], c.conversation_id < before[1])
        query = query.where(older)
    query = query.order_by(c.changed_at.desc(), c.conversation_id.desc()).limit(limit)
    return [restore(row) for row in (await tx.execute(query)).scalars()]


def _gone_on() -> Any:
    """Its guest proved to be another one: it goes on in that one's conversation."""
    c = conversations.c
    return exists().where(
        guests.c.hotel_id == c.hotel_id, guests.c.guest_id == c.guest_id, guests.c.merged_into.is_not(None)
    )


def _holder_gone(now: datetime) -> Any:
    """Held by somebody who isn't active, or doesn't work there, any more."""
    c = conversations.c
    works_there = exists().where(
        memberships.c.staff_id == c.holder_id, staff.c.staff_id == c.holder_id, works(c.hotel_id, now)
    )
    return and_(c.state == State.STAFF, ~works_there)


async def list_colleagues(tx: AsyncConnection, hotel: HotelId, now: datetime) -> list[Colleague]:
    """Who is active in the hotel: the signed-in first, then by how few they hold."""
    held = (
        select(func.count())
        .where(
            conversations.c.hotel_id == hotel,
            conversations.c.state == State.STAFF,
            conversations.c.holder_id == staff.c.staff_id,
        )
        .scalar_subquery()
    )
    here = exists().where(sign_ins.c.staff_id == staff.c.staff_id, sign_ins.c.expires_at > now)
    query = (
        select(staff.c.staff_id, staff.c.name, here.label("here"), held.label("held"))
        .select_from(staff.join(memberships, memberships.c.staff_id == staff.c.staff_id))
        .where(works(hotel, now))
    )
    found = [Colleague(r.staff_id, r.name, bool(r.here), r.held) for r in (await tx.execute(query)).all()]
    return sorted(found, key=lambda one: (not one.signed_in, one.holds, one.name))


async def conversations_of_guest(tx: AsyncConnection, hotel: HotelId, guest: GuestId) -> list[ConversationId]:
    query = select(conversations.c.conversation_id).where(
        conversations.c.hotel_id == hotel, conversations.c.guest_id == guest
    )
    return [ConversationId(c) for c in (await tx.execute(query)).scalars()]


async def waiting_count(tx: AsyncConnection, now: datetime) -> dict[str, int]:
    query = (
        select(conversations.c.hotel_id, func.count())
        .where(or_(conversations.c.state == State.WAITING, _holder_gone(now)))
        .group_by(conversations.c.hotel_id)
    )
    return {row[0]: row[1] for row in (await tx.execute(query)).all()}


async def longest_wait(tx: AsyncConnection, now: datetime) -> datetime | None:
    """Since when the first of the waiting conversations has waited, in any hotel; what a departed person held
    waits since its guest had no word, or since that person took it."""
    query = select(func.min(conversations.c.waiting_since)).where(conversations.c.state == State.WAITING)
    waiting: datetime | None = (await tx.execute(query)).scalar()
    left = [
        restore(row)
        for row in (await tx.execute(select(conversations.c.row).where(_holder_gone(now)))).scalars()
    ]
    times = [waiting, *(row.unheard_since or row.held_since for row in left)]
    return min((at for at in times if at), default=None)


# ---- orders


def _order(r: Row[Any]) -> OrderRow:
    return OrderRow(
        r.hotel_id,
        r.order_id,
        r.conversation_id,
        r.guest_id,
        r.service,
        OrderState(r.state),
        r.due_at,
        json.loads(r.details),
        r.seq,
        r.owner_id,
        r.placed_at,
        r.placed_by,
        r.done_at,
        r.done_by,
        r.changed_at,
    )


async def add_order(tx: AsyncConnection, order: OrderRow) -> None:
    values = {
        "hotel_id": order.hotel,
        "order_id": order.id,
        "conversation_id": order.conversation,
        "guest_id": order.guest,
        "service": order.service,
        "state": order.state,
        "due_at": order.due_at,
        "details": json.dumps(order.details, ensure_ascii=False),
        "seq": order.seq,
        "placed_at": order.placed_at,
        "placed_by": order.placed_by,
        "changed_at": order.changed_at,
    }
    await tx.execute(insert(orders).values(**values))


async def change_order(tx: AsyncConnection, hotel: HotelId, id_: OrderId, **values: Any) -> bool:
    if "details" in values:
        values["details"] = json.dumps(values["details"], ensure_ascii=False)
    query = update(orders).where(orders.c.hotel_id == hotel, orders.c.order_id == id_)
    return bool((await tx.execute(query.values(**values))).rowcount)


async def order_of(tx: AsyncConnection, hotel: HotelId, id_: OrderId) -> OrderRow | None:
    query = select(orders).where(orders.c.hotel_id == hotel, orders.c.order_id == id_)
    found = (await tx.execute(query)).first()
    return _order(found) if found else None


async def list_orders(
    tx: AsyncConnection,
    hotel: HotelId,
    states: tuple[OrderState, ...] = (),
    conversation: ConversationId | None = None,
    since: datetime | None = None,
    limit: int = 500,
    guest: GuestId | None = None,
    owner: StaffId | None = None,
) -> list[OrderRow]:
    query = select(orders).where(orders.c.hotel_id == hotel)
    if states:
        query = query.where(orders.c.state.in_(states))
    if conversation:
        query = query.where(orders.c.conversation_id == conversation)
    if guest:
        query = query.where(orders.c.guest_id == guest)
    if owner:
        query = query.where(orders.c.owner_id == owner)
    if since:
        query = query.where(orders.c.changed_at >= since)
    query = query.order_by(orders.c.due_at, orders.c.placed_at).limit(limit)
    return [_order(r) for r in (await tx.execute(query)).all()]


async def empty_orders(tx: AsyncConnection, hotel: HotelId, guest: GuestId) -> None:
    """Take the guest's words out of their orders."""
    query = update(orders).where(orders.c.hotel_id == hotel, orders.c.guest_id == guest)
    await tx.execute(query.values(details="{}"))


# ---- hotels and accounts


def _hotel(r: Row[Any]) -> HotelRow:
    loaded = (json.loads(r.profile), json.loads(r.knowledge), json.loads(r.wording))
    return HotelRow(r.hotel_id, r.name, r.timezone, *loaded, r.changed_at, json.loads(r.wechat))


async def list_hotels(tx: AsyncConnection) -> list[HotelRow]:
    return [_hotel(r) for r in (await tx.execute(select(hotels).order_by(hotels.c.hotel_id))).all()]


async def hotel_of(tx: AsyncConnection, id_: HotelId) -> HotelRow | None:
    found = (await tx.execute(select(hotels).where(hotels.c.hotel_id == id_))).first()
    return _hotel(found) if found else None


async def hotel_stamp(tx: AsyncConnection, id_: HotelId) -> tuple[datetime, int] | None:
    """When the hotel was changed last, and the revision of its points: they move with every change."""
    query = select(hotels.c.changed_at, hotels.c.points_revision).where(hotels.c.hotel_id == id_)
    found = (await tx.execute(query)).first()
    return (found.changed_at, found.points_revision) if found else None


async def save_hotel(tx: AsyncConnection, hotel: HotelRow) -> None:
    values = {
        "name": hotel.name,
        "timezone": hotel.timezone,
        "profile": json.dumps(hotel.profile, ensure_ascii=False),  # departments are shown as they stand there
        "knowledge": json.dumps(hotel.knowledge, ensure_ascii=False, sort_keys=True),
        "wording": json.dumps(hotel.wording, ensure_ascii=False, sort_keys=True),
        "changed_at": hotel.changed_at,
        "wechat": json.dumps(hotel.wechat, ensure_ascii=False, sort_keys=True),
    }
    query = insert_or_ignore(tx, hotels).values(hotel_id=hotel.id, **values)
    await tx.execute(query.on_conflict_do_update(index_elements=["hotel_id"], set_=values))


def _account(r: Row[Any]) -> AccountRow:
    return AccountRow(r.channel, r.account, r.hotel_id, json.loads(r.config), r.sealed, r.active)


async def list_accounts(tx: AsyncConnection) -> list[AccountRow]:
    query = select(accounts).order_by(accounts.c.channel, accounts.c.account)
    return [_account(r) for r in (await tx.execute(query)).all()]


async def account_of(tx: AsyncConnection, channel: str, account: AccountId) -> AccountRow | None:
    query = select(accounts).where(
        accounts.c.channel == channel, accounts.c.account == account, accounts.c.active
    )
    found = (await tx.execute(query)).first()
    return _account(found) if found else None


async def save_account(tx: AsyncConnection, account: AccountRow, at: datetime) -> None:
    values = {
        "hotel_id": account.hotel,
        "config": json.dumps(account.config, ensure_ascii=False, sort_keys=True),
        "sealed": account.sealed,
        "active": account.active,
        "changed_at": at,
    }
    query = insert_or_ignore(tx, accounts).values(channel=account.channel, account=account.account, **values)
    await tx.execute(query.on_conflict_do_update(index_elements=["channel", "account"], set_=values))


async def switch_account(
    tx: AsyncConnection, channel: str, account: AccountId, active: bool, at: datetime
) -> bool:
    """Use an account, or leave it be; False when there is none."""
    key = and_(accounts.c.channel == channel, accounts.c.account == account)
    return bool((await tx.execute(update(accounts).where(key).values(active=active, changed_at=at))).rowcount)
