"""What our forms have in common: how they begin, listen, ask, step aside, wait and end.

A form is a Rasa form whose validation action does the listening and the asking; a subclass only says what a
message does to its draft (pure functions of slots and message). The draft lives in the form's own slots.

- A message that isn't for the form is refused (ActionExecutionRejected): its own rule answers it, then Rasa
  runs the form again, and the question is asked again.
- A request for another form puts the draft aside (slot `aside`); the other form's end takes it up again.
- Slots that stand from an earlier run never leak into a new one: a form begins with an empty draft.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import ActionExecutionRejected, EventType, FollowupAction, SlotSet
from rasa_sdk.forms import REQUESTED_SLOT

from actions.acts import Act, say
from actions.base import ASIDE, OUTCOME, DeskAction, Result
from actions.facts import Facts
from actions.heard import Heard, read
from actions.rooms import UNKNOWN, take_room

CHANGING = "changing"  # an outcome: nothing was asked for after all, another form goes on
ASIDE_LIMIT = 3
REPEATED = "repeated"  # in a draft: how often its question was asked again after something else
REPEATS = 2
# Of a draft, in no slot of its own: `outcome` holds them while a form is open.
NOTES = (UNKNOWN, REPEATED)
ROOM = "service_room"  # keeps the room that was said last when a form has ended

Draft = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What one message did to a form. `ask` names the slot that the acts ask for; None ends the form."""

    draft: Draft
    ask: str | None
    acts: tuple[Act, ...] = ()
    outcome: str | None = None
    aside: Draft | None = None  # a draft of this same form to be put aside for a new one
    hand_over: tuple[str, Draft] | None = None  # the form that goes on with this, and its draft


class DeskForm(DeskAction):
    """The validation action of a form. `slots` are the form's own; `starts` the intents that open it."""

    form: str
    slots: tuple[str, ...]
    starts: frozenset[str]
    others: frozenset[str] = frozenset()  # intents that open another form
    room_slot: str | None = None

    def name(self) -> str:
        return f"validate_{self.form}"

    @abstractmethod
    def begin(self, heard: Heard) -> Step:
        """The first message, with an empty draft."""

    @abstractmethod
    def hear(self, draft: Draft, asked: str | None, heard: Heard) -> Step | None:
        """A later message; None: it isn't for this form."""

    @abstractmethod
    def ask(self, draft: Draft, asked: str | None, heard: Heard) -> Step:
        """The question again, after something else was answered."""

    def decide(self, tracker: Tracker) -> Result:
        heard = read(tracker)
        draft = {slot: heard.slots.get(slot) for slot in self.slots} | _notes(heard.slots)
        aside = list(heard.slots.get(ASIDE) or [])
        step = self._step(tracker, heard, draft, aside)
        if step is None:
            return Result(events=self._step_aside(heard, draft, aside))
        return Result(step.acts, self._events(step, aside, heard.slots))

    def _step(self, tracker: Tracker, heard: Heard, draft: Draft, aside: list[dict[str, Any]]) -> Step | None:
        asked = heard.slots.get(REQUESTED_SLOT)
        if _opened_now(tracker, self.form):
            return self._open(tracker, heard, aside)
        if _interrupted_now(tracker, self.form):
            return self._ask_again(draft, asked, heard)
        step = self.hear({**draft, REPEATED: None}, asked, heard)
        if step is None and heard.intent in self.starts:  # its rule leads here again, for ever
            return self.ask(draft, asked, heard)
        return step

    def _ask_again(self, draft: Draft, asked: str | None, heard: Heard) -> Step:
        """The question, but no more than twice: then it waits until the guest comes back to it."""
        times = (draft.get(REPEATED) or 0) + 1
        step = self.ask(draft, asked, heard)
        acts = step.acts if times <= REPEATS else ()
        return replace(step, acts=acts, draft={**step.draft, REPEATED: times})

    def _open(self, tracker: Tracker, heard: Heard, aside: list[dict[str, Any]]) -> Step:
        if heard.slots.get(OUTCOME) == "resume":
            return self._take_up(heard, aside.pop())
        if not _stepped_aside_now(tracker):
            aside.clear()
        return self.begin(heard)

    def _take_up(self, heard: Heard, entry: dict[str, Any]) -> Step:
        draft = {**dict.fromkeys(self.slots), **entry["draft"], REPEATED: None}
        step = self.ask(self._with_room(draft, heard), None, heard)
        return step if entry.get("handed_over") else replace(step, acts=(say("resume"), *step.acts))

    def _with_room(self, draft: Draft, heard: Heard) -> Draft:
        """A draft that is taken up knows the room that became known meanwhile."""
        slot = self.room_slot
        if slot is None:
            return draft
        room = draft.get(slot)
        if room and room not in {one.room for one in heard.facts.orders}:  # an order's has been asked about
            return take_room(draft, slot, room, heard.facts.rooms)
        return {**draft, slot: room or heard.room}

    def _step_aside(self, heard: Heard, draft: Draft, aside: list[dict[str, Any]]) -> tuple[EventType, ...]:
        rejected = ActionExecutionRejected(self.form)
        if heard.intent not in self.others:
            return (rejected,)
        return (SlotSet(ASIDE, _put(aside, self.form, draft)), rejected)

    def _events(
        self, step: Step, aside: list[dict[str, Any]], before: Mapping[str, Any]
    ) -> tuple[EventType, ...]:
        if step.aside is not None:
            aside = _put(aside, self.form, step.aside)
        if step.hand_over is not None:
            aside = [*aside, _handed_over(*step.hand_over)]
        after = {slot: step.draft.get(slot) for slot in self.slots} | {ASIDE: aside or None}
        if step.ask is None and self.room_slot and not after[self.room_slot]:
            after[self.room_slot] = before.get(self.room_slot)
        outcome = step.outcome or {note: step.draft[note] for note in NOTES if step.draft.get(note)} or None
        # The outcome always: to Rasa, an answer that sets no slot is a form that refused.
        return (*_changes(before, after), SlotSet(OUTCOME, outcome), SlotSet(REQUESTED_SLOT, step.ask))


