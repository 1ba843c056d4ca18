"""By when: the time that a colleague's words give a promise.  Pure; local to the hotel's zone.

Reads what staff write to guests, not everything that people say: an hour without its half of the day is the
next one to come; words such as 马上 give a time that is only guessed, and is marked so.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_NUMBER = r"(?:\d{1,3}|[零〇一二两三四五六七八九十]{1,3})"
_WEEKDAY = r"(?:下个?)?(?:周|星期|礼拜)[一二三四五六日天]"
_DAY = rf"(?P<day>今天|今日|今儿|今晚|今早|明天|明日|明儿|明早|明晚|明|后天|{_WEEKDAY})"
_PART = r"(?P<part>凌晨|一?大?早上?|早晨|上午|中午|下午|傍晚|晚上|晚|夜里)"
_CLOCK = (
    rf"(?:(?P<h>\d{{1,2}})[:：](?P<m>\d{{2}})"
    rf"|(?P<hour>{_NUMBER})点(?:钟|整)?(?:(?P<half>半)|(?P<quarter>[一三])刻|(?P<minute>{_NUMBER})分?)?)"
)
_AT = re.compile(rf"{_DAY}?(?:的)?{_PART}?{_CLOCK}")
_SPAN = re.compile(rf"(?P<n>{_NUMBER}|半)(?P<half>个?半)?\s*个?(?P<unit>分钟|小时|钟头|刻钟|工作日|天)(?!点)")
_NEAR = re.compile(rf"{_DAY}{_PART}?|{_PART.replace('part', 'alone')}")
_EN_AT = re.compile(r"\b(?:by|at|before)\s+(?P<h>\d{1,2})(?::(?P<m>\d{2}))?\s*(?P<half>am|pm)?\b", re.I)
_EN_SPAN = re.compile(r"\b(?P<n>\d{1,3}|half an|an?)\s*(?P<unit>minute|min|hour)s?\b", re.I)

SOON, LATER, UNSAID = timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1)
_VAGUE = (
    (re.compile("马上|立刻|立即|这就|right away|right now", re.I), SOON),
    (re.compile("一会儿?|待会儿?|等会儿?|稍后|尽快|shortly|as soon as", re.I), LATER),
)
_PART_ENDS = {
    "凌晨": 5,
    "早": 9,
    "早上": 9,
    "早晨": 9,
    "上午": 12,
    "中午": 13,
    "下午": 18,
    "傍晚": 19,
    "晚": 22,
    "晚上": 22,
    "夜里": 23,
}
DAY_ENDS = 21  # the hour by which a guest expects what was promised for a day


@dataclass(frozen=True)
class Due:
    """`guessed`: the words don't name a time."""

    at: datetime
    guessed: bool


def due_of(text: str, now: datetime) -> Due:
    """By when these words promise something; `now` is aware, in the hotel's zone."""
    for read in _READERS:
        found = read(text, now)
        if found and found.at > now:
            return found
    return Due(now.replace(second=0, microsecond=0) + UNSAID, True)


def _number(text: str) -> int:
    if text.isdecimal():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    if not ten:
        return int("".join(str(_DIGITS[c]) for c in text))
    return (_DIGITS.get(tens, 1) if tens else 1) * 10 + (_DIGITS.get(ones, 0) if ones else 0)


def _at(text: str, now: datetime) -> Due | None:
    """A time of day, the first one that is named."""
    for found in _AT.finditer(text):
        hour = _number(found["h"] or found["hour"])
        minute = int(found["m"]) if found["m"] else _minutes(found)
        if hour <= 24 and minute < 60:
            part = found["part"] or (found["day"] or "")[1:]
            return Due(_moment(now, found["day"], part, hour % 24, minute), False)
    return None


def _minutes(found: re.Match[str]) -> int:
    if found["half"]:
        return 30
    if found["quarter"]:
        return 15 if found["quarter"] == "一" else 45
    return _number(found["minute"]) if found["minute"] else 0


def _moment(now: datetime, day: str | None, part: str, hour: int, minute: int) -> datetime:
    if hour < 12 and (part in ("下午", "傍晚", "晚上", "晚") or (part == "中午" and hour < 6)):
        hour += 12
    elif not part and day and hour < 6:
        hour += 12  # 明天三点 is no hour at which a hotel brings anything
    at = datetime.combine(_date(now, day), time(hour, minute), now.tzinfo)
    if day or at > now:
        return at
    later = at + timedelta(hours=12) if not part and hour < 12 else at
    return later if later > now else at + timedelta(days=1)


def _date(now: datetime, day: str | None) -> date:
    today = now.date()
    if not day or day[0] == "今":
        return today
    if day[0] == "明":
        return today + timedelta(days=1)
    if day == "后天":
        return today + timedelta(days=2)
    weekday = "一二三四五六日".index(day[-1].replace("天", "日"))
    monday = today - timedelta(days=today.weekday())
    return monday + timedelta(days=weekday + 7 * (day[0] == "下" or weekday < today.weekday()))


def _after(text: str, now: datetime) -> Due | None:
    """So much from now."""
    found = _SPAN.search(text)
    if found is None:
        return None
    count = 0.5 if found["n"] == "半" else float(_number(found["n"]))
    count += 0.5 * bool(found["half"])
    unit = found["unit"]
    if unit in ("工作日", "天"):
        return Due(_days(now, int(count), working=unit == "工作日"), True)
    minutes = {"分钟": 1, "刻钟": 15}.get(unit, 60) * count
    return Due(_minute(now) + timedelta(minutes=minutes), False)


def _days(now: datetime, count: int, working: bool) -> datetime:
    day = now.date()
    while count > 0:
        day += timedelta(days=1)
        count -= not (working and day.weekday() >= 5)
    return datetime.combine(day, time(DAY_ENDS), now.tzinfo)


def _english(text: str, now: datetime) -> Due | None:
    if found := _EN_SPAN.search(text):
        count = {"half an": 0.5, "a": 1.0, "an": 1.0}.get(found["n"].lower()) or float(found["n"])
        minutes = count * (60 if found["unit"].lower() == "hour" else 1)
        return Due(_minute(now) + timedelta(minutes=minutes), False)
    found = _EN_AT.search(text)
    if found is None or int(found["h"]) > 24:
        return None
    part = {"pm": "下午", "am": "上午"}.get((found["half"] or "").lower(), "")
    day = "明天" if re.search(r"\btomorrow\b", text, re.I) else None
    return Due(_moment(now, day, part, int(found["h"]) % 24, int(found["m"] or 0)), False)


def _vague(text: str, now: datetime) -> Due | None:
    for words, wait in _VAGUE:
        if words.search(text):
            return Due(_minute(now) + wait, True)
    return None


def _near(text: str, now: datetime) -> Due | None:
    """A day, or a part of one: by its end."""
    found = _NEAR.search(text)
    if found is None:
        return None
    part = found["part"] or found["alone"] or (found["day"] or "")[1:]
    hour = _PART_ENDS.get(part.lstrip("一大"), DAY_ENDS)
    return Due(datetime.combine(_date(now, found["day"]), time(hour), now.tzinfo), True)


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


_READERS: tuple[Callable[[str, datetime], Due | None], ...] = (_at, _after, _english, _vague, _near)
