"""The chain of a hotel's shift handovers: signed by who leaves, then by who comes, and kept for ever.

A handover is two entries, `left` and `came`, in a chain of its hotel's own: number without gaps, hash over
the entry before it. Entries are inserted and never changed (triggers refuse it); the leaving person's note
lies beside the digest, as a message's words do, and is emptied with any guest whom the handover names.
Bodies hold ids, codes and times.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import ConversationId, HotelId, StaffId
from bot.store.log import GENESIS, NO_CONTENT, canonical, chain, digest_of
from bot.store.schema import handovers, stamp

LEFT, CAME = "left", "came"


@dataclass(frozen=True)
class Entry:
    """One signature. `body` is the very text that was hashed; `note` is None once it was erased."""

    hotel: HotelId
    number: int
    handover: str
    kind: str
    at: datetime
    staff: StaffId
    body: str
    salt: str | None
    note: str | None
    digest: str
    hash: str
    emptied_at: datetime | None = None


def written(
    previous: Entry | None,
    hotel: HotelId,
    handover: str,
    kind: str,
    at: datetime,
    staff: StaffId,
    body: Mapping[str, Any],
    note: str = "",
) -> Entry:
    """The entry that follows on the last one of the hotel."""
    number, head = (previous.number + 1, previous.hash) if previous else (1, GENESIS)
    salt = os.urandom(16).hex() if note else None
    digest = digest_of(salt, {"text": note}) if salt else NO_CONTENT
    text = canonical(body)
    header = _header(hotel, number, handover, kind, at, staff)
    hash_ = chain(head, header, text, digest)
    return Entry(hotel, number, handover, kind, at, staff, text, salt, note or None, digest, hash_)


def _header(
    hotel: HotelId, number: int, handover: str, kind: str, at: datetime, staff: StaffId
) -> list[object]:
    return [hotel, number, handover, kind, stamp(at), staff]


def first_fault(entries: Sequence[Entry]) -> str | None:
    """The first broken link of a hotel's handovers, or None. `entries`: all of them, in order."""
    head = GENESIS
    for number, e in enumerate(entries, 1):
        place = f"{e.hotel} handover {e.number}"
        if e.number != number:
            return f"{place}: number {number} is missing"
        header = _header(e.hotel, e.number, e.handover, e.kind, e.at, e.staff)
        if chain(head, header, e.body, e.digest) != e.hash:
            return f"{place}: the hash doesn't follow from the entry before it"
        if not _note_holds(e):
            return f"{place}: the note was changed"
        head = e.hash
    return None


def _note_holds(e: Entry) -> bool:
    if e.emptied_at:
        return e.note is None and e.salt is None
    digest = digest_of(e.salt, {"text": e.note}) if e.salt else NO_CONTENT
    return digest == e.digest


# ---- rows


def _entry(r: Row[Any]) -> Entry:
    names = (name for name in Entry.__dataclass_fields__ if name not in _COLUMNS)
    renamed = {name: getattr(r, column) for name, column in _COLUMNS.items()}
    return Entry(**renamed, **{name: getattr(r, name) for name in names})


_COLUMNS = {"hotel": "hotel_id", "handover": "handover_id", "staff": "staff_id"}


async def add(tx: AsyncConnection, entry: Entry) -> None:
    """Raises IntegrityError when somebody else has signed first: read and write again."""
    values = {_COLUMNS.get(name, name): value for name, value in vars(entry).items()}
    await tx.execute(insert(handovers).values(**values))


async def last(tx: AsyncConnection, hotel: HotelId) -> Entry | None:
    query = select(handovers).where(handovers.c.hotel_id == hotel)
    found = (await tx.execute(query.order_by(handovers.c.number.desc()).limit(1))).first()
    return _entry(found) if found else None


async def of(tx: AsyncConnection, hotel: HotelId, handover: str) -> dict[str, Entry]:
    """A handover's entries by kind."""
    query = select(handovers).where(handovers.c.hotel_id == hotel, handovers.c.handover_id == handover)
    return {r.kind: _entry(r) for r in (await tx.execute(query)).all()}


async def listed(
    tx: AsyncConnection, hotel: HotelId, before: int | None = None, limit: int = 50
) -> list[tuple[Entry, Entry | None]]:
    """Handovers, the latest first, each with the signature of who came."""
    query = select(handovers).where(handovers.c.hotel_id == hotel, handovers.c.kind == LEFT)
    if before is not None:
        query = query.where(handovers.c.number < before)
    rows = (await tx.execute(query.order_by(handovers.c.number.desc()).limit(limit))).all()
    left = [_entry(r) for r in rows]
    ids = [one.handover for one in left]
    query = select(handovers).where(handovers.c.hotel_id == hotel, handovers.c.kind == CAME)
    rows = (await tx.execute(query.where(handovers.c.handover_id.in_(ids)))).all()
    came = {r.handover_id: _entry(r) for r in rows}
    return [(one, came.get(one.handover)) for one in left]


async def chain_of(tx: AsyncConnection, hotel: HotelId) -> list[Entry]:
    query = select(handovers).where(handovers.c.hotel_id == hotel).order_by(handovers.c.number)
    return [_entry(r) for r in (await tx.execute(query)).all()]


async def empty_notes(tx: AsyncConnection, hotel: HotelId, id_: ConversationId, at: datetime) -> None:
    """Take the words out of every handover that names this conversation."""
    named = handovers.c.body.contains(id_, autoescape=True)
    query = update(handovers).where(handovers.c.hotel_id == hotel, named, handovers.c.note.is_not(None))
    await tx.execute(query.values(note=None, salt=None, emptied_at=at))
