"""What a manager should see of staff's replies: by rules for plain words, by likeness for roundabout ones."""

import json

import pytest

from bot.flags import INSULT, LIKE, LONG, NEITHER, PRIVATE, examples, flags, numbers_in
from bot.likeness import likeness
from tests.core import ROOT

HELD_OUT = ROOT / "tests/data/flags/held_out.jsonl"
OWN = {"041100001208", "041100001200"}
KINDS = (PRIVATE, INSULT, NEITHER)


def test_replies_it_has_never_seen_are_flagged_as_often_as_the_readme_says() -> None:
    held_out = [json.loads(line) for line in HELD_OUT.read_text("utf-8").splitlines()]
    assert not {one["text"] for one in held_out} & {text for kind in KINDS for text in examples(kind)}
    found = [(one["flag"], flags(one["text"], OWN)) for one in held_out]
    assert [flag for flag, _ in found].count(None) == 76
    assert sum(kind in said for kind, said in found if kind == PRIVATE) >= 12  # of 15
    assert sum(kind in said for kind, said in found if kind == INSULT) >= 8  # of 14
    assert sum(bool(said) for flag, said in found if flag is None) <= 1


def test_likeness_by_itself_finds_most_of_a_fold_that_it_was_not_learned_from() -> None:
    told = likeness({kind: [text for at, text in enumerate(examples(kind)) if at % 5] for kind in KINDS})
    fold = {kind: [told(text) for text in examples(kind)[::5]] for kind in KINDS}
    for kind in (PRIVATE, INSULT):
        assert sum(score[kind] > LIKE[kind] for score in fold[kind]) >= 0.6 * len(fold[kind])
        assert sum(score[kind] > LIKE[kind] for score in fold[NEITHER]) <= 0.03 * len(fold[NEITHER])


@pytest.mark.parametrize("kind", [PRIVATE, INSULT])
def test_nearly_all_examples_of_a_kind_are_flagged_as_it(kind: str) -> None:
    lines = examples(kind)
    assert len(lines) == len(set(lines))
    assert sum(kind in flags(line, OWN) for line in lines) >= 0.98 * len(lines)


def test_hardly_anything_else_is() -> None:
    assert sum(bool(flags(line, OWN)) for line in examples(NEITHER)) <= 9  # of 684


def test_the_replies_of_another_set_are_hardly_ever_flagged() -> None:
    promises = (ROOT / "tests/data/promises").glob("*.jsonl")
    replies = [json.loads(line)["text"] for file in promises for line in file.read_text("utf-8").splitlines()]
    assert len(replies) == 160
    assert sum(bool(flags(reply, OWN)) for reply in replies) <= 2
    assert not any(flags(reply) for reply in ("来了", "没事", "等我一下", "辛苦了", "开了", "👌", "再见"))


def test_a_sentence_among_others_is_enough() -> None:
    polite = "您好，早餐七点开始。您的房间已经打扫好了。"
    assert flags(polite) == ()
    assert flags(f"{polite}您换个软件找我，我单独跟您说。") == (PRIVATE,)


def test_the_hotels_own_number_is_nobodys_private_one() -> None:
    mobile = "有事直接打给我，138-0011-2233"
    assert flags(mobile) == (PRIVATE,)
    assert flags(mobile, {"13800112233"}) == ()
    assert numbers_in("0411-0000-1208 转 8") == {"041100001208"}
    assert LONG == 7
