"""Guests' and staff's files, by their content: a folder, or a bucket that speaks S3, behind one port.

A blob's id is the SHA-256 of its bytes; hotels never share one. Which message a blob belongs to, and when
it has to go, the database knows: this module keeps bytes and nothing else.
"""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import NewType
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, S3Store

from bot.model import HotelId

BlobId = NewType("BlobId", str)

LISTED = 500


class BlobMissing(LookupError):
    """No such file: it was erased, or the store has lost it."""


class BlobsAway(Exception):
    """The store can't be reached or written to; trying again later may work."""


def folder_of(url: str) -> Path | None:
    """The folder behind a BLOB_URL of `file:`, None for a bucket."""
    return Path(url.removeprefix("file:")) if url.startswith("file:") else None


def store_of(url: str, key: str) -> "LocalStore | S3Store":
    """What a BLOB_URL names: file:folder, or s3://bucket/prefix?endpoint=https://host&region=name.

    `key` is the bucket's "id:secret".
    """
    folder = folder_of(url)
    if folder is not None:
        return LocalStore(folder.absolute() / "files", mkdir=True)
    parts, (id_, _, secret) = urlsplit(url), key.partition(":")
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    endpoint = asked.get("endpoint")
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        endpoint=endpoint,
        region=asked.get("region", "us-east-1"),
        access_key_id=id_,
        secret_access_key=secret,
        virtual_hosted_style_request=asked.get("style") == "virtual",
        client_options={"allow_http": bool(endpoint and endpoint.startswith("http:")), "timeout": "30s"},
    )


class Blobs:
    """The store of a service's files."""

    def __init__(self, url: str, key: str = "") -> None:
        self._store = store_of(url, key)

    async def put(self, hotel: HotelId, data: bytes) -> BlobId:
        """Keep these bytes; the same bytes are kept once. Raises BlobsAway."""
        id_ = BlobId(hashlib.sha256(data).hexdigest())
        try:
            await obstore.put_async(self._store, _path(hotel, id_), data)
        except (BaseError, OSError) as error:
            raise BlobsAway(type(error).__name__) from None
        return id_

    async def get(self, hotel: HotelId, id_: BlobId) -> bytes:
        """Raises BlobMissing, BlobsAway."""
        try:
            found = await obstore.get_async(self._store, _path(hotel, id_))
            return bytes(await found.bytes_async())
        except (NotFoundError, FileNotFoundError):
            raise BlobMissing(id_) from None
        except (BaseError, OSError) as error:
            raise BlobsAway(type(error).__name__) from None

    async def delete(self, hotel: HotelId, id_: BlobId) -> None:
        """Also when it isn't there. Raises BlobsAway."""
        try:
            await obstore.delete_async(self._store, _path(hotel, id_))
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise BlobsAway(type(error).__name__) from None

    async def all(self) -> AsyncIterator[tuple[HotelId, BlobId, datetime]]:
        """Every file: its hotel, its id, and when it was last put."""
        async for part in obstore.list(self._store, chunk_size=LISTED):
            for found in part:
                hotel, _, name = str(found["path"]).partition("/")
                yield HotelId(hotel), BlobId(name.rpartition("/")[2]), found["last_modified"]


def _path(hotel: HotelId, id_: BlobId) -> str:
    return f"{hotel}/{id_[:2]}/{id_}"
