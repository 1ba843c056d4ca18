"""A hotel's facts as staff see and change them: names, kinds, and the words that change with them.

Pure. What a fact may be follows from how those words show it: `{deposit:money}` is an amount. Amounts are
kept in fen and written in yuan.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from bot import phrases
from bot.knowledge import Hotel
from bot.knowledge.rules import masked
from bot.own_replies import OwnReplies
from bot.store.facts import Fact
from bot.store.phrases import PhraseRow
from bot.store.points import Point
from bot.texts import BadSentence, MissingValue, placeholders

MOST = 500  # characters
DEAREST = Decimal(10_000_000)  # yuan
_SPAN = re.compile(r"(\d{1,2})[:：](\d{2})\s*[-–—~～至到]\s*(\d{1,2})[:：](\d{2})")
_CLOCK = re.compile(r"(?<!\d)(\d{1,2})[:：](\d{2})(?!\d)")


class Kind(StrEnum):
    """How a fact is written."""

    TEXT = "text"
    HOURS = "hours"  # words with times of the day in them
    MONEY = "money"
    CLOCK = "clock"
    DATE = "date"
    NUMBER = "number"


_BY_SPEC = {
    "money": Kind.MONEY,
    "clock": Kind.CLOCK,
    "date": Kind.DATE,
    "day": Kind.DATE,
    "weekday": Kind.DATE,
}


class BadFact(ValueError):
    """It can't be this; the code of a text that says what is wanted."""


@dataclass(frozen=True)
class Use:
    """Words that name facts: an answer (`waiting`: not approved yet), an account's own reply, a sentence of
    the assistant, a canned reply."""

    kind: str
    id: str
    title: str
    template: str

    def specs(self, fact: str) -> Iterator[str]:
        yield from (spec for name, spec in placeholders(self.template) if name == fact)


@dataclass(frozen=True)
class Said:
    """Some words before and after a change; None: a fact is missing, so a colleague is asked."""

    use: Use
    before: str | None
    after: str | None


def label(hotel: Hotel, fact: str) -> str:
    """What staff call it: the hotel's own name for it, ours, or its key."""
    return hotel.file.fact_names.get(fact) or phrases.label(hotel.texts, fact)


# ---- where a fact is used


def uses_of(hotel: Hotel, points: Iterable[Point], rows: Iterable[PhraseRow]) -> Mapping[str, list[Use]]:
    """By fact, in the order in which they matter: answers first."""
    found: dict[str, list[Use]] = defaultdict(list)
    for use in (*_answers(points), *_own(hotel), *_sentences(hotel), *_phrases(rows)):
        for name in dict.fromkeys(_names(use.template)):
            found[name].append(use)
    return found


def _names(template: str) -> list[str]:
    try:
        return [name for name, _ in placeholders(template)]
    except BadSentence:
        return []


def _answers(points: Iterable[Point]) -> Iterator[Use]:
    for point in points:
        if point.retired_at:
            continue
        if point.approved:
            entry = point.approved.entry
            yield Use("point", point.id, entry.title, entry.answer)
        if point.approved is None or point.latest.number != point.approved.number:
            entry = point.latest.entry
            yield Use("waiting", point.id, entry.title, entry.answer)


def _own(hotel: Hotel) -> Iterator[Use]:
    for replies in hotel.file.own.values():
        for own in (replies.hotel, *replies.accounts.values()):
            yield from _replies(own)


def _replies(own: OwnReplies) -> Iterator[Use]:
    if own.welcome:
        yield Use("welcome", "", "", own.welcome)
    for keyword in own.keywords or ():
        yield Use("keyword", "", "、".join(keyword.words), keyword.reply.text)
    for button in own.buttons():
        if button.reply:
            yield Use("button", "", button.name, button.reply.text)


def _sentences(hotel: Hotel) -> Iterator[Use]:
    for key, sentence in hotel.texts.sentences.items():
        if "{" in sentence and not key.startswith((phrases.BUILT_IN, "errors_")):
            yield Use("sentence", key, "", sentence)


