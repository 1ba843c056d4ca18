"""Who works in which department, and whether guests may be assigned to them now"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

additive = True
needed = True  # the desk reads posts with every list of colleagues


def upgrade() -> None:
    op.create_table(
        "posts",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("departments", sa.Text(), server_default="[]", nullable=False),
        sa.Column("skills", sa.Text(), server_default="[]", nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("presence", sa.String(length=16), server_default="off", nullable=False),
        sa.Column("presence_why", sa.String(length=32), nullable=True),
        sa.Column("presence_at", sa.String(length=32), nullable=True),
        sa.Column("seen_at", sa.String(length=32), nullable=True),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"], name=op.f("fk_posts_hotels")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.staff_id"], name=op.f("fk_posts_staff")),
        sa.PrimaryKeyConstraint("hotel_id", "staff_id", name=op.f("pk_posts")),
    )
    with op.batch_alter_table("guests", schema=None) as batch_op:
        batch_op.add_column(sa.Column("vip_at", sa.String(length=32), nullable=True))
