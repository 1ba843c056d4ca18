"""Festivals and the days of the lunar calendar: 国庆, 除夕, 大年初三, 农历八月十五."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

from nlu import lunar
from nlu.numerals import CHAR, whole
from nlu.when.day import YEAR, Day, year_of


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _qingming(year: int) -> date:
    """The solar term's usual formula, right for 2000 to 2099."""
    return date(year, 4, int(year % 100 * 0.2422 + 4.81) - year % 100 // 4)


def _fixed(month: int, day: int) -> Callable[[int], date | None]:
    return lambda year: date(year, month, day)


def _moon(month: int, day: int) -> Callable[[int], date | None]:
    return lambda year: lunar.solar(year, month, day)


_FESTIVALS: dict[str, Callable[[int], date | None]] = {
    r"元旦节?": _fixed(1, 1), r"情人节": _fixed(2, 14), r"妇女节|女神节|三八节": _fixed(3, 8), r"清明节?": _qingming,
    r"劳动节|五一(?!二|路|广场|[零〇一二三四五六七八九])": _fixed(5, 1), r"儿童节|六一(?![零〇一二三四五六七八九])": _fixed(6, 1),
    r"国庆节?|十一(?=长假|黄金周|假期|期间|放假|那[几两天]|去|来|有房|还有|节)": _fixed(10, 1), r"万圣节?": _fixed(10, 31),
    r"双十一|双11": _fixed(11, 11), r"双十二|双12": _fixed(12, 12), r"教师节": _fixed(9, 10), r"平安夜": _fixed(12, 24),
    r"圣诞节?|christmas": _fixed(12, 25), r"跨年夜?": _fixed(12, 31), r"五四青年节|青年节": _fixed(5, 4), r"愚人节": _fixed(4, 1),
    r"母亲节": lambda year: _nth(year, 5, 6, 2), r"父亲节": lambda year: _nth(year, 6, 6, 3),
    r"感恩节": lambda year: _nth(year, 11, 3, 4), r"白色情人节": _fixed(3, 14), r"植树节": _fixed(3, 12),
    r"春节|大年初一|正月初一|年初一|过年(?=那天|有|还|期间|要|来|住|订|的)": _moon(1, 1), r"除夕夜?|大年三十|年三十|大年夜|年夜": lunar.new_years_eve,
    r"元宵节?|正月十五": _moon(1, 15), r"端午节?": _moon(5, 5), r"七夕节?": _moon(7, 7), r"中秋节?": _moon(8, 15),
    r"重阳节?": _moon(9, 9), r"中元节|鬼节": _moon(7, 15), r"腊八节?": lambda year: lunar.solar(year - 1, 12, 8) or None,
}  # fmt: skip


def festivals(text: str, now: datetime) -> Iterator[Day]:
    for words, on in _FESTIVALS.items():
        for match in re.finditer(
            rf"(?:{YEAR})?(?P<word>{words})(?:当天|那天|当晚|假期|期间|黄金周|长假)?", text
        ):
            if match["word"] in ("五一", "六一", "十一") and re.search(
                r"[\d零一二三四五六七八九十]$", text[: match.start()]
            ):
                continue
            first = _festival(on, year_of(match, now), now)
            if first:
                yield Day(match.start(), match.end("word"), first)


def _festival(on: Callable[[int], date | None], year: int | None, now: datetime) -> date | None:
    if year is not None:
        return on(year)
    coming = (on(now.year + more) for more in (0, 1, 2))
    return next((day for day in coming if day and day >= now.date()), None)


def lunar_days(text: str, now: datetime) -> Iterator[Day]:
    """农历八月十五, 大年初三, 腊月二十九, 正月初八."""
    names = {"正": 1, "冬": 11, "腊": 12}
    pattern = rf"(?:(?P<mark>农历|阴历|旧历)(?P<month>[{CHAR}正冬腊]{{1,2}})月|(?P<named>[正冬腊])月|(?P<year>大年|年)(?=初))(?P<day>初?[一二三四五六七八九十廿卅]{{1,3}})"
    for match in re.finditer(pattern, text):
        name = match["month"] or match["named"] or "正"
        month, day = names.get(name) or whole(name), whole(match["day"].lstrip("初"))
        if month is None or day is None:
            continue
        coming = (lunar.solar(now.year + more, month, day) for more in (-1, 0, 1))
        first = next((found for found in coming if found and found >= now.date()), None)
        if first:
            yield Day(match.start(), match.end(), first)
