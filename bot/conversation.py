"""The rules of a conversation: who may speak, and what follows from each thing that happens.

Rules, all of them here and nowhere else:
- Every (state, event) pair stands in TABLE: it moves the state, stays, is dropped or is refused.
- `step` is the only way a conversation changes; `fold` is `step` over a log; the row is its result.
- Whatever changes who may speak raises the epoch; an answer computed under an older epoch is a draft.
- The assistant never speaks in STAFF or CLOSED, nor in WAITING once the reason is grave.
- While a guest waits, `clocks` names at least one thing that will wake somebody, or an Ask is due.

Pure: no I/O, no clock (`now` is an argument), no text of ours (callers render before deciding).
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from bot.model import (
    ASSISTANT,
    SERVICE,
    Actor,
    ActorKind,
    Audience,
    Content,
    ConversationId,
    Event,
    EventType,
    GuestId,
    HotelId,
    IdentityId,
    Json,
    NewEvent,
    Reason,
    StaffId,
    State,
)

E = EventType

# Once a person is needed for one of these, the assistant is silent until a person has been there.
GRAVE = frozenset({Reason.EMERGENCY, Reason.COMPLAIN, Reason.BILLING_DISPUTE, Reason.PRIVACY_REQUEST})

# Each of these changes who may speak.
EPOCH_RAISING = frozenset(
    {E.HANDOFF_REQUESTED, E.CLAIMED, E.TRANSFERRED, E.RELEASED, E.LAPSED, E.CLOSED, E.REOPENED}
)


class Verdict(Enum):
    """What a state does with an event that doesn't move it."""

    STAY = "stay"
    DROP = "drop"
    REFUSE = "refuse"


class Refused(Exception):
    """The rules don't allow it now. `code` is stable; `holder` and `since` say who has the conversation."""

    def __init__(self, code: str, holder: StaffId | None = None, since: datetime | None = None) -> None:
        super().__init__(code)
        self.code, self.holder, self.since = code, holder, since


Cell = State | Verdict
_STAY, _DROP, _REFUSE = Verdict.STAY, Verdict.DROP, Verdict.REFUSE


def _row(bot: Cell, waiting: Cell, staff: Cell, closed: Cell) -> dict[State, Cell]:
    return {State.BOT: bot, State.WAITING: waiting, State.STAFF: staff, State.CLOSED: closed}


_ANYWHERE = _row(_STAY, _STAY, _STAY, _STAY)
_WHILE_OPEN = _row(_STAY, _STAY, _STAY, _REFUSE)

TABLE: dict[EventType, dict[State, Cell]] = {
    E.CONTACTED: _ANYWHERE,
    E.NOTICE_SHOWN: _WHILE_OPEN,
    E.GUEST_SAID: _WHILE_OPEN,  # in CLOSED the next visit is opened first
    E.GUEST_FOLLOWED: _WHILE_OPEN,
    E.GUEST_UNFOLLOWED: _ANYWHERE,
    E.CHANNEL_EVENT_RECEIVED: _ANYWHERE,
    E.ASSISTANT_SAID: _row(_STAY, _STAY, _REFUSE, _REFUSE),
    E.ASSISTANT_DRAFTED: _ANYWHERE,
    E.HANDOFF_REQUESTED: _row(State.WAITING, State.WAITING, _DROP, _REFUSE),
    E.ALARM_RAISED: _WHILE_OPEN,
    E.ALARM_ACKNOWLEDGED: _ANYWHERE,
    E.ALERT_ACKNOWLEDGED: _ANYWHERE,
    E.CLAIMED: _row(State.STAFF, State.STAFF, _REFUSE, _REFUSE),
    E.TRANSFERRED: _row(_REFUSE, _REFUSE, State.STAFF, _REFUSE),
    E.RELEASED: _row(_REFUSE, _REFUSE, State.BOT, _REFUSE),
    E.LAPSED: _row(_REFUSE, _REFUSE, State.WAITING, _REFUSE),
    E.ASSIGNED: _row(_REFUSE, _STAY, _REFUSE, _REFUSE),
    E.ASSIGNMENT_ENDED: _row(_REFUSE, _STAY, _REFUSE, _REFUSE),
    E.NOBODY_FOUND: _row(_REFUSE, _STAY, _REFUSE, _REFUSE),
    E.CLOSED: _row(State.CLOSED, State.CLOSED, State.CLOSED, _REFUSE),
    E.REOPENED: _row(_REFUSE, _REFUSE, _REFUSE, State.BOT),
    E.STAFF_SAID: _row(_REFUSE, _REFUSE, _STAY, _REFUSE),
    E.STAFF_NOTED: _ANYWHERE,
    E.WHISPERED: _ANYWHERE,
    E.SNOOZED: _row(_REFUSE, _REFUSE, _STAY, _REFUSE),
    E.SNOOZE_ENDED: _ANYWHERE,
    E.REPLY_FLAGGED: _ANYWHERE,
    E.REPLY_DRAFTED: _row(_REFUSE, _REFUSE, _STAY, _REFUSE),
    E.REPLY_REFUSED: _ANYWHERE,
    E.TARGET_NEARED: _ANYWHERE,
    E.DELIVERY_ACCEPTED: _ANYWHERE,
    E.DELIVERY_UNCLEAR: _ANYWHERE,
    E.DELIVERY_FAILED: _ANYWHERE,
    E.DELIVERY_READ: _ANYWHERE,
    E.RESEND_REQUESTED: _ANYWHERE,
    E.ORDER_PLACED: _ANYWHERE,
    E.ORDER_CHANGED: _ANYWHERE,
    E.ORDER_CANCELLED: _ANYWHERE,
    E.ORDER_RUNG: _ANYWHERE,
    E.ORDER_DONE: _ANYWHERE,
    E.ORDER_TAKEN: _ANYWHERE,
    E.ORDER_HANDED_OVER: _ANYWHERE,
    E.PROMISE_MADE: _ANYWHERE,
    E.PROMISE_DECLINED: _ANYWHERE,
    E.PROMISE_CHANGED: _ANYWHERE,
    E.PROMISE_REMINDED: _ANYWHERE,
    E.PROMISE_KEPT: _ANYWHERE,
    E.PROMISE_BROKEN: _ANYWHERE,
    E.PROMISE_HANDED_OVER: _ANYWHERE,
    E.PREFERENCE_REMEMBERED: _ANYWHERE,
    E.READING_CORRECTED: _ANYWHERE,
    E.CORRECTION_WITHDRAWN: _ANYWHERE,
    E.CORRECTION_REVIEWED: _ANYWHERE,
    E.IDENTITY_LINKED: _ANYWHERE,
    E.IDENTITY_UNLINKED: _ANYWHERE,
    E.ENDED: _row(State.CLOSED, State.CLOSED, State.CLOSED, _STAY),
    E.MEDIA_KEPT: _ANYWHERE,
    E.MEDIA_LOST: _ANYWHERE,
    E.VOICE_HEARD: _ANYWHERE,
    E.GUEST_OPTED: _ANYWHERE,
    E.GUEST_NOTIFIED: _ANYWHERE,
    E.RATING_ASKED: _row(_REFUSE, _REFUSE, _REFUSE, _STAY),
    E.GUEST_RATED: _ANYWHERE,
    E.RATING_THANKED: _ANYWHERE,
    E.VIP_MARKED: _ANYWHERE,
    E.GUEST_HANDED_OVER: _ANYWHERE,
    E.GUEST_ERASED: _ANYWHERE,
    E.FOREIGN: _ANYWHERE,
}


