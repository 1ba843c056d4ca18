"""Canned replies 常用语: what staff say again and again, with the guest's and the hotel's words filled in.

Those of texts/ (`phrase_…`) stand until the hotel has written its own over them. A variable that can't be
filled is shown as a gap, and a reply with a gap in it is never sent.  Pure.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.knowledge import Hotel
from bot.store.people import Guest
from bot.store.phrases import PhraseId, PhraseRow
from bot.texts import BadSentence, Texts, placeholders

BUILT_IN = "phrase_"
TEXT_LIMIT = 1000
TITLE_LIMIT = 40
GAP = "【待填："
VARIABLES = ("guest", "room", "staff", "hotel_name")  # offered first; facts of the hotel come after them


class UnknownVariable(ValueError):
    """The hotel has no such fact."""


@dataclass(frozen=True)
class Filled:
    """A phrase as it would be said to this guest; `gaps` are the variables that nobody has told us."""

    row: PhraseRow
    text: str
    gaps: tuple[str, ...] = ()


def current(texts: Texts, rows: Iterable[PhraseRow], at: datetime) -> list[PhraseRow]:
    """What staff may choose from: the hotel's own over ours, without what the hotel has taken away."""
    ours = {
        PhraseId(key.removeprefix(BUILT_IN)): text
        for key, text in texts.sentences.items()
        if key.startswith(BUILT_IN)
    }
    found = {id_: PhraseRow(id_, 0, "", text, False, None, at) for id_, text in ours.items()}
    found.update({row.id: row for row in rows})
    return [row for row in found.values() if not row.retired]


def check(text: str, facts: Mapping[str, Any]) -> None:
    """Raises BadSentence for what is no template, and UnknownVariable."""
    unknown = {name for name, _ in placeholders(text)} - {*VARIABLES, *facts}
    if unknown:
        raise UnknownVariable(sorted(unknown)[0])


def values_of(guest: Guest, staff: str, now: datetime) -> dict[str, str | None]:
    """What a phrase may say of this guest. A room link that has ended says nothing."""
    stays = guest.room_until is None or guest.room_until > now
    return {"guest": guest.name, "room": guest.room if stays else None, "staff": staff}


def filled(row: PhraseRow, hotel: Hotel, values: Mapping[str, Any], now: datetime) -> Filled:
    """With a gap in the place of each variable that has no value."""
    text, known = row.text, {**hotel.facts, **values}
    try:
        gaps = tuple(dict.fromkeys(name for name, _ in placeholders(text) if not known.get(name)))
        for name in gaps:
            text = re.sub(rf"\{{{name}(:\w*)?\}}", gap(hotel.texts, name), text)
        said = hotel.texts.fill(text, values, facts=hotel.facts, now=now, zone=hotel.zone)
    except BadSentence:  # a fact of another kind than when it was written
        return Filled(row, f"{GAP}{row.text}】", ("text",))
    return Filled(row, said, gaps)


def gap(texts: Texts, name: str) -> str:
    return f"{GAP}{label(texts, name)}】"


def label(texts: Texts, name: str) -> str:
    """What staff call a variable, which may be one of the hotel's facts."""
    keys = (f"variable_{name}", f"fact_{name}")
    return next((texts.sentence(key) for key in keys if key in texts), name)


def has_gap(text: str) -> bool:
    """Whether words still have a variable in them that nobody has filled."""
    return GAP in text
