"""How a message was read, for people and programs that measure it: what the assistant found and decided.

Pure. The decision is read off what a guest would get, not made here: the same acts through the same words.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot import safety, words
from bot.conversation import Conversation
from bot.engine import Turn
from bot.heeding import heeded
from bot.hotel_files import RoomType
from bot.knowledge import Hotel
from bot.model import ASKING_BACK, DECLINING, Handoff, Json, Reason

NOT_SURE = "nlu_fallback"  # in place of an intent that isn't acted on
ANSWER, CLARIFY, HANDOFF, REFUSE = "answer", "clarify", "handoff", "refuse"


def reading(text: str, turn: Turn, hotel: Hotel, row: Conversation, now: datetime) -> Json:
    """One message as `python -m bot understand` prints it."""
    spoken = words.render(heeded(turn.acts, text), hotel, row, now, passive_only=False)
    intent, confidence = best_reading(turn)
    alarm = safety.danger(text) is not None or spoken.handoff is Reason.EMERGENCY
    return {
        "text": text,
        "intent": intent,
        "confidence": round(confidence, 4),
        "decision": HANDOFF if alarm else decision(spoken),
        "entities": [_entity(entity, hotel.file.room_types) for entity in turn.entities],
        "complaint_kind": _complaint_kind(turn),
        "alarm": alarm,
    }


def decision(spoken: words.Spoken) -> str:
    if spoken.handoff:
        return HANDOFF
    said = [key for key in spoken.keys if key != words.GREETING]
    if spoken.topics or spoken.orders or not said:
        return ANSWER
    if all(key.startswith(DECLINING) for key in said):
        return REFUSE
    return CLARIFY if any(key.startswith(ASKING_BACK) for key in said) else ANSWER


def best_reading(turn: Turn) -> tuple[str, float]:
    """The likeliest intent, also where the assistant asks back rather than act on it."""
    if turn.intent != NOT_SURE:
        return turn.intent, turn.confidence
    return next((one for one in turn.ranking if one[0] != NOT_SURE), (turn.intent, turn.confidence))


def _complaint_kind(turn: Turn) -> str | None:
    for act in turn.acts:
        if isinstance(act, Handoff) and act.reason is Reason.COMPLAIN:
            return (act.detail or {}).get("kind")
    return turn.complaint


def _entity(found: Json, room_types: Sequence[RoomType]) -> Json:
    value: Any = found["value"]
    if found["entity"] == "room_type":
        value = room_type(str(value), room_types) or value
    return {
        "entity": found["entity"],
        "value": value,
        "raw": found.get("raw"),
        "start": found.get("start"),
        "end": found.get("end"),
    }


def room_type(said: str, room_types: Sequence[RoomType]) -> str | None:
    """The hotel's code for what a guest calls a room; None where the hotel has none of the kind.

    The longest of the hotel's words decides: a 海景大床房 is no plain 大床房.
    """
    fits = [
        (len(word), kind.code)
        for kind in room_types
        for word in kind.words
        if word == said or word in said or said in word
    ]
    exact = [kind.code for kind in room_types if said in kind.words]
    return exact[0] if exact else max(fits)[1] if fits else None
