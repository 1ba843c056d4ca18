"""What staff have promised guests"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

additive = True
needed = True  # promises are read with every conversation that staff open


def upgrade() -> None:
    op.create_table(
        "promises",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("promise_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("guest_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("made_seq", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.String(length=32), nullable=False),
        sa.Column("guessed", sa.Boolean(), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=True),
        sa.Column("made_at", sa.String(length=32), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=True),
        sa.Column("reminded_at", sa.String(length=32), nullable=True),
        sa.Column("reminded_to", sa.String(length=64), nullable=True),
        sa.Column("ended_at", sa.String(length=32), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["hotel_id", "conversation_id"],
            ["conversations.hotel_id", "conversations.conversation_id"],
            name=op.f("fk_promises_conversations"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "promise_id", name=op.f("pk_promises")),
    )
    for columns in (("state", "due_at"), ("conversation_id",), ("owner_id", "state")):
        name = op.f("ix_promises_hotel_id_" + "_".join(columns))
        op.create_index(name, "promises", ["hotel_id", *columns])
