"""What a guest's earlier visits come down to, made from the log by rules.  Pure.

Every line names the message it came from; what has no source is no line. Words are those of the log, which
erasure empties: a line whose words are gone keeps its codes alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.conversation import GRAVE
from bot.model import Content, ConversationId, Event, EventType, Reason

E = EventType
Said = tuple[Event, Content]

MOST = 7  # lines that somebody reads in ten seconds
TOPICS = 3
WORDS = 60  # characters of what was said
LOW = 3  # stars; below four a guest was not happy
COMPLAINTS = GRAVE - {Reason.EMERGENCY}


@dataclass(frozen=True)
class Line:
    """`kind` and `values` are worded by the page; `weight`: the lowest are kept when there are too many."""

    kind: str
    at: datetime
    conversation: ConversationId
    seq: int
    weight: int
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Complaint:
    """`outcome`: how the visit was closed (None: it wasn't); `note`: what the colleague wrote then."""

    at: datetime
    conversation: ConversationId
    seq: int
    reason: str
    kind: str | None
    words: str | None
    outcome: str | None = None
    note: str | None = None


def visits_of(thread: Sequence[Said]) -> list[list[Said]]:
    """A conversation's events, visit by visit; the last may still go on."""
    visits: list[list[Said]] = [[]]
    for said in thread:
        if said[0].type is E.REOPENED:
            visits.append([])
        visits[-1].append(said)
    return visits


def earlier(thread: Sequence[Said]) -> list[list[Said]]:
    """The visits that are over."""
    return [visit for visit in visits_of(thread) if any(e.type in (E.CLOSED, E.ENDED) for e, _ in visit)]


def complaints(visits: Iterable[Sequence[Said]]) -> list[Complaint]:
    """The newest first; a visit's is counted once, with what it became."""
    found = [complaint for visit in visits if (complaint := _complaint(visit))]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _complaint(visit: Sequence[Said]) -> Complaint | None:
    asked = [e for e, _ in visit if e.type is E.HANDOFF_REQUESTED and e.body["reason"] in COMPLAINTS]
    if not asked:
        return None
    first, kind = asked[0], next((e.body["kind"] for e in asked if e.body.get("kind")), None)
    source = _word_before(visit, first)
    closed = next((e for e, _ in reversed(visit) if e.type is E.CLOSED), None)
    outcome = closed.body.get("reason") if closed else None
    event, content = source if source else (first, Content())
    words = _short(content.text)
    return Complaint(
        first.at, first.conversation, event.seq, first.body["reason"], kind, words, outcome, _note(visit)
    )


def _word_before(visit: Sequence[Said], event: Event) -> Said | None:
    """The guest's word that an event is about."""
    said = [pair for pair in visit if pair[0].type is E.GUEST_SAID and pair[0].seq < event.seq]
    return said[-1] if said else None


def _note(visit: Sequence[Said]) -> str | None:
    notes = [c.text for e, c in visit if e.type is E.STAFF_NOTED and e.body.get("about") == "closing"]
    return _short(notes[-1]) if notes else None


def lines(visits: Sequence[Sequence[Said]], since: Iterable[Said] = ()) -> list[Line]:
    """At most MOST of them, the newest first. `since`: what happened later, and may have ended things."""
    said = [pair for visit in visits for pair in visit]
    ended = ends([*said, *since])
    found = [line for visit in visits for line in _of_visit(visit, ended)]
    topics = _topics(said)
    chosen = sorted([*found, *topics], key=lambda one: (one.weight, -one.at.timestamp()))[:MOST]
    return sorted(chosen, key=lambda one: one.at, reverse=True)


def _of_visit(visit: Sequence[Said], ends: Mapping[str, str]) -> list[Line]:
    found = [*_orders(visit, ends), *_promises(visit, ends)]
    for event, content in visit:
        if event.type is E.ALARM_RAISED:
            found.append(_line("alarm", event, 0, danger=event.body["kind"], seq=event.body.get("seq")))
        elif event.type is E.GUEST_RATED:
            stars = int(event.body["stars"])
            weight = 1 if stars <= LOW else 5
            found.append(_line("rated", event, weight, stars=stars, words=_short(content.text)))
    closed = next(((e, c) for e, c in reversed(visit) if e.type is E.CLOSED), None)
    if closed and (note := _note(visit)):
        found.append(_line("closed", closed[0], 2, reason=closed[0].body.get("reason"), words=note))
    return found


def _line(kind: str, event: Event, weight: int, seq: object = None, **values: Any) -> Line:
    source = seq if isinstance(seq, int) and seq else event.seq
    return Line(kind, event.at, event.conversation, source, weight, values)


_ENDS = {
    E.ORDER_DONE: ("order", "done"),
    E.ORDER_CANCELLED: ("order", "cancelled"),
    E.PROMISE_KEPT: ("promise", "kept"),
    E.PROMISE_BROKEN: ("promise", "broken"),
}


def ends(said: Iterable[Said]) -> dict[str, str]:
    """What became of orders and promises, by id; the first word stands."""
    found: dict[str, str] = {}
    for event, _ in said:
        if event.type in _ENDS:
            name, outcome = _ENDS[event.type]
            found.setdefault(event.body[name], outcome)
    return found


def _orders(visit: Sequence[Said], ends: Mapping[str, str]) -> list[Line]:
    placed = [(e, c) for e, c in visit if e.type is E.ORDER_PLACED]
    return [
        _line(
            "order",
            e,
            4,
            service=e.body["service"],
            what=_short((c.details or {}).get("what")),
            outcome=ends.get(e.body["order"], "open"),
        )
        for e, c in placed
    ]


def _promises(visit: Sequence[Said], ends: Mapping[str, str]) -> list[Line]:
    """Those that are over: what is open stands above the summary."""
    found = []
    for e, c in visit:
        outcome = ends.get(e.body["promise"]) if e.type is E.PROMISE_MADE else None
        if outcome:
            weight = 1 if outcome == "broken" else 3
            values = {"words": _short(c.text), "outcome": outcome}
            found.append(_line("promise", e, weight, seq=e.body["seq"], **values))
    return found


def _topics(said: Iterable[Said]) -> list[Line]:
    """What the guest has asked most, in one line; it leads to the last time."""
    asked = [e for e, _ in said if e.type is E.ASSISTANT_SAID and _topic(e)]
    if not asked:
        return []
    most = [name for name, _ in Counter(_topic(e) for e in asked).most_common(TOPICS)]
    last = max((e for e in asked if _topic(e) in most), key=lambda e: e.at)
    return [_line("topics", last, 2, topics=most)]


def _topic(event: Event) -> str:
    intent = str(event.body.get("intent") or "")
    return intent if intent.startswith("ask_") else ""


def preferences(thread: Iterable[Said]) -> list[Line]:
    """What is remembered of the guest, the newest first, each once."""
    newest = {
        c.text: _line("preference", e, 0, words=c.text)
        for e, c in thread
        if e.type is E.PREFERENCE_REMEMBERED and c.text
    }
    return sorted(newest.values(), key=lambda one: one.at, reverse=True)


def _short(text: object) -> str | None:
    if not isinstance(text, str) or not text.strip():
        return None
    line = " ".join(text.split())
    return line if len(line) <= WORDS else line[: WORDS - 1] + "…"
