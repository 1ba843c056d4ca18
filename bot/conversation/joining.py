"""Two conversations of one guest become one: what each of them is told."""

from dataclasses import dataclass

from bot.conversation.draft import Command, Draft
from bot.conversation.holding import take
from bot.conversation.row import Conversation
from bot.model import SERVICE, ConversationId, EventType, NewEvent, Reason, StaffId, State

E = EventType


@dataclass(frozen=True)
class End(Command):
    """This conversation goes on in another, whose guest is proven to be this one's."""

    into: ConversationId
    proof: str

    def decide(self, draft: Draft) -> None:
        draft.note(E.ENDED, SERVICE, {"into": self.into, "proof": self.proof})


@dataclass(frozen=True)
class Join(Command):
    """Another conversation of the same guest ends in this one: what it needed, this one needs now.

    `links` name the identities that come over; `other` is the row before its end.
    """

    links: tuple[NewEvent, ...]
    other: Conversation
    holder_gone: bool = False
    other_holder_gone: bool = False

    def decide(self, draft: Draft) -> None:
        """Nobody who waited there is forgotten here; whoever held it there holds it here, if it is free."""
        draft.vacate(self.holder_gone)
        for link in self.links:
            draft.add(link)
        other = self.other
        if other.state is State.CLOSED:
            return
        held = other.state is State.STAFF and other.holder and not self.other_holder_gone
        waits = other.state in (State.WAITING, State.STAFF) or other.pending
        if held or waits or other.alarm_since:
            draft.reopen(SERVICE)
        if other.alarm_since:
            draft.note(E.ALARM_RAISED, SERVICE, {"kind": other.alarm_kind, "seq": draft.row.guest_seq})
        if held and draft.row.state is not State.STAFF:
            take(draft, StaffId(str(other.holder)), False)
        elif waits and draft.row.state is not State.STAFF:
            draft.note(E.HANDOFF_REQUESTED, SERVICE, {"reason": other.reason or Reason.LOW_CONFIDENCE})