@dataclass(frozen=True)
class Conversation:
    """The row: what folding a log gives. Times are aware UTC. `seq` is also the version."""

    hotel: HotelId
    id: ConversationId
    guest: GuestId
    seq: int = 0
    state: State = State.BOT
    epoch: int = 0
    visit: int = 1
    opened_at: datetime | None = None
    holder: StaffId | None = None
    held_since: datetime | None = None
    waiting_since: datetime | None = None
    reason: Reason | None = None
    alarm_since: datetime | None = None
    alarm_kind: str | None = None
    identity: IdentityId | None = None  # where the guest last wrote: replies go there
    guest_seq: int = 0  # the guest's last message
    guest_at: datetime | None = None
    answered_seq: int = 0  # the guest's messages up to here have had their answer
    unheard_since: datetime | None = None  # since when the guest waits for a word from us
    said_seq: int = 0  # the last thing anybody said aloud
    introduced_visit: int = 0  # the visit in which the assistant last said what it is
    notice: str | None = None  # version of the privacy notice that was shown
    unclear: tuple[int, ...] = ()
    reachable: bool = True  # false once the guest has unfollowed where replies go
    changed_at: datetime | None = None
    drafts: tuple[int, ...] | None = None  # what trainees would say, and nobody has decided on
    snoozed_by: StaffId | None = None  # who put it aside, until then (or the guest's next word)
    snoozed_until: datetime | None = None
    ended_into: ConversationId | None = None  # its guest proved to be that one's: it goes on there
    department: str | None = None  # to which it was handed off, where the hotel has departments
    urgent: str | None = None  # why it comes before others that wait
    needs: tuple[str, ...] | None = None  # skills that its topic asks for
    assigned_to: StaffId | None = None  # who is asked to take it; anybody else still may
    assigned_until: datetime | None = None
    passed: tuple[StaffId, ...] | None = None  # who let it pass, since somebody last had it
    nobody: str | None = None  # why it could be assigned to nobody when that was last tried
    seen_by: StaffId | None = None  # who has seen the alert about it, and when
    seen_at: datetime | None = None

    @property
    def silent(self) -> bool:
        """Whether the assistant must say nothing now."""
        grave = self.state is State.WAITING and self.reason in GRAVE
        return grave or self.state in (State.STAFF, State.CLOSED)

    @property
    def pending(self) -> bool:
        """Whether a message of the guest has had no answer from anybody."""
        return self.guest_seq > self.answered_seq

    def canonical(self) -> str:
        """The row as text, the same bytes for the same log.

        What a later release added is left out while it says nothing, so that older rows stay what they are.
        """
        told = {k: v for k, v in asdict(self).items() if v is not None or k not in _ADDED}
        return json.dumps(told, default=_plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


_ADDED = frozenset(
    {
        "ended_into",
        "department",
        "urgent",
        "needs",
        "assigned_to",
        "assigned_until",
        "passed",
        "nobody",
        "drafts",
        "snoozed_by",
        "snoozed_until",
        "seen_by",
        "seen_at",
    }
)
_UNASSIGNED: Any = {"assigned_to": None, "assigned_until": None, "nobody": None}
_UNSEEN: Any = {"seen_by": None, "seen_at": None}
_SETTLED: Any = {
    **_UNASSIGNED,
    **_UNSEEN,
    "department": None,
    "urgent": None,
    "needs": None,
    "passed": None,
    "drafts": None,
}


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"not a value of a conversation row: {value!r}")


