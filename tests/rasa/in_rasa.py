"""Tests that need Rasa's own code; tests/rasa/test_in_rasa.py runs them in .venv-rasa, beside real actions.

ACTION_URL=http://127.0.0.1:5055/webhook .venv-rasa/bin/python -m unittest -v tests.rasa.in_rasa
"""

import io
import json
import os
import re
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import yaml
from jsonschema import ValidationError
from rasa.core.actions.action import RemoteAction
from rasa.core.agent import Agent
from rasa.core.processor import MessageProcessor
from rasa.core.test import WrongPredictionException
from rasa.core.test import test as run_stories
from rasa.model_training import train_core
from rasa.shared.core.events import UserUttered
from rasa.shared.nlu.training_data.message import Message
from rasa.utils.endpoints import EndpointConfig

from bench.understanding import evaluate, intents, report
from nlu import action_reply
from nlu.classifier import CLAUSES, Examples, Vote, VoteClassifier, unseen_scores, usual
from nlu.complaints import ComplaintSorter
from nlu.decision import DecisionMaker
from nlu.encoder import encode_all, vector
from nlu.grammar import find
from nlu.memory import TURNS_KEPT, recall, remember
from nlu.normal import normalise
from nlu.parts import PARTS, ClauseSplitter, PartSplitter, clauses
from nlu.sense import Sense
from nlu.spelling import Spelling
from nlu.turn import TEXT_LIMIT, Acts, _searched, run_to_listen, text_for_model
from nlu.words import Words

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


def rings(number: int, seed: int) -> tuple[Any, list[str]]:
    """Points about the middle, and about the middle of two others: no straight line tells them apart."""
    drawn = np.random.default_rng(seed)
    rows = drawn.normal(size=(number, 3)).astype(np.float32)
    rows[:, 2] = 0.3 * rows[:, 2] + np.arange(number) % 3 * 4 - 4
    return rows, ["between" if at % 3 == 1 else "beside" for at in range(number)]


class Senses(unittest.TestCase):
    """Labels from vectors, whatever shape they have."""

    config = VoteClassifier.get_default_config()

    def right(self, **config: Any) -> float:
        sense = Sense({**self.config, **config}, 2.0).fit(*rings(300, 1))
        asked, wanted = rings(300, 2)
        read = np.array(["beside", "between"])[sense.scores(asked).argmax(axis=1)]
        return float((read == wanted).mean())

    def test_a_label_may_lie_between_the_places_of_another(self) -> None:
        assert self.right() > 0.9

    def test_a_part_of_the_examples_speaks_for_all(self) -> None:
        assert self.right(kept=60) > 0.9

    def test_what_counts_more_is_chosen_by_the_examples(self) -> None:
        """Vectors that tell nothing are outvoted by spelling, and the other way round."""
        texts = ["退房" if at % 3 == 1 else "早餐" for at in range(90)]
        vectors, labels = rings(90, 1)
        noise = np.random.default_rng(1).normal(size=vectors.shape).astype(np.float32)
        spelt = self.unseen(texts, noise, labels)
        sensed = self.unseen(["早餐"] * 90, vectors, labels)
        assert (spelt.both.argmax(axis=1) == spelt.right).mean() > 0.8
        assert (sensed.both.argmax(axis=1) == sensed.right).mean() > 0.8

    def unseen(self, texts: list[str], dense: Any, labels: list[str]) -> Any:
        counted = Spelling(self.config, Words()).counted(texts)
        return unseen_scores(self.config, Words(), Examples(counted, dense, labels))

    def test_what_is_kept_scores_as_what_was_trained(self) -> None:
        vectors, labels = rings(60, 1)
        texts = [f"第{at}句" for at in range(60)]
        vote = Vote(self.config, Words(), usual(self.config)).fit(texts, vectors, labels)
        with tempfile.TemporaryDirectory() as folder:
            vote.save(Path(folder), "vote")
            kept = Vote.load(Path(folder), "vote", self.config)
        np.testing.assert_array_equal(
            vote.both(vote.spelt(texts), vectors), kept.both(kept.spelt(texts), vectors)
        )
        assert (vote.labels, vote.weighing) == (kept.labels, kept.weighing)


