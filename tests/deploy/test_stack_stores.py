"""The local stack: its stores answer, with passwords, on loopback."""

from __future__ import annotations

import psycopg
import pytest
import redis

from deploy.local.stack import LocalStack


def test_postgres_18_answers_with_its_password_only(stack: LocalStack) -> None:
    url = stack.settings.require("postgres_url")
    with psycopg.connect(url) as connection:
        version = connection.execute("SHOW server_version_num").fetchone()
        address = connection.execute("SELECT host(inet_server_addr())").fetchone()
    assert version is not None
    assert int(version[0]) >= 180000
    assert address == ("127.0.0.1",)
    scheme, rest = url.split("://")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"{scheme}://cap:wrong@{rest.split('@')[1]}")


def test_redis_answers_with_its_password_only(stack: LocalStack) -> None:
    url = stack.settings.require("redis_url")
    with redis.Redis.from_url(url) as cache:
        assert cache.ping()
        assert cache.config_get("appendonly") == {"appendonly": "yes"}
    with redis.Redis.from_url(f"redis://{url.split('@')[1]}") as cache, pytest.raises(redis.AuthenticationError):
        cache.ping()
