"""How a visit was 评价: whom the service asks by a message, and which words of a guest's answer that.

A page asks by itself (`due`). Where a channel has none, one message asks, once a visit, and only where it
takes nothing from a person and bothers nobody (`question`). Words are an answer while the visit is over and
for a day after the question; then, and whatever they say beside it, they are ordinary words.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import reach
from bot.channels import CHANNELS
from bot.channels.port import Inbound, InboundKind, Option
from bot.conversation import Command, Conversation, Deliver, Draft, Refused
from bot.knowledge import Hotel
from bot.model import (
    SERVICE,
    Actor,
    ActorKind,
    Audience,
    Content,
    ConversationId,
    Event,
    EventType,
    IdentityId,
    NewEvent,
    State,
)
from bot.store import log, outbox, people
from bot.store.outbox import Item
from bot.store.people import Identity

E = EventType

SPARED = 2  # messages that a reply window must still take after the question
ANSWERED_WITHIN = timedelta(hours=24)
SETTLED = frozenset({"solved", "other"})  # who hasn't answered us, or was no guest, isn't asked
PASSING = frozenset({E.RATING_ASKED, E.RATING_THANKED})  # goes at once or never
LOW = 2  # stars after which the thanks say sorry


# ---- what is logged of it


@dataclass(frozen=True)
class AskRating(Command):
    """Ask how the visit was that a colleague has ended."""

    visit: int
    identity: IdentityId
    words: Content

    def decide(self, draft: Draft) -> None:
        if draft.row.state is not State.CLOSED or draft.row.visit != self.visit:
            raise Refused("not_due")
        body = {"visit": self.visit}
        asked = NewEvent(E.RATING_ASKED, draft.now, SERVICE, Audience.GUEST, self.identity, body, self.words)
        draft.deliver(draft.add(asked), self.identity, waits=False)


@dataclass(frozen=True)
class GiveRating(Command):
    """The guest's answer. It opens no visit; `thanks` go with the answer to their push, or not at all."""

    event: NewEvent
    thanks: NewEvent | None

    def decide(self, draft: Draft) -> None:
        draft.add(self.event)
        if self.thanks and self.thanks.identity:
            draft.effects.append(Deliver(draft.add(self.thanks), self.thanks.identity, draft.now))


# ---- asking


async def due(tx: AsyncConnection, hotel: Hotel, row: Conversation) -> int | None:
    """The visit that the guest may rate: a colleague has ended it, no emergency, and not rated yet."""
    if row.state is not State.CLOSED or not hotel.file.asks_rating:
        return None
    seen = await _in_visit(tx, row, (E.CLOSED, E.GUEST_RATED, E.ALARM_RAISED))
    ended = bool(seen) and all(e.type is E.CLOSED for e in seen) and seen[-1].actor.kind is ActorKind.STAFF
    return row.visit if ended else None


async def question(
    tx: AsyncConnection, hotel: Hotel, conversation: ConversationId, visit: int, now: datetime
) -> AskRating | None:
    """The message that asks; None where the guest isn't to be asked, or their channel's page does it."""
    row = await log.row_of(tx, hotel.id, conversation)
    if row is None or not row.reachable or row.identity is None or await due(tx, hotel, row) != visit:
        return None
    seen = await _in_visit(tx, row, (E.STAFF_SAID, E.CLOSED, E.RATING_ASKED))
    types, closed = {e.type for e in seen}, [e for e in seen if e.type is E.CLOSED][-1]
    if E.STAFF_SAID not in types or E.RATING_ASKED in types or closed.body["reason"] not in SETTLED:
        return None
    to = await people.identity_of(tx, hotel.id, row.identity)
    if to is None or not await _welcome(tx, row) or not await _room(tx, to, now):
        return None
    options = [{"title": hotel.say(f"rating_{n}", now), "text": str(n)} for n in range(1, 6)]
    return AskRating(visit, to.id, Content(hotel.say("rating_question", now), details={"options": options}))


async def _in_visit(tx: AsyncConnection, row: Conversation, types: Iterable[EventType]) -> list[Event]:
    """The events of these types since the visit began."""
    found = await log.events_of_types_in(tx, row.hotel, row.id, (*types, E.REOPENED))
    begun = max((e.seq for e in found if e.type is E.REOPENED), default=0)
    return [e for e in found if e.seq > begun]


async def _welcome(tx: AsyncConnection, row: Conversation) -> bool:
    """Whether they are there, and haven't said that they want no unasked messages."""
    guest = await people.guest_of(tx, row.hotel, row.guest)
    opted = await log.events_of_types_in(tx, row.hotel, row.id, (E.GUEST_OPTED,))
    return guest.erased_at is None and guest.unfollowed_at is None and (not opted or opted[-1].body["in"])


async def _room(tx: AsyncConnection, to: Identity, now: datetime) -> bool:
    """Whether the channel takes it and has enough left afterwards; what was said before it has gone."""
    return await reach.takes(tx, to, now, 1 + SPARED) and await outbox.head(tx, to.hotel, to.id) is None


