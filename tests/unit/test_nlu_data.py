"""The training data: complete, consistent, annotated as the grammar reads it, and no copy of test data."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from math import ceil
from pathlib import Path

import pytest
import yaml

from nlu import numbers, people, when
from nlu.normal import normalise, simplify

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 22, 21, 30, tzinfo=timezone(timedelta(hours=8)))
MARKED = re.compile(r"\[([^\]]*)\]\(([a-z_]+)\)")
ENTITIES = {
    "date",
    "time",
    "room_number",
    "room_type",
    "quantity",
    "item",
    "device",
    "phone",
    "person",
    "order_number",
    "amount",
}
OF_THE_GRAMMAR = ENTITIES - {"room_type", "item", "device", "person"}
NEAR = 0.9
HELD_OUT = {"intents", "out_of_scope", "foreign", "emergencies", "complaints", "entities"}


@dataclass(frozen=True)
class Example:
    intent: str
    text: str
    spans: tuple[tuple[int, int, str], ...]

    @property
    def letters(self) -> str:
        return re.sub(r"\W", "", normalise(self.text).text)


def parse(intent: str, line: str) -> Example:
    text, spans, end = "", [], 0
    for match in MARKED.finditer(line):
        text += line[end : match.start()]
        spans.append((len(text), len(text) + len(match[1]), match[2]))
        text += match[1]
        end = match.end()
    return Example(intent, text + line[end:], tuple(spans))


def read() -> Iterator[Example]:
    """What the repository holds. A hotel's own corrections, if they are there, are its reviewers' affair."""
    for path in sorted((ROOT / "data" / "nlu").glob("*.yml")):
        if path.name == "corrections.yml":
            continue
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            for line in block["examples"].splitlines() if "intent" in block else ():
                yield parse(block["intent"], line.removeprefix("- "))


EXAMPLES = list(read())
INTENTS = Counter(example.intent for example in EXAMPLES)


def pairs(text: str) -> frozenset[str]:
    return frozenset(text[at : at + 2] for at in range(len(text) - 1))


def test_every_intent_has_enough_examples() -> None:
    assert len(INTENTS) == 70
    assert min(INTENTS.values()) >= 40


def test_no_example_stands_twice_or_under_two_intents() -> None:
    seen: dict[str, Example] = {}
    clashes = []
    for example in EXAMPLES:
        before = seen.setdefault(example.letters, example) if example.letters else example
        if before is not example:
            clashes.append((before.intent, example.intent, example.text))
    assert clashes == []


def alike(ones: Iterable[str], others: Iterable[str], share: float) -> Iterator[tuple[str, str]]:
    """Texts of eight characters and more that share so much of their pairs of characters.

    Sets with so much in common share one of the few pairs that are rarest; only those are compared.
    """
    mine, theirs = ({text: pairs(text) for text in texts if len(text) >= 8} for texts in (ones, others))
    often = Counter(pair for said in (mine, theirs) for gram in said.values() for pair in gram)

    def rarest(gram: frozenset[str]) -> list[str]:
        return sorted(gram, key=lambda pair: (often[pair], pair))[: len(gram) - ceil(share * len(gram)) + 1]

    by_pair: dict[str, list[str]] = {}
    for text, gram in theirs.items():
        for pair in rarest(gram):
            by_pair.setdefault(pair, []).append(text)
    for text, gram in mine.items():
        for other in {found for pair in rarest(gram) for found in by_pair.get(pair, ())}:
            if text != other and len(gram & theirs[other]) / len(gram | theirs[other]) >= share:
                yield text, other


def test_what_is_alike_is_found() -> None:
    ones, others = (
        ["明天早上七点叫我起床好吗", "早餐几点开始供应呢"],
        ["明天早上七点叫我起床好吧", "早餐几点"],
    )
    assert list(alike(ones, others, 0.75)) == [(ones[0], others[0])]
    assert list(alike(ones, others, 0.9)) == []


def test_no_near_duplicates_under_different_intents() -> None:
    """Of eight characters and more: what two readers would take for the same sentence has one intent."""
    intents = {example.letters: example.intent for example in EXAMPLES}
    clashes = [(a, b) for a, b in alike(intents, intents, NEAR) if intents[a] != intents[b]]
    assert clashes == []


def test_only_known_entities() -> None:
    assert {entity for example in EXAMPLES for *_, entity in example.spans} == ENTITIES


def test_annotations_are_whole_and_nothing_is_left_of_the_markup() -> None:
    assert [example.text for example in EXAMPLES if re.search(r"[\[\]]|\]\(", example.text)] == []
    assert all(start < end for example in EXAMPLES for start, end, _ in example.spans)


def test_the_grammar_finds_what_is_annotated_and_nothing_else() -> None:
    differences = []
    for example in EXAMPLES:
        normal = normalise(example.text)
        dated = when.find(normal.text, NOW) if normal.text else []
        found = {
            (*normal.origin(one.start, one.end), one.entity)
            for one in [*dated, *numbers.find(normal.text, dated)]
        }
        annotated = {span for span in example.spans if span[2] in OF_THE_GRAMMAR}
        learned = [span for span in example.spans if span[2] not in OF_THE_GRAMMAR]
        free = {one for one in found if all(one[1] <= start or end <= one[0] for start, end, _ in learned)}
        if annotated != free:
            differences.append((example.text, annotated ^ free))
    assert differences == []


def test_most_annotated_names_are_found() -> None:
    named = [example for example in EXAMPLES if any(entity == "person" for *_, entity in example.spans)]
    missed = [
        example.text
        for example in named
        if not {one.raw for one in people.find(normalise(example.text).text)}
        & {simplify(example.text[start:end]) for start, end, entity in example.spans if entity == "person"}
    ]
    assert len(missed) <= len(named) // 10


def test_nothing_was_copied_from_the_public_messages() -> None:
    folder = Path(os.environ.get("DIANXIAOER_TESTDATA", ROOT.parent / "shared" / "data"))
    path = folder / "real_guest_messages.jsonl"
    if not path.exists():
        pytest.skip(f"no public messages at {path}: set DIANXIAOER_TESTDATA to compare with them")
    public = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    long = {letters for text in public if len(letters := re.sub(r"\W", "", normalise(text).text)) >= 8}
    assert long & {example.letters for example in EXAMPLES} == set()


def test_nothing_held_out_was_learned() -> None:
    """Neither word for word nor, of eight characters and more, nearly so."""
    told = [
        re.sub(r"\W", "", normalise(json.loads(line)["text"]).text)
        for path in (ROOT / "tests/data/understanding").rglob("*.jsonl")
        if path.stem in HELD_OUT
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    complaints = yaml.safe_load((ROOT / "data/complaints.yml").read_text(encoding="utf-8"))["complaints"]
    lines = [line.removeprefix("- ") for block in complaints for line in block["examples"].splitlines()]
    learned = {example.letters for example in EXAMPLES} | {
        re.sub(r"\W", "", normalise(line).text) for line in lines
    }
    long = {text for text in told if len(text) >= 5}
    assert long & learned == set()
    assert list(alike(learned, told, 0.75)) == []
