"""Entities in a guest's words, as places in them, and the line of training data that shows them.  Pure.

A place is a kind and two numbers: events may hold it, because it holds no word. It counts in the turn's
messages joined by line ends, which is what the model read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.model import Json

KINDS = frozenset(
    {"date", "time", "room_number", "room_type", "quantity", "item", "device", "phone", "person"}
    | {"order_number", "amount"}
)
LONGEST = 500  # characters of a turn that become an example: the model reads no more


@dataclass(frozen=True, order=True)
class Place:
    start: int
    end: int
    entity: str


def joined(words: Iterable[str]) -> str:
    """A turn as the model read it."""
    return "\n".join(words)[:LONGEST]


def read_in(words: Sequence[str], body: Json) -> tuple[Place, ...]:
    """What an answer's event says was read in these words; nothing where those it read were others."""
    return places(body.get("entities")) if body.get("asked") == len(joined(words)) else ()


def places(found: object) -> tuple[Place, ...]:
    """Those of a list that can be places, in order; where two overlap, the first. Never raises."""
    kept: list[Place] = []
    for place in sorted(filter(None, map(_place, found if isinstance(found, list) else ()))):
        if not kept or kept[-1].end <= place.start:
            kept.append(place)
    return tuple(kept)


def _place(found: object) -> Place | None:
    if not isinstance(found, dict):
        return None
    start, end, entity = found.get("start"), found.get("end"), found.get("entity")
    if not (type(start) is int and type(end) is int and isinstance(entity, str)):
        return None
    return Place(start, end, entity) if entity in KINDS and 0 <= start < end else None


def line_of(words: Iterable[str]) -> str:
    """A turn as one line that is nobody's markup: no brackets, no line ends, nothing that can't be printed.

    Brackets become their full width forms, which the model reads as the narrow ones.
    """
    printable = "".join(c if c.isprintable() else " " for text in words for c in (*text, " "))
    wide = printable.translate({ord("["): "［", ord("]"): "］"})
    return " ".join(wide.split())[:LONGEST].strip()


def annotated(words: Sequence[str], found: Iterable[Place]) -> str:
    """The same line, entities marked as data/nlu has them. What isn't found again stays unmarked."""
    turn, line = joined(words), line_of(words)
    done, upto = "", 0
    for place in found:
        said = line_of([turn[place.start : place.end]])
        before = len(line_of([turn[: place.start]]))  # a space may follow it
        at = line.find(said, max(upto, before))
        if said and place.end <= len(turn) and 0 <= at <= before + 1:
            done += f"{line[upto:at]}[{said}]({place.entity})"
            upto = at + len(said)
    return done + line[upto:]
