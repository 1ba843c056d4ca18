"""Every sentence of ours, by key, and how its placeholders are filled.  Pure: reads files only in `load`.

A placeholder is `{name}` or `{name:spec}`; the name is looked up in the values of the act, then in the
hotel's facts.  A name that is nowhere raises MissingValue: a sentence never goes out with a gap.  Values
are never parsed as templates, so a guest's words with braces in them stay what they are.

Specs: date (11月23日), weekday (周一), clock (早上7:00), day (明天, else the date), lead (还有9小时30分钟),
money (fen).  Values may be ISO strings, date/time/datetime objects, numbers, {"start", "end"} for ranges,
{"n", "unit"} for quantities.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any

from bot.plain_yaml import read_yaml
from bot.spoken import LANGUAGES, Spoken, show_money

SPECS = frozenset({"", "date", "weekday", "clock", "day", "lead", "money"})


class UnknownKey(KeyError):
    """No sentence has this key, in any file or override."""


class MissingValue(LookupError):
    """A placeholder's value is nowhere: the service asks a colleague instead of answering."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class BadSentence(ValueError):
    """A sentence is not a valid template, or a value can't be shown the way its spec asks."""


class BadTexts(ValueError):
    """All that is wrong with the files of texts, together."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True)
class Moment:
    """When and where a sentence is said: what "tomorrow" means depends on it."""

    now: datetime
    zone: tzinfo

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()


def placeholders(sentence: str) -> tuple[tuple[str, str], ...]:
    """(name, spec) of each placeholder in order; BadSentence if it isn't a template of ours."""
    try:
        parts = list(Formatter().parse(sentence))
    except ValueError as error:
        raise BadSentence(str(error)) from error
    found = []
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if conversion or not name.isidentifier() or (spec or "") not in SPECS:
            raise BadSentence(f"{{{name}{'!' + conversion if conversion else ''}:{spec}}}")
        found.append((name, spec or ""))
    return tuple(found)


def fill(sentence: str, locale: str, values: Mapping[str, Any], facts: Mapping[str, Any], at: Moment) -> str:
    """The sentence with its placeholders filled from `values`, then from `facts`."""
    placeholders(sentence)
    return _Filler(LANGUAGES[locale], values, facts, at).vformat(sentence, (), {})


@dataclass(frozen=True)
class Texts:
    """The sentences of one language, with a hotel's own wording laid over them."""

    locale: str
    sentences: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, key: object) -> bool:
        return key in self.sentences

    def sentence(self, key: str) -> str:
        if key not in self.sentences:
            raise UnknownKey(key)
        return self.sentences[key]

    def render(
        self,
        key: str,
        values: Mapping[str, Any],
        *,
        facts: Mapping[str, Any],
        now: datetime,
        zone: tzinfo,
    ) -> str:
        """The sentence of `key`, filled.  Raises UnknownKey, MissingValue or BadSentence."""
        return fill(self.sentence(key), self.locale, values, facts, Moment(now, zone))

    def fill(
        self,
        sentence: str,
        values: Mapping[str, Any],
        *,
        facts: Mapping[str, Any],
        now: datetime,
        zone: tzinfo,
    ) -> str:
        """Any template, such as a topic's answer, filled as `render` fills ours."""
        return fill(sentence, self.locale, values, facts, Moment(now, zone))

    def chrome(self, prefix: str, facts: Mapping[str, Any]) -> dict[str, str]:
        """The sentences whose key begins so, for a page that fills the rest itself: facts are filled in,
        other placeholders stay as they are."""
        found = {key: text for key, text in self.sentences.items() if key.startswith(prefix)}
        for name, value in facts.items():
            found = {key: text.replace(f"{{{name}}}", str(value)) for key, text in found.items()}
        return found

    def with_overrides(self, overrides: Mapping[str, str]) -> "Texts":
        """The same with a hotel's own wording.  An override of nothing is a mistake: UnknownKey."""
        for key in overrides:
            self.sentence(key)
        return replace(self, sentences=MappingProxyType({**self.sentences, **overrides}))

    def override_mistakes(self, overrides: Mapping[str, str]) -> list[str]:
        """Why these overrides can't be used: unknown keys, broken templates, values we never give."""
        return [mistake for key, text in overrides.items() for mistake in self._override_mistakes(key, text)]

    def _override_mistakes(self, key: str, text: str) -> Iterable[str]:
        if key not in self.sentences:
            yield f"{key}: there is no such text"
            return
        try:
            ours = {name for name, _ in placeholders(self.sentences[key])}
            unknown = sorted({name for name, _ in placeholders(text)} - ours)
        except BadSentence as error:
            yield f"{key}: bad placeholder {error}"
            return
        yield from (f"{key}: the placeholder {{{name}}} is not one of this text" for name in unknown)


