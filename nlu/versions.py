"""Models, one after another: what the newest reads better and worse than the one in use, and which is in use.

    python -m nlu.versions activate models/candidate.tar.gz --trained-from HASH [--even-if-worse]
    python -m nlu.versions list
    python -m nlu.versions rollback

Owns models/: versions/ with a model and its readings each, and dianxiaoer.tar.gz, the one in use. The figures
are those of messages that no model is trained on (tests/data/understanding); where those aren't there, as in
an image, a model is activated unmeasured.
"""

import argparse
import asyncio
import json
import logging
import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

MODELS = Path("models")
ACTIVE = "dianxiaoer.tar.gz"
HELD_OUT = Path("tests/data/understanding/intents.jsonl")
KEPT = 5
TOLERATED = 0.005  # of the messages: less than that is chance
SHOWN = 12

Readings = list[dict[str, str]]  # {"text", "wanted", "read"}


class Refused(Exception):
    """The candidate isn't put to use; the message says why and what to do."""


@dataclass(frozen=True)
class Version:
    """A kept model. `readings` is None where nothing was there to measure it on."""

    name: str
    trained_from: str
    readings: Readings | None

    @property
    def accuracy(self) -> float | None:
        return accuracy(self.readings) if self.readings else None


class Shelf:
    """The models of one folder."""

    def __init__(self, folder: Path = MODELS) -> None:
        self.folder = folder
        self.versions = folder / "versions"
        self._active = folder / "active"

    def all(self) -> list[Version]:
        """Oldest first."""
        return [self._read(path) for path in sorted(self.versions.glob("*.json"))]

    def active(self) -> Version | None:
        """The one in use; None before the first, and after its files were lost."""
        if not self._active.exists() or not (self.folder / ACTIVE).exists():
            return None
        path = self.versions / f"{self._active.read_text(encoding='utf-8').strip()}.json"
        return self._read(path) if path.exists() else None

    def keep(self, model: Path, trained_from: str, readings: Readings | None, now: datetime) -> Version:
        version = Version(f"{now:%Y%m%d-%H%M%S}-{trained_from[:8]}", trained_from, readings)
        self.versions.mkdir(parents=True, exist_ok=True)
        os.replace(model, self._model(version))
        told = {"trained_from": trained_from, "readings": readings}
        text = json.dumps(told, ensure_ascii=False)
        (self.versions / f"{version.name}.json").write_text(text, encoding="utf-8")
        return version

    def use(self, version: Version) -> None:
        """Put a kept model to use. A reader sees the old file or the new one, never half of one."""
        draft = self.folder / f".{ACTIVE}"
        draft.unlink(missing_ok=True)
        shutil.copyfile(self._model(version), draft)
        os.replace(draft, self.folder / ACTIVE)
        self._active.write_text(version.name + "\n", encoding="utf-8")

    def forget_old(self) -> None:
        """All but the last few; never the one in use."""
        active = self.active()
        for version in self.all()[:-KEPT]:
            if active is None or version.name != active.name:
                self._model(version).unlink(missing_ok=True)
                (self.versions / f"{version.name}.json").unlink()

    def _model(self, version: Version) -> Path:
        return self.versions / f"{version.name}.tar.gz"

    @staticmethod
    def _read(path: Path) -> Version:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Version(path.stem, told["trained_from"], told["readings"])


def accuracy(readings: Readings) -> float:
    return sum(one["wanted"] == one["read"] for one in readings) / len(readings)


def comparison(before: Readings, after: Readings) -> str:
    """What changed: the accuracy, in all and where it moved, and which confusions were won and lost."""
    common = {one["text"] for one in before} & {one["text"] for one in after}
    old = {one["text"]: one for one in before if one["text"] in common}
    new = {one["text"]: one for one in after if one["text"] in common}
    lines = [
        f"right before {accuracy(list(old.values())):.1%}, after {accuracy(list(new.values())):.1%}"
        f" ({len(common)} messages)"
    ]
    moved = _by_intent(new)
    moved.subtract(_by_intent(old))
    lines += [f"  {intent}: {count:+d}" for intent, count in sorted(moved.items()) if count]
    for title, good, bad in (("won", new, old), ("lost", old, new)):
        found = Counter(
            (bad[text]["wanted"], bad[text]["read"])
            for text in sorted(common)
            if good[text]["wanted"] == good[text]["read"] and bad[text]["wanted"] != bad[text]["read"]
        )
        lines += [f"  {title}: {count} {w} read as {r}" for (w, r), count in found.most_common(SHOWN)]
    return "\n".join(lines)


