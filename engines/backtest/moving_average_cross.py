"""The moving-average cross, a yardstick every trader knows: long while the fast average is above the slow one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.backtest.config import BacktestConfig, EntryOrder, Sizing
from engines.backtest.cross_sweep import (
    BLOCK,
    CASH,
    DRAWDOWN,
    FEES,
    FLOATS,
    GAINED,
    HELD_BARS,
    INTEGERS,
    LOST,
    PATCH,
    PEAK,
    SLIPPED,
    TRADED,
    TRADES,
    WINS,
    CrossBars,
    CrossScratch,
    CrossTerms,
    exponential_averages,
    sweep_crosses,
)
from engines.backtest.errors import BadBacktest
from engines.bars import BAR_SCHEMA, BarArrays, FloatArray, TimeArray, bar_arrays, frozen
from engines.signals.rows import time_series

_DAY_MS = 86_400_000
_DAYS_A_YEAR = 365
DEFAULTS = {"fast": 20, "slow": 50, "short": False}


def cross_signals(bars: BarArrays, fast: FloatArray, slow: FloatArray, *, short: bool = False) -> pl.DataFrame:
    """Signals of two averages: +1 where the fast one comes above the slow one, 0 (or -1 with ``short``) where it no longer is.

    The first bar at which both are known only tells which is above.
    """
    above = fast > slow
    known = np.isfinite(fast) & np.isfinite(slow)
    at = np.flatnonzero((above[1:] != above[:-1]) & known[:-1]) + 1
    leaving = -1 if short else 0
    return pl.DataFrame(
        [
            time_series("ts", bars.ts[at]),
            pl.Series("direction", np.where(above[at], 1, leaving), pl.Int8),
        ]
    )


class MovingAverageCross:
    """A source of signals for sweeps: crosses of two exponential averages of the close, of one market.

    Parameters
    ----------
    bars : DataFrame
        Bars in the normal form of one market.
    """

    NAME = "moving_average_cross"

    def __init__(self, bars: pl.DataFrame) -> None:
        self._frame = bars
        self._bars = bar_arrays(bars.select(BAR_SCHEMA.names()))
        self._averages: dict[int, FloatArray] = {}

    @property
    def name(self) -> str:
        """Name in reports."""
        return self.NAME

    @property
    def version(self) -> int:
        """Raised whenever the same bars and parameters would give other signals."""
        return 1

    @property
    def parameters(self) -> Mapping[str, Any]:
        """``fast`` and ``slow`` (periods) and ``short`` (whether the way down is traded too), with their defaults."""
        return DEFAULTS

    def signals(self, parameters: Mapping[str, Any]) -> pl.DataFrame:
        """Signals with some parameters changed.

        Raises
        ------
        BadBacktest
            For a parameter that does not exist, or a value that cannot be.
        """
        fast, slow, short = _checked(parameters)
        return cross_signals(self._bars, self._average(fast), self._average(slow), short=short)

    def _average(self, period: int) -> FloatArray:
        if period not in self._averages:
            made = np.empty((1, self._bars.close.shape[0]))
            exponential_averages(self._bars.close, np.array([period], np.int64), made)
            self._averages[period] = made[0]
        return self._averages[period]

    def sweep_lean(
        self, sets: Sequence[Mapping[str, Any]], config: BacktestConfig, *, threads: int | None = None
    ) -> pl.DataFrame | None:
        """The main metrics of many parameter sets at once, in a pass over the bars made for it.

        Parameters
        ----------
        sets : sequence of mapping
        config : BacktestConfig
        threads : int, optional
            As many as there are cores, if not given.

        Returns
        -------
        DataFrame or None
            `LEAN_METRICS`, one row a set; None if the configuration asks for what this pass does not do (anything but long
            market entries of a part of equity or a fixed value, with taker fee and slippage), so that each must be run by
            `engines.backtest.backtest`.
        """
        if not _is_plain(config):
            return None
        checked = [_checked(one) for one in sets]
        if any(short for _, _, short in checked) or not checked:
            return None
        return _sweep(self._bars, [(fast, slow) for fast, slow, _ in checked], config, threads)


LEAN_METRICS = (
    "total_return",
    "net_profit",
    "sharpe",
    "volatility",
    "max_drawdown",
    "trades",
    "win_rate",
    "profit_factor",
    "expectancy",
    "time_in_market",
    "turnover",
    "fees",
    "slippage_cost",
)
"""Metrics of a lean sweep; each is defined as in `engines.backtest.metrics`."""


def _checked(parameters: Mapping[str, Any]) -> tuple[int, int, bool]:
    for name in parameters:
        if name not in DEFAULTS:
            raise BadBacktest(name, f"moving_average_cross has no such parameter; it has {', '.join(DEFAULTS)}")
    values: dict[str, Any] = {**DEFAULTS, **parameters}
    for name in ("fast", "slow"):
        value = values[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BadBacktest(name, f"a period must be a whole number of at least 1, not {value!r}")
    if not isinstance(values["short"], bool):
        raise BadBacktest("short", f"must be true or false, not {values['short']!r}")
    if values["fast"] >= values["slow"]:
        raise BadBacktest("fast", f"{values['fast']} is not shorter than slow ({values['slow']})")
    return values["fast"], values["slow"], values["short"]


def _is_plain(config: BacktestConfig) -> bool:
    return (
        config.entry is EntryOrder.MARKET
        and config.sizing in (Sizing.EQUITY_FRACTION, Sizing.FIXED_NOTIONAL)
        and config.trailing is None
        and config.time_stop_bars == 0
        and config.slippage.impact_bp == 0.0
        and config.max_participation == 0.0
        and config.quantity_step == 0.0
        and config.min_notional == 0.0
        and config.leverage == 1.0
    )


def _cross_bars(bars: BarArrays) -> CrossBars:
    count = bars.close.shape[0]
    places: TimeArray = np.arange(0, count, PATCH, dtype=np.int64)
    days = bars.ts // _DAY_MS
    every: TimeArray = np.arange(int(days[0]), int(days[-1]) + 1, dtype=np.int64)
    ends: TimeArray = np.searchsorted(days, every, side="right") - 1
    return CrossBars(
        bars.open,
        bars.close,
        frozen(np.maximum.reduceat(bars.close, places)),
        frozen(np.minimum.reduceat(bars.close, places)),
        frozen(ends),
    )


def _sweep(
    bars: BarArrays, pairs: Sequence[tuple[int, int]], config: BacktestConfig, threads: int | None
) -> pl.DataFrame:
    market = _cross_bars(bars)
    count = len(pairs)
    # A worker makes the averages of its own sets: neighbours share them.
    order = sorted(range(count), key=lambda k: pairs[k][::-1])
    pairs = [pairs[k] for k in order]
    values, numbers = np.zeros((count, FLOATS)), np.zeros((count, INTEGERS), np.int64)
    values[:, CASH] = values[:, PEAK] = config.cash
    days = np.zeros((count, market.day_last.shape[0]))
    workers = min(threads or os.cpu_count() or 1, count)
    by_value = config.sizing is Sizing.FIXED_NOTIONAL
    terms = CrossTerms(
        0.0 if by_value else float(config.size),
        float(config.size) if by_value else 0.0,
        config.slippage.bp / 10_000.0,
        config.fees.taker_bp / 10_000.0,
    )

    def work(part: slice) -> None:
        mine = pairs[part]
        periods = np.array(sorted({period for pair in mine for period in pair}), np.int64)
        words = np.zeros(BLOCK // 8, np.uint64)
        sweep_crosses(
            market,
            periods,
            np.searchsorted(periods, [fast for fast, _ in mine]).astype(np.int64),
            np.searchsorted(periods, [slow for _, slow in mine]).astype(np.int64),
            terms,
            CrossScratch(np.zeros((periods.shape[0], BLOCK)), np.zeros(periods.shape[0]), words, words.view(np.uint8)),
            values[part],
            numbers[part],
            days[part],
        )

    edges = np.linspace(0, count, workers + 1).astype(int)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, [slice(a, b) for a, b in pairwise(edges.tolist())]))
    back = np.argsort(order)
    return _lean_table(values[back], numbers[back], days[back], config.cash, bars.close.shape[0])


def _lean_table(values: FloatArray, numbers: TimeArray, days: FloatArray, cash: float, bars: int) -> pl.DataFrame:
    before = np.concatenate([np.full((days.shape[0], 1), cash), days[:, :-1]], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = days / before - 1.0
        spread = returns.std(axis=1, ddof=1) if days.shape[1] > 1 else np.full(days.shape[0], np.nan)
        trades = numbers[:, TRADES].astype(np.float64)
        net = values[:, CASH] - cash
        made: dict[str, npt.NDArray[np.float64]] = {
            "total_return": values[:, CASH] / cash - 1.0,
            "net_profit": net,
            "sharpe": np.where(spread > 0.0, returns.mean(axis=1) / spread * np.sqrt(_DAYS_A_YEAR), np.nan),
            "volatility": spread * np.sqrt(_DAYS_A_YEAR),
            "max_drawdown": values[:, DRAWDOWN],
            "trades": trades,
            "win_rate": np.where(trades > 0.0, numbers[:, WINS] / trades, np.nan),
            "profit_factor": np.where(values[:, LOST] > 0.0, values[:, GAINED] / values[:, LOST], np.nan),
            "expectancy": np.where(trades > 0.0, (values[:, GAINED] - values[:, LOST]) / trades, np.nan),
            "time_in_market": numbers[:, HELD_BARS] / bars,
            "turnover": values[:, TRADED] / days.mean(axis=1) / (days.shape[1] / _DAYS_A_YEAR),
            "fees": values[:, FEES],
            "slippage_cost": values[:, SLIPPED],
        }
    return pl.DataFrame({name: made[name] for name in LEAN_METRICS})
