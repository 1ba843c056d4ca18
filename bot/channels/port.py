"""What every channel offers the core: data about itself, pure parsing and rendering, and one send.

A channel never touches the log, the outbox or a conversation. It may keep nothing between calls but a
token cache that it is handed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from bot.model import AccountId, ExternalId, File

RECOGNISED = "recognition"  # in the body of a voice message: the words that the platform itself heard in it


class InboundKind(StrEnum):
    """What a guest's side can tell us; a type that we don't know is OTHER, never an error."""

    TEXT = "text"
    MEDIA = "media"  # image, voice, video, file, location, link: `subtype` says which
    FOLLOW = "follow"
    UNFOLLOW = "unfollow"
    CLICK = "click"  # a menu click or a scan: opens a reply window, says nothing
    RECEIPT = "receipt"
    OTHER = "other"


@dataclass(frozen=True)
class Inbound:
    """One verified, parsed message or event of a channel.

    `message_key` is the platform's own id for it (or what stands in for one); unique per account, it is
    what makes a second delivery recognisable. It may hold an external id, so it is hashed before storing.
    """

    kind: InboundKind
    external_id: ExternalId
    message_key: str
    sent_at: datetime | None
    text: str = ""
    subtype: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    file: File | None = None  # came with the message, and is kept already
    subjects: tuple[str, ...] = ()  # who the sender is proven to be: site:<sub>, wechat:<account>:<openid>
    fetch: str | None = None  # the platform's name for a file that it keeps for us for a while


@dataclass(frozen=True)
class Capabilities:
    """How a channel differs, as data. Lengths are in UTF-8 bytes of one message; None is unlimited."""

    buttons: bool
    max_bytes: int | None
    reply_window: bool  # only so many messages, only for so long
    idempotent: bool  # the other side drops a repeated delivery by a key of ours
    receipts: bool
    typing: bool
    media: frozenset[str]  # kinds of files (image, voice, video, file) that it carries to the guest
    passive: bool = False  # a push of the guest's may carry the reply in its answer
    pulls: bool = False  # the guest's side fetches what it hasn't seen; nothing is sent to it


@dataclass(frozen=True)
class Option:
    """One choice offered to the guest: what is shown and what choosing it sends."""

    title: str
    text: str


@dataclass(frozen=True)
class Attachment:
    """A file to be sent: its bytes, and an address for a channel that can't carry it."""

    kind: str
    type: str
    name: str
    data: bytes = field(repr=False)
    address: str = ""


@dataclass(frozen=True)
class Reply:
    """What we want said: text and, where there is a choice, its options; or a file."""

    text: str
    options: tuple[Option, ...] = ()
    file: Attachment | None = None


@dataclass(frozen=True)
class Accepted:
    """The other side has it. `reference` is its id for the message, if it gives one."""

    reference: str | None = None


@dataclass(frozen=True)
class TryLater:
    """Certainly not delivered now; asking again after `after` seconds may work."""

    after: float
    why: str


@dataclass(frozen=True)
class NeverDelivered:
    """Certainly not delivered, and asking again won't help. `why` is a code of ours."""

    why: str


@dataclass(frozen=True)
class Unclear:
    """Nobody can know whether it arrived: never repeated by itself."""

    why: str


Outcome = Accepted | TryLater | NeverDelivered | Unclear


class Sender(Protocol):
    """The one I/O call of a channel. Must not raise for anything the other side does.

    `reply` is one of those that the channel's `parts` made.
    """

    async def send(self, account: AccountId, to: ExternalId, reply: Reply) -> Outcome: ...


@runtime_checkable
class ShowsTyping(Protocol):
    """A sender whose platform can show the guest that an answer is on its way. Best effort."""

    async def show_typing(self, account: AccountId, to: ExternalId) -> Outcome: ...


@dataclass(frozen=True)
class Fetched:
    """A guest's file as the platform gave it. `name` is the guest's own, where there is one."""

    data: bytes = field(repr=False)
    name: str | None = None


class Fetcher(Protocol):
    """Brings a guest's file from where a platform keeps it, and from nowhere that a guest has named.

    Must not raise for anything the other side does; at most `limit` bytes.
    """

    async def fetch(
        self, account: AccountId, reference: str, limit: int
    ) -> Fetched | TryLater | NeverDelivered: ...
