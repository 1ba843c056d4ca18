"""The widget's channel: the visitor's page pulls what it hasn't seen, so nothing is ever sent to it.

A visitor is a random token in the page's own storage; we keep its hash, bound to the widget key. Pure.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeGuard

from bot.channels.port import Capabilities, Inbound, InboundKind, Option, Reply
from bot.model import AccountId, ExternalId, File

CAPABILITIES = Capabilities(
    buttons=True,
    max_bytes=None,
    reply_window=False,
    idempotent=True,
    receipts=True,
    typing=True,
    media=frozenset({"image", "voice", "video", "file"}),
    pulls=True,
)
MAX_FRAME = 64_000  # bytes of one frame
MAX_TEXT = 10_000  # characters of one message
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class BadFrame(ValueError):
    """A frame we can't take; `code` says why."""

    def __init__(self, code: str, client_id: str | None = None) -> None:
        super().__init__(code)
        self.code, self.client_id = code, client_id


def visitor(key: AccountId, token: object) -> ExternalId:
    """The visitor behind a page's token: 32 random bytes as base64url, bound to the widget key."""
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise BadFrame("bad_token")
    return ExternalId(hashlib.sha256(f"{key}\n{token}".encode()).hexdigest())


def parse_frame(raw: str) -> dict[str, Any]:
    """A frame of the page's: an object with a type. Raises BadFrame."""
    try:
        frame = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadFrame("bad_request") from None
    if len(raw) > MAX_FRAME or not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise BadFrame("bad_request")
    return frame


def parse_message(visitor_id: ExternalId, frame: Mapping[str, Any], at: datetime) -> Inbound:
    """A message of the page's. Its client id makes sending idempotent. Raises BadFrame."""
    client_id, text = frame.get("client_id"), frame.get("text")
    if not is_client_id(client_id):
        raise BadFrame("bad_request")
    if not isinstance(text, str) or not text.strip():
        raise BadFrame("empty", client_id)
    if len(text) > MAX_TEXT:
        raise BadFrame("too_long", client_id)
    body = {"client_id": client_id}
    return Inbound(InboundKind.TEXT, visitor_id, f"{visitor_id}\n{client_id}", at, whole(text), body=body)


def is_client_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(_CLIENT_ID.fullmatch(value))


def file_message(visitor_id: ExternalId, client_id: str, file: File, at: datetime) -> Inbound:
    """A file of the page's, kept already. Its client id makes sending idempotent, as with words."""
    key, body = f"{visitor_id}\n{client_id}", {"client_id": client_id}
    return Inbound(InboundKind.MEDIA, visitor_id, key, at, subtype=file.kind, body=body, file=file)


def whole(text: str) -> str:
    """The text with what no database takes replaced: U+0000 and lone surrogates become U+FFFD."""
    return "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)


def allowed(origin: str | None, origins: Sequence[str]) -> bool:
    """Whether a page of this origin may carry the widget."""
    return origin is not None and origin.rstrip("/").lower() in {o.rstrip("/").lower() for o in origins}


def parts(reply: Reply) -> list[Reply]:
    return [reply]


def chosen(options: Sequence[Option], said: str) -> str:
    """A tapped choice sends its own text already."""
    return said