# ---- step: one event's effect on the row, beyond the state that the table gives

# What was put aside comes back with the guest's word, with its time, and with whoever else has it.
_AWAKE: dict[str, Any] = {"snoozed_by": None, "snoozed_until": None}


def _snoozed(c: Conversation, e: Event) -> Conversation:
    until = e.body.get("until")
    return replace(
        c,
        snoozed_by=StaffId(e.actor.id) if e.actor.id else None,
        snoozed_until=datetime.fromisoformat(until) if until else None,
    )


def _guest_said(c: Conversation, e: Event) -> Conversation:
    return replace(
        c,
        identity=e.identity or c.identity,
        guest_seq=e.seq,
        guest_at=e.at,
        said_seq=e.seq,
        unheard_since=c.unheard_since or e.at,
        reachable=True,
        **_AWAKE,
    )


def _voice_heard(c: Conversation, e: Event) -> Conversation:
    """What a recogniser heard is the guest's word where the assistant is to answer it."""
    if not e.body.get("asks"):
        return c
    return replace(c, guest_seq=e.seq, said_seq=e.seq, unheard_since=c.unheard_since or e.at, **_AWAKE)


def _assistant_said(c: Conversation, e: Event) -> Conversation:
    through = max(c.answered_seq, int(e.body.get("through", 0)))
    owed = c.unheard_since if c.state is State.WAITING or c.guest_seq > through else None
    introduced = c.visit if e.body.get("introduced") else c.introduced_visit
    return replace(c, answered_seq=through, unheard_since=owed, said_seq=e.seq, introduced_visit=introduced)


def _handoff_requested(c: Conversation, e: Event) -> Conversation:
    grave_stays = c.reason in GRAVE and c.state is State.WAITING
    reason = c.reason if grave_stays and Reason(e.body["reason"]) not in GRAVE else Reason(e.body["reason"])
    anew: Any = _UNSEEN if reason is not c.reason else {}
    return replace(
        c,
        **anew,
        reason=reason,
        waiting_since=c.waiting_since or e.at,
        unheard_since=c.unheard_since or e.at,
        department=e.body.get("department") or c.department,
        urgent=e.body.get("urgent") or c.urgent,
        needs=tuple(e.body["needs"]) if e.body.get("needs") else c.needs,
    )


def _claimed(c: Conversation, e: Event) -> Conversation:
    holder = StaffId(e.body["holder"])
    changed: Any = {"passed": None, **_UNASSIGNED, **_UNSEEN, **_AWAKE}
    return replace(c, holder=holder, held_since=e.at, waiting_since=None, **changed)


def _released(c: Conversation, e: Event) -> Conversation:
    unheard = c.unheard_since if c.pending else None
    gone: Any = {"holder": None, "held_since": None, "waiting_since": None, "reason": None}
    return replace(c, unheard_since=unheard, **gone, **_SETTLED, **_AWAKE)


def _lapsed(c: Conversation, e: Event) -> Conversation:
    department = e.body.get("department") or c.department
    return replace(
        c,
        holder=None,
        held_since=None,
        waiting_since=e.at,
        reason=c.reason or Reason.HUMAN_HANDOFF,
        unheard_since=c.unheard_since or e.at,
        department=department,
        passed=(c.holder,) if department and c.holder else None,
        **_UNSEEN,
        **_AWAKE,
    )


def _assigned(c: Conversation, e: Event) -> Conversation:
    to, until = StaffId(e.body["to"]), datetime.fromisoformat(e.body["until"])
    return replace(c, assigned_to=to, assigned_until=until, nobody=None)


def _assignment_ended(c: Conversation, e: Event) -> Conversation:
    return replace(c, **_UNASSIGNED, passed=(*(c.passed or ()), StaffId(e.body["to"])))


def _closed(c: Conversation, e: Event) -> Conversation:
    return replace(
        c,
        holder=None,
        held_since=None,
        waiting_since=None,
        reason=None,
        alarm_since=None,
        alarm_kind=None,
        unheard_since=None,
        answered_seq=max(c.answered_seq, c.guest_seq),
        **_SETTLED,
        **_AWAKE,
    )


def _reopened(c: Conversation, e: Event) -> Conversation:
    return replace(c, visit=c.visit + 1, opened_at=e.at)


def _staff_said(c: Conversation, e: Event) -> Conversation:
    decided = _decided(c, e)
    return replace(decided, answered_seq=c.guest_seq, unheard_since=None, said_seq=e.seq)


def _decided(c: Conversation, e: Event) -> Conversation:
    """A trainee's reply has gone out, or will not."""
    left = tuple(seq for seq in c.drafts or () if seq != e.body.get("draft"))
    return replace(c, drafts=left or None)


def _without_unclear(c: Conversation, e: Event) -> Conversation:
    return replace(c, unclear=tuple(s for s in c.unclear if s != e.body["seq"]))


