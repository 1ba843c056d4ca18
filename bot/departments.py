"""A hotel's departments: what each answers, when somebody of it is there, how guests are assigned to people.

Pure.  They stand in the hotel's own file, and a hotel that names none works without them: everybody sees
everything, and nobody is assigned anything.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Any

from bot.assignment import ACCUSING
from bot.handoff import Duty, DutyHours, Span, duty
from bot.hotel_sheet import Sheet, parse_line, parse_minutes, parse_spans, parse_switch, parse_words
from bot.model import Json, Reason

NONE: tuple[str, ...] = ()
LONGEST = 64  # characters of a department's or a skill's code


@dataclass(frozen=True)
class Department:
    """A department and what comes to it: handoffs by reason or topic (an intent), orders by service."""

    id: str
    name: str
    name_en: str
    hours: DutyHours
    reasons: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    rest: bool = False  # it gets whatever no other names

    def duty(self, now: datetime) -> Duty:
        return duty(self.hours, now)


@dataclass(frozen=True)
class Skill:
    """What some people can do, and the topics or guests' languages for which they come first."""

    id: str
    name: str
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shift:
    """What a stretch of the day is called: 早班."""

    name: str
    span: Span

    def covers(self, moment: time) -> bool:
        start, end = self.span
        return start <= moment < end if start < end else moment >= start or moment < end


@dataclass(frozen=True)
class Assigning:
    """How conversations are assigned: `accept` is how long one waits for a yes, `capacity` how many a person
    holds at once; who has waited for `escalate` is assigned to the department `escalate_to` as well."""

    accept: timedelta = timedelta(seconds=45)
    capacity: int = 5
    escalate: timedelta = timedelta(minutes=5)
    escalate_to: str | None = None


@dataclass(frozen=True)
class Departments:
    """All of a hotel's; one of them gets the rest, which no other names."""

    all: Mapping[str, Department] = field(default_factory=dict)
    skills: Mapping[str, Skill] = field(default_factory=dict)
    shifts: tuple[Shift, ...] = ()
    assigning: Assigning | None = None  # None: nobody is assigned anything

    @property
    def rest(self) -> str | None:
        return next((one.id for one in self.all.values() if one.rest), None)

    def route(self, handoff: Json) -> Json:
        """What a handoff's event says of where it goes: its department, what makes it urgent, skills."""
        if not self.all:
            return {}
        reason = str(handoff["reason"])
        topics = {value for name, value in handoff.items() if name != "reason" and isinstance(value, str)}
        found: dict[str, Any] = {"department": self.of_handoff(reason, topics)}
        accuses = reason == Reason.COMPLAIN and handoff.get("kind") == ACCUSING
        if urgent := reason if reason == Reason.EMERGENCY else ACCUSING if accuses else None:
            found["urgent"] = urgent
        if needs := self.skills_for(topics):
            found["needs"] = list(needs)
        return found

    def of_handoff(self, reason: str, topics: Collection[str] = ()) -> str | None:
        """The department a handoff belongs to: by its reason, then by what it is about."""
        by_reason = self._naming(lambda one: one.reasons, (reason,))
        return by_reason or self._naming(lambda one: one.topics, topics) or self.rest

    def of_order(self, service: str) -> str | None:
        return self._naming(lambda one: one.orders, (service,)) or self.rest

    def skills_for(self, topics: Collection[str]) -> tuple[str, ...]:
        return tuple(one.id for one in self.skills.values() if set(one.topics) & set(topics))

    def shift_at(self, moment: time) -> str | None:
        """What the shift is called that works at this time of the day."""
        return next((shift.name for shift in self.shifts if shift.covers(moment)), None)

    def _naming(self, named: Callable[[Department], tuple[str, ...]], wanted: Collection[str]) -> str | None:
        return next((one.id for one in self.all.values() if set(named(one)) & set(wanted)), None)


# ---- as a hotel's file says it


def parse(sheet: Sheet, duty_hours: DutyHours, hours: Callable[[Sheet], DutyHours]) -> Departments:
    """What stands under departments, skills, shifts and assign. `hours` reads hours as `duty` has them, which
    a department without its own keeps."""
    parts = _parts(sheet, "departments")
    found = {id_: _department(id_, part, duty_hours, hours) for id_, part in parts}
    skills = {id_: _skill(id_, part) for id_, part in _parts(sheet, "skills")}
    shifts = sheet.part("shifts") if "shifts" in sheet.names() else None
    assigning = _assigning(sheet.part("assign"), found) if "assign" in sheet.names() else None
    if assigning and not found:
        sheet.wrong("assign", "needs departments: name at least one above it")
    _once(sheet, found.values())
    if found and sum(one.rest for one in found.values()) != 1:
        sheet.wrong("departments", "exactly one needs `rest: true`: it gets what no other department names")
    return Departments(
        MappingProxyType(found), MappingProxyType(skills), _shifts(shifts) if shifts else (), assigning
    )


