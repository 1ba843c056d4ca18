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


def _winter_solstice(year: int) -> date:
    return date(year, 12, int(year % 100 * 0.2422 + 21.94) - year % 100 // 4)


def _fixed(month: int, day: int) -> Callable[[int], date | None]:
    return lambda year: date(year, month, day)


def _moon(month: int, day: int) -> Callable[[int], date | None]:
    return lambda year: lunar.solar(year, month, day)


_FESTIVALS: dict[str, Callable[[int], date | None]] = {
    r"元旦节?": _fixed(1, 1), r"情人节": _fixed(2, 14), r"妇女节|女神节|三八节": _fixed(3, 8), r"清明节?": _qingming,
    r"劳动节|五一(?!点|二|路|广场|[零〇一二三四五六七八九])": _fixed(5, 1), r"儿童节|六一(?![零〇一二三四五六七八九])": _fixed(6, 1),
    r"国庆节?|十一(?=长假|黄金周|假期|期间|放假|那[几两天]|去|来|有房|还有|节)": _fixed(10, 1), r"万圣节?": _fixed(10, 31),
    r"双十一|双11": _fixed(11, 11), r"双十二|双12": _fixed(12, 12), r"教师节": _fixed(9, 10), r"平安夜": _fixed(12, 24),
    r"christmas eve|圣诞(?:前夜|夜)": _fixed(12, 24), r"圣诞节?|christmas": _fixed(12, 25), r"跨年夜?": _fixed(12, 31), r"五四青年节|青年节": _fixed(5, 4), r"愚人节": _fixed(4, 1),
    r"母亲节": lambda year: _nth(year, 5, 6, 2), r"父亲节": lambda year: _nth(year, 6, 6, 3),
    r"感恩节": lambda year: _nth(year, 11, 3, 4), r"白色情人节": _fixed(3, 14), r"植树节": _fixed(3, 12),
    r"春节|大年初一|正月初一|年初一|过年(?=那天|有|还|期间|要|来|住|订|的)": _moon(1, 1), r"除夕夜?|大年三十|年三十|大年夜|年夜": lunar.new_years_eve,
    r"元宵节?|正月十五": _moon(1, 15), r"端午节?": _moon(5, 5), r"七夕节?": _moon(7, 7), r"中秋节?": _moon(8, 15),
    r"重阳节?": _moon(9, 9), r"中元节|鬼节": _moon(7, 15), r"冬至": _winter_solstice, r"腊八节?": lambda year: lunar.solar(year - 1, 12, 8) or None,
}  # fmt: skip


# First day from the festival, and how many days, as the State Council's rules have it since 2025. The exact
# days are announced each year, so a span is marked to be asked about.
_HOLIDAYS = {"春节": (-1, 8), "过年": (-1, 8), "国庆": (0, 7), "国庆节": (0, 7), "十一": (0, 7), "五一": (0, 5), "劳动节": (0, 5)}  # fmt: skip
_FESTIVAL_WORDS = tuple(
    (
        re.compile(
            rf"(?:{YEAR})?(?P<word>{words})(?:(?P<holiday>假期|期间|黄金周|长假|放假)|的?(?:当天|那天|当晚)|"
            rf"的?(?P<way>[前后])(?P<n>[一二两三四五六七八九十]|\d{{1,2}})(?:天|日|晚)|的?第(?P<nth>[一二三四五六七八九十]|\d{{1,2}})天|"
            r"的?(?P<eve>前[夜夕])|的?(?P<next>次日|隔天))?"
        ),
        on,
    )
    for words, on in _FESTIVALS.items()
)

_ANY_FESTIVAL = re.compile("|".join(_FESTIVALS))


def festivals(text: str, now: datetime) -> Iterator[Day]:
    """国庆, 明年五一, 国庆第二天, 春节前三天; 国庆期间 as the span of its days off."""
    if not _ANY_FESTIVAL.search(text):
        return
    for words, on in _FESTIVAL_WORDS:
        for match in words.finditer(text):
            before = text[: match.start()]
            if len(match["word"]) == 2 and re.search(r"[\d零一二三四五六七八九十百千万两第周期拜]$", before):
                continue
            first = _festival(on, year_of(match, now), now)
            if first:
                yield _celebrated(match, first)


def _celebrated(match: re.Match[str], first: date) -> Day:
    days_off = _HOLIDAYS.get(match["word"])
    if match["holiday"] and days_off:
        first += timedelta(days_off[0])
        return Day(match.start(), match.end(), first, first + timedelta(days_off[1] - 1), ambiguous=True)
    moved = match["way"] or match["nth"] or match["eve"] or match["next"]
    end = match.end() if moved else match.end("word")
    return Day(match.start(), end, first + timedelta(_days_from(match)))


def _days_from(match: re.Match[str]) -> int:
    if match["way"]:
        n = whole(match["n"]) or 0
        return -n if match["way"] == "前" else n
    if match["nth"]:
        return (whole(match["nth"]) or 1) - 1
    return -1 if match["eve"] else 1 if match["next"] else 0


def _festival(on: Callable[[int], date | None], year: int | None, now: datetime) -> date | None:
    if year is not None:
        return on(year)
    coming = (on(now.year + more) for more in (0, 1, 2))
    return next((day for day in coming if day and day >= now.date()), None)


_MONTH_NAMES = {"正": 1, "冬": 11, "腊": 12}
_LUNAR_DAY = re.compile(
    rf"(?:(?P<mark>农历|阴历|旧历)(?P<month>[{CHAR}正冬腊]{{1,2}})月|(?P<named>[正冬腊])月|(?:大年|年)(?=初))(?P<day>初?[一二三四五六七八九十廿卅]{{1,3}})"
    r"|(?<![月年最当起由正])(?P<bare>初[一二三四五六七八九十])(?![中级学步次衷高年的恋])"
)
_NEAR_NEW_YEAR = 45  # days: then 初五 by itself is a date; at other times 初三 is a form at school
_NEW_YEAR_TALK = re.compile(r"春节|除夕|过年|大年|三十")


def lunar_days(text: str, now: datetime) -> Iterator[Day]:
    """农历八月十五, 大年初三, 腊月二十九, 正月初八, and 初五 when the New Year is near."""
    for match in _LUNAR_DAY.finditer(text):
        name = match["month"] or match["named"] or "正"
        month = _MONTH_NAMES.get(name) or whole(name)
        day = whole((match["day"] or match["bare"]).lstrip("初"))
        if month is None or day is None:
            continue
        coming = (lunar.solar(now.year + more, month, day) for more in (-1, 0, 1))
        first = next((found for found in coming if found and found >= now.date()), None)
        if first and (not match["bare"] or _new_year_is_near(first, text, now)):
            yield Day(match.start(), match.end(), first)


def _new_year_is_near(first: date, text: str, now: datetime) -> bool:
    return (first - now.date()).days <= _NEAR_NEW_YEAR or bool(_NEW_YEAR_TALK.search(text))
