"""Putting a held conversation aside 稍后处理, until a time or the guest's next word.  Pure.

It stays with whoever holds it, and comes back by itself; a guest who waits for a word isn't put aside.
"""

from datetime import datetime

from bot.conversation import Conversation, Record, Refused
from bot.model import SERVICE, Actor, ActorKind, Audience, EventType, NewEvent, StaffId, State


def snooze(row: Conversation, staff: StaffId, until: datetime | None, now: datetime) -> Record:
    """`until` None: the guest's next word alone. Raises Refused."""
    if row.state is not State.STAFF or row.holder != staff:
        raise Refused("not_holder", row.holder, row.held_since)
    if row.unheard_since:
        raise Refused("unheard")
    body = {"until": until.isoformat() if until else None}
    return Record((_event(EventType.SNOOZED, Actor(ActorKind.STAFF, staff), body, now),))


def wake(row: Conversation, staff: StaffId, now: datetime) -> Record:
    """Its holder goes on with it before its time."""
    if row.holder != staff:
        raise Refused("not_holder", row.holder, row.held_since)
    if row.snoozed_by is None:
        return Record(())
    return Record(
        (_event(EventType.SNOOZE_ENDED, Actor(ActorKind.STAFF, staff), {"why": "taken_back"}, now),)
    )


def due(row: Conversation, now: datetime) -> Record:
    """Its time has come. Raises Refused where it hasn't, or isn't aside any more."""
    if row.snoozed_until is None or row.snoozed_until > now:
        raise Refused("not_due")
    return Record((_event(EventType.SNOOZE_ENDED, SERVICE, {"why": "due", "by": row.snoozed_by}, now),))


def _event(type_: EventType, actor: Actor, body: dict[str, str | None], now: datetime) -> NewEvent:
    return NewEvent(type_, now, actor, Audience.STAFF, body=body)