def _parts(sheet: Sheet, name: str) -> list[tuple[str, Sheet]]:
    if name not in sheet.names():
        return []
    whole = sheet.part(name)
    for id_ in whole.names():
        if not id_.isidentifier() or not id_.isascii() or id_ != id_.lower() or len(id_) > LONGEST:
            whole.wrong(id_, "must be a plain name such as front_desk; what people read goes into its name")
    return [(id_, whole.part(id_)) for id_ in whole.names()]


def _department(
    id_: str, sheet: Sheet, duty_hours: DutyHours, hours: Callable[[Sheet], DutyHours]
) -> Department:
    name = sheet.take("name", parse_line, id_)
    return Department(
        id_,
        name,
        sheet.option("name_en", parse_line, id_.replace("_", " ").capitalize()),
        hours(sheet.part("hours")) if "hours" in sheet.names() else duty_hours,
        sheet.option("reasons", parse_reasons, NONE),
        sheet.option("topics", parse_words, NONE),
        sheet.option("orders", parse_words, NONE),
        sheet.option("rest", parse_switch, False),
    )


def _skill(id_: str, sheet: Sheet) -> Skill:
    name = sheet.take("name", parse_line, id_)
    topics = sheet.option("topics", parse_words, NONE)
    return Skill(id_, name, topics, sheet.option("languages", parse_words, NONE))


def _shifts(sheet: Sheet) -> tuple[Shift, ...]:
    return tuple(Shift(name, sheet.take(name, _parse_span, (time(0), time(0)))) for name in sheet.names())


def _assigning(sheet: Sheet, known: Mapping[str, Department]) -> Assigning:
    plain = Assigning()
    to = sheet.option("escalate_to", parse_line, "") or None
    if to and to not in known:
        sheet.wrong("escalate_to", f"must be one of the departments ({', '.join(known)})")
    return Assigning(
        timedelta(seconds=sheet.option("accept_seconds", parse_seconds, plain.accept.seconds)),
        sheet.option("capacity", parse_capacity, plain.capacity),
        timedelta(minutes=sheet.option("escalate_minutes", parse_minutes, plain.escalate.seconds // 60)),
        to,
    )


def _once(sheet: Sheet, found: Collection[Department]) -> None:
    """What two departments name would go to the one that happens to stand first."""
    owners: dict[tuple[str, str], str] = {}
    for one in found:
        for kind, names in (("reasons", one.reasons), ("topics", one.topics), ("orders", one.orders)):
            for name in names:
                if owners.setdefault((kind, name), one.id) != one.id:
                    why = f"{name} already belongs to {owners[kind, name]}; leave it out in one of them"
                    sheet.wrong(f"departments: {one.id}: {kind}", why)


def unknown(sheet: Sheet, found: Departments, texts: Collection[str]) -> None:
    """Notes topics and services that the assistant doesn't know; `texts` are the keys of our sentences."""
    for one in found.all.values():
        for field_, prefix, names in (("topics", "intent", one.topics), ("orders", "service", one.orders)):
            for name in names:
                if f"{prefix}_{name}" not in texts:
                    sheet.wrong(f"departments: {one.id}: {field_}", f"{name} is none the assistant knows")


def _parse_span(value: Any) -> Span:
    return parse_spans([value])[0]


def parse_reasons(value: Any) -> tuple[str, ...]:
    words = parse_words(value)
    if strange := [word for word in words if word not in tuple(Reason)]:
        raise ValueError(f"{strange[0]!r} must be one of {', '.join(Reason)}")
    return words


def _whole(low: int, high: int, what: str) -> Callable[[Any], int]:
    def parse_whole(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be {what} from {low} to {high}")
        return value

    return parse_whole


parse_seconds = _whole(10, 600, "a number of seconds")
parse_capacity = _whole(1, 50, "a number of conversations")


def flat(
    found: Departments, duty_hours: DutyHours, days: Callable[[DutyHours], Iterator[tuple[str, str]]]
) -> Iterator[tuple[str, str]]:
    """All of it as lines, for showing what an import changes; hours where they aren't those of duty."""
    for one in found.all.values():
        yield f"departments.{one.id}", f"{one.name} ({one.name_en}){' rest' if one.rest else ''}"
        if one.hours != duty_hours:
            yield from ((f"departments.{one.id}.hours.{day}", text) for day, text in days(one.hours))
        named: Sequence[tuple[str, tuple[str, ...]]] = (
            ("reasons", one.reasons),
            ("topics", one.topics),
            ("orders", one.orders),
        )
        yield from ((f"departments.{one.id}.{kind}", " ".join(names)) for kind, names in named if names)
    for skill in found.skills.values():
        yield f"skills.{skill.id}", " ".join((skill.name, *skill.topics, *skill.languages))
    yield from (
        (f"shifts.{shift.name}", f"{shift.span[0]:%H:%M}–{shift.span[1]:%H:%M}") for shift in found.shifts
    )
    if found.assigning:
        yield "assign.accept_seconds", str(found.assigning.accept.seconds)
        yield "assign.capacity", str(found.assigning.capacity)
        yield "assign.escalate_minutes", str(found.assigning.escalate.seconds // 60)
        yield "assign.escalate_to", found.assigning.escalate_to or ""
