"""The serving database: engine, sessions, migrations, and the one way signals get published."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from stores.settings import Settings

_MIGRATIONS = Path(__file__).resolve().parent / "migrations" / "serving"

# Any constants will do; they only have to be the same in every process.
_MIGRATION_LOCK = 0x4341505F4D494752
_PUBLICATION_LOCK = 0x4341505F5055424C

_SIGNAL_TYPES = {
    "signal_id": "uuid",
    "exchange": "text",
    "symbol": "text",
    "timeframe": "text",
    "strategy": "text",
    "direction": "smallint",
    "ts": "timestamptz",
    "known_at": "timestamptz",
    "entry": "float8",
    "stop": "float8",
    "target_1": "float8",
    "target_2": "float8",
    "risk_reward": "float8",
    "score": "float8",
    "reasons": "jsonb",
    "zone_id": "uuid",
    "decision": "text",
    "size": "float8",
    "notional": "float8",
    "risk_amount": "float8",
    "risk_fraction": "float8",
}
_OUTCOME_TYPES = {
    "signal_id": "uuid",
    "outcome": "text",
    "ts": "timestamptz",
    "known_at": "timestamptz",
    "price": "float8",
    "r_multiple": "float8",
    "bars_held": "int",
}


class BadRow(ValueError):
    """A row to publish lacks a column or holds a number that is none."""


def engine(
    settings: Settings,
    *,
    pool_size: int = 5,
    max_overflow: int = 5,
    pool_timeout_s: float = 5,
    connect_timeout_s: int = 3,
    statement_timeout_ms: int = 60_000,
) -> Engine:
    """Make an engine with its pool; nothing is connected yet.

    Parameters
    ----------
    settings : Settings
    pool_size, max_overflow : int
        Connections kept, and opened beyond that under load.
    pool_timeout_s : float
        Seconds to wait for a free connection.
    connect_timeout_s : int
        Seconds to wait for a new connection; 2 is the least the client library accepts.
    statement_timeout_ms : int
        The server ends a statement after this long; 0 for never.

    Raises
    ------
    stores.settings.MissingStore
        If no URL is set.
    """
    url = make_url(settings.require("postgres_url")).set(drivername="postgresql+psycopg")
    made = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=pool_timeout_s,
        # An error's text would hold the values of the statement, some of them secret.
        hide_parameters=True,
        connect_args={
            "connect_timeout": connect_timeout_s,
            "application_name": "crypto-analytics-platform",
            # A server whose machine is gone says nothing; this finds it in about ten seconds instead of hours.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "options": f"-c statement_timeout={statement_timeout_ms} -c timezone=UTC",
        },
    )
    event.listen(made, "checkin", _note_use)
    event.listen(made, "checkout", _try_if_idle)
    return made


_TRIED_AFTER_S = 1.0
_USED = "used"


def _note_use(_: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info[_USED] = time.monotonic()


def _try_if_idle(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
    """Try a connection that has lain in the pool for a while: a restarted server leaves dead ones there.

    Not each one, as the pool itself would: under load that is one more way to the server and back for every use.
    """
    used: float | None = record.info.get(_USED)
    if used is None or time.monotonic() - used < _TRIED_AFTER_S:
        return
    try:
        cursor = connection.cursor()
        cursor.execute("")
        cursor.close()
        connection.rollback()
    except Exception as error:
        # The pool then opens another one.
        raise DisconnectionError from error


@lru_cache(maxsize=8)
def _autocommitting(engine: Engine) -> Engine:
    # Made once for each engine: making it costs more than a short statement.
    return engine.execution_options(isolation_level="AUTOCOMMIT")


READS_ONLY = "reads only"
"""Set in ``info`` of a session that never commits: what waits for a commit would be lost in it."""


@contextmanager
def reading(engine: Engine) -> Generator[Session]:
    """Open a session for reads, each statement of which sees what is committed by then: no transaction to begin and end."""
    with Session(_autocommitting(engine)) as opened:
        opened.info[READS_ONLY] = True
        yield opened


@contextmanager
def session(engine: Engine) -> Generator[Session]:
    """Open a session of one transaction: committed at the end, rolled back on an error."""
    with Session(engine) as opened, opened.begin():
        yield opened


def migrate(settings: Settings, revision: str = "head") -> str:
    """Bring the serving schema up to a revision. Safe to call from several processes at once.

    Everything happens in one transaction: a migration that fails leaves the schema as it was.

    Parameters
    ----------
    settings : Settings
    revision : str
        Revision to migrate to; the newest by default.

    Returns
    -------
    str
        The revision the schema is at now.
    """
    return _alembic(settings, "upgrade", revision)


def downgrade(settings: Settings, revision: str) -> str:
    """Take the serving schema back to a revision; ``base`` for none. Returns the revision it is at now."""
    return _alembic(settings, "downgrade", revision)


@lru_cache(maxsize=1)
def revisions() -> tuple[str, ...]:
    """Every revision of the serving schema that this program knows, the newest first."""
    from alembic.script import ScriptDirectory

    return tuple(script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions())


def revision_of(connection: Connection) -> str | None:
    """Revision the serving schema is at; None if nothing was ever migrated."""
    if connection.execute(text("SELECT to_regclass('serving.alembic_version')")).scalar_one() is None:
        return None
    return connection.execute(text("SELECT version_num FROM serving.alembic_version")).scalar_one_or_none()


def current_revision(settings: Settings) -> str:
    """Revision the serving schema is at; ``base`` for none."""
    from alembic.runtime.migration import MigrationContext

    reader = engine(settings, pool_size=1, max_overflow=0)
    try:
        with reader.connect() as connection:
            there = connection.execute(text("SELECT to_regclass('serving.alembic_version') IS NOT NULL")).scalar_one()
            context = MigrationContext.configure(connection, opts={"version_table_schema": "serving"})
            return (context.get_current_revision() if there else None) or "base"
    finally:
        reader.dispose()


def _alembic(settings: Settings, direction: str, revision: str) -> str:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    migrator = engine(settings, pool_size=1, max_overflow=0, statement_timeout_ms=0)
    try:
        with migrator.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            config.attributes["connection"] = connection
            (command.upgrade if direction == "upgrade" else command.downgrade)(config, revision)
            context = MigrationContext.configure(connection, opts={"version_table_schema": "serving"})
            return context.get_current_revision() or "base"
    finally:
        migrator.dispose()


def publish(session: Session, rows: Iterable[Mapping[str, Any]]) -> int:
    """Publish signals. One already published stays as it is, whatever the new row says.

    Publications follow one another: `sequence` grows in the order in which they become visible, so that a reader who
    goes on from the last sequence he has seen misses nothing.

    Parameters
    ----------
    session : Session
        The rows are visible to others when its transaction is committed.
    rows : iterable of mappings
        Columns of `stores.tables.PublishedSignal` without ``sequence``, ``simulated`` and ``published_at``; times are
        aware datetimes. Other keys are ignored.

    Returns
    -------
    int
        How many were new.

    Raises
    ------
    BadRow
        If a row lacks a column or holds NaN or an infinity where a number must be.
    sqlalchemy.exc.IntegrityError
        If a row breaks a rule of the table, such as a rejected decision.
    """
    body = _rows_as_json(rows, _SIGNAL_TYPES, optional=("target_2", "zone_id"))
    if body is None:
        return 0
    session.connection().execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PUBLICATION_LOCK})
    names = ", ".join(_SIGNAL_TYPES)
    columns = ", ".join(f"{name} {kind}" for name, kind in _SIGNAL_TYPES.items())
    result = session.connection().execute(
        text(
            f"INSERT INTO serving.published_signals ({names}) "
            f"SELECT {names} FROM json_to_recordset(CAST(:rows AS json)) AS given({columns}) "
            # Not left to the conflict clause alone: that would use up a sequence number for every row already there.
            "WHERE NOT EXISTS (SELECT FROM serving.published_signals AS p WHERE p.signal_id = given.signal_id) "
            "ORDER BY known_at, exchange, symbol, timeframe, strategy, signal_id ON CONFLICT (signal_id) DO NOTHING"
        ),
        {"rows": body},
    )
    return result.rowcount


def publish_outcomes(session: Session, rows: Iterable[Mapping[str, Any]]) -> int:
    """Publish what became of signals. Outcomes of signals that are not published (rejected ones) are left out.

    Parameters
    ----------
    session : Session
    rows : iterable of mappings
        Columns of `stores.tables.SignalOutcome` without ``published_at``. Other keys are ignored.

    Returns
    -------
    int
        How many were new.

    Raises
    ------
    BadRow
        If a row lacks a column or holds NaN or an infinity.
    """
    body = _rows_as_json(rows, _OUTCOME_TYPES)
    if body is None:
        return 0
    names = ", ".join(_OUTCOME_TYPES)
    columns = ", ".join(f"{name} {kind}" for name, kind in _OUTCOME_TYPES.items())
    result = session.connection().execute(
        text(
            f"INSERT INTO serving.signal_outcomes ({names}) "
            f"SELECT {names} FROM json_to_recordset(CAST(:rows AS json)) AS given({columns}) "
            "WHERE EXISTS (SELECT FROM serving.published_signals AS p WHERE p.signal_id = given.signal_id) "
            "ORDER BY known_at, signal_id ON CONFLICT (signal_id, outcome) DO NOTHING"
        ),
        {"rows": body},
    )
    return result.rowcount


def _rows_as_json(
    rows: Iterable[Mapping[str, Any]], types: Mapping[str, str], optional: tuple[str, ...] = ()
) -> str | None:
    """Write rows as one JSON array, the cheapest way to hand thousands of them over in one statement."""
    numbers = tuple(name for name, kind in types.items() if kind == "float8")
    given: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        missing = [name for name in types if name not in row and name not in optional]
        if missing:
            raise BadRow(f"row {index} to publish lacks {', '.join(missing)}")
        for name in numbers:
            value = row.get(name)
            # JSON has neither; they would arrive as null, and a missing second target is legal.
            if value is not None and not math.isfinite(value):
                raise BadRow(f"row {index} to publish holds {value} as {name}; give a number, or None for none")
        given.append({name: row.get(name) for name in types})
    return orjson.dumps(given, option=orjson.OPT_SERIALIZE_NUMPY).decode() if given else None
