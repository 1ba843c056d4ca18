"""Tests that need Rasa's own code; tests/rasa/test_in_rasa.py runs them in .venv-rasa, beside real actions.

ACTION_URL=http://127.0.0.1:5055/webhook .venv-rasa/bin/python -m unittest -v tests.rasa.in_rasa
"""

import os
import re
import tempfile
import unittest
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import ValidationError
from rasa.core.actions.action import RemoteAction
from rasa.core.agent import Agent
from rasa.core.processor import MessageProcessor
from rasa.model_training import train_core
from rasa.shared.core.events import UserUttered
from rasa.utils.endpoints import EndpointConfig

from nlu import action_reply
from nlu.memory import TURNS_KEPT, recall, remember
from nlu.turn import TEXT_LIMIT, Acts, run_to_listen, text_for_model

ROOT = Path(__file__).parents[2]
RASAS_OWN_CHECK = RemoteAction._validate_action_result
FACTS = {"now": "2026-11-22T21:30:00+08:00", "timezone": "Asia/Shanghai", "room": "1208", "orders": []}
AT_CONFIRMATION = {
    "version": 1,
    "form": "wake_up_form",
    "slots": {
        "requested_slot": "wake_confirmed",
        "wake_due_at": "2026-11-23T07:00:00+08:00",
        "wake_room": "1208",
        "wake_time": "07:00",
    },
    "turns": [],
}

Json = dict[str, Any]


class ReplyCheck(unittest.TestCase):
    """The prebuilt validator refuses what jsonschema.validate refuses, in the same words."""

    good: tuple[Json, ...] = (
        {},
        {"events": [], "responses": []},
        {"events": [{"event": "slot", "name": "x", "value": None, "timestamp": None}], "responses": [{}]},
        {"events": [{"event": "active_loop", "name": None, "timestamp": 1.0}], "responses": [{"text": "x"}]},
        {"events": [{"event": "followup", "name": "x", "timestamp": None}]},
        {"events": [{"event": "action_execution_rejected", "name": "x", "policy": None, "confidence": None}]},
        {
            "events": [
                {"event": "user", "text": "x", "parse_data": {"text": "x", "intent": {}, "entities": []}}
            ]
        },
    )
    bad: tuple[Any, ...] = (
        [],
        None,
        "x",
        {"events": {}},
        {"events": [1]},
        {"events": [{"event": "slot"}]},
        {"events": [{"event": 7}]},
        {"responses": [1]},
        {"responses": "x"},
        {"events": [{"event": "user", "text": "x", "parse_data": 1}]},
    )

    @staticmethod
    def refusal(check: Any, reply: Any) -> str | None:
        try:
            assert check(RemoteAction("action_x", None), reply) is True
        except ValidationError as error:
            return str(error.message)
        return None

    def test_the_same_verdict_in_the_same_words(self) -> None:
        for reply in (*self.good, *self.bad):
            with self.subTest(reply=reply):
                ours = self.refusal(action_reply.check_reply, reply)
                assert ours == self.refusal(RASAS_OWN_CHECK, reply)

    def test_some_are_refused_and_some_are_not(self) -> None:
        verdicts = [
            self.refusal(action_reply.check_reply, reply) is None for reply in (*self.good, *self.bad)
        ]
        assert verdicts.count(True) > 3
        assert verdicts.count(False) > 5

    def test_it_stands_in_for_rasas_own(self) -> None:
        action_reply.install()
        assert RemoteAction._validate_action_result is action_reply.check_reply


class TextForTheModel(unittest.TestCase):
    def test_it_is_cut_and_never_a_command(self) -> None:
        assert len(text_for_model("早" * 10000)) == TEXT_LIMIT
        assert text_for_model(" /restart ") == "／restart"
        assert text_for_model("\x00/restart") == "／restart"

    def test_it_is_never_empty(self) -> None:
        for text in ("\x00", "\u200b", "\u202e", "\ud800"):
            assert text_for_model(text) == "？"

    def test_ordinary_words_stay_as_they_are(self) -> None:
        assert text_for_model("早餐几点？😀") == "早餐几点？😀"


@cache
def processor(change: str = "") -> MessageProcessor:
    """The rules of the project as a model of their own, without a language model.

    `change`: "no end" leaves out the rule after the form's last step; "no listen" leaves open what follows
    the order; "rasas own" adds to that Rasa's own fallback action.
    """
    folder = Path(tempfile.mkdtemp())
    domain = (ROOT / "domain.yml").read_text(encoding="utf-8")
    if change == "rasas own":
        domain = domain.replace("- action_default_fallback\n", "")
    (folder / "domain.yml").write_text(domain, encoding="utf-8")
    for file in sorted((ROOT / "data/rules").glob("*.yml")):
        rules = yaml.safe_load(file.read_text(encoding="utf-8"))
        changed = [
            rule
            for rule in rules["rules"]
            if not (change == "no end" and rule["rule"] == "wake_up_form ends")
        ]
        for rule in changed:
            if change in ("no listen", "rasas own") and rule["rule"] == "wake_up_form ends":
                rule["wait_for_user_input"] = False
        (folder / file.name).write_text(yaml.safe_dump({**rules, "rules": changed}), encoding="utf-8")
    model = train_core(str(folder / "domain.yml"), str(ROOT / "config.yml"), str(folder), str(folder))
    agent = Agent.load(model, action_endpoint=EndpointConfig(os.environ["ACTION_URL"]))
    assert agent.processor
    return agent.processor