def load_texts(folder: Path) -> dict[str, Texts]:
    """Every language of `folder`: `<locale>.yml` and `<area>.<locale>.yml`, merged.  Raises BadTexts."""
    mistakes: list[str] = []
    merged: dict[str, dict[str, str]] = {locale: {} for locale in LANGUAGES}
    for file in sorted(folder.glob("*.yml")):
        locale = file.stem.rsplit(".", 1)[-1]
        if locale not in merged:
            mistakes.append(f"{file.name}: no language {locale!r} (known: {', '.join(LANGUAGES)})")
            continue
        mistakes += _merge(file, merged[locale])
    if mistakes:
        raise BadTexts(mistakes)
    return {locale: Texts(locale, MappingProxyType(sentences)) for locale, sentences in merged.items()}


def _merge(file: Path, into: dict[str, str]) -> list[str]:
    document, mistakes = read_yaml(file)
    if not isinstance(document, dict):
        return [*mistakes, f"{file.name}: not a list of `key: sentence`"]
    for key, sentence in document.items():
        mistake = _entry_mistake(key, sentence, into)
        if mistake:
            mistakes.append(f"{file.name}: {key}: {mistake}")
        else:
            into[key] = sentence.rstrip("\n")
    return mistakes


def _entry_mistake(key: str, sentence: object, known: Mapping[str, str]) -> str | None:
    if not isinstance(sentence, str) or not sentence.strip():
        return "must be a sentence"
    if key in known:
        return "stands in another file too"
    try:
        placeholders(sentence)
    except BadSentence as error:
        return f"bad placeholder {error}"
    return None


# ---- filling


class _Filler(Formatter):
    def __init__(
        self, spoken: Spoken, values: Mapping[str, Any], facts: Mapping[str, Any], at: Moment
    ) -> None:
        self._spoken, self._values, self._facts, self._at = spoken, values, facts, at

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        for source in (self._values, self._facts):
            value = source.get(str(key))
            if value is not None and value != "":
                return value
        raise MissingValue(str(key))

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Mapping) and "n" in value:
            return f"{value['n']}{self._spoken.unit_gap}{value.get('unit') or ''}".strip()
        if isinstance(value, Mapping):
            ends = [self.format_field(value[end], format_spec) for end in ("start", "end") if value.get(end)]
            if not ends:
                raise BadSentence("a value is neither a range nor a quantity")
            return self._spoken.until.join(ends)
        if not format_spec:
            return str(value)
        return self._show(value, format_spec)

    def _show(self, value: Any, spec: str) -> str:
        try:
            match spec:
                case "money":
                    return show_money(int(value))
                case "clock":
                    return self._spoken.clock(_time_of(value, self._at))
                case "lead":
                    return self._lead(_datetime_of(value))
                case "day":
                    return self._day(_date_of(value, self._at))
                case "weekday":
                    return self._spoken.weekday(_date_of(value, self._at))
                case _:
                    return self._spoken.day_of_year(_date_of(value, self._at), self._at.today)
        except (TypeError, ValueError) as error:
            raise BadSentence(f"a value can not be shown as {spec}") from error

    def _day(self, day: date) -> str:
        return self._spoken.near.get((day - self._at.today).days) or self._spoken.day_of_year(
            day, self._at.today
        )

    def _lead(self, due: datetime) -> str:
        minutes = max(0, round((due - self._at.now) / timedelta(minutes=1)))
        return self._spoken.lead(minutes // 1440, minutes % 1440 // 60, minutes % 60)


def _datetime_of(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment


def _date_of(value: Any, at: Moment) -> date:
    if isinstance(value, datetime) or (isinstance(value, str) and len(value) > len("2026-11-23")):
        return _datetime_of(value).astimezone(at.zone).date()
    return value if isinstance(value, date) else date.fromisoformat(value)


def _time_of(value: Any, at: Moment) -> time:
    if isinstance(value, datetime) or (isinstance(value, str) and len(value) > len("07:00:00")):
        return _datetime_of(value).astimezone(at.zone).time()
    return value if isinstance(value, time) else time.fromisoformat(value)
