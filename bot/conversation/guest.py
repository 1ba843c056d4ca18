"""What comes from the guest: words, voices and files, the channel's events, and that they have gone."""

from dataclasses import dataclass, replace

from bot.conversation.draft import Ask, Command, Draft, Said, Wake
from bot.model import SERVICE, Audience, Content, EventType, IdentityId, NewEvent, Reason, State

E = EventType


@dataclass(frozen=True)
class Receive(Command):
    """A guest's message or a channel's event. `emergency`: what the safety words found, and what to say."""

    event: NewEvent
    emergency: str | None = None
    emergency_words: Said | None = None
    holder_gone: bool = False
    notice: str | None = None
    words: Said | None = None  # an answer that needs no assistant (a welcome, an unsupported picture)
    ask: bool = True
    opener: bool = False  # it says nothing by itself; the next message may
    fetch: bool = False  # its file lies with the platform, and is to be brought here
    hear: bool = False  # its voice is here, and a recogniser is to hear it
    yields: bool = False  # its words give way to an answer that is owed: they would stand in its place

    def decide(self, draft: Draft) -> None:
        draft.vacate(self.holder_gone)
        if self.event.type is not E.GUEST_SAID:
            return self._receive_event(draft)
        draft.reopen(self.event.actor)
        owed = draft.row.pending
        seq = draft.add(self.event)
        if self.fetch:
            draft.effects.append(Wake("fetch", draft.now, str(seq)))
        if self.hear:
            draft.effects.append(Wake("hear", draft.now, str(seq)))
        if self.emergency:
            return _emergency(draft, self, seq)
        if draft.row.silent:
            return _suggest(draft, self.ask or bool(self.words))
        if self.words and not (owed and self.yields):
            draft.show_notice(self.notice)
            # What the service says itself answers nothing that was asked before: that stays owed.
            about = {"through": draft.row.answered_seq, "own": seq} if owed else {"through": seq}
            draft.say(replace(self.words, body={**self.words.body, **about}))
        elif self.ask or self.words:
            # The first opener waits; whatever comes after it, another opener too, is asked about at once.
            waits = self.opener and not owed
            draft.effects.append(Ask(draft.now + draft.patience.opener if waits else draft.now))

    def _receive_event(self, draft: Draft) -> None:
        if self.event.type is E.GUEST_FOLLOWED or self.words:
            draft.reopen(self.event.actor)
        draft.add(self.event)
        if self.words and not draft.row.silent:
            draft.show_notice(self.notice)
            draft.say(self.words, self.event.identity)


@dataclass(frozen=True)
class Heard(Command):
    """What a recogniser has heard in the guest's message `seq`; nothing without `event`: `words` say so."""

    seq: int
    event: NewEvent | None = None
    emergency: str | None = None
    emergency_words: Said | None = None
    notice: str | None = None
    words: Said | None = None

    def decide(self, draft: Draft) -> None:
        if self.event is None:
            if self.words and not draft.row.silent and draft.row.answered_seq < self.seq:
                draft.show_notice(self.notice)
                draft.say(replace(self.words, body={**self.words.body, "through": self.seq}))
            return
        # A colleague who has answered meanwhile has heard it too.
        asks = not draft.row.silent
        seq = draft.add(replace(self.event, body={**self.event.body, "seq": self.seq, "asks": asks}))
        if self.emergency:
            return _emergency(draft, self, seq)
        if asks:
            return draft.effects.append(Ask(draft.now))
        _suggest(draft, True)


def _suggest(draft: Draft, asked: bool) -> None:
    """While a person holds it the assistant is silent; what it knows is looked up for whoever looks."""
    if asked and draft.row.state is State.STAFF:
        draft.effects.append(Wake("suggest", None))


def _emergency(draft: Draft, command: Receive | Heard, seq: int) -> None:
    draft.note(E.ALARM_RAISED, SERVICE, {"kind": command.emergency, "seq": seq})
    if draft.row.state is State.STAFF:
        return
    if words := command.emergency_words:
        draft.say(replace(words, body={**words.body, "through": seq}))
    draft.note(E.HANDOFF_REQUESTED, SERVICE, {"reason": Reason.EMERGENCY})


@dataclass(frozen=True)
class Lose(Command):
    """A guest's file will never be here; `words` say, where it came from, what the guest can do instead."""

    event: NewEvent
    identity: IdentityId | None = None
    words: Said | None = None

    def decide(self, draft: Draft) -> None:
        draft.add(self.event)
        if self.words and not draft.row.silent:
            # It answers nothing that was asked.
            body = {**self.words.body, "through": draft.row.answered_seq}
            draft.say(replace(self.words, body=body), self.identity)


@dataclass(frozen=True)
class Reach(Command):
    """The guest has left the page that message `seq` was for: bring it, or word of it, to `to` instead."""

    seq: int
    to: IdentityId
    words: Content | None = None

    def decide(self, draft: Draft) -> None:
        seq = self.seq
        if self.words:
            body = {"seq": self.seq}
            told = NewEvent(E.GUEST_NOTIFIED, draft.now, SERVICE, Audience.GUEST, self.to, body, self.words)
            seq = draft.add(told)
        draft.deliver(seq, self.to, waits=False)
