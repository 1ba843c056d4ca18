"""Knowledge points: all their versions, which of them is approved, and what staff did with open questions.

A version is written once; its approval is all that is added to it. Nothing here holds a guest's words.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NewType

from sqlalchemy import Row, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import ConversationId, HotelId, StaffId
from bot.store.database import insert_or_ignore
from bot.store.schema import hotels, point_versions, points, question_marks

PointId = NewType("PointId", str)
PORTION = 400  # keys in one query: SQLite takes no more than some thousand values


@dataclass(frozen=True)
class Entry:
    """What a point says. `answer` is a template; no dates and no channels mean always and everywhere."""

    title: str
    answer: str
    variants: tuple[str, ...] = ()
    topic: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Version:
    """One version of a point. `source`: desk, file, hotel (its YAML) or reply."""

    point: PointId
    number: int
    entry: Entry
    source: str
    edited_at: datetime
    edited_by: StaffId | None = None
    approved_at: datetime | None = None
    approved_by: StaffId | None = None


@dataclass(frozen=True)
class Point:
    """A point as it stands: what was written last, and what guests are told (None: nothing yet)."""

    id: PointId
    latest: Version
    approved: Version | None
    changed_at: datetime
    retired_at: datetime | None = None
    retired_by: StaffId | None = None


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def _version(r: Any) -> Version:
    entry = Entry(
        r.title,
        r.answer,
        tuple(json.loads(r.variants)),
        r.topic,
        _day(r.valid_from),
        _day(r.valid_to),
        tuple(json.loads(r.channels)),
    )
    stamps = (r.edited_at, r.edited_by, r.approved_at, r.approved_by)
    return Version(r.point_id, r.version, entry, r.source, *stamps)


# ---- writing


async def _moved(tx: AsyncConnection, hotel: HotelId) -> None:
    """Tell every process that keeps the hotel's points in memory."""
    moved = {"points_revision": hotels.c.points_revision + 1}
    await tx.execute(update(hotels).where(hotels.c.hotel_id == hotel).values(**moved))


def _values(hotel: HotelId, version: Version) -> dict[str, Any]:
    entry = version.entry
    return {
        "hotel_id": hotel,
        "point_id": version.point,
        "version": version.number,
        "title": entry.title,
        "variants": json.dumps(entry.variants, ensure_ascii=False),
        "answer": entry.answer,
        "topic": entry.topic,
        "valid_from": entry.valid_from.isoformat() if entry.valid_from else None,
        "valid_to": entry.valid_to.isoformat() if entry.valid_to else None,
        "channels": json.dumps(entry.channels),
        "source": version.source,
        "edited_by": version.edited_by,
        "edited_at": version.edited_at,
        "approved_by": version.approved_by,
        "approved_at": version.approved_at,
    }


async def add_versions(
    tx: AsyncConnection, hotel: HotelId, versions: Sequence[Version], at: datetime
) -> None:
    """Write versions down, each the newest of its point; one with an approval answers from now on."""
    if not versions:
        return
    await _moved(tx, hotel)
    await tx.execute(insert(point_versions), [_values(hotel, version) for version in versions])
    for version in versions:
        told = {"approved_version": version.number} if version.approved_at else {}
        values = {"version": version.number, "changed_at": at, **told}
        query = insert_or_ignore(tx, points).values(hotel_id=hotel, point_id=version.point, **values)
        await tx.execute(query.on_conflict_do_update(index_elements=["hotel_id", "point_id"], set_=values))


async def approve(tx: AsyncConnection, hotel: HotelId, version: Version, by: StaffId, at: datetime) -> bool:
    """Let a version answer. Whoever edited it can't; False when that, or a newer version, is in the way."""
    v = point_versions.c
    same = and_(v.hotel_id == hotel, v.point_id == version.point, v.version == version.number)
    another = or_(v.edited_by.is_(None), v.edited_by != by)
    query = update(point_versions).where(same, v.approved_at.is_(None), another)
    if (await tx.execute(query.values(approved_by=by, approved_at=at))).rowcount != 1:
        return False
    p = points.c
    newest = update(points).where(
        p.hotel_id == hotel, p.point_id == version.point, p.version == version.number
    )
    done = await tx.execute(newest.values(approved_version=version.number, changed_at=at))
    await _moved(tx, hotel)
    return done.rowcount == 1


async def retire(
    tx: AsyncConnection, hotel: HotelId, point: PointId, by: StaffId | None, at: datetime, gone: bool = True
) -> None:
    """Take a point back at once, or let it answer again as it last did."""
    query = update(points).where(points.c.hotel_id == hotel, points.c.point_id == point)
    values = {"retired_at": at if gone else None, "retired_by": by if gone else None, "changed_at": at}
    await tx.execute(query.values(**values))
    await _moved(tx, hotel)


