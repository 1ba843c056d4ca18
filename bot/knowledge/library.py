"""Each hotel's points, ready to be searched: an index in memory, made anew when the points have moved.

Guests never wait for it: while an index is being made, the one before it answers. Encoding runs in threads
(the encoder computes outside Python's lock), and every text is encoded once, ever.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bot.knowledge import Hotel, Hotels, encoder
from bot.knowledge.encoder import Vectors
from bot.knowledge.index import Hit, Index, Row
from bot.knowledge.vectors import Shelf
from bot.model import HotelId
from bot.store import desk
from bot.store.database import Database
from bot.store.points import Entry, Version

logger = logging.getLogger(__name__)

REMEMBERED = 2000  # vectors of questions that found no answer
FOUND = 40  # points that a question brings; the choice looks at the first few


def folder_of(blob_url: str) -> Path:
    """Where the vectors of points are kept: among the service's files."""
    if not blob_url.startswith("file:"):
        return Path("var/knowledge")  # made anew from the database wherever it is missing
    return Path(blob_url.removeprefix("file:")) / "knowledge"


def rows_of(entries: Mapping[str, Entry]) -> list[Row]:
    """Every writing of every point: what its index is made of."""
    return [Row(id_, text) for id_, e in entries.items() for text in (e.title, *e.variants)]


@dataclass
class _Stand:
    """A hotel's index, and the points it was made from."""

    points: Mapping[str, Version] = field(default_factory=dict)
    index: Index | None = None
    making: asyncio.Task[None] | None = None
    done: int = 0
    of: int = 0


class Library:
    """One per process. `threads` for encoding; one is kept for questions, so that they don't queue behind."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._shelf, self._threads = Shelf(folder), threads
        self._hotels: dict[HotelId, _Stand] = {}
        self._seen: dict[bytes, Vectors] = {}
        self._asking = ThreadPoolExecutor(1, "retrieval")
        self._building = ThreadPoolExecutor(1, "index")

    async def open(self, database: Database, hotels: Hotels) -> None:
        """Begin with every hotel's index, so that it is there when the first guest asks."""
        async with database.read() as tx:
            for row in await desk.list_hotels(tx):
                self.refresh(await hotels.get(tx, row.id))

    async def search(self, hotel: Hotel, text: str, vector: bytes | None = None) -> list[Hit]:
        """The points that a question may mean, best first; none while the first index is being made.

        `vector`: the question's, where the connector has made it already.
        """
        stand = self.refresh(hotel)
        if stand.index is None or not text.strip():
            return []
        index, loop = stand.index, asyncio.get_running_loop()
        return await loop.run_in_executor(self._asking, _search, index, text, vector)

    async def vectors(self, hotel: Hotel, texts: Sequence[str]) -> Vectors:
        """A centred vector for each text. They may be a guest's: no words are kept, and nothing on disk."""
        if not texts:
            return encoder.encode([])
        stand, loop = self.refresh(hotel), asyncio.get_running_loop()
        for text in texts:
            if (key := encoder.key_of(text)) not in self._seen:
                self._seen[key] = (await loop.run_in_executor(self._asking, encoder.encode, [text]))[0]
        while len(self._seen) > REMEMBERED:
            self._seen.pop(next(iter(self._seen)))
        found = np.vstack([self._seen[encoder.key_of(text)] for text in texts[:REMEMBERED]])
        return stand.index.centred(found) if stand.index else found - found.mean(axis=0)

    def refresh(self, hotel: Hotel) -> _Stand:
        """Begin to make the hotel's index anew where its points have moved; how it stands."""
        stand = self._hotels.setdefault(hotel.id, _Stand())
        if stand.points is not hotel.points and (stand.making is None or stand.making.done()):
            stand.making = asyncio.get_running_loop().create_task(self._make(stand, hotel))
        return stand

    async def ready(self, hotel: Hotel) -> None:
        """Wait until the index is the one of these points."""
        while (stand := self.refresh(hotel)).making and stand.points is not hotel.points:
            assert stand.making
            await stand.making

    def progress(self, hotel: HotelId) -> tuple[int, int]:
        """How many texts have been encoded of those that had to be; (0, 0) when nothing is under way."""
        stand = self._hotels.get(hotel)
        busy = stand and stand.making and not stand.making.done()
        return (stand.done, stand.of) if stand and busy else (0, 0)

    async def _make(self, stand: _Stand, hotel: Hotel) -> None:
        points, loop = hotel.points, asyncio.get_running_loop()
        rows = rows_of({id_: version.entry for id_, version in points.items()})

        def told(done: int, of: int) -> None:
            stand.done, stand.of = done, of

        def make() -> Index:
            return Index(rows, self._shelf.take([row.text for row in rows], self._threads, told))

        try:
            stand.index = await loop.run_in_executor(self._building, make)
        except Exception as error:
            # Without an index the topics still answer; the next change tries again.
            logger.error("the index of %s can't be made: %s", hotel.id, type(error).__name__, exc_info=True)
        stand.points = points

    async def close(self) -> None:
        for stand in self._hotels.values():
            if stand.making:
                stand.making.cancel()
        self._asking.shutdown(wait=False, cancel_futures=True)
        self._building.shutdown(wait=False, cancel_futures=True)


def _search(index: Index, text: str, vector: bytes | None) -> list[Hit]:
    return index.search(text, encoder.unpack(vector) if vector else encoder.encode([text])[0], FOUND)
