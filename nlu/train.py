"""python -m nlu.train --trained-from HASH [--even-if-worse]: train a model, compare it, put it to use.

What `rasa train --force` makes, by Rasa's own code from the same files, in one process with the comparison
(`nlu.versions`), and without two things that took a third of its time: a second look at the data, which
`make check` takes (`rasa data validate`), and Rasa's cache, which hashes what each step hands on; a model
whose sources haven't changed isn't trained at all. What Rasa prints goes to models/train.log.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nlu import versions

LOG, TRAINED_FROM, CANDIDATE = "train.log", ".trained-from", "candidate"
LINES_OF_A_FAILURE = 40


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m nlu.train")
    parser.add_argument("--trained-from", required=True, help="what the model's sources are known by")
    parser.add_argument("--even-if-worse", action="store_true", help="put it to use whatever it reads")
    given = parser.parse_args()
    shelf = versions.Shelf()
    shelf.folder.mkdir(exist_ok=True)
    log = shelf.folder / LOG
    with _written_to(log):
        model = _train(shelf.folder)
        readings = versions.measure(model) if model else None
    if model is None:
        print(*_last(log, LINES_OF_A_FAILURE), sep="\n", file=sys.stderr)
        return 1
    (shelf.folder / TRAINED_FROM).write_text(given.trained_from + "\n", encoding="utf-8")
    try:
        versions.settle(shelf, model, readings, given.trained_from, even_if_worse=given.even_if_worse)
    except versions.Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0


def _train(folder: Path) -> Path | None:
    """The model that Rasa's own command makes; None where it fails, and has said why."""
    # More threads within one product wait for each other at full speed where the cores are shared.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rasa.__main__ import main as rasa
    from rasa.engine.training import graph_trainer

    graph_trainer.TrainingHook = _NothingKept
    sys.argv = ["rasa", "train", "--force", "--skip-validation", "--out", str(folder)]
    sys.argv += ["--fixed-model-name", CANDIDATE]
    try:
        rasa()
    except SystemExit as ended:
        if ended.code:
            return None
    return folder / f"{CANDIDATE}.tar.gz"


class _NothingKept:
    """In the place of Rasa's hook that hashes and stores what goes in and out of each step."""

    def __init__(self, **_: Any) -> None:
        pass

    def on_before_node(self, **_: Any) -> dict[str, Any]:
        return {}

    def on_after_node(self, **_: Any) -> None:
        pass


@contextmanager
def _written_to(log: Path) -> Iterator[None]:
    """What this process and the libraries beneath it print goes to the log meanwhile."""
    kept = [os.dup(stream) for stream in (1, 2)]
    with log.open("w", encoding="utf-8") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, before in zip((1, 2), kept, strict=True):
            os.dup2(before, stream)
            os.close(before)


def _last(log: Path, lines: int) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").splitlines()[-lines:]


if __name__ == "__main__":
    sys.exit(main())
