"""What goes before a knowledge point: where the assistant is sure of something else, no point answers. Pure.

The choice itself is made in bot/knowledge/choice.py; this tells those who write a point what comes of it.
"""

from dataclasses import dataclass

from bot import safety
from bot.engine import Turn
from bot.heeding import heeded
from bot.knowledge import Hotel, choice
from bot.model import Answer, Handoff, Reason

SERVICE, PERSON, SEVERAL, OWN = "service", "person", "several", "own"


@dataclass(frozen=True)
class Precedence:
    """Why no point answers these words: an order that is taken (`name`: which), a person who is called
    (why), several questions in one, or words that the assistant has an answer of its own for."""

    text: str
    kind: str
    name: str | None = None


def precedence(text: str, turn: Turn, hotel: Hotel) -> Precedence | None:
    """What guests get who say this; None where a point may answer."""
    if safety.danger(text) is not None:
        return Precedence(text, PERSON, _named(hotel, "reason_", Reason.EMERGENCY))
    acts = heeded(turn.acts, text)
    if choice.wants(acts):
        return None
    for act in acts:
        if isinstance(act, Handoff):
            return Precedence(text, PERSON, _named(hotel, "reason_", act.reason))
    if service := _named(hotel, "service_", turn.intent):
        return Precedence(text, SERVICE, service)
    if sum(isinstance(act, Answer) for act in acts) > 1:
        return Precedence(text, SEVERAL)
    return Precedence(text, OWN, _named(hotel, "intent_", turn.intent))


def _named(hotel: Hotel, prefix: str, name: str) -> str | None:
    key = f"{prefix}{name}"
    return hotel.texts.sentence(key) if key in hotel.texts else None
