"""Who counts as a VIP as soon as they have shown who they are"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

additive = True
needed = True  # whoever proves who they are is looked for here


def upgrade() -> None:
    op.create_table(
        "vips_awaited",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"], name=op.f("fk_vips_awaited_hotels")),
        sa.PrimaryKeyConstraint("hotel_id", "key", name=op.f("pk_vips_awaited")),
    )
