"""The app's channel: the hotel's own app pulls what its guest hasn't seen, so nothing is ever sent to it.

Who the guest is, the hotel's backend says in a signed token (bot/guest_tokens.py): its subject is the guest's
external id here, and proves that they are the same person wherever it is signed. Pure.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.channels.port import Capabilities, Inbound, InboundKind, Option, Reply
from bot.channels.web import MAX_TEXT, BadFrame, whole
from bot.model import ConversationId, ExternalId, File

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
CLIENT_ID = r"[A-Za-z0-9_-]{8,64}"
CURSOR = r"[A-Za-z0-9_-]{4,120}"
_CLIENT_ID, _CURSOR = re.compile(CLIENT_ID), re.compile(CURSOR)


@dataclass(frozen=True)
class Cursor:
    """A place in a guest's history. Opaque to the app: what it stands for may change."""

    conversation: ConversationId
    seq: int

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.conversation}:{self.seq}".encode()).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: object) -> "Cursor":
        """Raises BadFrame."""
        if not isinstance(text, str) or not _CURSOR.fullmatch(text):
            raise BadFrame("bad_cursor")
        try:
            plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        except (binascii.Error, ValueError):
            raise BadFrame("bad_cursor") from None
        conversation, colon, seq = plain.partition(":")
        if not colon or not conversation.isprintable() or not seq.isdecimal() or len(seq) > 9:
            raise BadFrame("bad_cursor")
        return cls(ConversationId(conversation), int(seq))


def proof(subject: str) -> str:
    """What a signed subject proves, the same on every channel of the hotel's own."""
    return f"site:{subject}"


def client_id_of(value: object) -> str:
    """The app's own id of a message: sending it again says nothing new. Raises BadFrame."""
    if not isinstance(value, str) or not _CLIENT_ID.fullmatch(value):
        raise BadFrame("bad_client_id")
    return value


def parse_message(subject: str, body: Mapping[str, Any], at: datetime) -> Inbound:
    """A message of the app's. Raises BadFrame."""
    client_id, text = client_id_of(body.get("client_id")), body.get("text")
    if not isinstance(text, str):
        raise BadFrame("bad_request", client_id)
    if not text.strip():
        raise BadFrame("empty", client_id)
    if len(text) > MAX_TEXT:
        raise BadFrame("too_long", client_id)
    return _inbound(subject, client_id, at, InboundKind.TEXT, text=whole(text))


def file_message(subject: str, client_id: str, file: File, at: datetime) -> Inbound:
    return _inbound(subject, client_id, at, InboundKind.MEDIA, subtype=file.kind, file=file)


def _inbound(subject: str, client_id: str, at: datetime, kind: InboundKind, **more: Any) -> Inbound:
    key, body, proven = f"{subject}\n{client_id}", {"client_id": client_id}, (proof(subject),)
    return Inbound(kind, ExternalId(subject), key, at, body=body, subjects=proven, **more)


def parts(reply: Reply) -> list[Reply]:
    return [reply]


def chosen(options: Sequence[Option], said: str) -> str:
    """A tapped choice sends its own text already."""
    return said
