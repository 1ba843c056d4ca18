"""How long the model takes to read a message it has never seen, on one core; every held-out message once.

    .venv-rasa/bin/python bench/understanding/speed.py [--model MODEL] [--out readings.jsonl] [--from FOLDER]

CPU time, and time by the clock with the machine's load, of the whole pipeline in one process held to one
core, caches empty; the same with the vector that a search of knowledge takes, for questions that a topic
answers, where the pipeline hasn't made it; then once more, with every message a repeat. With --out, each
reading goes to a file: {"set", "text", "intent", "confidence", "decision", "parts", "ms", "clock", ...}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from rasa.core.agent import Agent  # noqa: E402
from rasa.core.channels.channel import UserMessage  # noqa: E402
from rasa.utils.log_utils import configure_structlog  # noqa: E402

from nlu.encoder import ENCODED, vector  # noqa: E402

HELD_OUT = ROOT / "tests/data/understanding"
SETS = ("intents", "out_of_scope", "foreign", "emergencies", "complaints")
ANSWERED = "ask_"  # how intents begin that knowledge is searched for
NOW = {"now": "2026-11-22T21:30:00+08:00", "timezone": "Asia/Shanghai"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", default="models/dianxiaoer.tar.gz")
    options.add_argument("--out", type=Path)
    options.add_argument("--from", type=Path, dest="folder", default=HELD_OUT)
    chosen = options.parse_args()
    asyncio.set_event_loop(asyncio.new_event_loop())
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    logging.disable(logging.INFO)
    configure_structlog(logging.WARNING)
    processor = Agent.load(chosen.model).processor
    for text in ("你好", "第一句话总要慢一些，这里先说一句长的"):
        _now(_read(processor, text))
    vector("先热一下")
    vector.cache_clear()
    readings = [{"set": name, **one} for name in SETS for one in _lines(chosen.folder, name)]
    for one in readings:
        _time(processor, one)
    _report("never seen", readings, "ms", "clock")
    _report("and with a search's vector", readings, "with_search", "with_search_clock")
    if chosen.out:
        lines = (json.dumps(one, ensure_ascii=False) + "\n" for one in readings)
        chosen.out.write_text("".join(lines), encoding="utf-8")
    for one in readings:
        _time(processor, one)
    _report("repeats", readings, "ms", "clock")


def _lines(folder: Path, name: str) -> list[dict[str, Any]]:
    path = folder / f"{name}.jsonl"
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        {"wanted" if key == "intent" else key: value for key, value in json.loads(line).items()}
        for line in lines
    ]


async def _read(processor: Any, text: str) -> dict[str, Any]:
    return dict(await processor.parse_message(UserMessage(text, metadata=NOW)))


def _now(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    return asyncio.get_event_loop().run_until_complete(work)  # one loop for all, as a server has


def _time(processor: Any, one: dict[str, Any]) -> None:
    made, began, clock = vector.cache_info().misses, time.process_time(), time.perf_counter()
    read = _now(_read(processor, one["text"]))
    one["ms"] = round((time.process_time() - began) * 1000, 2)
    one["clock"] = round((time.perf_counter() - clock) * 1000, 2)
    one["encoded"] = vector.cache_info().misses > made
    encoded, began, clock = read.pop(ENCODED, None), time.process_time(), time.perf_counter()
    if encoded and str(read["intent"]["name"]).startswith(ANSWERED):
        vector(encoded)
    one["with_search"] = one["ms"] + round((time.process_time() - began) * 1000, 2)
    one["with_search_clock"] = one["clock"] + round((time.perf_counter() - clock) * 1000, 2)
    ranking = [(told["name"], round(told["confidence"], 3)) for told in read["intent_ranking"][:3]]
    one.update(intent=read["intent"]["name"], confidence=read["intent"]["confidence"], ranking=ranking)
    one.update({name: read.get(name) for name in ("decision", "parts", "complaint")})


def _report(name: str, readings: list[dict[str, Any]], *measured: str) -> None:
    spent, clock = (np.array([one[column] for one in readings]) for column in measured)
    encoded = np.mean([one["encoded"] for one in readings])
    print(
        f"{name}: {len(readings)} messages, median {np.median(spent):.1f} ms,"
        f" 95 % {np.percentile(spent, 95):.1f} ms, longest {spent.max():.1f} ms;"
        f" by the clock {np.median(clock):.1f} and {np.percentile(clock, 95):.1f} ms"
        f" at load {os.getloadavg()[0]:.1f};"
        f" encoder asked for {encoded:.2f}"
    )


if __name__ == "__main__":
    main()
