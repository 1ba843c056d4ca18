"""Whoever says the words that we promise a person for gets one."""

import pytest

from bot.heeding import heeded
from bot.model import Answer, Handoff, Reason, Say

PERSON = Handoff(Reason.HUMAN_HANDOFF)
BREAKFAST = Answer("ask_breakfast")


@pytest.mark.parametrize("text", ["转人工，早餐几点", "早餐几点，轉人工", "我要找个真人工", "人工客服在吗"])
def test_a_person_comes_beside_the_answer(text: str) -> None:
    assert heeded((BREAKFAST,), text) == (BREAKFAST, PERSON)


@pytest.mark.parametrize("text", ["不用转人工，早餐几点", "别找人工了", "人工智能", "要人工费吗", "早餐"])
def test_nobody_comes_unasked(text: str) -> None:
    assert heeded((BREAKFAST,), text) == (BREAKFAST,)


def test_nothing_is_asked_back_and_no_reason_is_lost() -> None:
    assert heeded((Say("clarify"),), "转人工，我的婴儿床呢") == (PERSON,)
    complaint = Handoff(Reason.COMPLAIN)
    assert heeded((complaint,), "转人工，我要投诉") == (complaint,)
