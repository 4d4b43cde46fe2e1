"""Marks an account at the closes: equity, drawdown and what the metrics need, from the log of what happened."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.backtest.account import LOG_AVERAGE, LOG_BAR_TS, LOG_CASH, LOG_HELD, LOG_MARKET
from engines.bars import FloatArray, TimeArray
from engines.kernel import kernel, lean_kernel

_DAY_MS = 86_400_000
_NEVER = np.iinfo(np.int64).max

CASH, PEAK, DRAWDOWN, EXPOSED, EQUITY, MARK_FLOATS = range(6)
PEAK_TS, LONGEST, HELD_BARS, MARKS, DAY, DAYS, MARK_INTEGERS = range(7)
HELD, AVERAGE, CLOSE, HOLDING = range(4)
OUT_CASH, OUT_VALUE, OUT_EQUITY, OUT_EXPOSURE, OUT_DRAWDOWN, OUT_COLUMNS = range(6)


class Marks(NamedTuple):
    """How an account stands and has fared.

    Attributes
    ----------
    values : ndarray of float64, shape (MARK_FLOATS,)
        Cash, highest equity, largest drawdown, sum of exposures, equity.
    numbers : ndarray of int64, shape (MARK_INTEGERS,)
        Time of the highest equity, longest time below one, marks with a position, marks, present day, days that have ended.
    holdings : ndarray of float64, shape (markets, HOLDING)
        Signed quantity, average entry and last close.
    """

    values: FloatArray
    numbers: TimeArray
    holdings: FloatArray


def new_marks(cash: float, markets: int) -> Marks:
    """Marks before the first bar."""
    values = np.array([cash, cash, 0.0, 0.0, cash])
    return Marks(values, np.array([-1, 0, 0, 0, -1, 0], np.int64), np.zeros((markets, HOLDING)))


@kernel
def mark(
    ts: TimeArray,
    close: FloatArray,
    begin: TimeArray,
    log: FloatArray,
    numbers: TimeArray,
    rows: TimeArray,
    marks: Marks,
    days: FloatArray,
    out_ts: TimeArray,
    out: FloatArray,
) -> None:
    """Mark at every time there is a bar.

    Parameters
    ----------
    ts, close, begin
        Bars, markets behind each other, as in a tape.
    log, numbers
        Log of the account.
    rows : ndarray of int64, shape (2,)
        First row of the log that has not been taken, and the row after the last.
    marks : Marks
        Changed in place.
    days : ndarray of float64
        Equity at the end of each day, behind those that have ended; the present day is not among them.
    out_ts : ndarray of int64
    out : ndarray of float64, shape (OUT_COLUMNS, times) or (OUT_COLUMNS, 0)
        Filled with one column a mark, if there is room for any.
    """
    markets = begin.shape[0] - 1
    cursor = begin[:markets].copy()
    row, end_row = rows[0], rows[1]
    holdings = marks.holdings
    cash, peak, drawdown, exposed, equity = marks.values
    peak_ts, longest, held_bars, count, day, ended = marks.numbers
    below = equity < peak
    day_end = (day + 1) * _DAY_MS
    writes = out_ts.shape[0] > 0
    k = 0
    next_row = numbers[row, LOG_BAR_TS] if row < end_row else _NEVER
    if markets == 1 and not writes:
        _measure(ts, close, log, numbers, rows, marks, days)
        return
    while True:
        now = _NEVER
        for m in range(markets):
            if cursor[m] < begin[m + 1]:
                now = min(now, ts[cursor[m]])
        if now == _NEVER:
            break
        while next_row <= now:
            cash = log[row, LOG_CASH]
            m = numbers[row, LOG_MARKET]
            holdings[m, HELD] = log[row, LOG_HELD]
            holdings[m, AVERAGE] = log[row, LOG_AVERAGE]
            row += 1
            next_row = numbers[row, LOG_BAR_TS] if row < end_row else _NEVER
        if now >= day_end:
            today = now // _DAY_MS
            if day >= 0:
                while day < today:
                    days[ended] = equity
                    ended += 1
                    day += 1
            day = today
            day_end = (day + 1) * _DAY_MS
        if peak_ts < 0:
            peak_ts = now
        value = 0.0
        gross = 0.0
        equity = cash
        for m in range(markets):
            if cursor[m] < begin[m + 1] and ts[cursor[m]] == now:
                holdings[m, CLOSE] = close[cursor[m]]
                cursor[m] += 1
            if holdings[m, HELD] != 0.0:
                result = holdings[m, HELD] * (holdings[m, CLOSE] - holdings[m, AVERAGE])
                value += result
                equity += result
                gross += abs(holdings[m, HELD]) * holdings[m, CLOSE]
        if equity >= peak:
            if below:
                longest = max(longest, now - peak_ts)
            peak, peak_ts, below = equity, now, False
        elif peak - equity > drawdown * peak:
            drawdown = (peak - equity) / peak
        exposure = 0.0
        if gross != 0.0:
            held_bars += 1
            exposure = gross / equity if equity > 0.0 else np.nan
            if equity > 0.0:
                exposed += exposure
        count += 1
        if writes:
            out_ts[k] = now
            out[OUT_CASH, k] = cash
            out[OUT_VALUE, k] = value
            out[OUT_EQUITY, k] = equity
            out[OUT_EXPOSURE, k] = exposure
            out[OUT_DRAWDOWN, k] = (peak - equity) / peak
            k += 1
        if equity < peak:
            below = True
            longest = max(longest, now - peak_ts)
    rows[0] = row
    values, whole = marks.values, marks.numbers
    values[CASH], values[PEAK], values[DRAWDOWN], values[EXPOSED], values[EQUITY] = (
        cash,
        peak,
        drawdown,
        exposed,
        equity,
    )
    whole[PEAK_TS], whole[LONGEST], whole[HELD_BARS] = peak_ts, longest, held_bars
    whole[MARKS], whole[DAY], whole[DAYS] = count, day, ended


@lean_kernel
def _measure(
    ts: TimeArray,
    close: FloatArray,
    log: FloatArray,
    numbers: TimeArray,
    rows: TimeArray,
    marks: Marks,
    days: FloatArray,
) -> None:
    """`mark` for one market, when no curve is wanted: stretches between two fills and within a day, each in a short loop."""
    cash, peak, drawdown, exposed, equity = marks.values
    peak_ts, longest, held_bars, count, day, ended = marks.numbers
    held, average = marks.holdings[0, HELD], marks.holdings[0, AVERAGE]
    row, end_row = rows[0], rows[1]
    end = ts.shape[0]
    i = 0
    while i < end:
        while row < end_row and numbers[row, LOG_BAR_TS] <= ts[i]:
            cash, held, average = log[row, LOG_CASH], log[row, LOG_HELD], log[row, LOG_AVERAGE]
            row += 1
        today = ts[i] // _DAY_MS
        if day < 0:
            day = today
            peak_ts = ts[i]
        while day < today:
            days[ended] = equity
            ended += 1
            day += 1
        until = (day + 1) * _DAY_MS
        if row < end_row:
            until = min(until, numbers[row, LOG_BAR_TS])
        j = _index_of(ts, i, until)
        count += j - i
        below = equity < peak
        if held == 0.0:
            equity = cash
            if equity >= peak:
                if below:
                    longest = max(longest, ts[i] - peak_ts)
                peak, peak_ts, below = equity, ts[j - 1], False
            else:
                if peak - equity > drawdown * peak:
                    drawdown = (peak - equity) / peak
                below = True
        else:
            held_bars += j - i
            size = abs(held)
            for t in range(i, j):
                price = close[t]
                equity = cash + held * (price - average)
                if equity >= peak:
                    if below:
                        longest = max(longest, ts[t] - peak_ts)
                    peak, peak_ts, below = equity, ts[t], False
                else:
                    below = True
                    if peak - equity > drawdown * peak:
                        drawdown = (peak - equity) / peak
                if equity > 0.0:
                    exposed += size * price / equity
        if below:
            longest = max(longest, ts[j - 1] - peak_ts)
        i = j
    values, whole = marks.values, marks.numbers
    marks.holdings[0, HELD], marks.holdings[0, AVERAGE] = held, average
    rows[0] = row
    values[CASH], values[PEAK], values[DRAWDOWN], values[EXPOSED], values[EQUITY] = (
        cash,
        peak,
        drawdown,
        exposed,
        equity,
    )
    whole[PEAK_TS], whole[LONGEST], whole[HELD_BARS] = peak_ts, longest, held_bars
    whole[MARKS], whole[DAY], whole[DAYS] = count, day, ended


@lean_kernel
def _index_of(ts: TimeArray, begin: int, until: int) -> int:
    """First index after ``begin`` whose time is not before ``until``."""
    low, step = begin, 1
    while low + step < ts.shape[0] and ts[low + step] < until:
        low += step
        step *= 2
    high = min(low + step, ts.shape[0])
    low += 1
    while low < high:
        middle = (low + high) // 2
        if ts[middle] < until:
            low = middle + 1
        else:
            high = middle
    return low
