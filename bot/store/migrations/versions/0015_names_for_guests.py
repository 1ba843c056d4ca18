"""What guests read in place of a colleague's name"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

additive = True
needed = True  # whoever signs in is read with it


def upgrade() -> None:
    with op.batch_alter_table("staff") as batch:
        batch.add_column(sa.Column("guest_name", sa.Text(), nullable=True))
