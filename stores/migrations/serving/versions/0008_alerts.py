"""Alert rules, channels, push subscriptions and mails."""

# SQLAlchemy types its generic column types only in part.
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ID = sa.Uuid(as_uuid=False)


def _owner() -> sa.Column[str]:
    return sa.Column("user_id", _ID, sa.ForeignKey("serving.users.user_id", ondelete="CASCADE"), nullable=False)


def _rule(*, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "alert_id",
        _ID,
        sa.ForeignKey("serving.alert_rules.alert_id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


def upgrade() -> None:
    """Create the tables."""
    _rules()
    _firings()
    _channels()


def _rules() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("alert_id", _ID, primary_key=True),
        _owner(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("condition", postgresql.JSONB(), nullable=False),
        sa.Column("channels", postgresql.JSONB(), nullable=False),
        sa.Column("quiet_hours", postgresql.JSONB(), nullable=True),
        sa.Column("cooldown_s", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("active_since", _TIME, nullable=False),
        sa.Column("last_known_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        schema="serving",
    )
    op.create_index("alert_rules_user", "alert_rules", ["user_id", "created_at"], schema="serving")
    op.create_table(
        "alert_subjects",
        _rule(primary_key=True),
        sa.Column("market", sa.Text(), primary_key=True),
        sa.Column("timeframe", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Double(), nullable=True),
        schema="serving",
    )
    op.create_index(
        "alert_subjects_series", "alert_subjects", ["kind", "market", "timeframe", "level"], schema="serving"
    )


def _firings() -> None:
    op.create_table(
        "alert_firings",
        sa.Column("firing_id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        _rule(),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("known_at", _TIME, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.UniqueConstraint("alert_id", "event_key", name="alert_firings_once"),
        sa.CheckConstraint("state IN ('queued', 'held', 'quiet', 'stale')", name="alert_firings_state"),
        schema="serving",
    )
    op.create_index("alert_firings_history", "alert_firings", ["alert_id", "firing_id"], schema="serving")
    op.create_table(
        "alert_notices",
        sa.Column(
            "firing_id",
            sa.BigInteger(),
            sa.ForeignKey("serving.alert_firings.firing_id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("channel", sa.Text(), primary_key=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False, server_default=""),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint("state IN ('queued', 'sent', 'retrying', 'failed')", name="alert_notices_state"),
        schema="serving",
    )
    op.create_table(
        "alert_cursors",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("close", sa.Double(), nullable=True),
        schema="serving",
    )


def _channels() -> None:
    op.create_table(
        "telegram_links",
        sa.Column(
            "user_id", _ID, sa.ForeignKey("serving.users.user_id", ondelete="CASCADE"), primary_key=True, nullable=False
        ),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, server_default=""),
        sa.Column("linked_at", _TIME, nullable=False),
        schema="serving",
    )
    op.create_table(
        "telegram_codes",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        _owner(),
        sa.Column("expires_at", _TIME, nullable=False),
        schema="serving",
    )
    op.create_index("telegram_codes_user", "telegram_codes", ["user_id"], schema="serving")
    op.create_table(
        "push_subscriptions",
        sa.Column("subscription_id", _ID, primary_key=True),
        _owner(),
        sa.Column("endpoint_digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False, server_default=""),
        sa.Column("created_at", _TIME, nullable=False),
        sa.UniqueConstraint("endpoint_digest", name="push_subscriptions_endpoint"),
        schema="serving",
    )
    op.create_index("push_subscriptions_user", "push_subscriptions", ["user_id"], schema="serving")


def downgrade() -> None:
    """Drop them; rules and linked channels are gone then."""
    for table in (
        "push_subscriptions",
        "telegram_codes",
        "telegram_links",
        "alert_cursors",
        "alert_notices",
        "alert_firings",
        "alert_subjects",
        "alert_rules",
    ):
        op.drop_table(table, schema="serving")
