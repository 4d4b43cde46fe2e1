"""The cache client: bounded, and plain about a server that is not there."""

from __future__ import annotations

import socket
import threading

import pytest
from pydantic import SecretStr
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from deploy.local.stack import LocalStack
from stores import cache
from stores.settings import MissingStore
from tests.stack_fixtures import bare_settings


def test_it_answers(stack: LocalStack) -> None:
    client = cache.connect(stack.settings)
    assert cache.ping(client) is True
    client.close()


def test_without_a_url_it_says_what_to_set() -> None:
    with pytest.raises(MissingStore, match="CAP_REDIS_URL"):
        cache.connect(bare_settings())


def test_a_server_that_is_gone_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = cache.connect(bare_settings(redis_url=SecretStr(f"redis://127.0.0.1:{port}/0")))
    with pytest.raises(RedisConnectionError):
        cache.ping(client)


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = SecretStr(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        client = cache.connect(bare_settings(redis_url=url), socket_timeout_s=0.1)
        with pytest.raises(RedisError):
            cache.ping(client)


def test_more_callers_than_connections_wait_their_turn(stack: LocalStack) -> None:
    client = cache.connect(stack.settings, max_connections=2, pool_timeout_s=30)
    answers: list[bool] = []
    threads = [
        threading.Thread(target=lambda: answers.extend(cache.ping(client) for _ in range(20))) for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert answers == [True] * 200
    client.close()
