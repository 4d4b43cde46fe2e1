"""Migrated stores for the graph, and series that no other test uses."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from deploy.local.stack import LocalStack
from stores import database, warehouse
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import Warehouse
from tests.graph.stored_accounts import TABLES

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def migrated(stack: LocalStack) -> Settings:
    """Settings of the running stack, with every table in place."""
    warehouse.migrate(stack.settings)
    database.migrate(stack.settings)
    return stack.settings


@pytest.fixture
def connection(migrated: Settings) -> Iterator[Warehouse]:
    """Give a warehouse connection of the test's own."""
    opened = Warehouse.connect(migrated, origin="test")
    yield opened
    opened.close()


@pytest.fixture
def market() -> Market:
    """Name a market that no other test uses, so that the shared tables need no emptying."""
    return Market("binance", f"TEST{next(_numbers)}USDT")


@pytest.fixture
def stores(connection: Warehouse) -> Warehouse:
    """Stores in which no account has a market yet."""
    for table in TABLES:
        connection.command(f"TRUNCATE TABLE market.{table}")
    return connection
