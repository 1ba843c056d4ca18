"""What a shift leaves behind: what is open, owed, waiting and unusual in a hotel at one moment.  Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from bot.conversation import Conversation
from bot.model import GuestId, Reason, StaffId, State
from bot.store.desk import OrderRow
from bot.store.promises import PromiseRow
from bot.store.schema import stamp
from bot.summary import COMPLAINTS

SECTIONS = ("unusual", "waiting", "held", "promises", "orders")


@dataclass(frozen=True)
class Floor:
    """All that a hotel has open at one moment."""

    rows: Sequence[Conversation]
    promises: Sequence[PromiseRow]
    orders: Sequence[OrderRow]
    active: Collection[StaffId]
    vips: Collection[GuestId] = frozenset()


def sections(floor: Floor) -> dict[str, list[dict[str, Any]]]:
    """What a shift leaves behind, in ids, codes and times; a conversation stands under one heading."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SECTIONS}
    for row in floor.rows:
        line = _line(row, floor)
        if line["marks"] and (row.state is not State.CLOSED or row.unclear):
            found["unusual"].append(line)
        elif row.state in (State.WAITING, State.STAFF):
            found["held" if line["holder"] else "waiting"].append(line)
    for name in ("unusual", "waiting", "held"):
        found[name].sort(key=lambda line: (line["alarm"] is None, line["since"] or "~", line["conversation"]))
    found["promises"] = [_owed(one, floor.active) for one in floor.promises]
    found["orders"] = [_ordered(one, floor.active) for one in floor.orders]
    return found


def _line(row: Conversation, floor: Floor) -> dict[str, Any]:
    holder = row.holder if row.holder in floor.active else None
    since = row.unheard_since or row.waiting_since
    return {
        "conversation": row.id,
        "seq": row.unclear[-1] if row.unclear else row.guest_seq or row.seq,  # what the guest wants
        "state": State.WAITING if row.state is State.STAFF and not holder else row.state,
        "holder": holder,
        "since": stamp(since) if since else None,
        "alarm": stamp(row.alarm_since) if row.alarm_since else None,
        "until": stamp(row.snoozed_until) if row.snoozed_until else None,
        "reason": row.reason,
        "marks": _marks(row, floor),
    }


def _marks(row: Conversation, floor: Floor) -> list[str]:
    open_ = row.state in (State.WAITING, State.STAFF)
    told = {
        "alarm": row.alarm_since is not None or (open_ and row.reason is Reason.EMERGENCY),
        "complaint": open_ and row.reason in COMPLAINTS,
        "unclear": bool(row.unclear),
        "snoozed": row.snoozed_by is not None,
        "vip": row.guest in floor.vips and row.state is not State.CLOSED,
    }
    return [name for name, holds in told.items() if holds]


def _owed(one: PromiseRow, active: Collection[StaffId]) -> dict[str, Any]:
    return {
        "conversation": one.conversation,
        "seq": one.seq,
        "promise": one.id,
        "due_at": stamp(one.due_at),
        "owner": one.owner if one.owner in active else None,
    }


def _ordered(one: OrderRow, active: Collection[StaffId]) -> dict[str, Any]:
    return {
        "conversation": one.conversation,
        "seq": one.seq,
        "order": one.id,
        "service": one.service,
        "due_at": stamp(one.due_at) if one.due_at else None,
        "placed_at": stamp(one.placed_at),
        "owner": one.owner if one.owner in active else None,
    }
