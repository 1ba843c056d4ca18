"""One turn of the dialogue: (memory, text, facts) -> (acts, memory). Keeps nothing between turns.

Rasa's own message loop answers a failed action with silence. Here every failure leaves as an exception, so
that a turn either ran to action_listen or visibly did not.
"""

import unicodedata
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from rasa.core.actions.action import Action, ActionExecutionRejection
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.policies.policy import PolicyPrediction
from rasa.core.processor import MessageProcessor
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.events import ActionExecutionRejected, BotUttered, Event
from rasa.shared.core.trackers import DialogueStateTracker

from nlu.complaints import COMPLAINT
from nlu.encoder import ENCODED, vector
from nlu.memory import Memory, recall, remember
from nlu.parts import PARTS

CHANNEL = "dianxiaoer"
RANKING = 5
# How begins what the dialogue says, or hands over for, where it has found nothing to say, or nothing certain.
UNANSWERED = ("unclear", "clarify", "out_of_scope", "waiting_noted", "low_confidence", "misunderstood")
TEXT_LIMIT = 500  # characters of a message that the model gets to see


class TurnFailed(Exception):
    """The turn did not run to its end. `code` is for logs and the caller; it holds no guest's words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Turn:
    """What a turn came to, ready for JSON."""

    acts: list[dict[str, Any]]
    memory: Memory
    intent: dict[str, Any]
    ranking: list[dict[str, Any]]
    entities: list[dict[str, Any]]
    vector: str | None
    complaint: dict[str, Any] | None


@dataclass
class Acts(OutputChannel):
    """Collects acts. A message without an act is a mistake of ours, not something to say."""

    collected: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def name(cls) -> str:
        return CHANNEL

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        act = message.get("custom")
        if not isinstance(act, dict) or "act" not in act:
            raise TurnFailed("message_without_act")
        self.collected.append(act)


def text_for_model(text: str) -> str:
    """The guest's text as the model sees it: cut, without what can't be seen, never empty, and never one of
    Rasa's own `/intent` commands."""
    seen = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text[: 4 * TEXT_LIMIT])
    cut = seen.strip()[:TEXT_LIMIT] or "？"
    return "／" + cut[1:] if cut.startswith("/") else cut


async def take_turn(
    processor: MessageProcessor, memory: Mapping[str, Any] | None, text: str, facts: Mapping[str, Any]
) -> Turn:
    """Raises TurnFailed, or whatever Rasa raised, when the turn could not be finished."""
    tracker = recall(memory, uuid4().hex, processor.domain)
    message = UserMessage(
        text_for_model(text), Acts(), tracker.sender_id, input_channel=CHANNEL, metadata=dict(facts)
    )
    read = dict(await processor.parse_message(message, tracker))
    # neither goes further: the action server gets the rest
    encoded, parts = read.pop(ENCODED, None), read.pop(PARTS, [])
    if parts:
        acts = await _play_parts(processor, tracker, read, parts, facts)
    else:
        acts = await _play(processor, tracker, read, facts)
    return Turn(
        acts,
        remember(tracker),
        _intent(read, parts),
        _ranking(read),
        [_entity(entity, read["text"]) for entity in read["entities"]],
        _packed(encoded) if encoded is not None and _searched(acts) else None,
        read.get(COMPLAINT),
    )