class Spellings(unittest.TestCase):
    def test_slips_of_thumbs_and_of_voices_are_read_by_their_sound(self) -> None:
        examples = {
            "checkout": ["我要退房", "现在退房", "办退房"],
            "breakfast": ["早餐几点", "有早餐吗", "吃早餐"],
        }
        texts = [text for some in examples.values() for text in some]
        labels = [label for label, some in examples.items() for _ in some]
        spelling = Spelling(VoteClassifier.get_default_config(), Words()).fit(texts, labels)
        learned = spelling.scores_of(spelling.counted(texts), np.arange(len(texts)))
        np.testing.assert_allclose(learned, spelling.scores(texts), atol=1e-5)
        for intent, slips in (("checkout", ("腿访", "推仿", "退　访")), ("breakfast", ("枣惨", "蚤餐"))):
            scores = spelling.scores([normalise(slip).text for slip in slips])
            assert [sorted(examples)[row.argmax()] for row in scores] == [intent] * len(slips)


class Vectors(unittest.TestCase):
    def test_many_at_once_are_as_one_by_one(self) -> None:
        texts = [
            "请问早餐几点开始？",
            "麻烦帮我叫醒，明早7点",
            "wifi 密码",
            "ok",
            "０８房  空调坏了😀",
            "龘靐",
        ]
        made = encode_all(texts)
        for text in texts:
            assert made[text] @ vector(text) > 0.999, text


class Grammar(unittest.TestCase):
    def test_an_order_number_that_is_called_so_is_no_date(self) -> None:
        now = datetime.fromisoformat(FACTS["now"])
        for text, wanted in (
            ("预订编号bk-20270115-08", [("order_number", "BK-20270115-08")]),
            ("20270115入住", [("date", "2027-01-15")]),
        ):
            assert [(one.entity, one.value) for one in find(text, now)] == wanted


class Complaints(unittest.TestCase):
    def may_be_one(self, read: str, **others: float) -> bool:
        config = {**ComplaintSorter.get_default_config(), "intents": ["grumble", "wish"], "likely": 0.1}
        ranking = [{"name": read, "confidence": 0.7}]
        ranking += [{"name": name, "confidence": confidence} for name, confidence in others.items()]
        message = Message({"intent": ranking[0], "intent_ranking": ranking})
        return ComplaintSorter(config, None, None)._may_be_one(message)

    def test_what_is_read_as_one_is_one(self) -> None:
        assert self.may_be_one("wish")

    def test_what_is_read_as_something_else_may_be_one(self) -> None:
        assert self.may_be_one("repair", grumble=0.06, wish=0.05)
        assert not self.may_be_one("repair", grumble=0.05, wish=0.02)


class Searches(unittest.TestCase):
    def test_a_vector_goes_along_where_knowledge_may_answer(self) -> None:
        for acts in (
            [{"act": "answer", "topic": "ask_wifi"}],
            [{"act": "say", "key": "greet"}, {"act": "answer", "topic": "ask_wifi"}],
            [{"act": "handoff", "reason": "low_confidence"}],
            [{"act": "say", "key": "unclear"}],
            [{"act": "say", "key": "clarify"}],
        ):
            assert _searched(acts), acts

    def test_and_nowhere_else(self) -> None:
        for acts in (
            [],
            [{"act": "say", "key": "greet"}],
            [{"act": "order", "kind": "request_supplies"}, {"act": "say", "key": "unclear"}],
            [{"act": "handoff", "reason": "complain"}],
        ):
            assert not _searched(acts), acts


