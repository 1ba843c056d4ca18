"""From the assistant's acts to one message: rendered words, options, orders and the handoff's reason.

A sentence with a gap is never said: a missing fact becomes "I'll ask a colleague" and a handoff.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.conversation import GRAVE, Conversation
from bot.knowledge import Hotel, UnknownTopic
from bot.model import Act, Answer, Content, Handoff, Json, Order, Reason, Remember, Say, State
from bot.texts import BadSentence, MissingValue, UnknownKey

log = logging.getLogger(__name__)

GREETING = "greet"


@dataclass(frozen=True)
class Spoken:
    """One turn's message and what goes with it."""

    lines: tuple[str, ...] = ()
    options: tuple[Json, ...] = ()
    orders: tuple[Order, ...] = ()
    preferences: tuple[str, ...] = ()
    handoff: Reason | None = None
    detail: Json | None = None
    keys: tuple[str, ...] = ()
    topics: tuple[str, ...] = field(default=())
    points: tuple[Json, ...] = ()  # the knowledge points that answer: {"id", "version"}


def render(
    acts: Sequence[Act],
    hotel: Hotel,
    row: Conversation,
    now: datetime,
    passive_only: bool,
    there: bool = True,
) -> Spoken:
    """The turn's message. Always says something: acts without words become a handoff.

    `there`: whether somebody is who could take the guest.
    """
    spoken = Spoken()
    for act in acts:
        spoken = _add(spoken, act, hotel, now)
    if not spoken.lines and not spoken.handoff:
        spoken = replace(spoken, handoff=Reason.ENGINE_FAILED)
    if spoken.handoff:
        spoken = _hand_over(spoken, hotel, row, now, passive_only, there)
    return introduce(spoken, hotel, row, now)


def _add(spoken: Spoken, act: Act, hotel: Hotel, now: datetime) -> Spoken:
    match act:
        case Say(key, values, options):
            return _say(spoken, key, values, options, hotel, now)
        case Answer(topic, point):
            return _answer(spoken, topic, point, hotel, now)
        case Order():
            return replace(spoken, orders=(*spoken.orders, act))
        case Remember(preference):
            return replace(spoken, preferences=(*spoken.preferences, preference))
        case Handoff(reason, detail):
            return replace(spoken, handoff=spoken.handoff or reason, detail=spoken.detail or detail)


def known(acts: Sequence[Act], hotel: Hotel, now: datetime) -> Spoken | None:
    """What the hotel's approved points say to it, and nothing where anything else would have to be said."""
    if not acts or not all(isinstance(act, Answer) for act in acts):
        return None
    spoken = Spoken()
    for act in acts:
        spoken = _add(spoken, act, hotel, now)
    return spoken if spoken.points and not spoken.handoff else None


def _say(
    spoken: Spoken, key: str, values: Json, options: Sequence[Json], hotel: Hotel, now: datetime
) -> Spoken:
    try:
        line = hotel.say(key, now, **values)
        shown = tuple(_option(option, hotel, now) for option in options)
    except (MissingValue, UnknownKey, BadSentence) as error:
        log.warning("text %s can't be said: %s", key, type(error).__name__)
        return _ask_colleague(spoken, key)
    return replace(
        spoken, lines=(*spoken.lines, line), options=shown or spoken.options, keys=(*spoken.keys, key)
    )


def _option(option: Mapping[str, Any], hotel: Hotel, now: datetime) -> Json:
    title = hotel.say(option["key"], now, **option.get("values", {})) if "key" in option else option["title"]
    return {"title": title, "text": option.get("text") or title}


def _answer(spoken: Spoken, topic: str, point: str | None, hotel: Hotel, now: datetime) -> Spoken:
    try:
        told = hotel.points.get(point or "") or hotel.own_point(topic, now)
        line = hotel.tell(told, now)
    except (MissingValue, UnknownTopic, BadSentence) as error:
        log.warning("%s can't be answered: %s", point or topic, type(error).__name__)
        return _ask_colleague(spoken, point or topic)
    said = {"id": told.point, "version": told.number}
    topics = (*spoken.topics, topic) if topic else spoken.topics
    return replace(spoken, lines=(*spoken.lines, line), topics=topics, points=(*spoken.points, said))


def _ask_colleague(spoken: Spoken, what: str) -> Spoken:
    detail = spoken.detail or {"missing": what}
    return replace(spoken, handoff=spoken.handoff or Reason.MISSING_FACT, detail=detail)


def _hand_over(
    spoken: Spoken, hotel: Hotel, row: Conversation, now: datetime, passive_only: bool, there: bool
) -> Spoken:
    reason = spoken.handoff or Reason.HUMAN_HANDOFF
    waits = row.state is State.WAITING and reason not in GRAVE
    key = "still_waiting" if waits else f"handoff_{reason}"
    lines = [*spoken.lines, hotel.say_by_duty(key, now, there)]
    if passive_only:
        lines.append(hotel.say("fetch_reply", now))
    return replace(spoken, lines=tuple(lines), keys=(*spoken.keys, key))


def introduce(spoken: Spoken, hotel: Hotel, row: Conversation, now: datetime) -> Spoken:
    """The first message of a visit says what is speaking; at first contact it names the privacy notice."""
    if row.introduced_visit == row.visit:
        return spoken
    lines = list(spoken.lines)
    if spoken.keys == (GREETING,):
        lines = lines[1:]  # the introduction greets already
    lines.insert(0, hotel.say("assistant_intro" if row.visit == 1 else "assistant_again", now))
    if row.notice != hotel.file.privacy.version:
        lines.append(hotel.say("privacy_notice", now))
    return replace(spoken, lines=tuple(lines))


def content_of(spoken: Spoken, memory: Json | None) -> Content:
    details = {"options": list(spoken.options)} if spoken.options else None
    return Content(text="\n\n".join(spoken.lines), memory=memory, details=details)


def body_of(spoken: Spoken, row: Conversation) -> dict[str, Any]:
    return {
        "keys": list(spoken.keys),
        "topics": list(spoken.topics),
        "points": [dict(point) for point in spoken.points],
        "introduced": row.introduced_visit != row.visit,
    }
