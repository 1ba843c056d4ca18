"""One turn of the dialogue: (memory, text, facts) -> (acts, memory). Keeps nothing between turns.

Rasa's own message loop answers a failed action with silence. Here every failure leaves as an exception, so
that a turn either ran to action_listen or visibly did not.
"""

import unicodedata
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from rasa.core.actions.action import Action, ActionExecutionRejection
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.policies.policy import PolicyPrediction
from rasa.core.processor import MessageProcessor
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.events import ActionExecutionRejected, BotUttered, Event
from rasa.shared.core.trackers import DialogueStateTracker

from nlu.encoder import ENCODED, vector
from nlu.memory import Memory, recall, remember

CHANNEL = "dianxiaoer"
RANKING = 5
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
    acts = Acts()
    message = UserMessage(
        text_for_model(text), acts, tracker.sender_id, input_channel=CHANNEL, metadata=dict(facts)
    )
    await processor._handle_message_with_tracker(message, tracker)
    encoded = _taken(tracker, ENCODED)
    await processor.run_action_extract_slots(acts, tracker)
    await run_to_listen(processor, tracker, acts)
    return Turn(
        acts.collected,
        remember(tracker),
        _intent(tracker),
        _ranking(tracker),
        _entities(tracker),
        None if encoded is None else _packed(encoded),
    )


def _taken(tracker: DialogueStateTracker, name: str) -> Any:
    """An output property of the message, which goes no further: the action server gets the rest."""
    return tracker.latest_message.parse_data.pop(name, None)


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


def _intent(tracker: DialogueStateTracker) -> dict[str, Any]:
    intent = tracker.latest_message.intent
    return {"name": intent.get("name"), "confidence": intent.get("confidence")}


def _ranking(tracker: DialogueStateTracker) -> list[dict[str, Any]]:
    """The likeliest readings. A fallback, where there was one, comes first, with the confidence it has."""
    ranking = tracker.latest_message.parse_data.get("intent_ranking") or []
    return [{"name": one["name"], "confidence": one["confidence"]} for one in ranking[:RANKING]]


def _entities(tracker: DialogueStateTracker) -> list[dict[str, Any]]:
    text = tracker.latest_message.text or ""
    return [_entity(entity, text) for entity in tracker.latest_message.entities]


def _entity(entity: Mapping[str, Any], text: str) -> dict[str, Any]:
    start, end = entity.get("start"), entity.get("end")
    raw = text[start:end] if start is not None and end is not None else None
    return {"entity": entity["entity"], "value": entity["value"], "raw": raw, "start": start, "end": end}
