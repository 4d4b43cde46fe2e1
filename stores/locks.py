"""A lock a market: two runs never advance the same market at the same time, on one machine or many."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from stores.markets import Market
from stores.settings import Settings


@contextmanager
def market_lock(settings: Settings, market: Market) -> Generator[None]:
    """Hold the market's advisory lock in Postgres; waits for whoever holds it.

    The lock is the connection's: it goes when this process does, however it ends.
    """
    import psycopg

    with (
        psycopg.connect(settings.require("postgres_url"), autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (f"market:{market}",))
        yield
