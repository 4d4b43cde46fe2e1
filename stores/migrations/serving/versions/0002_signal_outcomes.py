"""Outcomes of published signals, append-only like the signals."""

# SQLAlchemy types its generic column types only in part.
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and its guard."""
    op.create_table(
        "signal_outcomes",
        sa.Column(
            "signal_id",
            sa.Uuid(as_uuid=False),
            sa.ForeignKey("serving.published_signals.signal_id"),
            primary_key=True,
        ),
        sa.Column("outcome", sa.Text(), primary_key=True),
        sa.Column("ts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price", sa.Double(), nullable=False),
        sa.Column("r_multiple", sa.Double(), nullable=False),
        sa.Column("bars_held", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("outcome IN ('target_1', 'target_2', 'stopped', 'expired')", name="signal_outcomes_outcome"),
        sa.CheckConstraint("known_at > ts", name="signal_outcomes_known_after_open"),
        schema="serving",
    )
    op.execute(
        """
        CREATE TRIGGER signal_outcomes_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON serving.signal_outcomes
        FOR EACH STATEMENT EXECUTE FUNCTION serving.refuse_rewrite()
        """
    )


def downgrade() -> None:
    """Drop the table; the warehouse still holds every outcome, and publishing again brings them back."""
    op.drop_table("signal_outcomes", schema="serving")
