"""How well and how fast knowledge points are found: python -m bench.retrieval [--tune]

On the questions of tests/data/knowledge (half for tuning, half held out; nothing is fitted to the second
half): R@1 and R@10 of hybrid retrieval, of meaning alone and of BM25 alone; what a guest would be told; the
same for questions from everywhere, each beside one that differs in a word or two, among guests' messages; the
time of a search beside the question's vector, on one core; and how long 10,000 points take to load.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bot.knowledge import choice, encoder, files
from bot.knowledge.index import LEXICAL, Hit, Index, Row
from bot.knowledge.library import rows_of
from bot.knowledge.vectors import Shelf
from bot.model import Act, Answer, Handoff, Reason, Say
from bot.plain_yaml import read_yaml
from bot.store.points import Entry, PointId, Version

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests/data/knowledge"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
MANY, LOADED, TIMED = 28_000, 10_000, 200


@dataclass(frozen=True)
class Question:
    text: str
    point: str | None
    vector: Any


def known() -> dict[str, Version]:
    """The points of the set, and the sample hotel's own answers to its topics, among which they stand."""
    lines, _ = files.read("points.csv", (DATA / "points.csv").read_bytes())
    entries = {line.id: line.entry for line in lines}
    topics, _ = read_yaml(ROOT / "hotels/xinghaihui/knowledge.yml")
    entries |= {name: Entry(said["title"], said["answer"], topic=name) for name, said in topics.items()}
    return {id_: Version(PointId(id_), 1, entry, "file", NOW) for id_, entry in entries.items()}


def asked(which: str, shelf: Shelf) -> list[Question]:
    lines = [json.loads(line) for line in (DATA / "questions.jsonl").read_text("utf-8").splitlines()]
    chosen = [line for line in lines if line["set"] == which]
    vectors = shelf.take([line["text"] for line in chosen], cores())
    return [Question(q["text"], q["point"], v) for q, v in zip(chosen, vectors, strict=True)]


def cores() -> int:
    return len(os.sched_getaffinity(0))


# ---- how well


def show_ranks(name: str, questions: Sequence[Question], search: Callable[[Question], list[Hit]]) -> None:
    ranked = [(q.point, [hit.point for hit in search(q)]) for q in questions if q.point]
    first = sum(ids[:1] == [point] for point, ids in ranked) / len(ranked)
    ten = sum(point in ids[:10] for point, ids in ranked) / len(ranked)
    print(f"  {name:28} R@1 {first:.3f}   R@10 {ten:.3f}")


def show_outcomes(questions: Sequence[Question], points: dict[str, Version], index: Index) -> None:
    """What a guest is told, when the intent is right, and when nothing has been understood."""
    told: dict[str, Counter[str]] = {}
    for q in questions:
        found = choice.Found(index.search(q.text, q.vector, 40), points, NOW.date(), "web")
        topic = points[q.point].entry.topic if q.point else None
        if topic:
            _count(told, "topic known", q, choice.choose((Answer(topic),), found)[0], points)
        lost = "not understood" if q.point else "no point answers it"
        _count(told, lost, q, choice.choose((Handoff(Reason.LOW_CONFIDENCE),), found)[0], points)
    for name, counts in told.items():
        shares = "   ".join(f"{what} {n / counts.total():.2f}" for what, n in counts.most_common())
        print(f"  {name:20} ({counts.total()})   {shares}")


def _count(
    told: dict[str, Counter[str]], name: str, q: Question, act: Act, points: dict[str, Version]
) -> None:
    told.setdefault(name, Counter())[_outcome(q, act, points)] += 1


def _outcome(q: Question, act: Act, points: dict[str, Version]) -> str:
    match act:
        case Answer(_, None):
            return "the topic's own answer"
        case Answer(_, point):
            return "right point" if point == q.point else "wrong point"
        case Say():
            right = q.point and points[q.point].entry.title in [o["title"] for o in act.options]
            return "offered, right among two" if right else "offered, wrong"
    return "a person"


# ---- questions from everywhere


def everywhere(which: str) -> tuple[list[Row], list[tuple[str, str]]]:
    """Points, and questions with their points. Each question's point stands beside one that is nearly it."""
    lines = [json.loads(line) for line in (DATA / "open.jsonl").read_text("utf-8").splitlines()]
    rows = [Row(line[name], line[name]) for line in lines for name in ("title", "near")]
    messages = (ROOT / "tests/data/understanding").glob("*.jsonl")
    told = (
        json.loads(line)["text"] for path in sorted(messages) for line in path.read_text("utf-8").splitlines()
    )
    rows += [Row(text, text) for text in dict.fromkeys(told)]
    asked = [(text, line["title"]) for line in lines if line["set"] == which for text in line["asked"]]
    return rows, asked


