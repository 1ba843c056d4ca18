"""What staff promise is found, and little else is offered: measured on words written before the rule."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.promises.wording import offer
from tests.core import ROOT

NOW = datetime(2026, 11, 23, 14, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
DATA = ROOT / "tests/data/promises"


def read(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


def test_most_promises_are_found_and_hardly_anything_else() -> None:
    promises, others = read("promises.jsonl"), read("others.jsonl")
    missed = [one["text"] for one in promises if offer(one["text"], NOW) is None]
    offered = [one["text"] for one in others if offer(one["text"], NOW)]
    assert (len(promises), len(others)) == (60, 100)
    assert len(missed) <= 9, missed
    assert len(offered) <= 5, offered


def test_a_time_that_is_named_is_the_time_it_is_due() -> None:
    named = [one for one in read("promises.jsonl") if "due" in one]
    assert len(named) == 25
    wrong = {}
    for one in named:
        found = offer(one["text"], NOW)
        if found and (found.guessed or found.due_at != datetime.fromisoformat(one["due"])):
            wrong[one["text"]] = found
    assert not wrong


def test_words_without_a_time_are_due_soon_and_say_that_it_is_a_guess() -> None:
    night = NOW.replace(hour=23)
    for text, now, at in (
        ("马上给您送来", NOW, "14:25"),
        ("稍后给您发定位", NOW, "14:40"),
        ("我跟经理说一声", NOW, "15:10"),
        ("今天下班前给您退回去", NOW, "21:00"),
        ("今天下班前给您退回去", night, "00:10"),  # never in the past
        ("明天给您答复", NOW, "21:00"),
    ):
        found = offer(text, now)
        assert found
        assert found.guessed
        assert (found.due_at > now, found.due_at.strftime("%H:%M")) == (True, at), text
