"""Who has been erased, in a file beside the backups: a restored backup is told, and erases them again.

Holds ids and times, never a word or a number of a guest's. Lines are only ever added.
"""

import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import GuestId, HotelId, IdentityId
from bot.store import people

NAME = "erasures.jsonl"


class BadErasures(Exception):
    """The file holds something else; the message says where."""


@dataclass(frozen=True)
class Erasure:
    """A guest's with all their channels, or that of some channels alone (`guest` is None), decided at `at`.

    Channels are named beside the guest because a backup may know them as another guest's: it may be from
    before they were linked, or before that was undone.
    """

    hotel: HotelId
    at: datetime
    guest: GuestId | None
    identities: tuple[IdentityId, ...] = ()


class Erasures:
    """The file in a folder that several processes, and several machines, may share."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def known(self) -> list[Erasure]:
        """All there are, oldest first; none when there is no file. Raises BadErasures, OSError."""
        if not self.path.exists():
            return []
        lines = self.path.read_text("utf-8").splitlines()
        return [_read(line, f"{self.path}:{number}") for number, line in enumerate(lines, 1)]

    def add(self, *erasures: Erasure) -> None:
        """Safe on the disk when it returns; without any it only makes the file. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            os.write(file, "".join(_line(one) for one in erasures).encode())
            os.fsync(file)
        finally:
            os.close(file)

    async def catch_up(self, tx: AsyncConnection, now: datetime) -> int:
        """Add what the database knows and the file doesn't; how many. Raises BadErasures, OSError."""
        known = self.known()
        guests = {(one.hotel, one.guest) for one in known}
        listed = {(one.hotel, identity) for one in known for identity in one.identities}
        channels: dict[tuple[HotelId, GuestId], list[IdentityId]] = {}
        for hotel, guest, identity in await people.erased_identities(tx):
            if (hotel, identity) not in listed:
                channels.setdefault((hotel, guest), []).append(identity)
        missing = [
            Erasure(hotel, at, guest, tuple(channels.pop((hotel, guest), ())))
            for hotel, guest, at in await people.erased_guests(tx)
            if (hotel, guest) not in guests
        ]
        missing += [Erasure(hotel, now, None, tuple(ids)) for (hotel, _), ids in channels.items()]
        self.add(*missing)
        return len(missing)


def merged(*lists: Iterable[Erasure]) -> list[Erasure]:
    """Each once, oldest first."""
    return sorted({one for known in lists for one in known}, key=lambda one: one.at)


def _line(erasure: Erasure) -> str:
    found = {
        "hotel": erasure.hotel,
        "at": erasure.at.isoformat(),
        "guest": erasure.guest,
        "identities": erasure.identities,
    }
    return json.dumps(found, ensure_ascii=False) + "\n"


def _read(line: str, where: str) -> Erasure:
    try:
        found = json.loads(line)
        guest = GuestId(found["guest"]) if found["guest"] else None
        identities = tuple(IdentityId(id_) for id_ in found["identities"])
        return Erasure(HotelId(found["hotel"]), datetime.fromisoformat(found["at"]), guest, identities)
    except (ValueError, KeyError, TypeError):
        raise BadErasures(f"{where} is no erasure") from None
