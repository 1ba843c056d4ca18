"""Dates and times in a guest's Chinese, to what is meant at the hotel's clock. Pure: `now` is an argument.

Works on normalised text (nlu.normal) and on nothing else. Dates are "YYYY-MM-DD" or {"start", "end"}, times
"HH:MM" or {"start", "end"}. A time without a half of the day is the one a clerk would assume; what a clerk
would ask about is marked ambiguous.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from nlu import lunar
from nlu.found import Found
from nlu.numerals import CHAR, number, whole

SAYS_NOTHING_ELSE = 6  # characters: 五点四十吧 is the bare answer to a question
NIGHT_ENDS = 5  # said before five in the morning, "tomorrow" may well mean after getting up


@dataclass(frozen=True)
class Day:
    """A date or a span of dates in the text, before it becomes a Found."""

    start: int
    end: int
    first: date
    last: date | None = None
    ambiguous: bool = False
    part: str = ""  # the half of the day a word like 明早 brings along
    plain_weekday: bool = False  # 周日 without 这 or 下


@dataclass(frozen=True)
class Hour:
    """A time of day in the text: minutes since midnight, and how many days it runs past its date."""

    start: int
    end: int
    minutes: int
    days: int = 0
    sure: bool = True  # False: the half of the day was a guess


# ---------------------------------------------------------------- words

_N = rf"(?:\d{{1,2}}|[{CHAR}]{{1,3}})"
_YEAR = r"(?:(?P<year>\d{4}|\d{2}(?=年)|[零〇一二三四五六七八九]{4})年?[-/.年]?|(?P<relyear>今年|明年|后年|去年)的?)"
_NOT_COUNTED = r"(?![间个位条瓶份张点%折度元块米寸页期])"

_RELATIVE_DAYS = {
    "大大后": 4, "大后": 3, "后": 2, "明": 1, "今": 0, "昨": -1, "前": -2, "大前": -3, "次": 1, "翌": 1, "听": 1,
    "寻": -1, "琴": -1,
}  # fmt: skip
_PARTS = {
    "凌晨": "dawn", "清晨": "morning", "清早": "morning", "大清早": "morning", "一大早": "morning", "一早": "morning",
    "大早上": "morning", "早上": "morning", "早晨": "morning", "上午": "morning", "上昼": "morning", "朝早": "morning", "朝": "morning",
    "早": "morning", "晨": "morning", "中午": "noon", "正午": "noon", "晌午": "noon", "下午": "afternoon", "午后": "afternoon",
    "下昼": "afternoon", "傍晚": "evening", "黄昏": "evening", "晚上": "evening", "晚间": "evening", "夜晚": "evening",
    "夜里": "night", "晚": "evening", "夜": "evening", "半夜": "night", "大半夜": "night", "后半夜": "night", "深夜": "night", "午夜": "night",
    "三更半夜": "night", "夜间": "night", "am": "morning", "a.m.": "morning", "pm": "afternoon", "p.m.": "afternoon",
}  # fmt: skip
_PART = "|".join(
    sorted(
        (word for word in _PARTS if len(word) > 1 and word.isalpha() and word not in ("am", "pm")),
        key=len,
        reverse=True,
    )
)
_WEEKDAYS = {
    **{char: at for at, char in enumerate("一二三四五六日")},
    "天": 6,
    **{str(at + 1): at for at in range(7)},
}
_ENGLISH_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ENGLISH_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PAST = re.compile(
    r"遗留|落在|落了|落下|丢|忘|住过|住的|退的房|当时|捡|那天|上次|曾|已经|之前[^退入到]|没退|扣了|发票没|入住过"
)


# ---------------------------------------------------------------- days


def _relative(text: str, now: datetime) -> Iterator[Day]:
    pattern = (
        r"(?<![以然之午先最前今点钟年周月随稍])(?P<word>大大后|大后|大前|后|前|明|今|昨|次|翌|听|寻|琴)"
        r"(?:(?P<day>天|日|儿个?)|(?=(?P<part>早(?!餐|饭)|晚(?!餐|饭|宴)|晨|朝|夜)))"
    )
    for match in re.finditer(pattern, text):
        word, part = match["word"], match["part"] or ""
        if part and word not in ("明", "今", "昨", "听", "次", "寻", "琴"):
            continue
        if word == "听" and match["day"] == "天":
            continue
        end = match.end() + (len(part) and _part_length(text, match.end()))
        yield _said_at_night(
            Day(match.start(), end, now.date() + timedelta(_RELATIVE_DAYS[word]), part=_PARTS.get(part, "")),
            word,
            now,
        )


def _part_length(text: str, at: int) -> int:
    """今晚上 and 明早上 take their 上 along, unless it begins another word."""
    return (
        2
        if re.match(r"[早晚]上(?!楼|来|去|网|车|班|面)|夜里|晨", text[at:]) and text[at : at + 1] != "晨"
        else 1
    )


def _said_at_night(day: Day, word: str, now: datetime) -> Day:
    if now.hour >= NIGHT_ENDS or word not in ("明", "听", "后", "大后"):
        return day
    return replace(day, first=day.first - timedelta(1), ambiguous=True)


def _both_days(text: str, now: datetime) -> Iterator[Day]:
    """今明两天, 明后天: two days in one word."""
    for match in re.finditer(r"(?P<a>今|明)(?P<b>明|后)(?:两天|两日|天|日|晚)", text):
        first = now.date() + timedelta(_RELATIVE_DAYS[match["a"]])
        yield Day(
            match.start(),
            match.end(),
            first,
            first + timedelta(_RELATIVE_DAYS[match["b"]] - _RELATIVE_DAYS[match["a"]]),
        )


def _days_on(text: str, now: datetime) -> Iterator[Day]:
    pattern = (
        rf"(?:再过|过)?(?P<n>{_N})(?P<unit>天|日|个?(?:星期|礼拜)|周|个月|年)(?P<way>之后|以后|过后|后(?!天)|之前|以前|前(?!天|台))"
        rf"|再?过(?P<n2>{_N})(?P<unit2>天|个?(?:星期|礼拜)|周|个月)(?!晚)"
    )
    for match in re.finditer(pattern, text):
        count = whole(match["n"] or match["n2"])
        if count is None:
            continue
        unit = match["unit"] or match["unit2"]
        back = (match["way"] or "后").replace("以", "").replace("之", "").startswith("前")
        yield Day(match.start(), match.end(), _shift(now.date(), -count if back else count, unit))


def _shift(day: date, count: int, unit: str) -> date:
    if unit in ("天", "日"):
        return day + timedelta(count)
    if unit == "年":
        return _month_on(day, 12 * count)
    return _month_on(day, count) if unit == "个月" else day + timedelta(7 * count)


def _month_on(day: date, count: int) -> date:
    months = day.year * 12 + day.month - 1 + count
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


_WEEK = r"(?P<rel>(?:下|上)+一?个?|这一?个?|本|今个?)?(?:周|星期|礼拜)"


def _weekdays(text: str, now: datetime) -> Iterator[Day]:
    pattern = (
        rf"(?<![一二两三四五六七八九十\d半每双]){_WEEK}(?P<day>[一二三四五六日天1-7](?![间个点天年月小]|\d))"
    )
    for match in re.finditer(pattern, text):
        yield _weekday(match, now, _WEEKDAYS[match["day"]])


def _weekday(match: re.Match[str], now: datetime, weekday: int) -> Day:
    rel = match["rel"] or ""
    monday = now.date() - timedelta(now.weekday())
    if rel:
        weeks = rel.count("下") - rel.count("上")
        return Day(match.start(), match.end(), monday + timedelta(7 * weeks + weekday))
    ahead = (weekday - now.weekday()) % 7 or 7
    return Day(match.start(), match.end(), now.date() + timedelta(ahead), plain_weekday=True)


def _weekends(text: str, now: datetime) -> Iterator[Day]:
    for match in re.finditer(rf"{_WEEK}末", text):
        rel = match["rel"] or ""
        weeks = rel.count("下") - rel.count("上")
        saturday = now.date() + timedelta(5 - now.weekday() + 7 * weeks)
        if not rel and now.weekday() == 6:
            saturday += timedelta(7)
        yield Day(match.start(), match.end(), saturday, saturday + timedelta(1))


def _weeks(text: str, now: datetime) -> Iterator[Day]:
    pattern = (
        r"(?P<rel>(?:下|上)+一?个?|这一?个?|本)(?:周|星期|礼拜)(?![一二三四五六日天末1-7边年])(?P<edge>初)?"
    )
    for match in re.finditer(pattern, text):
        weeks = match["rel"].count("下") - match["rel"].count("上")
        monday = now.date() + timedelta(7 * weeks - now.weekday())
        last = monday + timedelta(1 if match["edge"] else 6)
        yield Day(match.start(), match.end(), monday, last, ambiguous=True)


def _calendar_days(text: str, now: datetime) -> Iterator[Day]:
    """12月3号, 2026年12月1日, 明年3月8号, 十二月三号."""
    pattern = rf"(?:{_YEAR})?(?P<month>{_N})月份?的?(?P<day>{_N})(?P<mark>日|号|號)?"
    for match in re.finditer(pattern, text):
        month, day = whole(match["month"]), whole(match["day"])
        after = text[match.end() :]
        if not match["mark"] and re.match(r"[间个位条瓶份张晚天月点]", after):
            continue
        first = _dated(_year(match, now), month, day, now, text)
        if first:
            yield Day(match.start(), match.end(), first)


def _year(match: re.Match[str], now: datetime) -> int | None:
    if match["relyear"]:
        return now.year + {"今": 0, "明": 1, "后": 2, "去": -1}[match["relyear"][0]]
    if not match["year"]:
        return None
    digits = match["year"] if match["year"].isdigit() else str(int(number(match["year"]) or 0))
    return int(digits) + (2000 if len(digits) == 2 else 0)


def _dated(year: int | None, month: int | None, day: int | None, now: datetime, text: str) -> date | None:
    """The day itself; without a year the next one, or the last one where the guest tells of the past."""
    if month is None or day is None:
        return None
    try:
        if year is not None:
            return date(year, month, day)
        leap = 2028 if (month, day) == (2, 29) else now.year
        this = date(leap, month, day)
        if this < now.date() and not (_PAST.search(text) or ((now.date() - this).days < 3 and "昨" in text)):
            return date(now.year + 1, month, day)
        return this
    except ValueError:
        return None


def _written_days(text: str, now: datetime) -> Iterator[Day]:
    """2026-12-01, 2026/12/1, 2026.12.1, 11/30, 12.25, 12-25."""
    full = r"(?<!\d)(?P<year>20\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)"
    for match in re.finditer(full, text):
        first = _dated(int(match["year"]), int(match["month"]), int(match["day"]), now, text)
        if first:
            yield Day(match.start(), match.end(), first)
    for match in re.finditer(
        r"(?<![\d./:-])(?P<month>\d{1,2})(?P<dot>[-/.])(?P<day>\d{1,2})(?P<mark>号|日)?(?![\d./:%])", text
    ):
        if _is_decimal(match, text):
            continue
        first = _dated(None, int(match["month"]), int(match["day"]), now, text)
        if first:
            yield Day(match.start(), match.end(), first)


def _is_decimal(match: re.Match[str], text: str) -> bool:
    if match["mark"]:
        return False
    if re.match(
        r"\s*(?:元|块|折|米|个|小时|公里|寸|斤|人|位|间|天|晚|岁|万|度|倍|楼|点|m|k)", text[match.end() :]
    ):
        return True
    return match["dot"] in ".-" and len(match["day"]) < 2


def _days_of_month(text: str, now: datetime) -> Iterator[Day]:
    """15号: the next fifteenth; 下个月5号, 这个月底 with their month."""
    pattern = r"(?:(?P<rel>(?:下|上)+一?个?月|这个?月|本月|当月)的?|(?P<lead>[-到至~、和])|(?<![\d月一二三四五六七八九十/.房楼第座栋]))(?P<day>\d{1,2}|[一二三四五六七八九十廿]{1,3})(?P<mark>号|日|號)(?!楼|线|房|店|门|厅|码|包|出口|院|桌|游|键|口|航站|常)"
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
            yield Day(start, match.end(), first)


def _of_month(rel: str | None, day: int, now: datetime, text: str) -> date | None:
    months = _months_away(rel)
    base = _month_on(now.date().replace(day=1), months)
    forward = rel is None and day < now.day and not _PAST.search(text)
    for _ in range(3):
        try:
            if forward:
                raise ValueError("this month's is over")
            return base.replace(day=day)
        except ValueError:
            base, forward = _month_on(base, 1), False
            if rel:
                return None
    return None


def _months_away(rel: str | None) -> int:
    return rel.count("下") - rel.count("上") if rel else 0


def _parts_of_month(text: str, now: datetime) -> Iterator[Day]:
    """月底, 下个月初, 12月中旬, 年底: a clerk asks which day."""
    pattern = rf"(?:(?P<rel>(?:下|上)+一?个?|这个?|本|这)?|(?P<month>{_N}))月(?P<part>底|末|初|中旬|上旬|下旬|中(?!餐|心|午|国|式))"
    for match in re.finditer(pattern, text):
        base = _month_named(match["month"], match["rel"], now)
        if base:
            first, last = _month_part(base, match["part"])
            if last < now.date() and not match["rel"] and not match["month"]:
                first, last = _month_part(_month_on(base, 1), match["part"])
            yield Day(match.start(), match.end(), first, None if first == last else last, ambiguous=True)
    for match in re.finditer(r"(?P<next>明年|后年)?(?:年底|年末|岁末)", text):
        year = now.year + {"明": 1, "后": 2}.get((match["next"] or "")[:1], 0)
        yield Day(match.start(), match.end(), date(year, 12, 31), ambiguous=True)


def _month_named(month: str | None, rel: str | None, now: datetime) -> date | None:
    if month is None:
        return _month_on(now.date().replace(day=1), _months_away(rel))
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


def _whole_months(text: str, now: datetime) -> Iterator[Day]:
    pattern = rf"(?:(?:{_YEAR})?(?P<month>{_N})月份?|(?P<rel>(?:下|上)+一?个?|这个?|本)月)(?![底末初中上下]|\d|[一二三四五六七八九十]|饼|子|票|租|卡|结|供|嫂|台|亮)"
    for match in re.finditer(pattern, text):
        if match["month"] and (
            re.search(r"[个半\d]$", text[: match.start("month")]) or match["month"] == "半"
        ):
            continue
        base = _month_named(match["month"], match["rel"], now)
        if base and match["month"] and _year(match, now):
            base = base.replace(year=_year(match, now) or base.year)
        if base:
            last = base.replace(day=calendar.monthrange(base.year, base.month)[1])
            yield Day(match.start(), match.end(), base, last, ambiguous=True)


# ---------------------------------------------------------------- festivals


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


def _festivals(text: str, now: datetime) -> Iterator[Day]:
    for words, on in _FESTIVALS.items():
        for match in re.finditer(
            rf"(?:{_YEAR})?(?P<word>{words})(?:当天|那天|当晚|假期|期间|黄金周|长假)?", text
        ):
            if match["word"] in ("五一", "六一", "十一") and re.search(
                r"[\d零一二三四五六七八九十]$", text[: match.start()]
            ):
                continue
            first = _festival(on, _year(match, now), now)
            if first:
                yield Day(match.start(), match.end("word"), first)


def _festival(on: Callable[[int], date | None], year: int | None, now: datetime) -> date | None:
    if year is not None:
        return on(year)
    coming = (on(now.year + more) for more in (0, 1, 2))
    return next((day for day in coming if day and day >= now.date()), None)


def _lunar_days(text: str, now: datetime) -> Iterator[Day]:
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


def _english_days(text: str, now: datetime) -> Iterator[Day]:
    for match in re.finditer(r"\b(?P<word>day after tomorrow|tomorrow|tmr|today|tonight|yesterday)\b", text):
        ahead = {"day after tomorrow": 2, "tomorrow": 1, "tmr": 1, "yesterday": -1}.get(match["word"], 0)
        part = "evening" if match["word"] == "tonight" else ""
        yield Day(match.start(), match.end(), now.date() + timedelta(ahead), part=part)
    for match in re.finditer(rf"\b(?P<rel>next |this )?(?P<day>{'|'.join(_ENGLISH_DAYS)})\b", text):
        weekday, rel = _ENGLISH_DAYS.index(match["day"]), match["rel"] or ""
        monday = now.date() - timedelta(now.weekday())
        ahead = (weekday - now.weekday()) % 7 or 7
        first = monday + timedelta(7 + weekday) if rel == "next " else now.date() + timedelta(ahead)
        yield Day(match.start(), match.end(), first, plain_weekday=not rel)
    month = rf"(?P<month>{'|'.join(_ENGLISH_MONTHS)})[a-z]*\.?"
    for match in re.finditer(
        rf"\b(?:{month} (?P<day>\d{{1,2}})|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?{month.replace('month', 'month2')})(?:st|nd|rd|th)?\b",
        text,
    ):
        index = _ENGLISH_MONTHS.index(match["month"] or match["month2"]) + 1
        found = _dated(None, index, int(match["day"] or match["day2"]), now, text)
        if found:
            yield Day(match.start(), match.end(), found)


# The order is the order of trust.
_DAY_READERS: tuple[Callable[[str, datetime], Iterator[Day]], ...] = (
    _festivals, _lunar_days, _calendar_days, _written_days, _both_days, _days_on, _weekends, _weekdays, _weeks,
    _parts_of_month, _days_of_month, _whole_months, _relative, _english_days,
)  # fmt: skip


def _days(text: str, now: datetime) -> list[Day]:
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


def _spans(text: str, days: list[Day], now: datetime) -> list[Day]:
    """后天到大后天, 12月3-5号, 25到28号: one span instead of two days."""
    out: list[Day] = []
    for day in _open_starts(text, days, now):
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


# ---------------------------------------------------------------- times of day

_H = r"(?:2[0-4]|1\d|0?\d|二十[一二三四]?|十[一二三四五六七八九]?|廿[一二三四]|[零〇一二两三四五六七八九])"
_M = r"(?:[0-5]?\d(?!\d)|[零〇][一二三四五六七八九]|[二三四五]?十[一二三四五六七八九]?)"
_NOT_MORE = r"(?<![快慢早晚大小高低多少便宜好有软硬轻重静净亮暗近远安][一])"
_CLOCK = re.compile(
    rf"(?P<part>{_PART}|(?:(?<=天)|(?<=周.)|(?<=号)|(?<=日)|(?<=期.)|(?<=拜.))[早晚])?(?:的|大概|大约|差不多|约)?\s*"
    rf"(?P<less>差(?P<minus>{_M}|一刻|五|八)分?(?:钟)?)?"
    rf"(?<![\d.:第/])(?P<hour>{_H})(?:"
    rf"点钟?(?:过)?(?P<quarter>[一三]刻|半)|(?:点钟?|时)(?:过|零|〇)?(?P<minute>{_M})分?(?![钟个位间天晚]|小时|人)"
    rf"|(?::|点|\.(?=[0-5]\d(?!\d|元|块|折|米)))(?P<colon>[0-5]\d)(?!\d)(?::[0-5]\d)?"
    rf"|(?P<sharp>点钟?(?:整|正)?|时(?:整|许)))"
    rf"(?!心|餐|菜|外卖|了?(?:建议|意见|要求|问题|小|不满|想法|说明)|单|歌|评|赞|击|都(?!行|可)|也|儿|名|火|读|阅|的专用|数)"
    rf"(?:\s?(?P<after>am|pm|a\.m\.|p\.m\.))?"
)
_ENGLISH_CLOCK = re.compile(
    r"(?<![\d.:a-z])(?P<hour>1[0-2]|0?[1-9])(?::(?P<minute>[0-5]\d))?\s?(?P<after>am|pm|a\.m\.|p\.m\.|o'clock)(?![a-z])"
)
_NOON = re.compile(
    r"正午(?!\d|[一二十])|零点(?:整|钟)?(?!\d|[一二三四五六七八九十])|午夜(?=退|到|入|叫|才|抵)"
)
_AFTER = re.compile(
    rf"(?:再?过)?(?P<one>{_N}|半|{_N}个半|{_N}点五)?(?P<half>个半)?个?(?P<unit>小时|钟头|钟(?!头)|分钟?|刻钟)(?P<plus>半)?(?:之后|以后|过后|后)"
    rf"|再?过(?P<two>{_N}|半)(?P<half2>个半)?个?(?P<unit2>小时|钟头|钟(?!头)|分钟?|刻钟)"
)
_MORNING_TALK = re.compile(
    r"起床|叫早|早餐|早饭|早点|晨跑|日出|上班|赶早|早班|吃早|睡懒觉|起不来|闹钟|早上|早晨|上午"
)
_EVENING_TALK = re.compile(r"晚餐|晚饭|宵夜|夜宵|晚宴|看球|夜景|晚上|今晚|日落|晚会|睡前")
_WAKE_TALK = re.compile(r"叫醒|叫我|叫叫我|叫一[下次]|叫起|喊我|闹|wake|morning call|起身|起来")
_LEAVE_TALK = re.compile(r"退房|离店|check\s?out|走人")


def _hours(text: str, days: list[Day], now: datetime) -> list[Hour]:
    hours: list[Hour] = []
    for match in sorted(
        (*_CLOCK.finditer(text), *_ENGLISH_CLOCK.finditer(text)), key=lambda found: found.start()
    ):
        if (hours and match.start() < hours[-1].end) or _no_clock(match, text, days):
            continue
        hour = _hour(match, text, days, hours, now)
        if hour:
            hours.append(hour)
    hours.extend(_named(text, hours))
    hours.extend(_from_now(text, hours, now))
    return sorted(hours, key=lambda hour: hour.start)


_IS_MORE = re.compile(r"[快慢早晚大小高低多少宜好有软硬轻重静净亮暗近远甜辣差点热冷凉暖新贵紧松细]$")
_SHOWS_CLOCK = re.compile(
    r"\s*(?:退|入住|叫|来|走|到|之?前|以?后|之后|左右|钟|整|多|出发|的|起|送|开|关|结束|集合|吧|能|可以|行|[,。?!])"
)


def _no_clock(match: re.Match[str], text: str, days: list[Day]) -> bool:
    """一点 is a bit, not one o'clock, unless something shows it; a date's digits are no hour either."""
    if any(match.start("hour") < day.end and day.start < match.end() for day in days):
        return True
    groups = match.groupdict()
    if groups.get("colon") is None and groups.get("sharp") in ("点",) and match["hour"] == "一":
        before = text[: match.start("hour")]
        dated = any(day.end == match.start() for day in days) and not before.endswith(("早", "晚"))
        if (groups.get("part") and len(groups["part"]) > 1) or dated:
            return False
        return bool(_IS_MORE.search(before)) or not (
            re.search(r"[到是点在]$", before) or _SHOWS_CLOCK.match(text, match.end())
        )
    if groups.get("colon") and "." in match.group() and not groups.get("part"):
        return not re.match(r"\s*(?:叫|退|到|起|来|出发|入住|走)", text[match.end() :])
    return False


def _hour(match: re.Match[str], text: str, days: list[Day], before: list[Hour], now: datetime) -> Hour | None:
    groups = match.groupdict()
    hour = whole(match["hour"])
    minute = _minute(groups)
    if hour is None or hour > 24 or minute is None:
        return None
    day = _day_of(match.start(), text, days)
    start = _where(match, day)
    part = _part_of(groups, day, text, match.start())
    written = match["hour"].startswith("0") and len(match["hour"]) == 2
    if hour >= 13 or hour == 0 or written:
        turn, sure = (hour % 24, hour // 24), True
    elif part:
        turn, sure = _in_part(hour, part), True
    else:
        turn, sure = (_guess(hour, minute, text, day, before, now), 0), False
    if groups.get("less") and minute:
        return _earlier(Hour(start, match.end(), turn[0] * 60, turn[1], sure), minute)
    return Hour(start, match.end(), turn[0] * 60 + minute, turn[1], sure)


def _where(match: re.Match[str], day: Day | None) -> int:
    """The time begins after the date it may have taken a word from, and after 大概 and the like."""
    start = max(match.start(), day.end if day else 0)
    return (
        start
        + len(match.string[start : match.end()])
        - len(match.string[start : match.end()].lstrip("的 大概约"))
    )


def _earlier(hour: Hour, minutes: int) -> Hour:
    return replace(hour, minutes=(hour.minutes - minutes) % 1440, days=hour.days - (hour.minutes < minutes))


def _minute(groups: dict[str, str | None]) -> int | None:
    if groups.get("less"):
        return 15 if groups["minus"] == "一刻" else whole(groups["minus"] or "")
    if groups.get("quarter"):
        return {"半": 30, "一": 15, "三": 45}[str(groups["quarter"])[0]]
    spoken = groups.get("minute") or groups.get("colon")
    return whole(spoken) if spoken else 0


def _day_of(at: int, text: str, days: list[Day]) -> Day | None:
    """The date a time belongs to: the last one before it."""
    before = [day for day in days if day.start <= at]
    return before[-1] if before else None


def _part_of(groups: dict[str, str | None], day: Day | None, text: str, at: int) -> str:
    word = groups.get("after") or groups.get("part") or ""
    if word:
        return _PARTS.get(word, "")
    near = day is not None and len(re.sub(r"\s|大概|大约|的|差不多|我", "", text[day.end : at])) == 0
    return day.part if day and (near or day.part == "evening") else ""


def _in_part(hour: int, part: str) -> tuple[int, int]:
    """(hour of 24, days past the date): 晚上十二点 is the next day's midnight, 今晚两点 two at night."""
    if part in ("morning", "dawn"):
        return (0, 0) if hour == 12 and part == "dawn" else (hour, 0)
    if part == "noon":
        return (hour + 12 if hour < 5 else hour, 0)
    if part == "afternoon":
        return (hour if hour == 12 else hour + 12, 0)
    if hour == 12:
        return 0, 1
    return (hour, 1) if hour < 5 else (hour + 12, 0) if part == "evening" or hour > 5 else (hour, 1)


