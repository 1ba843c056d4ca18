"""What is only written down: it asks nothing of the conversation."""

from dataclasses import dataclass
from datetime import datetime

from bot.conversation.draft import Command, Draft, Wake
from bot.model import EventType, NewEvent

E = EventType


@dataclass(frozen=True)
class Record(Command):
    """What happens to a conversation and asks nothing of it: deliveries, orders rung or done, promises,
    erasure."""

    events: tuple[NewEvent, ...]

    def decide(self, draft: Draft) -> None:
        for event in self.events:
            draft.add(event)
            _promise_wake(draft, event)


def _promise_wake(draft: Draft, event: NewEvent) -> None:
    due = event.body.get("due_at")
    if event.type in (E.PROMISE_MADE, E.PROMISE_CHANGED) and due:
        at = draft.patience.reminded_at(datetime.fromisoformat(due), draft.now)
        draft.effects.append(Wake("promise", max(draft.now, at), str(event.body["promise"])))
