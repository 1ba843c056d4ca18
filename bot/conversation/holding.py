"""Who has the conversation: claimed, released, handed on, lapsed, closed."""

from dataclasses import dataclass
from typing import Any

from bot.conversation.draft import Ask, Command, Draft, Said, Wake
from bot.conversation.table import Refused
from bot.model import SERVICE, Actor, ActorKind, Audience, Content, EventType, NewEvent, StaffId, State

E = EventType


def take(draft: Draft, staff: StaffId, holder_gone: bool) -> None:
    """Theirs from now on, unless somebody else has it."""
    draft.vacate(holder_gone)
    draft.reopen(Actor(ActorKind.STAFF, staff))
    if draft.row.holder == staff:
        return
    if draft.row.state is State.STAFF:
        raise Refused("held", draft.row.holder, draft.row.held_since)
    claimed: dict[str, Any] = {
        "holder": staff,
        "waited_since": draft.row.waiting_since.isoformat() if draft.row.waiting_since else None,
    }
    if draft.row.assigned_to == staff:
        claimed["assigned"] = True
    draft.add(NewEvent(E.CLAIMED, draft.now, Actor(ActorKind.STAFF, staff), Audience.GUEST, body=claimed))


@dataclass(frozen=True)
class Claim(Command):
    staff: StaffId
    holder_gone: bool = False

    def decide(self, draft: Draft) -> None:
        take(draft, self.staff, self.holder_gone)


@dataclass(frozen=True)
class Release(Command):
    staff: StaffId
    words: Said

    def decide(self, draft: Draft) -> None:
        if draft.row.holder != self.staff:
            raise Refused("not_holder", draft.row.holder, draft.row.held_since)
        released = NewEvent(E.RELEASED, draft.now, Actor(ActorKind.STAFF, self.staff), Audience.GUEST)
        draft.add(released)
        draft.say(self.words)
        if draft.row.pending:
            draft.effects.append(Ask(draft.now))


@dataclass(frozen=True)
class Transfer(Command):
    """Hand a held conversation to a colleague, who must work in the hotel; with a note, if there is one."""

    staff: StaffId
    to: StaffId
    note: Content | None = None
    holder_gone: bool = False

    def decide(self, draft: Draft) -> None:
        draft.vacate(self.holder_gone)
        if draft.row.holder != self.staff:
            raise Refused("not_holder", draft.row.holder, draft.row.held_since)
        if self.to == self.staff:
            raise Refused("to_oneself")
        actor = Actor(ActorKind.STAFF, self.staff)
        body = {"holder": self.to, "from": self.staff}
        draft.add(NewEvent(E.TRANSFERRED, draft.now, actor, Audience.GUEST, body=body))
        if self.note:
            draft.note(E.STAFF_NOTED, actor, {"about": "transfer", "to": self.to}, self.note)


@dataclass(frozen=True)
class Close(Command):
    actor: Actor
    reason: str
    content: Content | None = None

    def decide(self, draft: Draft) -> None:
        by_staff = self.actor.kind is ActorKind.STAFF
        if by_staff and draft.row.state is State.STAFF and draft.row.holder != self.actor.id:
            raise Refused("not_holder", draft.row.holder, draft.row.held_since)
        if draft.row.state is State.CLOSED:
            raise Refused("closed")
        draft.add(NewEvent(E.CLOSED, draft.now, self.actor, Audience.GUEST, body={"reason": self.reason}))
        if self.content:
            draft.note(E.STAFF_NOTED, self.actor, {"about": "closing"}, self.content)
        if by_staff:
            draft.effects.append(Wake("rate", draft.now + draft.patience.rate, str(draft.row.visit)))


@dataclass(frozen=True)
class Lapse(Command):
    """The held conversation's guest has waited too long, or its holder is gone; what the guest is told."""

    why: str
    words: Said | None = None

    def decide(self, draft: Draft) -> None:
        if draft.row.state is not State.STAFF:
            raise Refused("not_held")
        waited = draft.row.unheard_since is not None
        draft.note(E.LAPSED, SERVICE, {"why": self.why, "holder": draft.row.holder})
        if self.words and waited and not draft.row.silent:
            draft.say(self.words)


@dataclass(frozen=True)
class HandOver(Command):
    """What a departed person held goes to a colleague, or, without one, back to the queue; what the guest who
    waits is told then."""

    to: StaffId | None
    words: Said | None = None

    def decide(self, draft: Draft) -> None:
        if self.to is None:
            return Lapse("holder_inactive", self.words).decide(draft)
        if draft.row.state is not State.STAFF:
            raise Refused("not_held")
        body = {"holder": self.to, "from": draft.row.holder, "why": "holder_inactive"}
        draft.add(NewEvent(E.TRANSFERRED, draft.now, SERVICE, Audience.GUEST, body=body))
