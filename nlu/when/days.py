"""All days of a text in reading order, and the spans two of them make."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from nlu.numerals import whole
from nlu.when import festivals, months, relative
from nlu.when.day import Day

# The order is the order of trust.
_DAY_READERS: tuple[Callable[[str, datetime], Iterator[Day]], ...] = (
    festivals.festivals, festivals.lunar_days, months.calendar_days, months.written_days, relative.both_days, relative.days_on, relative.weekends, relative.weekdays, relative.weeks,
    months.parts_of_month, months.days_of_month, months.whole_months, relative.relative_days, relative.english_days,
)  # fmt: skip


def _all(text: str, now: datetime) -> list[Day]:
    days: list[Day] = []
    for reader in _DAY_READERS:
        for day in reader(text, now):
            if all(day.end <= other.start or other.end <= day.start for other in days):
                days.append(day)
    return _chained(sorted(days, key=lambda day: day.start))


def _chained(days: list[Day]) -> list[Day]:
    """下周五入住周日退房: a bare weekday after a date is the one that follows it."""
    out: list[Day] = []
    for day in days:
        before = out[-1] if out else None
        if before and day.plain_weekday and day.first <= (before.last or before.first):
            gap = ((day.first - before.first).days % 7) or 7
            day = replace(day, first=before.first + timedelta(gap))
        out.append(day)
    return out


_TO = re.compile(r"\s*(?:入住)?\s*(?:-|~|—|–|到|至|直到|一直到)+\s*")


def find_days(text: str, now: datetime) -> list[Day]:
    """后天到大后天, 12月3-5号, 25到28号: one span instead of two days."""
    out: list[Day] = []
    for day in _open_starts(text, _all(text, now), now):
        before = out[-1] if out else None
        if before and _TO.fullmatch(text[before.end : day.start]) and _to(before, day):
            out[-1] = _to(before, day) or before
        else:
            out.append(day)
    return out


def _to(first: Day, then: Day) -> Day | None:
    last = then.last or then.first
    if last <= first.first:
        return None
    return replace(
        first, end=then.end, last=last, ambiguous=first.ambiguous or then.ambiguous, part=then.part
    )


def _open_starts(text: str, days: list[Day], now: datetime) -> list[Day]:
    """The 25 of 25到28号, and 12月3-5号 whose second half has no month."""
    out = list(days)
    for day in days:
        match = re.search(
            r"(?<![\d月.:/])(\d{1,2}|[一二三四五六七八九十]{1,3})\s*(?:-|~|到|至)\s*$", text[: day.start]
        )
        n = whole(match.group(1)) if match else None
        covered = match and any(other.start < match.end(1) and match.start() < other.end for other in days)
        if (
            match
            and n
            and not covered
            and n < day.first.day
            and day.last is None
            and re.search("[号日]", text[day.start : day.end])
        ):
            out.append(Day(match.start(), match.end(1), day.first.replace(day=n)))
        tail = re.match(
            r"\s*(?:-|~|到|至)\s*(\d{1,2}|[一二三四五六七八九十]{1,3})(号|日)?(?!\d|[点:.月])",
            text[day.end :],
        )
        n = whole(tail.group(1)) if tail else None
        if (
            tail
            and n
            and day.last is None
            and day.first.day < n <= 31
            and re.search("[月日号]|[./-]", text[day.start : day.end])
        ):
            end = day.end + tail.end()
            if not any(other.start < end and day.end < other.end for other in days):
                out.append(Day(day.end + tail.start(1), end, _same_month(day.first, n)))
    return sorted(out, key=lambda day: day.start)


def _same_month(day: date, n: int) -> date:
    return day.replace(day=min(n, calendar.monthrange(day.year, day.month)[1]))
