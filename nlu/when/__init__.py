"""Dates and times in a guest's Chinese, to what is meant at the hotel's clock. Pure: `now` is an argument.

Works on normalised text (nlu.normal) and on nothing else. Dates are "YYYY-MM-DD" or {"start", "end"}, times
"HH:MM" or {"start", "end"}. A time without a half of the day is the one a clerk would assume; what a clerk
would ask about is marked ambiguous.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from nlu.found import Found
from nlu.when.day import NIGHT_ENDS, Day
from nlu.when.days import find_days
from nlu.when.hours import AFTER, Hour, day_of, find_hours
from nlu.when.slips import put_right


def find(text: str, now: datetime) -> list[Found]:
    """Every date and time in reading order. `now` must be aware, in the hotel's zone."""
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    written, text = text, put_right(text)
    days = find_days(text, now)
    hours = find_hours(text, days, now)
    days = _moved(text, days, hours, now)
    found = [
        replace(one, raw=written[one.start : one.end])
        for one in (*_dates(text, days), *_times(text, hours, days))
    ]
    return sorted(found, key=lambda one: (one.start, one.entity))


def _moved(text: str, days: list[Day], hours: list[Hour], now: datetime) -> list[Day]:
    """Midnight belongs to the next day: 今晚十二点 is tomorrow 00:00, 今晚两点 tomorrow 02:00."""
    out = list(days)
    for hour in hours:
        from_now = bool(AFTER.fullmatch(text[hour.start : hour.end]))
        if from_now and hour.days:
            # Words that already say a day say no second one.
            if all(day.end <= hour.start or hour.end <= day.start for day in out):
                out.append(Day(hour.start, hour.end, now.date() + timedelta(hour.days)))
            continue
        day = None if from_now else day_of(hour.start, text, days)
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
        if hour.since is not None:
            value = {"start": _clock(replace(hour, minutes=hour.since)), "end": _clock(hour)}
            yield Found("time", value, text[hour.start : hour.end], hour.start, hour.end, ambiguous)
        elif then and then.since is None and _BETWEEN.fullmatch(text[hour.end : then.start]):
            skip = at + 1
            value = {"start": _clock(hour), "end": _clock(then)}
            yield Found("time", value, text[hour.start : then.end], hour.start, then.end, ambiguous)
        else:
            yield Found("time", _clock(hour), text[hour.start : hour.end], hour.start, hour.end, ambiguous)


def _shaky(hour: Hour, text: str, days: list[Day]) -> bool:
    day = day_of(hour.start, text, days)
    return bool(day and day.ambiguous and day.last is None)


def _clock(hour: Hour) -> str:
    return f"{hour.minutes // 60:02d}:{hour.minutes % 60:02d}"
