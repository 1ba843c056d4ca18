"""How a message was read, as a measurement sees it: the decision of what a guest would get."""

from datetime import UTC, datetime

import pytest

from bot.commands.understand import BadLine, parse, stranger
from bot.engine import Turn
from bot.model import Act, Answer, Handoff, Order, Reason, Say
from bot.understanding import reading, room_type
from tests.core import hotel

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
HOTEL = hotel()


@pytest.mark.parametrize(
    ("acts", "decision"),
    [
        ((Answer("ask_breakfast"),), "answer"),
        ((Say("wake_ask_time"),), "answer"),
        ((Say("greet"),), "answer"),
        ((Order("place", "request_supplies", {"what": "两条毛巾"}), Say("thank")), "answer"),
        ((Say("unclear"),), "clarify"),
        ((Say("out_of_scope"),), "refuse"),
        ((Say("chitchat"),), "refuse"),
        ((Say("greet"), Say("out_of_scope")), "refuse"),
        ((Answer("ask_breakfast"), Say("out_of_scope")), "answer"),
        ((Handoff(Reason.COMPLAIN, {"kind": "critical"}),), "handoff"),
        ((Say("follow_up_none"), Handoff(Reason.HUMAN_HANDOFF)), "handoff"),
        ((Answer("a_topic_the_hotel_has_not"),), "handoff"),
        ((), "handoff"),
    ],
)
def test_the_decision_is_what_the_guest_would_get(acts: tuple[Act, ...], decision: str) -> None:
    found = reading("随便什么", Turn(acts, None), HOTEL, stranger(HOTEL, NOON), NOON)
    assert (found["decision"], found["alarm"]) == (decision, False)


@pytest.mark.parametrize(
    ("text", "acts"), [("着火了快来人", (Say("chitchat"),)), ("他不动了", (Handoff(Reason.EMERGENCY),))]
)
def test_an_alarm_is_the_safety_words_or_the_assistants(text: str, acts: tuple[Act, ...]) -> None:
    found = reading(text, Turn(acts, None), HOTEL, stranger(HOTEL, NOON), NOON)
    assert (found["decision"], found["alarm"]) == ("handoff", True)


def test_a_complaint_has_its_kind() -> None:
    acts = (Handoff(Reason.COMPLAIN, {"kind": "accusing"}),)
    assert (
        reading("赔钱", Turn(acts, None), HOTEL, stranger(HOTEL, NOON), NOON)["complaint_kind"] == "accusing"
    )
    acts = (Handoff(Reason.HUMAN_HANDOFF),)
    assert reading("找人", Turn(acts, None), HOTEL, stranger(HOTEL, NOON), NOON)["complaint_kind"] is None


def test_what_is_no_complaint_for_sure_may_still_have_a_kind() -> None:
    turn = Turn((Handoff(Reason.SUGGEST),), None, complaint="constructive")
    found = reading("要是能早点开门就好了", turn, HOTEL, stranger(HOTEL, NOON), NOON)
    assert found["complaint_kind"] == "constructive"


def test_where_the_assistant_asks_back_the_likeliest_reading_is_told() -> None:
    ranking = (("nlu_fallback", 0.5), ("ask_wifi", 0.4), ("report_repair", 0.3))
    turn = Turn((Say("clarify"),), None, "nlu_fallback", 0.5, ranking=ranking)
    found = reading("网", turn, HOTEL, stranger(HOTEL, NOON), NOON)
    assert (found["intent"], found["confidence"], found["decision"]) == ("ask_wifi", 0.4, "clarify")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("大床房", "KING"),
        ("豪华大床房", "KING"),
        ("海景大床房", "SEA"),
        ("海景大床", "SEA"),
        ("便宜的标间", "TWIN"),
        ("树屋", None),
    ],
)
def test_a_room_type_is_the_hotels_code(said: str, code: str | None) -> None:
    assert room_type(said, HOTEL.file.room_types) == code


def test_a_room_type_that_the_hotel_has_not_stays_the_guests_word() -> None:
    entity = {"entity": "room_type", "value": "树屋", "raw": "樹屋", "start": 1, "end": 3}
    turn = Turn((Say("greet"),), None, entities=(entity,))
    assert reading("有樹屋吗", turn, HOTEL, stranger(HOTEL, NOON), NOON)["entities"] == [entity]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "3",
        "{}",
        '{"text": ""}',
        '{"text": 3}',
        '{"text": "在吗", "now": "2026-11-22T10:00"}',
        '{"text": "在吗", "now": "9999-12-31T23:59:59-12:00"}',  # no clock can show it
        '{"text": ' + "[" * 100_000,
    ],
)
def test_a_line_that_cannot_be_read_says_why(line: str) -> None:
    with pytest.raises(BadLine, match=r'"text"|"now"'):
        parse(line)


def test_now_is_a_moment_with_its_offset() -> None:
    asked = parse('{"text": "在吗", "now": "2026-11-22T12:00:00+08:00"}')
    assert (asked.text, asked.now) == ("在吗", NOON)
