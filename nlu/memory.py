"""The dialogue's memory: what one turn leaves for the next, and the tracker that is made of it.

Owns the shape of the memory: slots (where a form is open, they may hold the guest's words), the open form,
and which intents met which actions in the last turns. No clock and no random id goes into it, so the same
turn leaves the same memory.
A memory of another version, or one that doesn't fit the domain any more, is taken as far as it fits: a
deployment in the middle of a conversation forgets a form at worst, and never fails.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rasa.shared.core.constants import (
    ACTION_LISTEN_NAME,
    ACTION_SESSION_START_NAME,
    DEFAULT_SLOT_NAMES,
    REQUESTED_SLOT,
)
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

VERSION = 1
TURNS_KEPT = 3

Memory = dict[str, Any]


def recall(memory: Mapping[str, Any] | None, sender: str, domain: Domain) -> DialogueStateTracker:
    """A fresh tracker that stands where `memory` (as `remember` made it, or None) left off."""
    kept = memory if memory and _is_ours(memory) else {}
    events = [*_opening(), *_turns(kept), *_form(kept, domain), *_slots(kept, domain)]
    return DialogueStateTracker.from_events(
        sender, [*events, ActionExecuted(ACTION_LISTEN_NAME)], slots=domain.slots, domain=domain
    )


def remember(tracker: DialogueStateTracker) -> Memory:
    """What the next turn needs of this tracker, ready for JSON."""
    return {
        "version": VERSION,
        "form": tracker.active_loop_name,
        "slots": _set_slots(tracker),
        "turns": _last_turns(tracker.events),
    }


def _is_ours(memory: Mapping[str, Any]) -> bool:
    turns, slots = memory.get("turns"), memory.get("slots")
    return memory.get("version") == VERSION and isinstance(slots, dict) and _are_turns(turns)


def _are_turns(turns: Any) -> bool:
    return isinstance(turns, list) and all(
        isinstance(turn, dict) and isinstance(turn.get("actions"), list) and "intent" in turn
        for turn in turns
    )


def _opening() -> list[Event]:
    return [ActionExecuted(ACTION_SESSION_START_NAME), SessionStarted()]


def _turns(kept: Mapping[str, Any]) -> Iterable[Event]:
    for turn in kept.get("turns", ()):
        yield ActionExecuted(ACTION_LISTEN_NAME)
        yield UserUttered(text="", intent={"name": turn["intent"]}, parse_data=None)
        yield from (ActionExecuted(name) for name in turn["actions"])


def _form(kept: Mapping[str, Any], domain: Domain) -> Iterable[Event]:
    if kept.get("form") in domain.form_names:
        yield ActiveLoop(kept["form"])


def _slots(kept: Mapping[str, Any], domain: Domain) -> Iterable[Event]:
    known = {slot.name for slot in domain.slots}
    return (SlotSet(name, value) for name, value in kept.get("slots", {}).items() if name in known)


def _set_slots(tracker: DialogueStateTracker) -> dict[str, Any]:
    ours = [
        slot
        for slot in tracker.slots.values()
        if slot.name == REQUESTED_SLOT or slot.name not in DEFAULT_SLOT_NAMES
    ]
    return {
        slot.name: slot.value for slot in sorted(ours, key=lambda slot: slot.name) if slot.value is not None
    }


def _last_turns(events: Iterable[Event]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for event in events:
        if isinstance(event, UserUttered):
            turns.append({"intent": event.intent_name, "actions": []})
        elif isinstance(event, ActionExecuted) and turns and event.action_name != ACTION_LISTEN_NAME:
            turns[-1]["actions"].append(event.action_name)
    return turns[-TURNS_KEPT:]
