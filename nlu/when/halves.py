"""Which half of the day an hour belongs to: what 早上 and 晚上 say, and what a clerk assumes without them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from nlu.when.day import Day

SAYS_NOTHING_ELSE = 6  # characters: 五点四十吧 is the bare answer to a question

PARTS = {
    "凌晨": "dawn", "清晨": "morning", "清早": "morning", "大清早": "morning", "一大早": "morning", "一早": "morning",
    "大早上": "morning", "早上": "morning", "早晨": "morning", "上午": "morning", "上昼": "morning", "朝早": "morning", "朝": "morning",
    "早": "morning", "晨": "morning", "中午": "noon", "正午": "noon", "晌午": "noon", "下午": "afternoon", "午后": "afternoon",
    "下昼": "afternoon", "傍晚": "evening", "黄昏": "evening", "晚上": "evening", "晚间": "evening", "夜晚": "evening",
    "夜里": "night", "晚": "evening", "夜": "evening", "半夜": "night", "大半夜": "night", "后半夜": "night", "深夜": "night", "午夜": "night",
    "三更半夜": "night", "夜间": "night", "am": "morning", "a.m.": "morning", "pm": "afternoon", "p.m.": "afternoon",
}  # fmt: skip
PART = "|".join(
    sorted(
        (word for word in PARTS if len(word) > 1 and word.isalpha() and word not in ("am", "pm")),
        key=len,
        reverse=True,
    )
)
_MORNING_TALK = re.compile(
    r"起床|叫早|早餐|早饭|早点|晨跑|日出|上班|赶早|早班|吃早|睡懒觉|起不来|闹钟|早上|早晨|上午"
)
_EVENING_TALK = re.compile(r"晚餐|晚饭|宵夜|夜宵|晚宴|看球|夜景|晚上|今晚|日落|晚会|睡前|关门|打烊")
_WAKE_TALK = re.compile(r"叫醒|叫我|叫叫我|叫一[下次]|叫起|喊我|闹|wake|morning call|起身|起来")
_LEAVE_TALK = re.compile(r"退房|离店|check\s?out|走人")


def in_part(hour: int, part: str) -> tuple[int, int]:
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


_LEADS_UP = re.compile(r"叫|喊|出发|送我|起床|闹钟|退房|走")
_DEPARTURE = re.compile(r"飞机|航班|高铁|火车|动车|的车|机场")


@dataclass(frozen=True)
class Heard:
    """What stands around a bare hour: the text, its date, the time before it, the clock, where it ends."""

    text: str
    day: Day | None
    before: int | None  # minutes since midnight
    now: datetime
    end: int


def guess(hour: int, minute: int, heard: Heard) -> int:
    """Which half of the day a bare hour means; the order of these rules is their strength."""
    text, now = heard.text, heard.now
    if heard.before is not None:
        return _after(heard.before, hour, minute, _comes_first(heard))
    if hour == 12:
        return 12
    if _EVENING_TALK.search(text) and not _MORNING_TALK.search(text) and hour >= 5:
        return hour + 12
    if _MORNING_TALK.search(text) and hour >= 4:
        return hour
    if hour <= 5:
        return _small(hour, text, heard.day, now)
    dated = heard.day is not None and heard.day.first != now.date()
    if dated or _WAKE_TALK.search(text) or _LEAVE_TALK.search(text):
        return hour
    passed = now.hour * 60 + now.minute > hour * 60 + minute
    ahead = now.hour * 60 + now.minute < (hour + 12) * 60 + minute
    return hour + 12 if passed and ahead else hour


def _comes_first(heard: Heard) -> bool:
    """六点四十的飞机,五点叫我: the call is before what it is for, not at five in the afternoon."""
    early = (heard.before or 0) < 720 or bool(_DEPARTURE.search(heard.text))
    return early and bool(_LEADS_UP.match(heard.text, heard.end))


def _small(hour: int, text: str, day: Day | None, now: datetime) -> int:
    """One to five: the afternoon, unless somebody wants to be woken in the night ahead."""
    if day is None and len(text.strip(" ,.。!?~")) <= SAYS_NOTHING_ELSE and not _LEAVE_TALK.search(text):
        return hour + 12 if hour <= now.hour < hour + 12 else hour
    far = day is not None and day.first > now.date()
    if _WAKE_TALK.search(text) and (far or now.hour >= 17 or now.hour < hour):
        return hour
    if hour == 5 and far and not _LEAVE_TALK.search(text):
        return hour
    return hour + 12


def _after(before: int, hour: int, minute: int, wakes: bool) -> int:
    """A bare time after another one is the next that follows it; only a call may come before what it is for."""
    same = hour % 12 + (12 if before >= 720 else 0)
    return same if wakes or same * 60 + minute >= before else (same + 12) % 24