def _unclear(c: Conversation, e: Event) -> Conversation:
    return replace(c, unclear=tuple(sorted({*c.unclear, int(e.body["seq"])})))


def _unfollowed(c: Conversation, e: Event) -> Conversation:
    """Only where replies go now: the guest may be reached elsewhere still."""
    return replace(c, reachable=c.reachable and e.identity not in (None, c.identity))


def _linked(c: Conversation, e: Event) -> Conversation:
    """The guest of another conversation is this one's: if they spoke last there, replies go there now."""
    unheard = c.unheard_since or (e.at if e.body.get("owed") else None)
    identity = IdentityId(e.body["identity"]) if e.body.get("last") else c.identity
    reachable = c.reachable or bool(e.body.get("last"))
    return replace(c, unheard_since=unheard, identity=identity, reachable=reachable)


def _unlinked(c: Conversation, e: Event) -> Conversation:
    if c.identity != e.body["identity"]:
        return c
    left = e.body.get("left")
    return replace(c, identity=IdentityId(left) if left else None)


def _alarm_raised(c: Conversation, e: Event) -> Conversation:
    kind = c.alarm_kind or str(e.body["kind"])
    return replace(c, alarm_since=c.alarm_since or e.at, alarm_kind=kind, **_UNSEEN)


def _alert_acknowledged(c: Conversation, e: Event) -> Conversation:
    return replace(c, seen_by=StaffId(e.actor.id or ""), seen_at=e.at)


_CHANGES: dict[EventType, Callable[[Conversation, Event], Conversation]] = {
    E.CONTACTED: lambda c, e: replace(c, identity=e.identity, opened_at=c.opened_at or e.at),
    E.NOTICE_SHOWN: lambda c, e: replace(c, notice=str(e.body["version"])),
    E.GUEST_SAID: _guest_said,
    E.GUEST_FOLLOWED: lambda c, e: replace(c, identity=e.identity or c.identity, reachable=True),
    E.GUEST_UNFOLLOWED: _unfollowed,
    E.IDENTITY_LINKED: _linked,
    E.IDENTITY_UNLINKED: _unlinked,
    E.ASSISTANT_SAID: _assistant_said,
    E.HANDOFF_REQUESTED: _handoff_requested,
    E.ALARM_RAISED: _alarm_raised,
    E.ALARM_ACKNOWLEDGED: lambda c, e: replace(c, alarm_since=None, alarm_kind=None),
    E.ALERT_ACKNOWLEDGED: _alert_acknowledged,
    E.CLAIMED: _claimed,
    E.TRANSFERRED: _claimed,
    E.RELEASED: _released,
    E.LAPSED: _lapsed,
    E.ASSIGNED: _assigned,
    E.ASSIGNMENT_ENDED: _assignment_ended,
    E.NOBODY_FOUND: lambda c, e: replace(c, nobody=str(e.body["why"])),
    E.CLOSED: _closed,
    E.ENDED: lambda c, e: replace(_closed(c, e), ended_into=e.body.get("into")),
    E.REOPENED: _reopened,
    E.STAFF_SAID: _staff_said,
    E.REPLY_DRAFTED: lambda c, e: replace(c, drafts=(*(c.drafts or ()), e.seq)),
    E.REPLY_REFUSED: _decided,
    E.SNOOZED: _snoozed,
    E.SNOOZE_ENDED: lambda c, e: replace(c, **_AWAKE),
    E.VOICE_HEARD: _voice_heard,
    E.DELIVERY_ACCEPTED: _without_unclear,
    E.DELIVERY_UNCLEAR: _unclear,
    E.RESEND_REQUESTED: _without_unclear,
}


def step(c: Conversation, e: Event) -> Conversation:
    """The row after one more event. Raises Refused for what the table refuses and for a gap in seq."""
    if e.seq != c.seq + 1:
        raise Refused("gap")
    cell = TABLE[e.type][c.state]
    if c.ended_into and e.type is E.REOPENED:
        raise Refused("ended")
    if cell is Verdict.REFUSE:
        raise Refused("illegal")
    moved = replace(c, seq=e.seq, changed_at=e.at)
    if cell is Verdict.DROP:
        return moved
    change = _CHANGES.get(e.type)
    changed = change(moved, e) if change else moved
    state = cell if isinstance(cell, State) else changed.state
    return replace(changed, state=state, epoch=changed.epoch + (e.type in EPOCH_RAISING))


def fold(start: Conversation, events: Iterable[Event]) -> Conversation:
    """The row that a log gives, from its first event or from any row on."""
    for event in events:
        start = step(start, event)
    return start


# ---- clocks: what must wake somebody, as a function of the row alone


@dataclass(frozen=True)
class Patience:
    """How long may pass (settings of a hotel)."""

    hold: timedelta = timedelta(minutes=5)
    escalate: timedelta = timedelta(seconds=60)
    idle: timedelta = timedelta(hours=24)
    handler_wait: timedelta = timedelta(seconds=4.3)
    opener: timedelta = timedelta(seconds=1.5)  # a 你好 alone waits so long for what comes after it
    gather: timedelta = timedelta(seconds=2)  # so long a turn takes in what arrives before its answer
    rate: timedelta = timedelta(seconds=10)  # after a visit a guest who says no more is asked how it was
    remind: timedelta = timedelta(minutes=10)  # so long before it is due a promise rings, if there is time

    def reminded_at(self, due: datetime, since: datetime) -> datetime:
        """When a promise that is known since then first rings: what is due soon rings when it is due."""
        return due - self.remind if due - since >= 2 * self.remind else due


