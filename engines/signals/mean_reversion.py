"""`mean_reversion`: back inside the Bollinger bands after an exhausted excursion, unless the higher timeframe drives it.

An excursion below begins with a close under the lower band (20, 2) and goes on while closes stay there. Its depth is the
lowest low since it began, that of the bar that ends it included; its RSI is the lowest RSI(14) at its closes. At the close of
the bar that comes back inside, at or above the lower band but still below the middle one:

1. the RSI of the excursion is ``extreme_rsi`` or less;
2. the excursion was no longer than ``most_bars``: a close outside for longer is a trend;
3. the higher timeframe has no strong trend against it: its swing bias, its internal bias and the order of its EMA(21) and
   EMA(50) do not all point down;
4. the stop stands a part of ATR(14) below the depth, and its distance is within bounds;
5. the middle band, which is the first target, is at least ``least_reward`` away.

The second target is the opposite band. Excursions above mirror all of it (RSI of 100 minus ``extreme_rsi`` or more). An
excursion ends where a band does not exist, and gives at most one signal.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.bars import FloatArray, TimeArray
from engines.kernel import lean_kernel
from engines.signals.candidates import propose_targets
from engines.signals.strategy import Strategy, register
from engines.signals.view import (
    ATR_14,
    BB_LOWER_20,
    BB_MIDDLE_20,
    BB_UPPER_20,
    EMA_21,
    EMA_50,
    RANGE_POSITION,
    RSI_14,
    BarView,
    CandidateRows,
)

REASONS = (
    "close back inside the lower band",
    "close back inside the upper band",
    "RSI was extreme",
    "RSI was far beyond extreme",
    "higher timeframe swing bias agrees",
    "higher timeframe internal bias agrees",
    "entry in discount",
    "entry in premium",
    "close in the favourable half of the bar",
)
_LOWER, _UPPER, _RSI, _FAR_RSI, _SWING_BIAS, _INTERNAL_BIAS, _DISCOUNT, _PREMIUM, _CLOSE = (
    1 << bit for bit in range(len(REASONS))
)
_NO_SIGNAL = -(2**62)
_FAR = 10.0
"""RSI points beyond the extreme that count as far."""


class ReversionParameters(NamedTuple):
    """Parameters of `mean_reversion`.

    Attributes
    ----------
    extreme_rsi : float
        RSI(14) that an excursion below must reach; 100 minus it for one above.
    most_bars : int
        Most bars of an excursion.
    stop_atr : float
        Distance of the stop beyond the depth of the excursion, in ATR(14).
    least_risk_atr, most_risk_atr : float
        Bounds of the distance from entry to stop, in ATR(14).
    least_reward : float
        Least distance of the middle band from the entry, in R.
    cooldown_bars : int
        Bars after a signal in which there is no other in its direction.
    """

    extreme_rsi: float = 30.0
    most_bars: int = 8
    stop_atr: float = 0.25
    least_risk_atr: float = 0.25
    most_risk_atr: float = 4.0
    least_reward: float = 1.0
    cooldown_bars: int = 6


class ReversionState(NamedTuple):
    """Excursions under way, by the side of the signal they lead to (0 long, 1 short), and the last signals' bars.

    Attributes
    ----------
    bars, last : ndarray of int64, shape (2,)
        Closes outside so far, 0 if there is no excursion; absolute index of the bar of the last signal.
    depth, rsi : ndarray of float64, shape (2,)
        Price farthest out, most extreme RSI.
    """

    bars: TimeArray
    last: TimeArray
    depth: FloatArray
    rsi: FloatArray


@lean_kernel
def _fold(view: BarView, p: ReversionParameters, state: ReversionState, rows: CandidateRows) -> int:
    n = 0
    for t in range(view.bars.close.shape[0]):
        n = _follow(t, 1, view, p, state, rows, n)
        n = _follow(t, -1, view, p, state, rows, n)
    return n


@lean_kernel
def _follow(
    t: int, direction: int, view: BarView, p: ReversionParameters, state: ReversionState, rows: CandidateRows, n: int
) -> int:
    """Take in a bar on the side that leads to signals of this direction."""
    side = 0 if direction > 0 else 1
    band = view.indicators[BB_LOWER_20 if direction > 0 else BB_UPPER_20, t]
    beyond = (band - view.bars.close[t]) * direction
    outside = beyond > 0.0
    if not outside and state.bars[side] == 0:
        return n
    far = view.bars.low[t] if direction > 0 else view.bars.high[t]
    if state.bars[side] == 0:
        state.depth[side] = far
        state.rsi[side] = np.nan
    elif (state.depth[side] - far) * direction > 0.0:
        state.depth[side] = far
    if outside:
        rsi = view.indicators[RSI_14, t]
        if not (rsi - state.rsi[side]) * direction >= 0.0:
            state.rsi[side] = rsi
        state.bars[side] += 1
        return n
    bars = state.bars[side]
    state.bars[side] = 0
    if beyond <= 0.0 and bars <= p.most_bars:
        return _decide(t, direction, view, p, state, rows, n)
    return n


@lean_kernel
def _decide(
    t: int, direction: int, view: BarView, p: ReversionParameters, state: ReversionState, rows: CandidateRows, n: int
) -> int:
    side = 0 if direction > 0 else 1
    if view.start + t - state.last[side] <= p.cooldown_bars:
        return n
    extreme = p.extreme_rsi if direction > 0 else 100.0 - p.extreme_rsi
    passed = (extreme - state.rsi[side]) * direction
    if not passed >= 0.0:
        return n
    k = view.higher_known[t]
    swing, internal = int(view.higher.swing_bias[k]), int(view.higher.internal_bias[k])
    average = (view.higher.indicators[EMA_21, k] - view.higher.indicators[EMA_50, k]) * direction
    if swing == -direction and internal == -direction and average < 0.0:
        return n

    close = view.bars.close[t]
    atr = view.indicators[ATR_14, t]
    stop = state.depth[side] - direction * p.stop_atr * atr
    risk = (close - stop) * direction
    target_1 = view.indicators[BB_MIDDLE_20, t]
    target_2 = view.indicators[BB_UPPER_20 if direction > 0 else BB_LOWER_20, t]
    if not (target_1 - close) * direction >= p.least_reward * risk:
        return n

    reasons = _RSI | (_LOWER if direction > 0 else _UPPER)
    points = 40
    if passed >= _FAR:
        reasons |= _FAR_RSI
        points += 15
    if swing == direction:
        reasons |= _SWING_BIAS
        points += 15
    if internal == direction:
        reasons |= _INTERNAL_BIAS
        points += 10
    position = view.indicators[RANGE_POSITION, t]
    if position < 0.5 if direction > 0 else position > 0.5:
        reasons |= _DISCOUNT if direction > 0 else _PREMIUM
        points += 10
    if (close - 0.5 * (view.bars.high[t] + view.bars.low[t])) * direction > 0.0:
        reasons |= _CLOSE
        points += 10
    written = propose_targets(
        t,
        view,
        rows,
        n,
        direction,
        stop,
        target_1,
        target_2,
        p.least_risk_atr * atr,
        p.most_risk_atr * atr,
        points / 100.0,
        reasons,
        -1,
    )
    if written > n:
        state.last[side] = view.start + t
    return written


def _new_state(parameters: ReversionParameters) -> ReversionState:
    del parameters
    return ReversionState(np.zeros(2, np.int64), np.full(2, _NO_SIGNAL, np.int64), np.zeros(2), np.zeros(2))


MEAN_REVERSION = Strategy("mean_reversion", 1, REASONS, ReversionParameters(), _new_state, _fold)
register(MEAN_REVERSION)
