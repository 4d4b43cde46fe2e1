"""What the metrics are reckoned from: the equity curve by day, and the trades as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engines.bars import FloatArray, TimeArray

DAY_MS = 86_400_000
DAYS_A_YEAR = 365
"""Returns are those of UTC days, and these markets never close."""


class Curve(NamedTuple):
    """An equity curve: the equity at the end of each day, and what was measured bar by bar.

    Attributes
    ----------
    day_ts : ndarray of int64, shape (D,)
        Starts of the UTC days that had bars, ms, ascending.
    day_equity : ndarray of float64, shape (D,)
        Equity at each day's last bar.
    start_equity : float
        Equity before the first bar, above 0.
    max_drawdown : float
        Largest part of the highest equity so far that was lost, at least 0.
    max_drawdown_ms : int
        Longest time below a peak: from the peak's bar to the one that reached it again, or to the last.
    time_in_market : float
        Part of the bars at whose close there was a position.
    mean_exposure : float
        Mean over the bars of the value of all positions over equity; 0 where equity is not above 0.
    traded_notional : float
        Value of all fills, quote currency.
    bars : int
    """

    day_ts: TimeArray
    day_equity: FloatArray
    start_equity: float
    max_drawdown: float
    max_drawdown_ms: int
    time_in_market: float
    mean_exposure: float
    traded_notional: float
    bars: int


class TradeArrays(NamedTuple):
    """Trades as arrays of equal length ``(n,)``, in the order in which they ended. Columns as in ``TRADE_SCHEMA``.

    ``r_multiple`` is NaN where the entry had no stop.
    """

    pnl: FloatArray
    pnl_gross: FloatArray
    return_on_equity: FloatArray
    r_multiple: FloatArray
    fees: FloatArray
    slippage_cost: FloatArray
    funding: FloatArray
    mae: FloatArray
    mfe: FloatArray
    entry_price: FloatArray
    quantity: FloatArray
    direction: npt.NDArray[np.int8]
    bars_held: TimeArray
    exit_ts: TimeArray


def no_trades() -> TradeArrays:
    """Trades of a run that made none."""
    none = np.empty(0)
    whole = np.empty(0, dtype=np.int64)
    return TradeArrays._make((*(none,) * 11, np.empty(0, dtype=np.int8), whole, whole))


def curve_of(
    ts: TimeArray,
    equity: FloatArray,
    start_equity: float,
    exposure: FloatArray | None = None,
    traded_notional: float = 0.0,
) -> Curve:
    """Curve of equity known bar by bar: of a baseline, or of a curve stitched from windows.

    Parameters
    ----------
    ts : ndarray of int64, shape (n,)
        Open times of the bars, ms, strictly ascending; at least one.
    equity : ndarray of float64, shape (n,)
        At the bars' closes.
    start_equity : float
        Before the first bar, above 0.
    exposure : ndarray of float64, shape (n,), optional
        Value of all positions over equity at the bars' closes, NaN where equity is not above 0; taken as always 0 if not given.
    traded_notional : float
    """
    peak = np.maximum(np.maximum.accumulate(equity), start_equity)
    days = ts // DAY_MS
    last = np.append(np.flatnonzero(np.diff(days)), ts.shape[0] - 1)
    in_market = 0.0 if exposure is None else int(np.count_nonzero(exposure)) / ts.shape[0]
    return Curve(
        day_ts=days[last] * DAY_MS,
        day_equity=equity[last],
        start_equity=start_equity,
        max_drawdown=float(np.max((peak - equity) / peak)),
        max_drawdown_ms=_longest_below(ts, equity >= peak),
        time_in_market=in_market,
        mean_exposure=0.0 if exposure is None else float(np.nansum(exposure)) / ts.shape[0],
        traded_notional=traded_notional,
        bars=ts.shape[0],
    )


def _longest_below(ts: TimeArray, at_peak: npt.NDArray[np.bool_]) -> int:
    """Longest time between two bars at a peak with at least one below between them; the start and the end count as such."""
    if bool(at_peak.all()):
        return 0
    ends = np.flatnonzero(at_peak)
    if not at_peak[0]:
        ends = np.append(0, ends)
    if not at_peak[-1]:
        ends = np.append(ends, ts.shape[0] - 1)
    waits = np.diff(ts[ends])
    # Neighbours at a peak have nothing below between them; the first and last bar may themselves be below.
    below = (np.diff(ends) > 1) | ~at_peak[ends[:-1]] | ~at_peak[ends[1:]]
    return int(np.max(waits[below], initial=0))


def daily_returns(curve: Curve) -> FloatArray:
    """Return of each UTC day from the first to the last, shape (days,).

    A day without bars returns 0, so that a year of returns is a year. Once nothing is left there is nothing to lose: after
    equity of 0 or less every return is 0. The day of the ruin returns -1, or less where equity fell below 0.
    """
    if curve.day_equity.shape[0] == 0:
        return np.empty(0)
    before = np.append(curve.start_equity, curve.day_equity[:-1])
    alive = np.minimum.accumulate(before) > 0.0
    returns = np.divide(curve.day_equity, before, out=np.ones_like(before), where=alive) - 1.0
    day = (curve.day_ts - curve.day_ts[0]) // DAY_MS
    if int(day[-1]) + 1 == returns.shape[0]:
        return returns
    every = np.zeros(int(day[-1]) + 1)
    every[day] = returns
    return every
