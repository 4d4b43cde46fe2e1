"""`smc_pullback`: with the higher timeframe, from a fresh order block, out of the cheap half of the range.

At the close of a bar that touches an order block for the first time:

1. the higher timeframe's swing bias points the block's way; while that has none, its internal bias does;
2. the close is in discount for a demand block (``range_position`` below one half), in premium for a supply block, and has
   not broken the block;
3. a fair value gap of the block's side that was live when the bar opened overlaps the block, or liquidity on that side was
   swept within the last bars;
4. the stop stands beyond the block by a part of ATR(14), and its distance is within bounds.

The first target is at 1R. The second is the nearest opposing liquidity or untaken pivot at least ``least_reward`` away, if
it is nearer than ``most_reward``; otherwise ``plain_reward`` is taken. A block is touched for the first time once, so it gives
at most one signal.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.bars import TimeArray
from engines.kernel import lean_kernel
from engines.signals.candidates import propose
from engines.signals.levels import (
    Book,
    changes_map,
    drop_taken_pivots,
    fold_pivot,
    fold_sweep,
    fold_zone,
    new_book,
    next_level,
    overlaps_gap,
    swept_within,
)
from engines.signals.strategy import Strategy, register
from engines.signals.view import (
    ATR_14,
    LIQUIDITY,
    ORDER_BLOCK,
    RANGE_POSITION,
    SWEPT,
    SWING,
    TOUCHED,
    BarView,
    CandidateRows,
)

REASONS = (
    "higher timeframe swing bias agrees",
    "higher timeframe internal bias agrees",
    "first touch of an order block",
    "block from a swing break",
    "entry in discount",
    "entry in premium",
    "fair value gap overlaps the block",
    "liquidity swept",
    "close in the favourable half of the bar",
    "target at opposing liquidity",
)
_SWING_BIAS, _INTERNAL_BIAS, _FIRST_TOUCH, _SWING_BLOCK, _DISCOUNT, _PREMIUM, _GAP, _SWEEP, _CLOSE, _LIQUIDITY = (
    1 << bit for bit in range(len(REASONS))
)
_NO_SIGNAL = -(2**62)


class PullbackParameters(NamedTuple):
    """Parameters of `smc_pullback`.

    Attributes
    ----------
    stop_atr : float
        Distance of the stop beyond the block, in ATR(14).
    least_risk_atr, most_risk_atr : float
        Bounds of the distance from entry to stop, in ATR(14).
    least_reward, most_reward, plain_reward : float
        Bounds of the second target, and where it stands if nothing is found between them, in R.
    sweep_bars : int
        How many bars a sweep is recent for, the bar of the touch included.
    cooldown_bars : int
        Bars after a signal in which there is no other in its direction.
    """

    stop_atr: float = 0.1
    least_risk_atr: float = 0.25
    most_risk_atr: float = 4.0
    least_reward: float = 1.5
    most_reward: float = 6.0
    plain_reward: float = 2.0
    sweep_bars: int = 12
    cooldown_bars: int = 6


class PullbackState(NamedTuple):
    """Map of the market, and the absolute index of the bar of the last long and short signal."""

    book: Book
    last: TimeArray


@lean_kernel
def _fold(view: BarView, p: PullbackParameters, state: PullbackState, rows: CandidateRows) -> int:
    structure_from, zones_from = view.structure_from, view.zones_from
    structure_kind, structure_scale, level = view.structure.kind, view.structure.scale, view.structure.level
    kind, event, side, scale = view.zones.kind, view.zones.event, view.zones.side, view.zones.scale
    top, bottom, origin_ts = view.zones.top, view.zones.bottom, view.zones.origin_ts
    gaps, pools, highs, lows, marks, pivots = state.book
    high, low = view.bars.high, view.bars.low
    n = 0
    for t in range(high.shape[0]):
        drop_taken_pivots(high[t], low[t], highs, lows, marks)
        best = -1
        for i in range(zones_from[t], zones_from[t + 1]):
            if kind[i] == LIQUIDITY and event[i] == SWEPT:
                fold_sweep(side[i], view.start + t, marks)
            # Of several blocks touched by one bar the first of the larger scale is the one that counts.
            elif kind[i] == ORDER_BLOCK and event[i] == TOUCHED and (best < 0 or scale[i] > scale[best]):
                best = i
        if best >= 0:
            n = _decide(t, best, view, p, state, rows, n)
        # A gap that the bar itself filled was live when it opened: the map moves on after the decision.
        for i in range(zones_from[t], zones_from[t + 1]):
            if changes_map(kind[i], event[i]):
                fold_zone(kind[i], event[i], side[i], top[i], bottom[i], origin_ts[i], gaps, pools, marks)
        for i in range(structure_from[t], structure_from[t + 1]):
            fold_pivot(structure_kind[i], structure_scale[i], level[i], highs, lows, marks, pivots)
    return n


@lean_kernel
def _decide(
    t: int, zone: int, view: BarView, p: PullbackParameters, state: PullbackState, rows: CandidateRows, n: int
) -> int:
    direction = int(view.zones.side[zone])
    top, bottom = view.zones.top[zone], view.zones.bottom[zone]
    close = view.bars.close[t]
    side = 0 if direction > 0 else 1
    if view.start + t - state.last[side] <= p.cooldown_bars:
        return n
    k = view.higher_known[t]
    swing, internal = int(view.higher.swing_bias[k]), int(view.higher.internal_bias[k])
    if swing != direction and not (swing == 0 and internal == direction):
        return n
    position = view.indicators[RANGE_POSITION, t]
    if not (position < 0.5 if direction > 0 else position > 0.5):
        return n
    if (close < bottom) if direction > 0 else (close > top):
        return n
    gap = overlaps_gap(state.book, direction, top, bottom)
    sweep = swept_within(view.start + t, state.book.marks, direction, p.sweep_bars)
    if not (gap or sweep):
        return n

    atr = view.indicators[ATR_14, t]
    stop = (bottom if direction > 0 else top) - direction * p.stop_atr * atr
    risk = (close - stop) * direction
    beyond = close + direction * p.least_reward * risk
    level = next_level(state.book, direction, beyond, view.bars.high[t], view.bars.low[t])
    liquid = (level - close) * direction <= p.most_reward * risk
    target_2 = level if liquid else close + direction * p.plain_reward * risk

    reasons = _FIRST_TOUCH | (_DISCOUNT if direction > 0 else _PREMIUM)
    points = 40
    if swing == direction:
        reasons |= _SWING_BIAS
        points += 10
    if internal == direction:
        reasons |= _INTERNAL_BIAS
        points += 10
    if view.zones.scale[zone] == SWING:
        reasons |= _SWING_BLOCK
        points += 10
    if gap:
        reasons |= _GAP
        points += 10
    if sweep:
        reasons |= _SWEEP
        points += 10
    if (close - 0.5 * (view.bars.high[t] + view.bars.low[t])) * direction > 0.0:
        reasons |= _CLOSE
        points += 5
    if liquid:
        reasons |= _LIQUIDITY
        points += 5
    written = propose(
        t,
        view,
        rows,
        n,
        direction,
        stop,
        target_2,
        p.least_risk_atr * atr,
        p.most_risk_atr * atr,
        points / 100.0,
        reasons,
        zone,
    )
    if written > n:
        state.last[side] = view.start + t
    return written


def _new_state(parameters: PullbackParameters) -> PullbackState:
    del parameters
    return PullbackState(new_book(), np.full(2, _NO_SIGNAL, np.int64))


SMC_PULLBACK = Strategy("smc_pullback", 1, REASONS, PullbackParameters(), _new_state, _fold)
register(SMC_PULLBACK)
