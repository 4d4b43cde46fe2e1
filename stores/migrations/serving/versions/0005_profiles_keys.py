"""API keys, watchlists, and deletions asked for."""

# SQLAlchemy types its generic column types only in part.
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    _create_api_keys()
    op.create_table(
        "watchlists",
        sa.Column("watchlist_id", sa.Uuid(as_uuid=False), primary_key=True),
        _owner(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("markets", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("created_at", _TIME, nullable=False),
        schema="serving",
    )
    op.create_index("watchlists_user", "watchlists", ["user_id", "created_at"], schema="serving")
    op.create_table(
        "account_deletions",
        _owner(primary_key=True),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        schema="serving",
    )
    op.create_index("account_deletions_due", "account_deletions", ["due_at"], schema="serving")


def _owner(*, primary_key: bool = False) -> sa.Column[str]:
    reference = sa.ForeignKey("serving.users.user_id", ondelete="CASCADE")
    return sa.Column("user_id", sa.Uuid(as_uuid=False), reference, primary_key=primary_key, nullable=False)


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Uuid(as_uuid=False), primary_key=True),
        _owner(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "allowed_networks", postgresql.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'::text[]")
        ),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.Column("retires_at", _TIME, nullable=True),
        sa.Column(
            "successor_id",
            sa.Uuid(as_uuid=False),
            sa.ForeignKey("serving.api_keys.key_id", ondelete="SET NULL"),
            nullable=True,
        ),
        sa.Column("last_used_at", _TIME, nullable=True),
        sa.Column("last_used_address", sa.Text(), nullable=True),
        sa.UniqueConstraint("prefix", name="api_keys_prefix_key"),
        schema="serving",
    )
    op.create_index("api_keys_user", "api_keys", ["user_id", "created_at"], schema="serving")


def downgrade() -> None:
    """Drop the tables."""
    for table in ("account_deletions", "watchlists", "api_keys"):
        op.drop_table(table, schema="serving")