# ---- reading


async def list_points(
    tx: AsyncConnection,
    hotel: HotelId,
    since: datetime | None = None,
    ids: Iterable[str] | None = None,
) -> list[Point]:
    """Points in the order of their ids: all, those changed at or after `since`, or those named."""
    if ids is not None:
        named = sorted(set(ids))
        found: list[Point] = []
        for at in range(0, len(named), PORTION):
            found += await _points(tx, hotel, points.c.point_id.in_(named[at : at + PORTION]))
        return found
    return await _points(tx, hotel, points.c.changed_at >= since if since else points.c.hotel_id == hotel)


async def _points(tx: AsyncConnection, hotel: HotelId, which: Any) -> list[Point]:
    p, v = points.c, point_versions.c
    current = or_(v.version == p.version, v.version == p.approved_version)
    same = and_(v.hotel_id == p.hotel_id, v.point_id == p.point_id, current)
    columns = (p.version.label("newest"), p.approved_version, p.changed_at, p.retired_at, p.retired_by)
    query = select(point_versions, *columns).select_from(points.join(point_versions, same))
    query = query.where(p.hotel_id == hotel, which).order_by(p.point_id, v.version)
    found: dict[str, Point] = {}
    for row in (await tx.execute(query)).all():
        found[row.point_id] = _joined(row, found.get(row.point_id))
    return list(found.values())


def _joined(r: Row[Any], earlier: Point | None) -> Point:
    """A point from one or two of its versions, the older first."""
    version = _version(r)
    approved = version if r.version == r.approved_version else (earlier.approved if earlier else None)
    return Point(PointId(r.point_id), version, approved, r.changed_at, r.retired_at, r.retired_by)


async def point_of(tx: AsyncConnection, hotel: HotelId, id_: PointId) -> Point | None:
    found = await list_points(tx, hotel, ids=[id_])
    return found[0] if found else None


async def history(tx: AsyncConnection, hotel: HotelId, id_: PointId) -> list[Version]:
    """All versions of a point, newest first."""
    v = point_versions.c
    query = select(point_versions).where(v.hotel_id == hotel, v.point_id == id_).order_by(v.version.desc())
    return [_version(r) for r in (await tx.execute(query)).all()]


async def titles_of(tx: AsyncConnection, hotel: HotelId, ids: set[str]) -> dict[str, str]:
    """The title of each point that is named, as it was written last."""
    return {point.id: point.latest.entry.title for point in await list_points(tx, hotel, ids=ids)}


# ---- what staff did with questions that found no answer


@dataclass(frozen=True)
class Mark:
    """What somebody said about a question (`seq` of the handoff) or an answer: wrong, settled, drafted."""

    conversation: ConversationId
    seq: int
    mark: str
    by: StaffId | None
    at: datetime
    point: PointId | None = None


async def mark_question(tx: AsyncConnection, hotel: HotelId, mark: Mark) -> None:
    values = {"staff_id": mark.by, "at": mark.at, "point_id": mark.point}
    place = {"hotel_id": hotel, "conversation_id": mark.conversation, "seq": mark.seq, "mark": mark.mark}
    query = insert_or_ignore(tx, question_marks).values(**place, **values)
    await tx.execute(query.on_conflict_do_update(index_elements=list(place), set_=values))


async def unmark_question(
    tx: AsyncConnection, hotel: HotelId, conversation: ConversationId, seq: int, mark: str
) -> None:
    m = question_marks.c
    place = (m.hotel_id == hotel, m.conversation_id == conversation, m.seq == seq, m.mark == mark)
    await tx.execute(delete(question_marks).where(*place))


async def marks_since(tx: AsyncConnection, hotel: HotelId, since: datetime) -> list[Mark]:
    m = question_marks.c
    query = select(question_marks).where(m.hotel_id == hotel, m.at >= since).order_by(m.at)
    return [
        Mark(r.conversation_id, r.seq, r.mark, r.staff_id, r.at, r.point_id)
        for r in (await tx.execute(query)).all()
    ]


async def wrong_answers(tx: AsyncConnection, hotel: HotelId, conversation: ConversationId) -> set[int]:
    """The answers of a conversation that staff have called wrong, by their seq."""
    m = question_marks.c
    query = select(m.seq).where(m.hotel_id == hotel, m.conversation_id == conversation, m.mark == "wrong")
    return set((await tx.execute(query)).scalars())
