"""Intents by cross-validation on data/nlu and on the messages held out, as config.yml has them.

    .venv-rasa/bin/python bench/understanding/intents.py [--folds 3] [--confusions 30] [--misses]

Every fold is trained without the sentences it is asked about, the last model on all of data/nlu and asked
about tests/data/understanding alone. Vectors come from the shelf that training keeps. No Rasa graph is built.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import yaml  # noqa: E402

from nlu import words  # noqa: E402
from nlu.classifier import Examples, Trust, Vote, VoteClassifier, unseen_scores  # noqa: E402
from nlu.encoder import SentenceEncoder, Shelf, encode_all  # noqa: E402
from nlu.normal import normalise  # noqa: E402
from nlu.spelling import Spelling  # noqa: E402
from nlu.words import Words  # noqa: E402

HELD_OUT = ROOT / "tests/data/understanding"
Array: TypeAlias = np.ndarray


def examples() -> tuple[list[str], list[str]]:
    texts, labels = [], []
    for path in sorted((ROOT / "data" / "nlu").glob("*.yml")):
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            for line in block["examples"].splitlines() if "intent" in block else ():
                texts.append(re.sub(r"\[([^\]]*)\]\([a-z_]+\)", r"\1", line.removeprefix("- ")))
                labels.append(block["intent"])
    return texts, labels


def held_out(name: str) -> list[dict[str, Any]]:
    lines = (HELD_OUT / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def component(name: str, default: dict[str, Any]) -> dict[str, Any]:
    """A component's settings as config.yml gives them."""
    pipeline = yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf-8"))["pipeline"]
    return {**default, **next((one for one in pipeline if one["name"].endswith(f".{name}")), {})}


def vectors(texts: Iterable[str], longest: int) -> Array:
    seen = [text[-longest:] for text in texts]
    shelf = Shelf(ROOT / ".rasa/vectors-bench.npz")
    known = shelf.take(None)
    known.update(Shelf(ROOT / ".rasa/vectors.npz").take(set(seen) - known.keys()))
    missing = sorted(set(seen) - known.keys())
    began = time.process_time()
    known.update(encode_all(missing))
    if missing:
        spent = (time.process_time() - began) / len(missing) * 1000
        print(f"encoded {len(missing)} texts, {spent:.1f} ms each")
        shelf.keep(known)
    return np.vstack([known[text] for text in seen])


def calibration_error(chances: Array, right: Array, bins: int = 10) -> float:
    """Expected calibration error: how far confidence and truth lie apart, on average."""
    sure, correct = chances.max(axis=1), chances.argmax(axis=1) == right
    where = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [
        abs(sure[where == at].mean() - correct[where == at].mean()) * (where == at).mean()
        for at in set(where)
    ]
    return float(sum(gaps))


class Bench:
    def __init__(self, folds: int) -> None:
        default = VoteClassifier.get_default_config()
        self.config = {**component("VoteClassifier", default), "folds": folds}
        self.longest = component("SentenceEncoder", SentenceEncoder.get_default_config())["longest"]
        self.cutter = Words(words.read(str(ROOT / self.config["dictionary"])))
        texts, self.labels = examples()
        self.texts = [normalise(text).text for text in texts]
        self.dense = vectors(self.texts, self.longest)
        self.names = sorted(set(self.labels))

    def cross_validate(self) -> tuple[Array, Array]:
        """The chances of each reading by spelling and by both, each row by models that never saw it; `right`
        is then what these rows (not all examples) should be read as."""
        counted = Spelling(self.config, self.cutter).counted(self.texts)
        unseen = unseen_scores(self.config, self.cutter, Examples(counted, self.dense, self.labels))
        spelt, both, self.right, self.weighing = unseen.spelt, unseen.both, unseen.right, unseen.weighing
        self.trust = Trust.fit(spelt, spelt, self.right), Trust.fit(both, spelt, self.right)
        return self.trust[0].chances(spelt, spelt), self.trust[1].chances(both, spelt)

    def train(self) -> None:
        self.vote = Vote(self.config, self.cutter, self.weighing).fit(self.texts, self.dense, self.labels)

    def ask(self, texts: list[str]) -> tuple[Array, Array]:
        normal = [normalise(text).text for text in texts]
        spelt = self.vote.spelt(normal)
        both = self.vote.both(spelt, vectors(normal, self.longest))
        return self.trust[0].chances(spelt, spelt), self.trust[1].chances(both, spelt)


