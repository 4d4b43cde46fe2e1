"""Partitions: market x month. The market dimension grows as markets are ingested; months are UTC calendar months."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from stores.markets import Market

MARKETS = dg.DynamicPartitionsDefinition(name="market")
MONTHS = dg.MonthlyPartitionsDefinition(start_date="2017-01-01", end_offset=1)
MARKET_MONTHS = dg.MultiPartitionsDefinition({"market": MARKETS, "month": MONTHS})

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


@dataclass(frozen=True)
class MarketWindow:
    """Consecutive months of one market: ``start`` inclusive, ``end`` exclusive, both first instants of months in UTC."""

    market: Market
    start: datetime
    end: datetime


def month_start(instant: datetime) -> datetime:
    """First instant of the UTC month of ``instant``."""
    return instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """First instant of the month after ``month``."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def partition_key(market: Market, instant: datetime) -> str:
    """Key of the partition that holds an instant of a market, as in ``binance:BTCUSDT|2024-01-01``."""
    return str(dg.MultiPartitionKey({"market": str(market), "month": f"{month_start(instant):%Y-%m-%d}"}))


def range_tags(market: Market, first: datetime, last: datetime) -> dict[str, str]:
    """Run tags that select the months from that of ``first`` to that of ``last`` in a single run."""
    return {RANGE_START_TAG: partition_key(market, first), RANGE_END_TAG: partition_key(market, last)}


def market_windows(partition_keys: Iterable[str]) -> list[MarketWindow]:
    """Join partition keys into the fewest windows of consecutive months, by market and time.

    Examples
    --------
    >>> [str(w.end.date()) for w in market_windows(["binance:BTCUSDT|2024-01-01", "binance:BTCUSDT|2024-02-01"])]
    ['2024-03-01']
    """
    months: dict[Market, set[datetime]] = {}
    for key in partition_keys:
        market, _, month = key.rpartition("|")
        instant = datetime.strptime(month, "%Y-%m-%d").replace(tzinfo=UTC)
        months.setdefault(Market.parse(market), set()).add(instant)
    return [window for market in sorted(months) for window in _joined(market, sorted(months[market]))]


def _joined(market: Market, months: Sequence[datetime]) -> list[MarketWindow]:
    windows: list[MarketWindow] = []
    for month in months:
        if windows and windows[-1].end == month:
            windows[-1] = MarketWindow(market, windows[-1].start, next_month(month))
        else:
            windows.append(MarketWindow(market, month, next_month(month)))
    return windows
