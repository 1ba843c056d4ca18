import pytest

from actions.heard import read
from actions.wake_up import WakeUpEnd, WakeUpForm, late_change
from tests.dialogue import Guest, facts, message, run, tracker, wake_up_order

SEVEN = ("time", "七点", "07:00")
MORNING = ("date", "明早", "2026-11-23")


def keys(acts: list[dict]) -> list[str]:
    return [act["key"] for act in acts if act["act"] == "say"]


async def at_confirmation(**metadata: object) -> Guest:
    guest = Guest(WakeUpForm(), **metadata)
    await guest.says("明早七点叫我起床", "wake_up_call", MORNING, SEVEN)
    assert guest.asked == "wake_confirmed"
    return guest


async def test_everything_said_at_once_is_confirmed_with_the_room_of_the_facts() -> None:
    guest = Guest(WakeUpForm())
    (act,) = await guest.says("明早七点叫我起床", "wake_up_call", MORNING, SEVEN)
    assert act["key"] == "wake_confirm"
    assert act["values"] == {"due_at": "2026-11-23T07:00:00+08:00", "room": "1208"}
    assert [option.get("text") for option in act["options"]] == ["对", "要改一下", "算了，不用了"]


async def test_yes_places_one_order_and_promises_the_same_moment() -> None:
    guest = await at_confirmation()
    assert await guest.says("对", "affirm") == []
    assert guest.asked is None
    order, told = await guest.ends(WakeUpEnd())
    assert order == {
        "act": "order",
        "op": "place",
        "service": "wake_up_call",
        "slots": {"room": "1208", "due_at": "2026-11-23T07:00:00+08:00"},
    }
    assert (told["key"], told["values"]["due_at"]) == ("wake_placed", order["slots"]["due_at"])


async def test_the_end_run_twice_orders_once() -> None:
    guest = await at_confirmation()
    await guest.says("对", "affirm")
    assert len(await guest.ends(WakeUpEnd())) == 2
    assert await guest.ends(WakeUpEnd()) == []


async def test_a_time_without_a_day_is_its_next_occurrence() -> None:
    later = Guest(WakeUpForm())
    (act,) = await later.says("十点叫醒我", "wake_up_call", ("time", "十点", "22:00"))
    assert act["values"]["due_at"] == "2026-11-22T22:00:00+08:00"
    earlier = Guest(WakeUpForm())
    (act,) = await earlier.says("七点叫醒我", "wake_up_call", SEVEN)
    assert act["values"]["due_at"] == "2026-11-23T07:00:00+08:00"


async def test_asks_for_time_then_room() -> None:
    guest = Guest(WakeUpForm(), room=None)
    assert keys(await guest.says("帮我设个叫醒", "wake_up_call")) == ["wake_ask_time"]
    assert keys(await guest.says("七点", "nlu_fallback", SEVEN)) == ["wake_ask_room"]
    (act,) = await guest.says("1306", "nlu_fallback", ("room_number", "1306", "1306"))
    assert act["values"] == {"due_at": "2026-11-23T07:00:00+08:00", "room": "1306"}


@pytest.mark.parametrize(
    ("text", "intent", "entities", "due_at", "room"),
    [
        ("不对，改成七点半", "deny", [("time", "七点半", "07:30")], "2026-11-23T07:30:00+08:00", "1208"),
        ("改到后天", "modify_booking", [("date", "后天", "2026-11-24")], "2026-11-24T07:00:00+08:00", "1208"),
        ("七点半吧", "ask_breakfast", [("time", "七点半", "07:30")], "2026-11-23T07:30:00+08:00", "1208"),
        ("我住1306", "nlu_fallback", [("room_number", "1306", "1306")], "2026-11-23T07:00:00+08:00", "1306"),
        (
            "对，不过要六点四十",
            "affirm",
            [("time", "六点四十", "06:40")],
            "2026-11-23T06:40:00+08:00",
            "1208",
        ),
    ],
)
async def test_a_correction_is_confirmed_again(
    text: str, intent: str, entities: list[tuple[str, str, str]], due_at: str, room: str
) -> None:
    guest = await at_confirmation()
    (act,) = await guest.says(text, intent, *entities)
    assert (act["key"], act["values"]) == ("wake_confirm", {"due_at": due_at, "room": room})
    assert guest.asked == "wake_confirmed"


