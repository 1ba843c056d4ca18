"""How far the messages of an account have been pulled"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cursors",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"], name=op.f("fk_cursors_hotels")),
        sa.PrimaryKeyConstraint("hotel_id", "channel", "account", name=op.f("pk_cursors")),
    )
