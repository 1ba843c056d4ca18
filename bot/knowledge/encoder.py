"""Sentence vectors of questions and of knowledge points (`encoder`).

Every vector is of unit length and stands in a narrow cone with all others: whoever compares them centres
them. Both questions and the writings of points get the encoder's `query` side, because both are questions.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Any

import numpy as np

from bot.knowledge.writing import plain
from encoder import DIMENSIONS
from encoder import encode as vectors_of

NAME = "e5-small-q4.query"  # a change of what the vectors mean needs another name
LONGEST = 120  # characters; the encoder's cost grows with them, as the one in front of the dialogue is capped
PORTION = 64  # texts between two looks at how far it is

Vectors = Any  # numpy array of float32, a row for each text


def encode(texts: Sequence[str]) -> Vectors:
    """A unit vector for each text, in this thread."""
    return vectors_of([_seen(text) for text in texts])


def encode_all(texts: Sequence[str], threads: int, told: Callable[[int], None]) -> Vectors:
    """The same for many texts on `threads` cores; `told` hears how many are done."""
    made: Vectors = np.empty((len(texts), DIMENSIONS), np.float32)
    portions = [range(at, min(at + PORTION, len(texts))) for at in range(0, len(texts), PORTION)]
    with ThreadPoolExecutor(threads, "encoder") as pool:
        done = 0
        for portion, vectors in zip(portions, pool.map(_portion(texts), portions), strict=True):
            made[portion.start : portion.stop] = vectors
            done += len(portion)
            told(done)
    return made


def _portion(texts: Sequence[str]) -> Callable[[range], Vectors]:
    return lambda portion: encode([texts[at] for at in portion])


def unpack(vector: bytes) -> Vectors:
    """A vector as the connector sends it."""
    return np.frombuffer(vector, "<f2").astype(np.float32)


def key_of(text: str) -> bytes:
    """What a text's vector is kept under: the words themselves are not kept."""
    return blake2b(_seen(text).encode(), digest_size=16, person=NAME.encode()[:16]).digest()


def _seen(text: str) -> str:
    """What the encoder reads of a text: written as the connector writes a message, and capped."""
    return plain(text)[:LONGEST]
