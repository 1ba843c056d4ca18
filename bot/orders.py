"""Service orders: from an act to events, from events to rows, and when they ring.

The log says what happened; the row in `orders` says what is open. What the guest wants, in their words,
stands in the event's content and in the row's details, both erasable.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation
from bot.ids import new_id
from bot.model import (
    ASSISTANT,
    SERVICE,
    Actor,
    ActorKind,
    Audience,
    Content,
    Event,
    EventType,
    IdentityId,
    NewEvent,
    Order,
    OrderId,
    OrderState,
    StaffId,
)
from bot.store import desk
from bot.store.desk import OrderRow

OPEN = (OrderState.OPEN, OrderState.RINGING)
RINGS = frozenset({"wake_up_call"})  # these ring at the desk at their minute

_EVENTS = {
    "place": EventType.ORDER_PLACED,
    "change": EventType.ORDER_CHANGED,
    "cancel": EventType.ORDER_CANCELLED,
}


class UnknownOrder(LookupError):
    """The order isn't this guest's, or isn't open."""


def due_of(slots: Any) -> datetime | None:
    """The order's time, where it has one; ValueError for one without a zone."""
    text = slots.get("due_at")
    due = datetime.fromisoformat(text) if text else None
    if due is not None and due.tzinfo is None:
        raise ValueError("due_at has no zone")
    return due


def events_of(
    orders: Iterable[Order], open_orders: Sequence[OrderRow], identity: IdentityId | None, now: datetime
) -> tuple[NewEvent, ...]:
    """The events that carry out these acts. Raises UnknownOrder for a change of what isn't open."""
    return tuple(_event(order, {o.id for o in open_orders}, identity, now) for order in orders)


def _event(order: Order, known: set[OrderId], identity: IdentityId | None, now: datetime) -> NewEvent:
    id_ = order.order
    if order.op == "place":
        id_ = OrderId(new_id())
    elif id_ not in known:
        raise UnknownOrder(order.service)
    due = due_of(order.slots)
    body = {
        "order": id_,
        "service": order.service,
        "due_at": due.isoformat() if due else None,
        "rings": order.service in RINGS,
    }
    content = Content(details=dict(order.slots)) if order.slots else None
    return NewEvent(_EVENTS[order.op], now, ASSISTANT, Audience.GUEST, identity, body, content)


def rung(order: OrderRow, now: datetime) -> NewEvent:
    body = {"order": order.id, "service": order.service}
    return NewEvent(EventType.ORDER_RUNG, now, SERVICE, Audience.STAFF, body=body)


def done(order: OrderRow, staff: StaffId, now: datetime, content: Content | None = None) -> NewEvent:
    body = {"order": order.id, "service": order.service}
    return NewEvent(
        EventType.ORDER_DONE, now, Actor(ActorKind.STAFF, staff), Audience.STAFF, None, body, content
    )


def taken(order: OrderRow, by: StaffId, owner: StaffId | None, now: datetime) -> NewEvent:
    """`owner` sees to it from now on; None: whoever is at the desk."""
    body = {"order": order.id, "service": order.service, "owner": owner}
    return NewEvent(EventType.ORDER_TAKEN, now, Actor(ActorKind.STAFF, by), Audience.STAFF, body=body)


def handed_over(order: OrderRow, to: StaffId | None, now: datetime, why: str) -> NewEvent:
    """Its owner has left: somebody else sees to it, or, without one, whoever is at the desk."""
    body = {"order": order.id, "service": order.service, "from": order.owner, "owner": to, "why": why}
    return NewEvent(EventType.ORDER_HANDED_OVER, now, SERVICE, Audience.STAFF, body=body)


async def project(
    tx: AsyncConnection, row: Conversation, events: Sequence[Event], new: Sequence[NewEvent]
) -> bool:
    """Write what these events mean for the orders' rows; whether any was touched."""
    touched = False
    for event, source in zip(events, new, strict=True):
        if event.type in _PROJECTIONS:
            await _PROJECTIONS[event.type](tx, row, event, source.content)
            touched = True
    return touched


async def _placed(tx: AsyncConnection, row: Conversation, e: Event, content: Content | None) -> None:
    order = OrderRow(
        e.hotel,
        OrderId(e.body["order"]),
        e.conversation,
        row.guest,
        e.body["service"],
        OrderState.OPEN,
        due_of(e.body),
        dict(content.details or {}) if content else {},
        e.seq,
        None,
        e.at,
        str(e.actor),
        None,
        None,
        e.at,
    )
    await desk.add_order(tx, order)


async def _changed(tx: AsyncConnection, row: Conversation, e: Event, content: Content | None) -> None:
    values: dict[str, Any] = {"state": OrderState.OPEN, "changed_at": e.at, "seq": e.seq}
    if due := due_of(e.body):
        values["due_at"] = due
    if content and content.details:
        kept = await desk.order_of(tx, e.hotel, OrderId(e.body["order"]))
        values["details"] = {**(kept.details if kept else {}), **content.details}
    await desk.change_order(tx, e.hotel, OrderId(e.body["order"]), **values)


async def _cancelled(tx: AsyncConnection, row: Conversation, e: Event, content: Content | None) -> None:
    values = {"state": OrderState.CANCELLED, "changed_at": e.at}
    await desk.change_order(tx, e.hotel, OrderId(e.body["order"]), **values)


async def _rung(tx: AsyncConnection, row: Conversation, e: Event, content: Content | None) -> None:
    values = {"state": OrderState.RINGING, "changed_at": e.at}
    await desk.change_order(tx, e.hotel, OrderId(e.body["order"]), **values)


async def _done(tx: AsyncConnection, row: Conversation, e: Event, content: Content | None) -> None:
    values = {"state": OrderState.DONE, "done_at": e.at, "done_by": e.actor.id, "changed_at": e.at}
    await desk.change_order(tx, e.hotel, OrderId(e.body["order"]), **values)


async def _owned(tx: AsyncConnection, row: Conversation, e: Event, content: Content | None) -> None:
    values = {"owner_id": e.body["owner"], "changed_at": e.at}
    await desk.change_order(tx, e.hotel, OrderId(e.body["order"]), **values)


_PROJECTIONS = {
    EventType.ORDER_PLACED: _placed,
    EventType.ORDER_CHANGED: _changed,
    EventType.ORDER_CANCELLED: _cancelled,
    EventType.ORDER_RUNG: _rung,
    EventType.ORDER_DONE: _done,
    EventType.ORDER_TAKEN: _owned,
    EventType.ORDER_HANDED_OVER: _owned,
}
