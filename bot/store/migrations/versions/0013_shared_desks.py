"""Desks that several people share: locked sign-ins, PINs, and a second factor"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

additive = True
needed = True  # every request of the desk asks whether it is locked


def upgrade() -> None:
    with op.batch_alter_table("staff") as batch:
        batch.add_column(sa.Column("pin", sa.Text(), nullable=True))
        batch.add_column(sa.Column("pin_failures", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("second_factor", sa.Text(), nullable=True))
        batch.add_column(sa.Column("second_step", sa.Integer(), nullable=True))
    with op.batch_alter_table("sign_ins") as batch:
        batch.add_column(sa.Column("computer", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("locked_at", sa.String(length=32), nullable=True))
