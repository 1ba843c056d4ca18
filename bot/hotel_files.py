"""A hotel as YAML: its facts, knowledge and wording, checked as a whole and compared with what is known.

Pure but for `read`, which reads the folder.  Documents (the parsed YAML) go in, a frozen HotelFile comes
out, or BadHotel with every mistake at once.  Nothing is guessed: a field we don't know is a mistake.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from bot import departments, ladder, own_replies, targets
from bot.departments import Departments
from bot.handoff import DutyHours, Span
from bot.hotel_sheet import (
    Fact,
    Sheet,
    parse_colour,
    parse_fact,
    parse_line,
    parse_minutes,
    parse_origins,
    parse_phone,
    parse_rooms,
    parse_slug,
    parse_spans,
    parse_switch,
    parse_template,
    parse_theme,
    parse_url,
    parse_words,
    parse_zone,
)
from bot.ladder import Ladder
from bot.model import HotelId
from bot.own_replies import AccountReplies, OwnReplies
from bot.plain_yaml import read_yaml
from bot.targets import Clocks, Plan
from bot.texts import Texts, placeholders

DOCUMENTS = ("hotel", "knowledge", "texts", "wechat")
OPTIONAL = frozenset({"texts", "wechat"})
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NOBODY: tuple[Span, ...] = ()
UNKNOWN: Fact = 0


class BadHotel(ValueError):
    """All that is wrong with a hotel's files, together."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True)
class Privacy:
    """The hotel's privacy notice; a new version is shown to every guest once more."""

    url: str
    version: str


@dataclass(frozen=True)
class WidgetLook:
    """How the widget looks on the hotel's site, and on which sites it may stand."""

    colour: str
    origins: tuple[str, ...]
    theme: str = "auto"  # auto, light, dark
    greeting: bool = True  # a word beside the button, for whoever stays on the page


@dataclass(frozen=True)
class Away:
    """How a guest who left the page gets an answer: after so many minutes, on the first of these channels
    that is linked and open. Only to guests who have said that they want it."""

    minutes: int
    channels: tuple[str, ...]


@dataclass(frozen=True)
class RoomType:
    """A room type: its code, and the words guests use for it (the first is the one we use)."""

    code: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Topic:
    """A knowledge topic: what staff call it and what a guest is told, with placeholders for facts."""

    title: str
    answer: str


@dataclass(frozen=True)
class HotelFile:
    """All that a hotel's folder says."""

    id: HotelId
    name: str
    name_en: str
    zone: ZoneInfo
    phone: str
    emergency_line: str
    address: str
    duty: DutyHours
    privacy: Privacy
    widget: WidgetLook
    room_types: tuple[RoomType, ...]
    rooms: tuple[str, ...]
    facts: Mapping[str, Fact]
    topics: Mapping[str, Topic]
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    away: Away | None = None
    own: Mapping[str, AccountReplies] = field(default_factory=dict)  # by channel
    departments: Departments = field(default_factory=Departments)
    targets: Plan = field(default_factory=Plan)
    alerts: Ladder = field(default_factory=Ladder)
    fact_names: Mapping[str, str] = field(default_factory=dict)  # what staff call facts of the hotel's own
    asks_rating: bool = True  # how a visit was that a colleague has ended

    @property
    def clocks(self) -> Clocks:
        """How soon people should answer, in whose hours."""
        return Clocks(self.targets, self.departments, self.duty)

    def replies_of(self, channel: str, account: str) -> OwnReplies:
        """What an account answers by itself."""
        return self.own.get(channel, AccountReplies()).of(account)

    def all_facts(self) -> dict[str, Fact]:
        """What placeholders may name: the facts of the file, and those that follow from its other fields."""
        return {**self.facts, **_derived(self)}

    def unfilled(self) -> dict[str, tuple[str, ...]]:
        """Topics that need facts which don't stand anywhere; their guests will hear 我问一下同事."""
        known = self.all_facts()
        gaps = {
            name: tuple(sorted({fact for fact, _ in placeholders(topic.answer)} - set(known)))
            for name, topic in self.topics.items()
        }
        return {name: gap for name, gap in gaps.items() if gap}


def read(folder: Path) -> dict[str, Any]:
    """The documents of a hotel's folder, as they stand.  Raises BadHotel when a file can't be read."""
    documents: dict[str, Any] = {}
    mistakes: list[str] = []
    for name in DOCUMENTS:
        file = folder / f"{name}.yml"
        if name in OPTIONAL and not file.exists():
            continue
        documents[name], wrong = read_yaml(file)
        mistakes += wrong
    if mistakes:
        raise BadHotel(mistakes)
    return documents


def load(folder: Path, ours: Mapping[str, Texts] | None = None) -> HotelFile:
    """The hotel in `folder`, which bears its id.  `ours`: the sentences its own wording may replace."""
    hotel = parse(read(folder), ours)
    if hotel.id != folder.name:
        raise BadHotel([f"hotel.yml: id is {hotel.id!r}, but the folder is {folder.name!r}"])
    return hotel


