"""A date in the text while it is being read, and the arithmetic of months and years. Reads no text itself."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from nlu.numerals import CHAR, number

NIGHT_ENDS = 5  # said before five in the morning, "tomorrow" may well mean after getting up

N = rf"(?:\d{{1,2}}|[{CHAR}]{{1,3}})"
YEAR = r"(?:(?P<year>\d{4}|\d{2}(?=年)|[零〇一二三四五六七八九]{4})年?[-/.年]?|(?P<relyear>今年|明年|后年|去年)的?)"
PAST = re.compile(
    r"遗留|落在|落了|落下|丢|忘|住过|住的|退的房|当时|捡|那天|上次|曾|已经|之前[^退入到]|没退|扣了|发票还?没|还没开|的发票|的账单|的水单|消费|来过|入住过"
)


@dataclass(frozen=True)
class Day:
    """A date or a span of dates in the text, before it becomes a Found."""

    start: int
    end: int
    first: date
    last: date | None = None
    ambiguous: bool = False
    part: str = ""  # the half of the day a word like 明早 brings along
    loose: str = ""  # what the guest left open: "week" (周日), "month" (5号), "year" (12月5号)


def shift(day: date, count: int, unit: str) -> date:
    if unit in ("天", "日"):
        return day + timedelta(count)
    if unit == "年":
        return month_on(day, 12 * count)
    return month_on(day, count) if unit == "个月" else day + timedelta(7 * count)


def month_on(day: date, count: int) -> date:
    months = day.year * 12 + day.month - 1 + count
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def year_of(match: re.Match[str], now: datetime) -> int | None:
    if match["relyear"]:
        return now.year + {"今": 0, "明": 1, "后": 2, "去": -1}[match["relyear"][0]]
    if not match["year"]:
        return None
    digits = match["year"] if match["year"].isdigit() else str(int(number(match["year"]) or 0))
    return int(digits) + (2000 if len(digits) == 2 else 0)


def _leap_year(year: int) -> int:
    return next(one for one in range(year, year + 9) if calendar.isleap(one))


def dated(year: int | None, month: int | None, day: int | None, now: datetime, text: str) -> date | None:
    """The day itself; without a year the next one, or the last one where the guest tells of the past."""
    if month is None or day is None:
        return None
    try:
        if year is not None:
            return date(year, month, day)
        this = date(_leap_year(now.year) if (month, day) == (2, 29) else now.year, month, day)
        if this < now.date() and not (PAST.search(text) or ((now.date() - this).days < 3 and "昨" in text)):
            return date(now.year + 1, month, day)
        return this
    except ValueError:
        return None


def months_away(rel: str | None) -> int:
    return rel.count("下") - rel.count("上") if rel else 0
