"""A hotel's facts on the desk: how each may be written, and which words change with it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import hotel_files, knowledge
from bot.knowledge import Hotel, facts
from bot.knowledge.facts import BadFact, Kind
from bot.store.facts import Fact
from bot.store.points import Point
from bot.texts import load_texts

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def hotel() -> Hotel:
    texts = load_texts(ROOT / "texts")
    return knowledge.speak(hotel_files.load(ROOT / "hotels/xinghaihui", texts), texts)


@pytest.fixture(scope="module")
def points(hotel: Hotel) -> list[Point]:
    return [Point(v.point, v, v, NOW) for v in hotel.points.values()]


@pytest.mark.parametrize(
    ("kind", "text", "kept"),
    [
        (Kind.MONEY, "88", 8800),
        (Kind.MONEY, "¥1,288.5", 128850),
        (Kind.CLOCK, "9：30", "09:30"),
        (Kind.HOURS, "6:30-11:00", "06:30–11:00"),
        (Kind.HOURS, "午餐 11:00–14:00，晚餐到 24:00", "午餐 11:00–14:00，晚餐到 24:00"),
        (Kind.NUMBER, "24", 24),
        (Kind.DATE, "2026-12-31", "2026-12-31"),
        (Kind.TEXT, "  二楼海风餐厅 ", "二楼海风餐厅"),
        (Kind.MONEY, " ", None),
    ],
)
def test_a_fact_is_kept_as_its_kind_wants_it(kind: Kind, text: str, kept: Fact | None) -> None:
    assert facts.parse(kind, text) == kept


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.MONEY, "两百元"),
        (Kind.MONEY, "88.555"),
        (Kind.MONEY, "-1"),
        (Kind.MONEY, "NaN"),
        (Kind.CLOCK, "25:00"),
        (Kind.CLOCK, "中午"),
        (Kind.HOURS, "06:30–10:75"),
        (Kind.NUMBER, "24 小时"),
        (Kind.DATE, "明年"),
    ],
)
def test_what_it_cannot_be_is_refused_with_its_reason(kind: Kind, text: str) -> None:
    with pytest.raises(BadFact) as refused:
        facts.parse(kind, text)
    assert str(refused.value) == f"fact_{kind}"
    assert f"errors_{refused.value}" in load_texts(ROOT / "texts")["zh"]


def test_every_fact_of_the_sample_has_a_name_and_the_kind_its_answers_show(
    hotel: Hotel, points: list[Point]
) -> None:
    uses = facts.uses_of(hotel, points, [])
    assert [name for name in hotel.facts if facts.label(hotel, name) == name] == []
    shown = {"deposit": Kind.MONEY, "checkin_time": Kind.CLOCK, "breakfast_hours": Kind.HOURS}
    shown |= {"luggage_free_hours": Kind.NUMBER, "wifi_name": Kind.TEXT}
    assert {name: facts.kind_of(name, hotel.facts[name], uses[name]) for name in shown} == shown
    for name, value in hotel.file.facts.items():  # each can be written as it stands
        kind = facts.kind_of(name, value, uses[name])
        assert str(facts.parse(kind, facts.written(kind, value))) == str(value)


def test_a_hotel_names_its_own_facts() -> None:
    documents = hotel_files.read(ROOT / "hotels/xinghaihui")
    documents["hotel"] = {**documents["hotel"], "fact_names": {"tea_house": "茶室"}}
    texts = load_texts(ROOT / "texts")
    assert facts.label(knowledge.speak(hotel_files.parse(documents, texts), texts), "tea_house") == "茶室"


def test_a_change_shows_every_answer_before_and_after(hotel: Hotel, points: list[Point]) -> None:
    uses = facts.uses_of(hotel, points, [])["breakfast_hours"]
    said = facts.said(hotel, "breakfast_hours", "07:00–11:00", uses, NOW)
    answer = next(one for one in said if one.use.id == "ask_breakfast")
    assert "06:30–10:00" in str(answer.before)
    assert "07:00–11:00" in str(answer.after)
    gone = facts.said(hotel, "breakfast_hours", None, uses, NOW)
    assert next(one for one in gone if one.use.id == "ask_breakfast").after is None
