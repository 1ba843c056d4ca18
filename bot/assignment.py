"""To whom a waiting conversation is assigned, and what becomes of that.

- Who has waited longest is assigned first, after emergencies, accusing complaints and VIPs.
- To the colleague whom the guest spoke to last, then to who has a skill it needs, then to who holds least.
- Nobody is asked for two at once, for more than they take, or again for what they have let pass.
- An assignment asks one person first. It never keeps anybody else from claiming.

Pure: rows, members and `now` are arguments.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.conversation import Command, Conversation, Draft, Refused
from bot.model import (
    SERVICE,
    Actor,
    ActorKind,
    Content,
    ConversationId,
    EventType,
    Nobody,
    PostState,
    Reason,
    StaffId,
    State,
)

ACCUSING = "accusing"  # the kind of complaint that comes before others


@dataclass(frozen=True)
class Member:
    """Somebody who may be assigned guests. `load`: what they hold and are asked to take."""

    id: StaffId
    departments: tuple[str, ...]
    state: PostState
    load: int
    capacity: int
    asked: bool = False  # to take another one now
    skills: tuple[str, ...] = ()

    @property
    def on_duty(self) -> bool:
        return self.state is PostState.ON_DUTY

    @property
    def free(self) -> bool:
        return self.on_duty and not self.asked and self.load < self.capacity


@dataclass(frozen=True)
class Waiting:
    """A conversation that waits, with what its row doesn't say."""

    row: Conversation
    vip: bool = False
    last: StaffId | None = None  # who spoke to this guest last
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ways:
    """Where a waiting conversation may go, in this order: its own department, the one that gets the rest, and
    the one it is escalated to, once nobody of these can take it or `escalate_at` has come."""

    rest: str | None
    escalate_to: str | None
    open: frozenset[str] = frozenset()  # departments that are in their hours


def priority(waiting: Waiting) -> int:
    """What comes first, whatever the others have waited."""
    row = waiting.row
    if row.reason is Reason.EMERGENCY or row.alarm_since:
        return 0
    return 1 if row.urgent == ACCUSING else 2 if waiting.vip else 3


def in_order(waiting: Collection[Waiting], now: datetime) -> list[Waiting]:
    """Who is to be helped first."""
    return sorted(waiting, key=lambda one: (priority(one), one.row.waiting_since or now, one.row.id))


def assign(
    waiting: Collection[Waiting],
    members: Sequence[Member],
    ways: Ways,
    escalated: Collection[ConversationId] = (),
) -> dict[ConversationId, StaffId | Nobody]:
    """To whom each of these is assigned now, or why to nobody; `waiting` in the order of their turns, without
    those that are assigned already. `escalated`: who has waited too long for their department alone."""
    left = {member.id: member for member in members}
    found: dict[ConversationId, StaffId | Nobody] = {}
    for one in waiting:
        chosen = _choose(one, list(left.values()), ways, one.row.id in escalated)
        found[one.row.id] = chosen
        if isinstance(chosen, str) and chosen in left:
            taken = left[StaffId(chosen)]
            left[taken.id] = replace(taken, asked=True, load=taken.load + 1)
    return found


def _choose(one: Waiting, members: Sequence[Member], ways: Ways, escalated: bool) -> StaffId | Nobody:
    passed = one.row.passed or ()
    stages = [part for part in (one.row.department, ways.rest, ways.escalate_to) if part]
    last = next((m for m in members if m.id == one.last), None)
    if last and last.free and last.departments and last.id not in passed:
        return last.id
    for stage in dict.fromkeys(stages):
        there = [m for m in members if stage in m.departments and m.on_duty and m.id not in passed]
        if free := [m for m in there if m.free]:
            return min(free, key=lambda m: (-len({*one.needs} & {*m.skills}), m.load, m.id)).id
        if there and not escalated:
            break  # somebody there will be free: who has waited for less than that stays with them
    return _why(members, dict.fromkeys(stages), passed, ways.open)


def _why(
    members: Sequence[Member], stages: Collection[str], passed: Collection[str], open_: Collection[str]
) -> Nobody:
    ours = [m for m in members if set(m.departments) & set(stages)]
    on_duty = [m for m in ours if m.on_duty]
    if not ours:
        return Nobody.NO_MEMBERS
    if on_duty:
        return Nobody.PASSED if all(m.id in passed for m in on_duty) else Nobody.FULL
    if any(m.state is not PostState.OFF for m in ours):
        return Nobody.AWAY
    return Nobody.OFF if set(stages) & set(open_) else Nobody.CLOSED


# ---- what is logged of it


@dataclass(frozen=True)
class Assign(Command):
    """Ask one person to take it, until then."""

    to: StaffId
    until: datetime

    def decide(self, draft: Draft) -> None:
        row = draft.row
        if row.state is not State.WAITING or row.assigned_to or self.to in (row.passed or ()):
            raise Refused("not_due")
        body = {"to": self.to, "until": self.until.isoformat(), "department": row.department}
        draft.note(EventType.ASSIGNED, SERVICE, body)


@dataclass(frozen=True)
class LetPass(Command):
    """Whoever was asked doesn't take it: `why` is declined, lapsed or away."""

    to: StaffId
    why: str

    def decide(self, draft: Draft) -> None:
        if draft.row.state is not State.WAITING or draft.row.assigned_to != self.to:
            raise Refused("not_assigned")
        actor = Actor(ActorKind.STAFF, self.to) if self.why == "declined" else SERVICE
        draft.note(EventType.ASSIGNMENT_ENDED, actor, {"to": self.to, "why": self.why})


@dataclass(frozen=True)
class FindNobody(Command):
    """Nobody can be asked, for this reason; said once for each."""

    why: Nobody

    def decide(self, draft: Draft) -> None:
        if draft.row.state is not State.WAITING or draft.row.assigned_to or draft.row.nobody == self.why:
            raise Refused("not_due")
        draft.note(EventType.NOBODY_FOUND, SERVICE, {"why": self.why})


@dataclass(frozen=True)
class PassOn(Command):
    """The holder gives it to a department, whose people are asked one after the other; with a note."""

    staff: StaffId
    department: str
    note: Content | None = None

    def decide(self, draft: Draft) -> None:
        row, actor = draft.row, Actor(ActorKind.STAFF, self.staff)
        if row.state is not State.STAFF or row.holder != self.staff:
            raise Refused("not_holder", row.holder, row.held_since)
        body = {"why": "passed_on", "holder": self.staff, "department": self.department}
        draft.note(EventType.LAPSED, actor, body)
        if self.note:
            draft.note(EventType.STAFF_NOTED, actor, {"about": "transfer", "to": self.department}, self.note)


def skills_wanted(languages: Mapping[str, Collection[str]], words: str | None) -> tuple[str, ...]:
    """The skills whose languages a guest's last words are in; English is told by its letters alone."""
    text = words or ""
    letters = sum("a" <= one <= "z" for one in text.lower())
    english = letters >= 3 and not any("一" <= one <= "鿿" for one in text)
    return tuple(id_ for id_, spoken in languages.items() if english and "en" in spoken)
