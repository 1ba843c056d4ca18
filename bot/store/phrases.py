"""Canned replies of a hotel, every version of each: who wrote what, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType

from sqlalchemy import Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import HotelId, StaffId
from bot.store.schema import phrases

PhraseId = NewType("PhraseId", str)


@dataclass(frozen=True)
class PhraseRow:
    """One version. `number` 0 is ours, which no hotel has changed; `retired`: taken away."""

    id: PhraseId
    number: int
    title: str
    text: str
    retired: bool
    edited_by: StaffId | None
    edited_at: datetime


def _row(r: Row[Any]) -> PhraseRow:
    return PhraseRow(r.phrase_id, r.version, r.title, r.text, r.retired, r.edited_by, r.edited_at)


async def add(tx: AsyncConnection, hotel: HotelId, row: PhraseRow) -> None:
    """Raises IntegrityError where somebody has written this version already."""
    values = {
        "hotel_id": hotel,
        "phrase_id": row.id,
        "version": row.number,
        "title": row.title,
        "text": row.text,
        "retired": row.retired,
        "edited_by": row.edited_by,
        "edited_at": row.edited_at,
    }
    await tx.execute(insert(phrases).values(**values))


async def newest(tx: AsyncConnection, hotel: HotelId) -> list[PhraseRow]:
    """The last version of each, retired ones too; who was written first comes first."""
    mine = phrases.c.hotel_id == hotel
    last = select(phrases.c.phrase_id, func.max(phrases.c.version).label("version")).where(mine)
    latest = last.group_by(phrases.c.phrase_id).subquery()
    same = (phrases.c.phrase_id == latest.c.phrase_id) & (phrases.c.version == latest.c.version)
    query = select(phrases).join(latest, same).where(mine).order_by(phrases.c.phrase_id)
    return [_row(r) for r in (await tx.execute(query)).all()]


async def history(tx: AsyncConnection, hotel: HotelId, id_: PhraseId) -> Sequence[PhraseRow]:
    """All versions of one, the newest first."""
    query = select(phrases).where(phrases.c.hotel_id == hotel, phrases.c.phrase_id == id_)
    return [_row(r) for r in (await tx.execute(query.order_by(phrases.c.version.desc()))).all()]
