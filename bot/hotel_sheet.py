"""Reading a mapping of YAML field by field: every mistake is noted, a harmless stand-in goes on.

So whoever wrote the file is told everything at once.  Parsers of single values raise ValueError with what
is wanted; `Sheet` adds where.
"""

import re
from collections.abc import Callable, Iterator
from datetime import time
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot.handoff import Span
from bot.texts import BadSentence, placeholders

T = TypeVar("T")
Fact = str | int


class Sheet:
    """One mapping of a document, its fields taken one by one; what nobody takes is a mistake."""

    def __init__(self, place: str, content: Any, mistakes: list[str] | None = None) -> None:
        self.place = place
        self.mistakes: list[str] = [] if mistakes is None else mistakes
        self.content = (
            {str(name): value for name, value in content.items()} if isinstance(content, dict) else {}
        )
        self._parts: list[Sheet] = []
        self._taken: set[str] = set()
        if not isinstance(content, dict):
            self.wrong("", "must be a list of `name: value`")

    def wrong(self, name: str, why: str) -> None:
        self.mistakes.append(f"{self.place}{': ' if name else ''}{name}: {why}")

    def take(self, name: str, parse: Callable[[Any], T], default: T) -> T:
        """The field, parsed; noted as a mistake where it is missing or wrong."""
        self._taken.add(name)
        if name not in self.content:
            self.wrong(name, "is missing")
            return default
        try:
            return parse(self.content[name])
        except ValueError as error:
            self.wrong(name, str(error))
            return default

    def option(self, name: str, parse: Callable[[Any], T], default: T) -> T:
        """A field that may be left out."""
        return self.take(name, parse, default) if name in self.content else default

    def part(self, name: str) -> "Sheet":
        """The mapping below `name`; its mistakes are noted here."""
        self._taken.add(name)
        if name not in self.content:
            self.wrong(name, "is missing")
        part = Sheet(f"{self.place}: {name}", self.content.get(name, {}), self.mistakes)
        self._parts.append(part)
        return part

    def names(self) -> list[str]:
        return list(self.content)

    def end(self) -> list[str]:
        """All mistakes of this sheet and its parts, fields that nobody knows included."""
        for part in self._parts:
            part.end()
        for name in self.names():
            if name not in self._taken:
                self.wrong(name, "is not a field we know")
        return self.mistakes


# ---- single values; ValueError says what is wanted


def parse_line(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or "\n" in value:
        raise ValueError("must be one line of text")
    return value.strip()


def _matching(pattern: str, wanted: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not re.fullmatch(pattern, text):
            raise ValueError(f"must be {wanted}")
        return text

    return parse


parse_slug = _matching(r"[a-z][a-z0-9-]{1,31}", "a short name of a-z, 0-9 and -")
parse_phone = _matching(r"\+?[0-9][0-9 -]{2,19}", "a phone number")
parse_colour = _matching(r"#[0-9a-fA-F]{6}", "a colour such as #0b5f8a")
parse_theme = _matching(r"auto|light|dark", "auto, light or dark")
_room = _matching(r"[0-9A-Za-z]{1,8}", "a room number")


def parse_switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def parse_zone(value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise ValueError("must be a time zone such as Asia/Shanghai") from error


def parse_url(value: Any) -> str:
    parts = urlsplit(parse_line(value))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address such as https://www.example.com/privacy")
    return parts.geturl()


def parse_origins(value: Any) -> tuple[str, ...]:
    origins = tuple(parse_url(item) for item in _list(value))
    if any(urlsplit(origin)._replace(scheme="", netloc="").geturl() for origin in origins):
        raise ValueError("must be origins such as https://www.example.com, without a path")
    return origins


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list")
    return value


def parse_minutes(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1440:
        raise ValueError("must be a number of minutes from 1 to 1440")
    return value


def parse_words(value: Any) -> tuple[str, ...]:
    return tuple(parse_line(word) for word in _list(value))


def parse_spans(value: Any) -> tuple[Span, ...]:
    if not isinstance(value, list):
        raise ValueError("must be a list of hours such as ['07:00-23:00'], [] for nobody")
    return tuple(sorted(_span(item) for item in value))


def _span(value: Any) -> Span:
    found = re.fullmatch(r"(\d\d:\d\d)-(\d\d:\d\d)", value) if isinstance(value, str) else None
    try:
        if found:
            return time.fromisoformat(found[1]), time.fromisoformat(found[2].replace("24:00", "00:00"))
    except ValueError:
        pass
    raise ValueError(f"{value!r} must be hours such as 07:00-23:00")


def parse_rooms(value: Any) -> tuple[str, ...]:
    return tuple(room for item in _list(value) for room in _room_range(item))


def _room_range(value: Any) -> Iterator[str]:
    first, _, last = str(value).partition("-")
    if not last:
        yield _room(first)
        return
    if not (first.isdigit() and last.isdigit() and len(first) == len(last) and first <= last):
        raise ValueError(f"{value!r} must be rooms such as 1201-1220")
    yield from (str(number).zfill(len(first)) for number in range(int(first), int(last) + 1))


@lru_cache(maxsize=64)
def room_ranges(rooms: tuple[str, ...]) -> tuple[str, ...]:
    """The rooms in as few words as parse_rooms would take: neighbours of one length as 0201-0230."""
    spans: list[list[str]] = []
    for room in rooms:
        if spans and _next_to(spans[-1][-1], room):
            spans[-1][1:] = [room]
        else:
            spans.append([room])
    return tuple("-".join(span) for span in spans)


def _next_to(room: str, other: str) -> bool:
    numbers = room.isdecimal() and other.isdecimal() and len(room) == len(other)
    return numbers and int(other) == int(room) + 1


def parse_fact(value: Any) -> Fact:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text or a whole number (money in fen); leave unknown facts out")
    return value.strip()


def parse_template(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    try:
        placeholders(value)
    except BadSentence as error:
        raise ValueError(f"bad placeholder {error}") from error
    return value.strip()
