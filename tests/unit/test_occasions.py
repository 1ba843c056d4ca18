"""Which days matter, and which words only sound like it."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.model import Actor, ActorKind, Audience, Content, ConversationId, Event, EventType, HotelId
from bot.occasions import occasions

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 11, 22)


def said(text: str | None, type_: EventType = EventType.GUEST_SAID, seq: int = 1) -> tuple[Event, Content]:
    at, who = datetime(2026, 11, 21, 17, 0, tzinfo=UTC), Actor(ActorKind.GUEST, "g")  # 1 o'clock, the 22nd
    event = Event(HotelId("h"), ConversationId("c"), seq, type_, 1, at, who, None, Audience.GUEST, {})
    return event, Content(text)


@pytest.mark.parametrize(
    ("text", "kind", "day"),
    [
        ("今天是我生日", "birthday", (11, 22)),
        ("你好，后天我老公过生日，能布置一下吗", "birthday", (11, 24)),
        ("我妈12月3号生日", "birthday", (12, 3)),
        ("我们结婚纪念日是 2月29日", "anniversary", (2, 29)),
        ("11月25日结婚十周年。房间能升级吗", "anniversary", (11, 25)),
    ],
)
def test_a_day_that_was_told_is_found(text: str, kind: str, day: tuple[int, int]) -> None:
    (found,) = occasions([said(text)], TODAY, SHANGHAI)
    assert (found.kind, (found.month, found.day)) == (kind, day)
    assert found.words in text


@pytest.mark.parametrize(
    "text",
    [
        "生日蛋糕可以订吗",
        "12月3日入住",
        "今天不是我生日",
        "你们今天有周年庆活动吗",
        "13月40日生日",
        "想办生日会。12月3日到店",
        "",
        None,
    ],
)
def test_what_names_no_day_or_none_of_theirs_is_none(text: str | None) -> None:
    assert occasions([said(text)], TODAY, SHANGHAI) == []


def test_the_next_comes_first_and_each_once_where_it_was_said_last() -> None:
    thread = [
        said("我生日是 3月1日", seq=1),
        said("客人生日 12月3日", EventType.STAFF_NOTED, 2),
        said("12月3日是我生日", seq=3),
        said("生日 1月1日", EventType.ASSISTANT_SAID, 4),
    ]
    found = occasions(thread, TODAY, SHANGHAI)
    assert [(one.event.seq, one.days_from(TODAY)) for one in found] == [(3, 11), (1, 99)]
