"""Times of day in a text: clocks, noon and midnight, and waits from now (半小时后)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nlu.numerals import ENGLISH, about, number, whole
from nlu.when.day import Day, N
from nlu.when.halves import PART, PARTS, Heard, guess, in_part

_H = r"(?:2[0-4]|1\d|0?\d|二十[一二三四]?|十[一二三四五六七八九]?|廿[一二三四]|[零〇一二两三四五六七八九])"
_M = r"(?:[0-5]?\d(?!\d)|[零〇][一二三四五六七八九]|[二三四五]?十[一二三四五六七八九]?)"
_CN = "一二两三四五六七八九"
# 3-5点 and 七八点: the earlier hour of a span that shares its 点.
_SINCE = (
    rf"(?:(?<![\d.:/])(?P<since>{_H})\s*(?:-|~|到|至)\s*(?={_H}(?:点|:))|(?P<pair>十?[{_CN}])(?=[{_CN}]点))"
)
_CLOCK = re.compile(
    rf"(?P<part>{PART}|(?:(?<=天)|(?<=周.)|(?<=号)|(?<=日)|(?<=期.)|(?<=拜.))[早晚]|(?<![最不太很更尽偏起提早晚])[早晚](?={_H}(?:点|:)))?(?:的|大概|大约|差不多|约)?\s*"
    rf"(?P<less>差(?P<minus>{_M}|一刻|五|八)分?(?:钟)?)?"
    rf"(?:{_SINCE})?(?<![\d.:第/])(?P<hour>{_H})\.?(?:"
    rf"点钟?(?:过)?(?P<quarter>[一三]刻|半)|点钟?过(?P<past>{_M}|[一二两三四五六七八九])分(?!钟)|(?:点钟?|时)(?:过|零|〇)?(?P<minute>{_M})分?(?![钟个位间天晚楼层号房]|小时|人)"
    rf"|(?::|点|\.(?=[0-5]\d(?!\d|元|块|折|米)))(?P<colon>[0-5]\d)(?!\d)(?::[0-5]\d)?"
    rf"|(?P<sharp>点钟?(?:整|正)?|时(?:整|许)|(?<=\d\d)时(?=$|[\s,。前后之到退入来送叫的])))"
    rf"(?!心|餐|菜|几|[一二三四五六七八九]+(?:折|米|公里|千米|公斤|斤|倍|升|寸|万|亿|岁|成|度)|外卖|了?(?:建议|意见|要求|问题|小|不满|想法|说明)|单|歌|评|赞|击|都(?!行|可)|也|儿|名|火|读|阅|的专用|数)"
    rf"(?:\s?(?P<after>am|pm|a\.m\.|p\.m\.))?"
)
_ENGLISH_CLOCK = re.compile(
    r"(?<![\d.:a-z])(?P<hour>1[0-2]|0?[1-9])(?::(?P<minute>[0-5]\d))?\s?(?P<after>am|pm|a\.m\.|p\.m\.|o'clock)(?![a-z])"
)
_NOON = re.compile(
    r"正午(?!\d|[一二十])|零点(?:整|钟)?(?!\d|[一二三四五六七八九十])|午夜(?=退|到|入|叫|才|抵)"
)
_SOME = rf"(?P<english>half an|\d{{1,3}}|{'|'.join(sorted(ENGLISH, key=len, reverse=True))})"
AFTER = re.compile(
    rf"(?:再?过)?(?P<one>{N}|半|俩|仨|{N}个半|{N}点五)?(?P<half>个半)?个?(?P<unit>小时|钟头|钟(?!头)|分钟?|刻钟)(?P<plus>半)?(?:之后|以后|过后|后)"
    rf"|再?过(?P<two>{N}|半|俩|仨)(?P<half2>个半)?个?(?P<unit2>小时|钟头|钟(?!头)|分钟?|刻钟)"
    rf"|(?<![a-z])in {_SOME} (?:hour|minute|min)s?(?![a-z])"
    rf"|(?<![a-z\d]){_SOME.replace('english', 'later')} (?:hour|minute|min)s? later"
)
_IS_MORE = re.compile(r"[快慢早晚大小高低多少宜好有软硬轻重静净亮暗近远甜辣差点热冷凉暖新贵紧松细]$|[靠往]$")
_SHOWS_CLOCK = re.compile(
    r"\s*(?:退|入住|叫|来|走|到|之?前|以?后|之后|才|就|左右|钟|整|多|出发|的|起|送|开|关|结束|集合|吧|能|可以|行|[,。?!])"
)


@dataclass(frozen=True)
class Hour:
    """A time of day in the text: minutes since midnight, and how many days it runs past its date."""

    start: int
    end: int
    minutes: int
    days: int = 0
    sure: bool = True  # False: the half of the day was a guess
    since: int | None = None  # 3-5点, 七八点: the minutes the span begins at; `minutes` is its end


def find_hours(text: str, days: list[Day], now: datetime) -> list[Hour]:
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


def _no_clock(match: re.Match[str], text: str, days: list[Day]) -> bool:
    """一点 is a bit, not one o'clock, unless something shows it; a date's digits are no hour either."""
    if any(match.start("hour") < day.end and day.start < match.end() for day in days):
        return True
    groups = match.groupdict()
    if groups.get("colon") is None and groups.get("sharp") in ("点",) and match["hour"] == "一":
        before = text[: match.start("hour")]
        dated = any(day.end == match.start() for day in days) and not before.endswith(("早", "晚"))
        tonight = any(day.part and day.end == match.start("hour") for day in days)
        if (groups.get("part") and len(groups["part"]) > 1) or dated:
            return False
        if tonight and _SHOWS_CLOCK.match(text, match.end()):
            return False
        return bool(_IS_MORE.search(before)) or not (
            re.search(r"[到是点在]$|[饭餐会班][前后]$", before) or _SHOWS_CLOCK.match(text, match.end())
        )
    if text.startswith("之间", match.end()) and not groups.get("since"):
        return not re.search(r"[点:半刻分\d]\s*(?:-|~|到|至|和|跟).{0,9}$", text[: match.start()])
    if groups.get("colon") and "." in match.group() and not groups.get("part"):
        return not re.match(r"\s*(?:叫|退|到|起|来|出发|入住|走)", text[match.end() :])
    return False


def _hour(match: re.Match[str], text: str, days: list[Day], before: list[Hour], now: datetime) -> Hour | None:
    groups = match.groupdict()
    hour, minute = whole(match["hour"]), _minute(groups)
    if hour is None or hour > 24 or minute is None:
        return None
    day = day_of(match.start(), text, days)
    start = _where(match, day)
    part = _part_of(groups, day, text, match.start())
    heard = Heard(text, day, before[-1].minutes if before else None, now, match.end())
    since, hour = _begun(groups, hour)
    if since is not None:
        return _lasting(Hour(start, match.end(), 0), since, hour, minute, part, heard)
    (turn, days_on), sure = _turn(match["hour"], hour, minute, part, heard)
    if groups.get("less") and minute:
        return _earlier(Hour(start, match.end(), turn * 60, days_on, sure), minute)
    return Hour(start, match.end(), turn * 60 + minute, days_on, sure)


def _turn(said: str, hour: int, minute: int, part: str, heard: Heard) -> tuple[tuple[int, int], bool]:
    """((hour of 24, days past the date), whether the guest said which half of the day)."""
    if hour == 0 and part == "evening":
        return (0, 1), True
    if hour >= 13 or hour == 0 or (said.startswith("0") and len(said) == 2):
        return (hour % 24, hour // 24), True
    if part:
        return in_part(hour, part), True
    return (guess(hour, minute, heard), 0), False


def _begun(groups: dict[str, str | None], hour: int) -> tuple[int | None, int]:
    """(the hour a span begins at, the hour it ends at): 七八点 is 7 and 8, 十一二点 11 and 12."""
    pair = groups.get("pair")
    if pair:
        first = whole(pair) or 0
        last = hour + 10 if first > 10 else hour
        return (first if last == first + 1 else None), last
    return whole(groups.get("since") or ""), hour


def _lasting(blank: Hour, since: int, until: int, minute: int, part: str, heard: Heard) -> Hour | None:
    if since > 24:
        return None
    (first, days), sure = _turn(str(since), since, 0, part, heard)
    last = until if until >= 13 else guess(until, minute, replace(heard, before=first * 60))
    return replace(blank, minutes=last % 24 * 60 + minute, days=days, sure=sure, since=first * 60)


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
    spoken = groups.get("minute") or groups.get("past") or groups.get("colon")
    return whole(spoken) if spoken else 0


def day_of(at: int, text: str, days: list[Day]) -> Day | None:
    """The date a time belongs to: the last one before it."""
    before = [day for day in days if day.start <= at]
    return before[-1] if before else None


def _part_of(groups: dict[str, str | None], day: Day | None, text: str, at: int) -> str:
    word = groups.get("after") or groups.get("part") or ""
    if word:
        return PARTS.get(word, "")
    near = day is not None and len(re.sub(r"\s|大概|大约|的|差不多|我", "", text[day.end : at])) == 0
    return day.part if day and (near or day.part == "evening") else ""


def _named(text: str, taken: list[Hour]) -> Iterator[Hour]:
    for match in _NOON.finditer(text):
        if all(match.end() <= hour.start or hour.end <= match.start() for hour in taken):
            noon = match.group() == "正午"
            yield Hour(match.start(), match.end(), 720 if noon else 0, 0 if noon else 1)


def _from_now(text: str, taken: list[Hour], now: datetime) -> Iterator[Hour]:
    """半小时后: by the hotel's clock, to the minute."""
    for match in AFTER.finditer(text):
        minutes = _wait(match)
        if minutes is None or any(match.start() < hour.end and hour.start < match.end() for hour in taken):
            continue
        then = now + timedelta(minutes=minutes)
        yield Hour(match.start(), match.end(), then.hour * 60 + then.minute, (then.date() - now.date()).days)


def _wait(match: re.Match[str]) -> float | None:
    groups = match.groupdict()
    if groups["english"] or groups["later"]:
        n = ENGLISH.get(groups["english"] or groups["later"]) or number(groups["english"] or groups["later"])
        n = 0.5 if (groups["english"] or groups["later"]).startswith("half") else n
        return n and n * (60 if "hour" in match.group() else 1)
    count, unit = groups["one"] or groups["two"], str(groups["unit"] or groups["unit2"])
    half = 0.5 if groups["half"] or groups["half2"] or groups["plus"] or (count or "").endswith("个半") else 0
    n = about((count or "").removesuffix("个半")) if count else (None if not half else 1)
    if n is None:
        return None
    each = 60 if unit in ("小时", "钟头", "钟") else 15 if unit == "刻钟" else 1
    return (n + half) * each
