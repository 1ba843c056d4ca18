"""A command on a row gives events and effects: what every command is, and the decision in the making."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.conversation.clocks import Patience, clocks
from bot.conversation.fold import step
from bot.conversation.row import Conversation
from bot.model import (
    ASSISTANT,
    SERVICE,
    Actor,
    Audience,
    Content,
    Event,
    EventType,
    IdentityId,
    Json,
    NewEvent,
    Reason,
    State,
)

E = EventType


@dataclass(frozen=True)
class Ask:
    """Ask the assistant about the guest's unanswered messages."""

    due: datetime


@dataclass(frozen=True)
class Deliver:
    """Bring event `seq` to the guest. Not before `due`: until then a waiting push may carry it. Without
    `due` only the guest's next push can."""

    seq: int
    identity: IdentityId
    due: datetime | None


@dataclass(frozen=True)
class Wake:
    """Look at the conversation again at `due`; None: once somebody has it open."""

    kind: str
    due: datetime | None
    key: str = ""


Effect = Ask | Deliver | Wake


@dataclass(frozen=True)
class Decision:
    events: tuple[NewEvent, ...]
    effects: tuple[Effect, ...]
    row: Conversation


@dataclass(frozen=True)
class Said:
    """Words of the assistant, already rendered. `body` carries keys, intent and the like, never words."""

    content: Content
    body: Json = field(default_factory=dict)


class Command(ABC):
    """Something that is to happen to a conversation. Its rule is its own; a part of the service may bring
    commands that nobody else needs."""

    @abstractmethod
    def decide(self, draft: "Draft") -> None:
        """Adds the events that follow. Raises Refused."""


Route = Callable[[Json], Json]  # from a handoff's body to what names its department


def nowhere(_handoff: Json) -> Json:
    """For a hotel without departments."""
    return {}


class Draft:
    """A decision in the making: each event is stepped at once, so that the next sees the row it left."""

    def __init__(self, row: Conversation, now: datetime, patience: Patience, route: Route = nowhere) -> None:
        self.row, self.now, self.patience, self.route = row, now, patience, route
        self.events: list[NewEvent] = []
        self.effects: list[Effect] = []
        self._before, self._seen = clocks(row, patience), row.seen_at is not None

    def add(self, event: NewEvent) -> int:
        if event.type is E.HANDOFF_REQUESTED or (event.type is E.LAPSED and not self.row.department):
            event = replace(event, body={**self._routed(event.body), **event.body})
        if self.row.changed_at and event.at < self.row.changed_at:
            # Its moment was read before it had its turn to be written, or on another machine's clock. Pages
            # that show several conversations as one sort by time: within one, time goes as seq does.
            event = replace(event, at=self.row.changed_at)
        self.row = step(self.row, _numbered(self.row, event))
        self.events.append(event)
        return self.row.seq

    def _routed(self, body: Json) -> Json:
        """The department that a handoff goes to; what the assistant has just said tells what it is about."""
        said = [e.body.get("intent") for e in self.events if e.type is E.ASSISTANT_SAID]
        reason = self.row.reason or Reason.HUMAN_HANDOFF
        return self.route({"reason": reason, **body, "intent": said[-1] if said else None})

    def note(self, type_: EventType, actor: Actor, body: Json, content: Content | None = None) -> int:
        return self.add(NewEvent(type_, self.now, actor, Audience.STAFF, body=body, content=content))

    def say(self, words: Said, identity: IdentityId | None = None) -> None:
        """`identity`: where it is said, if not where the guest last wrote."""
        body, to = {**words.body, "epoch": self.row.epoch}, identity or self.row.identity
        said = NewEvent(E.ASSISTANT_SAID, self.now, ASSISTANT, Audience.GUEST, to, body, words.content)
        self.deliver(self.add(said), to)

    def deliver(self, seq: int, identity: IdentityId | None = None, waits: bool = True) -> None:
        """`waits`: a push of the guest may still be open, so leave its handler the first chance."""
        to = identity or self.row.identity
        if to is None or not self.row.reachable:
            return
        held = self.row.guest_at + self.patience.handler_wait if waits and self.row.guest_at else self.now
        self.effects.append(Deliver(seq, to, max(self.now, held)))

    def show_notice(self, version: str | None) -> None:
        if version and self.row.notice != version:
            notice = NewEvent(
                E.NOTICE_SHOWN, self.now, SERVICE, Audience.STAFF, self.row.identity, {"version": version}
            )
            self.add(notice)

    def vacate(self, holder_gone: bool) -> None:
        """A departed owner owns nothing open: what they held is nobody's before anything else happens."""
        if holder_gone and self.row.state is State.STAFF:
            self.note(E.LAPSED, SERVICE, {"why": "holder_inactive"})

    def reopen(self, actor: Actor) -> None:
        if self.row.state is State.CLOSED:
            self.note(E.REOPENED, actor, {})

    def done(self) -> Decision:
        after = clocks(self.row, self.patience)
        wakes = [Wake(kind, due) for kind, due in after.items() if self._before.get(kind) != due]
        if self._seen and self.row.seen_at is None and self.row.state is State.WAITING:
            wakes.append(Wake("escalate", self.now))  # what was seen is not what is the matter now
        return Decision(tuple(self.events), (*self.effects, *wakes), self.row)


def _numbered(row: Conversation, e: NewEvent) -> Event:
    return Event(
        row.hotel, row.id, row.seq + 1, e.type, e.version, e.at, e.actor, e.identity, e.audience, e.body
    )


def decide(
    row: Conversation,
    command: Command,
    now: datetime,
    patience: Patience = Patience(),
    route: Route = nowhere,
) -> Decision:
    """What the command means for this row now. Raises Refused; changes nothing."""
    draft = Draft(row, now, patience, route)
    command.decide(draft)
    return draft.done()
