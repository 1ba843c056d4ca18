from pathlib import Path

import pytest
import yaml

from actions.rooms import Rooms
from actions.service_form import ServiceEnd, ServiceForm
from actions.services import SERVICES
from actions.wake_up import WakeUpForm
from tests.dialogue import Guest, message, run, tracker

TWO_BOTTLES = (("quantity", "两瓶", {"n": 2, "unit": "瓶"}), ("item", "水", "水"))
TEXTS = yaml.safe_load((Path(__file__).parents[2] / "texts/dialogue.zh.yml").read_text(encoding="utf-8"))


def keys(acts: list[dict]) -> list[str]:
    return [act["key"] for act in acts if act["act"] == "say"]


async def at_confirmation() -> Guest:
    guest = Guest(ServiceForm())
    (act,) = await guest.says("再送两瓶水上来", "request_supplies", *TWO_BOTTLES)
    assert (act["key"], act["values"]) == ("service_confirm_room", {"what": "两瓶水", "room": "1208"})
    return guest


async def test_supplies_are_confirmed_once_and_ordered() -> None:
    guest = await at_confirmation()
    await guest.says("好的", "affirm")
    order, told = await guest.ends(ServiceEnd())
    assert order == {
        "act": "order",
        "op": "place",
        "service": "request_supplies",
        "slots": {"what": "两瓶水", "room": "1208"},
    }
    assert told["key"] == "service_placed"
    assert await guest.ends(ServiceEnd()) == []


async def test_what_and_room_are_asked_when_missing() -> None:
    guest = Guest(ServiceForm(), room=None)
    assert keys(await guest.says("帮我送点东西", "request_supplies")) == ["ask_what_request_supplies"]
    assert keys(await guest.says("充电器", "nlu_fallback")) == ["service_ask_room"]
    assert keys(await guest.says("8", "nlu_fallback")) == ["bad_room"]
    (act,) = await guest.says("806", "nlu_fallback")
    assert act["values"] == {"what": "充电器", "room": "806"}


@pytest.mark.parametrize(
    ("intent", "text", "asked"),
    [
        ("report_repair", "我要报修", "ask_what_report_repair"),
        ("report_repair", "马桶堵了", None),
        ("invoice", "帮我开个公司抬头的专票", "ask_what_invoice"),
        ("room_service", "我想点餐", "ask_what_room_service"),
        ("early_checkin", "能早点进房吗", "service_ask_when"),
        ("lost_and_found", "我东西丢了", "ask_what_lost_and_found"),
        ("lost_and_found", "我的灰色围巾丢了", None),
        ("book_room", "我要订房", "ask_what_book_room"),
        ("luggage_storage", "退房后箱子能放前台存一下吗", None),
        ("special_occasion", "能帮忙布置一下房间吗", "ask_what_special_occasion"),
        ("special_occasion", "老婆生日能帮忙布置一下吗", None),
        ("query_booking", "帮我看看订上了没", "ask_what_query_booking"),
    ],
)
async def test_only_what_is_missing_is_asked(intent: str, text: str, asked: str | None) -> None:
    (act,) = await Guest(ServiceForm()).says(text, intent)
    if asked:
        assert act["key"] == asked
    else:
        assert act["key"].startswith("service_confirm")
        assert act["values"]["what"] == text


async def test_a_time_becomes_the_due_time() -> None:
    guest = Guest(ServiceForm())
    (act,) = await guest.says(
        "明天能睡到下午两点再走吗",
        "late_checkout",
        ("date", "明天", "2026-11-23"),
        ("time", "下午两点", "14:00"),
    )
    assert act["key"] == "service_confirm_room_time"
    assert act["values"]["due_at"] == "2026-11-23T14:00:00+08:00"
    await guest.says("行", "affirm")
    order, told = await guest.ends(ServiceEnd())
    assert order["slots"]["due_at"] == "2026-11-23T14:00:00+08:00"
    assert told["key"] == "service_placed_answered"


@pytest.mark.parametrize(
    ("text", "intent", "entities", "what"),
    [
        ("不对，三瓶", "deny", [("quantity", "三瓶", {"n": 3, "unit": "瓶"})], "三瓶水"),
        (
            "再加一条毛巾",
            "request_supplies",
            [("quantity", "一条", {}), ("item", "毛巾", "毛巾")],
            "两瓶水、一条毛巾",
        ),
        ("不是，要拖鞋", "request_supplies", [("item", "拖鞋", "拖鞋")], "拖鞋"),
    ],
)
async def test_a_correction_is_confirmed_again(
    text: str, intent: str, entities: list[tuple[str, str, object]], what: str
) -> None:
    guest = await at_confirmation()
    (act,) = await guest.says(text, intent, *entities)
    assert (act["key"], act["values"]["what"]) == ("service_confirm_room", what)


