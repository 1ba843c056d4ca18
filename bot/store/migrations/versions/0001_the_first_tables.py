"""The first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# The log is append-only on both databases; a content may be emptied and nothing else.
FILLED = " OR ".join(
    f"NEW.{name} IS NOT NULL" for name in ("salt", "text", "sealed", "memory", "blobs", "details")
)
REFUSED = f"NEW.emptied_at IS NULL OR {FILLED}"

SQLITE = (
    "CREATE TRIGGER events_never_change BEFORE UPDATE ON events "
    "BEGIN SELECT RAISE(ABORT, 'events are never updated'); END",
    "CREATE TRIGGER events_never_go BEFORE DELETE ON events "
    "BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END",
    f"CREATE TRIGGER contents_only_empty BEFORE UPDATE ON contents WHEN {REFUSED} "
    "BEGIN SELECT RAISE(ABORT, 'contents may only be emptied'); END",
    "CREATE TRIGGER contents_never_go BEFORE DELETE ON contents "
    "BEGIN SELECT RAISE(ABORT, 'contents are never deleted'); END",
)

POSTGRESQL = (
    "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% may not be changed: %', TG_TABLE_NAME, TG_OP; END $$",
    "CREATE TRIGGER events_never_change BEFORE UPDATE OR DELETE ON events "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER events_never_truncated BEFORE TRUNCATE ON events "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER contents_never_go BEFORE DELETE ON contents "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER contents_never_truncated BEFORE TRUNCATE ON contents "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    f"CREATE TRIGGER contents_only_empty BEFORE UPDATE ON contents FOR EACH ROW WHEN ({REFUSED}) "
    "EXECUTE FUNCTION refuse_change()",
)


def upgrade() -> None:
    op.create_table(
        "arrivals",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("message_key", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("identity_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("hotel_id", "channel", "account", "message_key", name=op.f("pk_arrivals")),
    )
    op.create_table(
        "audit",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("audit_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("object", sa.String(length=160), nullable=False),
        sa.PrimaryKeyConstraint("hotel_id", "audit_id", name=op.f("pk_audit")),
    )
    op.create_table(
        "hotels",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("knowledge", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("hotel_id", name=op.f("pk_hotels")),
    )
    op.create_table(
        "processes",
        sa.Column("process_id", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.String(length=32), nullable=False),
        sa.Column("seen_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("process_id", name=op.f("pk_processes")),
    )
    op.create_table(
        "read_marks",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("viewer", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hotel_id", "conversation_id", "viewer", name=op.f("pk_read_marks")),
    )
    op.create_table(
        "staff",
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.String(length=32), nullable=True),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff")),
        sa.UniqueConstraint("login", name=op.f("uq_staff_login")),
    )
    op.create_table(
        "accounts",
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"], name=op.f("fk_accounts_hotels")),
        sa.PrimaryKeyConstraint("channel", "account", name=op.f("pk_accounts")),
    )
    op.create_table(
        "guests",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("guest_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("room", sa.String(length=32), nullable=True),
        sa.Column("room_until", sa.String(length=32), nullable=True),
        sa.Column("preferences", sa.Text(), server_default="[]", nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("unfollowed_at", sa.String(length=32), nullable=True),
        sa.Column("erased_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"], name=op.f("fk_guests_hotels")),
        sa.PrimaryKeyConstraint("hotel_id", "guest_id", name=op.f("pk_guests")),
    )
    op.create_table(
        "memberships",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"], name=op.f("fk_memberships_hotels")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.staff_id"], name=op.f("fk_memberships_staff")),
        sa.PrimaryKeyConstraint("hotel_id", "staff_id", name=op.f("pk_memberships")),
    )
    op.create_table(
        "sign_ins",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.staff_id"], name=op.f("fk_sign_ins_staff")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_ins")),
    )
    with op.batch_alter_table("sign_ins", schema=None) as batch_op:
        batch_op.create_index("ix_sign_ins_staff_id", ["staff_id"], unique=False)

    op.create_table(
        "conversations",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("guest_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("holder_id", sa.String(length=64), nullable=True),
        sa.Column("waiting_since", sa.String(length=32), nullable=True),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["hotel_id", "guest_id"],
            ["guests.hotel_id", "guests.guest_id"],
            name=op.f("fk_conversations_guests"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "conversation_id", name=op.f("pk_conversations")),
    )
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_conversations_hotel_id_changed_at", ["hotel_id", "changed_at"], unique=False
        )
        batch_op.create_index("ix_conversations_hotel_id_guest_id", ["hotel_id", "guest_id"], unique=False)
        batch_op.create_index(
            "ix_conversations_hotel_id_state_waiting_since",
            ["hotel_id", "state", "waiting_since"],
            unique=False,
        )

    op.create_table(
        "identities",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("identity_id", sa.String(length=64), nullable=False),
        sa.Column("guest_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.String(length=128), nullable=True),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("pushed_until", sa.String(length=32), nullable=True),
        sa.Column("push_key", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["hotel_id", "guest_id"],
            ["guests.hotel_id", "guests.guest_id"],
            name=op.f("fk_identities_guests"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "identity_id", name=op.f("pk_identities")),
        sa.UniqueConstraint(
            "hotel_id",
            "channel",
            "account",
            "external_id",
            name=op.f("uq_identities_hotel_id_channel_account_external_id"),
        ),
    )
    op.create_table(
        "events",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("identity_id", sa.String(length=64), nullable=True),
        sa.Column("audience", sa.String(length=8), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["hotel_id", "conversation_id"],
            ["conversations.hotel_id", "conversations.conversation_id"],
            name=op.f("fk_events_conversations"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "conversation_id", "seq", name=op.f("pk_events")),
    )
    op.create_table(
        "orders",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("guest_id", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.String(length=32), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=True),
        sa.Column("placed_at", sa.String(length=32), nullable=False),
        sa.Column("placed_by", sa.String(length=80), nullable=False),
        sa.Column("done_at", sa.String(length=32), nullable=True),
        sa.Column("done_by", sa.String(length=64), nullable=True),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["hotel_id", "conversation_id"],
            ["conversations.hotel_id", "conversations.conversation_id"],
            name=op.f("fk_orders_conversations"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "order_id", name=op.f("pk_orders")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(
            "ix_orders_hotel_id_conversation_id", ["hotel_id", "conversation_id"], unique=False
        )
        batch_op.create_index(
            "ix_orders_hotel_id_state_due_at", ["hotel_id", "state", "due_at"], unique=False
        )

    op.create_table(
        "outbox",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("outbox_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), server_default="0", nullable=False),
        sa.Column("identity_id", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.String(length=32), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.String(length=32), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("via", sa.String(length=64), nullable=True),
        sa.Column("why", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["hotel_id", "conversation_id"],
            ["conversations.hotel_id", "conversations.conversation_id"],
            name=op.f("fk_outbox_conversations"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "outbox_id", name=op.f("pk_outbox")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outbox_hotel_id_conversation_id_kind",
            ["hotel_id", "conversation_id", "kind", "state"],
            unique=False,
        )
        batch_op.create_index(
            "ix_outbox_hotel_id_identity_id_state", ["hotel_id", "identity_id", "state"], unique=False
        )
        batch_op.create_index("ix_outbox_state_due_at", ["state", "due_at"], unique=False)

    op.create_table(
        "ledgers",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("identity_id", sa.String(length=64), nullable=False),
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["hotel_id", "identity_id"],
            ["identities.hotel_id", "identities.identity_id"],
            name=op.f("fk_ledgers_identities"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "identity_id", name=op.f("pk_ledgers")),
    )
    op.create_table(
        "contents",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("memory", sa.Text(), nullable=True),
        sa.Column("blobs", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("emptied_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["hotel_id", "conversation_id", "seq"],
            ["events.hotel_id", "events.conversation_id", "events.seq"],
            name=op.f("fk_contents_events"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "conversation_id", "seq", name=op.f("pk_contents")),
    )

    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
