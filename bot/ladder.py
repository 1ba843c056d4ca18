"""Whom to alert when somebody waits and nobody comes: the steps of a hotel's ladder.  Pure.

Each step names after how many minutes it comes and which group robots it tells; the last one is repeated
until somebody has seen to it. A hotel that names none tells all its robots, as early as the service says.
Once somebody says that they have seen it, it is quiet for a while.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from bot.conversation import Quiet
from bot.hotel_sheet import Sheet, parse_minutes, parse_words

AGAIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Step:
    """After so long these robots are told, by the ids of their accounts; all of them where it names none."""

    after: timedelta
    robots: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ladder:
    """`steps` in order of time; empty for a hotel that names none. `quiet`: once somebody has seen it."""

    steps: tuple[Step, ...] = ()
    again: timedelta = AGAIN
    quiet: Quiet = field(default_factory=Quiet)

    def beginning(self, first: timedelta) -> "Ladder":
        """The ladder of a hotel that has named none, whose only step comes after `first`."""
        return self if self.steps else replace(self, steps=(Step(first),))

    @property
    def first(self) -> timedelta:
        return self.steps[0].after

    def at(self, passed: timedelta) -> Step:
        """The step that has been reached."""
        return next((step for step in reversed(self.steps) if step.after <= passed), self.steps[0])

    def next(self, passed: timedelta) -> timedelta:
        """When the one after it comes: the next step, or the last one again."""
        later = (step.after for step in self.steps if step.after > passed)
        return next(later, passed + self.again)


def parse(sheet: Sheet) -> Ladder:
    """`alerts`: `steps`, each `{after_minutes, robots?}`, `again_minutes`, and minutes for `seen`."""
    if "alerts" not in sheet.names():
        return Ladder()
    part = sheet.part("alerts")
    again = timedelta(minutes=part.option("again_minutes", parse_minutes, 10))
    steps: list[Any] = part.option("steps", _listed, [])
    found = [_step(Sheet(f"{part.place}: step {n}", one, part.mistakes)) for n, one in enumerate(steps, 1)]
    if [step.after for step in found] != sorted({step.after for step in found}):
        part.wrong("steps", "must come later and later")
    return Ladder(tuple(found), again, _quiet(part.part("seen")) if "seen" in part.names() else Quiet())


def _quiet(sheet: Sheet) -> Quiet:
    plain = vars(Quiet())
    told = {k: sheet.option(f"{k}_minutes", parse_minutes, _minutes(span)) for k, span in plain.items()}
    sheet.end()
    return Quiet(**{k: timedelta(minutes=minutes) for k, minutes in told.items()})


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of steps such as {after_minutes: 2}")
    return value


def _step(sheet: Sheet) -> Step:
    after = timedelta(minutes=sheet.take("after_minutes", parse_minutes, 1))
    step = Step(after, sheet.option("robots", parse_words, ()))
    sheet.end()
    return step


def flat(ladder: Ladder) -> Iterator[tuple[str, str]]:
    for step in ladder.steps:
        yield f"alerts.{_minutes(step.after)}_minutes", " ".join(step.robots) or "all robots"
    if ladder.steps:
        yield "alerts.again_minutes", str(_minutes(ladder.again))
    if ladder.quiet != Quiet():
        for name, span in vars(ladder.quiet).items():
            yield f"alerts.seen.{name}_minutes", str(_minutes(span))
