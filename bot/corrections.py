"""What staff say the assistant got wrong: marks on its messages, their review by a second person, and the
training examples that come of it.

A mark names messages by seq and intents by name, never words: those are read beside the guest's events, so
what has been erased can be neither seen nor learned. Nobody reviews their own mark. What the assistant has
learned already is in its model, not here: this writes a file, training is somebody else's.
"""

import re
import unicodedata
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.annotation import Place, annotated, joined, line_of, places, read_in
from bot.conversation import Command, Conversation, Record, fold
from bot.knowledge import unanswered
from bot.model import (
    Actor,
    ActorKind,
    Audience,
    Content,
    ConversationId,
    Event,
    EventType,
    HotelId,
    Json,
    NewEvent,
    StaffId,
)
from bot.store import log, outbox, points
from bot.texts import Texts

TYPES = (EventType.READING_CORRECTED, EventType.CORRECTION_WITHDRAWN, EventType.CORRECTION_REVIEWED)
NAMED = "intent_"  # and an intent: what staff call it

Commit = Callable[[AsyncConnection, Conversation, Command, datetime], Awaitable[Conversation]]
Key = tuple[ConversationId, int]
Message = tuple[Event, Content]


class CannotCorrect(Exception):
    """The rules don't allow it; `code` is stable and has a sentence in texts/."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Kind(StrEnum):
    MISREAD = "misread"  # the guest wanted something else
    WRONG_ANSWER = "wrong_answer"  # read rightly, answered wrongly


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True)
class Review:
    verdict: Verdict
    intent: str | None
    by: StaffId
    at: datetime
    entities: tuple[Place, ...] | None = None  # what stands in the guest's words; None: as they were read


@dataclass(frozen=True)
class Mark:
    """That the assistant's message `seq` was wrong. `number` is the seq of the marking event itself."""

    conversation: ConversationId
    seq: int
    number: int
    guest_seqs: tuple[int, ...]
    kind: Kind
    intent_was: str
    intent: str | None
    by: StaffId
    at: datetime
    review: Review | None = None

    @property
    def learned(self) -> str | None:
        """The intent under which the guest's words are to be trained, once a second person has agreed."""
        return self.review.intent if self.review and self.review.verdict is Verdict.ACCEPTED else None


def intents(texts: Texts) -> dict[str, str]:
    """Every intent that staff may choose, and what they call it, in the order of the file."""
    return {key.removeprefix(NAMED): name for key, name in texts.chrome(NAMED, {}).items()}


# ---- the rules: pure


def marks_of(events: Iterable[Event]) -> dict[Key, Mark]:
    """The marks that stand, from the events of TYPES in each conversation's order."""
    standing: dict[Key, Mark] = {}
    for event in events:
        key = event.conversation, int(event.body.get("seq", 0))
        if event.type is EventType.READING_CORRECTED:
            standing[key] = _mark(event)
        elif event.type is EventType.CORRECTION_WITHDRAWN:
            standing.pop(key, None)
        elif event.type is EventType.CORRECTION_REVIEWED and key in standing:
            standing[key] = replace(standing[key], review=_review(event))
    return standing


def _mark(e: Event) -> Mark:
    body = e.body
    seqs = tuple(int(seq) for seq in body["guest_seqs"])
    by = StaffId(e.actor.id or "")
    kind, was, intent = Kind(body["kind"]), str(body["intent_was"]), body["intent"]
    return Mark(e.conversation, int(body["seq"]), e.seq, seqs, kind, was, intent, by, e.at)


def _review(e: Event) -> Review:
    verdict, by, marked = Verdict(e.body["verdict"]), StaffId(e.actor.id or ""), e.body.get("entities")
    return Review(verdict, e.body["intent"], by, e.at, None if marked is None else places(marked))


