"""What goes before a knowledge point, as whoever writes it is told."""

from pathlib import Path
from typing import Any

import pytest

from bot import hotel_files, knowledge
from bot.engine import Turn
from bot.knowledge import Hotel
from bot.knowledge.precedence import precedence
from bot.model import Answer, Handoff, Reason, Say
from bot.texts import load_texts

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def hotel() -> Hotel:
    texts = load_texts(ROOT / "texts")
    return knowledge.speak(hotel_files.load(ROOT / "hotels/xinghaihui", texts), texts)


@pytest.mark.parametrize(
    ("text", "acts", "intent", "expected"),
    [
        ("能寄存行李吗", (Say("service_ask_room"),), "luggage_storage", ("service", "寄存行李")),
        ("我要投诉", (Handoff(Reason.COMPLAIN),), "complain", ("person", "投诉")),
        ("帮我转人工", (Answer("ask_breakfast"),), "ask_breakfast", ("person", "客人要找人工")),
        ("着火了", (Answer("ask_breakfast"),), "ask_breakfast", ("person", "紧急情况")),
        ("早餐和泳池", (Answer("ask_breakfast"), Answer("ask_pool")), "ask_pool", ("several", None)),
        ("谢谢", (Say("thanks"),), "thanks", ("own", None)),
        ("早餐几点", (Answer("ask_breakfast"),), "ask_breakfast", None),
        ("那个啥", (Say("unclear"),), "nlu_fallback", None),
        ("那个啥", (Handoff(Reason.LOW_CONFIDENCE),), "nlu_fallback", None),
    ],
)
def test_who_writes_a_point_is_told_what_goes_before_it(
    hotel: Hotel, text: str, acts: Any, intent: str, expected: tuple[str, str | None] | None
) -> None:
    found = precedence(text, Turn(acts, None, intent), hotel)
    assert (found and (found.kind, found.name)) == expected