async def holds(tx: AsyncConnection, item: Item) -> bool:
    """Whether a delivery is one that goes at once or never."""
    event = await log.event_of(tx, item.hotel, item.conversation, item.seq)
    return event is not None and event.type in PASSING


async def asks(tx: AsyncConnection, item: Item) -> bool:
    """Whether a delivery is the question itself: no answer to a guest's push may carry it."""
    event = await log.event_of(tx, item.hotel, item.conversation, item.seq)
    return event is not None and event.type is E.RATING_ASKED


async def still_asks(tx: AsyncConnection, event: Event) -> bool:
    """Whether such a delivery may still be sent: a question, while the visit is over. Thanks cost nothing or
    aren't said, so they are never sent by themselves."""
    row = await log.row_of(tx, event.hotel, event.conversation)
    return event.type is E.RATING_ASKED and row is not None and row.state is State.CLOSED


# ---- answering


async def given(
    tx: AsyncConnection, hotel: Hotel, identity: Identity, row: Conversation, inbound: Inbound, now: datetime
) -> GiveRating | None:
    """The rating that a guest's words are, where they were asked for one and say nothing else."""
    if row.state is not State.CLOSED or inbound.kind is not InboundKind.TEXT or len(inbound.text) > LONGEST:
        return None
    asked = [e for e in await _in_visit(tx, row, (E.RATING_ASKED,)) if e.identity == identity.id]
    if not asked or now - asked[-1].at > ANSWERED_WITHIN or await due(tx, hotel, row) != row.visit:
        return None
    content = await log.content_of(tx, row.hotel, row.id, asked[-1].seq)
    shown = ((content.details if content else None) or {}).get("options", ())
    offered = [Option(o["title"], o["text"]) for o in shown]
    chosen = CHANNELS[identity.channel].chosen(offered, inbound.text)
    tapped = (chosen in STARS and chosen != inbound.text) or inbound.text.strip() in STARS
    stars = STARS.get(chosen) or stars_in(inbound.text)
    if stars is None:
        return None
    words = None if tapped else Content(text=inbound.text)
    actor, body = Actor(ActorKind.GUEST, identity.guest), {"stars": stars, "visit": row.visit}
    rated = NewEvent(E.GUEST_RATED, now, actor, Audience.STAFF, identity.id, body, words)
    return GiveRating(rated, _thanks(hotel, identity, row, stars, now))


def _thanks(
    hotel: Hotel, identity: Identity, row: Conversation, stars: int, now: datetime
) -> NewEvent | None:
    """Only where the answer to the guest's push can carry it: elsewhere it would cost a message."""
    if not CHANNELS[identity.channel].capabilities.passive:
        return None
    words = Content(hotel.say("rating_sorry" if stars <= LOW else "rating_thanks", now))
    body = {"visit": row.visit}
    return NewEvent(E.RATING_THANKED, now, SERVICE, Audience.GUEST, identity.id, body, words)


LONGEST = 30  # characters; who writes more says more than a number of stars
STARS = {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5}
_NUMBERS = {**STARS, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5}
# Whoever is angrier than 很不满意 says so in words of their own: those want a person rather than a number.
_WORDS = {
    5: "非常满意|很满意|十分满意|特别满意|超级满意|相当满意|太满意|满分|好评|very satisfied|excellent",
    4: "满意|挺满意|比较满意|还算满意|satisfied|good",
    3: "一般|一般般|还行|还可以|so so|so-so",
    2: "不满意|不太满意|不怎么满意|不大满意|unsatisfied|dissatisfied",
    1: "很不满意|非常不满意|十分不满意|特别不满意|差评|very unsatisfied|very dissatisfied",
}
_BY_WORD = {word: stars for stars, words in _WORDS.items() for word in words.split("|")}
_GIVES = r"(?:我?(?:给|打|评)(?:您|你|你们|您们|们)?(?:个|了)?)?"
_COUNT = re.compile(
    rf"{_GIVES}([1-5一二两三四五])\s*(?:(?:颗)?(?:星星?|分)(?:好评|差评)?|stars?|points?)?(?:吧|啊|哦|了)?"
)
_KIND = r"(?:谢谢|多谢|感谢|谢了|辛苦了?|thanks|thank you)(?:您|你们?|您们|大家|啦|了)?"
_POLITE = re.compile(rf"^(?:{_KIND}[，,。.!~、\s]*)+|(?:[，,。.!~、\s]*{_KIND})+$")
_STAR = "★⭐🌟"


def stars_in(text: str) -> int | None:
    """The stars that words say, where they say nothing else: 五星, 5 分, 很满意，谢谢. Not 5点叫我."""
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    drawn = plain.replace("\ufe0f", "").replace("☆", "").replace(" ", "")
    if drawn and set(drawn) <= set(_STAR):
        return len(drawn) if len(drawn) <= len(STARS) else None
    plain = "".join(one for one in plain if unicodedata.category(one) not in ("So", "Sk", "Cf", "Cc", "Mn"))
    plain = _POLITE.sub("", plain.strip("，,。.!~、 ")).strip("，,。.!~、 ")
    found = _COUNT.fullmatch(plain)
    return _NUMBERS[found[1]] if found else _BY_WORD.get(plain.rstrip("的吧啊哦了"))
