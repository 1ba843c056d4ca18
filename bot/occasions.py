"""Days that matter to a guest: birthdays and anniversaries, as they told us or a colleague noted.  Pure.

Found by rule in what was written, each with its message: nothing is stored, so erasing the words erases it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from bot.model import Content, ConversationId, Event, EventType

WORDS = 60  # characters of what was said
MOST = 3

_KINDS = {
    "anniversary": re.compile(r"纪念日|周年"),
    "birthday": re.compile(r"生日|寿辰|过寿"),
}
_NOT = re.compile(r"不是[^，。！？,!?]{0,6}(?:生日|纪念日|周年)|生日会场|周年庆?(?:活动|优惠|促销)")
_ON = re.compile(r"(?<!\d)(1[0-2]|0?[1-9])\s*月\s*(3[01]|[12]\d|0?[1-9])\s*[日号]?")
_NEAR = {"今天": 0, "今日": 0, "今晚": 0, "明天": 1, "明晚": 1, "后天": 2}
_SAYING = frozenset({EventType.GUEST_SAID, EventType.STAFF_NOTED, EventType.VOICE_HEARD})
_SENTENCE = re.compile(r"[。！？!?；;\n]")


@dataclass(frozen=True)
class Occasion:
    """`month` and `day` of every year; the message that says so, and when it was written."""

    kind: str
    month: int
    day: int
    words: str
    event: Event

    @property
    def conversation(self) -> ConversationId:
        return self.event.conversation

    def days_from(self, today: date) -> int:
        """How long until it is again."""
        for year in range(today.year, today.year + 9):
            try:
                day = date(year, self.month, self.day)
            except ValueError:  # 29 February
                continue
            if day >= today:
                return (day - today).days
        raise ValueError("no such day")


def occasions(thread: Iterable[tuple[Event, Content]], today: date, zone: tzinfo) -> list[Occasion]:
    """The next first, each day once, as it was said last."""
    found = {
        (one.kind, one.month, one.day): one
        for event, content in thread
        if event.type in _SAYING and content.text
        for one in _told(event, content.text, zone)
    }
    return sorted(found.values(), key=lambda one: one.days_from(today))[:MOST]


def _told(event: Event, text: str, zone: tzinfo) -> list[Occasion]:
    found = []
    for sentence in _SENTENCE.split(text):
        kind = next((name for name, words in _KINDS.items() if words.search(sentence)), None)
        day = _day_of(sentence, event.at.astimezone(zone).date())
        if kind and day and not _NOT.search(sentence):
            found.append(Occasion(kind, *day, sentence.strip()[:WORDS], event))
    return found


def _day_of(sentence: str, said: date) -> tuple[int, int] | None:
    """The day a sentence names; a relative one is counted from when it was written."""
    if named := _ON.search(sentence):
        month, day = int(named[1]), int(named[2])
        return (month, day) if _exists(month, day) else None
    near = next((days for word, days in _NEAR.items() if word in sentence), None)
    if near is None:
        return None
    day_ = said + timedelta(days=near)
    return day_.month, day_.day


def _exists(month: int, day: int) -> bool:
    try:
        date(2024, month, day)  # a leap year
    except ValueError:
        return False
    return True
