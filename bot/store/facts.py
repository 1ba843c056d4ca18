"""A hotel's facts as its row keeps them, and every change of one: who, when, from what to what."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.ids import new_id
from bot.model import HotelId, StaffId
from bot.store.desk import HotelRow
from bot.store.schema import fact_changes, hotels

Fact = str | int
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class FactChange:
    """None is a fact that nobody knows; `by` None is the hotel's file."""

    fact: str
    before: Fact | None
    after: Fact | None
    by: StaffId | None
    at: datetime


def _change(r: Row[Any]) -> FactChange:
    before, after = (None if text is None else json.loads(text) for text in (r.before, r.after))
    return FactChange(r.fact, before, after, r.by, r.at)


def _text(value: Fact | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


async def add(tx: AsyncConnection, hotel: HotelId, changes: Iterable[FactChange]) -> None:
    rows = [
        {
            "hotel_id": hotel,
            "change_id": new_id(),
            "fact": one.fact,
            "before": _text(one.before),
            "after": _text(one.after),
            "by": one.by,
            "at": one.at,
        }
        for one in changes
    ]
    if rows:
        await tx.execute(insert(fact_changes), rows)


async def history(tx: AsyncConnection, hotel: HotelId, fact: str) -> list[FactChange]:
    """The newest first."""
    query = select(fact_changes).where(fact_changes.c.hotel_id == hotel, fact_changes.c.fact == fact)
    return [_change(r) for r in (await tx.execute(query.order_by(fact_changes.c.change_id.desc()))).all()]


async def newest(tx: AsyncConnection, hotel: HotelId) -> dict[str, FactChange]:
    """The last change of each fact that was ever changed."""
    mine = fact_changes.c.hotel_id == hotel
    last = select(func.max(fact_changes.c.change_id)).where(mine).group_by(fact_changes.c.fact)
    query = select(fact_changes).where(mine, fact_changes.c.change_id.in_(last))
    return {r.fact: _change(r) for r in (await tx.execute(query)).all()}


async def rewrite(tx: AsyncConnection, row: HotelRow, facts: Mapping[str, Fact], now: datetime) -> bool:
    """Give the hotel these facts, unless it was changed since it was read: then False.

    Every process sees by `changed_at` that it must read anew, so it always moves.
    """
    profile = json.dumps({**row.profile, "facts": dict(facts)}, ensure_ascii=False)
    query = update(hotels).where(hotels.c.hotel_id == row.id, hotels.c.changed_at == row.changed_at)
    done = await tx.execute(query.values(profile=profile, changed_at=max(now, row.changed_at + MOMENT)))
    return bool(done.rowcount)
