"""Intents by cross-validation on data/nlu: spelling alone, sentence vectors alone, both as in config.yml.

    .venv-rasa/bin/python bench/understanding/intents.py [--folds 5] [--confusions 30]

Every fold is trained without the sentences it is asked about; vectors come from the shelf training keeps.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import yaml  # noqa: E402
from scipy.special import log_softmax  # noqa: E402
from sklearn.model_selection import StratifiedKFold  # noqa: E402

from nlu import words  # noqa: E402
from nlu.classifier import LinearVote, LinearVoteClassifier, fit_temperature  # noqa: E402
from nlu.encoder import SentenceEncoder, Shelf, encode, plain  # noqa: E402
from nlu.normal import normalise  # noqa: E402
from nlu.words import Words  # noqa: E402

DICTIONARY = "data/words/hotel.txt"
WAYS = {
    "spelling alone": {"dense_weight": 0.0, "spelling_weight": 1.0},
    "sentence vectors alone": {"dense_weight": 1.0, "spelling_weight": 0.0},
    "both (config.yml)": {"dense_weight": 1.0, "spelling_weight": 2.0},
}


def examples() -> tuple[list[str], list[str]]:
    texts, labels = [], []
    for path in sorted((ROOT / "data" / "nlu").glob("*.yml")):
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            for line in block["examples"].splitlines() if "intent" in block else ():
                texts.append(re.sub(r"\[([^\]]*)\]\([a-z_]+\)", r"\1", line.removeprefix("- ")))
                labels.append(block["intent"])
    return texts, labels


def vectors(texts: list[str]) -> np.ndarray:
    config = SentenceEncoder.get_default_config()
    seen = [plain(normalise(text).text)[: config["longest"]] for text in texts]
    shelf = Shelf(ROOT / config["shelf"])
    known = shelf.take(set(seen))
    missing = sorted(set(seen) - known.keys())
    began = time.process_time()
    known.update({text: encode(text) for text in missing})
    if missing:
        shelf.keep(known)
        print(
            f"encoded {len(missing)} texts, {(time.process_time() - began) / len(missing) * 1000:.1f} ms each"
        )
    return np.vstack([known[text] for text in seen])


def calibration_error(chances: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: how far confidence and truth lie apart, on average."""
    sure, correct = chances.max(axis=1), chances.argmax(axis=1) == right
    where = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [
        abs(sure[where == at].mean() - correct[where == at].mean()) * (where == at).mean()
        for at in set(where)
    ]
    return float(sum(gaps))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folds", type=int, default=5)
    options.add_argument("--confusions", type=int, default=20)
    chosen = options.parse_args()
    texts, labels = examples()
    dense = vectors(texts)
    names = sorted(set(labels))
    right = np.array([names.index(label) for label in labels])
    normal = [normalise(text).text for text in texts]
    config, cutter = LinearVoteClassifier.get_default_config(), Words(words.read(str(ROOT / DICTIONARY)))
    said, spelt = np.zeros((len(labels), len(names))), np.zeros((len(labels), len(names)))
    for seen, unseen in StratifiedKFold(chosen.folds, shuffle=True, random_state=7).split(dense, right):
        vote = LinearVote(config, cutter)
        vote.fit([normal[at] for at in seen], dense[seen], [labels[at] for at in seen]).ready()
        parts = vote.parts([normal[at] for at in unseen], dense[unseen])
        said[unseen], spelt[unseen] = parts
    print(f"{len(labels)} examples, {len(names)} intents, {chosen.folds} folds")
    for way, weights in WAYS.items():
        scores = weights["dense_weight"] * said + weights["spelling_weight"] * spelt
        print(f"{way:24s} {(scores.argmax(axis=1) == right).mean():.4f}")
    report(said + WAYS["both (config.yml)"]["spelling_weight"] * spelt, right, names, chosen.confusions)


def report(scores: np.ndarray, right: np.ndarray, names: list[str], shown: int) -> None:
    guess = scores.argmax(axis=1)
    half = np.arange(len(right)) % 2 == 0
    chances = np.exp(log_softmax(fit_temperature(scores[half], right[half]) * scores, axis=1))
    print(f"calibration error {calibration_error(chances[~half], right[~half]):.3f}")
    for threshold in (0.25, 0.35, 0.5):
        kept = chances.max(axis=1) >= threshold
        print(f"confidence >= {threshold}: {kept.mean():.3f} kept, {(guess == right)[kept].mean():.3f} right")
    by_intent = sorted(
        ((guess == right)[right == at].mean(), (right == at).sum(), name) for at, name in enumerate(names)
    )
    print("\n".join(f"{share:.2f} {count:4d} {name}" for share, count, name in by_intent))
    missed = Counter((names[a], names[b]) for a, b in zip(right, guess, strict=True) if a != b)
    print("\n".join(f"{count} {a} read as {b}" for (a, b), count in missed.most_common(shown)))


if __name__ == "__main__":
    main()
