"""What the assistant is told with every message: where and when it is said, by whom, and what is open."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.channels import Channel
from bot.conversation import Conversation
from bot.hotel_sheet import room_ranges
from bot.knowledge import Hotel
from bot.model import Json
from bot.store.desk import OrderRow
from bot.store.people import Guest


def facts_of(
    hotel: Hotel,
    row: Conversation,
    guest: Guest,
    open_orders: Sequence[OrderRow],
    now: datetime,
    channel: Channel,
    handed_back: Json | None,
    scanned: str | None = None,
) -> dict[str, Any]:
    """What an action always needs, as JSON. A `scanned` room is proposed where none is known."""
    hours = hotel.duty(now)
    local = now.astimezone(hotel.zone)
    room = guest.room if guest.room_until is None or guest.room_until > now else None
    return {
        "hotel": hotel.id,
        "timezone": hotel.file.zone.key,
        "now": local.isoformat(timespec="seconds"),
        "guest": {"name": guest.name, "preferences": list(guest.preferences)},
        "room": room or scanned,
        "room_known": room is not None,
        "stay": None,
        "orders": [_order_fact(o) for o in open_orders],
        "state": row.state,
        "duty": {
            "open": hours.open,
            "until": hours.until.isoformat() if hours.until else None,
            "next": hours.next.isoformat() if hours.next else None,
        },
        "handed_back": handed_back,
        "buttons": channel.capabilities.buttons,
        "rooms": list(room_ranges(hotel.file.rooms)),
        "room_types": {t.code: list(t.words) for t in hotel.file.room_types},
    }


def _order_fact(order: OrderRow) -> dict[str, Any]:
    return {
        "order": order.id,
        "service": order.service,
        "state": order.state,
        "due_at": order.due_at.isoformat() if order.due_at else None,
        "room": order.details.get("room"),
        "what": order.details.get("what"),
    }
