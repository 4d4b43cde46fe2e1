"""What a build asks of the stores beside dbt: to be the only one, and how many rows a mart has."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager

from orchestration.marts.environment import Target
from stores.settings import Settings

RowCount = Callable[[str], int]
"""Rows of a mart, by its name."""


@contextmanager
def only_build(settings: Settings, target: Target) -> Generator[None]:
    """Hold the target's advisory lock in Postgres; waits for whoever holds it.

    Two builds at once would swap each other's tables away. The lock is the connection's: it goes when this process does.
    Without Postgres there is nobody to share with, and nothing is locked.
    """
    if settings.postgres_url is None:
        yield
        return
    import psycopg

    with psycopg.connect(settings.require("postgres_url"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (f"marts:{target}",))
        yield


@contextmanager
def row_counts(settings: Settings, target: Target) -> Generator[RowCount]:
    """Connect to a target's store and give a function that counts the rows of a mart."""
    if target is Target.WAREHOUSE:
        from stores.warehouse import Warehouse

        with closing(Warehouse.connect(settings, origin='{"asset": "marts"}')) as warehouse:
            yield lambda mart: int(warehouse.scalar("SELECT count() FROM marts.{mart:Identifier}", {"mart": mart}))
        return
    import psycopg
    from psycopg import sql

    with psycopg.connect(settings.require("postgres_url"), autocommit=True) as connection:

        def count(mart: str) -> int:
            row = connection.execute(
                sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("marts", mart))
            ).fetchone()
            return int(row[0]) if row else 0

        yield count