def _by_intent(readings: dict[str, dict[str, str]]) -> Counter[str]:
    return Counter(one["wanted"] for one in readings.values() if one["wanted"] == one["read"])


def check(before: Version | None, after: Readings | None, *, even_if_worse: bool) -> None:
    """Raises Refused for a model that is worse than the one in use by more than chance."""
    if before is None or before.readings is None or after is None or even_if_worse:
        return
    common = {one["text"] for one in before.readings} & {one["text"] for one in after}
    if not common:
        return
    old = accuracy([one for one in before.readings if one["text"] in common])
    new = accuracy([one for one in after if one["text"] in common])
    if new < old - TOLERATED:
        raise Refused(
            f"The new model reads {new:.1%} of the held-out messages right, the one in use {old:.1%}: "
            "it is kept but not put to use. `make train WORSE=1` puts it to use all the same."
        )


def measure(model: Path) -> Readings | None:
    """How a model reads the held-out messages; None where there are none."""
    if not HELD_OUT.exists():
        return None
    lines = HELD_OUT.read_text(encoding="utf-8").splitlines()
    return asyncio.run(_read_all(model, [json.loads(line) for line in lines]))


async def _read_all(model: Path, cases: Sequence[dict[str, str]]) -> Readings:
    import structlog
    from rasa.core.agent import Agent
    from rasa.core.channels.channel import UserMessage

    # Rasa tells of every message on standard output otherwise.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    processor = Agent.load(str(model)).processor
    if processor is None:
        raise Refused(f"{model} can't be loaded.")
    found = []
    for case in cases:
        parsed = await processor.parse_message(UserMessage(case["text"]), only_output_properties=True)
        name = (parsed.get("intent") or {}).get("name") or ""
        found.append({"text": case["text"], "wanted": case["intent"], "read": name})
    return found


def activate(shelf: Shelf, model: Path, trained_from: str, *, even_if_worse: bool) -> None:
    """Measure, keep, compare, and put to use. Raises Refused."""
    settle(shelf, model, measure(model), trained_from, even_if_worse=even_if_worse)


def settle(
    shelf: Shelf, model: Path, readings: Readings | None, trained_from: str, *, even_if_worse: bool
) -> None:
    """Keep a model that has been measured, compare, and put to use. Raises Refused."""
    before = shelf.active()
    version = shelf.keep(model, trained_from, readings, datetime.now(timezone.utc))
    if before and before.readings and readings:
        print(comparison(before.readings, readings))
    elif readings:
        print(f"right on {accuracy(readings):.1%} of {len(readings)} held-out messages")
    check(before, readings, even_if_worse=even_if_worse)
    shelf.use(version)
    shelf.forget_old()


def rollback(shelf: Shelf) -> Version:
    """Put the version before the one in use to use. Raises Refused when there is none."""
    active = shelf.active()
    older = [version for version in shelf.all() if active is None or version.name < active.name]
    if not older:
        raise Refused("There is no older model to go back to.")
    shelf.use(older[-1])
    return older[-1]


def newest(shelf: Shelf) -> Version:
    """Put the newest version to use, a refused one too. Raises Refused when there is none."""
    versions = shelf.all()
    if not versions:
        raise Refused("No model is kept yet: `make train` makes one.")
    shelf.use(versions[-1])
    return versions[-1]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m nlu.versions")
    commands = parser.add_subparsers(dest="command", required=True)
    activating = commands.add_parser("activate", help="put a trained model to use, unless it is worse")
    activating.add_argument("model", type=Path)
    activating.add_argument("--trained-from", required=True)
    activating.add_argument("--even-if-worse", action="store_true")
    commands.add_parser("list", help="the models that are kept")
    commands.add_parser("rollback", help="go back to the model before the one in use")
    commands.add_parser("newest", help="put the newest model to use, even if it was refused")
    given = parser.parse_args(arguments)
    shelf = Shelf()
    try:
        if given.command == "activate":
            activate(shelf, given.model, given.trained_from, even_if_worse=given.even_if_worse)
        elif given.command in ("rollback", "newest"):
            version = rollback(shelf) if given.command == "rollback" else newest(shelf)
            print(f"In use is {version.name} now. Rasa reads it when it starts: restart it.")
        else:
            print(listing(shelf))
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0


def listing(shelf: Shelf) -> str:
    active = shelf.active()
    lines = []
    for version in shelf.all():
        share = "unmeasured" if version.accuracy is None else f"{version.accuracy:.1%} right"
        used = "  in use" if active and active.name == version.name else ""
        lines.append(f"{version.name}  {share}{used}")
    return "\n".join(lines) or "No model is kept yet: `make train` makes one."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
