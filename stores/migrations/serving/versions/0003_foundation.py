"""People, their sessions, the outbox, the audit log, and answers kept for repeated requests."""

# SQLAlchemy types its generic column types only in part.
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables and the guard of the audit log."""
    _people()
    _outbox()
    _audit_log()
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", sa.Text(), primary_key=True),
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        schema="serving",
    )
    op.create_index("idempotency_keys_created", "idempotency_keys", ["created_at"], schema="serving")


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("user_id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False, server_default="user"),
        sa.Column("status", sa.Text(), nullable=False, server_default="active"),
        sa.Column("email_verified_at", _TIME, nullable=True),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False, server_default="UTC"),
        sa.Column("locale", sa.Text(), nullable=False, server_default="en"),
        sa.Column("preferences", postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("role IN ('user', 'admin')", name="users_role"),
        sa.CheckConstraint("status IN ('active', 'locked', 'deleted')", name="users_status"),
        schema="serving",
    )
    op.create_index("users_email", "users", [sa.text("lower(email)")], unique=True, schema="serving")
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column(
            "user_id",
            sa.Uuid(as_uuid=False),
            sa.ForeignKey("serving.users.user_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_seen_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.Column("second_factor", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column(
            "impersonator_id",
            sa.Uuid(as_uuid=False),
            sa.ForeignKey("serving.users.user_id", ondelete="CASCADE"),
            nullable=True,
        ),
        sa.Column("device", sa.Text(), nullable=False, server_default=""),
        sa.Column("address", sa.Text(), nullable=False, server_default=""),
        schema="serving",
    )
    op.create_index("sessions_user", "sessions", ["user_id"], schema="serving")


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("available_at", _TIME, nullable=False),
        sa.UniqueConstraint("topic", "key", name="outbox_topic_key"),
        schema="serving",
    )


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("sequence", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("impersonator_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("means", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        schema="serving",
    )
    op.create_index("audit_log_target", "audit_log", ["target", "sequence"], schema="serving")
    op.create_index("audit_log_actor", "audit_log", ["actor_id", "sequence"], schema="serving")
    op.execute(
        """
        CREATE TRIGGER audit_log_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON serving.audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION serving.refuse_rewrite()
        """
    )


def downgrade() -> None:
    """Drop them. People and what was promised to them are gone then: back up before."""
    for table in ("idempotency_keys", "audit_log", "outbox", "sessions", "users"):
        op.drop_table(table, schema="serving")
