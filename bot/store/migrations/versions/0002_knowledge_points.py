"""Knowledge points: a hotel's topic answers become points, so that staff may edit them"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "points",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("point_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("approved_version", sa.Integer(), nullable=True),
        sa.Column("retired_at", sa.String(length=32), nullable=True),
        sa.Column("retired_by", sa.String(length=64), nullable=True),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"], name=op.f("fk_points_hotels")),
        sa.PrimaryKeyConstraint("hotel_id", "point_id", name=op.f("pk_points")),
    )
    op.create_index(op.f("ix_points_hotel_id_changed_at"), "points", ["hotel_id", "changed_at"])
    op.create_table(
        "point_versions",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("point_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("variants", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=True),
        sa.Column("valid_from", sa.String(length=10), nullable=True),
        sa.Column("valid_to", sa.String(length=10), nullable=True),
        sa.Column("channels", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("edited_by", sa.String(length=64), nullable=True),
        sa.Column("edited_at", sa.String(length=32), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("approved_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["hotel_id"], ["hotels.hotel_id"], name=op.f("fk_point_versions_hotels")),
        sa.PrimaryKeyConstraint("hotel_id", "point_id", "version", name=op.f("pk_point_versions")),
    )
    op.create_table(
        "question_marks",
        sa.Column("hotel_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("mark", sa.String(length=16), nullable=False),
        sa.Column("staff_id", sa.String(length=64), nullable=True),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("point_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["hotel_id", "conversation_id"],
            ["conversations.hotel_id", "conversations.conversation_id"],
            name=op.f("fk_question_marks_conversations"),
        ),
        sa.PrimaryKeyConstraint("hotel_id", "conversation_id", "seq", "mark", name=op.f("pk_question_marks")),
    )
    op.create_index(op.f("ix_question_marks_hotel_id_at"), "question_marks", ["hotel_id", "at"])
    with op.batch_alter_table("hotels") as batch:
        batch.add_column(sa.Column("points_revision", sa.Integer(), nullable=False, server_default="0"))
    _topics_become_points()


def _topics_become_points() -> None:
    """What a hotel answers today it goes on answering: each topic is a point, approved as it stands.

    hotels.knowledge stays for the release before this one.
    """
    bind = op.get_bind()
    tables = sa.MetaData()
    tables.reflect(bind, only=["hotels", "points", "point_versions"])
    for hotel in bind.execute(sa.select(tables.tables["hotels"])).all():
        for topic, said in json.loads(hotel.knowledge).items():
            key = {"hotel_id": hotel.hotel_id, "point_id": topic, "version": 1}
            point = {**key, "approved_version": 1, "changed_at": hotel.changed_at}
            version = {
                **key,
                "title": said["title"],
                "variants": "[]",
                "answer": said["answer"],
                "topic": topic,
                "channels": "[]",
                "source": "hotel",
                "edited_at": hotel.changed_at,
                "approved_at": hotel.changed_at,
            }
            bind.execute(tables.tables["points"].insert().values(**point))
            bind.execute(tables.tables["point_versions"].insert().values(**version))
