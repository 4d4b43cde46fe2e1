"""The serving database: every table of its schema, as of one moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from deploy.backup.archive import Member, digest_of
from stores.settings import Settings

_LOCK = 0x4341505F5055424C
"""The lock of publication: nobody publishes while rows come back."""
_SCHEMA = "serving"
_LEFT_OUT = ("alembic_version",)

_COLUMNS = """
SELECT c.column_name FROM information_schema.columns AS c
WHERE c.table_schema = 'serving' AND c.table_name = %s AND c.is_generated = 'NEVER' ORDER BY c.ordinal_position
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'serving' ORDER BY tablename"
_REFERENCES = """
SELECT child.relname, parent.relname FROM pg_constraint AS f
JOIN pg_class AS child ON child.oid = f.conrelid JOIN pg_class AS parent ON parent.oid = f.confrelid
WHERE f.contype = 'f' AND f.connamespace = 'serving'::regnamespace
"""
_SEQUENCES = """
SELECT s.relname, t.relname, a.attname FROM pg_class AS s
JOIN pg_depend AS d ON d.objid = s.oid AND d.deptype IN ('a', 'i') JOIN pg_class AS t ON t.oid = d.refobjid
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND s.relnamespace = 'serving'::regnamespace
"""


@dataclass(frozen=True)
class Table:
    """A table and the columns that are written to it."""

    name: str
    columns: tuple[str, ...]

    @property
    def qualified(self) -> sql.Composed:
        """Its name in SQL."""
        return sql.SQL("{}.{}").format(sql.Identifier(_SCHEMA), sql.Identifier(self.name))

    @property
    def listed(self) -> sql.Composed:
        """Its columns in SQL."""
        return sql.SQL(", ").join(sql.Identifier(one) for one in self.columns)


def connect(settings: Settings) -> psycopg.Connection[Any]:
    """Connect to the serving database."""
    return psycopg.connect(settings.require("postgres_url"), connect_timeout=5)


def tables_of(connection: psycopg.Connection[Any]) -> list[Table]:
    """Read the tables of the schema, each after those it refers to."""
    names = [row[0] for row in connection.execute(_TABLES) if row[0] not in _LEFT_OUT]
    needs: dict[str, set[str]] = {name: set() for name in names}
    for child, parent in connection.execute(_REFERENCES):
        if child != parent:
            needs[child].add(parent)
    ordered: list[str] = []
    while len(ordered) < len(names):
        free = [name for name in names if name not in ordered and needs[name] <= set(ordered)]
        if not free:
            raise RuntimeError(f"tables refer to one another in a circle: {sorted(set(names) - set(ordered))}")
        ordered += free
    return [Table(name, tuple(row[0] for row in connection.execute(_COLUMNS, (name,)))) for name in ordered]


def dump(settings: Settings, folder: Path, told: Callable[[str], None]) -> list[Member]:
    """Write every table as of one moment; nobody waits for it."""
    members: list[Member] = []
    (folder / "postgres").mkdir()
    with connect(settings) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for table in tables_of(connection):
            name = f"postgres/{table.name}.copy"
            path = folder / name
            statement = sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT (FORMAT binary)").format(
                table.listed, table.qualified, sql.SQL("1")
            )
            with path.open("wb") as out, connection.cursor().copy(statement) as rows:
                for piece in rows:
                    out.write(piece)
            count = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table.qualified)).fetchone()
            members.append(Member(name, int(count[0]) if count else 0, path.stat().st_size, digest_of(path)))
            told(table.name)
    return members


def counts(connection: psycopg.Connection[Any], tables: Sequence[Table]) -> dict[str, int]:
    """Count the rows of tables."""
    found: dict[str, int] = {}
    for table in tables:
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table.qualified)).fetchone()
        found[table.name] = int(row[0]) if row else 0
    return found


def load(settings: Settings, folder: Path, members: Sequence[Member], told: Callable[[str], None]) -> None:
    """Put the rows back in one transaction: all of them or none.

    What stands is deleted first. Triggers that tell others, or refuse changes, rest meanwhile: the rows are history.
    """
    wanted = {Path(member.name).stem: member for member in members}
    with connect(settings) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        tables = tables_of(connection)
        missing = set(wanted) - {table.name for table in tables}
        if missing:
            raise RuntimeError(f"this version has no table {sorted(missing)[0]}")
        for table in tables:
            connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(table.qualified))
        for table in reversed(tables):
            connection.execute(sql.SQL("DELETE FROM {}").format(table.qualified))
        for table in tables:
            member = wanted.get(table.name)
            if member is None:
                continue
            statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(table.qualified, table.listed)
            with (folder / member.name).open("rb") as rows, connection.cursor().copy(statement) as copied:
                while piece := rows.read(1 << 20):
                    copied.write(piece)
            told(table.name)
        for table in tables:
            connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(table.qualified))
        _wind_sequences(connection)
        for name, found in counts(connection, tables).items():
            if name in wanted and found != wanted[name].rows:
                raise RuntimeError(f"{name} has {found} rows after the restore, the backup has {wanted[name].rows}")


def _wind_sequences(connection: psycopg.Connection[Any]) -> None:
    """Let every counter go on after the highest number that came back."""
    for sequence, table, column in connection.execute(_SEQUENCES).fetchall():
        connection.execute(
            sql.SQL("SELECT setval({}, coalesce((SELECT max({}) FROM {}.{}), 0) + 1, false)").format(
                sql.Literal(f"{_SCHEMA}.{sequence}"),
                sql.Identifier(column),
                sql.Identifier(_SCHEMA),
                sql.Identifier(table),
            )
        )
