"""Canned replies in versions, and whom a note names"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

additive = True
needed = True  # what names a colleague is read with every change of the desk


def upgrade() -> None:
    op.create_table(
        "phrases",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("phrase_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("edited_by", sa.String(length=64), nullable=True),
        sa.Column("edited_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"], name=op.f("fk_phrases_hotels")),
        sa.PrimaryKeyConstraint("hotel_id", "phrase_id", "version", name=op.f("pk_phrases")),
    )
    op.create_table(
        "mentions",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("seen_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["hotel_id", "conversation_id"],
            ["conversations.hotel_id", "conversations.conversation_id"],
            name=op.f("fk_mentions_conversations"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "conversation_id", "seq", "staff_id", name=op.f("pk_mentions")),
    )
    name = op.f("ix_mentions_hotel_id_staff_id_seen_at")
    op.create_index(name, "mentions", ["hotel_id", "staff_id", "seen_at"])
