"""Days said by the calendar: 12月3号, 2026-12-01, 15号, 月底, 下个月."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date, datetime

from nlu.numerals import whole
from nlu.when.day import PAST, YEAR, Day, N, dated, month_on, months_away, year_of
from nlu.when.halves import PART


def calendar_days(text: str, now: datetime) -> Iterator[Day]:
    """12月3号, 2026年12月1日, 明年3月8号, 十二月三号."""
    pattern = rf"(?:{YEAR})?(?P<month>{N})月份?的?(?P<day>{N})(?P<mark>日|号|號)?"
    for match in re.finditer(pattern, text):
        month, day = whole(match["month"]), whole(match["day"])
        after = text[match.end() :]
        if not match["mark"] and _counts_more(match["day"], after):
            continue
        year = year_of(match, now)
        first = dated(year, month, day, now, text)
        if first:
            yield Day(match.start(), match.end(), first, loose="" if year else "year")


def _counts_more(day: str, after: str) -> bool:
    """12月25间 is no day, and 一月一付 neither: a lone Chinese digit must end the date."""
    lone = len(day) == 1 and not day.isdigit()
    return bool(
        re.match(r"[间个位条瓶份张晚天月点]", after) or (lone and not re.match(r"$|[\s,。,到至-]", after))
    )


_FULL = re.compile(
    r"(?<!\d)(?P<year>20\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)"
    r"|(?<![\da-z单号])(?P<year8>20\d\d)(?P<month8>0[1-9]|1[0-2])(?P<day8>0[1-9]|[12]\d|3[01])(?!\d)"
)
_MORE = r"(?!\s*(?:元|块|折|米|个|小时|公里|寸|斤|人|位|间|天|岁|万|度|倍|楼|点|m|k|晚(?![上\d一二三四五六七八九十])))"
_SHORT_SPAN = re.compile(
    r"(?<![\d./:-])(?P<month>\d{1,2})(?P<dot>[/.])(?P<day>\d{1,2})号?\s*(?:-|~|—|–|到|至)+\s*"
    rf"(?P<month2>\d{{1,2}})(?P=dot)(?P<day2>\d{{1,2}})号?(?![\d./:%]){_MORE}"
)
_SHORT = re.compile(
    r"(?<![\d./:-])(?P<month>\d{1,2})(?P<dot>[-/.])(?P<day>\d{1,2})(?P<mark>号|日)?(?![\d./:%])"
)
_IS_CLOCK_BEFORE = re.compile(rf"(?:{PART})\s*$")
_IS_CLOCK_AFTER = re.compile(r"\s*(?:叫|喊我|起床|morning)")


def written_days(text: str, now: datetime) -> Iterator[Day]:
    """2026-12-01, 2026/12/1, 2026.12.1, 20261201, 11/30, 12.25, 12-25, 12.24-12.26."""
    for match in _FULL.finditer(text):
        year, month, day = (match[part] or match[f"{part}8"] for part in ("year", "month", "day"))
        first = dated(int(year), int(month), int(day), now, text)
        if first:
            yield Day(match.start(), match.end(), first)
    for match in _SHORT_SPAN.finditer(text):
        yield from _short_span(match, now)
    for match in _SHORT.finditer(text):
        first = dated(None, int(match["month"]), int(match["day"]), now, text)
        if first and not _is_decimal(match, text):
            yield Day(match.start(), match.end(), first, loose="year")


def _short_span(match: re.Match[str], now: datetime) -> Iterator[Day]:
    text = match.string
    first = dated(None, int(match["month"]), int(match["day"]), now, text)
    last = dated(None, int(match["month2"]), int(match["day2"]), now, text)
    if first and last:
        last = last if last > first else month_on(last, 12)
        yield Day(match.start(), match.end(), first, last)


def _is_decimal(match: re.Match[str], text: str) -> bool:
    """1.5米, 3.5, and 7.30 where it is a time of day."""
    if match["mark"]:
        return False
    if not re.match(_MORE, text[match.end() :]):
        return True
    clock = _IS_CLOCK_BEFORE.search(text[: match.start()]) or _IS_CLOCK_AFTER.match(text, match.end())
    return (match["dot"] in ".-" and len(match["day"]) < 2) or (match["dot"] == "." and bool(clock))


def days_of_month(text: str, now: datetime) -> Iterator[Day]:
    """15号: the next fifteenth; 下个月5号, 这个月底 with their month."""
    pattern = r"(?:(?P<rel>(?:下|上)+一?个?月|这个?月|本月|当月)的?|(?P<lead>[-到至~、和])|(?<![\d月一二三四五六七八九十/.房楼第座栋]))(?P<day>\d{1,2}|[一二三四五六七八九十廿]{1,3})(?P<mark>号|日|號)(?!楼|线|房|店|门|厅|码|包|出口|会议|电梯|柜|窗口|桩|车位|技师|馆|公寓|机|院|桌|游|键|口|航站|常)"
    for match in re.finditer(pattern, text):
        day = whole(match["day"])
        if (
            day is None
            or not 1 <= day <= 31
            or (
                match["mark"] == "日"
                and not match["rel"]
                and not match["day"].isdigit()
                and len(match["day"]) == 1
                and not match["lead"]
            )
        ):
            continue
        first = _of_month(match["rel"], day, now, text)
        start = match.start() if match["rel"] else match.start("day")
        if first:
            yield Day(start, match.end(), first, loose="" if match["rel"] else "month")


_ORDINAL = re.compile(
    r"(?<![a-z\d])(?P<day>3[01]|[12]?[1-9]|[12]0)(?:st|nd|rd|th)(?![a-z])(?! (?:floor|time|room|of ))"
)


def english_days_of_month(text: str, now: datetime) -> Iterator[Day]:
    """The 26th."""
    for match in _ORDINAL.finditer(text):
        first = _of_month(None, int(match["day"]), now, text)
        if first:
            yield Day(match.start(), match.end(), first, loose="month")


def _of_month(rel: str | None, day: int, now: datetime, text: str) -> date | None:
    months = months_away(rel)
    base = month_on(now.date().replace(day=1), months)
    forward = rel is None and day < now.day and not PAST.search(text)
    for _ in range(3):
        try:
            if forward:
                raise ValueError("this month's is over")
            return base.replace(day=day)
        except ValueError:
            base, forward = month_on(base, 1), False
            if rel:
                return None
    return None


def parts_of_month(text: str, now: datetime) -> Iterator[Day]:
    """月底, 下个月初, 12月中旬, 年底: a clerk asks which day."""
    pattern = rf"(?:(?P<rel>(?:下|上)+一?个?|这个?|本|这)?|(?P<month>{N}))月(?P<part>底|末|初|中旬|上旬|下旬|中(?!餐|心|午|国|式))"
    for match in re.finditer(pattern, text):
        base = _month_named(match["month"], match["rel"], now)
        if base:
            first, last = _month_part(base, match["part"])
            if last < now.date() and not match["rel"] and not match["month"]:
                first, last = _month_part(month_on(base, 1), match["part"])
            yield Day(match.start(), match.end(), first, None if first == last else last, ambiguous=True)
    named = rf"(?:(?P<rel>(?:下|上)+一?个?|这个?|本|这)|(?P<month>{N}))月份?的?最后一[天日]"
    for match in re.finditer(named, text):
        base = _month_named(match["month"], match["rel"], now)
        if base:
            yield Day(match.start(), match.end(), _month_part(base, "底")[0])
    for match in re.finditer(r"(?P<next>明年|后年)?(?:年底|年末|岁末)", text):
        year = now.year + {"明": 1, "后": 2}.get((match["next"] or "")[:1], 0)
        yield Day(match.start(), match.end(), date(year, 12, 31), ambiguous=True)


def _month_named(month: str | None, rel: str | None, now: datetime) -> date | None:
    if month is None:
        return month_on(now.date().replace(day=1), months_away(rel))
    n = whole(month)
    if n is None or not 1 <= n <= 12:
        return None
    return date(now.year + (n < now.month), n, 1)


def _month_part(first: date, part: str) -> tuple[date, date]:
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    spans = {"底": (last, last), "末": (last, last), "初": (first, first), "中": (first.replace(day=15),) * 2,
             "上旬": (first, first.replace(day=10)), "中旬": (first.replace(day=11), first.replace(day=20)),
             "下旬": (first.replace(day=21), last)}  # fmt: skip
    low, high = spans[part]
    return low, high


def whole_months(text: str, now: datetime) -> Iterator[Day]:
    pattern = rf"(?:(?:{YEAR})?(?P<month>{N})月份?|(?P<rel>(?:下|上)+一?个?|这个?|本)月)(?![底末初中上下]|\d|[一二三四五六七八九十]|饼|子|票|租|卡|结|供|嫂|台|亮)"
    for match in re.finditer(pattern, text):
        if match["month"] and (
            re.search(r"[个半\d]$", text[: match.start("month")]) or match["month"] == "半"
        ):
            continue
        base = _month_named(match["month"], match["rel"], now)
        if base and match["month"] and year_of(match, now):
            base = base.replace(year=year_of(match, now) or base.year)
        if base:
            last = base.replace(day=calendar.monthrange(base.year, base.month)[1])
            yield Day(match.start(), match.end(), base, last, ambiguous=True)
