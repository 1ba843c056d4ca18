"""Kinds of complaints: by cross-validation on data/complaints.yml, and on those held out.

.venv-rasa/bin/python bench/understanding/complaints.py [--misses]
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from sklearn.model_selection import StratifiedKFold  # noqa: E402

from bench.understanding.intents import component, held_out, vectors  # noqa: E402
from nlu.complaints import ASPECTS, ComplaintSorter, fit, read  # noqa: E402
from nlu.normal import normalise  # noqa: E402


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--misses", action="store_true")
    misses = options.parse_args().misses
    config = component("ComplaintSorter", ComplaintSorter.get_default_config())
    examples = read(str(ROOT / config["examples"]))
    texts = [normalise(one["text"]).text for one in examples]
    dense = vectors(texts, config["longest"])
    labels = {aspect: [one[aspect] for one in examples] for aspect in ASPECTS}
    right = dict.fromkeys(ASPECTS, 0)
    for seen, unseen in StratifiedKFold(5, shuffle=True, random_state=1).split(texts, labels["kind"]):
        kept = {aspect: [labels[aspect][at] for at in seen] for aspect in ASPECTS}
        votes = fit(config, [texts[at] for at in seen], dense[seen], kept)
        for aspect, vote in votes.items():
            best = vote.both(vote.spelt([texts[at] for at in unseen]), dense[unseen]).argmax(axis=1)
            right[aspect] += sum(
                vote.labels[guess] == labels[aspect][at] for guess, at in zip(best, unseen, strict=True)
            )
    print(
        {aspect: round(count / len(texts), 3) for aspect, count in right.items()}, f"of {len(texts)} examples"
    )
    vote = fit(config, texts, dense, labels)["kind"]
    wanted = held_out("complaints")
    asked = [normalise(one["text"]).text for one in wanted]
    best = vote.both(vote.spelt(asked), vectors(asked, config["longest"])).argmax(axis=1)
    found = np.array([vote.labels[guess] == one["kind"] for guess, one in zip(best, wanted, strict=True)])
    print(f"held out: {found.mean():.3f} of {len(wanted)}")
    for one, guess, is_right in zip(wanted, best, found, strict=True) if misses else ():
        if not is_right:
            print(f"  {one['kind']} read as {vote.labels[guess]}: {one['text']}")


if __name__ == "__main__":
    main()
