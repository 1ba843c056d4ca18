"""The words of the product: ids, states, events and acts, as frozen data.

Owns the vocabulary and nothing else: no rule, no I/O, no clock. Names follow docs/glossary.md.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

HotelId = NewType("HotelId", str)
ConversationId = NewType("ConversationId", str)
GuestId = NewType("GuestId", str)
IdentityId = NewType("IdentityId", str)
StaffId = NewType("StaffId", str)
OrderId = NewType("OrderId", str)
PromiseId = NewType("PromiseId", str)
OutboxId = NewType("OutboxId", str)
AccountId = NewType("AccountId", str)
ExternalId = NewType(
    "ExternalId", str
)  # a platform's openid, a visitor's hashed token: stands on identities only

Json = Mapping[str, Any]


class State(StrEnum):
    """Who may speak to the guest."""

    BOT = "BOT"
    WAITING = "WAITING"
    STAFF = "STAFF"
    CLOSED = "CLOSED"


class Audience(StrEnum):
    """Who may read an event: everybody in the conversation, or staff alone."""

    GUEST = "guest"
    STAFF = "staff"


class ActorKind(StrEnum):
    GUEST = "guest"
    ASSISTANT = "assistant"
    STAFF = "staff"
    SERVICE = "service"


@dataclass(frozen=True)
class Actor:
    """Who did it. `id` is a guest's or a staff member's id; the assistant and the service have none."""

    kind: ActorKind
    id: str | None = None

    def __str__(self) -> str:
        return self.kind if self.id is None else f"{self.kind}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Actor":
        kind, _, who = text.partition(":")
        return cls(ActorKind(kind), who or None)


ASSISTANT = Actor(ActorKind.ASSISTANT)
SERVICE = Actor(ActorKind.SERVICE)


class EventType(StrEnum):
    """Everything that can stand in a log. Types are added, never renamed or removed."""

    CONTACTED = "contacted"
    NOTICE_SHOWN = "notice_shown"
    GUEST_SAID = "guest_said"
    GUEST_FOLLOWED = "guest_followed"
    GUEST_UNFOLLOWED = "guest_unfollowed"
    CHANNEL_EVENT_RECEIVED = "channel_event_received"
    ASSISTANT_SAID = "assistant_said"
    ASSISTANT_DRAFTED = "assistant_drafted"
    HANDOFF_REQUESTED = "handoff_requested"
    ALARM_RAISED = "alarm_raised"
    ALARM_ACKNOWLEDGED = "alarm_acknowledged"
    ALERT_ACKNOWLEDGED = "alert_acknowledged"
    CLAIMED = "claimed"
    TRANSFERRED = "transferred"
    RELEASED = "released"
    LAPSED = "lapsed"
    ASSIGNED = "assigned"
    ASSIGNMENT_ENDED = "assignment_ended"
    NOBODY_FOUND = "nobody_found"
    CLOSED = "closed"
    REOPENED = "reopened"
    STAFF_SAID = "staff_said"
    STAFF_NOTED = "staff_noted"
    WHISPERED = "whispered"
    SNOOZED = "snoozed"
    SNOOZE_ENDED = "snooze_ended"
    REPLY_FLAGGED = "reply_flagged"
    REPLY_DRAFTED = "reply_drafted"
    REPLY_REFUSED = "reply_refused"
    TARGET_NEARED = "target_neared"
    DELIVERY_ACCEPTED = "delivery_accepted"
    DELIVERY_UNCLEAR = "delivery_unclear"
    DELIVERY_FAILED = "delivery_failed"
    DELIVERY_READ = "delivery_read"
    RESEND_REQUESTED = "resend_requested"
    ORDER_PLACED = "order_placed"
    ORDER_CHANGED = "order_changed"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_RUNG = "order_rung"
    ORDER_DONE = "order_done"
    ORDER_TAKEN = "order_taken"
    ORDER_HANDED_OVER = "order_handed_over"
    PROMISE_MADE = "promise_made"
    PROMISE_DECLINED = "promise_declined"
    PROMISE_CHANGED = "promise_changed"
    PROMISE_REMINDED = "promise_reminded"
    PROMISE_KEPT = "promise_kept"
    PROMISE_BROKEN = "promise_broken"
    PROMISE_HANDED_OVER = "promise_handed_over"
    PREFERENCE_REMEMBERED = "preference_remembered"
    READING_CORRECTED = "reading_corrected"
    CORRECTION_WITHDRAWN = "correction_withdrawn"
    CORRECTION_REVIEWED = "correction_reviewed"
    IDENTITY_LINKED = "identity_linked"
    IDENTITY_UNLINKED = "identity_unlinked"
    ENDED = "ended"
    MEDIA_KEPT = "media_kept"
    MEDIA_LOST = "media_lost"
    VOICE_HEARD = "voice_heard"
    GUEST_OPTED = "guest_opted"
    GUEST_NOTIFIED = "guest_notified"
    RATING_ASKED = "rating_asked"
    GUEST_RATED = "guest_rated"
    RATING_THANKED = "rating_thanked"
    VIP_MARKED = "vip_marked"
    GUEST_HANDED_OVER = "guest_handed_over"
    GUEST_ERASED = "guest_erased"
    FOREIGN = "foreign"  # whatever a newer release has logged: read so, never written

    @classmethod
    def _missing_(cls, value: object) -> "EventType":
        return cls.FOREIGN


class Reason(StrEnum):
    """Why a person is needed."""

    EMERGENCY = "emergency"
    COMPLAIN = "complain"
    BILLING_DISPUTE = "billing_dispute"
    PRIVACY_REQUEST = "privacy_request"
    SUGGEST = "suggest"
    HUMAN_HANDOFF = "human_handoff"
    LOW_CONFIDENCE = "low_confidence"
    MISUNDERSTOOD = "misunderstood"
    ENGINE_FAILED = "engine_failed"
    MISSING_FACT = "missing_fact"
    ACTION_FAILED = "action_failed"
    UNSUPPORTED_TASK = "unsupported_task"


class Nobody(StrEnum):
    """Why a waiting conversation could be assigned to nobody."""

    NO_MEMBERS = "no_members"  # nobody works in the departments it may go to
    CLOSED = "closed"  # outside their hours, and nobody says otherwise
    OFF = "off"  # in their hours nobody is there
    AWAY = "away"  # who is there is busy or on a break
    FULL = "full"  # who is on duty has as many as they take
    PASSED = "passed"  # who is on duty has let it pass


@dataclass(frozen=True)
class File:
    """A file that is kept: its blob, and what a page needs to show it. Pixels, bytes, seconds.

    `original` is the blob of the bytes as they came, where `blob` was made from them.
    """

    blob: str
    kind: str  # image, voice, video, file
    type: str
    size: int
    name: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    original: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, kept: Json) -> "File":
        return cls(**kept)

    @property
    def blobs(self) -> tuple[str, ...]:
        return (self.blob, self.original) if self.original else (self.blob,)


@dataclass(frozen=True)
class Content:
    """What people wrote, beside the event and erasable: text (numbers masked), the sealed originals, the
    assistant's memory and the addresses of files."""

    text: str | None = None
    sealed: tuple[Json, ...] = ()
    memory: Json | None = None
    blobs: tuple[str, ...] = ()
    details: Json | None = None

    @property
    def file(self) -> File | None:
        """The file of this message, where it has one that is kept."""
        kept = (self.details or {}).get("file")
        return File.from_json(kept) if kept else None


