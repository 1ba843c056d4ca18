"""The tables, for both databases.

`hotel_id` leads every key. Times are text in ISO 8601 UTC with microseconds, so that both databases order
and compare them alike. `events` is append-only (triggers refuse anything else); `contents` may be emptied.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)


def stamp(at: datetime) -> str:
    """An aware time as the text that is stored and hashed."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as text."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> str | None:
        return None if value is None else stamp(value)

    def process_result_value(self, value: str | None, dialect: Any) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


def _id(name: str = "", **kw: Any) -> Column[str]:
    return Column(name, String(64), **kw)


hotels = Table(
    "hotels",
    metadata,
    _id("hotel_id", nullable=False),
    Column("name", Text, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("profile", Text, nullable=False),  # JSON: what hotel.yml says, facts included
    Column("knowledge", Text, nullable=False),  # JSON: topic -> answer
    Column("wording", Text, nullable=False),  # JSON: language -> key -> sentence
    Column("changed_at", Moment, nullable=False),
    Column("points_revision", Integer, nullable=False, server_default="0"),  # moves with every point
    Column("wechat", Text, nullable=False, server_default="{}"),  # JSON: what wechat.yml says
    PrimaryKeyConstraint("hotel_id"),
)

# A channel's account at its platform. `sealed` holds its secrets, encrypted as one.
accounts = Table(
    "accounts",
    metadata,
    Column("channel", String(32), nullable=False),
    _id("account", nullable=False),
    _id("hotel_id", nullable=False),  # the hotel meant when a message names none
    Column("config", Text, nullable=False),  # JSON without secrets
    Column("sealed", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("changed_at", Moment, nullable=False),
    PrimaryKeyConstraint("channel", "account"),
    ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"]),
)

guests = Table(
    "guests",
    metadata,
    _id("hotel_id", nullable=False),
    _id("guest_id", nullable=False),
    Column("name", Text),
    Column("room", String(32)),
    Column("room_until", Moment),  # a room link ends at check-out
    Column("preferences", Text, nullable=False, server_default="[]"),
    Column("created_at", Moment, nullable=False),
    Column("unfollowed_at", Moment),
    Column("erased_at", Moment),
    _id("merged_into"),  # the guest that this one proved to be
    Column("opted_in_at", Moment),  # since when unasked messages are allowed
    Column("vip_at", Moment),  # since when staff or the hotel's import have marked them so
    PrimaryKeyConstraint("hotel_id", "guest_id"),
    ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"]),
)

identities = Table(
    "identities",
    metadata,
    _id("hotel_id", nullable=False),
    _id("identity_id", nullable=False),
    _id("guest_id", nullable=False),
    _id("conversation_id", nullable=False),
    Column("channel", String(32), nullable=False),
    _id("account", nullable=False),
    Column("external_id", String(128)),  # emptied by erasure
    Column("created_at", Moment, nullable=False),
    Column("pushed_until", Moment),  # an open push may carry a reply until then
    Column("push_key", String(64)),
    PrimaryKeyConstraint("hotel_id", "identity_id"),
    ForeignKeyConstraint(["hotel_id", "guest_id"], ["guests.hotel_id", "guests.guest_id"]),
    UniqueConstraint("hotel_id", "channel", "account", "external_id"),
    Index("ix_identities_hotel_id_guest_id", "hotel_id", "guest_id"),
    Index("ix_identities_hotel_id_conversation_id", "hotel_id", "conversation_id"),
)

# Signed subjects: identities that share one are proven to be the same person's. Emptied by erasure.
subjects = Table(
    "subjects",
    metadata,
    _id("hotel_id", nullable=False),
    Column("subject", String(200), nullable=False),
    _id("identity_id", nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("hotel_id", "subject", "identity_id"),
    ForeignKeyConstraint(["hotel_id", "identity_id"], ["identities.hotel_id", "identities.identity_id"]),
    Index("ix_subjects_hotel_id_identity_id", "hotel_id", "identity_id"),
)

# Who counts as a VIP as soon as they have shown who they are: a keyed hash of what they will show.
vips_awaited = Table(
    "vips_awaited",
    metadata,
    _id("hotel_id", nullable=False),
    Column("key", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("hotel_id", "key"),
    ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"]),
)

# One-time codes by which a guest shows on one channel who they are on another. Used ones are deleted.
link_codes = Table(
    "link_codes",
    metadata,
    _id("hotel_id", nullable=False),
    Column("code_hash", String(64), nullable=False),
    _id("identity_id", nullable=False),
    Column("expires_at", Moment, nullable=False),
    PrimaryKeyConstraint("hotel_id", "code_hash"),
    ForeignKeyConstraint(["hotel_id", "identity_id"], ["identities.hotel_id", "identities.identity_id"]),
)

# Messages to an account of several hotels, until the guest has said which one is meant. Sealed.
undecided = Table(
    "undecided",
    metadata,
    Column("channel", String(32), nullable=False),
    _id("account", nullable=False),
    Column("who", String(64), nullable=False),
    Column("message_key", String(64), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("channel", "account", "message_key"),
    Index("ix_undecided_channel_account_who", "channel", "account", "who"),
)

conversations = Table(
    "conversations",
    metadata,
    _id("hotel_id", nullable=False),
    _id("conversation_id", nullable=False),
    _id("guest_id", nullable=False),
    Column("seq", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    _id("holder_id"),
    Column("waiting_since", Moment),
    Column("changed_at", Moment, nullable=False),
    Column("row", Text, nullable=False),  # the fold of the log, canonical JSON
    Column("head", String(64), nullable=False),  # hash of the last event
    PrimaryKeyConstraint("hotel_id", "conversation_id"),
    ForeignKeyConstraint(["hotel_id", "guest_id"], ["guests.hotel_id", "guests.guest_id"]),
    Index("ix_conversations_hotel_id_state_waiting_since", "hotel_id", "state", "waiting_since"),
    Index("ix_conversations_hotel_id_changed_at", "hotel_id", "changed_at"),
    Index("ix_conversations_hotel_id_guest_id", "hotel_id", "guest_id"),
)

events = Table(
    "events",
    metadata,
    _id("hotel_id", nullable=False),
    _id("conversation_id", nullable=False),
    Column("seq", Integer, nullable=False),
    Column("type", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(80), nullable=False),
    _id("identity_id"),
    Column("audience", String(8), nullable=False),
    Column("body", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    PrimaryKeyConstraint("hotel_id", "conversation_id", "seq"),
    ForeignKeyConstraint(
        ["hotel_id", "conversation_id"], ["conversations.hotel_id", "conversations.conversation_id"]
    ),
    Index("ix_events_hotel_id_type_at", "hotel_id", "type", "at"),
)

contents = Table(
    "contents",
    metadata,
    _id("hotel_id", nullable=False),
    _id("conversation_id", nullable=False),
    Column("seq", Integer, nullable=False),
    Column("salt", String(64)),
    Column("text", Text),
    Column("sealed", Text),
    Column("memory", Text),
    Column("blobs", Text),
    Column("details", Text),
    Column("emptied_at", Moment),
    PrimaryKeyConstraint("hotel_id", "conversation_id", "seq"),
    ForeignKeyConstraint(
        ["hotel_id", "conversation_id", "seq"], ["events.hotel_id", "events.conversation_id", "events.seq"]
    ),
)

# Which message a file belongs to: one without any row here has to go.
files = Table(
    "files",
    metadata,
    _id("hotel_id", nullable=False),
    _id("blob_id", nullable=False),
    _id("conversation_id", nullable=False),
    Column("seq", Integer, nullable=False),
    Column("type", String(100), nullable=False),
    Column("name", Text),
    PrimaryKeyConstraint("hotel_id", "blob_id", "conversation_id", "seq"),
    ForeignKeyConstraint(
        ["hotel_id", "conversation_id", "seq"], ["events.hotel_id", "events.conversation_id", "events.seq"]
    ),
    Index("ix_files_hotel_id_conversation_id", "hotel_id", "conversation_id"),
)

# What has arrived: the platform's id of each message (hashed), so that a second delivery is recognised.
arrivals = Table(
    "arrivals",
    metadata,
    _id("hotel_id", nullable=False),
    Column("channel", String(32), nullable=False),
    _id("account", nullable=False),
    Column("message_key", String(64), nullable=False),
    _id("conversation_id", nullable=False),
    _id("identity_id", nullable=False),
    Column("seq", Integer, nullable=False),
    Column("deliveries", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("hotel_id", "channel", "account", "message_key"),
)

# How far the messages of an account have been pulled, where a channel pulls.
cursors = Table(
    "cursors",
    metadata,
    _id("hotel_id", nullable=False),
    Column("channel", String(32), nullable=False),
    _id("account", nullable=False),
    Column("cursor", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
    PrimaryKeyConstraint("hotel_id", "channel", "account"),
    ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"]),
)

outbox = Table(
    "outbox",
    metadata,
    _id("hotel_id", nullable=False),
    _id("outbox_id", nullable=False),
    _id("conversation_id", nullable=False),
    Column(
        "kind", String(16), nullable=False
    ),  # ask, deliver, escalate, lapse, idle, ring, promise, hand_over, erase
    Column("key", String(80), nullable=False),
    Column("seq", Integer, nullable=False),  # deliver: the event to bring; else the event that caused it
    Column("part", Integer, nullable=False, server_default="0"),
    _id("identity_id"),
    Column("state", String(16), nullable=False),  # queued, sending, done, failed, unclear, accepted
    Column("due_at", Moment),  # None: waits for the guest's next push
    Column("owner", String(64)),
    Column("lease_until", Moment),
    Column("attempts", Integer, nullable=False),
    Column("via", String(64)),  # how a sending row goes: custom, or the key of the push that carries it
    Column("why", String(64)),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    PrimaryKeyConstraint("hotel_id", "outbox_id"),
    ForeignKeyConstraint(
        ["hotel_id", "conversation_id"], ["conversations.hotel_id", "conversations.conversation_id"]
    ),
    Index("ix_outbox_state_due_at", "state", "due_at"),
    Index("ix_outbox_hotel_id_conversation_id_kind", "hotel_id", "conversation_id", "kind", "state"),
    Index("ix_outbox_hotel_id_identity_id_state", "hotel_id", "identity_id", "state"),
)

# What a channel keeps about an identity's reply window; the channel alone reads it.
ledgers = Table(
    "ledgers",
    metadata,
    _id("hotel_id", nullable=False),
    _id("identity_id", nullable=False),
    Column("ledger", Text, nullable=False),
    PrimaryKeyConstraint("hotel_id", "identity_id"),
    ForeignKeyConstraint(["hotel_id", "identity_id"], ["identities.hotel_id", "identities.identity_id"]),
)

# Orders: the log says what happened; this row says what is open. `details` holds the guest's words.
orders = Table(
    "orders",
    metadata,
    _id("hotel_id", nullable=False),
    _id("order_id", nullable=False),
    _id("conversation_id", nullable=False),
    _id("guest_id", nullable=False),
    Column("service", String(40), nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_at", Moment),
    Column("details", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    _id("owner_id"),
    Column("placed_at", Moment, nullable=False),
    Column("placed_by", String(80), nullable=False),
    Column("done_at", Moment),
    _id("done_by"),
    Column("changed_at", Moment, nullable=False),
    PrimaryKeyConstraint("hotel_id", "order_id"),
    ForeignKeyConstraint(
        ["hotel_id", "conversation_id"], ["conversations.hotel_id", "conversations.conversation_id"]
    ),
    Index("ix_orders_hotel_id_state_due_at", "hotel_id", "state", "due_at"),
    Index("ix_orders_hotel_id_conversation_id", "hotel_id", "conversation_id"),
)

# Promises: the log says what happened; this row says what is owed. `words` is erased with the guest's.
promises = Table(
    "promises",
    metadata,
    _id("hotel_id", nullable=False),
    _id("promise_id", nullable=False),
    _id("conversation_id", nullable=False),
    _id("guest_id", nullable=False),
    Column("seq", Integer, nullable=False),  # the message that promised it
    Column("made_seq", Integer, nullable=False),
    Column("words", Text),
    Column("state", String(16), nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("guessed", Boolean, nullable=False),
    _id("owner_id"),  # None: whoever is at the desk
    Column("made_at", Moment, nullable=False),
    _id("made_by"),
    Column("reminded_at", Moment),
    _id("reminded_to"),  # None: the desk
    Column("ended_at", Moment),
    _id("ended_by"),
    Column("changed_at", Moment, nullable=False),
    PrimaryKeyConstraint("hotel_id", "promise_id"),
    ForeignKeyConstraint(
        ["hotel_id", "conversation_id"], ["conversations.hotel_id", "conversations.conversation_id"]
    ),
    Index("ix_promises_hotel_id_state_due_at", "hotel_id", "state", "due_at"),
    Index("ix_promises_hotel_id_conversation_id", "hotel_id", "conversation_id"),
    Index("ix_promises_hotel_id_owner_id_state", "hotel_id", "owner_id", "state"),
)

staff = Table(
    "staff",
    metadata,
    _id("staff_id", nullable=False),
    Column("login", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("password", Text, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Moment),
    Column("changed_at", Moment, nullable=False),
    Column("pin", Text),
    Column("pin_failures", Integer, nullable=False, server_default="0"),  # in a row
    Column("second_factor", Text),  # JSON, sealed
    Column("second_step", Integer),  # the last whose code was used
    Column("guest_name", Text),  # what guests read; empty is the name
    PrimaryKeyConstraint("staff_id"),
    UniqueConstraint("login"),
)

memberships = Table(
    "memberships",
    metadata,
    _id("hotel_id", nullable=False),
    _id("staff_id", nullable=False),
    Column("role", String(16), nullable=False),
    Column("expires_at", Moment),  # no access from then on
    PrimaryKeyConstraint("hotel_id", "staff_id"),
    ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"]),
    ForeignKeyConstraint(["staff_id"], ["staff.staff_id"]),
)

# What somebody does in a hotel: their departments, and whether guests may be assigned to them now.
posts = Table(
    "posts",
    metadata,
    _id("hotel_id", nullable=False),
    _id("staff_id", nullable=False),
    Column("departments", Text, nullable=False, server_default="[]"),  # JSON: ids
    Column("skills", Text, nullable=False, server_default="[]"),  # JSON: ids
    Column("capacity", Integer),  # conversations at once; None: the hotel's
    Column("presence", String(16), nullable=False, server_default="off"),  # on_duty, busy, break, off
    Column("presence_why", String(32)),  # lapsed: let an assignment run out; None: they said so themselves
    Column("presence_at", Moment),
    Column("seen_at", Moment),  # when their desk was last connected
    Column("changed_at", Moment, nullable=False),
    PrimaryKeyConstraint("hotel_id", "staff_id"),
    ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"]),
    ForeignKeyConstraint(["staff_id"], ["staff.staff_id"]),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("token_hash", String(64), nullable=False),
    _id("staff_id", nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("computer", String(64)),  # the hash of what its browser is known by
    Column("locked_at", Moment),
    PrimaryKeyConstraint("token_hash"),
    ForeignKeyConstraint(["staff_id"], ["staff.staff_id"]),
    Index("ix_sign_ins_staff_id", "staff_id"),
)

# How far each viewer has seen: staff on the desk, a guest's page for what reached it.
read_marks = Table(
    "read_marks",
    metadata,
    _id("hotel_id", nullable=False),
    _id("conversation_id", nullable=False),
    Column("viewer", String(80), nullable=False),
    Column("seq", Integer, nullable=False),
    PrimaryKeyConstraint("hotel_id", "conversation_id", "viewer"),
)

audit = Table(
    "audit",
    metadata,
    _id("hotel_id", nullable=False),
    _id("audit_id", nullable=False),
    Column("at", Moment, nullable=False),
    _id("staff_id"),
    Column("action", String(40), nullable=False),
    Column("object", String(160), nullable=False),
    PrimaryKeyConstraint("hotel_id", "audit_id"),
)

# Every change of a hotel's facts: JSON values, none where nobody knows; `by` is empty for the hotel's file.
fact_changes = Table(
    "fact_changes",
    metadata,
    _id("hotel_id", nullable=False),
    _id("change_id", nullable=False),
    Column("fact", String(160), nullable=False),
    Column("before", Text),
    Column("after", Text),
    _id("by"),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("hotel_id", "change_id"),
    ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"]),
    Index("ix_fact_changes_hotel_id_fact", "hotel_id", "fact"),
)

# Knowledge: a row for each point, and every version of it that was ever written.
points = Table(
    "points",
    metadata,
    _id("hotel_id", nullable=False),
    _id("point_id", nullable=False),
    Column("version", Integer, nullable=False),  # the newest
    Column("approved_version", Integer),  # the one that answers guests
    Column("retired_at", Moment),
    _id("retired_by"),
    Column("changed_at", Moment, nullable=False),
    PrimaryKeyConstraint("hotel_id", "point_id"),
    ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"]),
    Index("ix_points_hotel_id_changed_at", "hotel_id", "changed_at"),
)

point_versions = Table(
    "point_versions",
    metadata,
    _id("hotel_id", nullable=False),
    _id("point_id", nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("variants", Text, nullable=False),  # JSON: other ways to ask
    Column("answer", Text, nullable=False),  # a template, as in texts/
    _id("topic"),
    Column("valid_from", String(10)),  # days of the hotel's, both included
    Column("valid_to", String(10)),
    Column("channels", Text, nullable=False),  # JSON: empty means all
    Column("source", String(16), nullable=False),
    _id("edited_by"),
    Column("edited_at", Moment, nullable=False),
    _id("approved_by"),
    Column("approved_at", Moment),
    PrimaryKeyConstraint("hotel_id", "point_id", "version"),
    ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"]),
)

# What staff said about questions that found no answer, and about answers that were wrong. No words.
question_marks = Table(
    "question_marks",
    metadata,
    _id("hotel_id", nullable=False),
    _id("conversation_id", nullable=False),
    Column("seq", Integer, nullable=False),
    Column("mark", String(16), nullable=False),
    _id("staff_id"),
    Column("at", Moment, nullable=False),
    _id("point_id"),
    PrimaryKeyConstraint("hotel_id", "conversation_id", "seq", "mark"),
    ForeignKeyConstraint(
        ["hotel_id", "conversation_id"], ["conversations.hotel_id", "conversations.conversation_id"]
    ),
    Index("ix_question_marks_hotel_id_at", "hotel_id", "at"),
)

# Canned replies: every version of each; the newest is what staff see, unless it is retired.
phrases = Table(
    "phrases",
    metadata,
    _id("hotel_id", nullable=False),
    _id("phrase_id", nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("retired", Boolean, nullable=False),
    _id("edited_by"),
    Column("edited_at", Moment, nullable=False),
    PrimaryKeyConstraint("hotel_id", "phrase_id", "version"),
    ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"]),
)

# Whom a note names, until they have seen it.
mentions = Table(
    "mentions",
    metadata,
    _id("hotel_id", nullable=False),
    _id("conversation_id", nullable=False),
    Column("seq", Integer, nullable=False),
    _id("staff_id", nullable=False),
    _id("by", nullable=False),
    Column("at", Moment, nullable=False),
    Column("seen_at", Moment),
    PrimaryKeyConstraint("hotel_id", "conversation_id", "seq", "staff_id"),
    ForeignKeyConstraint(
        ["hotel_id", "conversation_id"], ["conversations.hotel_id", "conversations.conversation_id"]
    ),
    Index("ix_mentions_hotel_id_staff_id_seen_at", "hotel_id", "staff_id", "seen_at"),
)

# Shift handovers: one row a signature, chained by hashes. `note` may be emptied, all else never changes.
handovers = Table(
    "handovers",
    metadata,
    _id("hotel_id", nullable=False),
    Column("number", Integer, nullable=False),
    _id("handover_id", nullable=False),
    Column("kind", String(8), nullable=False),  # left, came
    Column("at", Moment, nullable=False),
    _id("staff_id", nullable=False),
    Column("body", Text, nullable=False),
    Column("salt", String(64)),
    Column("note", Text),
    Column("digest", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("emptied_at", Moment),
    PrimaryKeyConstraint("hotel_id", "number"),
    ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"]),
    UniqueConstraint("hotel_id", "handover_id", "kind"),
)

# Which processes are up, so that silence can be told from absence.
processes = Table(
    "processes",
    metadata,
    Column("process_id", String(64), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    PrimaryKeyConstraint("process_id"),
)