def answered_by(row: Conversation, events: Sequence[Event], seq: int) -> tuple[int, ...]:
    """The guest's messages of words that the assistant's message `seq` answered."""
    said = next((e for e in events if e.seq == seq and e.type is EventType.ASSISTANT_SAID), None)
    if said is None:
        raise CannotCorrect("not_found")
    start = Conversation(row.hotel, row.id, row.guest)
    before = fold(start, (e for e in events if e.seq < seq)).answered_seq
    turn = range(before + 1, int(said.body.get("through", 0)) + 1)
    return tuple(
        e.seq
        for e in events
        if e.seq in turn and e.type is EventType.GUEST_SAID and e.body.get("kind") == "text"
    )


def corrected(
    row: Conversation,
    events: Sequence[Event],
    seq: int,
    kind: Kind,
    intent: str | None,
    known: Collection[str],
) -> Json:
    """The body of a mark. Raises CannotCorrect."""
    guest_seqs = answered_by(row, events, seq)
    if not guest_seqs:
        raise CannotCorrect("nothing_read")
    was = str(next(e for e in events if e.seq == seq).body.get("intent") or "")
    if kind is Kind.WRONG_ANSWER:
        intent = was if was in known else None
    elif intent not in known:
        raise CannotCorrect("unknown_intent")
    elif intent == was:
        raise CannotCorrect("same_intent")
    return {
        "seq": seq,
        "guest_seqs": list(guest_seqs),
        "kind": kind,
        "intent_was": was,
        "intent": intent,
    }


def withdrawn(mark: Mark | None, by: StaffId, administrator: bool) -> Json:
    """The body of an un-marking: one's own mark, or an administrator's word. Raises CannotCorrect."""
    if mark is None:
        raise CannotCorrect("not_marked")
    if mark.by != by and not administrator:
        raise CannotCorrect("others_mark")
    return {"seq": mark.seq, "mark": mark.number}


def reviewed(
    mark: Mark | None,
    number: int,
    verdict: Verdict,
    intent: str | None,
    by: StaffId,
    known: Collection[str],
    entities: Sequence[Place] | None = None,
) -> Json:
    """The body of a review of the mark `number`, by somebody else than who made it. Raises CannotCorrect."""
    if mark is None or mark.number != number:
        raise CannotCorrect("mark_changed")
    if mark.by == by:
        raise CannotCorrect("own_mark")
    chosen = None if verdict is Verdict.REFUSED else intent or mark.intent
    if verdict is Verdict.ACCEPTED and chosen not in known:
        raise CannotCorrect("unknown_intent")
    body = {"seq": mark.seq, "mark": number, "verdict": verdict, "intent": chosen}
    return body if entities is None else {**body, "entities": [asdict(place) for place in entities]}


# ---- carrying it out, in the transaction of `tx`


@dataclass(frozen=True)
class Desk:
    """Who marks or reviews in which conversation, and what they may choose from."""

    hotel: HotelId
    conversation: ConversationId
    by: StaffId
    administrator: bool
    known: Collection[str]
    now: datetime


async def mark(
    tx: AsyncConnection, commit: Commit, at: Desk, seq: int, kind: Kind, intent: str | None
) -> Conversation:
    """Say that a message was wrong; what was said about it before is replaced. Raises CannotCorrect."""
    row, events = await _opened(tx, at)
    body = corrected(row, events, seq, kind, intent, at.known)
    await _check_words(tx, at, body["guest_seqs"])
    standing = marks_of(events).get((at.conversation, seq))
    if standing and standing.by == at.by and (standing.kind, standing.intent) == (kind, body["intent"]):
        return row  # said already
    await _ask_for_answer(tx, at, seq, kind is Kind.WRONG_ANSWER)
    return await _note(tx, commit, at, row, EventType.READING_CORRECTED, body)


async def withdraw(tx: AsyncConnection, commit: Commit, at: Desk, seq: int) -> Conversation:
    """Take a mark back, and with it what came of it. Raises CannotCorrect."""
    row, events = await _opened(tx, at)
    body = withdrawn(marks_of(events).get((at.conversation, seq)), at.by, at.administrator)
    await _ask_for_answer(tx, at, seq, wanted=False)
    return await _note(tx, commit, at, row, EventType.CORRECTION_WITHDRAWN, body)


