"""Who changed which fact of a hotel, and when"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

additive = True
needed = False  # guests are answered and the desk works without it; only the page of facts asks for it


def upgrade() -> None:
    op.create_table(
        "fact_changes",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("change_id", sa.String(length=64), nullable=False),
        sa.Column("fact", sa.String(length=160), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=True),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"], name=op.f("fk_fact_changes_hotels")),
        sa.PrimaryKeyConstraint("hotel_id", "change_id", name=op.f("pk_fact_changes")),
    )
    op.create_index(op.f("ix_fact_changes_hotel_id_fact"), "fact_changes", ["hotel_id", "fact"])