def _phrases(rows: Iterable[PhraseRow]) -> Iterator[Use]:
    yield from (Use("phrase", row.id, row.title, row.text) for row in rows)


# ---- how it is written


def kind_of(fact: str, value: Fact | None, uses: Iterable[Use]) -> Kind:
    for spec in (spec for use in uses for spec in use.specs(fact) if spec in _BY_SPEC):
        return _BY_SPEC[spec]
    if isinstance(value, int):
        return Kind.NUMBER
    hours = fact.endswith("_hours") or bool(value and _SPAN.fullmatch(value))
    return Kind.HOURS if hours else Kind.TEXT


def placeholder(fact: str, kind: Kind) -> str:
    """How words name it so that guests read it as what it is: an amount in yuan, never in fen."""
    return f"{{{fact}:money}}" if kind is Kind.MONEY else f"{{{fact}}}"


def written(kind: Kind, value: Fact | None) -> str:
    """As it stands in the field that changes it."""
    if value is None:
        return ""
    if kind is Kind.MONEY and str(value).isdecimal():
        yuan, fen = divmod(int(value), 100)
        return f"{yuan}.{fen:02}" if fen else str(yuan)
    return str(value)


def parse(kind: Kind, text: str) -> Fact | None:
    """What was written; None: nobody knows. Raises BadFact."""
    text = masked(text.strip())
    if not text:
        return None
    if len(text) > MOST:
        raise BadFact("fact_too_long")
    try:
        return _PARSERS[kind](text)
    except (ValueError, InvalidOperation):
        raise BadFact(f"fact_{kind}") from None


def _money(text: str) -> int:
    yuan = Decimal(text.strip("¥￥元 ").replace(",", ""))
    fen = yuan * 100
    if not 0 <= yuan <= DEAREST or fen != int(fen):
        raise ValueError
    return int(fen)


def _clock(text: str) -> str:
    found = _CLOCK.fullmatch(text)
    if not found:
        raise ValueError
    return _time(found[1], found[2])


def _time(hour: str, minute: str) -> str:
    return f"{time(int(hour), int(minute)):%H:%M}"


def _hours(text: str) -> str:
    """Any words; times in them must be times, and one span alone is written as the others are."""
    for hour, minute in _CLOCK.findall(text):
        if (hour, minute) != ("24", "00"):
            _time(hour, minute)
    span = _SPAN.fullmatch(text)
    return f"{span[1]:>02}:{span[2]}–{span[3]:>02}:{span[4]}" if span else text


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise ValueError
    return int(text)


_PARSERS: Mapping[Kind, Callable[[str], Fact]] = {
    Kind.TEXT: str,
    Kind.HOURS: _hours,
    Kind.MONEY: _money,
    Kind.CLOCK: _clock,
    Kind.DATE: lambda text: date.fromisoformat(text).isoformat(),
    Kind.NUMBER: _number,
}


# ---- what a change says


def said(hotel: Hotel, fact: str, value: Fact | None, uses: Iterable[Use], now: datetime) -> list[Said]:
    """Each of these words as they are now and as they would be. Raises BadFact where they can't show it."""
    changed = {name: known for name, known in hotel.facts.items() if name != fact}
    if value is not None:
        changed[fact] = value
    return [
        Said(use, _filled(hotel, use, fact, hotel.facts, now), _filled(hotel, use, fact, changed, now))
        for use in uses
    ]


def _filled(hotel: Hotel, use: Use, fact: str, facts: Mapping[str, Fact], now: datetime) -> str | None:
    """None where a fact is missing. What the assistant fills in only when it speaks stands as a gap."""
    template = use.template
    if use.kind in ("sentence", "phrase"):
        for name in {name for name in _names(template) if name not in hotel.facts and name != fact}:
            template = re.sub(rf"\{{{name}(:\w*)?\}}", "…", template)
    try:
        return hotel.texts.fill(template, {}, facts=facts, now=now, zone=hotel.zone)
    except MissingValue:
        return None
    except BadSentence:
        raise BadFact("fact_shown") from None
