"""How well guests are understood: every held-out message through `python -m bot understand`, and a report.

    make eval    or    .venv/bin/python -m bench.understanding.evaluate [--from FOLDER] [--out var/eval]

Writes readings.jsonl (what was asked, what was wanted, what was read) and figures.json, from which
`bench.understanding.report` draws the pages. Nothing here is training data, and training reads none of it.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HELD_OUT = ROOT / "tests" / "data" / "understanding"
PUBLIC = ROOT.parent / "shared" / "data" / "real_guest_messages.jsonl"

# The kinds of the intents that the assistant is not measured by serving: small talk, and what a person gets.
SOCIAL = frozenset(
    {
        "greet",
        "goodbye",
        "thank",
        "affirm",
        "deny",
        "praise",
        "bot_challenge",
        "ask_capability",
        "chitchat",
        "out_of_scope",
    }
)
ALERT = frozenset({"billing_dispute", "complain", "suggest", "emergency", "human_handoff", "privacy_request"})

Json = dict[str, Any]
Case = tuple[Json, Json]  # what is wanted, what was read


def cases(folder: Path) -> Iterator[Json]:
    """Every held-out message of a folder with the set it belongs to, and the public ones beside our own."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield {"set": path.stem, **json.loads(line)}
    if folder != HELD_OUT:
        return
    if PUBLIC.exists():
        for line in PUBLIC.read_text(encoding="utf-8").splitlines():
            yield {"set": "public", **json.loads(line)}
    else:
        print(f"{PUBLIC} isn't there: the public messages are left out", file=sys.stderr)


def read(wanted: list[Json]) -> list[Json]:
    """The readings, through the command that guests' messages are measured by."""
    asked = [{name: one[name] for name in ("text", "now") if name in one} for one in wanted]
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in asked)
    done = subprocess.run(
        [sys.executable, "-m", "bot", "understand"],
        input=lines,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        check=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["text"] for one in found] == [one["text"] for one in asked]
    return found


def share(right: Iterable[bool]) -> Json:
    """How many of how many, and the share (1.0 is all; None of nothing)."""
    hits = list(right)
    return {"right": sum(hits), "of": len(hits), "share": sum(hits) / len(hits) if hits else None}


def by(name: str, cases: list[Case], right: Callable[[Case], bool]) -> dict[str, Json]:
    groups: dict[str, list[bool]] = {}
    for case in cases:
        groups.setdefault(str(case[0][name]), []).append(right(case))
    return {key: share(hits) for key, hits in sorted(groups.items())}


def intent_right(case: Case) -> bool:
    wanted, found = case
    return bool(wanted["intent"] == found["intent"])


def exact(case: Case) -> bool:
    """Whether just the wanted values were found, of the kinds that the set is about."""
    kinds = KINDS.get(case[0]["set"], ENTITIES)
    return values(case[0], kinds) == values(case[1], kinds)


def values(told: Json, kinds: frozenset[str]) -> Counter[str]:
    kept = [one for one in told["entities"] if one["entity"] in kinds]
    return Counter(json.dumps([one["entity"], one["value"]], sort_keys=True) for one in kept)


def entity(cases: list[Case], kind: str) -> Json:
    """How many of the values that were found are wanted (precision), and of those wanted were found."""
    counts = [(values(wanted, frozenset({kind})), values(read, frozenset({kind}))) for wanted, read in cases]
    right = sum((wanted & found).total() for wanted, found in counts)
    wanted, found = (sum(pair[at].total() for pair in counts) for at in (0, 1))
    return {
        "wanted": wanted,
        "found": found,
        "right": right,
        "precision": right / found if found else None,
        "recall": right / wanted if wanted else None,
    }


KINDS = {
    "when": frozenset({"date", "time"}),
    "numbers": frozenset({"quantity", "room_number", "phone", "order_number", "amount"}),
}
ENTITIES = KINDS["when"] | KINDS["numbers"] | {"room_type", "item", "device", "person"}