async def turn(memory: Json | None, intent: str, text: str, change: str = "") -> tuple[list[Json], Json]:
    """(acts, memory) of a message that was understood as `intent`."""
    at = processor(change)
    tracker = recall(memory, "test", at.domain)
    parsed = {"text": text, "intent": {"name": intent, "confidence": 0.9}, "entities": [], "metadata": FACTS}
    tracker.update(UserUttered(text, parsed["intent"], [], parsed, metadata=FACTS), at.domain)
    acts = Acts()
    await run_to_listen(at, tracker, acts)
    return acts.collected, remember(tracker)


def orders(acts: list[Json]) -> list[str]:
    return [act["op"] for act in acts if act["act"] == "order"]


class Rules(unittest.IsolatedAsyncioTestCase):
    async def test_a_yes_orders_once_and_the_next_yes_orders_nothing(self) -> None:
        acts, memory = await turn(AT_CONFIRMATION, "affirm", "对")
        assert orders(acts) == ["place"]
        assert memory["form"] is None
        acts, memory = await turn(memory, "affirm", "对")
        assert [act.get("key") for act in acts] == ["affirm"]

    async def test_without_the_rule_after_the_form_nothing_is_ordered_and_a_person_goes_on(self) -> None:
        acts, memory = await turn(AT_CONFIRMATION, "affirm", "对", "no end")
        assert acts == [{"act": "handoff", "reason": "unsupported_task", "detail": None}]
        assert memory["form"] is None
        acts, _ = await turn(memory, "affirm", "对", "no end")
        assert orders(acts) == []

    async def test_core_fallback_after_an_order_does_not_open_the_form_again(self) -> None:
        acts, memory = await turn(AT_CONFIRMATION, "affirm", "对", "no listen")
        assert (orders(acts), acts[-1]["act"]) == (["place"], "handoff")
        assert memory["form"] is None
        acts, _ = await turn(memory, "affirm", "对", "no listen")
        assert orders(acts) == []

    async def test_rasas_own_fallback_would_order_twice(self) -> None:
        acts, memory = await turn(AT_CONFIRMATION, "affirm", "对", "rasas own")
        assert orders(acts) == ["place"]
        assert memory["form"] == "wake_up_form"
        acts, _ = await turn(memory, "affirm", "对", "rasas own")
        assert orders(acts) == ["place"]

    async def test_every_intent_is_answered(self) -> None:
        for intent in processor().domain.intents:
            if intent in ("restart", "back", "session_start"):
                continue
            with self.subTest(intent=intent):
                acts, memory = await turn(None, intent, "嗯")
                assert acts
                assert "unsupported_task" not in [act.get("reason") for act in acts]
                assert memory["turns"][-1]["intent"] == intent

    async def test_every_intent_is_answered_in_the_middle_of_a_form(self) -> None:
        for intent in processor().domain.intents:
            if intent in ("restart", "back", "session_start"):
                continue
            with self.subTest(intent=intent):
                acts, _ = await turn(AT_CONFIRMATION, intent, "前天那件事情怎么样")
                assert acts
                assert orders(acts) == (["place"] if intent == "affirm" else orders(acts))
                assert "unsupported_task" not in [act.get("reason") for act in acts]

    async def test_an_alarm_leaves_the_form(self) -> None:
        for intent in (
            "emergency",
            "complain",
            "billing_dispute",
            "privacy_request",
            "human_handoff",
            "suggest",
        ):
            with self.subTest(intent=intent):
                acts, memory = await turn(AT_CONFIRMATION, intent, "快来人")
                assert [act["act"] for act in acts] == ["handoff"]
                assert memory["form"] is None

    async def test_two_misunderstandings_in_a_row_ask_for_a_person(self) -> None:
        acts, memory = await turn(None, "nlu_fallback", "那个啥")
        assert acts[0]["key"] == "unclear"
        acts, _ = await turn(memory, "nlu_fallback", "那个啥")
        assert acts[0]["reason"] == "misunderstood"

    async def test_two_misunderstandings_in_a_form_leave_it(self) -> None:
        acts, memory = await turn(AT_CONFIRMATION, "nlu_fallback", "那个啥")
        assert [act.get("key") for act in acts] == ["unclear_in_form", "wake_confirm"]
        acts, memory = await turn(memory, "nlu_fallback", "那个啥")
        assert [act.get("reason") for act in acts] == ["misunderstood"]
        assert memory["form"] is None


class Memories(unittest.IsolatedAsyncioTestCase):
    async def test_only_the_last_turns_are_kept(self) -> None:
        memory: Json | None = None
        for _ in range(5):
            _, memory = await turn(memory, "greet", "你好")
        assert (memory and memory["turns"]) == [{"intent": "greet", "actions": ["utter_greet"]}] * TURNS_KEPT

    async def test_a_memory_comes_back_as_it_was(self) -> None:
        again = remember(recall(AT_CONFIRMATION, "test", processor().domain))
        assert again == AT_CONFIRMATION

    async def test_no_clock_and_no_random_id_goes_into_it(self) -> None:
        _, memory = await turn(AT_CONFIRMATION, "greet", "你好")
        assert re.search(r"timestamp|message_id|sender", str(memory)) is None


if __name__ == "__main__":
    unittest.main()