async def review(
    tx: AsyncConnection,
    commit: Commit,
    at: Desk,
    seq: int,
    number: int,
    verdict: Verdict,
    intent: str | None,
    entities: Sequence[Place] | None = None,
) -> Conversation:
    """Accept or refuse a mark as an example to learn, with what stands in it. Raises CannotCorrect."""
    row, events = await _opened(tx, at)
    standing = marks_of(events).get((at.conversation, seq))
    body = reviewed(standing, number, verdict, intent, at.by, at.known, entities)
    if standing and verdict is Verdict.ACCEPTED:
        words = await _check_words(tx, at, standing.guest_seqs)
        if any(place.end > len(joined(words)) for place in entities or ()):
            raise CannotCorrect("bad_request")
    return await _note(tx, commit, at, row, EventType.CORRECTION_REVIEWED, body)


async def _opened(tx: AsyncConnection, at: Desk) -> tuple[Conversation, list[Event]]:
    await outbox.lock_conversation(tx, at.hotel, at.conversation)
    row = await log.row_of(tx, at.hotel, at.conversation)
    if row is None:
        raise CannotCorrect("not_found")
    return row, await log.events_of(tx, at.hotel, at.conversation)


async def _check_words(tx: AsyncConnection, at: Desk, seqs: Iterable[int]) -> list[str]:
    """The words of these messages that are still there, in order."""
    keys = [(at.conversation, seq) for seq in seqs]
    said = await log.messages_of(tx, at.hotel, keys)
    words = [text for key in keys if (text := said[key][1].text)]
    if not words:
        raise CannotCorrect("words_gone")
    return words


async def _ask_for_answer(tx: AsyncConnection, at: Desk, seq: int, wanted: bool) -> None:
    """What was read rightly and answered wrongly is a matter of knowledge: it is listed there too."""
    if wanted:
        asked = points.Mark(at.conversation, seq, unanswered.WRONG, at.by, at.now)
        await points.mark_question(tx, at.hotel, asked)
    else:
        await points.unmark_question(tx, at.hotel, at.conversation, seq, unanswered.WRONG)


async def _note(
    tx: AsyncConnection, commit: Commit, at: Desk, row: Conversation, type_: EventType, body: Json
) -> Conversation:
    event = NewEvent(type_, at.now, Actor(ActorKind.STAFF, at.by), Audience.STAFF, body=body)
    return await commit(tx, row, Record((event,)), at.now)


# ---- the list of a hotel


@dataclass(frozen=True)
class Marked:
    """A mark with what was said: the guest's words, numbers masked, and the assistant's answer."""

    mark: Mark
    words: tuple[str, ...]
    answer: str
    confidence: float | None
    read: tuple[Place, ...] = ()  # the entities that the assistant read in the words

    @property
    def entities(self) -> tuple[Place, ...]:
        """Those that stand in the words: as the review says, else as they were read."""
        review = self.mark.review
        return self.read if review is None or review.entities is None else review.entities


async def read(tx: AsyncConnection, hotel: HotelId) -> list[Marked]:
    """A hotel's marks, newest first. Those whose words have been erased are gone."""
    standing = sorted(
        marks_of(await log.events_of_types(tx, hotel, TYPES)).values(),
        key=lambda m: (m.at, m.conversation, m.number),
        reverse=True,
    )
    keys = [(m.conversation, seq) for m in standing for seq in (m.seq, *m.guest_seqs)]
    said = await log.messages_of(tx, hotel, keys)
    return [shown for m in standing if (shown := _marked(m, said)).words]


