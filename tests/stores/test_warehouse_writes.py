"""Rows of a series are replaced as a whole, while others are written beside them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from deploy.local.stack import LocalStack
from stores import warehouse
from stores.markets import Market
from stores.warehouse import Series, Warehouse

MARKET = Market("sim", "TURNS")
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2024, 2, 1, tzinfo=UTC)
TIMEFRAMES = ("1m", "5m", "15m", "1h")
ROWS = 200
_FORGET = "DELETE FROM market.structure_events WHERE exchange = 'sim' AND symbol = 'TURNS'"


@pytest.fixture
def store(stack: LocalStack) -> Iterator[Warehouse]:
    """The warehouse with its tables."""
    warehouse.migrate(stack.settings)
    with closing(Warehouse.connect(stack.settings, origin="test")) as connection:
        yield connection


def pivots(level: float) -> pl.DataFrame:
    """Rows of `market.structure_events`, told apart from others by their level."""
    opened = [FIRST + timedelta(hours=number) for number in range(ROWS)]
    return pl.DataFrame(
        {
            "ts": opened,
            "scale": "micro",
            "kind": "swing_high",
            "direction": pl.Series([-1] * ROWS, dtype=pl.Int8),
            "level": level,
            "origin_ts": opened,
            "label": "HH",
            "bias": pl.Series([None] * ROWS, dtype=pl.Int8),
        }
    ).with_columns(pl.col("ts", "origin_ts").cast(pl.Datetime("ms", "UTC")))


def standing(store: Warehouse) -> dict[str, list[tuple[float, int]]]:
    """Levels of each timeframe and how often each is stored."""
    found = store.query_rows(
        "SELECT timeframe, level, count() AS rows FROM market.structure_events "
        "WHERE exchange = 'sim' AND symbol = 'TURNS' GROUP BY timeframe, level ORDER BY timeframe, level"
    )
    return {name: [(row["level"], row["rows"]) for row in found if row["timeframe"] == name] for name in TIMEFRAMES}


def write_all(store: Warehouse, level: float) -> list[int]:
    """Write every timeframe at once; how many rows each replaced."""

    def write(timeframe: str) -> int:
        return store.write_range("market.structure_events", Series(MARKET, timeframe), FIRST, END, pivots(level))

    with ThreadPoolExecutor(len(TIMEFRAMES)) as pool:
        return list(pool.map(write, TIMEFRAMES))


def test_timeframes_that_replace_their_rows_at_once_lose_and_double_none(store: Warehouse) -> None:
    store.command(_FORGET)
    assert write_all(store, 0.0) == [0] * len(TIMEFRAMES)
    for turn in range(1, 10):
        assert write_all(store, float(turn)) == [ROWS] * len(TIMEFRAMES)
        assert standing(store) == {name: [(float(turn), ROWS)] for name in TIMEFRAMES}


def test_first_rows_of_a_timeframe_outlive_the_replacement_of_another(store: Warehouse) -> None:
    for _ in range(5):
        store.command(_FORGET)
        store.write_range("market.structure_events", Series(MARKET, TIMEFRAMES[0]), FIRST, END, pivots(1.0))
        assert write_all(store, 2.0) == [ROWS, 0, 0, 0]
        assert standing(store) == {name: [(2.0, ROWS)] for name in TIMEFRAMES}
