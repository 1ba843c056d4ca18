"""Lists of points as files: CSV, Excel or YAML in, and what taking one over would change. Pure.

Columns: id, title, variants (separated by |), answer; where they are wanted topic, valid_from, valid_to and
channels. A list without ids finds its points by their titles. Every mistake is told at once, with its row.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from pathlib import PurePath
from typing import Any
from zipfile import BadZipFile

import yaml

from bot.knowledge import rules
from bot.model import StaffId
from bot.store.points import Entry, Point, PointId, Version

KINDS = (".csv", ".xlsx", ".yml", ".yaml")
MOST = 50_000  # points of one file
# What the columns of a sheet may be called; the first name is the one we write.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "编号"),
    "title": ("title", "标题", "问题", "标准问题"),
    "variants": ("variants", "相似问法", "其他问法", "变体"),
    "answer": ("answer", "答案", "回答"),
    "topic": ("topic", "主题"),
    "valid_from": ("valid_from", "开始日期", "生效日期"),
    "valid_to": ("valid_to", "结束日期", "失效日期"),
    "channels": ("channels", "渠道"),
}
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_NAMES = {name: column for column, names in COLUMNS.items() for name in names}


class BadFile(ValueError):
    """It can't be read as a list of points; `code` says why."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code, self.values = code, values


@dataclass(frozen=True)
class Line:
    """One point of a file: its row, its id ('' for none), what it says, and which fields it says at all."""

    number: int
    id: str
    entry: Entry
    given: frozenset[str] = frozenset(COLUMNS)

    def over(self, before: Point | None) -> Entry:
        """What the point says afterwards: columns that the file doesn't have stay as they are."""
        kept = {f.name for f in fields(Entry)} - self.given if before else set()
        old = before.latest.entry if before else self.entry
        return rules.tidy(replace(self.entry, **{name: getattr(old, name) for name in kept}))


@dataclass(frozen=True)
class Wrong:
    """A mistake in a row: a code of the texts, with its values."""

    number: int
    code: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """What taking over one line does: to which point, and which of its fields differ (none for a new one)."""

    line: Line
    point: PointId
    before: Point | None
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What taking over a file does. `wrong` lines are left out."""

    changes: tuple[Change, ...]
    unchanged: int
    wrong: tuple[Wrong, ...]

    @property
    def new(self) -> int:
        return sum(change.before is None for change in self.changes)


# ---- reading


def read(name: str, content: bytes) -> tuple[list[Line], list[Wrong]]:
    """The lines of a file, and those that make no sense. Raises BadFile."""
    kind = PurePath(name).suffix.lower()
    if kind not in KINDS:
        raise BadFile("file_kind")
    rows = list({".csv": _csv, ".xlsx": _xlsx}.get(kind, _yaml)(content))
    if len(rows) > MOST:
        raise BadFile("file_too_long", limit=MOST)
    lines: list[Line] = []
    wrong: list[Wrong] = []
    for number, row in rows:
        try:
            lines.append(_line(number, row))
        except BadFile as error:
            wrong.append(Wrong(number, error.code, error.values))
    return lines, wrong


def _csv(content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    sheet = csv.reader(io.StringIO(_decoded(content), newline=""))
    try:
        yield from _table(enumerate(sheet, 1))
    except csv.Error as error:
        raise BadFile("file_unreadable") from error


def _decoded(content: bytes) -> str:
    """UTF-8, else what Excel writes on a Chinese machine."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadFile("file_unreadable")


