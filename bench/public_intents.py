"""config.yml, unchanged, on other people's intents: trains on train.jsonl, tells the accuracy on test.jsonl.

    .venv-rasa/bin/python bench/public_intents.py DIR [--split 1600 400]

Lines are {"text", "intent"}. Rasa itself builds and trains the pipeline, in a folder of its own; nothing of
this repository's data goes in. Then the same without the encoder, which a copy of the pipeline leaves out.
--split writes DIR's two files first: so many examples of data/nlu, by chance, to train on and to ask about.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["RASA_TELEMETRY_ENABLED"] = "false"
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
STARTED = Path.cwd()
os.chdir(ROOT)  # config.yml names files from the root

import yaml  # noqa: E402
from rasa.core.agent import Agent  # noqa: E402
from rasa.core.channels.channel import UserMessage  # noqa: E402
from rasa.utils.log_utils import configure_structlog  # noqa: E402

from bench.understanding.intents import examples  # noqa: E402
from nlu.turn import text_for_model  # noqa: E402

ENCODER = "nlu.encoder.SentenceEncoder"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--split", type=int, nargs=2, metavar=("TRAIN", "TEST"))
    chosen = options.parse_args()
    folder = STARTED / chosen.folder
    if chosen.split:
        _split(folder, *chosen.split)
    for encoder in (True, False):
        with tempfile.TemporaryDirectory() as made:
            model, seconds = _train(folder / "train.jsonl", Path(made), encoder)
            right, asked = _ask(model, folder / "test.jsonl")
        told = "with the encoder" if encoder else "without the encoder"
        print(f"{told}: {right}/{asked} right, {100 * right / asked:.2f} %, trained in {seconds:.0f} s")


def _split(folder: Path, train: int, test: int) -> None:
    ours = list(zip(*examples(), strict=True))
    random.Random(1).shuffle(ours)
    folder.mkdir(parents=True, exist_ok=True)
    for name, some in (("train", ours[:train]), ("test", ours[train : train + test])):
        lines = (json.dumps({"text": text, "intent": intent}, ensure_ascii=False) for text, intent in some)
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _train(lines: Path, folder: Path, encoder: bool) -> tuple[Path, float]:
    config = yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf-8"))
    for one in config["pipeline"]:
        if one["name"] == ENCODER:  # a cache of vectors: the product's own must not be written over
            one["shelf"] = str(folder / "vectors.npz")
    if not encoder:
        config["pipeline"] = [one for one in config["pipeline"] if one["name"] != ENCODER]
    (folder / "config.yml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    (folder / "nlu.yml").write_text(_as_rasa(lines), encoding="utf-8")
    began = time.monotonic()
    command = [shutil.which("rasa", path=str(Path(sys.executable).parent)) or "rasa", "train", "nlu"]
    command += ["-u", str(folder / "nlu.yml"), "-c", str(folder / "config.yml"), "--out", str(folder)]
    done = subprocess.run(
        [*command, "--fixed-model-name", "public"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr[-4000:])
    return folder / "public.tar.gz", time.monotonic() - began


def _as_rasa(lines: Path) -> str:
    """Markup characters are taken out: these are texts, not annotations."""
    intents: dict[str, list[str]] = defaultdict(list)
    for one in _read(lines):
        text = one["text"].translate(dict.fromkeys(map(ord, "[](){}\n\r"), " ")).strip()
        if text:
            intents[one["intent"]].append(text)
    blocks = [
        {"intent": _name(intent), "examples": "".join(f"- {text}\n" for text in texts)}
        for intent, texts in intents.items()
    ]
    return yaml.safe_dump({"version": "3.1", "nlu": blocks}, allow_unicode=True, width=1_000_000)


def _name(intent: str) -> str:
    return intent.replace("/", "_")  # Rasa reads a slash as a retrieval intent


def _read(path: Path) -> list[dict[str, str]]:
    # Not splitlines: a text may hold what else ends a line for it.
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    return [json.loads(line) for line in lines if line.strip()]


def _ask(model: Path, path: Path) -> tuple[int, int]:
    """The likeliest reading counts, sure or not: there is nobody to ask back."""
    logging.disable(logging.INFO)
    configure_structlog(logging.WARNING)
    processor = Agent.load(str(model)).processor
    asked = _read(path)
    right = 0
    for one in asked:
        # As guests' words are asked about: never empty, and no command of Rasa's.
        read = asyncio.run(processor.parse_message(UserMessage(text_for_model(one["text"]))))
        best = next((told["name"] for told in read["intent_ranking"] if told["name"] != "nlu_fallback"), None)
        right += best == _name(one["intent"])
    return right, len(asked)


if __name__ == "__main__":
    main()
