"""A hotel's departments as its file says them: where handoffs and orders go, and what a shift is called."""

from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from bot.hotel_files import BadHotel, difference, parse, read

SAMPLE = Path(__file__).parents[2] / "hotels" / "xinghaihui"
SATURDAY = datetime(2026, 11, 21, 3, tzinfo=UTC)


@pytest.fixture
def documents() -> dict[str, Any]:
    return read(SAMPLE)


def test_each_handoff_and_order_has_its_department(documents: dict[str, Any]) -> None:
    ours = parse(documents).departments
    assert ours.of_order("report_repair") == "engineering"
    assert ours.of_order("wake_up_call") == "front_desk"
    assert ours.of_handoff("complain", ["ask_breakfast"]) == "duty_manager"
    assert ours.of_handoff("missing_fact", ["ask_breakfast"]) == "food_and_beverage"
    assert ours.of_handoff("human_handoff") == "front_desk"
    assert ours.skills_for(["ask_dining"]) == ("wine",)


def test_hours_of_its_own_or_the_duty_of_the_hotel(documents: dict[str, Any]) -> None:
    documents["hotel"]["departments"]["sales"]["hours"]["2026-11-21"] = ["10:00-12:00"]
    ours = parse(documents).departments.all
    assert ours["front_desk"].duty(SATURDAY).open
    assert ours["sales"].duty(SATURDAY).open
    documents["hotel"]["departments"]["sales"]["hours"].pop("2026-11-21")
    assert not parse(documents).departments.all["sales"].duty(SATURDAY).open


def test_a_shift_that_ends_after_midnight(documents: dict[str, Any]) -> None:
    documents["hotel"]["shifts"]["夜班"] = "23:00-07:00"
    ours = parse(documents).departments
    shifts = [ours.shift_at(time(hour)) for hour in (7, 15, 23, 2)]
    assert shifts == ["早班", "晚班", "夜班", "夜班"]


def test_every_mistake_says_where_and_what_is_wanted(documents: dict[str, Any]) -> None:
    hotel = documents["hotel"]
    hotel["departments"]["front_desk"].pop("rest")
    hotel["departments"]["sales"]["orders"] = ["report_repair"]
    hotel["departments"]["sales"]["reasons"] = ["weather"]
    hotel["departments"]["bar"] = {"hours": {}}
    hotel["assign"] |= {"accept_seconds": 1, "escalate_to": "nobody"}
    with pytest.raises(BadHotel) as caught:
        parse(documents)
    told = str(caught.value)
    for part in (
        "departments: exactly one needs `rest: true`",
        "departments: sales: orders: report_repair already belongs to engineering",
        "departments: sales: reasons: 'weather' must be one of emergency",
        "departments: bar: name: is missing",
        "departments: bar: hours: mon: is missing",
        "assign: accept_seconds: must be a number of seconds from 10 to 600",
        "assign: escalate_to: must be one of the departments (front_desk",
    ):
        assert part in told


def test_a_hotel_that_names_none_has_none(documents: dict[str, Any]) -> None:
    documents["hotel"].pop("targets", None)
    before = parse(documents)
    for name in ("departments", "skills", "shifts", "assign"):
        documents["hotel"].pop(name)
    after = parse(documents)
    assert not after.departments.all
    assert after.departments.assigning is None
    assert after.departments.of_order("report_repair") is None
    assert "- departments.sales.orders: event_inquiry ask_discount" in difference(before, after)
