"""Published signals: an append-only log that the database itself refuses to rewrite."""

# SQLAlchemy types its generic column types only in part.
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the guard that refuses updates, deletes and truncation."""
    op.create_table(
        "published_signals",
        sa.Column("signal_id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("direction", sa.SmallInteger(), nullable=False),
        sa.Column("ts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry", sa.Double(), nullable=False),
        sa.Column("stop", sa.Double(), nullable=False),
        sa.Column("target_1", sa.Double(), nullable=False),
        sa.Column("target_2", sa.Double(), nullable=True),
        sa.Column("risk_reward", sa.Double(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.Column("zone_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("size", sa.Double(), nullable=False),
        sa.Column("notional", sa.Double(), nullable=False),
        sa.Column("risk_amount", sa.Double(), nullable=False),
        sa.Column("risk_fraction", sa.Double(), nullable=False),
        sa.Column("simulated", sa.Boolean(), sa.Computed("exchange = 'sim'", persisted=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.UniqueConstraint("sequence", name="published_signals_sequence_key"),
        sa.CheckConstraint("direction IN (-1, 1)", name="published_signals_direction"),
        sa.CheckConstraint("decision IN ('accepted', 'resized')", name="published_signals_decision"),
        sa.CheckConstraint("known_at > ts", name="published_signals_known_after_open"),
        schema="serving",
    )
    op.create_index("published_signals_feed", "published_signals", ["known_at", "sequence"], schema="serving")
    op.create_index(
        "published_signals_series",
        "published_signals",
        ["exchange", "symbol", "timeframe", "known_at", "sequence"],
        schema="serving",
    )
    op.create_index(
        "published_signals_strategy", "published_signals", ["strategy", "known_at", "sequence"], schema="serving"
    )
    op.execute(
        """
        CREATE FUNCTION serving.refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% of %.% is refused: what has been published is never changed',
                TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    # Per statement, so that even one that would touch no row is refused, and so that an upsert is.
    op.execute(
        """
        CREATE TRIGGER published_signals_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON serving.published_signals
        FOR EACH STATEMENT EXECUTE FUNCTION serving.refuse_rewrite()
        """
    )


def downgrade() -> None:
    """Drop the table and its guard; the warehouse still holds every signal."""
    op.drop_table("published_signals", schema="serving")
    op.execute("DROP FUNCTION serving.refuse_rewrite()")