async def test_another_room_is_confirmed_again() -> None:
    guest = await at_confirmation()
    (act,) = await guest.says("送到1306", "nlu_fallback", ("room_number", "1306", "1306"))
    assert act["values"] == {"what": "两瓶水", "room": "1306"}


async def test_no_asks_what_to_change_and_takes_the_answer() -> None:
    guest = await at_confirmation()
    assert keys(await guest.says("不对", "deny")) == ["service_what_to_change"]
    (act,) = await guest.says("要热水壶", "nlu_fallback")
    assert act["values"]["what"] == "热水壶"


@pytest.mark.parametrize("text", ["算了", "不用了", "那不要了"])
async def test_giving_up_orders_nothing(text: str) -> None:
    guest = await at_confirmation()
    await guest.says(text, "deny")
    assert keys(await guest.ends(ServiceEnd())) == ["service_dropped"]


@pytest.mark.parametrize(
    ("text", "intent"), [("早餐几点", "ask_breakfast"), ("谢谢", "thank"), ("你们态度太差了", "complain")]
)
async def test_a_question_or_a_complaint_is_left_to_its_own_rule(text: str, intent: str) -> None:
    asked_what = Guest(ServiceForm())
    await asked_what.says("我要报修", "report_repair")
    for guest in (asked_what, await at_confirmation()):
        assert await guest.says(text, intent) == []
        assert guest.rejected


async def test_another_service_comes_first_and_the_draft_waits() -> None:
    guest = await at_confirmation()
    (act,) = await guest.says("空调不制冷", "report_repair", ("device", "空调", "空调"))
    assert act["values"]["what"] == "空调不制冷"
    assert guest.slots["aside"][0]["draft"]["service_what"] == "两瓶水"
    await guest.says("对", "affirm")
    order, _ = await guest.ends(ServiceEnd())
    assert order["service"] == "report_repair"
    (resumed, act) = await guest.says("对", "affirm")
    assert resumed["key"] == "resume"
    assert act["values"]["what"] == "两瓶水"
    await guest.says("对", "affirm")
    order, _ = await guest.ends(ServiceEnd())
    assert (order["service"], guest.slots["aside"]) == ("request_supplies", None)


async def test_a_wake_up_call_in_the_middle_comes_first() -> None:
    guest = await at_confirmation()
    await guest.says("明早七点叫我", "wake_up_call", ("time", "七点", "07:00"))
    assert guest.rejected
    assert guest.slots["aside"][0]["form"] == "service_form"


async def test_long_words_are_cut_for_the_order() -> None:
    guest = Guest(ServiceForm())
    (act,) = await guest.says("马桶堵了" * 100, "report_repair", ("device", "马桶", "马桶"))
    assert len(act["values"]["what"]) == 200


def test_every_question_of_a_service_has_a_text() -> None:
    asked = {f"ask_what_{name}" for name, service in SERVICES.items() if "what" in service.needs}
    assert asked == {key for key in TEXTS if key.startswith("ask_what_")}


def test_nothing_forbidden_is_asked_for() -> None:
    questions = [
        text for key, text in TEXTS.items() if key.startswith(("ask_what_", "service_ask_", "wake_ask_"))
    ]
    assert questions
    assert not [
        text for text in questions if any(word in text for word in ("身份证", "护照", "卡号", "孩子"))
    ]


def test_every_task_opens_one_form() -> None:
    assert not set(SERVICES) & (WakeUpForm.starts | {"cancel_wake_up"})
    assert set(SERVICES) <= WakeUpForm.others


@pytest.mark.parametrize("intent", sorted(SERVICES))
async def test_no_service_sends_the_form_in_circles(intent: str) -> None:
    """A service's rule opens this same form: refusing its message would call the form again, for ever."""
    for asked in ("再送两瓶水上来", "帮我送点东西"):
        guest = Guest(ServiceForm())
        await guest.says(asked, "request_supplies")
        assert await guest.says("那个什么来着", intent)
        assert not guest.rejected


ROOMS = ["0201-0230", "0301-0330", "0501-0530", "A12"]


@pytest.mark.parametrize(
    ("said", "room"),
    [("0512", "0512"), ("512", "0512"), ("a12", "A12"), ("530", "0530"), ("9999", None), ("531", None)],
)
def test_a_room_is_the_hotels_whatever_zeros_were_said(said: str, room: str | None) -> None:
    assert Rooms(tuple(ROOMS)).find(said) == room
    assert Rooms().find("9999") == "9999"


async def test_an_unknown_room_is_asked_about_and_a_known_one_is_taken() -> None:
    guest = Guest(ServiceForm(), room=None, rooms=ROOMS)
    (act,) = await guest.says(
        "9999房送两瓶水", "request_supplies", ("room_number", "9999", "9999"), *TWO_BOTTLES
    )
    assert (act["key"], act["values"], guest.asked) == ("bad_room", {"room": "9999"}, "service_room")
    (act,) = await guest.says("512", "nlu_fallback", ("room_number", "512", "512"))
    assert act["values"] == {"what": "两瓶水", "room": "0512"}
    assert keys(await guest.says("不对，1208", "deny", ("room_number", "1208", "1208"))) == ["bad_room"]


