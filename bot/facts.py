"""What the assistant is told with every message: where and when it is said, by whom, and what is open."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.channels import CHANNELS, Channel
from bot.conversation import Conversation
from bot.hotel_sheet import room_ranges
from bot.knowledge import Hotel
from bot.model import ConversationId, GuestId, Json
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


def stranger(hotel: Hotel, now: datetime) -> Conversation:
    """The conversation of somebody who was introduced to the assistant a moment ago."""
    privacy = hotel.file.privacy.version
    return Conversation(
        hotel.id, ConversationId("asked"), GuestId("asked"), opened_at=now, introduced_visit=1, notice=privacy
    )


def told_by_a_stranger(hotel: Hotel, row: Conversation, now: datetime) -> dict[str, Any]:
    """What goes along with words that no guest of ours has said: nothing is known of who says them."""
    guest = Guest(row.hotel, row.guest, None, None, None, (), None, None)
    return facts_of(hotel, row, guest, [], now, CHANNELS["wechat"], None)


def _order_fact(order: OrderRow) -> dict[str, Any]:
    return {
        "order": order.id,
        "service": order.service,
        "state": order.state,
        "due_at": order.due_at.isoformat() if order.due_at else None,
        "room": order.details.get("room"),
        "what": order.details.get("what"),
    }
