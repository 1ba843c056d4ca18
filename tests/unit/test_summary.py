"""What earlier visits come down to: few lines, each with its source, none without."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bot import closing, summary
from bot.model import (
    ASSISTANT,
    Actor,
    ActorKind,
    Audience,
    Content,
    ConversationId,
    Event,
    EventType,
    HotelId,
)
from bot.summary import Said
from tests.core import hotel

E = EventType
START = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)


def thread(*told: tuple[EventType, dict[str, Any], Content | str | None]) -> list[Said]:
    """Events an hour apart."""
    found = []
    for seq, (type_, body, words) in enumerate(told, 1):
        actor = ASSISTANT if type_ is E.ASSISTANT_SAID else Actor(ActorKind.GUEST, "g")
        place = HotelId("h"), ConversationId("c"), seq, type_, 1, START + timedelta(hours=seq)
        event = Event(*place, actor, None, Audience.STAFF, body)
        found.append((event, words if isinstance(words, Content) else Content(words)))
    return found


PAST = (
    (E.GUEST_SAID, {}, "早餐几点"),
    (E.ASSISTANT_SAID, {"intent": "ask_breakfast"}, "七点"),
    (E.GUEST_SAID, {}, "你们空调吵得我一夜没睡，必须给个说法"),
    (E.HANDOFF_REQUESTED, {"reason": "complain", "kind": "accusing"}, None),
    (E.STAFF_SAID, {}, "马上给您换房"),
    (E.PROMISE_MADE, {"promise": "p1", "seq": 5}, "马上给您换房"),
    (E.PROMISE_KEPT, {"promise": "p1"}, None),
    (E.ORDER_PLACED, {"order": "o1", "service": "request_supplies"}, Content(details={"what": "两条毛巾"})),
    (E.ORDER_DONE, {"order": "o1"}, None),
    (E.CLOSED, {"reason": "solved"}, None),
    (E.STAFF_NOTED, {"about": "closing"}, "已换到 1501，送了果盘"),
    (E.GUEST_RATED, {"stars": 2}, "还是吵"),
    (E.REOPENED, {}, None),
    (E.GUEST_SAID, {}, "我又来了"),
    (E.HANDOFF_REQUESTED, {"reason": "complain"}, None),
)


def test_whoever_closes_is_offered_what_was_wanted_said_and_done() -> None:
    shown = hotel()

    def line(*told: tuple[EventType, dict[str, Any], Content | str | None]) -> str:
        return closing.proposed(thread(*told), lambda key, **values: shown.say(key, START, **values))

    assert line(*PAST[:9]) == (
        "投诉：“你们空调吵得我一夜没睡，必须给个说法”；回复“马上给您换房”；送物品 两条毛巾，已办好；"
        "答应的“马上给您换房”做到了"
    )
    asked = (E.HANDOFF_REQUESTED, {"reason": "human_handoff"}, None)
    tv = ((E.GUEST_SAID, {}, "人工"), asked, (E.GUEST_SAID, {}, "电视连不上网，试了三遍。"))
    polite = ((E.STAFF_SAID, {}, "工程师十分钟后上门"), (E.STAFF_SAID, {}, "不客气，祝您晚安"))
    assert line(*tv, *polite) == "客人说“电视连不上网，试了三遍”；回复“工程师十分钟后上门”"
    assert line(*PAST[:2]) == "问早餐"
    assert line((E.GUEST_SAID, {}, "你好")) == ""


def test_each_line_leads_to_what_it_came_from() -> None:
    lines = summary.lines(summary.earlier(thread(*PAST)))
    assert [(line.kind, line.seq) for line in lines] == [
        ("rated", 12),
        ("closed", 10),
        ("order", 8),
        ("promise", 5),
        ("topics", 2),
    ]
    by_kind = {line.kind: line.values for line in lines}
    assert by_kind["order"] == {"service": "request_supplies", "what": "两条毛巾", "outcome": "done"}
    assert by_kind["promise"] == {"words": "马上给您换房", "outcome": "kept"}
    assert by_kind["closed"]["words"] == "已换到 1501，送了果盘"


def test_a_complaint_is_told_with_its_kind_and_its_outcome_and_this_visits_is_not_past() -> None:
    (one,) = summary.complaints(summary.earlier(thread(*PAST)))
    assert (one.seq, one.kind, one.outcome) == (3, "accusing", "solved")
    assert one.words == "你们空调吵得我一夜没睡，必须给个说法"
    assert one.note == "已换到 1501，送了果盘"


def test_there_are_seven_lines_at_most_and_what_hurt_is_among_them() -> None:
    orders = [(E.ORDER_PLACED, {"order": str(n), "service": "request_supplies"}, None) for n in range(20)]
    ended = (E.CLOSED, {"reason": "solved"}, None)
    broken = (
        (E.PROMISE_MADE, {"promise": "p", "seq": 1}, "八点前送到"),
        (E.PROMISE_BROKEN, {"promise": "p"}, None),
        (E.ALARM_RAISED, {"kind": "fire", "seq": 1}, None),
    )
    lines = summary.lines(summary.earlier(thread(*broken, *orders, ended)))
    assert len(lines) == 7
    assert {"alarm", "promise"} <= {line.kind for line in lines}


def test_what_was_erased_leaves_codes_and_a_preference_without_words_is_none() -> None:
    emptied = [(event, Content()) for event, _ in thread(*PAST, (E.PREFERENCE_REMEMBERED, {}, "高楼层"))]
    assert all(not line.values.get("words") for line in summary.lines(summary.earlier(emptied)))
    assert summary.complaints(summary.earlier(emptied))[0].words is None
    assert summary.preferences(emptied) == []
    wishes = (E.PREFERENCE_REMEMBERED, {}, "高楼层"), (E.PREFERENCE_REMEMBERED, {}, "高楼层")
    assert [line.seq for line in summary.preferences(thread(*wishes))] == [2]