@pytest.mark.parametrize("again", ["就是9999", "对"])
async def test_a_guest_who_insists_is_believed_and_staff_are_told(again: str) -> None:
    guest = Guest(ServiceForm(), room=None, rooms=ROOMS)
    await guest.says("送两瓶水", "request_supplies", *TWO_BOTTLES)
    assert keys(await guest.says("9999", "nlu_fallback", ("room_number", "9999", "9999"))) == ["bad_room"]
    (act,) = await guest.says(again, "affirm")
    assert act["values"] == {"what": "两瓶水", "room": "9999"}
    await guest.says("对", "affirm")
    order, _ = await guest.ends(ServiceEnd())
    assert order["slots"] == {"what": "两瓶水", "room": "9999", "room_unknown": "9999"}


UMBRELLA = ("item", "雨伞", "雨伞")


@pytest.mark.parametrize(
    ("text", "intent", "entities", "what"),
    [
        ("0512房要两瓶水", "request_supplies", TWO_BOTTLES, "雨伞、两瓶水"),
        ("0512，再要两瓶水", "nlu_fallback", TWO_BOTTLES, "雨伞、两瓶水"),
        ("0512，两把雨伞", "nlu_fallback", (("quantity", "两把", {}), UMBRELLA), "两把雨伞"),
        ("0512房的雨伞", "request_supplies", (UMBRELLA,), "雨伞"),
    ],
)
async def test_what_is_asked_for_beside_the_answer_is_added(
    text: str, intent: str, entities: tuple[tuple[object, ...], ...], what: str
) -> None:
    guest = Guest(ServiceForm(), room=None, rooms=ROOMS)
    await guest.says("借把雨伞", "request_supplies", UMBRELLA)
    (act,) = await guest.says(text, intent, ("room_number", "0512", "0512"), *entities)
    assert (act["key"], act["values"]) == ("service_confirm_room", {"what": what, "room": "0512"})


async def test_a_thing_named_at_the_confirmation_is_added_and_one_that_corrects_replaces() -> None:
    guest = await at_confirmation()
    (act,) = await guest.says("要雨伞", "request_supplies", UMBRELLA)
    assert act["values"]["what"] == "两瓶水、雨伞"
    three = (("quantity", "三瓶", {"n": 3, "unit": "瓶"}), TWO_BOTTLES[1])
    (act,) = await guest.says("不对，三瓶水", "deny", *three)
    assert act["values"]["what"] == "雨伞、三瓶水"


async def test_another_service_named_with_the_room_is_served_and_the_first_one_after_it() -> None:
    guest = Guest(ServiceForm(), room=None, rooms=ROOMS)
    await guest.says("借把雨伞", "request_supplies", UMBRELLA)
    words = [("room_number", "0512", "0512"), ("device", "空调", "空调")]
    (act,) = await guest.says("0512房空调坏了", "report_repair", *words)
    assert act["values"] == {"what": "0512房空调坏了", "room": "0512"}
    await guest.says("对", "affirm")
    await guest.ends(ServiceEnd())
    assert keys(await guest.says("对", "affirm")) == ["resume", "service_confirm_room"]


async def test_a_question_is_repeated_twice_and_then_waits() -> None:
    guest = Guest(ServiceForm(), room=None)
    await guest.says("借把雨伞", "request_supplies", UMBRELLA)
    answered = {"event": "action", "name": "utter_ask_breakfast"}
    asked = []
    for _ in range(4):
        said = tracker(
            message("早餐几点", "ask_breakfast", room=None), guest.slots, [answered], "service_form"
        )
        acts, events = await run(guest.form, said)
        guest.slots.update({one["name"]: one["value"] for one in events if one["event"] == "slot"})
        asked.append(keys(acts))
    assert asked == [["service_ask_room"], ["service_ask_room"], [], []]
    (act,) = await guest.says("1208", "nlu_fallback", ("room_number", "1208", "1208"))
    assert act["values"] == {"what": "雨伞", "room": "1208"}


async def test_a_room_once_said_is_not_asked_for_again() -> None:
    guest = Guest(ServiceForm(), room=None, rooms=ROOMS)
    await guest.says("送两瓶水", "request_supplies", *TWO_BOTTLES)
    await guest.says("512", "nlu_fallback", ("room_number", "512", "512"))
    await guest.says("对", "affirm")
    await guest.ends(ServiceEnd())
    (act,) = await guest.says("空调不制冷", "report_repair", ("device", "空调", "空调"))
    assert act["values"] == {"what": "空调不制冷", "room": "0512"}