def cascade(spelt: Array, both: Array, sure: float) -> Array:
    return np.where(spelt.max(axis=1, keepdims=True) >= sure, spelt, both)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folds", type=int, default=3)
    options.add_argument("--confusions", type=int, default=20)
    options.add_argument("--misses", action="store_true", help="show each held-out message that was misread")
    chosen = options.parse_args()
    bench = Bench(chosen.folds)
    print(f"{len(bench.labels)} examples, {len(bench.names)} intents, {chosen.folds} folds")
    spelt, both = bench.cross_validate()
    print(f"{bench.weighing}\nspelling {bench.trust[0]}\nboth {bench.trust[1]}")
    of_examples(bench, spelt, both, chosen.confusions)
    bench.train()
    of_held_out(bench, chosen.misses)


def of_examples(bench: Bench, spelt: Array, both: Array, shown: int) -> None:
    for sure in (2.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.0):
        chances = cascade(spelt, both, sure)
        share = (spelt.max(axis=1) >= sure).mean()
        print(
            f"spelling decides from {sure:4.2f}: alone for {share:.3f},"
            f" right {accuracy(chances, bench.right):.4f},"
            f" calibration error {calibration_error(chances, bench.right):.3f}"
        )
    guess = cascade(spelt, both, bench.config["sure"]).argmax(axis=1)
    by_intent = sorted(
        ((guess == bench.right)[bench.right == at].mean(), (bench.right == at).sum(), name)
        for at, name in enumerate(bench.names)
    )
    print("\n".join(f"{share:.2f} {count:4d} {name}" for share, count, name in by_intent[:25]))
    missed = Counter(
        (bench.names[a], bench.names[b]) for a, b in zip(bench.right, guess, strict=True) if a != b
    )
    print("\n".join(f"{count} {a} read as {b}" for (a, b), count in missed.most_common(shown)))


def accuracy(chances: Array, right: Array) -> float:
    return float((chances.argmax(axis=1) == right).mean())


def of_held_out(bench: Bench, misses: bool) -> None:
    wanted = held_out("intents")
    spelt, both = bench.ask([one["text"] for one in wanted])
    chances = cascade(spelt, both, bench.config["sure"])
    right = np.array([bench.names.index(one["intent"]) for one in wanted])
    share = (spelt.max(axis=1) >= bench.config["sure"]).mean()
    print(
        f"held out: {len(wanted)},"
        f" spelling alone {accuracy(spelt, right):.4f}, both {accuracy(both, right):.4f}"
    )
    print(f"cascade {accuracy(chances, right):.4f} (spelling decided {share:.3f})")
    styles = defaultdict(list)
    for one, is_right in zip(wanted, chances.argmax(axis=1) == right, strict=True):
        styles[one["style"]].append(is_right)
    print(", ".join(f"{style} {np.mean(found):.2f}" for style, found in styles.items()))
    for one, row in zip(wanted, chances, strict=True) if misses else ():
        if bench.names[row.argmax()] != one["intent"]:
            print(f"  {row.max():.2f} {one['intent']} read as {bench.names[row.argmax()]}: {one['text']}")
    for name in ("out_of_scope", "emergencies"):
        of_kind(bench, name, misses)


def of_kind(bench: Bench, name: str, misses: bool) -> None:
    wanted = held_out(name)
    chances = cascade(*bench.ask([one["text"] for one in wanted]), bench.config["sure"])
    print(f"{name}: {len(wanted)}")
    for one, row in zip(wanted, chances, strict=True) if misses else ():
        best = np.argsort(-row)[:3]
        told = ", ".join(f"{bench.names[at]} {row[at]:.2f}" for at in best)
        print(f"  {'!' if one.get('alarm') else ' '} {one['text']}: {told}")


if __name__ == "__main__":
    main()
