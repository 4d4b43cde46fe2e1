"""Which markets there are, remembered for a few seconds so that not every request asks the warehouse."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.problems import Problem
from engines.timeframe import Timeframe
from stores.markets import Market
from stores.warehouse import IN_SERIES, Series, Warehouse

_REMEMBER_MARKETS_S = 5.0
_REMEMBER_SERIES_S = 60.0
_MOST_NAMED = 20

_MARKETS = """
SELECT exchange, symbol, timeframe, min(ts) AS first_bar, max(ts) AS last_bar, count() AS bars
FROM market.candles FINAL
GROUP BY exchange, symbol, timeframe
"""


@dataclass(frozen=True)
class StoredSeries:
    """What is stored of one series of candles: times are open times of the first and the last bar, UTC."""

    series: Series
    first_bar: datetime
    last_bar: datetime
    bars: int


class MarketDirectory:
    """Knows the stored markets. Safe to share between threads.

    Parameters
    ----------
    clock : callable
        Seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reading = threading.Lock()
        self._stored: tuple[StoredSeries, ...] = ()
        self._stored_until = float("-inf")
        self._seen: dict[Series, float] = {}

    def stored(self, warehouse: Warehouse) -> tuple[StoredSeries, ...]:
        """All series, by market and length of bar; at most a few seconds old."""
        with self._reading:  # the second of two requests at once waits for the first one's answer
            if self._clock() >= self._stored_until:
                found = [_stored_series(row) for row in warehouse.query_rows(_MARKETS)]
                self._stored = tuple(sorted(found, key=lambda one: (str(one.series.market), _length(one.series))))
                self._stored_until = self._clock() + _REMEMBER_MARKETS_S
            return self._stored

    def require(self, warehouse: Warehouse, series: Series) -> None:
        """Make sure that candles of a series are stored.

        Raises
        ------
        Problem
            If not; it names what is.
        """
        if self._clock() < self._seen.get(series, float("-inf")):
            return
        here = f"SELECT count() FROM (SELECT 1 FROM market.candles WHERE {IN_SERIES} LIMIT 1)"
        if not warehouse.scalar(here, series.parameters):
            raise self._unknown(warehouse, series)
        self._seen[series] = self._clock() + _REMEMBER_SERIES_S

    def _unknown(self, warehouse: Warehouse, series: Series) -> Problem:
        stored = [one.series for one in self.stored(warehouse)]
        timeframes = [one.timeframe for one in stored if one.market == series.market]
        if timeframes:
            detail = f"{series.market} has no {series.timeframe} candles; stored timeframes: {', '.join(timeframes)}"
            return Problem("unknown-market", detail)
        known = list(dict.fromkeys(str(one.market) for one in stored))
        if not known:
            return Problem("unknown-market", f"{series.market} is not known; no market has been ingested yet")
        more = f" and {len(known) - _MOST_NAMED} more (see /v1/markets)" if len(known) > _MOST_NAMED else ""
        return Problem(
            "unknown-market", f"{series.market} is not known; known markets: {', '.join(known[:_MOST_NAMED])}{more}"
        )


def _stored_series(row: dict[str, Any]) -> StoredSeries:
    series = Series(Market(row["exchange"], row["symbol"]), row["timeframe"])
    return StoredSeries(series, row["first_bar"], row["last_bar"], int(row["bars"]))


def _length(series: Series) -> int:
    try:
        return Timeframe(series.timeframe).milliseconds
    except ValueError:
        return 0
