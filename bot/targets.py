"""How soon people should take a guest who needs one, answer, and settle the matter, in opening hours.  Pure.

A case begins when a person is asked for and ends when the conversation is handed back or closed: what the
assistant did before or after is none of it. Only the time in which the department is open counts, except in
an emergency. Targets stand in the hotel's file; a hotel that names none is measured and never late.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from bot.conversation import Conversation
from bot.departments import Departments
from bot.handoff import DutyHours, bounds
from bot.hotel_sheet import Sheet, parse_minutes
from bot.model import ConversationId, Event, EventType, Reason, State

CLAIM, ANSWER, RESOLVE = CLOCKS = ("claim", "answer", "resolve")
WARNED = 0.75  # of a target: then somebody hears that it will be missed
AHEAD = timedelta(days=15)  # how far a deadline is looked for
_ALWAYS = DutyHours(ZoneInfo("UTC"), (), {})

Span = tuple[datetime, datetime]


# ---- time in which somebody is there


def _opened(hours: DutyHours, start: datetime, end: datetime) -> Iterator[Span]:
    """The stretches of `hours` between two moments, in order, those that touch as one."""
    if hours is _ALWAYS:
        yield start, end
        return
    day, last = start.astimezone(hours.zone).date() - timedelta(days=1), end.astimezone(hours.zone).date()
    at = start
    while day <= last:  # as far as it is asked for: a deadline is mostly found on the first day
        for begin, until in sorted(bounds(hours, day, span) for span in hours.spans_of(day)):
            begin, until = max(at, begin), min(until, end)
            if begin < until:
                yield begin, until
                at = until
        day += timedelta(days=1)


def open_time(hours: DutyHours, start: datetime, end: datetime) -> timedelta:
    """How much of the time between two moments somebody was there."""
    return sum((until - begin for begin, until in _opened(hours, start, end)), timedelta())


def deadline(hours: DutyHours, start: datetime, span: timedelta) -> datetime | None:
    """When so much open time has passed since `start`; None when it never does."""
    left = span
    for begin, until in _opened(hours, start, start + AHEAD):
        if until - begin >= left:
            return begin + left
        left -= until - begin
    return None


# ---- targets


@dataclass(frozen=True)
class Targets:
    """How soon; None is no target."""

    claim: timedelta | None = None
    answer: timedelta | None = None
    resolve: timedelta | None = None

    def of(self, clock: str) -> timedelta | None:
        found: timedelta | None = getattr(self, clock)
        return found


@dataclass(frozen=True)
class Due:
    """A clock that runs for a conversation: since when, when it is missed, when it is told before."""

    clock: str
    since: datetime
    warn_at: datetime
    at: datetime

    @property
    def key(self) -> str:
        return f"{self.clock}:{self.since.isoformat()}"


@dataclass(frozen=True)
class Plan:
    """A hotel's targets, and those of departments that have their own."""

    hotel: Targets = Targets()
    departments: Mapping[str, Targets] = field(default_factory=dict)

    def of(self, department: str | None) -> Targets:
        own = self.departments.get(department or "", Targets())
        return Targets(*(own.of(clock) or self.hotel.of(clock) for clock in CLOCKS))


@dataclass(frozen=True)
class Clocks:
    """A plan with the hours it is counted in."""

    plan: Plan
    all: Departments
    duty: DutyHours

    def hours_of(self, department: str | None, reason: str | None = None) -> DutyHours:
        if reason == Reason.EMERGENCY:
            return _ALWAYS
        one = self.all.all.get(department or "") or self.all.all.get(self.all.rest or "")
        return one.hours if one else self.duty

    def running(self, row: Conversation) -> tuple[Due, ...]:
        """The clocks that run for this row now: until somebody has it, and until its guest has a word."""
        if row.state is State.WAITING:
            since = {CLAIM: row.waiting_since, ANSWER: row.unheard_since or row.waiting_since}
        else:
            since = {ANSWER: row.unheard_since if row.state is State.STAFF else None}
        found = (self._due(clock, at, row.department, row.reason) for clock, at in since.items() if at)
        return tuple(due for due in found if due)

    def begun(self, before: Conversation, after: Conversation) -> tuple[Due, ...]:
        """The clocks that this change has started."""
        known = {due.key for due in self.running(before)}
        fresh = [due for due in self.running(after) if due.key not in known]
        if after.state is State.WAITING and before.state not in (State.WAITING, State.STAFF):
            whole = self._due(RESOLVE, after.waiting_since, after.department, after.reason)
            fresh += [whole] if whole else []
        return tuple(fresh)

    def deadline(self, row: Conversation, since: datetime, target: timedelta) -> datetime:
        """When a target of this row that began then is missed."""
        hours = self.hours_of(row.department, row.reason)
        return deadline(hours, since, target) or since + target

    def _due(
        self, clock: str, since: datetime | None, department: str | None, reason: str | None
    ) -> Due | None:
        target = self.plan.of(department).of(clock)
        if since is None or target is None:
            return None
        hours = self.hours_of(department, reason)
        warn, at = deadline(hours, since, target * WARNED), deadline(hours, since, target)
        return Due(clock, since, warn, at) if warn and at else None


