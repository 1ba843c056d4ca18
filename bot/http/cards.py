"""What stands under a message of the assistant: the orders it has placed or changed, as they are now."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation
from bot.model import EventType, OrderId
from bot.store import desk, log
from bot.store.desk import OrderRow
from bot.texts import Texts

_PLACED = frozenset({EventType.ORDER_PLACED, EventType.ORDER_CHANGED})
_MOVED = _PLACED | {EventType.ORDER_CANCELLED, EventType.ORDER_RUNG, EventType.ORDER_DONE}


@dataclass(frozen=True)
class Cards:
    """`by_seq`: the cards of each message. `touched`: messages up to the cursor whose cards have changed."""

    by_seq: dict[int, list[OrderRow]]
    touched: tuple[int, ...] = ()


async def read(tx: AsyncConnection, row: Conversation, after: int) -> Cards:
    """A conversation's orders, each at the message that told of it last: the first after its event."""
    placed = {o.id: o for o in await desk.list_orders(tx, row.hotel, conversation=row.id)}
    if not placed:
        return Cards({})
    types = (*_MOVED, EventType.ASSISTANT_SAID)
    events = await log.events_of_types_in(tx, row.hotel, row.id, types)
    said = [e.seq for e in events if e.type is EventType.ASSISTANT_SAID]
    told: defaultdict[OrderId, list[int]] = defaultdict(list)
    for event in events:
        if event.type in _PLACED and (seq := next((s for s in said if s > event.seq), None)):
            told[event.body["order"]].append(seq)
    moved = {e.body["order"] for e in events if e.type in _MOVED and e.seq > after}
    by_seq: defaultdict[int, list[OrderRow]] = defaultdict(list)
    for id_, seqs in told.items():
        if id_ in placed:
            by_seq[seqs[-1]].append(placed[id_])
    touched = sorted({seq for id_ in moved for seq in told[id_] if seq <= after}) if after else []
    return Cards(dict(by_seq), tuple(touched))


def show(orders: Sequence[OrderRow], texts: Texts) -> list[dict[str, Any]]:
    return [
        {
            "kind": "order",
            "service": _name(texts, order.service),
            "what": order.details.get("what"),
            "room": order.details.get("room"),
            "due_at": order.due_at,
            "state": order.state,
        }
        for order in orders
    ]


def _name(texts: Texts, service: str) -> str:
    key = f"service_{service}"
    return texts.sentence(key) if key in texts else service