@pytest.mark.parametrize(
    ("raw", "value", "rung"),
    [("七点半", "19:30", "07:30"), ("晚上七点半", "19:30", "19:30"), ("19:30", "19:30", "19:30")],
)
async def test_a_bare_time_keeps_the_half_of_the_day_it_corrects(raw: str, value: str, rung: str) -> None:
    """In the morning, 七点半 by itself would be this evening's; after 早上七点 it is the morning's."""
    guest = await at_confirmation()
    (act,) = await guest.says(f"不对，改成{raw}", "deny", ("time", raw, value))
    assert act["values"]["due_at"][11:16] == rung


@pytest.mark.parametrize(
    ("text", "intent", "entities"),
    [
        ("早餐是七点还是八点", "ask_breakfast", [("time", "七点", "07:00"), ("time", "八点", "08:00")]),
        ("谢谢", "thank", []),
        ("早餐几点", "ask_breakfast", []),
        ("把入住改到后天可以吗", "modify_booking", [("date", "后天", "2026-11-24")]),
        ("哈哈哈", "nlu_fallback", []),
    ],
)
async def test_what_is_not_for_the_form_is_left_to_its_own_rule(
    text: str, intent: str, entities: list[tuple[str, str, str]]
) -> None:
    guest = await at_confirmation()
    before = dict(guest.slots)
    assert await guest.says(text, intent, *entities) == []
    assert guest.rejected
    assert {**guest.slots, "aside": None} == {**before, "aside": None}


async def test_back_from_an_interruption_the_question_is_asked_again_and_nothing_is_read() -> None:
    guest = await at_confirmation()
    said = message("明天早餐八点还有吗", "ask_breakfast", [("time", "八点", "08:00")])
    ran = [{"event": "action", "name": "utter_ask_breakfast"}, {"event": "action", "name": "wake_up_form"}]
    (act,), _ = await run(WakeUpForm(), tracker(said, guest.slots, ran, "wake_up_form"))
    assert act["values"]["due_at"] == "2026-11-23T07:00:00+08:00"


@pytest.mark.parametrize("text", ["算了", "不用了", "算了，不用了", "那还是算了吧", "取消", "不用叫了，谢谢"])
async def test_giving_up_orders_nothing(text: str) -> None:
    guest = await at_confirmation()
    await guest.says(text, "nlu_fallback")
    assert keys(await guest.ends(WakeUpEnd())) == ["wake_dropped"]


async def test_no_asks_what_to_change_and_a_word_is_enough() -> None:
    guest = await at_confirmation()
    assert keys(await guest.says("不对", "deny")) == ["wake_what_to_change"]
    assert keys(await guest.says("时间", "nlu_fallback")) == ["wake_ask_time"]
    (act,) = await guest.says("六点", "nlu_fallback", ("time", "六点", "06:00"))
    assert act["values"]["due_at"] == "2026-11-23T06:00:00+08:00"


async def test_a_guess_of_the_model_is_not_a_yes() -> None:
    guest = await at_confirmation()
    for text, confidence in (("asdf qwer", 0.2), ("哎", 0.7), ("嗯？", 0.99)):
        await guest.says(text, "affirm", confidence=confidence)
        assert guest.rejected


async def test_a_time_that_has_passed_today_becomes_tomorrow_and_says_so() -> None:
    guest = Guest(WakeUpForm())
    acts = await guest.says("今天七点叫我", "wake_up_call", ("date", "今天", "2026-11-22"), SEVEN)
    assert keys(acts) == ["wake_past_today", "wake_confirm"]
    assert acts[1]["values"]["due_at"] == "2026-11-23T07:00:00+08:00"


@pytest.mark.parametrize(("day", "key"), [("2026-11-20", "wake_past"), ("2027-02-01", "wake_too_far")])
async def test_an_impossible_day_is_explained_and_asked_again(day: str, key: str) -> None:
    guest = Guest(WakeUpForm())
    assert keys(await guest.says("那天七点叫我", "wake_up_call", ("date", "那天", day), SEVEN)) == [key]
    assert guest.asked == "wake_date"
    (act,) = await guest.says("后天", "nlu_fallback", ("date", "后天", "2026-11-24"))
    assert act["values"]["due_at"] == "2026-11-24T07:00:00+08:00"


