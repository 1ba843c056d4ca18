"""What people of the hotel say: replies, trainees' drafts, notes, and that they have seen an alarm."""

from dataclasses import dataclass

from bot.conversation.clocks import heeded_until
from bot.conversation.draft import Command, Draft
from bot.conversation.holding import take
from bot.conversation.table import Refused
from bot.model import (
    SERVICE,
    Actor,
    ActorKind,
    Audience,
    Content,
    Event,
    EventType,
    IdentityId,
    Json,
    NewEvent,
    StaffId,
    State,
)

E = EventType


@dataclass(frozen=True)
class Speak(Command):
    """A staff member's reply. Writing to what nobody else holds takes it over."""

    staff: StaffId
    content: Content
    body: Json
    identity: IdentityId | None = None
    holder_gone: bool = False
    take_over: bool = True
    flags: tuple[str, ...] = ()  # what a manager should see about it (bot.flags)

    def decide(self, draft: Draft) -> None:
        _take_to_write(draft, self)
        _say_as(draft, self.staff, self.identity or draft.row.identity, self.body, self.content, self.flags)


@dataclass(frozen=True)
class DraftReply(Command):
    """What a trainee would say: nobody but staff reads it until it is approved. It takes over as speaking
    does."""

    staff: StaffId
    content: Content
    body: Json
    identity: IdentityId | None = None
    holder_gone: bool = False
    take_over: bool = True

    def decide(self, draft: Draft) -> None:
        _take_to_write(draft, self)
        chosen = {"identity": self.identity} if self.identity else {}
        draft.note(E.REPLY_DRAFTED, Actor(ActorKind.STAFF, self.staff), {**self.body, **chosen}, self.content)


def _take_to_write(draft: Draft, command: Speak | DraftReply) -> None:
    if not command.take_over and draft.row.holder != command.staff:
        raise Refused("not_holder", draft.row.holder, draft.row.held_since)
    take(draft, command.staff, command.holder_gone)
    if not draft.row.reachable:
        raise Refused("unreachable")


@dataclass(frozen=True)
class Approve(Command):
    """A trainee's reply goes out, in these words. Where nobody has the conversation, whoever approves has it
    from then on; where the trainee has left, it is the word of whoever approves."""

    staff: StaffId
    draft: Event
    content: Content
    edited: bool
    holder_gone: bool = False
    flags: tuple[str, ...] = ()
    author_gone: bool = False

    def decide(self, draft: Draft) -> None:
        if self.draft.seq not in (draft.row.drafts or ()):
            raise Refused("draft_decided")
        author = self.staff if self.author_gone else StaffId(self.draft.actor.id or "")
        draft.vacate(self.holder_gone)
        if draft.row.state is not State.STAFF:
            take(draft, self.staff, False)
        elif draft.row.holder not in (author, self.staff):
            raise Refused("held", draft.row.holder, draft.row.held_since)
        if not draft.row.reachable:
            raise Refused("unreachable")
        chosen = self.draft.body.get("identity")
        identity = IdentityId(chosen) if chosen else draft.row.identity
        body = {"draft": self.draft.seq, "by": self.staff, "edited": self.edited}
        _say_as(draft, author, identity, body, self.content, self.flags)


def _say_as(
    draft: Draft,
    staff: StaffId,
    identity: IdentityId | None,
    body: Json,
    content: Content,
    flags: tuple[str, ...],
) -> None:
    if flags:  # before the reply, which stays what the command ends with
        draft.note(E.REPLY_FLAGGED, SERVICE, {"seq": draft.row.seq + 2, "kinds": list(flags), "by": staff})
    actor = Actor(ActorKind.STAFF, staff)
    said = NewEvent(E.STAFF_SAID, draft.now, actor, Audience.GUEST, identity, body, content)
    draft.deliver(draft.add(said), identity, waits=False)


@dataclass(frozen=True)
class RefuseDraft(Command):
    """A trainee's reply doesn't go out; the words say why."""

    staff: StaffId
    draft: int
    content: Content | None = None

    def decide(self, draft: Draft) -> None:
        if self.draft not in (draft.row.drafts or ()):
            raise Refused("draft_decided")
        draft.note(E.REPLY_REFUSED, Actor(ActorKind.STAFF, self.staff), {"draft": self.draft}, self.content)


@dataclass(frozen=True)
class Note(Command):
    staff: StaffId
    content: Content
    body: Json

    def decide(self, draft: Draft) -> None:
        draft.note(E.STAFF_NOTED, Actor(ActorKind.STAFF, self.staff), self.body, self.content)


@dataclass(frozen=True)
class Acknowledge(Command):
    """Somebody has seen the alarm, or that a guest waits; `owed`: or that a promise is late."""

    staff: StaffId
    owed: bool = False
    holder_gone: bool = False

    def decide(self, draft: Draft) -> None:
        draft.vacate(self.holder_gone)
        actor = Actor(ActorKind.STAFF, self.staff)
        heeded = heeded_until(draft.row, draft.patience.quiet)
        if draft.row.alarm_since:
            draft.note(E.ALARM_ACKNOWLEDGED, actor, {"kind": draft.row.alarm_kind})
        waits = draft.row.state is State.WAITING
        if (waits or self.owed) and (heeded is None or heeded <= draft.now):
            draft.note(E.ALERT_ACKNOWLEDGED, actor, {"waiting": waits, "owed": self.owed})


@dataclass(frozen=True)
class Resend(Command):
    staff: StaffId
    seq: int
    identity: IdentityId

    def decide(self, draft: Draft) -> None:
        draft.note(E.RESEND_REQUESTED, Actor(ActorKind.STAFF, self.staff), {"seq": self.seq})
        draft.deliver(self.seq, self.identity, waits=False)
