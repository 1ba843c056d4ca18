"""The third held-out set has the form and the spread that its figures are quoted for."""

import json
import re
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
THIRD = ROOT / "tests" / "data" / "understanding" / "third"
STYLES = {
    *("short", "polite", "angry", "long", "child", "dialect"),
    *("voice", "typo", "traditional", "mixed", "business"),
}
Json = dict[str, Any]


def lines(name: str) -> list[Json]:
    return [json.loads(line) for line in (THIRD / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def known_intents() -> set[str]:
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    return {next(iter(one)) if isinstance(one, dict) else one for one in domain["intents"]}


def test_every_intent_in_many_ways() -> None:
    asked = lines("intents")
    assert len(asked) >= 330
    counts = Counter(one["intent"] for one in asked)
    assert len(counts) == 70
    assert set(counts) <= known_intents()
    assert min(counts.values()) >= 4


def test_every_style_often_enough_to_be_quoted() -> None:
    counts = Counter(one["style"] for one in lines("intents"))
    assert set(counts) == STYLES
    assert min(counts.values()) >= 28


@pytest.mark.parametrize(
    ("name", "least"),
    [("complaints", 100), ("out_of_scope", 60), ("emergencies", 110), ("when", 100), ("numbers", 60)],
)
def test_as_many_as_are_reported_and_each_once(name: str, least: int) -> None:
    texts = [(one["text"], one.get("now")) for one in lines(name)]
    assert len(texts) >= least
    assert len(set(texts)) == len(texts)
    assert all(text == text.strip() and text for text, _ in texts)


def test_complaints_of_all_kinds() -> None:
    counts = Counter(one["kind"] for one in lines("complaints"))
    assert set(counts) == {"accusing", "critical", "constructive"}
    assert min(counts.values()) >= 30


def test_dangers_and_what_only_sounds_like_one() -> None:
    counts = Counter(one["alarm"] for one in lines("emergencies"))
    assert counts[True] >= 30
    assert counts[False] >= 80


def test_every_expected_day_and_hour_exists() -> None:
    for one in lines("when"):
        assert datetime.fromisoformat(one["now"]).tzinfo is not None
        for entity in one["entities"]:
            value = entity["value"]
            ends = [value["start"], value["end"]] if isinstance(value, dict) else [value]
            if entity["entity"] == "date":
                assert [date.fromisoformat(end).isoformat() for end in ends] == ends
            else:
                assert entity["entity"] == "time"
                assert all(re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", end) for end in ends)


FORMS = {"room_number": r"[A-Z]?\d{3,4}", "phone": r"\d{10,12}", "order_number": r"[A-Z]*\d{6,}"}


def test_every_expected_number_is_in_its_form() -> None:
    for one in lines("numbers"):
        for entity in one["entities"]:
            kind, value = entity["entity"], entity["value"]
            if kind == "quantity":
                assert set(value) == {"n", "unit"}
                assert value["n"] > 0
            elif kind == "amount":
                assert value > 0
            else:
                assert re.fullmatch(FORMS[kind], value)