async def test_thirty_days_ahead_is_still_possible() -> None:
    guest = Guest(WakeUpForm())
    (act,) = await guest.says("那天七点叫我", "wake_up_call", ("date", "那天", "2026-12-22"), SEVEN)
    assert act["key"] == "wake_confirm"


async def test_what_is_no_room_number_is_said_to_be_none() -> None:
    guest = Guest(WakeUpForm(), room=None)
    await guest.says("七点叫我", "wake_up_call", SEVEN)
    (act,) = await guest.says("8号", "nlu_fallback")
    assert (act["key"], act["values"]) == ("bad_room", {"room": "8"})
    assert guest.asked == "wake_room"


async def test_yes_after_the_moment_has_passed_places_nothing() -> None:
    guest = Guest(WakeUpForm())
    await guest.says("九点半叫我", "wake_up_call", ("time", "九点半", "21:31"))
    assert keys(await guest.says("对", "affirm", now="2026-11-22T21:31:30+08:00")) == ["wake_past"]
    assert guest.asked == "wake_time"


async def test_after_midnight_the_day_is_asked() -> None:
    guest = Guest(WakeUpForm(), now="2026-11-23T01:10:00+08:00")
    unsure = {"ambiguous": True}
    (act,) = await guest.says(
        "明早七点叫我", "wake_up_call", ("date", "明早", "2026-11-23", unsure), ("time", "七点", "07:00")
    )
    assert act["key"] == "wake_which_day"
    assert [option["text"] for option in act["options"]] == ["11月23日", "11月24日"]
    (act,) = await guest.says("11月24日", "nlu_fallback", ("date", "11月24日", "2026-11-24"))
    assert act["values"]["due_at"] == "2026-11-24T07:00:00+08:00"


async def test_several_days_are_one_call_at_a_time() -> None:
    guest = Guest(WakeUpForm())
    days = ("date", "明后两天", {"start": "2026-11-23", "end": "2026-11-24"})
    acts = await guest.says("明后两天七点叫我", "wake_up_call", days, SEVEN)
    assert keys(acts) == ["wake_one_at_a_time", "wake_confirm"]
    assert acts[1]["values"]["due_at"] == "2026-11-23T07:00:00+08:00"


async def test_a_change_right_after_placing_changes_that_order() -> None:
    guest = Guest(WakeUpForm(), orders=[wake_up_order("o1", "2026-11-23T07:00:00+08:00")])
    (act,) = await guest.says("改成七点半叫我", "wake_up_call", ("time", "七点半", "07:30"))
    assert act["key"] == "wake_confirm_change"
    await guest.says("好的", "affirm")
    order, _ = await guest.ends(WakeUpEnd())
    assert (order["op"], order["order"]) == ("change", "o1")
    assert order["slots"]["due_at"] == "2026-11-23T07:30:00+08:00"


async def test_another_request_puts_the_draft_aside() -> None:
    guest = await at_confirmation()
    await guest.says("再送两瓶水", "request_supplies", ("quantity", "两瓶", {"n": 2, "unit": "瓶"}))
    assert guest.rejected
    assert guest.slots["aside"][0]["draft"]["wake_due_at"] == "2026-11-23T07:00:00+08:00"


async def test_without_facts_the_clock_and_shanghai_stand_in() -> None:
    said = message("七点叫我", "wake_up_call", [SEVEN])
    del said["metadata"]
    opened = [{"event": "active_loop", "name": "wake_up_form"}]
    (act,), _ = await run(WakeUpForm(), tracker(said, {}, opened, "wake_up_form"))
    assert act["key"] == "wake_ask_room"


async def test_slots_of_an_earlier_run_do_not_leak_into_a_new_one() -> None:
    guest = Guest(WakeUpForm())
    guest.slots = {"wake_time": "05:00", "wake_room": "999", "wake_date": "2026-11-30"}
    assert keys(await guest.says("我要叫醒", "wake_up_call")) == ["wake_ask_time"]


def test_facts_are_what_the_service_sends() -> None:
    assert set(facts()) >= {"hotel", "timezone", "now", "room", "orders", "state", "duty", "handed_back"}


