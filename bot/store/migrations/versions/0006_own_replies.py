"""What a hotel's WeChat accounts answer by themselves; messages that wait for the hotel they are meant for"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("hotels") as batch:
        batch.add_column(sa.Column("wechat", sa.Text(), nullable=False, server_default="{}"))
    op.create_table(
        "undecided",
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("message_key", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("channel", "account", "message_key", name=op.f("pk_undecided")),
    )
    op.create_index(op.f("ix_undecided_channel_account_who"), "undecided", ["channel", "account", "who"])
