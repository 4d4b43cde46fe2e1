"""Alembic's environment of the serving database."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from stores import database
from stores.settings import Settings
from stores.tables import SCHEMA


def _ours(name: str | None, type_: str, _: object) -> bool:
    # Dagster's tables and the marts live in the same database and are not ours to compare.
    return name == SCHEMA if type_ == "schema" else True


def _run(connection: Connection) -> None:
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        include_schemas=True,
        include_name=_ours,
        version_table_schema=SCHEMA,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    with database.engine(Settings(), statement_timeout_ms=0).begin() as opened:
        _run(opened)
