"""When somebody's role in a hotel runs out. Roles stay what they are: agent, administrator."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

additive = True
needed = True  # it is read with every request of the desk


def upgrade() -> None:
    with op.batch_alter_table("memberships") as batch:
        batch.add_column(sa.Column("expires_at", sa.String(length=32), nullable=True))
