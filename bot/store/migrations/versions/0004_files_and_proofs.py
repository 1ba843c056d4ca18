"""Files beside messages; what proves that two identities are one guest; codes that prove it"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("blob_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=100), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["hotel_id", "conversation_id", "seq"],
            ["events.hotel_id", "events.conversation_id", "events.seq"],
            name=op.f("fk_files_events"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "blob_id", "conversation_id", "seq", name=op.f("pk_files")),
    )
    op.create_index(op.f("ix_files_hotel_id_conversation_id"), "files", ["hotel_id", "conversation_id"])
    op.create_table(
        "subjects",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("identity_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["hotel_id", "identity_id"],
            ["identities.hotel_id", "identities.identity_id"],
            name=op.f("fk_subjects_identities"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "subject", "identity_id", name=op.f("pk_subjects")),
    )
    op.create_index(op.f("ix_subjects_hotel_id_identity_id"), "subjects", ["hotel_id", "identity_id"])
    op.create_table(
        "link_codes",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("identity_id", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["hotel_id", "identity_id"],
            ["identities.hotel_id", "identities.identity_id"],
            name=op.f("fk_link_codes_identities"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "code_hash", name=op.f("pk_link_codes")),
    )
    with op.batch_alter_table("guests") as batch:
        batch.add_column(sa.Column("merged_into", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("opted_in_at", sa.String(length=32), nullable=True))
    op.create_index(op.f("ix_identities_hotel_id_guest_id"), "identities", ["hotel_id", "guest_id"])
    op.create_index(
        op.f("ix_identities_hotel_id_conversation_id"), "identities", ["hotel_id", "conversation_id"]
    )
