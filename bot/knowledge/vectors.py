"""Vectors on disk, by the hash of their text, so that no text of a point is encoded twice.

One file of records of equal length, which grows at its end under a lock; a record cut off by a crash is
dropped. Losing the file costs time only. It holds no words, and never a guest's.
"""

import fcntl
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bot.knowledge import encoder
from bot.knowledge.encoder import Vectors
from encoder import DIMENSIONS

KEY = 16  # bytes
RECORD = np.dtype([("key", "u1", KEY), ("vector", "<f2", DIMENSIONS)])
SAVED_EVERY = 1024  # texts; what a long import loses when it is cut off

Told = Callable[[int, int], None]


class Shelf:
    """The vectors of a folder. Any number of processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{encoder.NAME}.vectors"
        self._known: dict[bytes, Vectors] = {}
        self._read = 0

    def take(self, texts: Sequence[str], threads: int, told: Told = lambda done, of: None) -> Vectors:
        """The vector of every text, in order; those that are new are encoded and kept."""
        self._look()
        keys = [encoder.key_of(text) for text in texts]
        new = list(
            {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}.values()
        )
        for at in range(0, len(new), SAVED_EVERY):
            part = new[at : at + SAVED_EVERY]

            def so_far(done: int, at: int = at) -> None:
                told(at + done, len(new))

            self._keep(part, encoder.encode_all(part, threads, so_far))
        found = [self._known[key] for key in keys]
        return np.array(found, np.float32).reshape(-1, DIMENSIONS)

    def missing(self, texts: Sequence[str]) -> int:
        """How many texts would have to be encoded."""
        self._look()
        return len({key for text in texts if (key := encoder.key_of(text)) not in self._known})

    def _look(self) -> None:
        """Read what has been added since the last look."""
        if not self.path.exists():
            return
        whole = self.path.stat().st_size // RECORD.itemsize
        if whole > self._read:
            with self.path.open("rb") as file:
                file.seek(self._read * RECORD.itemsize)
                self._learn(np.fromfile(file, RECORD, whole - self._read))
            self._read = whole

    def _learn(self, records: Vectors) -> None:
        self._known.update(zip(map(bytes, records["key"]), records["vector"], strict=True))

    def _keep(self, texts: Sequence[str], vectors: Vectors) -> None:
        records: Vectors = np.zeros(len(texts), RECORD)
        records["vector"] = vectors
        records["key"] = [np.frombuffer(encoder.key_of(text), np.uint8) for text in texts]
        self._learn(records)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.truncate(file.seek(0, 2) // RECORD.itemsize * RECORD.itemsize)
            file.seek(0, 2)
            file.write(records.tobytes())
