"""What an act on the channel's own pages means: a follow, a menu click, a keyword, a scanned code. Pure.

A click may mean words that the assistant is asked; a scanned room is proposed to the assistant and proves
nothing.
"""

import re
from dataclasses import replace
from datetime import datetime

from bot.channels.port import Inbound, InboundKind
from bot.knowledge import Hotel, UnknownTopic
from bot.own_replies import Button, OwnReplies, OwnReply
from bot.texts import BadSentence, MissingValue, UnknownKey
from bot.words import Spoken

SCENE = re.compile(r"([a-z]{1,16}):([0-9A-Za-z_-]{1,32})(@[a-z][a-z0-9-]{1,31})?")
ROOM = "room"
MENU = "menu"  # the subtype of words that a button has said


def meant(hotel: Hotel, own: OwnReplies, inbound: Inbound, now: datetime) -> tuple[Inbound, Spoken | None]:
    """The inbound as it is to be taken, and what is said to it without asking the assistant."""
    if inbound.kind is InboundKind.FOLLOW:
        return inbound, _welcome(hotel, own, inbound, now)
    if inbound.kind is InboundKind.TEXT:
        found = own.keyword(inbound.text)
        return _answered(hotel, inbound, found.reply, "keyword", now) if found else (inbound, None)
    if inbound.kind is InboundKind.CLICK and inbound.subtype == "click":
        return _clicked(hotel, own, inbound, now)
    if inbound.kind is InboundKind.CLICK and (room := room_of(hotel, scene_of(inbound))):
        return inbound, Spoken((hotel.say("scan_room", now, room=room),), keys=("scan_room",))
    return inbound, None


def scene_of(inbound: Inbound) -> str | None:
    """The scene of a scanned code, if it is one of ours: room:1208, room:1208@hotel, hotel:xinghaihui."""
    scene = str(inbound.body.get("scene") or (inbound.body.get("key") if inbound.subtype == "scan" else ""))
    return scene if SCENE.fullmatch(scene) else None


def room_of(hotel: Hotel, scene: str | None) -> str | None:
    """The room that a scene names, if the hotel has it."""
    kind, _, rest = (scene or "").partition(":")
    room, _, at = rest.partition("@")
    if at and at != hotel.id:
        return None
    return room if kind == ROOM and room in hotel.file.rooms else None


def _welcome(hotel: Hotel, own: OwnReplies, inbound: Inbound, now: datetime) -> Spoken:
    lines = [_filled(hotel, own.welcome, now) or hotel.say("follow_welcome", now)]
    if room := room_of(hotel, scene_of(inbound)):
        lines.append(hotel.say("scan_room", now, room=room))
    return Spoken(tuple(lines), keys=("follow_welcome",))


def _clicked(hotel: Hotel, own: OwnReplies, inbound: Inbound, now: datetime) -> tuple[Inbound, Spoken | None]:
    button = own.button(str(inbound.body.get("key", "")))
    if button is None or button.reply is None:
        return inbound, Spoken((hotel.say("menu_unknown", now),), keys=("menu_unknown",))
    return _answered(hotel, _named(inbound, button), button.reply, MENU, now)


def _named(inbound: Inbound, button: Button) -> Inbound:
    return replace(inbound, body={**inbound.body, "name": button.name})


def _answered(
    hotel: Hotel, inbound: Inbound, reply: OwnReply, key: str, now: datetime
) -> tuple[Inbound, Spoken | None]:
    """A ready sentence where there is one; else the assistant is asked."""
    line, words = _filled(hotel, reply.text, now), reply.ask
    if reply.topic:
        line, words = _told(hotel, reply.topic, now)
    if line:
        topics = (reply.topic,) if reply.topic else ()
        return inbound, Spoken((line,), keys=(key,), topics=topics)
    if inbound.kind is InboundKind.CLICK:
        return replace(inbound, kind=InboundKind.TEXT, subtype=MENU, text=words), None
    return inbound, None


def _filled(hotel: Hotel, template: str | None, now: datetime) -> str | None:
    if not template:
        return None
    try:
        return hotel.texts.fill(template, {}, facts=hotel.facts, now=now, zone=hotel.zone)
    except (MissingValue, UnknownKey, BadSentence):
        return None


def _told(hotel: Hotel, topic: str, now: datetime) -> tuple[str | None, str]:
    """A topic's answer, and what to ask where it has a gap."""
    title = hotel.file.topics[topic].title if topic in hotel.file.topics else topic
    try:
        return hotel.answer(topic, now), title
    except (MissingValue, UnknownTopic, BadSentence):
        return None, title
