import logging

import pytest
from rasa_sdk import Tracker

from actions.base import DeskAction, Result
from actions.handoffs import Complain, DefaultFallback, Deny, Misunderstood
from actions.requests import FollowUp, StatePreference, StopMessages
from actions.server import ACTIONS, executor
from tests.dialogue import message, run, tracker, wake_up_order

BEFORE = [{"event": "user"}, {"event": "action", "name": "action_misunderstood"}]


def not_understood(
    text: str, confidence: float = 0.3, before: list[dict] | None = None, **metadata: object
) -> Tracker:
    said = message(text, "nlu_fallback", (), confidence, **metadata)
    at = tracker(said)
    at.events = [*(before or []), *at.events]
    return at


@pytest.mark.parametrize(
    ("found", "detail"),
    [
        ({"kind": "accusing", "topic": "staff"}, {"kind": "accusing", "topic": "staff"}),
        ({"kind": "constructive", "topic": "food"}, {"kind": "constructive", "topic": "food"}),
        ({"kind": "unheard of", "topic": "food"}, {"kind": "critical", "topic": "food"}),
        (None, {"kind": "critical", "topic": None}),
    ],
)
async def test_a_complaint_goes_to_a_person_with_its_kind_and_topic(found: dict | None, detail: dict) -> None:
    said = message("这次又放了水果", "complain")
    acts, _ = await run(Complain(), tracker({**said, "complaint": found} if found else said))
    assert acts == [{"act": "handoff", "reason": "complain", "detail": detail}]


async def test_two_likely_readings_are_asked_for() -> None:
    at = not_understood("取消", 0.4)
    at.latest_message["decision"] = {"kind": "unsure", "readings": ["cancel_booking", "cancel_wake_up"]}
    (act,), _ = await run(Misunderstood(), at)
    assert act["key"] == "clarify"
    assert [option["key"] for option in act["options"]] == [
        "reading_cancel_booking",
        "reading_cancel_wake_up",
        "option_human",
    ]


async def test_readings_are_not_offered_twice_in_a_row() -> None:
    at = not_understood("取消", 0.4, before=BEFORE)
    at.latest_message["decision"] = {"kind": "unsure", "readings": ["cancel_booking", "cancel_wake_up"]}
    acts, _ = await run(Misunderstood(), at)
    assert acts[0]["reason"] == "misunderstood"


async def test_a_foreign_guest_gets_a_line_in_the_language_and_a_way_to_a_person() -> None:
    at = not_understood("체크아웃 시간이 몇 시예요?", 0.05, before=BEFORE)
    at.latest_message["decision"] = {"kind": "foreign", "readings": [], "language": "ko"}
    (act,), _ = await run(Misunderstood(), at)
    assert act["key"] == "foreign_ko"
    assert "转人工" in [option["text"] for option in act["options"]]


async def test_the_first_misunderstanding_is_admitted_with_a_way_to_a_person() -> None:
    (act,), _ = await run(Misunderstood(), not_understood("那个啥来着"))
    assert act["key"] == "unclear"
    assert "转人工" in [option["text"] for option in act["options"]]


async def test_the_second_in_a_row_is_a_handoff() -> None:
    acts, _ = await run(Misunderstood(), not_understood("那个啥来着", before=BEFORE))
    assert acts[0]["reason"] == "misunderstood"


async def test_two_that_are_not_in_a_row_are_not() -> None:
    between = [*BEFORE, {"event": "user"}, {"event": "action", "name": "utter_ask_breakfast"}]
    (act,), _ = await run(Misunderstood(), not_understood("那个啥来着", before=between))
    assert act["key"] == "unclear"


@pytest.mark.parametrize(("text", "reason"), [("火星土豆方程", "low_confidence"), ("？？？", None)])
async def test_mere_guessing_is_a_handoff_at_once_if_anything_was_said(text: str, reason: str | None) -> None:
    (act,), _ = await run(Misunderstood(), not_understood(text, 0.03))
    assert act.get("reason") == reason


async def test_while_waiting_for_a_person_nobody_is_asked_for_again() -> None:
    (act,), _ = await run(Misunderstood(), not_understood("那个啥", before=BEFORE, state="WAITING"))
    assert act["key"] == "waiting_noted"


async def test_while_waiting_it_is_asked_back_once_where_that_can_lead_to_an_answer() -> None:
    unsure = not_understood("早饭那个", state="WAITING")
    unsure.latest_message["decision"] = {"kind": "unsure", "readings": ["ask_breakfast", "room_service"]}
    (act,), _ = await run(Misunderstood(), unsure)
    assert [option["key"] for option in act["options"]] == ["reading_ask_breakfast", "reading_room_service"]
    again = not_understood("早饭那个", before=BEFORE, state="WAITING")
    again.latest_message["decision"] = unsure.latest_message["decision"]
    (act,), _ = await run(Misunderstood(), again)
    assert act["key"] == "waiting_noted"


