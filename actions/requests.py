"""Tasks that need no form: asking after an order, a wish to be remembered, no more messages."""

import re

from rasa_sdk import Tracker

from actions.acts import Act, handoff, order, remember, say
from actions.base import DeskAction, Result
from actions.facts import OpenOrder
from actions.heard import Heard, read

PREFERENCE_LIMIT = 100
_LEAD_IN = re.compile(r"^(?:你好|您好|麻烦|请|帮我?|跟?你?们?说一?下|记一?下|记住|记得|[，,。:：\s])+")


class FollowUp(DeskAction):
    """Says what is open and asks a person to look after it: the assistant can't hurry anybody."""

    def name(self) -> str:
        return "action_follow_up"

    def decide(self, tracker: Tracker) -> Result:
        heard = read(tracker)
        return Result((what_is_open(heard), handoff("human_handoff")))


def what_is_open(heard: Heard) -> Act:
    """The open orders that the guest asks after: those that name the thing, all if none was named."""
    things = [entity.raw for entity in heard.all("item", "device")]
    orders = [one for one in heard.facts.orders if not things or _names(one, things)]
    wanted = [one.what for one in orders if one.what]
    if wanted:
        return say("follow_up_open", {"what": "、".join(wanted)})
    if orders:
        return say("follow_up_noted", {"count": len(orders)})
    before = heard.facts.handed_back
    if before and before.said:
        return say("follow_up_colleague", {"name": before.by, "said": before.said})
    return say("follow_up_none")


def _names(one: OpenOrder, things: list[str]) -> bool:
    return any(thing in (one.what or "") for thing in things)


class StatePreference(DeskAction):
    def name(self) -> str:
        return "action_state_preference"

    def decide(self, tracker: Tracker) -> Result:
        wish = _LEAD_IN.sub("", read(tracker).text.strip())[:PREFERENCE_LIMIT]
        return Result((remember(wish), say("preference_noted", {"preference": wish})))


class StopMessages(DeskAction):
    """Obeyed without a question."""

    def name(self) -> str:
        return "action_stop_messages"

    def decide(self, tracker: Tracker) -> Result:
        return Result((order("place", "stop_messages", {}), say("stop_noted")))
