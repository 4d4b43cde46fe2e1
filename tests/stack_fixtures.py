"""Real stores for tests: one local stack a test process, in a folder of its own, on ports of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.stack import LocalStack, Ports
from stores.settings import Settings


def bare_settings(**values: object) -> Settings:
    """Settings that know no store and no secret, whatever the environment says; requests from here are not limited."""
    urls = ("clickhouse_url", "clickhouse_analyst_url", "postgres_url", "redis_url", "kafka_bootstrap", "secret_key")
    unlimited = {"limits_exempt": ("127.0.0.0/8",)}
    return Settings().model_copy(update={**dict.fromkeys(urls), **unlimited, **values})


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A running local stack that all tests of the process share; nothing is migrated in it.

    ``stack.settings`` has the URLs, ``stack.environment()`` the variables for child processes.
    """
    settings = bare_settings()
    with LocalStack(settings, home=tmp_path_factory.mktemp("stack"), ports=Ports.any()) as running:
        yield running


@pytest.fixture
def empty_stores(stack: LocalStack) -> LocalStack:
    """Return the shared stack with every store emptied first: no database of ours, no table, no key."""
    empty(stack)
    return stack


def empty(stack: LocalStack) -> None:
    """Drop everything the platform keeps in the stores of a stack."""
    import clickhouse_connect
    import psycopg
    import redis

    client = clickhouse_connect.get_client(dsn=stack.settings.require("clickhouse_url"), autogenerate_session_id=False)
    kept = ("system", "information_schema", "INFORMATION_SCHEMA", "default")
    for (name,) in client.query("SELECT name FROM system.databases").result_rows:
        if name not in kept:
            client.command(f"DROP DATABASE IF EXISTS `{name}`")
    client.close()
    with psycopg.connect(stack.settings.require("postgres_url"), autocommit=True) as connection:
        for (name,) in connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        ).fetchall():
            connection.execute(f'DROP SCHEMA "{name}" CASCADE')
        connection.execute("CREATE SCHEMA public")
    with redis.Redis.from_url(stack.settings.require("redis_url")) as cache:
        cache.flushall()