def _guess(hour: int, minute: int, text: str, day: Day | None, before: list[Hour], now: datetime) -> int:
    """Which half of the day a bare hour means; the order of these rules is their strength."""
    if before:
        return _after(before[-1], hour, minute)
    if hour == 12:
        return 12
    if _EVENING_TALK.search(text) and not _MORNING_TALK.search(text) and hour >= 5:
        return hour + 12
    if _MORNING_TALK.search(text) and hour >= 4:
        return hour
    if hour <= 5:
        return _small(hour, text, day, now)
    dated = day is not None and day.first != now.date()
    if dated or _WAKE_TALK.search(text) or _LEAVE_TALK.search(text):
        return hour
    passed = now.hour * 60 + now.minute >= hour * 60 + minute
    ahead = now.hour * 60 + now.minute < (hour + 12) * 60 + minute
    return hour + 12 if passed and ahead else hour


def _small(hour: int, text: str, day: Day | None, now: datetime) -> int:
    """One to five: the afternoon, unless somebody wants to be woken in the night ahead."""
    if day is None and len(text) <= SAYS_NOTHING_ELSE and not _LEAVE_TALK.search(text):
        return hour + 12 if hour <= now.hour < hour + 12 else hour
    far = day is not None and day.first > now.date()
    if _WAKE_TALK.search(text) and (far or now.hour >= 17 or now.hour < hour):
        return hour
    if hour == 5 and far and not _LEAVE_TALK.search(text):
        return hour
    return hour + 12