class Decisions(unittest.TestCase):
    """What a confidence is enough for; the settings here are the test's own."""

    def decided(self, text: str, **ranking: float) -> tuple[str, Json]:
        config = {
            **DecisionMaker.get_default_config(),
            "answer": 0.5,
            "alike": [["joke", "poem"]],
            "watched": {"fire": 0.3},
            "unasked": ["joke", "poem"],
            "own_line": ["poem"],
        }
        ranked = [{"name": name, "confidence": sure} for name, sure in ranking.items()]
        message = Message(data={"text": text, "intent": ranked[0], "intent_ranking": ranked})
        DecisionMaker(config).process([message])
        return message.get("intent")["name"], message.get("decision")

    def test_a_likely_reading_is_taken(self) -> None:
        name, decision = self.decided("早餐几点", food=0.6, pool=0.3)
        assert (name, decision["kind"]) == ("food", "sure")

    def test_two_likely_ones_are_asked_for(self) -> None:
        name, decision = self.decided("取消一下", food=0.4, pool=0.3)
        assert name == "nlu_fallback"
        assert (decision["kind"], decision["readings"]) == ("unsure", ["food", "pool"])

    def test_what_is_never_offered_is_not_asked_for(self) -> None:
        assert self.decided("这个", food=0.45, joke=0.3)[1]["kind"] == "lost"

    def test_guessing_among_many_is_not_asked_for(self) -> None:
        assert self.decided("那个", food=0.2, pool=0.15)[1]["kind"] == "lost"

    def test_alike_readings_count_together(self) -> None:
        name, decision = self.decided("写首诗", joke=0.3, poem=0.25, food=0.2)
        assert (name, decision["kind"]) == ("joke", "sure")

    def test_what_is_watched_is_taken_before_what_is_likelier(self) -> None:
        assert self.decided("有烟", food=0.55, fire=0.35)[0] == "fire"
        assert self.decided("有烟", food=0.65, fire=0.25)[0] == "food"

    def test_what_has_no_letters_says_nothing(self) -> None:
        for text in ("???", "。。。", "1", "77 88", "👍"):
            assert self.decided(text, food=0.99, pool=0.01)[1]["kind"] == "lost", text

    def test_another_language_needs_more(self) -> None:
        told = self.decided("what time is breakfast", food=0.6, pool=0.1)
        assert (told[1]["kind"], told[1]["language"]) == ("foreign", "en")
        assert self.decided("what time is breakfast", food=0.9, pool=0.1)[1]["kind"] == "sure"
        assert self.decided("write me a poem", poem=0.9, pool=0.1)[1]["kind"] == "foreign"


class PartsOfAMessage(unittest.TestCase):
    """`told` is what each clause is read as, in the order written."""

    def parts(self, text: str, *told: tuple[str, float], whole: str = "nlu_fallback") -> list[Json]:
        config = {**PartSplitter.get_default_config(), "first": ["pool", "food"], "then": ["towel", "call"]}
        message = Message(data={"text": text, "intent": {"name": whole}, "entities": self.entities})
        ClauseSplitter({}).process([message])
        for clause, (name, sure) in zip(message.get(CLAUSES) or [], told, strict=False):
            clause["ranking"] = [{"name": name, "confidence": sure}]
        PartSplitter({**config, "alone": ["complain"]}).process([message])
        return message.get(PARTS) or []

    def setUp(self) -> None:
        self.entities: list[Json] = []

    def test_clauses_are_cut_at_marks_and_connecting_words(self) -> None:
        cut = [one["text"] for one in clauses("早餐几点？顺便送两瓶水 谢谢")]
        assert cut == ["早餐几点", "送两瓶水", "谢谢"]

    def test_two_sure_wishes_are_two_parts(self) -> None:
        self.entities = [{"entity": "item", "value": "水", "start": 8, "end": 9}]
        first, second = self.parts("早餐几点，送两瓶水", ("food", 0.9), ("towel", 0.9))
        assert (first["text"], first["intent"], first["turn"]) == ("早餐几点", "food", 0)
        assert (second["text"], second["intent"], second["turn"]) == ("送两瓶水", "towel", 1)
        assert (first["entities"], second["entities"][0]["start"]) == ([], 3)

    def test_one_wish_with_a_comma_stays_whole(self) -> None:
        assert self.parts("早上七点，叫我起床", ("food", 0.5), ("call", 0.95)) == []
        assert self.parts("空调坏了，快来修", ("towel", 0.9), ("towel", 0.95)) == []

    def test_what_is_no_wish_goes_with_the_one_before(self) -> None:
        parts = self.parts(
            "你好，泳池几点，谢谢，送水", ("greet", 1), ("pool", 0.9), ("thank", 1), ("towel", 0.9)
        )
        assert [part["text"] for part in parts] == ["你好，泳池几点，谢谢", "送水"]

    def test_a_message_of_an_intent_that_stands_alone_is_left_whole(self) -> None:
        told = (("food", 0.9), ("towel", 0.9))
        assert self.parts("早餐难吃，毛巾还脏", *told, whole="complain") == []

    def test_more_parts_than_can_be_served_are_left_whole(self) -> None:
        told = (("food", 0.9), ("towel", 0.9), ("pool", 0.9), ("call", 0.9))
        assert self.parts("早餐几点，送水，泳池几点，叫醒我", *told) == []


