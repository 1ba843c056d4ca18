"""Files of a conversation: kept, shown at an address that soon runs out, and gone when their message is.

A blob is put before the transaction that names it, and deleted after the one that lets it go; what a crash
leaves between the two, `sweep` finds.
"""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import media
from bot.blobs import BlobId, Blobs, BlobsAway
from bot.conversation import Conversation
from bot.model import Event, File, HotelId, NewEvent
from bot.sealing import Seal
from bot.store import files
from bot.store.database import Database

logger = logging.getLogger(__name__)

SHOWN_FOR = timedelta(hours=1)  # an address on a page
SENT_FOR = timedelta(days=7)  # an address in a message, for a channel that can't carry the file
LOOSE_FOR = timedelta(hours=1)  # a blob may wait so long for the message that it belongs to
NAME_LENGTH = 120


class BadAddress(Exception):
    """Not an address that we have made, or one that has run out."""


class Files:
    """The files of a service. Keeping one takes time: its reading runs in a thread."""

    def __init__(self, blobs: Blobs, seal: Seal) -> None:
        self.blobs = blobs
        self._keys = seal.derived("files")

    async def keep(
        self, hotel: HotelId, data: bytes, name: str | None = None, kinds: Collection[str] = media.LIMITS
    ) -> File:
        """Make a file safe and keep it, if it is one of `kinds`. Raises media.BadFile, BlobsAway."""
        found = await asyncio.to_thread(media.read, data)
        if found.kind not in kinds:
            raise media.BadFile("file_not_taken")
        original = await self.blobs.put(hotel, found.original) if found.original else None
        blob = await self.blobs.put(hotel, found.data)
        return File(
            blob,
            found.kind,
            found.type,
            len(found.data),
            (name or "").strip()[:NAME_LENGTH] or None,
            found.width,
            found.height,
            found.seconds,
            original,
        )

    async def load(self, hotel: HotelId, blob: str) -> bytes:
        """Raises BlobMissing, BlobsAway."""
        return await self.blobs.get(hotel, BlobId(blob))

    async def delete(self, hotel: HotelId, blobs: Sequence[str]) -> None:
        """Delete what no message holds any more; what can't be reached now, `sweep` deletes later."""
        for blob in blobs:
            try:
                await self.blobs.delete(hotel, BlobId(blob))
            except BlobsAway as error:
                logger.warning("a file waits to be deleted: %s", error)

    async def sweep(self, database: Database, now: datetime) -> int:
        """Delete every file that belongs to no message; how many. Raises BlobsAway."""
        loose = [(h, b) async for h, b, at in self.blobs.all() if now - at > LOOSE_FOR]
        async with database.read() as tx:
            held = await files.kept(tx, loose)
        gone = [key for key in loose if key not in held]
        for hotel, blob in gone:
            await self.blobs.delete(hotel, blob)
        return len(gone)

    def address(self, hotel: HotelId, blob: str, now: datetime, span: timedelta = SHOWN_FOR) -> str:
        """Where the file is to be had for `span` at least; the same for a while, so that pages cache."""
        hour = 3600
        until = (int((now + span).timestamp()) // hour + 1) * hour
        return f"/files/{hotel}/{blob}?until={until}&sig={self._sign(self._keys[0], hotel, blob, str(until))}"

    def check(self, hotel: str, blob: str, until: str, signature: str, now: datetime) -> None:
        """Raises BadAddress."""
        if not until.isdecimal() or len(until) > 12 or int(until) <= now.timestamp():
            raise BadAddress
        made = [self._sign(key, hotel, blob, until) for key in self._keys]
        if not any(hmac.compare_digest(one.encode(), signature.encode()) for one in made):
            raise BadAddress

    @staticmethod
    def _sign(key: bytes, hotel: str, blob: str, until: str) -> str:
        return hmac.new(key, f"{hotel}\n{blob}\n{until}".encode(), hashlib.sha256).hexdigest()[:32]


async def project(
    tx: AsyncConnection, row: Conversation, events: Sequence[Event], decided: Sequence[NewEvent]
) -> None:
    """Note which message holds which file, in the transaction of the events."""
    rows = []
    for event, new in zip(events, decided, strict=True):
        file = new.content.file if new.content else None
        for blob in file.blobs if file else ():
            type_ = file.type if file and blob == file.blob else "application/octet-stream"
            rows.append(
                {
                    "hotel_id": row.hotel,
                    "blob_id": blob,
                    "conversation_id": row.id,
                    "seq": event.seq,
                    "type": type_,
                    "name": file.name if file else None,
                }
            )
    if rows:
        await files.add(tx, rows)
