"""Columns that follow price and turn: parabolic SAR and SuperTrend."""

from __future__ import annotations

from engines.bars import FloatArray
from engines.kernel import lean_kernel


@lean_kernel
def advance_psar(
    high: FloatArray,
    low: FloatArray,
    start: int,
    step: float,
    limit: float,
    last: FloatArray,
    carried: FloatArray,
    psar: FloatArray,
) -> None:
    """Fill the parabolic stop and reverse.

    Like TA-Lib it begins at bar 1: long unless the low has moved further than the high, from the extreme of bar 0.

    Parameters
    ----------
    high, low : ndarray of float64, shape (n,)
    start : int
        Absolute index of the first of these bars.
    step, limit : float
        Acceleration at first and added at each new extreme, and its limit.
    last : ndarray of float64
        Close, high and low of the bar before.
    carried : ndarray of float64, shape (4,)
        Stop, extreme, acceleration, 1 if long else 0. Changed in place.
    psar : ndarray of float64, shape (n,)
        Filled.
    """
    stop, extreme, pace, long = carried[0], carried[1], carried[2], carried[3] != 0.0
    step = min(step, limit)
    ph, pl = last[1], last[2]
    for t in range(high.shape[0]):
        h, l = high[t], low[t]
        if start + t <= 1:
            if start + t == 0:
                psar[t] = h
                ph, pl = h, l
                continue
            long = not ((pl - l > 0.0) & (h - ph < pl - l))
            stop, extreme, pace = (pl, h, step) if long else (ph, l, step)
            # The first step is not held within bar 0.
            ph, pl = h, l
        if long:
            if l <= stop:
                long = False
                stop = max(extreme, max(ph, h))
                psar[t] = stop
                pace, extreme = step, l
                stop = max(stop + pace * (extreme - stop), max(ph, h))
            else:
                psar[t] = stop
                further = h > extreme
                extreme = h if further else extreme
                pace = min(pace + step, limit) if further else pace
                stop = min(stop + pace * (extreme - stop), min(pl, l))
        elif h >= stop:
            long = True
            stop = min(extreme, min(pl, l))
            psar[t] = stop
            pace, extreme = step, h
            stop = min(stop + pace * (extreme - stop), min(pl, l))
        else:
            psar[t] = stop
            further = l < extreme
            extreme = l if further else extreme
            pace = min(pace + step, limit) if further else pace
            stop = max(stop + pace * (extreme - stop), max(ph, h))
        ph, pl = h, l
    carried[0], carried[1], carried[2], carried[3] = stop, extreme, pace, 1.0 if long else 0.0


@lean_kernel
def advance_supertrend(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    average_range: FloatArray,
    start: int,
    period: int,
    factor: float,
    previous: float,
    carried: FloatArray,
    line: FloatArray,
    direction: FloatArray,
) -> None:
    """Fill SuperTrend.

    The bands are (high + low) / 2 plus and minus ``factor`` average true ranges. The upper one only falls and the lower one only
    rises, until the close before was beyond it. It begins upwards at bar ``period``, turns down on a close below the lower band
    and up on one above the upper, and stands on the band on the trend's side (as TA-Lib 0.8 does it).

    Parameters
    ----------
    high, low, close, average_range : ndarray of float64, shape (n,)
    start, period : int
    factor : float
    previous : float
        Close of the bar before.
    carried : ndarray of float64, shape (3,)
        Upper and lower band, direction. Changed in place.
    line, direction : ndarray of float64, shape (n,)
        Filled; direction is 1 or -1.
    """
    upper, lower, way = carried[0], carried[1], carried[2]
    pc = previous
    for t in range(close.shape[0]):
        middle = (high[t] + low[t]) * 0.5
        reach = factor * average_range[t]
        top, bottom = middle + reach, middle - reach
        c = close[t]
        if start + t <= period:
            upper, lower, way = top, bottom, 1.0
        else:
            upper = top if (top < upper) | (pc > upper) else upper
            lower = bottom if (bottom > lower) | (pc < lower) else lower
            way = (-1.0 if c < lower else 1.0) if way > 0.0 else (1.0 if c > upper else -1.0)
        line[t] = lower if way > 0.0 else upper
        direction[t] = way
        pc = c
    carried[0], carried[1], carried[2] = upper, lower, way
