"""What the service tells with each message (`facts`), as frozen data; what is missing has a default.

Without facts (`rasa shell`, `rasa test`) the clock is the system's, the zone Shanghai, and nothing is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from actions.rooms import Rooms

DEFAULT_ZONE = "Asia/Shanghai"


@dataclass(frozen=True)
class OpenOrder:
    """A service order of this guest that isn't done. `due_at` is in the hotel's zone."""

    id: str
    service: str
    due_at: datetime | None
    room: str | None
    what: str | None


@dataclass(frozen=True)
class HandedBack:
    """The colleague who had this visit before the assistant, and the last thing they said, if anything."""

    by: str
    said: str | None


@dataclass(frozen=True)
class Facts:
    now: datetime  # in the hotel's zone
    zone: ZoneInfo
    room: str | None
    waiting: bool  # a person has been asked for and isn't here yet
    orders: tuple[OpenOrder, ...]
    handed_back: HandedBack | None = None
    rooms: Rooms = field(default_factory=Rooms)
    room_proven: bool = True  # not only likely, as where its code was scanned

    @property
    def today(self) -> date:
        return self.now.date()

    def open_orders(self, service: str) -> tuple[OpenOrder, ...]:
        """Soonest first; those without a time last."""
        ours = [order for order in self.orders if order.service == service]
        return tuple(sorted(ours, key=lambda order: (order.due_at is None, order.due_at or self.now)))


def read_facts(metadata: Mapping[str, Any] | None) -> Facts:
    given = metadata or {}
    zone = ZoneInfo(given.get("timezone") or DEFAULT_ZONE)
    now = given.get("now")
    return Facts(
        now=datetime.fromisoformat(now).astimezone(zone)
        if now
        else datetime.now(zone).replace(microsecond=0),
        zone=zone,
        room=given.get("room") or None,
        waiting=given.get("state") == "WAITING",
        orders=tuple(_order(order, zone) for order in given.get("orders") or () if _is_open(order)),
        handed_back=_handed_back(given.get("handed_back")),
        rooms=Rooms(tuple(given.get("rooms") or ())),
        room_proven=given.get("room_known", True),
    )


def _handed_back(told: Mapping[str, Any] | None) -> HandedBack | None:
    return HandedBack(str(told.get("by") or ""), told.get("said") or None) if told else None


def _is_open(order: Mapping[str, Any]) -> bool:
    return order.get("state", "open") in ("open", "ringing")


def _order(order: Mapping[str, Any], zone: ZoneInfo) -> OpenOrder:
    due_at = order.get("due_at")
    return OpenOrder(
        id=str(order["order"]),
        service=str(order["service"]),
        due_at=datetime.fromisoformat(due_at).astimezone(zone) if due_at else None,
        room=order.get("room"),
        what=order.get("what"),
    )
