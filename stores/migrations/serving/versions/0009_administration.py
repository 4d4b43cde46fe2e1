"""Takedowns of signals and feature flags."""

# SQLAlchemy types its generic column types only in part.
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables, and the guard of the takedowns."""
    op.create_table(
        "signal_takedowns",
        sa.Column(
            "signal_id",
            sa.Uuid(as_uuid=False),
            sa.ForeignKey("serving.published_signals.signal_id"),
            primary_key=True,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("taken_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        schema="serving",
    )
    op.execute(
        """
        CREATE TRIGGER signal_takedowns_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON serving.signal_takedowns
        FOR EACH STATEMENT EXECUTE FUNCTION serving.refuse_rewrite()
        """
    )
    op.create_table(
        "feature_flags",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("percentage", sa.Integer(), nullable=False),
        sa.Column("plans", postgresql.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'::text[]")),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("updated_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.CheckConstraint("percentage BETWEEN 0 AND 100", name="feature_flags_percentage"),
        schema="serving",
    )


def downgrade() -> None:
    """Drop the tables. Takedowns are then nowhere else but in the audit log."""
    op.drop_table("feature_flags", schema="serving")
    op.drop_table("signal_takedowns", schema="serving")
