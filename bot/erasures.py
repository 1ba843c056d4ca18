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

from bot.model import GuestId, HotelId
from bot.store import people

NAME = "erasures.jsonl"


class BadErasures(Exception):
    """The file holds something else; the message says where."""


@dataclass(frozen=True)
class Erasure:
    """One guest's, decided at `at`."""

    hotel: HotelId
    guest: GuestId
    at: datetime


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

    async def catch_up(self, tx: AsyncConnection) -> int:
        """Add what the database knows and the file doesn't; how many. Raises BadErasures, OSError."""
        known = {(one.hotel, one.guest) for one in self.known()}
        erased = [Erasure(*row) for row in await people.erased_guests(tx)]
        missing = [one for one in erased if (one.hotel, one.guest) not in known]
        self.add(*missing)
        return len(missing)


def merged(*lists: Iterable[Erasure]) -> list[Erasure]:
    """Each once, oldest first."""
    return sorted({one for known in lists for one in known}, key=lambda one: one.at)


def _line(erasure: Erasure) -> str:
    found = {"hotel": erasure.hotel, "guest": erasure.guest, "at": erasure.at.isoformat()}
    return json.dumps(found, ensure_ascii=False) + "\n"


def _read(line: str, where: str) -> Erasure:
    try:
        found = json.loads(line)
        return Erasure(HotelId(found["hotel"]), GuestId(found["guest"]), datetime.fromisoformat(found["at"]))
    except (ValueError, KeyError, TypeError):
        raise BadErasures(f"{where} is no erasure") from None