def _after(before: Hour, hour: int, minute: int) -> int:
    """A bare time after another one is the next that follows it on the clock."""
    same = hour % 12 + (12 if before.minutes >= 720 else 0)
    return same if same * 60 + minute >= before.minutes else (same + 12) % 24


def _named(text: str, taken: list[Hour]) -> Iterator[Hour]:
    for match in _NOON.finditer(text):
        if all(match.end() <= hour.start or hour.end <= match.start() for hour in taken):
            noon = match.group() == "正午"
            yield Hour(match.start(), match.end(), 720 if noon else 0, 0 if noon else 1)


def _from_now(text: str, taken: list[Hour], now: datetime) -> Iterator[Hour]:
    """半小时后: by the hotel's clock, to the minute."""
    for match in _AFTER.finditer(text):
        minutes = _wait(match)
        if minutes is None:
            continue
        then = now + timedelta(minutes=minutes)
        yield Hour(match.start(), match.end(), then.hour * 60 + then.minute, (then.date() - now.date()).days)


def _wait(match: re.Match[str]) -> float | None:
    groups = match.groupdict()
    count, unit = groups["one"] or groups["two"], str(groups["unit"] or groups["unit2"])
    half = 0.5 if groups["half"] or groups["half2"] or groups["plus"] or (count or "").endswith("个半") else 0
    n = number((count or "").removesuffix("个半")) if count else (None if not half else 1)
    if n is None:
        return None
    each = 60 if unit in ("小时", "钟头", "钟") else 15 if unit == "刻钟" else 1
    return (n + half) * each


