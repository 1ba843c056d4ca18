"""Which rooms the hotel has, and what becomes of a number that it hasn't. Pure.

A room is taken in the hotel's own writing (512 where only 0512 exists). An unknown one is asked about again;
who says the same number twice, or a third one that isn't there, is believed, and the order is marked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

UNKNOWN = "unknown_rooms"  # in a draft: the numbers that were said and aren't the hotel's
TIMES = 2  # how often an unknown room is asked about

_LOOKS_LIKE_ONE = re.compile(r"[A-Za-z]?\d{3,5}[A-Za-z]?")

Draft = dict[str, Any]


@dataclass(frozen=True)
class Rooms:
    """`listed`: numbers and ranges of one length ("0201-0230", "A12"). Nothing listed: any number will do."""

    listed: tuple[str, ...] = ()

    def find(self, said: str) -> str | None:
        """The room that is meant, as the hotel writes it; None where there is none."""
        said = said.upper()
        if not self.listed:
            return said if _LOOKS_LIKE_ONE.fullmatch(said) else None
        meant = [room for room in (_within(span, said) for span in self.listed) if room]
        return said if said in meant else next(iter(meant), None)


def _within(span: str, said: str) -> str | None:
    first, _, last = span.partition("-")
    if not (said.isdecimal() and first.isdecimal()):
        return first if first.upper() == said and not last else None
    meant = str(int(said)).zfill(len(first))
    return meant if len(meant) == len(first) and first <= meant <= (last or first) else None


def take_room(draft: Draft, slot: str, said: str, rooms: Rooms) -> Draft:
    """The draft with this room, or without one where the number has to be asked about."""
    room, tried = rooms.find(said), list(draft.get(UNKNOWN) or ())
    if room or said in tried or len(tried) >= TIMES:
        return {**draft, slot: room or said}
    return {**draft, slot: None, UNKNOWN: [*tried, said]}


def is_asked_about(draft: Draft, slot: str) -> bool:
    return bool(draft.get(UNKNOWN)) and not draft.get(slot)


def mark(room: Any, rooms: Rooms) -> dict[str, str]:
    """What an order says of its room beside the number: which one it is, for a change may bring another."""
    return {"room_unknown": room} if room and not rooms.find(str(room)) else {}


def known_room(room: str | None, proven: bool, slots: Draft, ordered: Sequence[str | None]) -> str | None:
    """A room that is proven; else the one said last in this visit; else a likely one, or the last order's."""
    said = slots.get("service_room") or slots.get("wake_room")
    last = next((one for one in reversed(ordered) if one), None)
    return (room if proven else None) or said or room or last