def figures(found: list[Case]) -> Json:
    sets: dict[str, list[Case]] = defaultdict(list)
    for case in found:
        sets[case[0]["set"]].append(case)
    intents = sets["intents"]
    served = [case for case in intents if case[0]["intent"] not in SOCIAL | ALERT]
    business = [case for case in intents if case[0]["intent"] not in {"out_of_scope", "chitchat"}]
    harmless = [
        case for case in found if case[0].get("alarm") is not True and case[0].get("intent") != "emergency"
    ]
    danger = [case for case in sets["emergencies"] if case[0]["alarm"]]
    strange = sets["out_of_scope"]
    return {
        "intents": share(map(intent_right, intents)),
        "intents by style": by("style", intents, intent_right),
        "intents by intent": by("intent", intents, intent_right),
        "intents in other languages": share(map(intent_right, sets.get("foreign", []))),
        "confusions": confusions(intents),
        "served: answer": share(read["decision"] == "answer" for _, read in served),
        "served: decisions": Counter(read["decision"] for _, read in served),
        "business: not turned away": share(read["decision"] != "refuse" for _, read in business),
        "none of our business: no hotel answer": share(read["decision"] != "answer" for _, read in strange),
        "none of our business: no person's time": share(read["decision"] != "handoff" for _, read in strange),
        "emergencies: a person": share(read["decision"] == "handoff" for _, read in danger),
        "emergencies: alarm": share(read["alarm"] for _, read in danger),
        "others: no alarm": share(not read["alarm"] for _, read in harmless),
        "complaints: kind": share(
            wanted["kind"] == read["complaint_kind"] for wanted, read in sets["complaints"]
        ),
        "dates and times: exact": share(map(exact, sets["when"])),
        "numbers and rooms: exact": share(map(exact, sets["numbers"])),
        "dates and times by category": by("category", sets["when"], exact),
        "numbers and rooms by category": by("category", sets["numbers"], exact),
        "decisions: as wanted": share(
            wanted["decision"] == read["decision"] for wanted, read in found if "decision" in wanted
        ),
        "several wishes: one of them read, and answered": share(
            read["intent"] in wanted["intents"] and read["decision"] == "answer"
            for wanted, read in sets.get("wishes", [])
        ),
        "entities: all of a message exact": share(map(exact, sets["entities"])),
        "entities": {kind: entity(sets["entities"], kind) for kind in sorted(ENTITIES)},
        "public messages: not turned away": share(
            read["decision"] != "refuse" for _, read in sets.get("public", [])
        ),
    }


def confusions(intents: list[Case]) -> list[Json]:
    counts = Counter((wanted["intent"], read["intent"]) for wanted, read in intents)
    return [
        {"wanted": wanted, "read": read, "count": count}
        for (wanted, read), count in counts.most_common()
        if wanted != read
    ]


def table(found: Json) -> str:
    """The shares in one column, for a terminal."""
    lines = []
    for name, value in found.items():
        if isinstance(value, dict) and value.get("share") is not None:
            lines.append(f"{name:45s} {value['share']:7.1%}  ({value['right']} of {value['of']})")
    for kind, one in found["entities"].items():
        if one["wanted"]:
            found_right = f"{one['precision'] or 0:7.1%} of {one['found']} right"
            lines.append(f"entity {kind:38s} {found_right}, {one['recall']:.1%} of {one['wanted']} found")
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--from", type=Path, dest="sets", default=HELD_OUT)
    options.add_argument("--out", type=Path, default=ROOT / "var" / "eval")
    chosen = options.parse_args()
    folder: Path = chosen.out
    wanted = list(cases(chosen.sets.resolve()))
    print(f"{len(wanted)} messages are read …", file=sys.stderr)
    found = list(zip(wanted, read(wanted), strict=True))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "readings.jsonl").open("w", encoding="utf-8") as file:
        for one, reading in found:
            file.write(json.dumps({"wanted": one, "read": reading}, ensure_ascii=False) + "\n")
    shown = figures(found)
    (folder / "figures.json").write_text(json.dumps(shown, ensure_ascii=False, indent=1), encoding="utf-8")
    print(table(shown))


if __name__ == "__main__":
    main()