@dataclass(frozen=True)
class NewEvent:
    """An event that has been decided and not yet appended. `body` holds ids, codes and times only."""

    type: EventType
    at: datetime
    actor: Actor
    audience: Audience
    identity: IdentityId | None = None
    body: Json = field(default_factory=dict)
    content: Content | None = None
    version: int = 1


@dataclass(frozen=True)
class Event:
    """An appended event, without its content: folding never needs more than this."""

    hotel: HotelId
    conversation: ConversationId
    seq: int
    type: EventType
    version: int
    at: datetime
    actor: Actor
    identity: IdentityId | None
    audience: Audience
    body: Json


class OrderState(StrEnum):
    OPEN = "open"
    RINGING = "ringing"
    DONE = "done"
    CANCELLED = "cancelled"


class PromiseState(StrEnum):
    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"


class PostState(StrEnum):
    """Whether guests may be assigned to somebody: only on duty."""

    ON_DUTY = "on_duty"
    BUSY = "busy"
    BREAK = "break"
    OFF = "off"


class DeliveryState(StrEnum):
    """The delivery ladder: it never goes down."""

    QUEUED = "queued"
    SENDING = "sending"
    UNCLEAR = "unclear"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


# ---- acts: what Rasa decided, for the service to carry out

# How the keys begin of what the assistant says where it has no answer: it asks back, or declines. Whoever has
# to tell such words from an answer goes by these; a test holds nlu/turn.py to them, which can't import them.
ASKING_BACK = ("unclear", "clarify")
DECLINING = ("out_of_scope", "chitchat", "foreign")


@dataclass(frozen=True)
class Say:
    key: str
    values: Json = field(default_factory=dict)
    options: tuple[Json, ...] = ()


@dataclass(frozen=True)
class Answer:
    """A topic's own answer, or the knowledge point that answers better."""

    topic: str
    point: str | None = None


@dataclass(frozen=True)
class Order:
    op: str  # place, change, cancel
    service: str
    slots: Json = field(default_factory=dict)
    order: OrderId | None = None


@dataclass(frozen=True)
class Remember:
    preference: str


@dataclass(frozen=True)
class Handoff:
    reason: Reason
    detail: Json | None = None


Act = Say | Answer | Order | Remember | Handoff