def _marked(m: Mark, said: Mapping[Key, Message]) -> Marked:
    event, answer = said[m.conversation, m.seq]
    texts = [said[m.conversation, seq][1].text for seq in m.guest_seqs]
    words = tuple(text for text in texts if text)
    return Marked(m, words, answer.text or "", event.body.get("confidence"), read_in(words, event.body))


# ---- examples for training


@dataclass(frozen=True)
class Example:
    hotel: HotelId
    intent: str
    text: str
    marked: str = ""  # the same with its entities, as data/nlu has them; empty: none

    @property
    def line(self) -> str:
        return self.marked or self.text

    @property
    def letters(self) -> str:
        """What makes two examples the same one."""
        return re.sub(r"\W|_", "", unicodedata.normalize("NFKC", self.text)).casefold()


@dataclass(frozen=True)
class Export:
    """What is to be learned, and what was left out: known already, contradicted, or without a word."""

    examples: tuple[Example, ...] = ()
    known: int = 0
    contradicted: int = 0
    wordless: int = 0
    unknown: frozenset[str] = field(default_factory=frozenset)  # intents that aren't there any more

    @property
    def hotels(self) -> int:
        return len({example.hotel for example in self.examples})

    @property
    def intents(self) -> int:
        return len({example.intent for example in self.examples})


async def accepted(tx: AsyncConnection, hotel: HotelId) -> list[Example]:
    """What a second person has accepted in this hotel, a turn an example."""
    return [
        Example(hotel, shown.mark.learned, line_of(shown.words), annotated(shown.words, shown.entities))
        for shown in await read(tx, hotel)
        if shown.mark.learned
    ]


def export(found: Iterable[Example], known: Collection[str], trained: Mapping[str, str]) -> Export:
    """What of it is fit for training, in an order of its own. `trained` are the intents of the examples that
    there are already, by their letters. What two reviews read differently is nobody's example."""
    found = list(found)
    unknown = frozenset(example.intent for example in found) - set(known)
    worded = [example for example in found if re.search(r"[^\W\d]", example.letters)]
    readings: dict[str, set[str]] = {}
    for example in worded:
        readings.setdefault(example.letters, set()).add(example.intent)
    for letters in readings.keys() & trained.keys():
        readings[letters].add(trained[letters])
    agreed = [example for example in worded if len(readings[example.letters]) == 1]
    new = [example for example in agreed if example.letters not in trained]
    distinct: dict[str, Example] = {}
    for example in sorted(new, key=lambda e: (e.intent, e.letters, e.text, e.hotel, e.line)):
        distinct.setdefault(example.letters, example)
    return Export(
        tuple(sorted(distinct.values(), key=lambda e: (e.intent, e.text))),
        len({example.letters for example in agreed} & trained.keys()),
        sum(len(intents) > 1 for intents in readings.values()),
        len(found) - len(worded),
        unknown,
    )


HEAD = """\
# 客人原话：助手读错了，由员工纠正、另一位同事审核过。
# Guests' words that staff have corrected and a second person has agreed to; they stay on this machine.
# Written by `python -m bot corrections export`, anew each time.
version: "3.1"
nlu:
"""


def page(done: Export) -> str:
    """The examples as Rasa's training data."""
    groups: dict[str, list[str]] = {}
    for example in done.examples:
        groups.setdefault(example.intent, []).append(f"    - {example.line}\n")
    blocks = (f"- intent: {intent}\n  examples: |\n{''.join(lines)}" for intent, lines in groups.items())
    return HEAD + "".join(blocks)


def trained_in(documents: Iterable[Any]) -> dict[str, str]:
    """The intents of the examples that Rasa's YAML files hold, by their letters."""
    blocks = [block for document in documents for block in (document or {}).get("nlu") or ()]
    return {
        Example(HotelId(""), block["intent"], _plain(line)).letters: block["intent"]
        for block in blocks
        if "intent" in block
        for line in str(block["examples"]).splitlines()
    }


def _plain(line: str) -> str:
    """An example without its annotations."""
    return re.sub(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})", r"\1", line.removeprefix("-"))