async def test_a_foreign_guest_who_waits_is_answered_in_their_language() -> None:
    waits = not_understood("방이 너무 추워요", state="WAITING")
    waits.latest_message["decision"] = {"kind": "foreign", "readings": [], "language": "ko"}
    (act,), _ = await run(Misunderstood(), waits)
    assert act["key"] == "foreign_ko"


async def test_core_fallback_is_a_handoff_that_takes_nothing_back() -> None:
    acts, events = await run(DefaultFallback(), tracker(message("对", "affirm")))
    assert acts == [{"act": "handoff", "reason": "unsupported_task", "detail": None}]
    assert not [event for event in events if event["event"] in ("undo", "rewind")]


async def test_following_up_says_what_is_open_and_asks_for_a_person() -> None:
    orders = [
        {
            **wake_up_order("o1", "2026-11-23T07:00:00+08:00"),
            "service": "request_supplies",
            "what": "两条毛巾",
        }
    ]
    acts, _ = await run(FollowUp(), tracker(message("毛巾怎么还没送来", "follow_up", orders=orders)))
    assert (acts[0]["key"], acts[0]["values"]) == ("follow_up_open", {"what": "两条毛巾"})
    assert acts[1]["reason"] == "human_handoff"
    (told, _), _ = await run(FollowUp(), tracker(message("怎么还没来", "follow_up")))
    assert told["key"] == "follow_up_none"


async def test_following_up_after_a_hand_back_says_what_the_colleague_said() -> None:
    handed_back = {"by": "小林", "said": "毛巾五分钟到"}
    said = message("怎么还没来", "follow_up", handed_back=handed_back)
    acts, _ = await run(FollowUp(), tracker(said))
    assert (acts[0]["key"], acts[0]["values"]) == (
        "follow_up_colleague",
        {"name": "小林", "said": "毛巾五分钟到"},
    )
    assert acts[1]["reason"] == "human_handoff"


async def test_a_preference_is_remembered_in_the_guests_words() -> None:
    acts, _ = await run(StatePreference(), tracker(message("麻烦记住，我要高楼层", "state_preference")))
    assert [act["act"] for act in acts] == ["remember", "say"]
    assert acts[0]["preference"] == "我要高楼层"


async def test_stop_is_obeyed_without_a_question() -> None:
    acts, _ = await run(StopMessages(), tracker(message("别再给我发推送", "stop_messages")))
    assert (acts[0]["op"], acts[0]["service"], acts[1]["key"]) == ("place", "stop_messages", "stop_noted")


class Broken(DeskAction):
    def name(self) -> str:
        return "action_broken"

    def decide(self, tracker: Tracker) -> Result:
        raise ValueError(tracker.latest_message["text"])


async def test_an_action_that_fails_is_a_handoff_and_its_log_holds_no_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        acts, events = await run(Broken(), tracker(message("我的秘密是芝麻开门", "affirm")))
    assert acts == [{"act": "handoff", "reason": "action_failed", "detail": None}]
    assert {"event": "active_loop", "timestamp": None, "name": None} in events
    assert "action_broken" in caplog.text
    assert "ValueError" in caplog.text
    assert "芝麻" not in caplog.text


async def test_every_action_survives_a_message_it_cannot_read() -> None:
    said = message("七点", "wake_up_call", [("time", "七点", "not a time")])
    said["metadata"]["now"] = "no time either"
    for action in ACTIONS:
        at = tracker(said, {"outcome": "confirmed"}, [{"event": "active_loop", "name": "wake_up_form"}])
        acts, _ = await run(action(), at)
        assert all(act["act"] in ("say", "handoff", "order", "remember") for act in acts)


def test_the_server_registers_every_action_once() -> None:
    assert sorted(executor().actions) == sorted(action().name() for action in ACTIONS)


async def test_a_no_to_nothing_in_particular() -> None:
    acts, _ = await run(Deny(), tracker(message("不用了", "deny")))
    assert [act["key"] for act in acts] == ["deny"]


async def test_following_up_on_one_thing_names_no_other() -> None:
    base = wake_up_order("o1", "2026-11-23T07:00:00+08:00")
    orders = [{**base, "what": "两条毛巾"}, {**base, "order": "o2", "what": "后天大床房两晚"}]
    said = message("毛巾怎么还没送来", "follow_up", [("item", "毛巾", "毛巾")], orders=orders)
    (told, _), _ = await run(FollowUp(), tracker(said))
    assert told["values"] == {"what": "两条毛巾"}
