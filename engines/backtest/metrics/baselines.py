"""What no strategy at all would have made: bought at the first open, sold at the last close."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from engines.backtest.errors import BadBacktest
from engines.backtest.metrics.inputs import Curve, TradeArrays, curve_of
from engines.backtest.metrics.summary import summary
from engines.bars import FloatArray, TimeArray


class Baseline(NamedTuple):
    """A baseline's account at the close of every bar.

    Attributes
    ----------
    ts : ndarray of int64, shape (n,)
        Open times of the bars, ms.
    equity : ndarray of float64, shape (n,)
    curve : Curve
    trades : TradeArrays
        One a market, in the order in which they ended.
    """

    ts: TimeArray
    equity: FloatArray
    curve: Curve
    trades: TradeArrays

    def metrics(self) -> dict[str, float]:
        """The same numbers as a run's."""
        return summary(self.curve, self.trades)


class _Holding(NamedTuple):
    """One market held from its first bar to its last."""

    ts: TimeArray
    closes: FloatArray
    entry: float
    worst: float
    best: float
    quantity: float
    buy_fee: float
    sell_fee: float


def buy_and_hold(bars: pl.DataFrame, cash: float, taker_bp: float = 0.0) -> Baseline:
    """Buy with all cash at the first open, sell at the last close; of many markets an equal part of the cash in each.

    A market's part stays cash before its first bar and after its last. Each trade's ``return_on_equity`` is over ``cash``.

    Parameters
    ----------
    bars : DataFrame
        Of one market, or of many with a column ``market``; sorted by ``ts`` within each.
    cash : float
        Before the first bar, above 0.
    taker_bp : float
        Fee of both fills, basis points of their value. The cash pays the first, so less than all of it is bought.

    Raises
    ------
    BadBacktest
        If there are no bars or no cash.
    """
    if bars.is_empty():
        raise BadBacktest("bars", "there are none")
    if not 0.0 < cash < float("inf"):
        raise BadBacktest("cash", f"must be a number above 0, not {cash!r}")
    frames = bars.partition_by("market", maintain_order=True) if "market" in bars.columns else [bars]
    holdings = [_held(frame, cash / len(frames), taker_bp / 10_000.0) for frame in frames]
    ts = np.unique(np.concatenate([one.ts for one in holdings]))
    unrealised, value, paid = np.zeros(ts.shape[0]), np.zeros(ts.shape[0]), np.zeros(ts.shape[0])
    for one in holdings:
        begin, end = np.searchsorted(ts, one.ts[[0, -1]]).tolist()
        # A bar that this market lacks has the close before it.
        closes = one.closes[np.searchsorted(one.ts, ts[begin : end + 1], side="right") - 1]
        unrealised[begin : end + 1] += one.quantity * (closes - one.entry)
        unrealised[end + 1 :] += one.quantity * (one.closes[-1] - one.entry)
        value[begin:end] += one.quantity * closes[:-1]
        paid[begin:] += one.buy_fee
        paid[end:] += one.sell_fee
    equity = cash + unrealised - paid
    traded = sum(one.quantity * (one.entry + float(one.closes[-1])) for one in holdings)
    curve = curve_of(ts, equity, cash, value / equity, traded)
    return Baseline(ts, equity, curve, _trades(sorted(holdings, key=lambda one: int(one.ts[-1])), cash))


def _held(bars: pl.DataFrame, cash: float, fee: float) -> _Holding:
    ts = bars["ts"].dt.epoch("ms").to_numpy()
    closes = bars["close"].to_numpy()
    entry = float(bars["open"][0])
    lows: FloatArray = bars["low"].to_numpy()
    highs: FloatArray = bars["high"].to_numpy()
    quantity = cash / (entry * (1.0 + fee))
    return _Holding(
        ts,
        closes,
        entry,
        float(lows.min()),
        float(highs.max()),
        quantity,
        fee * quantity * entry,
        fee * quantity * float(closes[-1]),
    )


def _trades(holdings: list[_Holding], cash: float) -> TradeArrays:
    entry = np.array([one.entry for one in holdings])
    quantity = np.array([one.quantity for one in holdings])
    gross = quantity * (np.array([one.closes[-1] for one in holdings]) - entry)
    fees = np.array([one.buy_fee + one.sell_fee for one in holdings])
    nothing = np.zeros(entry.shape[0])
    return TradeArrays(
        pnl=gross - fees,
        pnl_gross=gross,
        return_on_equity=(gross - fees) / cash,
        r_multiple=np.full(entry.shape[0], np.nan),
        fees=fees,
        slippage_cost=nothing,
        funding=nothing,
        mae=np.array([one.worst for one in holdings]) - entry,
        mfe=np.array([one.best for one in holdings]) - entry,
        entry_price=entry,
        quantity=quantity,
        direction=np.ones(entry.shape[0], dtype=np.int8),
        bars_held=np.array([one.ts.shape[0] for one in holdings], dtype=np.int64),
        exit_ts=np.array([one.ts[-1] for one in holdings], dtype=np.int64),
    )
