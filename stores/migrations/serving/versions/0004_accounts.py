"""Sign-in: refresh tokens, second factors, mailed tokens and guessing counters."""

# SQLAlchemy types its generic column types only in part.
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ID = sa.Uuid(as_uuid=False)


def _user_id(**options: Any) -> sa.Column[Any]:
    key = sa.ForeignKey("serving.users.user_id", ondelete="CASCADE")
    return sa.Column("user_id", _ID, key, nullable=False, **options)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "refresh_tokens",
        sa.Column("token_digest", sa.LargeBinary(), primary_key=True),
        sa.Column("session_id", _ID, sa.ForeignKey("serving.sessions.session_id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.Column("used_by", sa.Text(), nullable=True),
        schema="serving",
    )
    op.create_index("refresh_tokens_session", "refresh_tokens", ["session_id"], schema="serving")
    op.create_table(
        "one_time_tokens",
        sa.Column("token_digest", sa.LargeBinary(), primary_key=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        _user_id(),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        schema="serving",
    )
    op.create_index("one_time_tokens_user", "one_time_tokens", ["user_id", "purpose"], schema="serving")
    op.create_index("one_time_tokens_expires", "one_time_tokens", ["expires_at"], schema="serving")
    op.create_table(
        "second_factors",
        _user_id(primary_key=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("confirmed_at", _TIME, nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        schema="serving",
    )
    op.create_table(
        "recovery_codes",
        _user_id(primary_key=True),
        sa.Column("code_digest", sa.LargeBinary(), primary_key=True),
        sa.Column("used_at", _TIME, nullable=True),
        schema="serving",
    )
    op.create_table(
        "guess_counts",
        sa.Column("subject", sa.LargeBinary(), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("blocked_until", _TIME, nullable=False),
        schema="serving",
    )
    op.create_index("guess_counts_since", "guess_counts", ["since"], schema="serving")


def downgrade() -> None:
    """Drop the tables. Every session then ends with its access token, and second factors have to be set up anew."""
    for table in ("guess_counts", "recovery_codes", "second_factors", "one_time_tokens", "refresh_tokens"):
        op.drop_table(table, schema="serving")