def _xlsx(content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    # Hardly ever needed, and a tenth of what a process of the service takes to start.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise BadFile("file_unreadable") from error
    try:
        yield from _table(enumerate(book.worksheets[0].iter_rows(values_only=True), 1))
    finally:
        book.close()


def _table(rows: Iterator[tuple[int, Sequence[Any]]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows below a row of column names, in any order; columns that we don't know are left alone."""
    _, head = next(rows, (0, ()))
    columns = [_NAMES.get(str(cell or "").strip().lower()) for cell in head]
    if "title" not in columns or "answer" not in columns:
        raise BadFile("file_columns")
    for number, cells in rows:
        row = {column: cell for column, cell in zip(columns, cells, strict=False) if column}
        if any(cell not in (None, "") for cell in row.values()):
            yield number, row


def _yaml(content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """A list of points, or a mapping of ids to points as in a hotel's knowledge.yml."""
    try:
        document = yaml.safe_load(_decoded(content))
    except (yaml.YAMLError, RecursionError) as error:
        raise BadFile("file_unreadable") from error
    if isinstance(document, dict):
        document = [{"id": id_, **said} for id_, said in document.items() if isinstance(said, dict)]
    if not isinstance(document, list):
        raise BadFile("file_columns")
    for number, said in enumerate(document, 1):
        yield number, said if isinstance(said, dict) else {}


# ---- one line


def _line(number: int, row: Mapping[str, Any]) -> Line:
    title, answer = _text(row.get("title")), _text(row.get("answer"))
    entry = Entry(
        title,
        answer,
        tuple(_parts(row.get("variants"))),
        _text(row.get("topic")) or None,
        _date(row.get("valid_from"), "valid_from"),
        _date(row.get("valid_to"), "valid_to"),
        tuple(_parts(row.get("channels"))),
    )
    id_ = _text(row.get("id"))
    if len(id_) > 64:
        raise BadFile("point_id_too_long", limit=64)
    return Line(number, id_, entry, frozenset(row))


def _text(value: Any) -> str:
    """A cell as text; Excel gives whole numbers as 12.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def _parts(value: Any) -> Iterator[str]:
    parts = value if isinstance(value, list) else _text(value).replace("｜", "|").split("|")
    return (text for part in parts if (text := _text(part)))


def _date(value: Any, column: str) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if value in (None, "") or isinstance(value, date):
        return value or None
    found = _DATE.fullmatch(_text(value))
    try:
        return date(*map(int, found.groups())) if found else date.fromisoformat(_text(value))
    except ValueError:
        raise BadFile("point_date", what=_text(value), column=column) from None


# ---- what taking it over changes


def plan(lines: Sequence[Line], wrong: Sequence[Wrong], known: Sequence[Point]) -> Plan:
    """Compare a file with the points there are; a point that stands in it twice is wrong."""
    by_id = {point.id: point for point in known}
    by_title = {point.latest.entry.title: point for point in known}
    faults, changes, seen, unchanged = list(wrong), [], set(), 0
    for line in lines:
        title = rules.tidy(line.entry).title
        before = by_id.get(PointId(line.id)) if line.id else by_title.get(title)
        entry = line.over(before)
        fault = _fault(line.number, entry)
        key = line.id or (before.id if before else entry.title)
        if fault is None and key in seen:
            fault = Wrong(line.number, "point_twice", {})
        if fault:
            faults.append(fault)
            continue
        seen.add(key)
        if before and before.latest.entry == entry:
            unchanged += 1
            continue
        id_ = before.id if before else PointId(line.id) or rules.new_point_id()
        changes.append(Change(replace(line, entry=entry), id_, before, _differing(before, entry)))
    return Plan(tuple(changes), unchanged, tuple(sorted(faults, key=lambda w: w.number)))


def _fault(number: int, entry: Entry) -> Wrong | None:
    for mistake in rules.mistakes(entry):
        return Wrong(number, f"point_{mistake.field}_{mistake.code}", mistake.values)
    return None


def _differing(before: Point | None, entry: Entry) -> tuple[str, ...]:
    if before is None:
        return ()
    old = before.latest.entry
    return tuple(f.name for f in fields(Entry) if getattr(old, f.name) != getattr(entry, f.name))


def versions_of(plan: Plan, by: StaffId | None, at: datetime) -> list[Version]:
    """The drafts that a plan makes, each the newest version of its point."""
    numbered = ((c, c.before.latest.number + 1 if c.before else 1) for c in plan.changes)
    return [Version(c.point, number, c.line.entry, "file", at, by) for c, number in numbered]


# ---- writing


def as_csv(known: Sequence[Point]) -> str:
    """The points as they were written last, as this module reads them again."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(COLUMNS)
    for point in known:
        e = point.latest.entry
        days = (e.valid_from or "", e.valid_to or "")
        sheet.writerow(
            [point.id, e.title, "|".join(e.variants), e.answer, e.topic or "", *days, "|".join(e.channels)]
        )
    return out.getvalue()
