"""How exactly the grammar reads dates, times and numbers: python -m bench.understanding.when [-v] [-s]

Counts a sentence as right only if its entities are exactly the expected ones, in order, value for value (and
as ambiguous as expected where the case says so). The sets are ours (tests/data/understanding); beside them
the public specification of Recognizers-Text, where it is there, compared by type: see `specified`.
-v prints every miss, -s only the time the grammar takes.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from nlu import numbers, when
from nlu.found import Found
from nlu.normal import normalise
from nlu.numerals import number

ROOT = Path(__file__).parents[2]
OWN = ROOT / "tests" / "data" / "understanding"
PUBLIC = ROOT.parent / "shared" / "data" / "recognizers_text_zh_half.jsonl"
CHINA = timezone(timedelta(hours=8))
DATED = ("date", "time")
Case = dict[str, Any]


def read(text: str, now: datetime) -> list[Found]:
    """What the pipeline's component finds, without Rasa around it."""
    return read_normal(normalise(text).text, now)


def read_normal(normal: str, now: datetime) -> list[Found]:
    dated = when.find(normal, now)
    counted = numbers.find(normal, dated)
    return sorted([*dated, *counted], key=lambda one: (one.start, one.entity))


def cases(path: Path) -> list[Case]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# ---------------------------------------------------------------- our own sets


def plain(found: list[Found], kept: bool) -> list[tuple[str, Any]]:
    return [(one.entity, one.value) for one in found if (one.entity in DATED) == kept]


def missed(case: Case, dated: bool) -> str | None:
    """What was read instead, or None if the case is right."""
    found = read(case["text"], datetime.fromisoformat(case["now"]))
    got = plain(found, dated)
    if got != [(one["entity"], one["value"]) for one in case["entities"]]:
        return str(got)
    sure = [one.ambiguous for one in found if (one.entity in DATED) == dated]
    wanted = [one.get("ambiguous") for one in case["entities"]]
    wrong = any(want and not is_so for want, is_so in zip(wanted, sure, strict=True))
    return "not marked ambiguous" if wrong else None


def own(name: str, dated: bool, verbose: bool) -> None:
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for case in cases(OWN / f"{name}.jsonl"):
        miss = missed(case, dated)
        total[case["category"]] += 1
        right[case["category"]] += miss is None
        if miss and verbose:
            wanted = [(one["entity"], one["value"]) for one in case["entities"]]
            print(f"    {case['now'][:16]} {case['text']}\n      wanted {wanted}\n      read   {miss}")
    table(name, right, total)


def table(name: str, right: Counter[str], total: Counter[str]) -> None:
    print(f"{name}: {right.total()} of {total.total()} = {right.total() / total.total():.1%}")
    for category, count in total.items():
        print(f"  {category:<42}{right[category]:>4} of {count:<4}{right[category] / count:>7.0%}")


# ---------------------------------------------------------------- the public specification


def specified(verbose: bool) -> None:
    """By type: any of the specification's readings counts; its spans end a day late by its own convention."""
    if not PUBLIC.exists():
        print(f"{PUBLIC.name} is not here: the public specification was not run")
        return
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for case in cases(PUBLIC):
        for kind, fits in judged(case):
            total[kind] += 1
            right[kind] += fits
            if verbose and not fits:
                print(f"    {kind}: {case['Input']} -> {[one.value for one in found_in(case)]}")
    table("Recognizers-Text, half of the Chinese specification", right, total)


def found_in(case: Case) -> list[Found]:
    reference = (case.get("Context") or {}).get("ReferenceDateTime", "2016-11-07T00:00:00")
    return read(case["Input"], datetime.fromisoformat(reference[:19]).replace(tzinfo=CHINA))


def judged(case: Case) -> Iterator[tuple[str, bool]]:
    model = case["spec"].split("_")[0]
    if not case["Results"]:
        relevant = {"DateTime": DATED, "Sequence": ("phone",), "NumberWithUnit": ("amount",)}.get(model)
        if relevant:
            yield f"{model}: nothing", not any(one.entity in relevant for one in found_in(case))
    for result in case["Results"]:
        kind = result["TypeName"].removeprefix("datetimeV2.")
        if kind == "number":
            yield kind, number(normalise(result["Text"]).text) == as_number(result["Resolution"]["value"])
        else:
            yield kind, fits(kind, result["Resolution"], found_in(case))


