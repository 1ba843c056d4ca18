"""Whole conversations with the real Rasa and the real actions. Every turn is asked twice and must come out
the same: acts and memory are a function of (memory, text, facts)."""

from typing import Any

import pytest

from bot.engine import parse
from bot.texts import load_texts
from tests.dialogue import NOW, facts, wake_up_order
from tests.rasa_servers import ROOT, Assistant, Json

pytestmark = [pytest.mark.rasa, pytest.mark.processes]
KNOWN = load_texts(ROOT / "texts")["zh"]


class Conversation:
    """Keeps the memory and the open orders between turns, as the service does."""

    def __init__(self, assistant: Assistant, **changes: Any) -> None:
        self.rasa = assistant.rasa
        self.facts = facts(**changes)
        self.memory: Json | None = None
        self.placed: list[Json] = []

    def say(self, text: str) -> list[Json]:
        answer = self.rasa.turn(text, self.memory, self.facts)
        again = self.rasa.turn(text, self.memory, self.facts)
        assert (answer["acts"], answer["memory"]) == (again["acts"], again["memory"])
        assert len(parse(answer).acts) == len(answer["acts"]) > 0
        self.memory = answer["memory"]
        for act in answer["acts"]:
            self._carry_out(act)
        return list(answer["acts"])

    def keys(self, text: str) -> list[str]:
        """What was said in answer, in short: keys of texts, topics, reasons, operations."""
        return [
            act.get("key") or act.get("topic") or act.get("reason") or act.get("op") or act["act"]
            for act in self.say(text)
        ]

    def _carry_out(self, act: Json) -> None:
        if act["act"] == "say":
            assert act["key"] in KNOWN
        if act["act"] != "order":
            return
        self.placed.append(act)
        if act["op"] == "place":
            order = wake_up_order(f"o{len(self.placed)}", "", "") | {
                "service": act["service"],
                "due_at": None,
            }
            self.facts["orders"].append(order | act["slots"])


def test_the_wake_up_call_with_a_question_a_correction_and_a_change_of_day(assistant: Assistant) -> None:
    guest = Conversation(assistant)
    assert guest.keys("明早七点叫我起床") == ["wake_confirm"]
    assert guest.keys("早餐几点") == ["ask_breakfast", "wake_confirm"]
    (act,) = guest.say("不对，改成七点半")
    assert act["values"] == {"due_at": "2026-11-23T07:30:00+08:00", "room": "1208"}
    (act,) = guest.say("改到后天")
    assert act["values"]["due_at"] == "2026-11-24T07:30:00+08:00"
    assert guest.keys("对") == ["place", "wake_placed"]
    assert guest.placed[0]["slots"] == {"due_at": "2026-11-24T07:30:00+08:00", "room": "1208"}
    assert guest.keys("对") == ["affirm"]
    assert len(guest.placed) == 1


def test_the_wake_up_call_asked_for_step_by_step(assistant: Assistant) -> None:
    guest = Conversation(assistant, room=None)
    assert guest.keys("帮我设个叫醒") == ["wake_ask_time"]
    assert guest.keys("后天") == ["wake_ask_time"]
    assert guest.keys("六点四十") == ["wake_ask_room"]
    assert guest.keys("12") == ["bad_room"]
    assert guest.keys("1306") == ["wake_confirm"]
    assert guest.keys("不对") == ["wake_what_to_change"]
    assert guest.keys("房号") == ["wake_ask_room"]
    assert guest.keys("1502") == ["wake_confirm"]
    assert guest.keys("嗯嗯") == ["place", "wake_placed"]
    assert guest.placed[0]["slots"] == {"due_at": "2026-11-24T06:40:00+08:00", "room": "1502"}


@pytest.mark.parametrize("words", ["算了，不用了", "不用了", "取消"])
def test_the_wake_up_call_given_up(assistant: Assistant, words: str) -> None:
    guest = Conversation(assistant)
    guest.say("明早七点叫我起床")
    assert guest.keys(words) == ["wake_dropped"]
    assert not guest.placed


def test_a_time_that_has_passed_and_a_day_too_far_away(assistant: Assistant) -> None:
    guest = Conversation(assistant)
    assert guest.keys("今天早上七点叫我起床") == ["wake_past_today", "wake_confirm"]
    assert guest.keys("改到2027年3月1号") == ["wake_too_far"]
    assert guest.keys("后天") == ["wake_confirm"]


def test_after_midnight_tomorrow_morning_is_asked_about(assistant: Assistant) -> None:
    guest = Conversation(assistant, now="2026-11-23T01:10:00+08:00")
    (act,) = guest.say("明早七点叫我起床")
    assert act["key"] == "wake_which_day"
    (act,) = guest.say(act["options"][0]["text"])
    assert act["values"]["due_at"] == "2026-11-23T07:00:00+08:00"


def test_corrected_after_it_was_noted_then_cancelled(assistant: Assistant) -> None:
    guest = Conversation(assistant)
    guest.say("明早七点叫我起床")
    guest.say("对")
    assert guest.keys("改成七点半吧") == ["wake_confirm_change"]
    assert guest.keys("对") == ["change", "wake_placed"]
    assert guest.placed[1]["order"] == "o1"
    assert guest.keys("取消叫醒") == ["cancel_wake_confirm"]
    assert guest.keys("对") == ["cancel", "cancel_wake_done"]
    guest.facts["orders"] = []
    assert guest.keys("取消叫醒") == ["cancel_wake_none"]


