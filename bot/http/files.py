"""Files at addresses that run out. Whoever has a valid address may read the file: it is their guard."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.blobs import BlobMissing, BlobsAway
from bot.files import BadAddress, Files
from bot.http.guard import CLOCK, DATABASE, Problem
from bot.media import LARGEST, LIMITS, BadFile
from bot.model import File, HotelId
from bot.store import files as rows

FILES = web.AppKey("files", Files)

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def add_routes(app: web.Application) -> None:
    app.router.add_get("/files/{hotel}/{blob}", show)


async def show(request: web.Request) -> web.Response:
    hotel, blob = HotelId(request.match_info["hotel"]), request.match_info["blob"]
    query, files = request.query, request.app[FILES]
    try:
        files.check(hotel, blob, query.get("until", ""), query.get("sig", ""), request.app[CLOCK].now())
    except BadAddress:
        raise Problem(403, "bad_address") from None
    async with request.app[DATABASE].read() as tx:
        found = await rows.find(tx, hotel, blob)
    if found is None:
        raise Problem(404, "not_found")
    try:
        data = await files.load(hotel, blob)
    except BlobMissing:
        raise Problem(404, "not_found") from None
    except BlobsAway:
        raise Problem(503, "unavailable") from None
    response = _part(request, data)
    response.content_type = found.type
    # Named by its id: a guest's own name for a file may carry anything.
    response.headers["Content-Disposition"] = f'attachment; filename="{blob[:12]}{_ending(found.type)}"'
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, max-age=3600, immutable"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _part(request: web.Request, data: bytes) -> web.Response:
    """The whole, or the one range that players ask for."""
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if not asked or not any(asked.groups()):
        return web.Response(body=data, headers={"Accept-Ranges": "bytes"})
    first, last = _span(asked[1], asked[2], len(data))
    if first >= len(data) or last < first:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
    headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {first}-{last}/{len(data)}"}
    return web.Response(status=206, body=data[first : last + 1], headers=headers)


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last[:12])), size - 1
    return int(first[:12]), min(int(last[:12]), size - 1) if last else size - 1


_ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "audio/mpeg": ".mp3",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "application/zip": ".zip",  # kept by an earlier release
    "application/ofd": ".ofd",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
}


def _ending(type_: str) -> str:
    return _ENDINGS.get(type_, ".bin")


def shown(files: Files, hotel: HotelId, file: File, now: datetime) -> dict[str, Any]:
    """A file as a page needs it, with the address it has for now."""
    kept = {name: value for name, value in file.to_json().items() if name not in ("blob", "original")}
    return {**kept, "id": file.blob, "address": files.address(hotel, file.blob, now)}


async def take(request: web.Request, hotel: HotelId, kinds: Collection[str] = LIMITS) -> File:
    """The body of a request as a file that is kept. Its name comes beside it, as `?name=`.

    Raises Problem: 413 when it is too large, 415 when it isn't one of `kinds` or can't be read.
    """
    data = bytearray()
    async for piece in request.content.iter_chunked(65_536):
        data += piece
        if len(data) > LARGEST:
            raise Problem(413, "file_too_large", limit=LARGEST // 1_000_000)
    name = request.query.get("name")
    try:
        return await request.app[FILES].keep(hotel, bytes(data), name, kinds)
    except BadFile as bad:
        status = 413 if bad.code == "file_too_large" else 415
        raise Problem(status, bad.code, limit=LARGEST // 1_000_000) from None
    except BlobsAway:
        raise Problem(503, "unavailable") from None
