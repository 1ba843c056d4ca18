"""What a manager should see of staff's replies: measured on words written before the rule."""

import json

import pytest

from bot.flags import INSULT, LONG, PRIVATE, flags, numbers_in
from tests.core import ROOT

DATA = ROOT / "tests/data/flags"
OWN = {"041100001208", "041100001200"}


def read(name: str) -> list[str]:
    return (DATA / f"{name}.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize(("name", "kind", "count"), [("private", PRIVATE, 130), ("insults", INSULT, 134)])
def test_nearly_all_of_a_kind_are_flagged_as_it(name: str, kind: str, count: int) -> None:
    lines = read(name)
    missed = [line for line in lines if kind not in flags(line, OWN)]
    assert len(lines) == count
    assert len(missed) <= count // 10, missed


def test_hardly_anything_else_is() -> None:
    others = read("others")
    wrong = [line for line in others if flags(line, OWN)]
    assert len(others) == 235
    assert len(wrong) <= 5, wrong


def test_the_words_of_the_last_round_are_found_as_often_as_the_readme_says() -> None:
    unseen = [json.loads(line) for line in (DATA / "unseen.jsonl").read_text("utf-8").splitlines()]
    found = {
        kind: sum(kind in flags(one["text"], OWN) for one in unseen if one["flag"] == kind)
        for kind in (PRIVATE, INSULT)
    }
    wrong = sum(bool(flags(one["text"], OWN)) for one in unseen if one["flag"] is None)
    assert (found, wrong) == ({PRIVATE: 10, INSULT: 9}, 1)


def test_the_hotels_own_number_is_nobodys_private_one() -> None:
    mobile = "有事直接打给我，138-0011-2233"
    assert flags(mobile) == (PRIVATE,)
    assert flags(mobile, {"13800112233"}) == ()
    assert numbers_in("0411-0000-1208 转 8") == {"041100001208"}
    assert LONG == 7
