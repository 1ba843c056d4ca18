"""How each language of ours says dates, times, waits and money.  Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from types import MappingProxyType


@dataclass(frozen=True)
class Spoken:
    """How one language shows dates, times and waits; `until` joins the ends of a range."""

    day_of_year: Callable[[date, date], str]  # the date, today
    weekday: Callable[[date], str]
    clock: Callable[[time], str]
    near: Mapping[int, str]  # days from today -> word
    lead: Callable[[int, int, int], str]  # days, hours, minutes ahead; all 0: now
    until: str
    unit_gap: str


def show_money(fen: int) -> str:
    """12800 -> ¥128, 12850 -> ¥128.50"""
    yuan, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}¥{yuan}" + (f".{rest:02d}" if rest else "")


_ZH_HOURS = ((5, "凌晨"), (9, "早上"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))
_EN_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_EN_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _zh_date(day: date, today: date) -> str:
    year = "" if day.year == today.year else f"{day.year}年"
    return f"{year}{day.month}月{day.day}日"


def _zh_clock(clock: time) -> str:
    part = next(word for until, word in _ZH_HOURS if clock.hour < until)
    hour = clock.hour - 12 if clock.hour > 12 else clock.hour
    return f"{part}{hour}:{clock.minute:02d}"


def _zh_lead(days: int, hours: int, minutes: int) -> str:
    parts = [f"{n}{unit}" for n, unit in ((days, "天"), (hours, "小时"), (minutes, "分钟")) if n]
    return "还有" + "".join(parts) if parts else "马上就到"


def _en_date(day: date, today: date) -> str:
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day.day} {_EN_MONTHS[day.month - 1]}{year}"


def _en_clock(clock: time) -> str:
    return f"{clock.hour % 12 or 12}:{clock.minute:02d} {'am' if clock.hour < 12 else 'pm'}"


def _en_lead(days: int, hours: int, minutes: int) -> str:
    counted = ((days, "day"), (hours, "hour"), (minutes, "minute"))
    parts = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in counted if n]
    return "in " + " ".join(parts) if parts else "right now"


LANGUAGES: Mapping[str, Spoken] = MappingProxyType(
    {
        "zh": Spoken(
            day_of_year=_zh_date,
            weekday=lambda day: "周" + "一二三四五六日"[day.weekday()],
            clock=_zh_clock,
            near={-1: "昨天", 0: "今天", 1: "明天", 2: "后天"},
            lead=_zh_lead,
            until="至",
            unit_gap="",
        ),
        "en": Spoken(
            day_of_year=_en_date,
            weekday=lambda day: _EN_DAYS[day.weekday()],
            clock=_en_clock,
            near={-1: "yesterday", 0: "today", 1: "tomorrow"},
            lead=_en_lead,
            until=" to ",
            unit_gap=" ",
        ),
    }
)
