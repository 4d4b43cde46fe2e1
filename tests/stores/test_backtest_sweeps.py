"""Sweeps in the warehouse: kept in batches, found by key, once each whatever is repeated."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator

import pytest

from deploy.local.stack import LocalStack
from stores import warehouse as warehouse_module
from stores.backtest_sweeps import WarehouseSweepStore
from stores.warehouse import Warehouse


@pytest.fixture
def connection(stack: LocalStack) -> Iterator[Warehouse]:
    warehouse_module.migrate(stack.settings)
    opened = Warehouse.connect(stack.settings, origin="test")
    yield opened
    opened.close()


def test_what_is_kept_is_known_in_another_process(connection: Warehouse) -> None:
    keys = [uuid.uuid4().hex for _ in range(100)]
    store = WarehouseSweepStore(connection)
    for number, key in enumerate(keys):
        store.keep(key, {"stop_atr": number / 10}, {"sharpe": float(number), "win_rate": math.nan})
    store.keep(keys[0], {"stop_atr": 0.0}, {"sharpe": 0.0, "win_rate": math.nan})
    # What fills a batch is there at once; the rest when it is flushed.
    assert 64 <= len(WarehouseSweepStore(connection).known(keys)) < 100
    store.flush()
    store.flush()
    found = WarehouseSweepStore(connection).known([*keys, "another"])
    assert found.keys() == set(keys)
    assert found[keys[42]] == {"sharpe": 42.0}
    rows = "SELECT count() FROM market.backtest_sweeps FINAL WHERE key IN {keys:Array(String)}"
    assert connection.scalar(rows, {"keys": keys}) == 100
