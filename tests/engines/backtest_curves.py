"""Curves and trades made up for the tests of the metrics."""

from __future__ import annotations

import datetime as dt

import numpy as np

from engines.backtest.metrics import Curve, TradeArrays
from engines.backtest.metrics.inputs import DAY_MS, curve_of


def day(text: str) -> int:
    """Start of a UTC day, ms."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp() * 1000)


def daily_curve(returns: np.ndarray, start: float = 10_000.0, first: str = "2023-01-01", traded: float = 0.0) -> Curve:
    """One bar a day, with these returns."""
    equity = start * np.cumprod(1.0 + np.asarray(returns, dtype=np.float64))
    ts = day(first) + np.arange(equity.shape[0]) * DAY_MS
    return curve_of(ts, equity, start, np.ones(equity.shape[0]), traded)


def some_trades(pnl: list[float] | np.ndarray, **columns: object) -> TradeArrays:
    """Trades with these results; long, of quantity 1 at price 100, without stops or costs, unless ``columns`` says else."""
    results = np.asarray(pnl, dtype=np.float64)
    count = results.shape[0]
    nothing = np.zeros(count)
    trades = TradeArrays(
        pnl=results,
        pnl_gross=results,
        return_on_equity=results / 10_000.0,
        r_multiple=np.full(count, np.nan),
        fees=nothing,
        slippage_cost=nothing,
        funding=nothing,
        mae=nothing,
        mfe=nothing,
        entry_price=np.full(count, 100.0),
        quantity=np.ones(count),
        direction=np.ones(count, dtype=np.int8),
        bars_held=np.ones(count, dtype=np.int64),
        exit_ts=np.arange(count, dtype=np.int64),
    )
    kinds = {name: getattr(trades, name).dtype for name in columns}
    return trades._replace(**{name: np.asarray(value, dtype=kinds[name]) for name, value in columns.items()})
