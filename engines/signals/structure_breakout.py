"""`structure_breakout`: with the higher timeframe, on the close that breaks structure with force.

At the close of a bar that breaks a pivot of the internal or swing scale (``bos`` or ``choch``):

1. the higher timeframe's internal bias points the break's way, and its swing bias does not point the other;
2. the bar's true range is at least ``least_range_atr`` of ATR(14), and its volume at least ``least_volume`` times the mean of
   the bars before it;
3. the close is not farther than ``most_chase_atr`` beyond the broken level;
4. the stop stands a part of ATR(14) beyond the last internal pivot on the other side, and its distance is within bounds.

The first target is at 1R. The second is the nearest opposing liquidity or untaken pivot at least ``least_reward`` away, if
it is nearer than ``most_reward``; otherwise ``plain_reward`` is taken.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.bars import FloatArray, TimeArray
from engines.kernel import lean_kernel
from engines.signals.candidates import propose
from engines.signals.levels import (
    Book,
    changes_map,
    drop_taken_pivots,
    fold_pivot,
    fold_zone,
    last_pivot,
    new_book,
    next_level,
)
from engines.signals.strategy import Strategy, register
from engines.signals.view import ATR_14, BOS, CHOCH, INTERNAL, MICRO, SWING, BarView, CandidateRows

REASONS = (
    "break of structure",
    "change of character",
    "break at the swing scale",
    "higher timeframe swing bias agrees",
    "higher timeframe internal bias agrees",
    "wide bar",
    "high volume",
    "target at opposing liquidity",
)
_BOS, _CHOCH, _SWING_BREAK, _SWING_BIAS, _INTERNAL_BIAS, _WIDE, _VOLUME, _LIQUIDITY = (
    1 << bit for bit in range(len(REASONS))
)
_NO_SIGNAL = -(2**62)
_VOLUME_BARS = 20


class BreakoutParameters(NamedTuple):
    """Parameters of `structure_breakout`.

    Attributes
    ----------
    stop_atr : float
        Distance of the stop beyond the pivot, in ATR(14).
    least_risk_atr, most_risk_atr : float
        Bounds of the distance from entry to stop, in ATR(14).
    least_range_atr : float
        Least true range of the breaking bar, in ATR(14).
    least_volume : float
        Least volume of the breaking bar, in means of the 20 bars before it.
    most_chase_atr : float
        Largest distance of the close from the broken level, in ATR(14).
    least_reward, most_reward, plain_reward : float
        Bounds of the second target, and where it stands if nothing is found between them, in R.
    cooldown_bars : int
        Bars after a signal in which there is no other in its direction.
    """

    stop_atr: float = 0.25
    least_risk_atr: float = 0.5
    most_risk_atr: float = 5.0
    least_range_atr: float = 1.0
    least_volume: float = 1.2
    most_chase_atr: float = 2.0
    least_reward: float = 1.5
    most_reward: float = 6.0
    plain_reward: float = 2.0
    cooldown_bars: int = 12


class BreakoutState(NamedTuple):
    """Map of the market, the last bars' volumes (a ring by absolute index), the last close, the last signals' bars."""

    book: Book
    volumes: FloatArray
    close: FloatArray
    last: TimeArray


@lean_kernel
def _fold(view: BarView, p: BreakoutParameters, state: BreakoutState, rows: CandidateRows) -> int:
    structure_from, zones_from = view.structure_from, view.zones_from
    kind, scale, level = view.structure.kind, view.structure.scale, view.structure.level
    zone_kind, event, side = view.zones.kind, view.zones.event, view.zones.side
    top, bottom, origin_ts = view.zones.top, view.zones.bottom, view.zones.origin_ts
    gaps, pools, highs, lows, marks, pivots = state.book
    high, low, close, volume = view.bars.high, view.bars.low, view.bars.close, view.bars.volume
    volumes, last_close = state.volumes, state.close
    place = view.start % _VOLUME_BARS
    n = 0
    for t in range(high.shape[0]):
        drop_taken_pivots(high[t], low[t], highs, lows, marks)
        for i in range(zones_from[t], zones_from[t + 1]):
            if changes_map(zone_kind[i], event[i]):
                fold_zone(zone_kind[i], event[i], side[i], top[i], bottom[i], origin_ts[i], gaps, pools, marks)
        best = -1
        for i in range(structure_from[t], structure_from[t + 1]):
            fold_pivot(kind[i], scale[i], level[i], highs, lows, marks, pivots)
            # Swing rows stand after internal ones: a break at both scales counts as the larger.
            if (kind[i] == BOS or kind[i] == CHOCH) and scale[i] != MICRO:
                best = i
        if best >= 0:
            n = _decide(t, best, view, p, state, rows, n)
        volumes[place] = volume[t]
        last_close[0] = close[t]
        place = place + 1 if place + 1 < _VOLUME_BARS else 0
    return n


@lean_kernel
def _decide(
    t: int, event: int, view: BarView, p: BreakoutParameters, state: BreakoutState, rows: CandidateRows, n: int
) -> int:
    direction = int(view.structure.direction[event])
    close = view.bars.close[t]
    side = 0 if direction > 0 else 1
    if view.start + t - state.last[side] <= p.cooldown_bars:
        return n
    k = view.higher_known[t]
    swing, internal = int(view.higher.swing_bias[k]), int(view.higher.internal_bias[k])
    if internal != direction or swing == -direction:
        return n
    atr = view.indicators[ATR_14, t]
    previous = state.close[0]
    true_range = max(view.bars.high[t], previous) - min(view.bars.low[t], previous)
    mean_volume = np.sum(state.volumes) / _VOLUME_BARS
    chase = (close - view.structure.level[event]) * direction
    if not (
        true_range >= p.least_range_atr * atr
        and mean_volume > 0.0
        and view.bars.volume[t] >= p.least_volume * mean_volume
        and chase <= p.most_chase_atr * atr
    ):
        return n

    stop = last_pivot(state.book, INTERNAL, direction) - direction * p.stop_atr * atr
    risk = (close - stop) * direction
    beyond = close + direction * p.least_reward * risk
    level = next_level(state.book, direction, beyond, view.bars.high[t], view.bars.low[t])
    liquid = (level - close) * direction <= p.most_reward * risk
    target_2 = level if liquid else close + direction * p.plain_reward * risk

    reasons = _INTERNAL_BIAS | _WIDE | _VOLUME
    reasons |= _BOS if view.structure.kind[event] == BOS else _CHOCH
    points = 40
    if view.structure.scale[event] == SWING:
        reasons |= _SWING_BREAK
        points += 20
    if swing == direction:
        reasons |= _SWING_BIAS
        points += 15
    if view.structure.kind[event] == BOS:
        points += 10
    if view.bars.volume[t] >= 2.0 * mean_volume:
        points += 10
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
        -1,
    )
    if written > n:
        state.last[side] = view.start + t
    return written


def _new_state(parameters: BreakoutParameters) -> BreakoutState:
    del parameters
    return BreakoutState(new_book(), np.zeros(_VOLUME_BARS), np.full(1, np.nan), np.full(2, _NO_SIGNAL, np.int64))


STRUCTURE_BREAKOUT = Strategy("structure_breakout", 1, REASONS, BreakoutParameters(), _new_state, _fold)
register(STRUCTURE_BREAKOUT)
