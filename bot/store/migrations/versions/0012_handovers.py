"""Shift handovers, signed and chained; only their notes may be emptied"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

additive = True
needed = True  # erasing a guest empties the notes that name them

SQLITE = (
    "CREATE TRIGGER handovers_only_empty BEFORE UPDATE ON handovers WHEN ("
    "NEW.note IS NOT NULL OR NEW.salt IS NOT NULL "
    "OR NEW.hotel_id <> OLD.hotel_id "
    "OR NEW.number <> OLD.number "
    "OR NEW.handover_id <> OLD.handover_id "
    "OR NEW.kind <> OLD.kind "
    "OR NEW.at <> OLD.at "
    "OR NEW.staff_id <> OLD.staff_id "
    "OR NEW.body <> OLD.body "
    "OR NEW.digest <> OLD.digest "
    "OR NEW.hash <> OLD.hash "
    ") BEGIN SELECT RAISE(ABORT, 'handovers may only be emptied'); END",
    "CREATE TRIGGER handovers_never_go BEFORE DELETE ON handovers "
    "BEGIN SELECT RAISE(ABORT, 'handovers are never deleted'); END",
)

POSTGRESQL = (
    "CREATE TRIGGER handovers_only_empty BEFORE UPDATE ON handovers FOR EACH ROW WHEN ("
    "NEW.note IS NOT NULL OR NEW.salt IS NOT NULL "
    "OR NEW.hotel_id <> OLD.hotel_id "
    "OR NEW.number <> OLD.number "
    "OR NEW.handover_id <> OLD.handover_id "
    "OR NEW.kind <> OLD.kind "
    "OR NEW.at <> OLD.at "
    "OR NEW.staff_id <> OLD.staff_id "
    "OR NEW.body <> OLD.body "
    "OR NEW.digest <> OLD.digest "
    "OR NEW.hash <> OLD.hash "
    ") EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER handovers_never_go BEFORE DELETE ON handovers "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER handovers_never_truncated BEFORE TRUNCATE ON handovers "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)


def upgrade() -> None:
    op.create_table(
        "handovers",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("handover_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("emptied_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"], name=op.f("fk_handovers_hotels")),
        sa.PrimaryKeyConstraint("hotel_id", "number", name=op.f("pk_handovers")),
        sa.UniqueConstraint(
            "hotel_id", "handover_id", "kind", name=op.f("uq_handovers_hotel_id_handover_id_kind")
        ),
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
