"""Students and events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1_for_1"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "students",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="students_key"),
        sa.UniqueConstraint("name", name="students_once"),
    )
    op.create_table(
        "events",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("student_id", NUMBER, nullable=False),
        sa.Column("stream", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("event_ms", sa.BigInteger, nullable=False),
        sa.Column("course", sa.Text, nullable=False),
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="events_key"),
        sa.ForeignKeyConstraint(["student_id"], ["students.id"], name="events_student_id_is"),
        sa.UniqueConstraint("student_id", "stream", "position", name="events_once"),
    )
    op.create_index("events_by_event_ms", "events", ["event_ms"])
    op.create_index("events_by_received_ms", "events", ["received_ms"])