def clocks(c: Conversation, patience: Patience) -> dict[str, datetime]:
    """Which wake-ups this row needs, and when each is first due."""
    due: dict[str, datetime] = {}
    if c.state is State.WAITING and c.waiting_since:
        at_once = c.reason is Reason.EMERGENCY
        due["escalate"] = c.waiting_since if at_once else c.waiting_since + patience.escalate
        if c.department:
            due["assign"] = c.assigned_until or c.waiting_since
    if c.state is State.STAFF and c.unheard_since and c.held_since:
        due["lapse"] = max(c.unheard_since, c.held_since) + patience.hold
    if c.state is State.STAFF and c.snoozed_until:
        due["snooze"] = c.snoozed_until
    if c.state is State.BOT and not c.pending and c.changed_at:
        due["idle"] = c.changed_at + patience.idle
    return due


# So long an alert that somebody has seen climbs no further: for a guest who waits, for one in an emergency,
# for a promise that is late. What has had nobody by then climbs again.
SEEN, SEEN_URGENT, SEEN_OWED = timedelta(minutes=10), timedelta(minutes=3), timedelta(minutes=30)


def heeded_until(c: Conversation) -> datetime | None:
    """Until when the alert about it climbs no further, since somebody has seen it."""
    if c.seen_at is None:
        return None
    if c.state is not State.WAITING:
        return c.seen_at + SEEN_OWED
    return c.seen_at + (SEEN_URGENT if c.reason is Reason.EMERGENCY else SEEN)


# ---- decide: a command on a row gives events and effects


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
    """Look at the conversation again at `due`."""

    kind: str
    due: datetime
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


@dataclass(frozen=True)
class Receive:
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


@dataclass(frozen=True)
class Heard:
    """What a recogniser has heard in the guest's message `seq`; nothing without `event`: `words` say so."""

    seq: int
    event: NewEvent | None = None
    emergency: str | None = None
    emergency_words: Said | None = None
    notice: str | None = None
    words: Said | None = None


@dataclass(frozen=True)
class Respond:
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


@dataclass(frozen=True)
class Claim:
    staff: StaffId
    holder_gone: bool = False


@dataclass(frozen=True)
class Speak:
    """A staff member's reply. Writing to what nobody else holds takes it over."""

    staff: StaffId
    content: Content
    body: Json
    identity: IdentityId | None = None
    holder_gone: bool = False
    take_over: bool = True
    flags: tuple[str, ...] = ()  # what a manager should see about it (bot.flags)


@dataclass(frozen=True)
class DraftReply:
    """What a trainee would say: nobody but staff reads it until it is approved. It takes over as speaking
    does."""

    staff: StaffId
    content: Content
    body: Json
    identity: IdentityId | None = None
    holder_gone: bool = False
    take_over: bool = True


@dataclass(frozen=True)
class Approve:
    """A trainee's reply goes out, in these words. Where nobody has the conversation, whoever approves has it
    from then on."""

    staff: StaffId
    draft: Event
    content: Content
    edited: bool
    holder_gone: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class RefuseDraft:
    """A trainee's reply doesn't go out; the words say why."""

    staff: StaffId
    draft: int
    content: Content | None = None


@dataclass(frozen=True)
class Note:
    staff: StaffId
    content: Content
    body: Json


@dataclass(frozen=True)
class Release:
    staff: StaffId
    words: Said


@dataclass(frozen=True)
class Transfer:
    """Hand a held conversation to a colleague, who must work in the hotel; with a note, if there is one."""

    staff: StaffId
    to: StaffId
    note: Content | None = None
    holder_gone: bool = False


@dataclass(frozen=True)
class Close:
    actor: Actor
    reason: str
    content: Content | None = None


@dataclass(frozen=True)
class Lapse:
    """The held conversation's guest has waited too long, or its holder is gone; what the guest is told."""

    why: str
    words: Said | None = None


@dataclass(frozen=True)
class HandOver:
    """What a departed person held goes to a colleague, or, without one, back to the queue; what the guest who
    waits is told then."""

    to: StaffId | None
    words: Said | None = None


@dataclass(frozen=True)
class Acknowledge:
    """Somebody has seen the alarm, or that a guest waits; `owed`: or that a promise is late."""

    staff: StaffId
    owed: bool = False
    holder_gone: bool = False


@dataclass(frozen=True)
class Resend:
    staff: StaffId
    seq: int
    identity: IdentityId


@dataclass(frozen=True)
class Reach:
    """The guest has left the page that message `seq` was for: bring it, or word of it, to `to` instead."""

    seq: int
    to: IdentityId
    words: Content | None = None


@dataclass(frozen=True)
class End:
    """This conversation goes on in another, whose guest is proven to be this one's."""

    into: ConversationId
    proof: str


@dataclass(frozen=True)
class Join:
    """Another conversation of the same guest ends in this one: what it needed, this one needs now.

    `links` name the identities that come over; `other` is the row before its end.
    """

    links: tuple[NewEvent, ...]
    other: Conversation
    holder_gone: bool = False
    other_holder_gone: bool = False


