"""Thousands of moving-average crosses in one pass over the bars.

A block of bars that stays in the cache is taken through all averages, then through all parameter sets, so that bars and averages
are read from memory once and not once a set. A set looks at eight bars at a time and does work only where its averages cross;
highest equity and drawdown go over 64 bars at a time by their highest and lowest close. What comes out is what
`engines.backtest.loop` finds for the same signals: same arithmetic in the same order, fill by fill.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engines.bars import FloatArray, TimeArray
from engines.indicators.arithmetic import fused
from engines.indicators.averages import exponential
from engines.kernel import inlined_kernel, kernel, lean_kernel

BLOCK = 4_096
PATCH = 64
_WORD = 8
_ALL = np.uint64(0x0101010101010101)
_NONE = np.uint64(0)

CASH, HELD, ENTRY, PEAK, DRAWDOWN, GAINED, LOST, FEES, SLIPPED, TRADED, ENTRY_FEE, FLOATS = range(12)
ABOVE, ORDER, TRADES, WINS, HELD_BARS, DAY, INTEGERS = range(7)
_NO_ORDER, _BUY, _SELL = range(3)


class CrossBars(NamedTuple):
    """Bars as the sweep reads them.

    Attributes
    ----------
    open, close : ndarray of float64, shape (n,)
    highest, lowest : ndarray of float64, shape (patches,)
        Of the closes of each `PATCH` bars.
    day_last : ndarray of int64, shape (days,)
        Last bar of each UTC day.
    """

    open: FloatArray
    close: FloatArray
    highest: FloatArray
    lowest: FloatArray
    day_last: TimeArray


class CrossTerms(NamedTuple):
    """Costs as fractions; ``value`` is the part of equity an entry is worth, ``notional`` its fixed value if above 0."""

    value: float
    notional: float
    slippage: float
    taker: float


class CrossScratch(NamedTuple):
    """Memory of one worker.

    Attributes
    ----------
    averages : ndarray of float64, shape (periods, BLOCK)
    carried : ndarray of float64, shape (periods,)
    words : ndarray of uint64, shape (BLOCK / 8,)
    flags : ndarray of uint8, shape (BLOCK,)
        The same memory as ``words``.
    """

    averages: FloatArray
    carried: FloatArray
    words: npt.NDArray[np.uint64]
    flags: npt.NDArray[np.uint8]


@kernel
def sweep_crosses(
    bars: CrossBars,
    periods: TimeArray,
    fast: TimeArray,
    slow: TimeArray,
    terms: CrossTerms,
    scratch: CrossScratch,
    values: FloatArray,
    numbers: TimeArray,
    days: FloatArray,
) -> None:
    """Trade every set over all bars.

    Parameters
    ----------
    bars : CrossBars
    periods : ndarray of int64, shape (periods,)
        Of the averages, each once.
    fast, slow : ndarray of int64, shape (sets,)
        Places in ``periods``.
    terms : CrossTerms
    scratch : CrossScratch
    values, numbers : ndarray, shape (sets, FLOATS) and (sets, INTEGERS)
        Accounts; the cash and the highest equity are what was paid in.
    days : ndarray of float64, shape (sets, days)
        Filled with the equity at the end of each day.
    """
    last = bars.close.shape[0] - 1
    begin = 0
    while begin < last:
        end = min(begin + BLOCK, last)
        _take_averages(bars.close, begin, end, periods, scratch.averages, scratch.carried)
        for s in range(fast.shape[0]):
            warm = max(periods[fast[s]], periods[slow[s]])
            if warm <= end:
                _take_set(bars, terms, scratch, values, numbers, days, s, fast[s], slow[s], begin, end, warm)
            else:
                _mark(bars, values, numbers, days, s, begin, end)
        begin = end
    for s in range(fast.shape[0]):
        # What is open at the last bar is closed at its close before it is marked.
        if numbers[s, ORDER] != _NO_ORDER:
            _fill(bars, terms, values, numbers, s, last)
        if values[s, HELD] > 0.0:
            _sell(terms, values, numbers, s, bars.close[last], 0.0)
        _mark(bars, values, numbers, days, s, last, last + 1)


@kernel
def exponential_averages(close: FloatArray, periods: TimeArray, averages: FloatArray) -> None:
    """Fill each row of ``averages`` with the exponential average of a period, seeded as TA-Lib does; NaN before it is known."""
    carried = np.zeros(periods.shape[0])
    for p in range(periods.shape[0]):
        _average(close, 0, close.shape[0], periods[p], averages, carried, p)


@lean_kernel
def _average(
    close: FloatArray, begin: int, end: int, period: int, averages: FloatArray, carried: FloatArray, p: int
) -> None:
    alpha = 2.0 / (period + 1.0)
    kept = carried[p]
    for t in range(begin, end):
        kept, value = exponential(t, close[t], period, alpha, kept)
        averages[p, t - begin] = value
    carried[p] = kept


@lean_kernel
def _take_averages(
    close: FloatArray, begin: int, end: int, periods: TimeArray, averages: FloatArray, carried: FloatArray
) -> None:
    """All averages of a block, four at a time once they are steady: alone, each value waits for the one before."""
    p = 0
    while p < periods.shape[0]:
        if p + 4 <= periods.shape[0] and begin >= max(periods[p], periods[p + 1], periods[p + 2], periods[p + 3]):
            _four_averages(close, begin, end, periods, averages, carried, p)
            p += 4
        else:
            _average(close, begin, end, periods[p], averages, carried, p)
            p += 1


@lean_kernel
def _four_averages(
    close: FloatArray,
    begin: int,
    end: int,
    periods: TimeArray,
    averages: FloatArray,
    carried: FloatArray,
    p: int,
) -> None:
    a, b, c, d = carried[p], carried[p + 1], carried[p + 2], carried[p + 3]
    wa, wb = 2.0 / (periods[p] + 1.0), 2.0 / (periods[p + 1] + 1.0)
    wc, wd = 2.0 / (periods[p + 2] + 1.0), 2.0 / (periods[p + 3] + 1.0)
    for t in range(begin, end):
        x = close[t]
        a = fused(x - a, wa, a)
        b = fused(x - b, wb, b)
        c = fused(x - c, wc, c)
        d = fused(x - d, wd, d)
        averages[p, t - begin] = a
        averages[p + 1, t - begin] = b
        averages[p + 2, t - begin] = c
        averages[p + 3, t - begin] = d
    carried[p], carried[p + 1], carried[p + 2], carried[p + 3] = a, b, c, d


@lean_kernel
def _take_set(
    bars: CrossBars,
    terms: CrossTerms,
    scratch: CrossScratch,
    values: FloatArray,
    numbers: TimeArray,
    days: FloatArray,
    s: int,
    fast: int,
    slow: int,
    begin: int,
    end: int,
    warm: int,
) -> None:
    """Take one set through a block; ``warm`` is the first bar at which a cross can be seen."""
    first = scratch.averages[fast]
    second = scratch.averages[slow]
    flags, words = scratch.flags, scratch.words
    size = end - begin
    for k in range(size):
        flags[k] = first[k] > second[k]
    done = begin
    if numbers[s, ORDER] != _NO_ORDER:
        _fill(bars, terms, values, numbers, s, begin)
    above = numbers[s, ABOVE]
    if begin < warm:
        above = np.int64(flags[warm - 1 - begin])
        for k in range(warm - begin):
            flags[k] = above
    whole = size // _WORD
    for w in range((size + _WORD - 1) // _WORD):
        if w < whole and words[w] == (_ALL if above else _NONE):
            continue
        for k in range(w * _WORD, min((w + 1) * _WORD, size)):
            if flags[k] == above:
                continue
            above = np.int64(flags[k])
            numbers[s, ORDER] = _BUY if above else _SELL
            t = begin + k + 1
            if t < end:
                _mark(bars, values, numbers, days, s, done, t)
                _fill(bars, terms, values, numbers, s, t)
                done = t
    _mark(bars, values, numbers, days, s, done, end)
    numbers[s, ABOVE] = above


@inlined_kernel
def _fill(bars: CrossBars, terms: CrossTerms, values: FloatArray, numbers: TimeArray, s: int, t: int) -> None:
    """Fill what was decided at the bar before, at the open of ``t``."""
    buys = numbers[s, ORDER] == _BUY
    numbers[s, ORDER] = _NO_ORDER
    if not buys:
        if values[s, HELD] > 0.0:
            _sell(terms, values, numbers, s, bars.open[t], terms.slippage)
        return
    cash = max(values[s, CASH], 0.0)
    reference = bars.open[t]
    price = reference * (1.0 + terms.slippage)
    value = terms.notional if terms.notional > 0.0 else terms.value * cash
    quantity = min(value / price, cash / (price * (1.0 + terms.taker)))
    if quantity <= 0.0:
        return
    fee = price * quantity * terms.taker
    values[s, CASH] -= fee
    values[s, HELD] = quantity
    values[s, ENTRY] = price
    values[s, ENTRY_FEE] = fee
    values[s, FEES] += fee
    values[s, SLIPPED] += abs(price - reference) * quantity
    values[s, TRADED] += price * quantity


@inlined_kernel
def _sell(terms: CrossTerms, values: FloatArray, numbers: TimeArray, s: int, reference: float, slippage: float) -> None:
    quantity = values[s, HELD]
    price = reference * (1.0 - slippage)
    fee = price * quantity * terms.taker
    gain = quantity * (price - values[s, ENTRY])
    values[s, CASH] += gain - fee
    values[s, HELD] = 0.0
    values[s, FEES] += fee
    values[s, SLIPPED] += abs(price - reference) * quantity
    values[s, TRADED] += price * quantity
    result = gain - (values[s, ENTRY_FEE] + fee)
    numbers[s, TRADES] += 1
    if result > 0.0:
        numbers[s, WINS] += 1
        values[s, GAINED] += result
    else:
        values[s, LOST] -= result


@inlined_kernel
def _mark(
    bars: CrossBars, values: FloatArray, numbers: TimeArray, days: FloatArray, s: int, begin: int, end: int
) -> None:
    """Mark bars ``begin`` to ``end``, in which nothing was filled but at the open of the first."""
    cash, held, entry = values[s, CASH], values[s, HELD], values[s, ENTRY]
    day = numbers[s, DAY]
    while day < bars.day_last.shape[0] and bars.day_last[day] < end:
        days[s, day] = cash + held * (bars.close[bars.day_last[day]] - entry) if held > 0.0 else cash
        day += 1
    numbers[s, DAY] = day
    if end == begin:
        return
    peak, drawdown = values[s, PEAK], values[s, DRAWDOWN]
    if held <= 0.0:
        if cash >= peak:
            peak = cash
        elif peak - cash > drawdown * peak:
            drawdown = (peak - cash) / peak
    else:
        numbers[s, HELD_BARS] += end - begin
        t = begin
        while t < end:
            patch = t // PATCH
            stop = min((patch + 1) * PATCH, end)
            top = cash + held * (bars.highest[patch] - entry)
            bottom = cash + held * (bars.lowest[patch] - entry)
            highest = max(peak, top)
            if highest - bottom > drawdown * highest or (stop - t < PATCH and top > peak):
                peak, drawdown = _mark_bars(bars.close, cash, held, entry, peak, drawdown, t, stop)
            else:
                peak = highest
            t = stop
    values[s, PEAK], values[s, DRAWDOWN] = peak, drawdown


@inlined_kernel
def _mark_bars(
    close: FloatArray, cash: float, held: float, entry: float, peak: float, drawdown: float, begin: int, end: int
) -> tuple[float, float]:
    for t in range(begin, end):
        equity = cash + held * (close[t] - entry)
        if equity >= peak:
            peak = equity
        elif peak - equity > drawdown * peak:
            drawdown = (peak - equity) / peak
    return peak, drawdown
