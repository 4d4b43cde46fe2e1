"""The cache: one Redis client. Nothing in it is the only copy of anything; every reader can do without it."""

from __future__ import annotations

from redis import BlockingConnectionPool, Redis
from redis import asyncio as redis_asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from stores.settings import Settings


def connect(
    settings: Settings, *, max_connections: int = 20, pool_timeout_s: float = 1.0, socket_timeout_s: float = 2.0
) -> Redis:
    """Make a client; nothing is connected yet.

    Parameters
    ----------
    settings : Settings
    max_connections : int
        Most connections open at once; a caller beyond that waits for one.
    pool_timeout_s : float
        Seconds to wait for a free connection.
    socket_timeout_s : float
        Seconds to wait for a connection and for each answer.

    Raises
    ------
    stores.settings.MissingStore
        If no URL is set.
    """
    pool = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType] - its options are untyped
        settings.require("redis_url"),
        max_connections=max_connections,
        timeout=pool_timeout_s,
        socket_timeout=socket_timeout_s,
        socket_connect_timeout=socket_timeout_s,
        # Tried again once: a server that restarted in between is found at the first use after it.
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.02), retries=1),
        retry_on_error=[RedisConnectionError],
        client_name="crypto-analytics-platform",
        decode_responses=False,
    )
    return Redis(connection_pool=pool)


def connect_async(
    settings: Settings, *, max_connections: int = 32, pool_timeout_s: float = 1.0, socket_timeout_s: float = 2.0
) -> redis_asyncio.Redis:
    """Make a client for one event loop; the same as `connect` otherwise.

    Raises
    ------
    stores.settings.MissingStore
        If no URL is set.
    """
    pool = redis_asyncio.BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType] - untyped options
        settings.require("redis_url"),
        max_connections=max_connections,
        timeout=pool_timeout_s,
        socket_timeout=socket_timeout_s,
        socket_connect_timeout=socket_timeout_s,
        retry=AsyncRetry(ExponentialBackoff(cap=0.1, base=0.02), retries=1),
        retry_on_error=[RedisConnectionError],
        client_name="crypto-analytics-platform",
        decode_responses=False,
    )
    return redis_asyncio.Redis(connection_pool=pool)


def ping(client: Redis) -> bool:
    """Whether the server answers.

    Raises
    ------
    redis.exceptions.RedisError
        If it cannot be reached or refuses the credentials.
    """
    return client.ping()  # pyright: ignore[reportUnknownMemberType] - its options are untyped