@dataclass(frozen=True)
class Record:
    """What happens to a conversation and asks nothing of it: deliveries, orders rung or done, promises,
    erasure."""

    events: tuple[NewEvent, ...]


@dataclass(frozen=True)
class Lose:
    """A guest's file will never be here; `words` say, where it came from, what the guest can do instead."""

    event: NewEvent
    identity: IdentityId | None = None
    words: Said | None = None


class Beside(ABC):
    """A command whose rule stands in a module of its own, beside this one."""

    @abstractmethod
    def decide(self, draft: "Draft") -> None:
        """Adds the events that follow, as the rules here do. Raises Refused."""


Command = (
    Beside
    | Receive
    | Heard
    | Respond
    | Claim
    | Speak
    | DraftReply
    | Approve
    | RefuseDraft
    | Note
    | Release
    | Transfer
    | Close
    | Lapse
    | HandOver
    | Acknowledge
    | Resend
    | Reach
    | End
    | Join
    | Record
    | Lose
)


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
    if isinstance(command, Beside):
        command.decide(draft)
    else:
        _DECIDERS[type(command)](draft, command)
    return draft.done()


def _vacate(d: Draft, holder_gone: bool) -> None:
    """A departed owner owns nothing open: what they held is nobody's before anything else happens."""
    if holder_gone and d.row.state is State.STAFF:
        d.note(E.LAPSED, SERVICE, {"why": "holder_inactive"})


def _reopen(d: Draft, actor: Actor) -> None:
    if d.row.state is State.CLOSED:
        d.note(E.REOPENED, actor, {})


def _receive(d: Draft, c: Receive) -> None:
    _vacate(d, c.holder_gone)
    if c.event.type is not E.GUEST_SAID:
        return _receive_event(d, c)
    _reopen(d, c.event.actor)
    owed = d.row.pending
    seq = d.add(c.event)
    if c.fetch:
        d.effects.append(Wake("fetch", d.now, str(seq)))
    if c.hear:
        d.effects.append(Wake("hear", d.now, str(seq)))
    if c.emergency:
        return _emergency(d, c, seq)
    if d.row.silent:
        return _suggest(d, c.ask or bool(c.words))
    if c.words and not (owed and c.yields):
        _show_notice(d, c.notice)
        # What the service says itself answers nothing that was asked before: that stays owed.
        about = {"through": d.row.answered_seq, "own": seq} if owed else {"through": seq}
        d.say(replace(c.words, body={**c.words.body, **about}))
    elif c.ask or c.words:
        # The first opener waits; whatever comes after it, another opener too, is asked about at once.
        d.effects.append(Ask(d.now + d.patience.opener if c.opener and not owed else d.now))


def _receive_event(d: Draft, c: Receive) -> None:
    if c.event.type is E.GUEST_FOLLOWED or c.words:
        _reopen(d, c.event.actor)
    d.add(c.event)
    if c.words and not d.row.silent:
        _show_notice(d, c.notice)
        d.say(c.words, c.event.identity)


def _heard(d: Draft, c: Heard) -> None:
    if c.event is None:
        if c.words and not d.row.silent and d.row.answered_seq < c.seq:
            _show_notice(d, c.notice)
            d.say(replace(c.words, body={**c.words.body, "through": c.seq}))
        return
    # A colleague who has answered meanwhile has heard it too.
    asks = not d.row.silent
    seq = d.add(replace(c.event, body={**c.event.body, "seq": c.seq, "asks": asks}))
    if c.emergency:
        return _emergency(d, c, seq)
    if asks:
        return d.effects.append(Ask(d.now))
    _suggest(d, True)


def _suggest(d: Draft, asked: bool) -> None:
    """While a person holds it the assistant is silent; what it knows is looked up, for that person."""
    if asked and d.row.state is State.STAFF:
        d.effects.append(Wake("suggest", d.now))


def _emergency(d: Draft, c: Receive | Heard, seq: int) -> None:
    d.note(E.ALARM_RAISED, SERVICE, {"kind": c.emergency, "seq": seq})
    if d.row.state is State.STAFF:
        return
    if c.emergency_words:
        d.say(replace(c.emergency_words, body={**c.emergency_words.body, "through": seq}))
    d.note(E.HANDOFF_REQUESTED, SERVICE, {"reason": Reason.EMERGENCY})


def _show_notice(d: Draft, version: str | None) -> None:
    if version and d.row.notice != version:
        notice = NewEvent(
            E.NOTICE_SHOWN, d.now, SERVICE, Audience.STAFF, d.row.identity, {"version": version}
        )
        d.add(notice)


def _respond(d: Draft, c: Respond) -> None:
    _answer(d, c)
    if d.row.pending and not d.row.silent:
        d.effects.append(Ask(d.now))  # what came in meanwhile, or what the draft was to answer


