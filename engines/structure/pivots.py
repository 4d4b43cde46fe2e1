"""Where the next pivot may stand: the extreme of the last bars, in amortized constant time whatever the width.

A bar is a pivot when it is ``width`` bars old and above all since, in other words when it is the last bar at the extreme of
the ``width + 1`` newest. So the extreme is all that has to be followed, and only on the side the leg waits for. It cannot leave
those bars unnoticed: at the bar at which it would, it is a pivot. The leg turns then, and the extreme of the other side has to
be found among the last bars (`turn`). Looking at all of them each time would cost as much as the scale is wide when legs are
short; so the extremes up to an anchor are kept, and later bars are added to what was found before (van Herk's two halves).
"""

from __future__ import annotations

import numpy as np

from engines.bars import BarArrays
from engines.kernel import inlined_kernel
from engines.structure.state import (
    ANCHOR,
    EXTREME,
    EXTREME_AT,
    HIGH,
    LATER,
    LOOKED,
    NOWHERE,
    StructureState,
)


@inlined_kernel
def value_of(bars: BarArrays, start: int, state: StructureState, i: int, side: int) -> float:
    """High or negated low of a bar of this call or one of the last before it."""
    if i >= start:
        return bars.high[i - start] if side == HIGH else -bars.low[i - start]
    return state.prices[side, i & (state.ts.shape[0] - 1)]


@inlined_kernel
def time_of(bars: BarArrays, start: int, state: StructureState, i: int) -> int:
    """Open time of a bar of this call or one of the last before it."""
    if i >= start:
        return int(bars.ts[i - start])
    return int(state.ts[i & (state.ts.shape[0] - 1)])


@inlined_kernel
def _last_extreme(bars: BarArrays, start: int, state: StructureState, i: int, scale: int, side: int, width: int) -> int:
    """Last bar at the extreme of the ``width`` bars up to ``i``."""
    mask = state.ts.shape[0] - 1
    extreme, marks = state.look_back.extreme, state.look_back.marks
    first = i - width + 1
    if i - marks[scale, side, ANCHOR] >= width:
        at, best = i, value_of(bars, start, state, i, side)
        extreme[scale, side, i & mask] = i
        for k in range(i - 1, first - 1, -1):
            x = value_of(bars, start, state, k, side)
            at = k if x > best else at
            best = x if x > best else best
            extreme[scale, side, k & mask] = at
        marks[scale, side, ANCHOR] = i
        marks[scale, side, LATER] = NOWHERE
        marks[scale, side, LOOKED] = i
        return at
    later = marks[scale, side, LATER]
    best = value_of(bars, start, state, later, side) if later != NOWHERE else -np.inf
    for k in range(marks[scale, side, LOOKED] + 1, i + 1):
        x = value_of(bars, start, state, k, side)
        if x >= best:
            later, best = k, x
    marks[scale, side, LATER] = later
    marks[scale, side, LOOKED] = i
    at = extreme[scale, side, first & mask]
    return later if best >= value_of(bars, start, state, at, side) else at


@inlined_kernel
def turn(bars: BarArrays, start: int, state: StructureState, i: int, scale: int, side: int, width: int) -> None:
    """Wait for a pivot of the other side from bar ``i`` on."""
    other = 1 - side
    state.pivots[scale, side, EXTREME] = np.inf
    state.marks[scale, side, EXTREME_AT] = NOWHERE
    at = _last_extreme(bars, start, state, i, scale, other, width)
    state.pivots[scale, other, EXTREME] = value_of(bars, start, state, at, other)
    state.marks[scale, other, EXTREME_AT] = at