class Report(unittest.TestCase):
    """`make eval` draws its page, in small: two dozen sentences of ours instead of data/nlu."""

    said = ("早餐几点", "早饭到几点", "几点有早饭吃", "早上的早餐", "早餐在几楼", "有没有早餐吃")
    asked = ("送条毛巾", "毛巾送一下", "要两条毛巾", "再来条毛巾吧", "毛巾麻烦送来", "没有毛巾了")
    left = ("我要退房了", "帮我退房", "现在退房", "退房怎么办", "麻烦退一下房", "房退了吧")
    lost = ("空调坏了", "空调不制冷", "空调不会动了", "房间空调没反应", "修一下空调", "空调漏水了")

    def setUp(self) -> None:
        held = [(self.said[1], "food"), ("毛巾送来吧", "towel"), ("退房吧", "leave"), ("空调又坏", "repair")]
        held = [(text + end, intent) for text, intent in held for end in ("", "。", "啊", "呢")]
        self.held = [{"text": text, "intent": intent, "style": "plain"} for text, intent in held]
        labels = [one for one in ("food", "towel", "leave", "repair") for _ in self.said]
        texts = [*self.said, *self.asked, *self.left, *self.lost]
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        shelf, component = intents.Shelf, intents.component
        for where, name, value in (
            (intents, "examples", lambda: (texts, labels)),
            # Not all are asked in a cross-validation, as with data/nlu.
            (intents, "component", lambda *of: {**component(*of), "asked": 12}),
            (intents, "Shelf", lambda path: shelf(self.folder / Path(path).name)),
            (report, "held_out", lambda name: self.held),
        ):
            self.enterContext(mock.patch.object(where, name, value))

    def enterContext(self, manager: Any) -> Any:  # unittest's own comes with Python 3.11
        entered = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return entered

    def test_every_picture_is_drawn_and_shown(self) -> None:
        readings = [
            {
                "wanted": {**one, "set": "intents"},
                "read": {**one, "confidence": 0.9, "decision": "answer", "alarm": False},
            }
            for one in self.held
        ]
        readings[0]["read"]["intent"] = "leave"
        entity = [{"entity": "date", "value": "2026-11-22"}]
        for name in ("when", "numbers", "entities"):
            told = {"text": "<明天>", "entities": entity, "decision": "answer", "alarm": False}
            readings.append({"wanted": {**told, "set": name, "category": "day"}, "read": told})
        figures = evaluate.figures([(one["wanted"], one["read"]) for one in readings])
        (self.folder / "figures.json").write_text(json.dumps(figures), encoding="utf-8")
        lines = "".join(json.dumps(one) + "\n" for one in readings)
        (self.folder / "readings.jsonl").write_text(lines, encoding="utf-8")
        (self.folder / "retrieval.txt").write_text("R@1 <0.5>", encoding="utf-8")
        with (
            mock.patch.object(sys, "argv", ["report", "--folder", str(self.folder)]),
            redirect_stdout(io.StringIO()) as printed,
        ):
            report.main()
        page = (self.folder / "index.html").read_text(encoding="utf-8")
        shown = re.findall("<img src='([^']+)'", page)
        assert {"confusion.png", "calibration.png", "learning.png", "styles.png"} < set(shown)
        for picture in shown:
            assert (self.folder / picture).read_bytes().startswith(b"\x89PNG")
        assert "Misread: 1 messages" in page
        assert "R@1 &lt;0.5&gt;" in page
        assert "learning.png: The last quarter of the examples is worth" in printed.getvalue()


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
def agent(change: str) -> Agent:
    """The rules of the project as a model of their own, without a language model.

    `change`: "" for none; "no end" leaves out the rule after the form's last step; "no listen" leaves open
    what follows the order; "rasas own" adds to that Rasa's own fallback action.
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
    return Agent.load(model, action_endpoint=EndpointConfig(os.environ["ACTION_URL"]))


def processor(change: str = "") -> MessageProcessor:
    found = agent(change).processor
    assert found
    return found


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


class Stories(unittest.IsolatedAsyncioTestCase):
    """What `rasa test core --fail-on-prediction-errors` is worth."""

    async def run_story(self, action: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            story = {"story": "one", "steps": [{"intent": "greet"}, {"action": action}]}
            path = Path(folder, "test_one.yml")
            path.write_text(yaml.safe_dump({"version": "3.1", "stories": [story]}), encoding="utf-8")
            await run_stories(
                str(path),
                agent(""),
                out_directory=folder,
                fail_on_prediction_errors=True,
                disable_plotting=True,
            )

    async def test_a_story_that_comes_out_otherwise_fails(self) -> None:
        with self.assertRaises(WrongPredictionException):
            await self.run_story("utter_thank")

    async def test_one_that_comes_out_as_written_does_not(self) -> None:
        await self.run_story("utter_greet")


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
