"""A simulated market: for trying the platform without a network, never mixed with real candles.

It is stored under the exchange ``sim`` whatever exchange was asked for. Any minute's bar is a pure function of (seed,
symbol, minute), equal bit for bit however the bars are asked for and on every machine: randomness comes from a counter-based
hash, and prices are made with additions, multiplications, divisions and square roots alone, which IEEE 754 fixes to the
last bit (a library's logarithm or normal deviate is not fixed so).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import polars as pl

from engines.bars import BAR_SCHEMA
from engines.ingestion.simulated_market import MINUTES_PER_DAY, walk_days, walk_minutes
from engines.ingestion.source import RESTATEMENT_SCHEMA, Batch, Series, accept, cut, makes_all
from engines.ingestion.vocabulary import Clock, MarketName, NoSeries, SourceKind
from engines.timeframe import Timeframe

SIMULATED_EXCHANGE = "sim"
DEFAULT_SEED = 20_200_101
START = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 1_000
"""Open time of the first simulated bar, ms UTC."""

_BASE = Timeframe.M1
_DAY_MS = Timeframe.D1.milliseconds
_FIRST_DAY = START // _DAY_MS
# Prices of 2020-01-01, so that a simulated chart is at home on the axis people know.
_OPENING_PRICES = {
    "BTC": 7_200.0,
    "ETH": 130.0,
    "BNB": 14.0,
    "LTC": 42.0,
    "SOL": 1.5,
    "LINK": 1.8,
    "XRP": 0.19,
    "ADA": 0.033,
    "DOGE": 0.002,
}
_OTHER_PRICES = (0.05, 0.2, 0.6, 1.5, 4.0, 9.0, 25.0, 80.0)
_DIGITS = 5


class SimulatedCandles:
    """Candles of a simulated market, one minute each, from 2020-01-01 to the present.

    Prices follow regimes of days (up, down, sideways, wild) shared by all symbols of a seed, spells of hours within them,
    clustered volatility with fat tails, and the daily and weekly rhythm of activity. There are no gaps.

    Parameters
    ----------
    clock : callable
        Returns the present instant, ms UTC. No bar that is not closed by then exists.
    seed : int
        Another seed is another market.
    """

    kind = SourceKind.SIMULATION

    def __init__(self, clock: Clock, seed: int = DEFAULT_SEED) -> None:
        self.seed = seed
        self._clock = clock

    def stored_exchange(self, market: MarketName) -> str:
        """Exchange under which the bars are stored: always ``sim``."""
        return SIMULATED_EXCHANGE

    def choose_base(
        self,
        market: MarketName,
        timeframes: Sequence[Timeframe],
        since: int | None = None,
        until: int | None = None,
    ) -> Timeframe:
        """Timeframe to ingest: one minute."""
        if not makes_all(_BASE, timeframes):
            raise NoSeries("the simulated market has 1m candles only")
        return _BASE

    def read(
        self, market: MarketName, base: Timeframe, since: int | None = None, until: int | None = None
    ) -> Iterator[Batch]:
        """Bars of ``[since, until)`` (ms UTC), one batch a calendar month, oldest first."""
        if base is not _BASE:
            raise NoSeries(f"the simulated market has 1m candles only, not {base.value}")
        end = min(self._closed_until(), self._closed_until() if until is None else until)
        start = max(START, START if since is None else since)
        series = Series(SIMULATED_EXCHANGE, market.symbol, _BASE)
        origin = f"simulated market, seed {self.seed}"
        while start < end:
            month_end = min(_next_month(start), end)
            bars = self.bars(market.symbol, start, month_end)
            if bars.height:
                form, report = accept(bars, series, self.kind, origin)
                yield Batch(form.bars, report, RESTATEMENT_SCHEMA.to_frame())
            start = month_end

    def fingerprint(self, market: MarketName, base: Timeframe) -> str:
        """Seed and end of the last closed bar."""
        return f"{self.seed}:{self._closed_until()}"

    def bars(self, symbol: str, since: int, until: int) -> pl.DataFrame:
        """Bars of a symbol with ``since <= ts < until``, from 2020-01-01 on, whatever the clock says.

        Parameters
        ----------
        symbol : str
            Symbol, such as ``BTCUSDT``.
        since, until : int
            Open times, ms UTC.

        Returns
        -------
        DataFrame
            `BAR_SCHEMA`.
        """
        since = max(since, START)
        if until <= since:
            return BAR_SCHEMA.to_frame()
        first = since // _DAY_MS - _FIRST_DAY
        last = (until - 1) // _DAY_MS - _FIRST_DAY
        key, common = _key(self.seed, f"symbol {symbol}"), _key(self.seed, "common factor")
        level = _opening_price(symbol, key)
        scale = _ticks_per_unit(level)
        days = walk_days(key, common, level, scale, last + 1)
        count = (last - first + 1) * MINUTES_PER_DAY
        values = np.empty((5, count))
        walk_minutes(key, common, days, first, last + 1, _FIRST_DAY, scale, values)
        ts = np.arange(count, dtype=np.int64) * _BASE.milliseconds + (first + _FIRST_DAY) * _DAY_MS
        bars = pl.DataFrame({"ts": ts, **dict(zip(BAR_SCHEMA.names()[1:], values, strict=True))}).cast(
            {"ts": BAR_SCHEMA["ts"]}
        )
        return cut(bars, since, until)

    def _closed_until(self) -> int:
        return _BASE.open_time(self._clock())


def _key(seed: int, what: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.sha256(f"{seed} {what}".encode()).digest()[:8], "little"))


def _opening_price(symbol: str, key: np.uint64) -> float:
    for base, price in _OPENING_PRICES.items():
        if symbol.startswith(base):
            return price
    return _OTHER_PRICES[int(key) % len(_OTHER_PRICES)]


def _ticks_per_unit(level: float) -> float:
    """Power of ten that gives a price of ``level`` at least five digits, two of them decimals."""
    scale = 100.0
    while level * scale < 10.0 ** (_DIGITS - 1):
        scale *= 10.0
    return scale


def _next_month(ts: int) -> int:
    day = datetime.fromtimestamp(ts / 1_000, UTC)
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1_000
