"""Webhooks, deliveries and dead letters."""

# SQLAlchemy types its generic column types only in part.
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ID = sa.Uuid(as_uuid=False)
_TEXTS = postgresql.ARRAY(sa.Text())


def upgrade() -> None:
    """Let messages of the outbox be claimed, tried again and given up; create the tables of webhooks."""
    _claims()
    op.create_table(
        "delivery_destinations",
        sa.Column("topic", sa.Text(), primary_key=True),
        sa.Column("destination", sa.Text(), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("closed_until", _TIME, nullable=True),
        schema="serving",
    )
    _webhooks()
    _deliveries()
    op.create_table(
        "fan_out_cursors",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        schema="serving",
    )


def _claims() -> None:
    for added in (
        sa.Column("destination", sa.Text(), nullable=False, server_default=""),
        sa.Column("state", sa.Text(), nullable=False, server_default="pending"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_at", _TIME, nullable=True),
        sa.Column("claim", _ID, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("finished_at", _TIME, nullable=True),
    ):
        op.add_column("outbox", added, schema="serving")
    op.execute("UPDATE serving.outbox SET next_at = available_at")
    op.alter_column("outbox", "next_at", nullable=False, schema="serving")
    op.create_check_constraint("outbox_state", "outbox", "state IN ('pending', 'done', 'dead')", schema="serving")
    op.create_index(
        "outbox_due",
        "outbox",
        ["topic", "destination", "next_at"],
        schema="serving",
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "outbox_finished",
        "outbox",
        ["finished_at"],
        schema="serving",
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    # Rows are written three times each and the index of what is due stays small: clean up early.
    op.execute("ALTER TABLE serving.outbox SET (autovacuum_vacuum_scale_factor = 0.02, fillfactor = 70)")


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", _ID, primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("serving.users.user_id", ondelete="CASCADE"), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False, server_default=""),
        sa.Column("events", _TEXTS, nullable=False),
        sa.Column("markets", _TEXTS, nullable=True),
        sa.Column("timeframes", _TEXTS, nullable=True),
        sa.Column("strategies", _TEXTS, nullable=True),
        sa.Column("direction", sa.Integer(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", _TIME, nullable=True),
        sa.Column("failing_since", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint("direction IN (-1, 1)", name="webhooks_direction"),
        schema="serving",
    )
    op.create_index("webhooks_user", "webhooks", ["user_id", "created_at", "webhook_id"], schema="serving")


def _deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("delivery_id", _ID, primary_key=True),
        sa.Column("webhook_id", _ID, sa.ForeignKey("serving.webhooks.webhook_id", ondelete="CASCADE"), nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("subject", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, server_default="pending"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("redeliveries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'dead')", name="webhook_deliveries_state"),
        schema="serving",
    )
    for name, columns, unique in (
        ("webhook_deliveries_event", ["webhook_id", "event_key"], True),
        ("webhook_deliveries_feed", ["webhook_id", "created_at", "delivery_id"], False),
        ("webhook_deliveries_created", ["created_at"], False),
    ):
        op.create_index(name, "webhook_deliveries", columns, unique=unique, schema="serving")
    op.create_table(
        "webhook_attempts",
        sa.Column(
            "delivery_id",
            _ID,
            sa.ForeignKey("serving.webhook_deliveries.delivery_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("response", sa.Text(), nullable=False, server_default=""),
        schema="serving",
    )


def downgrade() -> None:
    """Drop them. Messages that wait stay, to be sent by whoever comes next."""
    for table in (
        "fan_out_cursors",
        "webhook_attempts",
        "webhook_deliveries",
        "webhooks",
        "delivery_destinations",
    ):
        op.drop_table(table, schema="serving")
    op.execute("ALTER TABLE serving.outbox RESET (autovacuum_vacuum_scale_factor, fillfactor)")
    op.drop_index("outbox_finished", table_name="outbox", schema="serving")
    op.drop_index("outbox_due", table_name="outbox", schema="serving")
    op.drop_constraint("outbox_state", "outbox", schema="serving")
    # Without its state a message that was sent would be sent again.
    op.execute("DELETE FROM serving.outbox WHERE state <> 'pending'")
    for column in ("finished_at", "last_error", "claim", "next_at", "attempts", "state", "destination"):
        op.drop_column("outbox", column, schema="serving")
