"""Days said by their distance from today: 明天, 三天后, 下周五, 周末, tomorrow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from nlu.numerals import about
from nlu.when.day import NIGHT_ENDS, Day, N, dated, shift
from nlu.when.halves import PARTS

_RELATIVE_DAYS = {
    "大大后": 4, "大后": 3, "后": 2, "明": 1, "今": 0, "昨": -1, "前": -2, "大前": -3, "次": 1, "翌": 1, "听": 1,
    "寻": -1, "琴": -1,
}  # fmt: skip
_WEEKDAYS = {
    **{char: at for at, char in enumerate("一二三四五六日")},
    "天": 6,
    **{str(at + 1): at for at in range(7)},
}
_ENGLISH_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ENGLISH_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def relative_days(text: str, now: datetime) -> Iterator[Day]:
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
            Day(match.start(), end, now.date() + timedelta(_RELATIVE_DAYS[word]), part=PARTS.get(part, "")),
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


def both_days(text: str, now: datetime) -> Iterator[Day]:
    """今明两天, 明后天: two days in one word."""
    for match in re.finditer(r"(?P<a>今|明)(?P<b>明|后)(?:[两二][天日晚]|天|日|晚)", text):
        first = now.date() + timedelta(_RELATIVE_DAYS[match["a"]])
        yield Day(
            match.start(),
            match.end(),
            first,
            first + timedelta(_RELATIVE_DAYS[match["b"]] - _RELATIVE_DAYS[match["a"]]),
        )


def days_on(text: str, now: datetime) -> Iterator[Day]:
    pattern = (
        rf"(?:再过|过)?(?P<n>{N}|半(?=个月|年))(?P<unit>天|日|个?(?:星期|礼拜)|周|个月|年)(?P<way>之后|以后|过后|后(?!天)|之前|以前|前(?!天|台))"
        rf"|再?过(?P<n2>{N})(?P<unit2>天|个?(?:星期|礼拜)|周|个月)(?!晚)"
    )
    for match in re.finditer(pattern, text):
        said, unit = match["n"] or match["n2"], match["unit"] or match["unit2"]
        count = _whole_about(said)
        if match["n"] == "半":
            count, unit = (15, "天") if unit == "个月" else (6, "个月")
        if count is None:
            continue
        back = (match["way"] or "后").replace("以", "").replace("之", "").startswith("前")
        with suppress(ValueError, OverflowError):  # 九千万年后
            yield Day(match.start(), match.end(), shift(now.date(), -count if back else count, unit))


def _whole_about(said: str) -> int | None:
    count = about(said)
    return int(count) if count is not None and count == int(count) else None


_WEEK = r"(?P<rel>大?(?:下|上)+一?个?|这一?个?|本|今个?)?(?:周|星期|礼拜|(?<![礼崇朝祭膜参])拜)"


def _weeks_away(rel: str) -> int:
    """下下周 and 大下周 are the same week."""
    weeks = rel.count("下") - rel.count("上")
    return weeks + ((weeks > 0) - (weeks < 0) if "大" in rel else 0)


def weekdays(text: str, now: datetime) -> Iterator[Day]:
    pattern = rf"(?:(?<=[周期拜].)|(?<![一二两三四五六七八九十\d半每双])){_WEEK}(?P<day>[一二三四五六日天1-7](?![间个点天年月小]|\d))"
    for match in re.finditer(pattern, text):
        yield _weekday(match, now, _WEEKDAYS[match["day"]])


def _weekday(match: re.Match[str], now: datetime, weekday: int) -> Day:
    rel = match["rel"] or ""
    monday = now.date() - timedelta(now.weekday())
    if rel:
        weeks = _weeks_away(rel)
        return Day(match.start(), match.end(), monday + timedelta(7 * weeks + weekday))
    ahead = (weekday - now.weekday()) % 7 or 7
    return Day(match.start(), match.end(), now.date() + timedelta(ahead), loose="week")


def weekends(text: str, now: datetime) -> Iterator[Day]:
    for match in re.finditer(rf"{_WEEK}(?:末|六、?日)", text):
        rel = match["rel"] or ""
        weeks = _weeks_away(rel)
        saturday = now.date() + timedelta(5 - now.weekday() + 7 * weeks)
        if not rel and now.weekday() == 6:
            saturday += timedelta(7)
        yield Day(match.start(), match.end(), saturday, saturday + timedelta(1))


def weeks(text: str, now: datetime) -> Iterator[Day]:
    pattern = r"(?P<rel>大?(?:下|上)+一?个?|这一?个?|本)(?:周|星期|礼拜)(?![一二三四五六日天末1-7边年])(?P<edge>初)?"
    for match in re.finditer(pattern, text):
        weeks = _weeks_away(match["rel"])
        monday = now.date() + timedelta(7 * weeks - now.weekday())
        last = monday + timedelta(1 if match["edge"] else 6)
        yield Day(match.start(), match.end(), monday, last, ambiguous=True)


def english_days(text: str, now: datetime) -> Iterator[Day]:
    for match in re.finditer(
        r"(?<![a-z])(?P<word>day after tomorrow|tomorrow|tmr|today|tonight|yesterday)(?![a-z])", text
    ):
        ahead = {"day after tomorrow": 2, "tomorrow": 1, "tmr": 1, "yesterday": -1}.get(match["word"], 0)
        part = "evening" if match["word"] == "tonight" else ""
        yield Day(match.start(), match.end(), now.date() + timedelta(ahead), part=part)
    for match in re.finditer(
        rf"(?<![a-z])(?P<rel>next |this )?(?P<day>{'|'.join(_ENGLISH_DAYS)})(?![a-z])", text
    ):
        weekday, rel = _ENGLISH_DAYS.index(match["day"]), match["rel"] or ""
        monday = now.date() - timedelta(now.weekday())
        ahead = (weekday - now.weekday()) % 7 or 7
        first = monday + timedelta(7 + weekday) if rel == "next " else now.date() + timedelta(ahead)
        yield Day(match.start(), match.end(), first, loose="" if rel else "week")
    month = rf"(?P<month>{'|'.join(_ENGLISH_MONTHS)})[a-z]*\.?"
    for match in re.finditer(
        rf"\b(?:{month} (?P<day>\d{{1,2}})|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?{month.replace('month', 'month2')})(?:st|nd|rd|th)?\b",
        text,
    ):
        index = _ENGLISH_MONTHS.index(match["month"] or match["month2"]) + 1
        found = dated(None, index, int(match["day"] or match["day2"]), now, text)
        if found:
            yield Day(match.start(), match.end(), found)
