"""Whom to alert when somebody waits and nobody comes: the steps of a hotel's ladder.  Pure.

Each step names after how many minutes it comes and which group robots it tells; the last one is repeated
until somebody has seen to it. A hotel that names none tells all its robots, as early as the service says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.hotel_sheet import Sheet, parse_minutes, parse_words

AGAIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Step:
    """After so long these robots are told, by the ids of their accounts; all of them where it names none."""

    after: timedelta
    robots: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ladder:
    """`steps` in order of time; empty for a hotel that names none."""

    steps: tuple[Step, ...] = ()
    again: timedelta = AGAIN

    def beginning(self, first: timedelta) -> "Ladder":
        """The ladder of a hotel that has named none, whose only step comes after `first`."""
        return self if self.steps else Ladder((Step(first),), self.again)

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
    """`alerts`: `again_minutes` and `steps`, each `{after_minutes, robots?}`."""
    if "alerts" not in sheet.names():
        return Ladder()
    part = sheet.part("alerts")
    again = timedelta(minutes=part.option("again_minutes", parse_minutes, 10))
    steps: list[Any] = part.take("steps", _listed, [])
    found = [_step(Sheet(f"{part.place}: step {n}", one, part.mistakes)) for n, one in enumerate(steps, 1)]
    if [step.after for step in found] != sorted({step.after for step in found}):
        part.wrong("steps", "must come later and later")
    return Ladder(tuple(found), again)


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
        minutes = int(step.after.total_seconds() // 60)
        yield f"alerts.{minutes}_minutes", " ".join(step.robots) or "all robots"
    if ladder.steps:
        yield "alerts.again_minutes", str(int(ladder.again.total_seconds() // 60))
