"""Texts to vectors: their pieces, the model's graph, and the mean of what it makes of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from threading import Lock

import numpy as np

from encoder.graph import GIVEN, Graph
from encoder.pieces import Pieces
from encoder.weights import Array, Weights, full

DIMENSIONS = 384
AS_QUESTION = "query: "  # the model was taught to tell questions from passages; all our texts are questions
AT_ONCE = 256  # pieces: more wouldn't stay in the processor's cache

_loading = Lock()


def encode(texts: Sequence[str]) -> Array:
    """A unit vector for each text: float32, (texts, DIMENSIONS). In the thread that calls; the first call
    loads the model."""
    with _loading:
        model = _model()
    return model.encode(texts)


@lru_cache(maxsize=1)
def _model() -> Model:
    return Model()


class Model:
    """One for a process: threads share it."""

    def __init__(self) -> None:
        import onnxruntime  # 25 MB and a third of a second, which most commands needn't spend

        weights = Weights()
        self.pieces = Pieces(weights)
        self._words = weights.blocks("emb.word")
        places, kind = weights.floats("emb.pos"), weights.floats("emb.type")[:DIMENSIONS]
        self._places = places.reshape(-1, DIMENSIONS) + kind
        self._scale, self._shift = weights.floats("emb.ln.w"), weights.floats("emb.ln.b")
        self._epsilon = np.float32(weights.epsilon)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # each call has the core it runs on
        self._session = onnxruntime.InferenceSession(
            Graph(weights).file(), options, providers=["CPUExecutionProvider"]
        )

    def encode(self, texts: Sequence[str]) -> Array:
        made: Array = np.empty((len(texts), DIMENSIONS), np.float32)
        cut = [self.pieces(AS_QUESTION + text)[: len(self._places)] for text in texts]
        for portion in _portions(cut):
            made[portion] = self._vectors(np.array([cut[at] for at in portion]))
        return made

    def _vectors(self, pieces: Array) -> Array:
        """Of texts with equally many pieces, (texts, pieces)."""
        words = full(self._words[pieces]) + self._places[: pieces.shape[1]]
        (rows,) = self._session.run(None, {GIVEN: self._evened(words)})
        mean = rows.mean(axis=1)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def _evened(self, rows: Array) -> Array:
        rows = rows - rows.mean(axis=-1, keepdims=True)
        spread = np.sqrt((rows * rows).mean(axis=-1, keepdims=True) + self._epsilon)
        return rows / spread * self._scale + self._shift


def _portions(cut: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Which texts go through together: those with equally many pieces."""
    alike: dict[int, list[int]] = defaultdict(list)
    for at, pieces in enumerate(cut):
        alike[len(pieces)].append(at)
    for long, some in alike.items():
        each = max(1, AT_ONCE // long)
        yield from (some[at : at + each] for at in range(0, len(some), each))
