"""Promises: what staff have told guests will happen, from a reply to events and from events to rows.

The log says what happened; the row in `promises` is what folding its events gives. The words stand in the
event's content and in the row, both erasable. Recognising them is bot.promises.wording's.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation
from bot.ids import new_id
from bot.model import (
    SERVICE,
    Actor,
    ActorKind,
    Audience,
    Content,
    Event,
    EventType,
    GuestId,
    IdentityId,
    NewEvent,
    PromiseId,
    PromiseState,
    StaffId,
)
from bot.store import promises
from bot.store.promises import PromiseRow

E = EventType


# ---- events


def _event(
    type_: EventType, now: datetime, actor: Actor, body: dict[str, Any], content: Content | None = None
) -> NewEvent:
    return NewEvent(type_, now, actor, Audience.STAFF, None, body, content)


def made(
    by: StaffId,
    seq: int,
    identity: IdentityId | None,
    due: datetime,
    guessed: bool,
    owner: StaffId | None,
    content: Content,
    now: datetime,
) -> NewEvent:
    """Message `seq` has promised something: `owner` sees to it by `due`. Goes with the words' identity."""
    body = {
        "promise": new_id(),
        "seq": seq,
        "due_at": due.isoformat(),
        "guessed": guessed,
        "owner": owner,
    }
    event = _event(E.PROMISE_MADE, now, Actor(ActorKind.STAFF, by), body, content)
    return replace(event, identity=identity)


def declined(by: StaffId, seq: int, now: datetime) -> NewEvent:
    """What was offered is no promise."""
    return _event(E.PROMISE_DECLINED, now, Actor(ActorKind.STAFF, by), {"seq": seq})


def changed(row: PromiseRow, by: StaffId, due: datetime, owner: StaffId | None, now: datetime) -> NewEvent:
    body = {"promise": row.id, "due_at": due.isoformat(), "owner": owner}
    return _event(E.PROMISE_CHANGED, now, Actor(ActorKind.STAFF, by), body)


def reminded(row: PromiseRow, whom: StaffId | None, now: datetime) -> NewEvent:
    """It is due, or will be soon. `whom`: None is the whole desk."""
    late = now >= row.due_at
    return _event(E.PROMISE_REMINDED, now, SERVICE, {"promise": row.id, "whom": whom, "late": late})


def ended(
    row: PromiseRow, by: StaffId, kept: bool, now: datetime, content: Content | None = None
) -> NewEvent:
    type_ = E.PROMISE_KEPT if kept else E.PROMISE_BROKEN
    return _event(type_, now, Actor(ActorKind.STAFF, by), {"promise": row.id}, content)


def handed_over(row: PromiseRow, to: StaffId | None, now: datetime, why: str) -> NewEvent:
    """Somebody else sees to it now; None: whoever is at the desk."""
    body = {"promise": row.id, "from": row.owner, "owner": to, "why": why}
    return _event(E.PROMISE_HANDED_OVER, now, SERVICE, body)


# ---- rows


def _made(e: Event, guest: GuestId, words: str | None) -> PromiseRow:
    return PromiseRow(
        e.hotel,
        PromiseId(e.body["promise"]),
        e.conversation,
        guest,
        int(e.body["seq"]),
        e.seq,
        words,
        PromiseState.OPEN,
        datetime.fromisoformat(e.body["due_at"]),
        bool(e.body["guessed"]),
        e.body["owner"],
        e.at,
        StaffId(e.actor.id or ""),
        None,
        None,
        None,
        None,
        e.at,
    )


def _changed(row: PromiseRow, e: Event) -> PromiseRow:
    due = datetime.fromisoformat(e.body["due_at"])
    moved = due != row.due_at
    told = (None, None) if moved else (row.reminded_at, row.reminded_to)
    return replace(
        row,
        due_at=due,
        guessed=row.guessed and not moved,
        owner=e.body["owner"],
        reminded_at=told[0],
        reminded_to=told[1],
    )


def _reminded(row: PromiseRow, e: Event) -> PromiseRow:
    return replace(row, reminded_at=e.at, reminded_to=e.body["whom"])


def _ended(state: PromiseState) -> Callable[[PromiseRow, Event], PromiseRow]:
    return lambda row, e: replace(row, state=state, ended_at=e.at, ended_by=StaffId(e.actor.id or ""))


_CHANGES: dict[EventType, Callable[[PromiseRow, Event], PromiseRow]] = {
    E.PROMISE_CHANGED: _changed,
    E.PROMISE_REMINDED: _reminded,
    E.PROMISE_KEPT: _ended(PromiseState.KEPT),
    E.PROMISE_BROKEN: _ended(PromiseState.BROKEN),
    E.PROMISE_HANDED_OVER: lambda row, e: replace(row, owner=e.body["owner"]),
}


def step(row: PromiseRow, e: Event) -> PromiseRow:
    """The row after one more of its events. What is over stays as it ended."""
    if row.state is not PromiseState.OPEN:
        return row
    return replace(_CHANGES[e.type](row, e), changed_at=e.at)


def fold(events: Iterable[Event], guest: GuestId) -> dict[PromiseId, PromiseRow]:
    """The rows that a log gives, without words."""
    rows: dict[PromiseId, PromiseRow] = {}
    for e in events:
        if e.type is E.PROMISE_MADE:
            rows[PromiseId(e.body["promise"])] = _made(e, guest, None)
        elif e.type in _CHANGES:
            id_ = PromiseId(e.body["promise"])
            rows[id_] = step(rows[id_], e)
    return rows


async def project(
    tx: AsyncConnection, row: Conversation, events: Sequence[Event], new: Sequence[NewEvent]
) -> None:
    """Write what these events mean for the promises' rows."""
    for e, source in zip(events, new, strict=True):
        if e.type is E.PROMISE_MADE:
            await promises.save(tx, _made(e, row.guest, source.content.text if source.content else None))
        elif e.type in _CHANGES:
            known = await promises.find(tx, e.hotel, PromiseId(e.body["promise"]))
            if known:
                await promises.save(tx, step(known, e))
