"""All days of a text in reading order, and the spans two of them make."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from nlu.numerals import whole
from nlu.when import festivals, months, relative
from nlu.when.day import PAST, Day, month_on

# The order is the order of trust.
_DAY_READERS: tuple[Callable[[str, datetime], Iterator[Day]], ...] = (
    festivals.festivals, festivals.lunar_days, months.calendar_days, months.written_days, relative.both_days,
    relative.days_on, relative.weekends, relative.weekdays, relative.weeks, months.parts_of_month,
    months.days_of_month, months.whole_months, relative.relative_days, relative.english_days,
    months.english_days_of_month,
)  # fmt: skip

_DASH = r"(?:-|~|—|–|到|至)"
_LIST = r"(?:、|,|和|跟|与|及)"
_N = r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})"
_TO = re.compile(
    r"\s*(?:起|开始|入住|进店|到店|check\s?in)?[,，]?\s*(?:住|入住|待|呆|一直|玩)*\s*(?:-|~|—|–|到|至|直到|一直到|until|till|to)+\s*"
)
_OR = re.compile(rf"\s*(?:{_LIST}|或者?|还是)\s*")
_LEAVES = re.compile(r"退|离|走|住到|check\s?out|结束|回|还")
_OPEN_START = re.compile(rf"(?<![\d月.:/{'一二三四五六七八九十'}])(?P<n>{_N})\s*(?P<by>{_DASH}|{_LIST})\s*$")
_OPEN_END = re.compile(rf"\s*{_DASH}\s*(?P<n>{_N})(?P<mark>号|日)?(?!\d|[点:.月/]|{_N}|个|位|间)")
_DEPARTS = re.compile(r".{0,4}(?:飞机|航班|高铁|火车|动车|车票|开会)")
_APPOSITION = re.compile(r"\s*[(,]?\s*")


def find_days(text: str, now: datetime) -> list[Day]:
    """后天到大后天, 12月3-5号, 25到28号: one span instead of two days."""
    out: list[Day] = []
    for day in _chained(text, _named_twice(text, _opened(text, _all(text, now)))):
        before = out[-1] if out else None
        joined = _to(before, day) if before and _TO.fullmatch(text[before.end : day.start]) else None
        if joined:
            out[-1] = joined
        else:
            out.append(day)
    return out


def _all(text: str, now: datetime) -> list[Day]:
    days: list[Day] = []
    for reader in _DAY_READERS:
        for day in reader(text, now):
            if _free(day.start, day.end, days):
                days.append(day)
    return sorted(days, key=lambda day: day.start)


def _free(start: int, end: int, days: list[Day]) -> bool:
    return all(end <= other.start or other.end <= start for other in days)


def _named_twice(text: str, days: list[Day]) -> list[Day]:
    """12月25日(周五) is one day; where the weekday is another, the date stands and is asked about."""
    out: list[Day] = []
    for day in days:
        before = out[-1] if out else None
        told = (
            before
            and before.last is None
            and (day.first == before.first or (before.loose != "week" and day.loose == "week"))
        )
        if before and told and _APPOSITION.fullmatch(text[before.end : day.start]):
            same = before.first.weekday() == day.first.weekday()
            out[-1] = replace(before, end=day.end, ambiguous=before.ambiguous or not same)
        else:
            out.append(day)
    return out


def _chained(text: str, days: list[Day]) -> list[Day]:
    """下周五入住周日退房: what leaves week, month or year open follows the date before it."""
    out: list[Day] = []
    for day in days:
        before = out[-1] if out else None
        out.append(_following(before, day, text) if before and day.loose else day)
    return out


def _following(before: Day, day: Day, text: str) -> Day:
    after = before.last or before.first
    if _DEPARTS.match(text, before.end):
        return day
    if day.loose == "week":
        gap = ((day.first - before.first).days % 7) or 7
        return day if day.first > after else replace(day, first=before.first + timedelta(gap))
    between = text[before.end : day.start]
    joined = _TO.fullmatch(between) or (day.first < before.first and _OR.fullmatch(between))
    if joined and day.last is None:
        return replace(day, first=_next(before.first, day))
    if day.first <= after and _LEAVES.match(text[day.end : day.end + 3]) and not PAST.search(text):
        return replace(day, first=_next(before.first, day))
    return day


def _next(after: date, day: Day) -> date:
    """The first of the days `day` may mean that is later than `after`."""
    first = day.first.replace(day=1, year=after.year)
    if day.loose == "month":
        first = first.replace(month=after.month)
    for _ in range(5):
        there = _same_month(first, day.first.day)
        if there > after and there.day == day.first.day:
            return there
        first = month_on(first, 1 if day.loose == "month" else 12)
    return day.first


def _to(first: Day, then: Day) -> Day | None:
    last = then.last or then.first
    if last <= first.first:
        return None
    return replace(
        first, end=then.end, last=last, ambiguous=first.ambiguous or then.ambiguous, part=then.part
    )


def _opened(text: str, days: list[Day]) -> list[Day]:
    """The 25 of 25到28号 or 28、29号, and 12月3-5号 whose second half has no month."""
    out = list(days)
    for day in days:
        if day.last is None:
            out.extend(_starts(text, day, out))
            out.extend(_ends(text, day, out))
    return sorted(out, key=lambda day: day.start)


def _starts(text: str, day: Day, taken: list[Day]) -> Iterator[Day]:
    """From right to left, as long as the numbers fall: 1、2、3号."""
    if not re.search("[号日]", text[day.start : day.end]) or "月" in text[day.start : day.end]:
        return
    while match := _OPEN_START.search(text[: day.start]):
        n = whole(match["n"])
        if not n or n >= day.first.day or not _free(match.start(), match.end("n"), taken):
            return
        day = replace(day, start=match.start(), end=match.end("n"), first=day.first.replace(day=n))
        yield day


def _ends(text: str, day: Day, taken: list[Day]) -> Iterator[Day]:
    match = _OPEN_END.match(text, day.end)
    n = whole(match["n"]) if match else None
    dated = re.search("[月日号]|[./-]|[a-z] ", text[day.start : day.end])
    if match and n and dated and day.first.day < n <= 31 and _free(day.end, match.end(), taken):
        yield Day(match.start("n"), match.end(), _same_month(day.first, n))


def _same_month(day: date, n: int) -> date:
    return day.replace(day=min(n, calendar.monthrange(day.year, day.month)[1]))
