"""Guests' files from the platform's temporary store, and ours into it.

A file is asked for by its MediaId alone, never at an address that a push has named.
"""

import json
from urllib.parse import urlsplit

from bot.channels.port import Attachment, Fetched, NeverDelivered, TryLater, Unclear
from bot.channels.wechat.account import Account
from bot.channels.wechat.calls import RETRY, TOO_LARGE, Answer, Call, Calls, Failure
from bot.channels.wechat.errcodes import outcome
from bot.channels.wechat.render import form

SLOW = 60.0  # seconds that a large file may take longer than a message
_ADDRESS_LIMIT = 2_000


class Media:
    """The platform's temporary store (files live there for three days)."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def fetch(self, account: Account, media: str, limit: int) -> Fetched | TryLater | NeverDelivered:
        """A guest's file. A voice message comes as the AMR that the phone recorded."""
        call = Call("cgi-bin/media/get", query={"media_id": media}, limit=limit, seconds=SLOW)
        return await self._fetched(account, await self._calls.make(account, call), limit)

    async def _fetched(
        self, account: Account, answer: Answer | Failure, limit: int
    ) -> Fetched | TryLater | NeverDelivered:
        if not isinstance(answer, Answer):
            return _not_brought(answer)
        code = answer.errcode()
        if code is not None:
            return _not_brought(outcome(code) if code else NeverDelivered("answer_unreadable"))
        if address := _film(answer):
            return await self._film(account, address, limit)
        return Fetched(answer.data, answer.name) if answer.data else NeverDelivered("file_empty")

    async def _film(self, account: Account, address: str, limit: int) -> Fetched | TryLater | NeverDelivered:
        """A film lies at an address that the platform itself gives: taken on its own hosts only."""
        parts = urlsplit(address)
        if not account.keeps_films_at(parts.hostname or "") or parts.scheme not in ("http", "https"):
            return NeverDelivered("film_elsewhere")
        answer = await self._calls.at(address, Call("", limit=limit, seconds=SLOW))
        if not isinstance(answer, Answer):
            return _not_brought(answer)
        return Fetched(answer.data, answer.name) if answer.data else NeverDelivered("file_empty")

    async def upload(self, account: Account, kind: str, file: Attachment) -> str | TryLater | NeverDelivered:
        """The MediaId of a file put into the store; whatever fails here, no message has been sent."""
        body, type_ = form("media", f"{kind}{_SUFFIX.get(file.type, '')}", file.type, file.data)
        call = Call("cgi-bin/media/upload", body, type_, {"type": kind}, seconds=SLOW)
        answer = await self._calls.make(account, call)
        if not isinstance(answer, Answer):
            return TryLater(RETRY, f"upload_{answer.why}") if isinstance(answer, Unclear) else answer
        found = answer.object() or {}
        media = found.get("media_id") or found.get("thumb_media_id")
        if isinstance(media, str) and media:
            return media
        refused = outcome(answer.errcode() or -1)
        return refused if isinstance(refused, TryLater | NeverDelivered) else TryLater(RETRY, "upload")


_SUFFIX = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "audio/mpeg": ".mp3",
    "audio/amr": ".amr",
    "video/mp4": ".mp4",
}


def _film(answer: Answer) -> str | None:
    if answer.type not in ("application/json", "text/plain") or len(answer.data) > _ADDRESS_LIMIT:
        return None
    try:
        found = json.loads(answer.data)
    except ValueError:
        return None
    address = found.get("video_url") if isinstance(found, dict) else None
    return address if isinstance(address, str) else None


def _not_brought(failure: object) -> TryLater | NeverDelivered:
    """Asking for a file twice does no harm, so nothing is unclear."""
    match failure:
        case TryLater() | NeverDelivered():
            return failure
        case Unclear(why) if why == TOO_LARGE:
            return NeverDelivered("file_too_large")
        case Unclear(why):
            return TryLater(RETRY, why)
        case _:
            return NeverDelivered("answer_unreadable")
