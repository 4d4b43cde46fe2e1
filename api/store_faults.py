"""The stores by name, and which of their errors say "not now" rather than that something is wrong."""

from __future__ import annotations

from enum import StrEnum

# ClickHouse error codes that say "not now" rather than "wrong query": timeouts, limits, refused credentials, and tables
# that are not there because nothing was ever stored.
_CLICKHOUSE_NOT_NOW = frozenset({60, 81, 159, 160, 202, 209, 210, 236, 241, 394, 497, 516})
# The same of Postgres: the schema or a table is not there, connections are used up, the server starts or stops.
_POSTGRES_NOT_NOW = ("3F000", "42P01", "53", "57", "08", "28")

UNREACHABLE = "cannot be reached"


class StoreName(StrEnum):
    """The stores the API reads from, by their name in readiness."""

    CLICKHOUSE = "clickhouse"
    POSTGRES = "postgres"
    REDIS = "redis"


def clickhouse_not_now(error: Exception) -> str | None:
    """Say why ClickHouse cannot answer now; None if the error is a fault."""
    from clickhouse_connect.driver.exceptions import DatabaseError
    from urllib3.exceptions import HTTPError

    if isinstance(error, (HTTPError, ConnectionError, TimeoutError)):
        return UNREACHABLE
    if not isinstance(error, DatabaseError):
        return None
    if error.code is None:
        return UNREACHABLE
    return "cannot answer now" if error.code in _CLICKHOUSE_NOT_NOW else None


def postgres_not_now(error: Exception) -> str | None:
    """Say why Postgres cannot answer now; None if the error is a fault."""
    from psycopg import Error as PostgresError
    from psycopg import OperationalError as Disconnected
    from sqlalchemy.exc import DBAPIError, OperationalError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    if isinstance(error, PoolTimeout):
        return "has no connection free"
    if not isinstance(error, (DBAPIError, PostgresError)):
        return None
    code: str | None = getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None)
    if code is None:
        # Only errors of the connection itself come without a code and of this kind.
        return UNREACHABLE if isinstance(error, (OperationalError, Disconnected)) else None
    return "cannot answer now" if code.startswith(_POSTGRES_NOT_NOW) else None


def redis_not_now(error: Exception) -> str | None:
    """Say why Redis cannot answer now; None if the error is a fault."""
    from redis.exceptions import RedisError

    return UNREACHABLE if isinstance(error, (RedisError, OSError)) else None
