"""The acts an action may return, and how they leave it. What each means stands in the service's model."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rasa_sdk.executor import CollectingDispatcher

Act = dict[str, Any]
Option = dict[str, str]

YES: Option = {"key": "option_yes", "text": "对"}
CHANGE: Option = {"key": "option_change", "text": "要改一下"}
DROP: Option = {"key": "option_drop", "text": "算了，不用了"}
HUMAN: Option = {"key": "option_human", "text": "转人工"}


def say(key: str, values: Mapping[str, Any] | None = None, options: Sequence[Option] = ()) -> Act:
    """`values` are raw (ISO dates and times, numbers, words): the service renders them."""
    act: Act = {"act": "say", "key": key, "values": dict(values or {})}
    return {**act, "options": list(options)} if options else act


def order(
    op: Literal["place", "change", "cancel"], service: str, slots: Mapping[str, Any], id: str = ""
) -> Act:
    act: Act = {"act": "order", "op": op, "service": service, "slots": dict(slots)}
    return {**act, "order": id} if id else act


def remember(preference: str) -> Act:
    return {"act": "remember", "preference": preference}


def handoff(reason: str, detail: Mapping[str, Any] | None = None) -> Act:
    return {"act": "handoff", "reason": reason, "detail": dict(detail) if detail else None}


def emit(dispatcher: CollectingDispatcher, acts: Sequence[Act]) -> None:
    """The act as `custom`; the words of the domain beside it are for `rasa shell` alone."""
    for act in acts:
        if act["act"] == "say":
            dispatcher.utter_message(response=f"utter_{act['key']}", json_message=act, **act["values"])
        else:
            dispatcher.utter_message(text=_in_shell(act), json_message=act)


def _in_shell(act: Act) -> str:
    told = {name: value for name, value in act.items() if name != "act" and value}
    return f"[{act['act']} {told}]"