async def _play(
    processor: MessageProcessor,
    tracker: DialogueStateTracker,
    read: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """One message as it was read, until the assistant listens again; what is to be done and said."""
    acts = Acts()
    message = UserMessage(
        read["text"],
        acts,
        tracker.sender_id,
        parse_data=dict(read),
        input_channel=CHANNEL,
        metadata=dict(facts),
    )
    await processor._handle_message_with_tracker(message, tracker)
    await processor.run_action_extract_slots(acts, tracker)
    await run_to_listen(processor, tracker, acts)
    return acts.collected


async def _play_parts(
    processor: MessageProcessor,
    tracker: DialogueStateTracker,
    read: Mapping[str, Any],
    parts: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Several wishes in one reply: answers first, as written; then tasks, the last one first, so that the
    first is on top when the guest answers and the others, put aside, are taken up after it."""
    tasks = [part for part in reversed(parts) if part["turn"]]
    acts: list[dict[str, Any]] = []
    for part in [*(part for part in parts if not part["turn"]), *tasks]:
        played = await _play(processor, tracker, _as_read(part, read), facts)
        if part["turn"] and part is not tasks[-1] and tracker.active_loop_name:
            played = [act for act in played if act["act"] != "say"]  # asked when it is taken up again
        acts += played
    return acts


def _as_read(part: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    intent = {"name": part["intent"], "confidence": part["confidence"]}
    return {
        **read,
        "text": part["text"],
        "intent": intent,
        "intent_ranking": [intent],
        "entities": part["entities"],
    }


def _searched(acts: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the service will look for knowledge points (its `choice.wants`).

    The vector costs more than all else in a turn, and an order or a greeting needs none. Where the service
    wants one that it doesn't get, it makes its own."""
    told = [act.get("key") or act.get("reason") or "" for act in acts if act["act"] in ("say", "handoff")]
    unanswered = bool(acts) and len(told) == len(acts) and all(one.startswith(UNANSWERED) for one in told)
    return unanswered or any(act["act"] == "answer" for act in acts)


def _packed(encoded: str) -> str:
    """384 little-endian float16 in base64."""
    return b64encode(vector(encoded).astype("<f2").tobytes()).decode("ascii")


async def run_to_listen(processor: MessageProcessor, tracker: DialogueStateTracker, acts: Acts) -> None:
    while True:
        action, prediction = processor.predict_next_with_tracker_if_should(tracker)
        await _run(processor, action, prediction, tracker, acts)
        if action.name() == ACTION_LISTEN_NAME:
            return


async def _run(
    processor: MessageProcessor,
    action: Action,
    prediction: PolicyPrediction,
    tracker: DialogueStateTracker,
    acts: Acts,
) -> None:
    """`MessageProcessor._run_action` without its `except Exception`."""
    trial = tracker.copy()
    trial.update_with_events(prediction.events, processor.domain)
    try:
        events = await action.run(acts, processor.nlg, trial, processor.domain)
    except ActionExecutionRejection:
        tracker.update(
            ActionExecutionRejected(action.name(), prediction.policy_name, prediction.max_confidence)
        )
        return
    _check(action, events)
    processor._log_action_on_tracker(tracker, action, events, prediction)
    await processor._send_bot_messages(events, tracker, acts)


def _check(action: Action, events: list[Event]) -> None:
    """A response that isn't in the domain is only a warning to Rasa; to a guest it would be silence."""
    if action.name().startswith("utter_") and not any(isinstance(event, BotUttered) for event in events):
        raise TurnFailed("response_missing")


def _intent(read: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How the message was read; of several wishes without a reading for the whole, the first."""
    whole = read["intent"]
    if parts and whole["name"] == DEFAULT_NLU_FALLBACK_INTENT_NAME:
        return {"name": parts[0]["intent"], "confidence": parts[0]["confidence"]}
    return {"name": whole.get("name"), "confidence": whole.get("confidence")}


def _ranking(read: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The likeliest readings. A fallback, where there was one, comes first, with the confidence it has."""
    ranking = read.get("intent_ranking") or []
    return [{"name": one["name"], "confidence": one["confidence"]} for one in ranking[:RANKING]]


def _entity(entity: Mapping[str, Any], text: str) -> dict[str, Any]:
    start, end = entity.get("start"), entity.get("end")
    raw = text[start:end] if start is not None and end is not None else None
    return {"entity": entity["entity"], "value": entity["value"], "raw": raw, "start": start, "end": end}
