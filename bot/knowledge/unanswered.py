"""What guests asked in vain: read from the log and what people wrote, grouped by what it means.

Nothing of it is kept anywhere else, so that words which have been erased are gone from here as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.knowledge import Hotel
from bot.knowledge.encoder import Vectors
from bot.knowledge.library import Library
from bot.model import Content, ConversationId, Event, EventType, HotelId, Reason
from bot.store import log, points

REASONS = (Reason.MISSING_FACT, Reason.LOW_CONFIDENCE, Reason.MISUNDERSTOOD)
WRONG, SETTLED = "wrong", "settled"
MOST = 500  # questions that are looked at, the newest
BEFORE = 40  # events before one, among which its question stands
# Cosine of centred vectors from which two questions are one. Chosen by hand; no bench measures it.
ALIKE = 0.5

_ANSWERS = (EventType.ASSISTANT_SAID, EventType.STAFF_SAID)


@dataclass(frozen=True)
class Asked:
    """A guest's question that found no answer: `seq` is the handoff, or the answer that was wrong."""

    conversation: ConversationId
    seq: int
    at: datetime
    why: str
    text: str


async def read(tx: AsyncConnection, hotel: HotelId, since: datetime) -> list[Asked]:
    """Questions since then that nobody has settled, newest first; those whose words are erased are gone."""
    marks = await points.marks_since(tx, hotel, since)
    settled = {(m.conversation, m.seq) for m in marks if m.mark == SETTLED}
    handoffs = await _handoffs(tx, hotel, since)
    open_ = {(e.conversation, e.seq): (e.at, str(e.body["reason"])) for e in handoffs}
    open_ |= {(m.conversation, m.seq): (m.at, WRONG) for m in marks if m.mark == WRONG}
    left = sorted(set(open_) - settled, key=lambda key: open_[key][0], reverse=True)[:MOST]
    asked = [Asked(*key, *open_[key], await _question(tx, hotel, *key)) for key in left]
    return [one for one in asked if one.text]


async def _handoffs(tx: AsyncConnection, hotel: HotelId, since: datetime) -> list[Event]:
    found = await log.events_since(tx, hotel, EventType.HANDOFF_REQUESTED, since)
    return [event for event in found if event.body.get("reason") in REASONS]


async def _question(tx: AsyncConnection, hotel: HotelId, conversation: ConversationId, seq: int) -> str:
    thread = await log.read_thread(tx, hotel, conversation, after=max(0, seq - BEFORE))
    return question_before(thread, seq)


def question_before(thread: Sequence[tuple[Event, Content]], seq: int) -> str:
    """The guest's words that an answer or a handoff at `seq` follows: all since the answer before it."""
    words: list[str] = []
    for event, content in reversed([pair for pair in thread if pair[0].seq < seq]):
        if event.type in _ANSWERS and words:
            break
        if event.type is EventType.GUEST_SAID and content.text:
            words.append(content.text)
    return "\n".join(reversed(words))


async def grouped(library: Library, hotel: Hotel, asked: Sequence[Asked]) -> list[list[Asked]]:
    return group(asked, await library.vectors(hotel, [one.text for one in asked]))


def group(asked: Sequence[Asked], vectors: Vectors) -> list[list[Asked]]:
    """Questions that mean the same together, the most frequent first. `vectors`: one each, centred."""
    leaders: list[int] = []
    groups: dict[int, list[Asked]] = {}
    for at, one in enumerate(asked):
        near = np.einsum("ij,j->i", vectors[leaders], vectors[at]) if leaders else np.zeros(0)
        if len(near) and near.max() >= ALIKE:
            groups[leaders[int(near.argmax())]].append(one)
        else:
            leaders.append(at)
            groups[at] = [one]
    return sorted(groups.values(), key=lambda group: (-len(group), -group[0].at.timestamp()))
