import pytest

from actions.cancel_wake_up import CancelWakeEnd, CancelWakeForm
from actions.wake_up import WakeUpForm
from tests.dialogue import Guest, message, run, tracker, wake_up_order

TOMORROW = wake_up_order("o1", "2026-11-23T07:00:00+08:00")
LATER = wake_up_order("o2", "2026-11-24T06:30:00+08:00")


def keys(acts: list[dict]) -> list[str]:
    return [act["key"] for act in acts if act["act"] == "say"]


async def test_none_is_said_to_be_none() -> None:
    guest = Guest(CancelWakeForm())
    assert keys(await guest.says("叫醒取消", "cancel_wake_up")) == ["cancel_wake_none"]
    assert guest.asked is None
    assert await guest.ends(CancelWakeEnd()) == []


async def test_orders_of_others_services_and_done_ones_do_not_count() -> None:
    orders = [{**TOMORROW, "state": "done"}, {**TOMORROW, "service": "room_service"}]
    guest = Guest(CancelWakeForm(), orders=orders)
    assert keys(await guest.says("叫醒取消", "cancel_wake_up")) == ["cancel_wake_none"]


async def test_one_is_confirmed_and_cancelled() -> None:
    guest = Guest(CancelWakeForm(), orders=[TOMORROW])
    (act,) = await guest.says("明天的叫早不用了", "cancel_wake_up", ("date", "明天", "2026-11-23"))
    assert act["values"] == {"due_at": "2026-11-23T07:00:00+08:00", "room": "1208"}
    await guest.says("对", "affirm")
    order, told = await guest.ends(CancelWakeEnd())
    assert order == {"act": "order", "op": "cancel", "service": "wake_up_call", "slots": {}, "order": "o1"}
    assert told["key"] == "cancel_wake_done"
    assert await guest.ends(CancelWakeEnd()) == []


@pytest.mark.parametrize("text", ["先不取消", "算了", "不"])
async def test_a_no_keeps_it(text: str) -> None:
    guest = Guest(CancelWakeForm(), orders=[TOMORROW])
    await guest.says("取消叫醒", "cancel_wake_up")
    await guest.says(text, "deny")
    assert keys(await guest.ends(CancelWakeEnd())) == ["cancel_wake_kept"]


async def test_a_day_says_which_of_several() -> None:
    guest = Guest(CancelWakeForm(), orders=[TOMORROW, LATER])
    await guest.says("后天的叫醒取消", "cancel_wake_up", ("date", "后天", "2026-11-24"))
    await guest.says("取消", "deny")
    (order, _) = await guest.ends(CancelWakeEnd())
    assert order["order"] == "o2"


@pytest.mark.parametrize(
    ("text", "entities", "ids"),
    [
        ("第二个", [], ["o2"]),
        ("六点半那个", [("time", "六点半", "06:30")], ["o2"]),
        ("都取消", [], ["o1", "o2"]),
    ],
)
async def test_which_of_several_is_asked(
    text: str, entities: list[tuple[str, str, str]], ids: list[str]
) -> None:
    guest = Guest(CancelWakeForm(), orders=[LATER, TOMORROW])
    (act,) = await guest.says("取消叫醒", "cancel_wake_up")
    assert act["key"] == "cancel_wake_which"
    assert [option["title"] for option in act["options"]] == ["11月23日 07:00 1208", "11月24日 06:30 1208"]
    await guest.says(text, "nlu_fallback", *entities)
    await guest.says("对", "affirm")
    acts = await guest.ends(CancelWakeEnd())
    assert [act["order"] for act in acts if act["act"] == "order"] == ids


@pytest.mark.parametrize(
    ("text", "entities", "due_at"),
    [
        (
            "把七点的叫醒改成七点半",
            [("time", "七点", "07:00"), ("time", "七点半", "07:30")],
            "2026-11-23T07:30:00+08:00",
        ),
        ("叫早改到八点", [("time", "八点", "08:00")], "2026-11-23T08:00:00+08:00"),
        ("叫醒改到后天", [("date", "后天", "2026-11-24")], "2026-11-24T07:00:00+08:00"),
    ],
)
async def test_a_change_goes_on_in_the_wake_up_form(
    text: str, entities: list[tuple[str, str, str]], due_at: str
) -> None:
    guest = Guest(CancelWakeForm(), orders=[TOMORROW])
    await guest.says(text, "cancel_wake_up", *entities)
    assert guest.asked is None
    said = message(text, "cancel_wake_up", entities, orders=[TOMORROW])
    _, events = await run(CancelWakeEnd(), tracker(said, guest.slots))
    assert {"event": "followup", "timestamp": None, "name": "wake_up_form"} in events
    slots = {**guest.slots, **{event["name"]: event["value"] for event in events if event["event"] == "slot"}}
    opened = [{"event": "active_loop", "name": "wake_up_form"}]
    (act,), events = await run(WakeUpForm(), tracker(said, slots, opened, "wake_up_form"))
    assert (act["key"], act["values"]["due_at"]) == ("wake_confirm_change", due_at)
    assert {"event": "slot", "timestamp": None, "name": "wake_order", "value": "o1"} in events


async def test_a_change_without_a_new_time_asks_for_it() -> None:
    guest = Guest(CancelWakeForm(), orders=[TOMORROW])
    await guest.says("叫醒时间改一下", "cancel_wake_up")
    aside = guest.slots["aside"][0]
    assert (aside["form"], aside["draft"]["wake_order"]) == ("wake_up_form", "o1")
    assert not aside["draft"].get("wake_time")


async def test_a_bare_time_is_of_the_half_of_the_day_of_the_order() -> None:
    """In the morning the model takes 七点 for this evening's."""
    guest = Guest(CancelWakeForm(), orders=[TOMORROW, LATER], now="2026-11-22T10:00:00+08:00")
    times = [("time", "七点", "19:00"), ("time", "七点半", "19:30")]
    await guest.says("七点的叫醒改成七点半", "cancel_wake_up", *times)
    draft = guest.slots["aside"][0]["draft"]
    assert (draft["wake_order"], draft["wake_time"]) == ("o1", "07:30")