def show_everywhere(which: str, shelf: Shelf, weights: Sequence[float]) -> None:
    rows, asked = everywhere(which)
    vectors = shelf.take([row.text for row in rows], cores())
    seen = shelf.take([text for text, _ in asked], cores())
    questions = [Question(text, title, vector) for (text, title), vector in zip(asked, seen, strict=True)]
    print(f"{len(rows)} points from everywhere, {len(questions)} questions")
    show_weights(rows, vectors, questions, weights)


def show_weights(
    rows: Sequence[Row], vectors: Any, questions: Sequence[Question], weights: Sequence[float]
) -> None:
    for weight in weights:
        weighed = Index(rows, vectors, weight)
        name = f"hybrid, BM25 counts {weight:g}" if weight else "meaning alone"
        show_ranks(name, questions, lambda q, weighed=weighed: weighed.search(q.text, q.vector, 10))
    show_ranks("BM25 alone", questions, lambda q: weighed.search_wording(q.text, 10))


# ---- how fast


def show_speed(questions: Sequence[Question], rows: Sequence[Row], vectors: Any) -> None:
    """On `MANY` rows: ours, and others made of their pieces, with vectors near theirs."""
    source, many = random.Random(1), list(rows)
    pieces = [row.text for row in rows]
    while len(many) < MANY:
        a, b = source.choice(pieces), source.choice(pieces)
        many.append(Row(f"made-{len(many)}", a[: len(a) // 2] + b[len(b) // 2 :]))
    noise = np.random.default_rng(1).normal(scale=0.02, size=(MANY, vectors.shape[1]))
    near = vectors[np.arange(MANY) % len(vectors)] + noise
    index = Index(many, (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32))
    times = [_timed(lambda q=q: index.search(q.text, q.vector, 10)) for q in questions[:TIMED]]
    print(f"  {MANY} points, a search: median {1000 * statistics.median(times):.2f} ms, "
          f"95 % under {1000 * float(np.quantile(times, 0.95)):.2f} ms")  # fmt: skip
    one = [_timed(lambda q=q: encoder.encode([q.text])) for q in questions[:TIMED]]
    print(f"  the question's vector, made once a message: median {1000 * statistics.median(one):.1f} ms")


def show_load() -> None:
    """`LOADED` points from their file, with vectors that have been made before."""
    with tempfile.TemporaryDirectory() as folder:
        shelf, file = Shelf(Path(folder)), Path(folder) / "points.csv"
        rows = [f"p{n},第 {n} 个问题怎么办,换个说法问第 {n} 件事,答案 {n}" for n in range(LOADED)]
        file.write_text("id,title,variants,answer\n" + "\n".join(rows), "utf-8")
        texts = [row.text for row in _rows(file)]
        made = np.random.default_rng(2).normal(size=(len(texts), encoder.DIMENSIONS)).astype(np.float32)
        shelf._keep(texts, made)
        spent = _timed(lambda: _load(file))
    print(f"  {LOADED} points with {len(texts)} writings: loaded in {spent:.2f} s")


def _load(file: Path) -> Index:
    rows = _rows(file)
    return Index(rows, Shelf(file.parent).take([row.text for row in rows], 1))


def _rows(file: Path) -> list[Row]:
    lines, _ = files.read(file.name, file.read_bytes())
    return rows_of({line.id: line.entry for line in lines})


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tune", action="store_true", help="on the tuning half, with other weights")
    parser.add_argument("--vectors", type=Path, default=ROOT / "var/bench", help="where they are kept")
    given = parser.parse_args()
    shelf, points = Shelf(given.vectors), known()
    rows = rows_of({id_: version.entry for id_, version in points.items()})
    print("encoding what is new…", file=sys.stderr)
    vectors = shelf.take([row.text for row in rows], cores())
    questions = asked("tuning" if given.tune else "held-out", shelf)
    index = Index(rows, vectors)
    print(f"{len(points)} points, {len(questions)} questions ({'tuning' if given.tune else 'held out'})")
    weights = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0) if given.tune else (LEXICAL, 0.0)
    show_weights(rows, vectors, questions, weights)
    show_outcomes(questions, points, index)
    show_everywhere("tuning" if given.tune else "held-out", shelf, weights)
    if not given.tune:
        show_speed(questions, rows, vectors)
        show_load()


if __name__ == "__main__":
    main()
