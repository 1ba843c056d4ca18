"""Where a person is needed and an intent alone doesn't say why: complaints by kind, and misunderstandings.

The other alerts need no action: their responses are handoff acts, so they work without the action server.
"""

import re

from rasa_sdk import Tracker

from actions.acts import HUMAN, Option, handoff, say
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

# The three kinds that hotels train their staff on; the first that fits counts.
_ACCUSING = re.compile(
    "赔|退钱|退款|退一赔|报警|曝光|差评|起诉|告你|投诉到|消协|12315|律师|负责任|给我?个说法"
    "|开除|处理人|道歉|经理|滚|妈的|垃圾|骗子|黑店"
)
_CONSTRUCTIVE = re.compile("希望|建议|(?:要是|如果).{0,20}就更?好|能.{0,12}就更?好|可以改进|下次能")
_WORDS = re.compile(r"\w")


def complaint_kind(text: str) -> str:
    if _ACCUSING.search(text):
        return "accusing"
    return "constructive" if _CONSTRUCTIVE.search(text) else "critical"


class Complain(DeskAction):
    def name(self) -> str:
        return "action_complain"

    def decide(self, tracker: Tracker) -> Result:
        kind = complaint_kind(read(tracker).text)
        return Result((handoff("complain", {"kind": kind}),), leave_form())


class Misunderstood(DeskAction):
    """The first time an honest question, the second in a row a person; at once where all is guessing."""

    def name(self) -> str:
        return "action_misunderstood"

    def decide(self, tracker: Tracker) -> Result:
        heard = read(tracker)
        if draft := late_change(heard):
            return Result(events=hand_over("wake_up_form", draft))
        if heard.facts.waiting:
            return Result((say("waiting_noted"),))
        in_form = bool((tracker.active_loop or {}).get("name"))
        reason = handoff_reason(heard, again="action_misunderstood" in heard.before, in_form=in_form)
        if reason:
            return Result((handoff(reason),), leave_form())
        return Result((say("unclear_in_form") if in_form else say("unclear", {}, CHOICES),))


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