def parse(documents: Mapping[str, Any], ours: Mapping[str, Texts] | None = None) -> HotelFile:
    """The hotel that these documents describe.  Raises BadHotel with every mistake at once."""
    sheet = Sheet("hotel.yml", documents.get("hotel"))
    zone = sheet.take("timezone", parse_zone, ZoneInfo("Asia/Shanghai"))
    duty = _duty(sheet.part("duty"), zone)
    hotel = HotelFile(
        id=HotelId(sheet.take("id", parse_slug, "")),
        name=sheet.take("name", parse_line, ""),
        name_en=sheet.take("name_en", parse_line, ""),
        zone=zone,
        phone=sheet.take("phone", parse_phone, ""),
        emergency_line=sheet.take("emergency_line", parse_phone, ""),
        address=sheet.take("address", parse_line, ""),
        duty=duty,
        privacy=_privacy(sheet.part("privacy")),
        widget=_widget(sheet.part("widget")),
        room_types=_room_types(sheet.part("room_types")),
        rooms=sheet.take("rooms", parse_rooms, ()),
        facts=_facts(sheet.part("facts")),
        topics=_topics(knowledge := Sheet("knowledge.yml", documents.get("knowledge"))),
        own=_own(wechat := Sheet("wechat.yml", documents.get("wechat") or {}), documents.get("knowledge")),
        texts=_texts(wording := Sheet("texts.yml", documents.get("texts", {})), ours or {}),
        away=_away(sheet.part("away")) if "away" in sheet.names() else None,
        departments=(parts := departments.parse(sheet, duty, lambda part: _duty(part, zone))),
        targets=targets.parse(sheet, parts),
        alerts=ladder.parse(sheet),
        fact_names=_fact_names(sheet.part("fact_names")) if "fact_names" in sheet.names() else {},
        asks_rating=sheet.option("ask_rating", parse_switch, True),
    )
    if ours:
        departments.unknown(
            sheet, hotel.departments, {key for texts in ours.values() for key in texts.sentences}
        )
    mistakes = [*sheet.end(), *knowledge.end(), *wording.end(), *wechat.end(), *_clashes(hotel)]
    if mistakes:
        raise BadHotel(mistakes)
    return hotel


def difference(old: HotelFile | None, new: HotelFile) -> list[str]:
    """What importing `new` over `old` changes, a line each: `+` new, `-` gone, `~` changed."""
    before = dict(_flat(old)) if old else {}
    after = dict(_flat(new))
    lines = [f"- {key}: {before[key]}" for key in before if key not in after]
    for key, value in after.items():
        if key not in before:
            lines.append(f"+ {key}: {value}")
        elif before[key] != value:
            lines.append(f"~ {key}: {before[key]} → {value}")
    return lines


def _flat(hotel: HotelFile) -> Iterator[tuple[str, str]]:
    for name in ("id", "name", "name_en", "phone", "emergency_line", "address"):
        yield name, getattr(hotel, name)
    yield "timezone", hotel.zone.key
    yield from ((f"duty.{name}", text) for name, text in _duty_texts(hotel.duty))
    yield from (("privacy.url", hotel.privacy.url), ("privacy.version", hotel.privacy.version))
    yield from (("widget.colour", hotel.widget.colour), ("widget.origins", " ".join(hotel.widget.origins)))
    if hotel.away:
        yield "away.minutes", str(hotel.away.minutes)
        yield "away.channels", " ".join(hotel.away.channels)
    yield from departments.flat(hotel.departments, hotel.duty, _duty_texts)
    yield from targets.flat(hotel.targets)
    yield from ladder.flat(hotel.alerts)
    yield "ask_rating", str(hotel.asks_rating)
    yield from (("widget.theme", hotel.widget.theme), ("widget.greeting", str(hotel.widget.greeting)))
    yield from ((f"room_types.{room.code}", " ".join(room.words)) for room in hotel.room_types)
    yield "rooms", " ".join(hotel.rooms)
    yield from ((f"facts.{name}", str(value)) for name, value in hotel.facts.items())
    yield from ((f"fact_names.{name}", called) for name, called in hotel.fact_names.items())
    for name, topic in hotel.topics.items():
        yield f"knowledge.{name}.title", topic.title
        yield f"knowledge.{name}.answer", topic.answer
    for locale, sentences in hotel.texts.items():
        yield from ((f"texts.{locale}.{key}", sentence) for key, sentence in sentences.items())
    for replies in hotel.own.values():
        yield from own_replies.flat(replies)


# ---- what follows from the other fields


def _derived(hotel: HotelFile) -> dict[str, Fact]:
    return {
        "hotel_name": hotel.name,
        "hotel_name_en": hotel.name_en,
        "hotel_phone": hotel.phone,
        "hotel_address": hotel.address,
        "emergency_line": hotel.emergency_line,
        "privacy_url": hotel.privacy.url,
        "duty_hours": duty_words(hotel.duty),
    }


