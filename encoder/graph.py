"""The model's layers as a graph for ONNX Runtime, whose products read weights of 4 bits as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from encoder import onnx
from encoder.weights import BLOCK_SIZE, Array, Weights, halves

GIVEN, MADE = "given", "made"
_WHOLE_NUMBERS = (
    4  # MatMulNBits' accuracy_level: what comes in is rounded to 8 bits, as the wheel's engine does
)


class Graph:
    """From a text's rows to its rows after all layers: float32, (texts, pieces, width)."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        rows = GIVEN
        for layer in range(weights.layers):
            rows = self._layer(f"l{layer}.", rows)
        self._add("Identity", [rows], MADE)

    def file(self) -> bytes:
        sizes = ("texts", "pieces", self._weights.width)
        return onnx.model(self._nodes, self._constants, GIVEN, MADE, sizes)

    def _layer(self, name: str, rows: str) -> str:
        parts = [self._product(rows, name + part) for part in "qkv"]
        heads = self._weights.heads
        heard = self._add("com.microsoft.MultiHeadAttention", parts, f"{name}heard", num_heads=heads)
        rows = self._evened(rows, self._product(heard, f"{name}ao"), f"{name}aln")
        bent = self._add("com.microsoft.Gelu", [self._product(rows, f"{name}fi")], f"{name}bent")
        return self._evened(rows, self._product(bent, f"{name}fo"), f"{name}oln")

    def _product(self, rows: str, name: str) -> str:
        blocks = self._weights.blocks(f"{name}.w")
        outputs, inputs = blocks.shape[0], blocks.shape[1] * BLOCK_SIZE
        whole = halves(blocks)
        pairs = whole[..., 0::2] | whole[..., 1::2] << 4  # neighbours share a byte here
        constants = [
            self._constant(f"{name}.pairs", pairs),
            self._constant(f"{name}.scales", blocks["scale"].astype(np.float32)),
            *("", ""),  # where 0 lies: at 8; the order of the inputs: as it is
            self._constant(f"{name}.b", self._weights.floats(f"{name}.b")),
        ]
        sizes = {"K": inputs, "N": outputs, "bits": 4, "block_size": BLOCK_SIZE}
        made = f"{name}.product"
        kind = "com.microsoft.MatMulNBits"
        return self._add(kind, [rows, *constants], made, **sizes, accuracy_level=_WHOLE_NUMBERS)

    def _evened(self, rows: str, added: str, name: str) -> str:
        both = [self._constant(f"{name}.{part}", self._weights.floats(f"{name}.{part}")) for part in "wb"]
        kind, epsilon = "com.microsoft.SkipLayerNormalization", self._weights.epsilon
        return self._add(kind, [rows, added, *both], f"{name}.rows", epsilon=epsilon)

    def _constant(self, name: str, values: Array) -> str:
        self._constants.append(onnx.tensor(name, values))
        return name

    def _add(self, kind: str, inputs: Sequence[str], made: str, **attributes: float) -> str:
        self._nodes.append(onnx.node(kind, inputs, [made], **attributes))
        return made
