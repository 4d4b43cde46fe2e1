"""Events of published signals in the order in which streams tell them."""

# SQLAlchemy types its generic column types only in part.
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# The lock of `stores.database.publish`: whatever makes an event waits for the others that do.
_LOCK = 0x4341505F5055424C

_SIGNALS = """
CREATE FUNCTION serving.tell_signals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO serving.signal_events (sequence, kind, signal_id, known_at)
    SELECT
        (SELECT coalesce(max(e.sequence), 0) FROM serving.signal_events AS e) + row_number() OVER (ORDER BY f.sequence),
        'signal', f.signal_id, f.known_at
    FROM fresh AS f;
    IF FOUND THEN PERFORM pg_notify('signal_events', ''); END IF;
    RETURN NULL;
END $$
"""
_OUTCOMES = """
CREATE FUNCTION serving.tell_outcomes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO serving.signal_events (sequence, kind, signal_id, outcome, known_at)
    SELECT
        (SELECT coalesce(max(e.sequence), 0) FROM serving.signal_events AS e)
            + row_number() OVER (ORDER BY f.known_at, f.signal_id, f.outcome),
        'outcome', f.signal_id, f.outcome, greatest(f.known_at, s.known_at)
    FROM fresh AS f
    JOIN serving.published_signals AS s ON s.signal_id = f.signal_id;
    IF FOUND THEN PERFORM pg_notify('signal_events', ''); END IF;
    RETURN NULL;
END $$
"""
_TAKEDOWNS = """
CREATE FUNCTION serving.tell_takedowns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO serving.signal_events (sequence, kind, signal_id, reason, known_at, recorded_at)
    SELECT
        (SELECT coalesce(max(e.sequence), 0) FROM serving.signal_events AS e) + row_number() OVER (ORDER BY f.signal_id),
        'takedown', f.signal_id, f.reason, s.known_at, f.at
    FROM fresh AS f
    JOIN serving.published_signals AS s ON s.signal_id = f.signal_id;
    IF FOUND THEN PERFORM pg_notify('signal_events', ''); END IF;
    RETURN NULL;
END $$
"""
# A signal comes before its outcomes whatever the clocks of the publishers said.
_HISTORY = """
INSERT INTO serving.signal_events (sequence, kind, signal_id, outcome, reason, known_at, recorded_at)
SELECT row_number() OVER (ORDER BY t.recorded_at, t.rank, t.sequence, t.known_at, t.outcome), t.kind, t.signal_id, t.outcome,
    t.reason, t.known_at, t.recorded_at
FROM (
    SELECT 'signal' AS kind, 0 AS rank, s.sequence, s.signal_id, NULL AS outcome, NULL AS reason, s.known_at,
        s.published_at AS recorded_at
    FROM serving.published_signals AS s
    UNION ALL
    SELECT 'outcome', 1, s.sequence, s.signal_id, o.outcome, NULL, greatest(o.known_at, s.known_at),
        greatest(o.published_at, s.published_at)
    FROM serving.signal_outcomes AS o
    JOIN serving.published_signals AS s ON s.signal_id = o.signal_id
    UNION ALL
    SELECT 'takedown', 2, s.sequence, s.signal_id, NULL, d.reason, s.known_at, greatest(d.at, s.published_at)
    FROM serving.signal_takedowns AS d
    JOIN serving.published_signals AS s ON s.signal_id = d.signal_id
) AS t
"""
_TOLD = {
    "published_signals": ("signals", _SIGNALS),
    "signal_outcomes": ("outcomes", _OUTCOMES),
    "signal_takedowns": ("takedowns", _TAKEDOWNS),
}


def upgrade() -> None:
    """Create the table and what writes it, and number what has happened so far."""
    op.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
    op.create_table(
        "signal_events",
        sa.Column("sequence", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "signal_id",
            sa.Uuid(as_uuid=False),
            sa.ForeignKey("serving.published_signals.signal_id"),
            nullable=False,
        ),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("kind IN ('signal', 'outcome', 'takedown')", name="signal_events_kind"),
        sa.CheckConstraint("(kind = 'outcome') = (outcome IS NOT NULL)", name="signal_events_outcome"),
        schema="serving",
    )
    op.create_index("signal_events_known", "signal_events", ["known_at", "sequence"], schema="serving")
    op.create_index(
        "signal_events_takedowns",
        "signal_events",
        ["signal_id", "sequence"],
        schema="serving",
        postgresql_where=sa.text("kind = 'takedown'"),
    )
    op.create_table(
        "stream_tickets",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "session_id",
            sa.Uuid(as_uuid=False),
            sa.ForeignKey("serving.sessions.session_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        schema="serving",
    )
    op.create_index("stream_tickets_expiry", "stream_tickets", ["expires_at"], schema="serving")
    op.execute(
        f"""
        CREATE FUNCTION serving.publish_in_turn() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock({_LOCK});
            RETURN NULL;
        END $$
        """
    )
    for table, (name, function) in _TOLD.items():
        op.execute(function)
        op.execute(
            f"CREATE TRIGGER {table}_in_turn BEFORE INSERT ON serving.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION serving.publish_in_turn()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_told AFTER INSERT ON serving.{table} REFERENCING NEW TABLE AS fresh "
            f"FOR EACH STATEMENT EXECUTE FUNCTION serving.tell_{name}()"
        )
    op.execute(_HISTORY)
    op.execute(
        """
        CREATE TRIGGER signal_events_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON serving.signal_events
        FOR EACH STATEMENT EXECUTE FUNCTION serving.refuse_rewrite()
        """
    )


def downgrade() -> None:
    """Drop the table and what writes it; it can be made again from the signals and outcomes."""
    for table, (name, _) in _TOLD.items():
        op.execute(f"DROP TRIGGER {table}_told ON serving.{table}")
        op.execute(f"DROP TRIGGER {table}_in_turn ON serving.{table}")
        op.execute(f"DROP FUNCTION serving.tell_{name}()")
    op.execute("DROP FUNCTION serving.publish_in_turn()")
    op.drop_table("stream_tickets", schema="serving")
    op.drop_table("signal_events", schema="serving")