def _answer(d: Draft, c: Respond) -> None:
    if c.epoch != d.row.epoch or d.row.silent:
        body = {**c.words.body, "through": c.through, "epoch": c.epoch}
        d.note(E.ASSISTANT_DRAFTED, ASSISTANT, body, c.words.content)
        return
    if c.through <= d.row.answered_seq:
        return  # somebody has answered this turn already
    if d.row.guest_seq > c.through and c.since and d.now - c.since < d.patience.gather:
        return  # the guest was not done: the turn is asked about again, with what has come since
    for event in c.also:
        d.add(event)
        _order_wake(d, event)
    _show_notice(d, c.notice)
    if c.handoff is Reason.EMERGENCY:  # the safety words have missed it, the assistant hasn't
        d.note(E.ALARM_RAISED, ASSISTANT, {"kind": "other", "seq": c.through})
    d.say(replace(c.words, body={**c.words.body, "through": c.through}))
    if c.handoff and not (d.row.state is State.WAITING and c.handoff not in GRAVE):
        d.note(E.HANDOFF_REQUESTED, ASSISTANT, {"reason": c.handoff, **(c.handoff_detail or {})})


def _order_wake(d: Draft, event: NewEvent) -> None:
    due = event.body.get("due_at")
    if event.type in (E.ORDER_PLACED, E.ORDER_CHANGED) and due and event.body.get("rings"):
        d.effects.append(Wake("ring", datetime.fromisoformat(due), str(event.body["order"])))


def _take(d: Draft, staff: StaffId, holder_gone: bool) -> None:
    _vacate(d, holder_gone)
    _reopen(d, Actor(ActorKind.STAFF, staff))
    if d.row.holder == staff:
        return
    if d.row.state is State.STAFF:
        raise Refused("held", d.row.holder, d.row.held_since)
    claimed: dict[str, Any] = {
        "holder": staff,
        "waited_since": d.row.waiting_since.isoformat() if d.row.waiting_since else None,
    }
    if d.row.assigned_to == staff:
        claimed["assigned"] = True
    d.add(NewEvent(E.CLAIMED, d.now, Actor(ActorKind.STAFF, staff), Audience.GUEST, body=claimed))


def _claim(d: Draft, c: Claim) -> None:
    _take(d, c.staff, c.holder_gone)


def _speak(d: Draft, c: Speak) -> None:
    if not c.take_over and d.row.holder != c.staff:
        raise Refused("not_holder", d.row.holder, d.row.held_since)
    _take(d, c.staff, c.holder_gone)
    if not d.row.reachable:
        raise Refused("unreachable")
    _say_as(d, c.staff, c.identity or d.row.identity, c.body, c.content, c.flags)


def _say_as(
    d: Draft,
    staff: StaffId,
    identity: IdentityId | None,
    body: Json,
    content: Content,
    flags: tuple[str, ...],
) -> None:
    if flags:  # before the reply, which stays what the command ends with
        d.note(E.REPLY_FLAGGED, SERVICE, {"seq": d.row.seq + 2, "kinds": list(flags), "by": staff})
    actor = Actor(ActorKind.STAFF, staff)
    said = NewEvent(E.STAFF_SAID, d.now, actor, Audience.GUEST, identity, body, content)
    d.deliver(d.add(said), identity, waits=False)


def _draft_reply(d: Draft, c: DraftReply) -> None:
    if not c.take_over and d.row.holder != c.staff:
        raise Refused("not_holder", d.row.holder, d.row.held_since)
    _take(d, c.staff, c.holder_gone)
    if not d.row.reachable:
        raise Refused("unreachable")
    chosen = {"identity": c.identity} if c.identity else {}
    d.note(E.REPLY_DRAFTED, Actor(ActorKind.STAFF, c.staff), {**c.body, **chosen}, c.content)


def _approve(d: Draft, c: Approve) -> None:
    if c.draft.seq not in (d.row.drafts or ()):
        raise Refused("draft_decided")
    author = StaffId(c.draft.actor.id or "")
    _vacate(d, c.holder_gone)
    if d.row.state is not State.STAFF:
        _take(d, c.staff, False)
    elif d.row.holder not in (author, c.staff):
        raise Refused("held", d.row.holder, d.row.held_since)
    if not d.row.reachable:
        raise Refused("unreachable")
    identity = IdentityId(c.draft.body["identity"]) if "identity" in c.draft.body else d.row.identity
    body = {"draft": c.draft.seq, "by": c.staff, "edited": c.edited}
    _say_as(d, author, identity, body, c.content, c.flags)


def _refuse_draft(d: Draft, c: RefuseDraft) -> None:
    if c.draft not in (d.row.drafts or ()):
        raise Refused("draft_decided")
    d.note(E.REPLY_REFUSED, Actor(ActorKind.STAFF, c.staff), {"draft": c.draft}, c.content)


def _note(d: Draft, c: Note) -> None:
    d.note(E.STAFF_NOTED, Actor(ActorKind.STAFF, c.staff), c.body, c.content)


def _release(d: Draft, c: Release) -> None:
    if d.row.holder != c.staff:
        raise Refused("not_holder", d.row.holder, d.row.held_since)
    released = NewEvent(E.RELEASED, d.now, Actor(ActorKind.STAFF, c.staff), Audience.GUEST)
    d.add(released)
    d.say(c.words)
    if d.row.pending:
        d.effects.append(Ask(d.now))


def _transfer(d: Draft, c: Transfer) -> None:
    _vacate(d, c.holder_gone)
    if d.row.holder != c.staff:
        raise Refused("not_holder", d.row.holder, d.row.held_since)
    if c.to == c.staff:
        raise Refused("to_oneself")
    actor = Actor(ActorKind.STAFF, c.staff)
    d.add(NewEvent(E.TRANSFERRED, d.now, actor, Audience.GUEST, body={"holder": c.to, "from": c.staff}))
    if c.note:
        d.note(E.STAFF_NOTED, actor, {"about": "transfer", "to": c.to}, c.note)


