"""What the grammar hands on: one thing found in a text, with its meaning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Found:
    """`value` is in the form docs/understanding.md gives for `entity`; `raw` is text[start:end].

    `ambiguous` means: there is a second reading a careful clerk would ask about.
    """

    entity: str
    value: Any
    raw: str
    start: int
    end: int
    ambiguous: bool = False

    def overlaps(self, start: int, end: int) -> bool:
        return self.start < end and start < self.end


def free(start: int, end: int, taken: Iterable[Found]) -> bool:
    return not any(one.overlaps(start, end) for one in taken)
