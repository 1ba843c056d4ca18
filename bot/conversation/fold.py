"""One event's effect on the row: `step` for one, `fold` for a log. Nothing else changes a conversation."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.conversation.row import GRAVE, Conversation
from bot.conversation.table import EPOCH_RAISING, TABLE, Refused, Verdict
from bot.model import Event, EventType, IdentityId, Reason, StaffId, State

E = EventType


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