def as_number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def fits(kind: str, resolution: dict[str, Any], found: list[Found]) -> bool:
    values = [one.value for one in found if one.entity in DATED]
    readings = resolution.get("values", [resolution])
    if kind in ("phonenumber", "currency"):
        entity = {"phonenumber": "phone", "currency": "amount"}[kind]
        return any(alike(entity, one.value, resolution["value"]) for one in found if one.entity == entity)
    if kind == "duration":
        wanted = float(readings[0]["value"])
        return any(seconds(one.value) == wanted for one in found if one.entity == "quantity")
    return any(wanted in (values, *([value] for value in values)) for wanted in map(as_ours, readings))


def alike(entity: str, value: Any, wanted: str) -> bool:
    if entity == "amount":
        return bool(value == as_number(wanted))
    digits = "".join(filter(str.isdigit, wanted)).removeprefix("00").removeprefix("86")
    return bool(value.lstrip("0") == digits.lstrip("0"))


def seconds(quantity: dict[str, Any]) -> float | None:
    each = {"天": 86400, "周": 604800, "小时": 3600, "分钟": 60, "个月": 2592000, "年": 31536000, "晚": 86400}
    unit = each.get(quantity["unit"])
    return quantity["n"] * unit if unit else None


def as_ours(reading: dict[str, str]) -> list[Any] | None:
    """One of the specification's readings in our values, in reading order."""
    kind = reading["type"]
    if kind == "date" and "value" in reading:
        return [reading["value"]]
    if kind == "time" and "value" in reading:
        return [reading["value"][:5]]
    if kind == "datetime" and "value" in reading:
        return [reading["value"][:10], reading["value"][11:16]]
    if kind == "timerange" and "start" in reading and "end" in reading:
        return [{"start": reading["start"][:5], "end": reading["end"][:5]}]
    if kind == "daterange" and "start" in reading and "end" in reading:
        return [{"start": reading["start"], "end": inclusive(reading)}]
    if kind == "datetimerange" and "start" in reading and "end" in reading:
        return in_hours(reading["start"], reading["end"])
    return None


def inclusive(reading: dict[str, str]) -> str:
    """到 names the last day in (a,b,PnD); a bare month or week ends where the next begins."""
    if reading["timex"].startswith("("):
        return reading["end"]
    return (date.fromisoformat(reading["end"]) - timedelta(1)).isoformat()


def in_hours(start: str, end: str) -> list[Any]:
    if start[:10] == end[:10]:
        return [start[:10], {"start": start[11:16], "end": end[11:16]}]
    return [start[:10], start[11:16], end[:10], end[11:16]]


# ---------------------------------------------------------------- speed


def speed() -> None:
    texts = [
        normalise(case["text"]).text for name in ("when", "numbers") for case in cases(OWN / f"{name}.jsonl")
    ]
    now = datetime(2026, 11, 25, 10, 0, tzinfo=CHINA)
    thirty = [(text * 30)[:30] for text in texts]
    for name, messages in (("as written", texts), ("stretched to 30 characters", thirty)):
        took = sorted(timed(text, now) for text in messages)
        p95 = took[int(0.95 * (len(took) - 1))]
        print(f"{name}: median {statistics.median(took) * 1000:.2f} ms, 95 % under {p95 * 1000:.2f} ms")


def timed(text: str, now: datetime) -> float:
    """The best of three, in seconds: the machine's other work is none of the grammar's."""
    best = 1.0
    for _ in range(3):
        begun = time.perf_counter()
        read_normal(text, now)
        best = min(best, time.perf_counter() - begun)
    return best


def main() -> None:
    verbose = "-v" in sys.argv
    if "-s" not in sys.argv:
        own("when", True, verbose)
        own("numbers", False, verbose)
        specified(verbose)
    speed()


if __name__ == "__main__":
    main()
