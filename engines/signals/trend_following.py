"""`trend_following`: averages and SuperTrend agree, the higher timeframe confirms, and price has not run away.

The trend of a bar is up where EMA(21) is above EMA(50) and the direction of SuperTrend(10, 3) is up, down in the mirror
image, and neither otherwise. An agreement begins with the first bar of a trend. At the close of a bar of an agreement that
is not older than ``fresh_bars`` and has given no signal yet:

1. the last known bar of the higher timeframe confirms: its EMA(21) is on the trend's side of its EMA(50), its close is on the
   trend's side of that EMA(50), and its swing bias does not point the other way;
2. the close is on the trend's side of EMA(21), but not farther than ``most_stretch_atr`` of ATR(14) from it;
3. there was no signal in this direction within ``cooldown_bars``.

The stop stands ``stop_atr`` of ATR(14) from the close, the first target at 1R, the second at ``reward``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.bars import TimeArray
from engines.kernel import lean_kernel
from engines.signals.candidates import propose
from engines.signals.strategy import Strategy, register
from engines.signals.view import (
    ATR_14,
    EMA_21,
    EMA_50,
    EMA_200,
    SUPERTREND_DIR_10,
    BarView,
    CandidateRows,
)

REASONS = (
    "averages and SuperTrend agree",
    "higher timeframe averages agree",
    "higher timeframe SuperTrend agrees",
    "higher timeframe swing bias agrees",
    "on the trend's side of the long average",
    "agreement of this bar",
)
_AGREE, _AVERAGES, _SUPERTREND, _SWING_BIAS, _LONG, _FRESH = (1 << bit for bit in range(len(REASONS)))
_NO_SIGNAL = -(2**62)
_TREND, _AGE, _TAKEN = range(3)


class TrendParameters(NamedTuple):
    """Parameters of `trend_following`.

    Attributes
    ----------
    fresh_bars : int
        Bars after the first of an agreement in which a signal may still come.
    most_stretch_atr : float
        Largest distance of the close from EMA(21), in ATR(14).
    stop_atr : float
        Distance of the stop from the close, in ATR(14).
    reward : float
        Distance of the second target, in R.
    cooldown_bars : int
        Bars after a signal in which there is no other in its direction.
    """

    fresh_bars: int = 5
    most_stretch_atr: float = 2.0
    stop_atr: float = 2.0
    reward: float = 3.0
    cooldown_bars: int = 12


class TrendState(NamedTuple):
    """The agreement under way, and the last signals.

    Attributes
    ----------
    agreement : ndarray of int64, shape (3,)
        Trend of the last bar, bars since the agreement began, whether it has given its signal.
    last : ndarray of int64, shape (2,)
        Absolute index of the bar of the last long and short signal.
    """

    agreement: TimeArray
    last: TimeArray


@lean_kernel
def _fold(view: BarView, p: TrendParameters, state: TrendState, rows: CandidateRows) -> int:
    n = 0
    agreement = state.agreement
    for t in range(view.bars.close.shape[0]):
        gap = view.indicators[EMA_21, t] - view.indicators[EMA_50, t]
        supertrend = view.indicators[SUPERTREND_DIR_10, t]
        trend = 0
        if gap > 0.0 and supertrend > 0.0:
            trend = 1
        elif gap < 0.0 and supertrend < 0.0:
            trend = -1
        if trend != agreement[_TREND]:
            agreement[_TREND] = trend
            agreement[_AGE] = 0
            agreement[_TAKEN] = 0
        elif trend != 0:
            agreement[_AGE] += 1
        if trend != 0 and agreement[_AGE] <= p.fresh_bars and agreement[_TAKEN] == 0:
            n = _decide(t, trend, view, p, state, rows, n)
    return n


@lean_kernel
def _decide(
    t: int, direction: int, view: BarView, p: TrendParameters, state: TrendState, rows: CandidateRows, n: int
) -> int:
    side = 0 if direction > 0 else 1
    if view.start + t - state.last[side] <= p.cooldown_bars:
        return n
    k = view.higher_known[t]
    higher_average = view.higher.indicators[EMA_50, k]
    swing = int(view.higher.swing_bias[k])
    if not (
        (view.higher.indicators[EMA_21, k] - higher_average) * direction > 0.0
        and (view.higher.close[k] - higher_average) * direction > 0.0
        and swing != -direction
    ):
        return n
    close = view.bars.close[t]
    atr = view.indicators[ATR_14, t]
    stretch = (close - view.indicators[EMA_21, t]) * direction
    if not (stretch >= 0.0 and stretch <= p.most_stretch_atr * atr):
        return n

    risk = p.stop_atr * atr
    reasons = _AGREE | _AVERAGES
    points = 40
    if view.higher.indicators[SUPERTREND_DIR_10, k] * direction > 0.0:
        reasons |= _SUPERTREND
        points += 20
    if swing == direction:
        reasons |= _SWING_BIAS
        points += 20
    if (close - view.indicators[EMA_200, t]) * direction > 0.0:
        reasons |= _LONG
        points += 10
    if state.agreement[_AGE] == 0:
        reasons |= _FRESH
        points += 10
    written = propose(
        t,
        view,
        rows,
        n,
        direction,
        close - direction * risk,
        close + direction * p.reward * risk,
        0.0,
        np.inf,
        points / 100.0,
        reasons,
        -1,
    )
    if written > n:
        state.last[side] = view.start + t
        state.agreement[_TAKEN] = 1
    return written


def _new_state(parameters: TrendParameters) -> TrendState:
    del parameters
    return TrendState(np.zeros(3, np.int64), np.full(2, _NO_SIGNAL, np.int64))


TREND_FOLLOWING = Strategy("trend_following", 1, REASONS, TrendParameters(), _new_state, _fold)
register(TREND_FOLLOWING)
