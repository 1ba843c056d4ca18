"""The assistant's answer to a guest: said, kept as a draft, or too late."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.conversation.draft import Ask, Command, Draft, Said, Wake
from bot.conversation.row import GRAVE
from bot.model import ASSISTANT, EventType, Json, NewEvent, Reason, State

E = EventType


@dataclass(frozen=True)
class Respond(Command):
    """The assistant's answer to the guest's messages up to `through`, computed under `epoch`.

    `since`: when the first of those messages came, if it was a message of words.
    """

    epoch: int
    through: int
    words: Said
    also: tuple[NewEvent, ...] = ()  # orders, preferences
    handoff: Reason | None = None
    handoff_detail: Json | None = None
    notice: str | None = None
    since: datetime | None = None

    def decide(self, draft: Draft) -> None:
        self._answer(draft)
        if draft.row.pending and not draft.row.silent:
            draft.effects.append(Ask(draft.now))  # what came in meanwhile, or what the draft was to answer

    def _answer(self, draft: Draft) -> None:
        if self.epoch != draft.row.epoch or draft.row.silent:
            body = {**self.words.body, "through": self.through, "epoch": self.epoch}
            draft.note(E.ASSISTANT_DRAFTED, ASSISTANT, body, self.words.content)
            return
        if self.through <= draft.row.answered_seq:
            return  # somebody has answered this turn already
        more = draft.row.guest_seq > self.through
        if more and self.since and draft.now - self.since < draft.patience.gather:
            return  # the guest was not done: the turn is asked about again, with what has come since
        for event in self.also:
            draft.add(event)
            _order_wake(draft, event)
        draft.show_notice(self.notice)
        if self.handoff is Reason.EMERGENCY:  # the safety words have missed it, the assistant hasn't
            draft.note(E.ALARM_RAISED, ASSISTANT, {"kind": "other", "seq": self.through})
        draft.say(replace(self.words, body={**self.words.body, "through": self.through}))
        if self.handoff and not (draft.row.state is State.WAITING and self.handoff not in GRAVE):
            body = {"reason": self.handoff, **(self.handoff_detail or {})}
            draft.note(E.HANDOFF_REQUESTED, ASSISTANT, body)


def _order_wake(draft: Draft, event: NewEvent) -> None:
    due = event.body.get("due_at")
    if event.type in (E.ORDER_PLACED, E.ORDER_CHANGED) and due and event.body.get("rings"):
        draft.effects.append(Wake("ring", datetime.fromisoformat(due), str(event.body["order"])))
