"""Where the dialogue has no answer, and a knowledge point may have one."""

import ast
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from actions.handoffs import ask_back
from bot.engine import parse
from bot.knowledge.choice import LOST_WORDS, NOT_UNDERSTOOD, Found, choose, wants
from bot.knowledge.index import Hit
from bot.model import Act, Answer, Handoff, Reason, Say
from bot.store.points import Entry, PointId, Version

ROOT = Path(__file__).parents[2]


def asked(*readings: str, in_form: bool = False) -> tuple[Act, ...]:
    """What the dialogue says when it asks back, as the service receives it."""
    return parse({"acts": [ask_back(readings, in_form=in_form)], "closed": True}).acts


@pytest.mark.parametrize(
    ("acts", "searched"),
    [
        (asked(), True),
        (asked(in_form=True), True),
        (asked("ask_breakfast", "ask_dining"), True),
        (asked("ask_breakfast", "room_service"), False),  # a guest who may want to order is asked
        ((Say("out_of_scope"),), True),
        ((Say("waiting_noted"),), True),  # a person is awaited, and a point may know meanwhile
        ((Handoff(Reason.MISUNDERSTOOD),), True),
        ((Say("chitchat"),), False),
        ((Say("foreign_ja"),), False),
        ((Say("wake_ask_time"),), False),
        ((Handoff(Reason.COMPLAIN),), False),
        ((Answer("ask_breakfast"),), True),
        ((), False),
    ],
)
def test_points_are_looked_for_where_the_dialogue_has_no_answer(
    acts: tuple[Act, ...], searched: bool
) -> None:
    assert wants(acts) is searched


@pytest.mark.parametrize(("score", "changed"), [(0.6, True), (0.4, False)])
def test_a_point_that_is_certain_answers_instead_of_a_question_back(score: float, changed: bool) -> None:
    entry = Entry("早餐能打包吗", "可以。", (), "ask_breakfast")
    point = Version(PointId("box"), 1, entry, "desk", datetime(2026, 11, 22, tzinfo=UTC))
    found = Found([Hit("box", score, score, score, entry.title)], {"box": point}, date(2026, 11, 22), None)
    acts = asked("ask_breakfast", "ask_dining")
    assert choose(acts, found) == ((Answer("ask_breakfast", "box"),) if changed else acts)


def test_the_assistant_sends_a_vector_for_whatever_is_looked_for() -> None:
    """nlu/turn.py can't be imported here, nor bot there: both lists must say the same."""
    tree = ast.parse((ROOT / "nlu" / "turn.py").read_text("utf-8"))
    lists = {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert set(lists["UNANSWERED"]) == {*LOST_WORDS, *NOT_UNDERSTOOD}