def duty_words(duty: DutyHours) -> str:
    """每天 07:00–23:00, or days of equal hours together: 周一至周五 07:00–23:00，周六、周日 09:00–18:00."""
    groups: list[tuple[list[int], str]] = []
    for day, spans in enumerate(duty.week):
        words = _spans_text(spans) or "休息"
        if groups and groups[-1][1] == words:
            groups[-1][0].append(day)
        else:
            groups.append(([day], words))
    return "，".join(f"{_days_words(days)} {words}" for days, words in groups)


def _days_words(days: Sequence[int]) -> str:
    names = ["周" + "一二三四五六日"[day] for day in days]
    if len(days) == len(WEEKDAYS):
        return "每天"
    return f"{names[0]}至{names[-1]}" if len(days) > 2 else "、".join(names)


def _spans_text(spans: Sequence[Span]) -> str:
    return "、".join(f"{start:%H:%M}–{_end_text(end)}" for start, end in spans)


def _end_text(end: time) -> str:
    return f"{end:%H:%M}" if end != time(0) else "24:00"


def _duty_days(duty: DutyHours) -> Iterator[tuple[str, Sequence[Span]]]:
    yield from zip(WEEKDAYS, duty.week, strict=True)
    yield from ((day.isoformat(), spans) for day, spans in sorted(duty.days.items()))


def _duty_texts(duty: DutyHours) -> Iterator[tuple[str, str]]:
    yield from ((name, _spans_text(spans)) for name, spans in _duty_days(duty))


# ---- parsing


def _duty(sheet: Sheet, zone: ZoneInfo) -> DutyHours:
    week: list[Sequence[Span]] = [sheet.take(day, parse_spans, NOBODY) for day in WEEKDAYS]
    days: dict[date, Sequence[Span]] = {}
    for name in sheet.names():
        if name in WEEKDAYS:
            continue
        spans = sheet.take(name, parse_spans, NOBODY)
        try:
            days[date.fromisoformat(name)] = spans
        except ValueError:
            sheet.wrong(name, f"must be one of {', '.join(WEEKDAYS)} or a date such as 2026-10-01")
    return DutyHours(zone, tuple(week), MappingProxyType(days))


def _privacy(sheet: Sheet) -> Privacy:
    return Privacy(sheet.take("url", parse_url, ""), sheet.take("version", parse_line, ""))


def _widget(sheet: Sheet) -> WidgetLook:
    return WidgetLook(
        sheet.take("colour", parse_colour, ""),
        sheet.take("origins", parse_origins, ()),
        sheet.option("theme", parse_theme, "auto"),
        sheet.option("greeting", parse_switch, True),
    )


def _away(sheet: Sheet) -> Away:
    return Away(sheet.take("minutes", parse_minutes, 0), sheet.take("channels", parse_words, ()))


def _room_types(sheet: Sheet) -> tuple[RoomType, ...]:
    types = tuple(RoomType(code, sheet.take(code, parse_words, ())) for code in sheet.names())
    owner: dict[str, str] = {}
    for room in types:
        for word in room.words:
            if owner.setdefault(word, room.code) != room.code:
                sheet.wrong(room.code, f"{word} already means {owner[word]}")
    return types


def _facts(sheet: Sheet) -> Mapping[str, Fact]:
    for name in sheet.names():
        if not name.isidentifier():
            sheet.wrong(name, "must be a plain name such as breakfast_hours")
    return MappingProxyType({name: sheet.take(name, parse_fact, UNKNOWN) for name in sheet.names()})


def _fact_names(sheet: Sheet) -> Mapping[str, str]:
    return MappingProxyType({name: sheet.take(name, parse_line, name) for name in sheet.names()})


def _topics(sheet: Sheet) -> Mapping[str, Topic]:
    parts = {name: sheet.part(name) for name in sheet.names()}
    return MappingProxyType(
        {
            name: Topic(part.take("title", parse_line, ""), part.take("answer", parse_template, ""))
            for name, part in parts.items()
        }
    )


def _texts(sheet: Sheet, ours: Mapping[str, Texts]) -> Mapping[str, Mapping[str, str]]:
    wording: dict[str, Mapping[str, str]] = {}
    for locale in sheet.names():
        part = sheet.part(locale)
        wording[locale] = {key: part.take(key, parse_template, "") for key in part.names()}
        if ours and locale not in ours:
            sheet.wrong(locale, f"no such language (known: {', '.join(ours)})")
        elif ours:
            part.mistakes += [
                f"{part.place}: {mistake}" for mistake in ours[locale].override_mistakes(wording[locale])
            ]
    return MappingProxyType(wording)


def _own(sheet: Sheet, knowledge: Any) -> Mapping[str, AccountReplies]:
    topics = set(knowledge) if isinstance(knowledge, dict) else set()
    return MappingProxyType({"wechat": own_replies.parse(sheet, topics)})


def _clashes(hotel: HotelFile) -> list[str]:
    clashing = sorted(set(hotel.facts) & set(_derived(hotel)))
    return [f"hotel.yml: facts: {name}: is made from another field, leave it out" for name in clashing]
