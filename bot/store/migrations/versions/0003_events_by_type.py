"""Events by type: what staff have corrected and why people were asked for is found without reading the log"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_events_hotel_id_type_at"), "events", ["hotel_id", "type", "at"])