@pytest.mark.parametrize(
    ("text", "intent", "raw", "kind", "value", "due_at"),
    [
        ("改成七点半吧", "nlu_fallback", "七点半", "time", "07:30", "2026-11-24T07:30:00+08:00"),
        ("不对，是七点半", "deny", "七点半", "time", "07:30", "2026-11-24T07:30:00+08:00"),
        ("改到周三", "modify_booking", "周三", "date", "2026-11-25", "2026-11-25T07:00:00+08:00"),
    ],
)
async def test_right_after_placing_a_correction_opens_the_form_again(
    text: str, intent: str, raw: str, kind: str, value: str, due_at: str
) -> None:
    orders = [wake_up_order("o1", "2026-11-24T07:00:00+08:00")]
    said = message(text, intent, [(kind, raw, value)], orders=orders)
    at = tracker(said)
    at.events = [{"event": "user"}, {"event": "action", "name": "action_wake_up_form_end"}, *at.events]
    draft = late_change(read(at))
    assert draft
    step = WakeUpForm().ask({slot: draft.get(slot) for slot in WakeUpForm.slots}, None, read(at))
    assert (step.acts[0]["key"], step.acts[0]["values"]["due_at"]) == ("wake_confirm_change", due_at)
    assert step.draft["wake_order"] == "o1"


async def test_the_same_words_later_or_with_nothing_noted_are_no_correction() -> None:
    said = message("改成七点半吧", "nlu_fallback", [("time", "七点半", "07:30")])
    at = tracker(said)
    assert late_change(read(at)) is None
    at.events = [{"event": "user"}, {"event": "action", "name": "action_wake_up_form_end"}, *at.events]
    assert late_change(read(at)) is None


async def test_a_draft_put_aside_before_an_alarm_is_not_taken_up_later() -> None:
    guest = Guest(WakeUpForm())
    guest.slots = {"aside": [{"form": "service_form", "draft": {}}]}
    await guest.says("明早七点叫我起床", "wake_up_call", MORNING, SEVEN)
    assert guest.slots["aside"] is None


async def test_asking_for_a_wake_up_call_in_the_middle_of_one_asks_again() -> None:
    guest = await at_confirmation()
    assert keys(await guest.says("我要叫醒服务，听见没有", "wake_up_call")) == ["wake_confirm"]
    assert not guest.rejected


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("时间不对", "wake_ask_time"),
        ("改一下日期", "wake_ask_date"),
        ("房间号错了", "wake_ask_room"),
        ("房间", "wake_ask_room"),
    ],
)
async def test_the_part_that_is_wrong_may_be_named(text: str, key: str) -> None:
    guest = await at_confirmation()
    assert keys(await guest.says(text, "nlu_fallback")) == [key]


@pytest.mark.parametrize(
    ("raw", "value", "rung"),
    [
        ("七点", "19:00", "07:00"),
        ("晚上七点", "19:00", "19:00"),
        ("四点", "16:00", "16:00"),
        ("十二点", "12:00", "12:00"),
    ],
)
async def test_a_bare_answer_to_what_time_is_the_mornings(raw: str, value: str, rung: str) -> None:
    guest = Guest(WakeUpForm(), now="2026-11-22T10:00:00+08:00")
    await guest.says("帮我设个叫醒", "wake_up_call")
    (act,) = await guest.says(raw, "nlu_fallback", ("time", raw, value))
    assert act["values"]["due_at"][11:16] == rung


async def test_a_correction_after_the_order_keeps_its_half_of_the_day_too() -> None:
    orders = [wake_up_order("o1", "2026-11-23T07:00:00+08:00")]
    said = message("改成七点半吧", "nlu_fallback", [("time", "七点半", "19:30")], orders=orders)
    at = tracker(said)
    at.events = [{"event": "user"}, {"event": "action", "name": "action_wake_up_form_end"}, *at.events]
    draft = late_change(read(at))
    assert draft
    assert draft["wake_time"] == "07:30"


async def test_a_room_that_the_hotel_does_not_have_is_asked_about() -> None:
    guest = Guest(WakeUpForm(), room=None, rooms=["0501-0530"])
    await guest.says("明早七点叫我", "wake_up_call", MORNING, SEVEN)
    for number in ("9999", "8888"):
        (act,) = await guest.says(number, "nlu_fallback", ("room_number", number, number))
        assert (act["key"], act["values"], guest.asked) == ("bad_room", {"room": number}, "wake_room")
    (act,) = await guest.says("512", "nlu_fallback", ("room_number", "512", "512"))
    assert act["values"]["room"] == "0512"