# ---------------------------------------------------------------- together


def find(text: str, now: datetime) -> list[Found]:
    """Every date and time in reading order. `now` must be aware, in the hotel's zone."""
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    days = _spans(text, _days(text, now), now)
    hours = _hours(text, days, now)
    days = _moved(text, days, hours, now)
    found = [*_dates(text, days), *_times(text, hours, days)]
    return sorted(found, key=lambda one: (one.start, one.entity))


def _moved(text: str, days: list[Day], hours: list[Hour], now: datetime) -> list[Day]:
    """Midnight belongs to the next day: 今晚十二点 is tomorrow 00:00, 今晚两点 tomorrow 02:00."""
    out = list(days)
    for hour in hours:
        from_now = bool(_AFTER.fullmatch(text[hour.start : hour.end]))
        if from_now and hour.days:
            out.append(Day(hour.start, hour.end, now.date() + timedelta(hour.days)))
            continue
        day = None if from_now else _day_of(hour.start, text, days)
        if day and hour.days and day.last is None and day in out:
            at = out.index(day)
            out[at] = _midnight(day, hour, now)
    return out


def _midnight(day: Day, hour: Hour, now: datetime) -> Day:
    """Said after midnight itself, 今晚两点 is still today's."""
    moment = hour.minutes
    if (
        day.first == now.date()
        and now.hour < NIGHT_ENDS
        and moment > now.hour * 60 + now.minute
        and moment < NIGHT_ENDS * 60
    ):
        return day
    return replace(day, first=day.first + timedelta(hour.days))


