"""Fixtures of the deployment's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.clickhouse_process import ClickHouseProcess


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    """A ClickHouse server that all tests of the process share; each uses a database of its own."""
    server = ClickHouseProcess(tmp_path_factory.mktemp("clickhouse")).start()
    yield server
    assert server.terminate() == 0


@pytest.fixture
def own_clickhouse(tmp_path: Path) -> Iterator[ClickHouseProcess]:
    """A ClickHouse server for one test, which may do to it what it likes."""
    server = ClickHouseProcess(tmp_path / "clickhouse").start()
    yield server
    if server.process is not None and server.process.poll() is None:
        server.kill()


@pytest.fixture
def database(clickhouse: ClickHouseProcess, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database in the shared server."""
    name = "t_" + "".join(letter if letter.isalnum() else "_" for letter in request.node.name)[:60]
    clickhouse.sql(f"CREATE DATABASE `{name}`")
    yield name
    clickhouse.sql(f"DROP DATABASE `{name}`")
