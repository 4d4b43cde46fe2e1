"""Publishing: once, in order, and never taken back."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from deploy.local.stack import LocalStack
from stores import database
from tests.stack_fixtures import empty
from tests.stores.signal_rows import outcome_row, signal_row


@pytest.fixture
def engine(stack: LocalStack) -> Iterator[Engine]:
    empty(stack)
    database.migrate(stack.settings)
    made = database.engine(stack.settings)
    yield made
    made.dispose()


def _rows(engine: Engine, sql: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(sql)).mappings())


def test_a_signal_comes_back_as_it_was_published(engine: Engine) -> None:
    row = signal_row(3, entry=0.1 + 0.2, target_2=None, reasons=["ünïcode", 'a "quote"', "a : colon"])
    before = datetime.now(UTC)
    with database.session(engine) as session:
        assert database.publish(session, [row]) == 1
    (stored,) = _rows(engine, "SELECT * FROM serving.published_signals")
    assert str(stored["signal_id"]) == row["signal_id"]
    assert {name: stored[name] for name in row if name != "signal_id"} == {
        name: value for name, value in row.items() if name != "signal_id"
    }
    assert stored["simulated"] is False
    assert abs((stored["published_at"] - before).total_seconds()) < 60


def test_publishing_again_changes_nothing(engine: Engine) -> None:
    with database.session(engine) as session:
        assert database.publish(session, [signal_row(0), signal_row(1)]) == 2
    before = _rows(engine, "SELECT * FROM serving.published_signals ORDER BY sequence")
    with database.session(engine) as session:
        # The same signals with other numbers, as an engine of another version might decide them, and one new one.
        assert database.publish(session, [signal_row(0, entry=1.0), signal_row(1, score=0.9), signal_row(2)]) == 1
    after = _rows(engine, "SELECT * FROM serving.published_signals ORDER BY sequence")
    assert after[:2] == before
    assert [row["sequence"] for row in after] == [1, 2, 3]


def test_one_batch_may_name_a_signal_twice(engine: Engine) -> None:
    with database.session(engine) as session:
        assert database.publish(session, [signal_row(0), signal_row(0)]) == 1


def test_nothing_to_publish_is_fine(engine: Engine) -> None:
    with database.session(engine) as session:
        assert database.publish(session, []) == 0
        assert database.publish_outcomes(session, []) == 0


def test_simulated_follows_from_the_exchange(engine: Engine) -> None:
    with database.session(engine) as session:
        database.publish(session, [signal_row(0, exchange="sim"), signal_row(0)])
    found = _rows(engine, "SELECT exchange, simulated FROM serving.published_signals ORDER BY exchange")
    assert [(row["exchange"], row["simulated"]) for row in found] == [("binance", False), ("sim", True)]


def test_many_signals_in_one_go(engine: Engine) -> None:
    with database.session(engine) as session:
        assert database.publish(session, (signal_row(number) for number in range(10_000))) == 10_000
    found = _rows(engine, "SELECT sequence, ts FROM serving.published_signals ORDER BY ts")
    sequences = [row["sequence"] for row in found]
    assert sequences == sorted(sequences)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", ["entry", "target_2", "risk_fraction"])
def test_numbers_that_are_none_are_refused(engine: Engine, column: str, number: float) -> None:
    with database.session(engine) as session, pytest.raises(database.BadRow, match=rf"row 1 .*{column}"):
        database.publish(session, [signal_row(0), signal_row(1, **{column: number})])
    assert _rows(engine, "SELECT 1 FROM serving.published_signals") == []


def test_a_row_without_a_column_is_refused(engine: Engine) -> None:
    row = signal_row(0)
    del row["stop"]
    with database.session(engine) as session, pytest.raises(database.BadRow, match=r"row 0 .* lacks stop"):
        database.publish(session, [row])


@pytest.mark.parametrize(
    "changes", [{"decision": "rejected"}, {"direction": 0}, {"known_at": datetime(2020, 1, 1, tzinfo=UTC)}]
)
def test_rows_that_break_a_rule_leave_nothing_behind(engine: Engine, changes: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), database.session(engine) as session:
        database.publish(session, [signal_row(0), signal_row(1, **changes)])
    assert _rows(engine, "SELECT 1 FROM serving.published_signals") == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE serving.published_signals SET entry = 1",
        "UPDATE serving.published_signals SET entry = 1 WHERE false",
        "DELETE FROM serving.published_signals",
        "TRUNCATE serving.published_signals CASCADE",
        "INSERT INTO serving.published_signals SELECT * FROM serving.published_signals "
        "ON CONFLICT (signal_id) DO UPDATE SET entry = 1",
        "UPDATE serving.signal_outcomes SET price = 1",
        "DELETE FROM serving.signal_outcomes",
        "TRUNCATE serving.signal_outcomes",
    ],
)
def test_the_database_refuses_to_rewrite(engine: Engine, statement: str) -> None:
    signal = signal_row(0)
    with database.session(engine) as session:
        database.publish(session, [signal])
        database.publish_outcomes(session, [outcome_row(signal, "stopped", -1.0, 3)])
    tables = ("published_signals", "signal_outcomes")
    before = [_rows(engine, f"SELECT * FROM serving.{table}") for table in tables]
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(text(statement))
    assert [_rows(engine, f"SELECT * FROM serving.{table}") for table in tables] == before


def test_the_guard_is_what_refuses(engine: Engine) -> None:
    """Positive control: without its trigger the same statement goes through."""
    with database.session(engine) as session:
        database.publish(session, [signal_row(0)])
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER published_signals_append_only ON serving.published_signals"))
        connection.execute(text("UPDATE serving.published_signals SET entry = 1"))
    assert _rows(engine, "SELECT entry FROM serving.published_signals") == [{"entry": 1.0}]


def test_outcomes_are_published_once_and_only_of_published_signals(engine: Engine) -> None:
    signal, never_published = signal_row(0), signal_row(1)
    outcomes = [
        outcome_row(signal, "target_1", 1.0, 2),
        outcome_row(signal, "target_2", 2.0, 5),
        outcome_row(never_published, "stopped", -1.0, 1),
    ]
    with database.session(engine) as session:
        database.publish(session, [signal])
        assert database.publish_outcomes(session, outcomes) == 2
        assert database.publish_outcomes(session, outcomes) == 0
    found = _rows(engine, "SELECT outcome, r_multiple, bars_held FROM serving.signal_outcomes ORDER BY ts")
    assert [tuple(row.values()) for row in found] == [("target_1", 1.0, 2), ("target_2", 2.0, 5)]


def test_sequence_grows_in_the_order_of_visibility(engine: Engine) -> None:
    """A publisher waits for the one before, so a reader who follows the sequence never skips a row."""
    first, second = database.session(engine), threading.Event()

    def publish_second() -> None:
        with database.session(engine) as session:
            database.publish(session, [signal_row(1)])
        second.set()

    with first as session:
        database.publish(session, [signal_row(0)])
        thread = threading.Thread(target=publish_second)
        thread.start()
        # The second one is inside the server, waiting for the lock: nothing of it can be seen.
        with psycopg.connect(engine.url.set(drivername="postgresql").render_as_string(hide_password=False)) as watch:
            watch.autocommit = True
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while watch.execute(waiting).fetchone() != (1,):
                pass
        assert not second.is_set()
    thread.join(timeout=30)
    assert second.is_set()
    found = _rows(engine, "SELECT sequence, ts FROM serving.published_signals ORDER BY ts")
    assert [row["sequence"] for row in found] == [1, 2]


def test_a_statement_ends_at_its_timeout(stack: LocalStack) -> None:
    impatient = database.engine(stack.settings, statement_timeout_ms=50)
    try:
        with impatient.connect() as connection, pytest.raises(DBAPIError, match="statement timeout"):
            connection.execute(text("SELECT pg_sleep(30)"))
    finally:
        impatient.dispose()
