"""Backtests that people ask for, their documents, what there is to choose from, and how many a plan allows a day."""

# SQLAlchemy types its generic column types only in part.
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    """Create the tables, and give every plan its number."""
    op.add_column(
        "plans", sa.Column("backtests", sa.Integer(), nullable=False, server_default=sa.text("3")), schema="serving"
    )
    op.execute("UPDATE serving.plans SET backtests = 50 WHERE plan_id = 'pro'")
    op.execute("UPDATE serving.plans SET backtests = 500 WHERE plan_id = 'team'")
    op.create_check_constraint("plans_backtests", "plans", "backtests >= 0", schema="serving")
    op.create_table(
        "backtests",
        sa.Column("backtest_id", _ID, primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("serving.users.user_id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, server_default="queued"),
        sa.Column("request", postgresql.JSONB(), nullable=False),
        sa.Column("known_before", _TIME, nullable=False),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("done", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", _TIME, nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("summary", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("deleted_at", _TIME, nullable=True),
        sa.CheckConstraint("kind IN ('run', 'sweep', 'walk_forward')", name="backtests_kind"),
        sa.CheckConstraint("status IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="backtests_status"),
        sa.CheckConstraint("(status IN ('queued', 'running')) = (ended_at IS NULL)", name="backtests_ended"),
        schema="serving",
    )
    op.create_index("backtests_of_user", "backtests", ["user_id", "created_at", "backtest_id"], schema="serving")
    op.create_index(
        "backtests_waiting",
        "backtests",
        ["created_at"],
        schema="serving",
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_table(
        "backtest_documents",
        sa.Column(
            "backtest_id",
            _ID,
            sa.ForeignKey("serving.backtests.backtest_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        schema="serving",
    )
    op.create_table(
        "backtest_catalogue",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        schema="serving",
    )


def downgrade() -> None:
    """Drop them. Backtests can be run again."""
    op.drop_table("backtest_catalogue", schema="serving")
    op.drop_table("backtest_documents", schema="serving")
    op.drop_table("backtests", schema="serving")
    op.drop_constraint("plans_backtests", "plans", schema="serving")
    op.drop_column("plans", "backtests", schema="serving")
