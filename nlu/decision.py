"""What the confidence is enough for: an answer, a question back with two readings, or nothing.

Puts `decision` on the message: {"kind", "readings", "language"}. Kinds: "sure"; "unsure", with the two
likeliest readings, where together they are likely and either would do to ask for; "foreign", in a language
that isn't read well enough; "lost". Whatever isn't sure gets the fallback's intent, as with Rasa's own
FallbackClassifier. Knows intents by its settings alone.
"""

from __future__ import annotations

import re
from typing import Any

from rasa.core.constants import DEFAULT_NLU_FALLBACK_THRESHOLD
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.languages import foreign
from nlu.normal import normalise

DECISION = "decision"
Ranking = list[dict[str, Any]]
_LETTERS = re.compile(r"[^\W\d_]")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class DecisionMaker(IntentClassifier, GraphComponent):
    """`answer`: the confidence from which the best reading is taken; `pair`: what the two best must come to
    together to be asked for; `second`: what the second must have at least; `alike`: groups of intents among
    which a mistake costs little, so that their confidences count together; `watched`: {intent: confidence
    from which it is taken although another is likelier}; `doubted`: {intent: [confidence, another]}, read as
    the other below that confidence; `unasked`: intents never offered as a reading;
    `foreign`: what `answer` is for messages in other languages; `own_line`: intents to which a foreign guest
    gets a line in the language instead."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            "answer": DEFAULT_NLU_FALLBACK_THRESHOLD,
            "pair": 0.5,
            "second": 0.1,
            "alike": [],
            "watched": {},
            "doubted": {},
            "unasked": [],
            "foreign": 0.7,
            "own_line": [],
        }

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> DecisionMaker:
        return cls(config)

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            ranking = message.get("intent_ranking")
            if ranking:
                self._decide(message, ranking)
        return messages

    def _decide(self, message: Message, ranking: Ranking) -> None:
        ranking = self._without_doubt(self._watched_first(ranking))
        kind, readings = self._kind(message, ranking)
        if kind != "sure":
            fallback = {"name": DEFAULT_NLU_FALLBACK_INTENT_NAME, "confidence": 1 - ranking[0]["confidence"]}
            ranking = [fallback, *ranking]
        message.set(INTENT, ranking[0], add_to_output=True)
        message.set("intent_ranking", ranking, add_to_output=True)
        decision = {"kind": kind, "readings": readings, "language": foreign(message.get(TEXT) or "")}
        message.set(DECISION, decision, add_to_output=True)

    def _watched_first(self, ranking: Ranking) -> Ranking:
        for at, one in enumerate(ranking):
            if one["confidence"] >= self._config["watched"].get(one["name"], 2):
                return [one, *ranking[:at], *ranking[at + 1 :]]
        return ranking

    def _without_doubt(self, ranking: Ranking) -> Ranking:
        """Where the best reading would cost too much if it were wrong, the milder one."""
        best = ranking[0]
        least, instead = self._config["doubted"].get(best["name"], (0.0, ""))
        if best["confidence"] >= least:
            return ranking
        return [{**best, "name": instead}, *(one for one in ranking[1:] if one["name"] != instead)]

    def _kind(self, message: Message, ranking: Ranking) -> tuple[str, list[str]]:
        best = ranking[0]
        if not _LETTERS.search(normalise(message.get(TEXT) or "").text):
            return "lost", []
        tongue = foreign(message.get(TEXT) or "")
        if tongue and best["name"] in self._config["own_line"]:
            return "foreign", []
        if best["confidence"] >= self._taken_from(best["name"]):
            return "sure", []
        if tongue:
            return ("sure" if best["confidence"] >= self._config["foreign"] else "foreign"), []
        if self._together(ranking) >= self._config["answer"]:
            return "sure", []
        return self._asked(ranking)

    def _taken_from(self, name: str) -> float:
        watched: dict[str, float] = self._config["watched"]
        milder = [watched.get(one, 2.0) for one, (_, mild) in self._config["doubted"].items() if mild == name]
        return min([watched.get(name, 2.0), *milder])

    def _together(self, ranking: Ranking) -> float:
        """The best reading's confidence, and that of those like it."""
        name = ranking[0]["name"]
        alike = next((set(group) for group in self._config["alike"] if name in group), {name})
        return float(sum(one["confidence"] for one in ranking if one["name"] in alike))

    def _asked(self, ranking: Ranking) -> tuple[str, list[str]]:
        offered = [one for one in ranking[:2] if one["name"] not in self._config["unasked"]]
        likely = sum(one["confidence"] for one in offered) >= self._config["pair"]
        if len(offered) == 2 and likely and offered[1]["confidence"] >= self._config["second"]:
            return "unsure", [one["name"] for one in offered]
        return "lost", []
