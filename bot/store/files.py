"""Which messages the kept files belong to. The bytes lie in the blob store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model import ConversationId, HotelId
from bot.store.schema import files

KEYS = 400


@dataclass(frozen=True)
class FileRow:
    """What is needed to serve a file: its type, and the name it came with."""

    type: str
    name: str | None


async def add(tx: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    await tx.execute(insert(files), list(rows))


async def find(tx: AsyncConnection, hotel: HotelId, blob: str) -> FileRow | None:
    """None once no message holds it any more."""
    query = select(files.c.type, files.c.name).where(files.c.hotel_id == hotel, files.c.blob_id == blob)
    found = (await tx.execute(query.limit(1))).first()
    return FileRow(found.type, found.name) if found else None


async def drop(
    tx: AsyncConnection, hotel: HotelId, conversation: ConversationId, seqs: Sequence[int] | None = None
) -> set[str]:
    """Take the files of a conversation, or of some of its events, away; the blobs that no message of the
    hotel holds any more."""
    mine = (files.c.hotel_id == hotel) & (files.c.conversation_id == conversation)
    if seqs is not None:
        mine &= files.c.seq.in_(list(seqs))
    held = set((await tx.execute(select(files.c.blob_id).where(mine))).scalars())
    await tx.execute(delete(files).where(mine))
    still = await kept(tx, [(hotel, blob) for blob in held])
    return {blob for blob in held if (hotel, blob) not in still}


async def kept(tx: AsyncConnection, blobs: Sequence[tuple[HotelId, str]]) -> set[tuple[HotelId, str]]:
    """Those of these blobs that a message still holds."""
    found: set[tuple[HotelId, str]] = set()
    for first in range(0, len(blobs), KEYS):
        some = tuple_(files.c.hotel_id, files.c.blob_id).in_(blobs[first : first + KEYS])
        rows = await tx.execute(select(files.c.hotel_id, files.c.blob_id).where(some))
        found |= {(HotelId(r.hotel_id), r.blob_id) for r in rows}
    return found
