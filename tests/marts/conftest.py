"""A warehouse filled with made-up logs, for the marts to be built from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from deploy.local.stack import LocalStack
from orchestration.marts.manifest import make_manifests
from stores import database, warehouse
from stores.settings import Settings
from stores.warehouse import Warehouse
from tests.marts.market_logs import Logs, random_series
from tests.stack_fixtures import empty


@pytest.fixture(scope="session")
def manifests() -> None:
    """Make the manifests the code location is loaded from."""
    make_manifests()


@pytest.fixture(scope="module")
def logs() -> Logs:
    """Logs of four series; one is simulated."""
    made = Logs()
    random_series(made, "binance", "BTCUSDT", "15m", bars=900, seed=1, zones=150, signals=60)
    random_series(made, "binance", "BTCUSDT", "1h", bars=300, seed=1, zones=60, signals=20)
    random_series(made, "binance", "ETHUSDT", "15m", bars=500, seed=1, zones=80, signals=30)
    random_series(made, "sim", "BTCUSDT", "15m", bars=200, seed=1, zones=30, signals=10)
    return made


@pytest.fixture(scope="module")
def filled(stack: LocalStack, manifests: None, logs: Logs) -> Settings:
    """Settings of stores with the logs in them; the marts are not built."""
    empty(stack)
    warehouse.migrate(stack.settings)
    database.migrate(stack.settings)
    with closing(Warehouse.connect(stack.settings)) as connection:
        logs.insert(connection)
    return stack.settings


@pytest.fixture
def market(filled: Settings) -> Iterator[Warehouse]:
    """A connection to the filled warehouse."""
    with closing(Warehouse.connect(filled)) as connection:
        yield connection