def test_one_of_two_wake_up_calls_is_cancelled(assistant: Assistant) -> None:
    orders = [
        wake_up_order("o1", "2026-11-23T07:00:00+08:00"),
        wake_up_order("o2", "2026-11-24T06:30:00+08:00"),
    ]
    guest = Conversation(assistant, orders=orders)
    (act,) = guest.say("取消叫醒")
    assert act["key"] == "cancel_wake_which"
    assert guest.keys(act["options"][1]["text"]) == ["cancel_wake_confirm"]
    guest.say("对")
    assert [order["order"] for order in guest.placed] == ["o2"]


def test_another_request_in_the_middle_and_back(assistant: Assistant) -> None:
    guest = Conversation(assistant)
    guest.say("明早七点叫我起床")
    assert guest.keys("再送两瓶水") == ["service_confirm_room"]
    assert guest.keys("对") == ["place", "service_placed", "resume", "wake_confirm"]
    assert guest.keys("对") == ["place", "wake_placed"]
    assert [order["service"] for order in guest.placed] == ["request_supplies", "wake_up_call"]
    assert guest.memory
    assert guest.memory["form"] is None


def test_a_service_asked_corrected_and_ordered(assistant: Assistant) -> None:
    guest = Conversation(assistant, room=None)
    assert guest.keys("我要报修") == ["ask_what_report_repair"]
    assert guest.keys("空调不制冷") == ["service_ask_room"]
    assert guest.keys("1208") == ["service_confirm_room"]
    (act,) = guest.say("送到1209")
    assert act["values"]["room"] == "1209"
    assert guest.keys("对的") == ["place", "service_placed"]
    assert guest.placed[0]["slots"] == {"what": "空调不制冷", "room": "1209"}


def test_an_umbrella_water_and_a_room_that_is_not_there(assistant: Assistant) -> None:
    guest = Conversation(assistant, room=None, rooms=["0201-0630"])
    assert guest.keys("借一把雨伞") == ["service_ask_room"]
    for _ in range(2):
        assert guest.keys("早餐几点") == ["ask_breakfast", "service_ask_room"]
    assert guest.keys("早餐几点") == ["ask_breakfast"]
    (act,) = guest.say("9999房要两瓶水")
    assert (act["key"], act["values"]) == ("bad_room", {"room": "9999"})
    (act,) = guest.say("512")
    assert act["values"] == {"what": "一把雨伞、两瓶水", "room": "0512"}
    assert guest.keys("对") == ["place", "service_placed"]
    guest.facts["orders"] = []  # done meanwhile
    (act,) = guest.say("空调不制冷")
    assert act["values"]["room"] == "0512"


def test_a_question_in_the_middle_of_a_service(assistant: Assistant) -> None:
    guest = Conversation(assistant)
    guest.say("帮我开个发票")
    assert guest.keys("早餐几点") == ["ask_breakfast", "ask_what_invoice"]
    assert guest.keys("算了") == ["service_dropped"]


def test_an_alarm_leaves_the_form_and_the_form_stays_shut(assistant: Assistant) -> None:
    guest = Conversation(assistant)
    guest.say("明早七点叫我起床")
    assert guest.keys("着火了快来人") == ["emergency"]
    assert guest.keys("早餐几点") == ["ask_breakfast"]


def test_a_complaint_tells_its_kind(assistant: Assistant) -> None:
    guest = Conversation(assistant)
    (act,) = guest.say("我要投诉，你们必须赔钱")
    assert (act["act"], act["reason"]) == ("handoff", "complain")
    assert act["detail"]["kind"] == "accusing"
    assert act["detail"]["topic"]


def test_two_misunderstandings_in_a_row(assistant: Assistant) -> None:
    guest = Conversation(assistant)
    first = guest.keys("？？？")
    assert first == ["unclear"]
    assert guest.keys("……") == ["misunderstood"]


def test_while_a_person_is_awaited_questions_and_tasks_go_on(assistant: Assistant) -> None:
    guest = Conversation(assistant, state="WAITING")
    assert guest.keys("早餐几点") == ["ask_breakfast"]
    assert guest.keys("送两瓶水") == ["service_confirm_room"]
    assert guest.keys("对") == ["place", "service_placed"]


def test_requests_without_a_form(assistant: Assistant) -> None:
    guest = Conversation(assistant)
    assert guest.keys("毛巾怎么还没送来") == ["follow_up_none", "human_handoff"]
    assert guest.keys("以后别给我房间放水果") == ["remember", "preference_noted"]
    assert guest.keys("别再给我发推送了") == ["place", "stop_noted"]
    assert guest.keys("你是真人还是机器人") == ["bot_challenge"]


def test_the_clock_is_the_services(assistant: Assistant) -> None:
    assert Conversation(assistant).facts["now"] == NOW
    later = Conversation(assistant, now="2027-02-01T06:00:00+08:00")
    (act,) = later.say("七点叫我起床")
    assert act["values"]["due_at"] == "2027-02-01T07:00:00+08:00"
