"""Migrations of the serving database: forward, back, on data, and by several processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

from deploy.local.stack import LocalStack
from stores import database, tables
from tests.stack_fixtures import empty
from tests.stores.signal_rows import outcome_row, signal_row

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ScriptDirectory(str(ROOT / "stores" / "migrations" / "serving"))


@pytest.fixture
def engine(stack: LocalStack) -> Iterator[Engine]:
    empty(stack)
    made = database.engine(stack.settings)
    yield made
    made.dispose()


def _rows(engine: Engine, sql: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(sql)).mappings())


def _tables(engine: Engine) -> list[str]:
    found = _rows(engine, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'serving' ORDER BY 1")
    return [row["table_name"] for row in found]


def test_from_nothing_to_the_newest_and_again(stack: LocalStack, engine: Engine) -> None:
    newest = SCRIPTS.get_current_head()
    assert database.migrate(stack.settings) == newest
    assert _tables(engine) == sorted(["alembic_version", *(table.name for table in SQLModel.metadata.tables.values())])
    assert database.migrate(stack.settings) == newest


def test_the_schema_is_what_the_tables_say(stack: LocalStack, engine: Engine) -> None:
    database.migrate(stack.settings)
    options = {
        "include_schemas": True,
        "version_table_schema": tables.SCHEMA,
        "include_name": lambda name, kind, _: name == tables.SCHEMA if kind == "schema" else True,
    }
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata) == []


def test_back_and_forward_keep_the_signals(stack: LocalStack, engine: Engine) -> None:
    database.migrate(stack.settings)
    signals = [signal_row(number) for number in range(50)]
    outcomes = [outcome_row(signal, "stopped", -1.0, 3) for signal in signals]
    with database.session(engine) as session:
        database.publish(session, signals)
        database.publish_outcomes(session, outcomes)
    everything = "SELECT * FROM serving.published_signals ORDER BY sequence"
    before = _rows(engine, everything)
    assert len(before) == 50

    assert database.downgrade(stack.settings, "0001") == "0001"
    assert _tables(engine) == ["alembic_version", "published_signals"]
    assert _rows(engine, everything) == before

    database.migrate(stack.settings)
    assert _rows(engine, everything) == before
    with database.session(engine) as session:
        assert database.publish_outcomes(session, outcomes) == 50


@pytest.mark.parametrize("revision", [script.revision for script in SCRIPTS.walk_revisions()])
def test_every_revision_goes_back_to_nothing(stack: LocalStack, engine: Engine, revision: str) -> None:
    assert database.migrate(stack.settings, revision) == revision
    assert database.downgrade(stack.settings, "base") == "base"
    assert _tables(engine) == ["alembic_version"]
    functions = "SELECT 1 FROM pg_proc WHERE pronamespace = 'serving'::regnamespace"
    assert _rows(engine, functions) == []
    assert database.migrate(stack.settings) == SCRIPTS.get_current_head()


def test_a_migration_that_fails_leaves_nothing_behind(stack: LocalStack, engine: Engine) -> None:
    with engine.begin() as connection:
        # In the way of the second migration, so that the first succeeds and is taken back with it.
        connection.execute(text("CREATE SCHEMA serving"))
        connection.execute(text("CREATE TABLE serving.signal_outcomes (other int)"))
    with pytest.raises(Exception, match="signal_outcomes"):
        database.migrate(stack.settings)
    assert _tables(engine) == ["signal_outcomes"]


def test_several_processes_may_migrate_at_once(stack: LocalStack, engine: Engine) -> None:
    code = "from stores import database; from stores.settings import Settings; print(database.migrate(Settings()))"
    environment = {**os.environ, **stack.environment(), "PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0] * 3, answers
    assert {out.decode().strip() for out, _ in answers} == {SCRIPTS.get_current_head()}
    assert len(_rows(engine, "SELECT * FROM serving.alembic_version")) == 1
