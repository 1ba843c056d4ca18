"""The rules of knowledge points: what may be written, who may approve, what answers whom and when.

A version is approved by somebody who did not edit it; until then the one approved before goes on answering.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import sealing
from bot.channels import CHANNELS
from bot.ids import new_id
from bot.model import HotelId, StaffId
from bot.store import points
from bot.store.points import Entry, Point, PointId, Version
from bot.texts import BadSentence, placeholders

REMINDED = timedelta(days=14)
TITLE, ANSWER, VARIANT, VARIANTS = 80, 2000, 80, 60  # characters, and how many ways to ask


class PointState(StrEnum):
    """How a point stands, as staff see it."""

    DRAFT = "draft"  # nothing of it has been approved yet
    CHANGED = "changed"  # the approved version answers, a newer one waits for approval
    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    UPCOMING = "upcoming"
    RETIRED = "retired"


class Refused(Exception):
    """What can't be done: own_edit, outdated, approved_already, unknown_point, or the code of a mistake."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code, self.values = code, values


@dataclass(frozen=True)
class Mistake:
    """What is wrong with an entry, and where: a code of the texts, with its values."""

    field: str
    code: str
    values: Mapping[str, Any]


def state_of(point: Point, today: date) -> PointState:
    if point.retired_at:
        return PointState.RETIRED
    if point.approved is None:
        return PointState.DRAFT
    if point.latest.number != point.approved.number:
        return PointState.CHANGED
    return _by_date(point.approved.entry, today)


def _by_date(entry: Entry, today: date) -> PointState:
    if entry.valid_to and entry.valid_to < today:
        return PointState.EXPIRED
    if entry.valid_from and entry.valid_from > today:
        return PointState.UPCOMING
    near = entry.valid_to and entry.valid_to - today <= REMINDED
    return PointState.EXPIRING if near else PointState.ACTIVE


def speaks(entry: Entry, today: date, channel: str | None) -> bool:
    """Whether it may be said on this day, on this channel (None: whichever)."""
    begun = entry.valid_from is None or entry.valid_from <= today
    over = entry.valid_to is not None and entry.valid_to < today
    return begun and not over and (not entry.channels or channel is None or channel in entry.channels)


def mistakes(entry: Entry) -> Iterator[Mistake]:
    """Why this can't be kept; a missing fact is none, since it may come later."""
    for field, text, limit in (("title", entry.title, TITLE), ("answer", entry.answer, ANSWER)):
        if not text.strip():
            yield Mistake(field, "empty", {})
        elif len(text) > limit:
            yield Mistake(field, "too_long", {"limit": limit})
    if len(entry.variants) > VARIANTS:
        yield Mistake("variants", "too_many", {"limit": VARIANTS})
    if any(len(variant) > VARIANT for variant in entry.variants):
        yield Mistake("variants", "too_long", {"limit": VARIANT})
    try:
        placeholders(entry.answer)
    except BadSentence as error:
        yield Mistake("answer", "placeholder", {"what": str(error)})
    if entry.valid_from and entry.valid_to and entry.valid_to < entry.valid_from:
        yield Mistake("valid_to", "order", {})
    if unknown := sorted(set(entry.channels) - set(CHANNELS)):
        yield Mistake("channels", "channel", {"what": "、".join(unknown)})


def missing(entry: Entry, facts: Mapping[str, Any]) -> list[str]:
    """The facts that its answer needs and nobody has told us."""
    try:
        wanted = [name for name, _ in placeholders(entry.answer)]
    except BadSentence:
        return []
    return [name for name in dict.fromkeys(wanted) if facts.get(name) in (None, "")]


def tidy(entry: Entry) -> Entry:
    """As it is kept: trimmed, no variant twice, and no number that identifies anybody in clear."""
    variants = dict.fromkeys(masked(v.strip()) for v in entry.variants if v.strip())
    title = masked(" ".join(entry.title.split()))
    variants.pop(title, None)
    return replace(entry, title=title, answer=masked(entry.answer.strip()), variants=tuple(variants))


def masked(text: str) -> str:
    """Points are read by everybody, so a number that identifies is not sealed with them but left out."""
    return sealing.mask(text, sealing.find(text))


def new_point_id() -> PointId:
    return PointId(new_id())


async def edit(
    tx: AsyncConnection,
    hotel: HotelId,
    id_: PointId,
    entry: Entry,
    by: StaffId | None,
    at: datetime,
    source: str,
    base: int | None = None,
) -> Version:
    """Write a new version, which waits for approval. Raises Refused; what changes nothing is no version.

    `base` is the version that was edited: somebody else's newer one is not written over.
    """
    entry = tidy(entry)
    for mistake in mistakes(entry):
        raise Refused(f"point_{mistake.field}_{mistake.code}", **mistake.values)
    known = await points.point_of(tx, hotel, id_)
    if known and base is not None and known.latest.number != base:
        raise Refused("outdated")
    if known and known.latest.entry == entry:
        return known.latest
    version = Version(id_, known.latest.number + 1 if known else 1, entry, source, at, by)
    await points.add_versions(tx, hotel, [version], at)
    return version


async def approve(
    tx: AsyncConnection, hotel: HotelId, id_: PointId, number: int, by: StaffId, at: datetime
) -> Version:
    """Let a version answer guests. Raises Refused: never by its editor, and only the newest version."""
    known = await points.point_of(tx, hotel, id_)
    if known is None:
        raise Refused("unknown_point")
    version = known.latest
    if version.number != number:
        raise Refused("outdated")
    if version.approved_at:
        raise Refused("approved_already")
    if version.edited_by == by or not await points.approve(tx, hotel, version, by, at):
        raise Refused("own_edit")
    return replace(version, approved_by=by, approved_at=at)


async def take_over(
    tx: AsyncConnection, hotel: HotelId, entries: Sequence[tuple[PointId, Entry]], at: datetime
) -> int:
    """A hotel's own YAML, imported by whoever runs the service: it answers at once. How many are new."""
    there = await points.list_points(tx, hotel, ids=[id_ for id_, _ in entries])
    known = {point.id: point for point in there}
    new = []
    for id_, entry in entries:
        before = known.get(id_)
        if before and not before.retired_at and _says(before.approved) == (entry.title, entry.answer):
            continue
        number = before.latest.number + 1 if before else 1
        new.append(Version(id_, number, _over(before, entry), "hotel", at, None, at, None))
        if before and before.retired_at:
            await points.retire(tx, hotel, id_, None, at, gone=False)
    await points.add_versions(tx, hotel, new, at)
    return len(new)


def _says(version: Version | None) -> tuple[str, str]:
    return (version.entry.title, version.entry.answer) if version else ("", "")


def _over(before: Point | None, entry: Entry) -> Entry:
    """The YAML says title and answer; what staff have added to a point stays."""
    if before is None:
        return entry
    return replace(before.latest.entry, title=entry.title, answer=entry.answer, topic=entry.topic)
