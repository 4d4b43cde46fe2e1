"""A lock a market and one an account: two runs never advance the same at the same time, on one machine or many."""

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
    with _advisory_lock(settings, f"market:{market}"):
        yield


@contextmanager
def account_lock(settings: Settings, account: str) -> Generator[None]:
    """Hold the lock of an account over many markets, as `market_lock` that of a market."""
    with _advisory_lock(settings, f"account:{account}"):
        yield


@contextmanager
def _advisory_lock(settings: Settings, name: str) -> Generator[None]:
    import psycopg

    with (
        psycopg.connect(settings.require("postgres_url"), autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (name,))
        yield