def _dates(text: str, days: list[Day]) -> Iterator[Found]:
    for day in days:
        first = day.first.isoformat()
        value = first if day.last is None else {"start": first, "end": day.last.isoformat()}
        yield Found("date", value, text[day.start : day.end], day.start, day.end, day.ambiguous)


_BETWEEN = re.compile(r"\s*(?:-|~|—|–|到|至)\s*")


def _times(text: str, hours: list[Hour], days: list[Day]) -> Iterator[Found]:
    skip = -1
    for at, hour in enumerate(hours):
        if at == skip:
            continue
        then = hours[at + 1] if at + 1 < len(hours) else None
        ambiguous = _shaky(hour, text, days)
        if then and _BETWEEN.fullmatch(text[hour.end : then.start]):
            skip = at + 1
            value = {"start": _clock(hour), "end": _clock(then)}
            yield Found("time", value, text[hour.start : then.end], hour.start, then.end, ambiguous)
        else:
            yield Found("time", _clock(hour), text[hour.start : hour.end], hour.start, hour.end, ambiguous)


def _shaky(hour: Hour, text: str, days: list[Day]) -> bool:
    day = _day_of(hour.start, text, days)
    return bool(day and day.ambiguous and day.last is None)


def _clock(hour: Hour) -> str:
    return f"{hour.minutes // 60:02d}:{hour.minutes % 60:02d}"