class FormEnd(DeskAction):
    """The closing action of a form: every form ends in one, and each has a rule (data/rules/forms.yml).

    Empties the form's slots, so that a second end finds nothing to place, and takes up what was put aside.
    The room alone is kept for the next request.
    """

    form: str
    slots: tuple[str, ...]
    room_slot: str | None = None

    @abstractmethod
    def finish(self, draft: Draft, outcome: str, facts: Facts) -> tuple[Act, ...]:
        """The acts of this outcome."""

    def name(self) -> str:
        return f"action_{self.form}_end"

    def decide(self, tracker: Tracker) -> Result:
        heard = read(tracker)
        outcome = heard.slots.get(OUTCOME)
        draft = {slot: heard.slots.get(slot) for slot in self.slots}
        ended = isinstance(outcome, str) and outcome != CHANGING
        acts = self.finish(draft, str(outcome), heard.facts) if ended else ()
        kept = {ROOM: draft[self.room_slot]} if self.room_slot and draft[self.room_slot] else {}
        emptied = _changes(heard.slots, dict.fromkeys(self.slots) | kept)
        return Result(acts, (*emptied, *_take_up(heard.slots)))


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[EventType, ...]:
    """Only what changes: Rasa spends milliseconds on each event it is sent."""
    return tuple(SlotSet(slot, value) for slot, value in after.items() if before.get(slot) != value)


def _notes(slots: Mapping[str, Any]) -> Draft:
    notes = slots.get(OUTCOME)
    return dict(notes) if isinstance(notes, dict) else {}


def _take_up(slots: Mapping[str, Any]) -> tuple[EventType, ...]:
    aside = slots.get(ASIDE)
    if not aside or not slots.get(OUTCOME) or _notes(slots):
        return _changes(slots, {OUTCOME: None, ASIDE: None})
    return (SlotSet(OUTCOME, "resume"), FollowupAction(aside[-1]["form"]))


def hand_over(form: str, draft: Draft) -> tuple[EventType, ...]:
    """Opens `form` in this same turn, with this draft."""
    return (SlotSet(ASIDE, [_handed_over(form, draft)]), SlotSet(OUTCOME, "resume"), FollowupAction(form))


def _handed_over(form: str, draft: Draft) -> dict[str, Any]:
    return {"form": form, "draft": draft, "handed_over": True}


def _put(aside: list[dict[str, Any]], form: str, draft: Draft) -> list[dict[str, Any]]:
    return [*aside, {"form": form, "draft": draft}][-ASIDE_LIMIT:]


def _since_guest(tracker: Tracker) -> list[dict[str, Any]]:
    """The events after the guest's latest message."""
    events = list(tracker.events)
    for back, event in enumerate(reversed(events)):
        if event.get("event") == "user":
            return events[len(events) - back :]
    return events


def _opened_now(tracker: Tracker, form: str) -> bool:
    loops = [event for event in _since_guest(tracker) if event.get("event") == "active_loop"]
    return bool(loops) and loops[-1].get("name") == form


def _stepped_aside_now(tracker: Tracker) -> bool:
    return any(event.get("event") == "action_execution_rejected" for event in _since_guest(tracker))


def _interrupted_now(tracker: Tracker, form: str) -> bool:
    """Something else was answered in this turn, and Rasa comes back to the form."""
    ran = [event.get("name") for event in _since_guest(tracker) if event.get("event") == "action"]
    return any(name not in (form, "action_listen", "action_extract_slots") for name in ran)
