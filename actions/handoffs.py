"""Where a person is needed and an intent alone doesn't say why: complaints, and what was not understood.

The other alerts need no action: their responses are handoff acts, so they work without the action server.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rasa_sdk import Tracker

from actions.acts import HUMAN, Act, Option, handoff, say
from actions.base import DeskAction, Result, leave_form
from actions.forms import hand_over
from actions.heard import Heard, read
from actions.wake_up import late_change

FALLBACK = "nlu_fallback"
# Below this even the best intent is a guess among many: asking again would only cost the guest time.
HOPELESS = 0.15

CAPABILITY: Option = {"key": "option_capability", "text": "你能帮我做什么"}
WAKE_UP: Option = {"key": "option_wake_up", "text": "我要定叫醒"}
CHOICES = (CAPABILITY, WAKE_UP, HUMAN)

_WORDS = re.compile(r"\w")
KINDS = ("accusing", "critical", "constructive")  # the three that hotels train their staff on


class Complain(DeskAction):
    def name(self) -> str:
        return "action_complain"

    def decide(self, tracker: Tracker) -> Result:
        return Result((handoff("complain", complaint(tracker.latest_message or {})),), leave_form())


def complaint(message: Mapping[str, Any]) -> dict[str, Any]:
    """What the model found out about it; one that it knows nothing about is taken for calm criticism."""
    found = message.get("complaint") or {}
    kind = found.get("kind")
    return {"kind": kind if kind in KINDS else "critical", "topic": found.get("topic")}


class Misunderstood(DeskAction):
    """The first time an honest question, the second in a row a person; at once where all is guessing."""

    def name(self) -> str:
        return "action_misunderstood"

    def decide(self, tracker: Tracker) -> Result:
        heard = read(tracker)
        if draft := late_change(heard):
            return Result(events=hand_over("wake_up_form", draft))
        in_form = bool((tracker.active_loop or {}).get("name"))
        decision = (tracker.latest_message or {}).get("decision") or {}
        if decision.get("kind") == "foreign":
            return Result((say(f"foreign_{decision['language']}", {}, (HUMAN,)),))
        if heard.facts.waiting:
            return Result((while_waiting(heard, decision.get("readings") or (), in_form=in_form),))
        reason = handoff_reason(heard, again="action_misunderstood" in heard.before, in_form=in_form)
        if reason:
            return Result((handoff(reason),), leave_form())
        return Result((ask_back(decision.get("readings") or (), in_form=in_form),))


def while_waiting(heard: Heard, readings: Sequence[str], *, in_form: bool) -> Act:
    """A person comes anyway: only what can lead to an answer is asked back, and once."""
    once = "action_misunderstood" not in heard.before
    if not once or not (readings or in_form):
        return say("waiting_noted")
    return ask_back(readings, in_form=in_form, person=False)


def ask_back(readings: Sequence[str], *, in_form: bool, person: bool = True) -> Act:
    """With the likeliest readings to choose from, where there are some; choosing one sends its title, which
    is surely read as that. Who waits for a `person` already is offered none."""
    if readings:
        offered = [{"key": f"reading_{name}"} for name in readings]
        return say("clarify", {}, [*offered, HUMAN] if person else offered)
    return say("unclear_in_form") if in_form else say("unclear", {}, CHOICES)


def handoff_reason(heard: Heard, *, again: bool, in_form: bool) -> str | None:
    if again:
        return "misunderstood"
    hopeless = heard.confidence < HOPELESS and bool(_WORDS.search(heard.text))
    return "low_confidence" if hopeless and not in_form else None


class Deny(DeskAction):
    """A no to nothing in particular, unless it corrects the wake-up call that was just noted."""

    def name(self) -> str:
        return "action_deny"

    def decide(self, tracker: Tracker) -> Result:
        draft = late_change(read(tracker))
        return Result(events=hand_over("wake_up_form", draft)) if draft else Result((say("deny"),))


class DefaultFallback(DeskAction):
    """No rule says how to go on. Rasa's own action of this name takes the guest's turn back, after which an
    order that is already out could be asked for again: here the turn stands, and a person goes on."""

    def name(self) -> str:
        return "action_default_fallback"

    def decide(self, tracker: Tracker) -> Result:
        return Result((handoff("unsupported_task"),), leave_form())