# ---- as a hotel's file says it


def parse(sheet: Sheet, known: Departments) -> Plan:
    """`targets`: minutes for claim, answer and resolve, and below `departments` those of single ones."""
    if "targets" not in sheet.names():
        return Plan()
    part = sheet.part("targets")
    of = part.part("departments") if "departments" in part.names() else None
    own = {name: _targets(of.part(name)) for name in of.names()} if of else {}
    for name in own:
        if of and name not in known.all:
            of.wrong(name, "is no department of this hotel")
    return Plan(_targets(part), MappingProxyType(own))


def _targets(sheet: Sheet) -> Targets:
    def minutes(name: str) -> timedelta | None:
        found = sheet.option(f"{name}_minutes", parse_minutes, 0)
        return timedelta(minutes=found) if found else None

    return Targets(*(minutes(clock) for clock in CLOCKS))


def flat(plan: Plan) -> Iterator[tuple[str, str]]:
    for place, one in [("", plan.hotel), *((f"departments.{k}.", v) for k, v in plan.departments.items())]:
        for clock in CLOCKS:
            if target := one.of(clock):
                yield f"targets.{place}{clock}_minutes", str(int(target.total_seconds() // 60))


# ---- what happened, out of the log


@dataclass(frozen=True)
class Case:
    """A person was asked for: when somebody took it, said a first word, and was done."""

    conversation: ConversationId
    seq: int
    reason: str
    department: str | None
    needed_at: datetime
    claimed_at: datetime | None = None
    answered_at: datetime | None = None
    resolved_at: datetime | None = None

    def ended(self, clock: str) -> datetime | None:
        """When a clock stopped; the end of the matter stops them all."""
        own = {CLAIM: self.claimed_at, ANSWER: self.answered_at, RESOLVE: self.resolved_at}[clock]
        return own or self.resolved_at


E = EventType
STEPS = (E.HANDOFF_REQUESTED, E.CLAIMED, E.TRANSFERRED, E.STAFF_SAID, E.RELEASED, E.CLOSED, E.ENDED)
_OVER = (E.RELEASED, E.CLOSED, E.ENDED)


def cases(events: Iterable[Event]) -> list[Case]:
    """The cases of one conversation's log; the log may begin anywhere, and what had begun before is none."""
    found: list[Case] = []
    current: Case | None = None
    held = False  # asked for again while somebody has it, nothing begins
    for e in events:
        if e.type is E.HANDOFF_REQUESTED and current is None and not held:
            department = e.body.get("department")
            current = Case(e.conversation, e.seq, e.body["reason"], department, e.at)
        elif current and e.type in (E.CLAIMED, E.TRANSFERRED):
            current = replace(current, claimed_at=current.claimed_at or e.at)
        elif current and e.type is E.STAFF_SAID:
            current = replace(current, answered_at=current.answered_at or e.at)
        elif current and e.type in _OVER:
            found.append(replace(current, resolved_at=e.at))
            current = None
        held = e.type not in _OVER and (held or e.type in (E.CLAIMED, E.TRANSFERRED, E.STAFF_SAID))
    return found + ([current] if current else [])


@dataclass(frozen=True)
class Figure:
    """One clock of one department: how many cases, how many in time, the middle one's open time."""

    target: timedelta | None
    count: int
    in_time: int
    median: timedelta | None


def figures(all_: Iterable[Case], clocks: Clocks, now: datetime) -> dict[str | None, dict[str, Figure]]:
    """By department. What still runs counts once it has missed its target, and not before."""
    by: dict[str | None, list[Case]] = {}
    for case in all_:
        by.setdefault(case.department, []).append(case)
    return {
        name: {clock: _figure(mine, clock, clocks, clocks.plan.of(name).of(clock), now) for clock in CLOCKS}
        for name, mine in by.items()
    }


def _figure(
    mine: Iterable[Case], clock: str, clocks: Clocks, target: timedelta | None, now: datetime
) -> Figure:
    took: list[timedelta] = []
    for case in mine:
        end = case.ended(clock)
        hours = clocks.hours_of(case.department, case.reason)
        passed = open_time(hours, case.needed_at, end or now)
        if end or (target is not None and passed > target):
            took.append(passed)
    took.sort()
    in_time = sum(target is None or one <= target for one in took)
    return Figure(target, len(took), in_time, took[len(took) // 2] if took else None)