def _close(d: Draft, c: Close) -> None:
    if c.actor.kind is ActorKind.STAFF and d.row.state is State.STAFF and d.row.holder != c.actor.id:
        raise Refused("not_holder", d.row.holder, d.row.held_since)
    if d.row.state is State.CLOSED:
        raise Refused("closed")
    d.add(NewEvent(E.CLOSED, d.now, c.actor, Audience.GUEST, body={"reason": c.reason}))
    if c.content:
        d.note(E.STAFF_NOTED, c.actor, {"about": "closing"}, c.content)
    if c.actor.kind is ActorKind.STAFF:
        d.effects.append(Wake("rate", d.now + d.patience.rate, str(d.row.visit)))


def _lapse(d: Draft, c: Lapse) -> None:
    if d.row.state is not State.STAFF:
        raise Refused("not_held")
    waited = d.row.unheard_since is not None
    d.note(E.LAPSED, SERVICE, {"why": c.why, "holder": d.row.holder})
    if c.words and waited and not d.row.silent:
        d.say(c.words)


def _hand_over(d: Draft, c: HandOver) -> None:
    if c.to is None:
        return _lapse(d, Lapse("holder_inactive", c.words))
    if d.row.state is not State.STAFF:
        raise Refused("not_held")
    body = {"holder": c.to, "from": d.row.holder, "why": "holder_inactive"}
    d.add(NewEvent(E.TRANSFERRED, d.now, SERVICE, Audience.GUEST, body=body))


def _acknowledge(d: Draft, c: Acknowledge) -> None:
    _vacate(d, c.holder_gone)
    actor, heeded = Actor(ActorKind.STAFF, c.staff), heeded_until(d.row)
    if d.row.alarm_since:
        d.note(E.ALARM_ACKNOWLEDGED, actor, {"kind": d.row.alarm_kind})
    waits = d.row.state is State.WAITING
    if (waits or c.owed) and (heeded is None or heeded <= d.now):
        d.note(E.ALERT_ACKNOWLEDGED, actor, {"waiting": waits, "owed": c.owed})


def _resend(d: Draft, c: Resend) -> None:
    d.note(E.RESEND_REQUESTED, Actor(ActorKind.STAFF, c.staff), {"seq": c.seq})
    d.deliver(c.seq, c.identity, waits=False)


def _reach(d: Draft, c: Reach) -> None:
    seq = c.seq
    if c.words:
        body = {"seq": c.seq}
        told = NewEvent(E.GUEST_NOTIFIED, d.now, SERVICE, Audience.GUEST, c.to, body, c.words)
        seq = d.add(told)
    d.deliver(seq, c.to, waits=False)


def _end(d: Draft, c: End) -> None:
    d.note(E.ENDED, SERVICE, {"into": c.into, "proof": c.proof})


def _join(d: Draft, c: Join) -> None:
    """Nobody who waited there is forgotten here, and whoever held it there holds it here, if it is free."""
    _vacate(d, c.holder_gone)
    for link in c.links:
        d.add(link)
    other = c.other
    if other.state is State.CLOSED:
        return
    held = other.state is State.STAFF and other.holder and not c.other_holder_gone
    waits = other.state in (State.WAITING, State.STAFF) or other.pending
    if held or waits or other.alarm_since:
        _reopen(d, SERVICE)
    if other.alarm_since:
        d.note(E.ALARM_RAISED, SERVICE, {"kind": other.alarm_kind, "seq": d.row.guest_seq})
    if held and d.row.state is not State.STAFF:
        _take(d, StaffId(str(other.holder)), False)
    elif waits and d.row.state is not State.STAFF:
        d.note(E.HANDOFF_REQUESTED, SERVICE, {"reason": other.reason or Reason.LOW_CONFIDENCE})


def _lose(d: Draft, c: Lose) -> None:
    d.add(c.event)
    if c.words and not d.row.silent:
        # It answers nothing that was asked.
        d.say(replace(c.words, body={**c.words.body, "through": d.row.answered_seq}), c.identity)


def _record(d: Draft, c: Record) -> None:
    for event in c.events:
        d.add(event)
        _promise_wake(d, event)


def _promise_wake(d: Draft, event: NewEvent) -> None:
    due = event.body.get("due_at")
    if event.type in (E.PROMISE_MADE, E.PROMISE_CHANGED) and due:
        at = d.patience.reminded_at(datetime.fromisoformat(due), d.now)
        d.effects.append(Wake("promise", max(d.now, at), str(event.body["promise"])))


_DECIDERS: dict[type, Callable[[Draft, Any], None]] = {
    Receive: _receive,
    Heard: _heard,
    Respond: _respond,
    Claim: _claim,
    Speak: _speak,
    DraftReply: _draft_reply,
    Approve: _approve,
    RefuseDraft: _refuse_draft,
    Note: _note,
    Release: _release,
    Transfer: _transfer,
    Close: _close,
    Lapse: _lapse,
    HandOver: _hand_over,
    Acknowledge: _acknowledge,
    Resend: _resend,
    Reach: _reach,
    End: _end,
    Join: _join,
    Record: _record,
    Lose: _lose,
}
