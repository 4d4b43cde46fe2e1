"""Partition keys and the windows they stand for."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from assets.candles import clip
from assets.partitions import MarketWindow, market_windows, month_start, next_month, partition_key, range_tags
from stores.markets import Market
from stores.settings import Settings

BTC, ETH = Market("binance", "BTCUSDT"), Market("binance", "ETHUSDT")


def _month(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)


def test_consecutive_months_join_into_one_window() -> None:
    keys = ["binance:BTCUSDT|2023-12-01", "binance:BTCUSDT|2024-02-01", "binance:BTCUSDT|2024-01-01"]
    assert market_windows(keys) == [MarketWindow(BTC, _month(2023, 12), _month(2024, 3))]


def test_a_missing_month_parts_the_windows_and_markets_stay_apart() -> None:
    keys = ["binance:ETHUSDT|2024-01-01", "binance:BTCUSDT|2024-03-01", "binance:BTCUSDT|2024-01-01"]
    assert market_windows(keys) == [
        MarketWindow(BTC, _month(2024, 1), _month(2024, 2)),
        MarketWindow(BTC, _month(2024, 3), _month(2024, 4)),
        MarketWindow(ETH, _month(2024, 1), _month(2024, 2)),
    ]


@pytest.mark.parametrize(
    ("month", "after"), [((2024, 1), (2024, 2)), ((2024, 12), (2025, 1)), ((2023, 11), (2023, 12))]
)
def test_next_month(month: tuple[int, int], after: tuple[int, int]) -> None:
    assert next_month(_month(*month)) == _month(*after)


def test_partition_key_is_that_of_the_utc_month() -> None:
    late = datetime.fromisoformat("2024-02-01T00:30:00+02:00")
    assert month_start(late) == _month(2024, 1)
    assert partition_key(BTC, late) == "binance:BTCUSDT|2024-01-01"
    assert range_tags(BTC, late, _month(2024, 3)) == {
        "dagster/asset_partition_range_start": "binance:BTCUSDT|2024-01-01",
        "dagster/asset_partition_range_end": "binance:BTCUSDT|2024-03-01",
    }


def test_window_is_cut_to_the_days_asked_for_and_to_the_present() -> None:
    window = MarketWindow(BTC, _month(2024, 1), _month(2024, 4))
    settings = Settings(since=date(2024, 1, 15), until=date(2024, 2, 10))
    now = datetime(2025, 1, 1, tzinfo=UTC)
    assert clip(window, settings, now) == (datetime(2024, 1, 15, tzinfo=UTC), datetime(2024, 2, 11, tzinfo=UTC))
    assert clip(window, Settings(), datetime(2024, 2, 1, 12, tzinfo=UTC))[1] == datetime(2024, 2, 1, 12, tzinfo=UTC)
    start, end = clip(window, Settings(since=date(2024, 6, 1)), now)
    assert start == end
