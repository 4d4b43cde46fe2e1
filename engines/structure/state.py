"""What the structure engine carries from bar to bar.

Prices are kept in the sign of their side: highs as they are, lows negated, so that a pivot always stands above what is around
it and one piece of code serves both sides.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.bars import FloatArray, TimeArray
from engines.structure.rows import Scale

HIGH, LOW = 0, 1
"""Sides."""
SCALES = len(Scale)

LEG, BIAS = range(2)
"""Columns of `StructureState.scales`."""
PRICE, OPEN, EXTREME = range(3)
"""Last axis of `StructureState.pivots`."""
ORIGIN, EXTREME_AT = range(2)
"""Last axis of `StructureState.marks`."""
ANCHOR, LATER, LOOKED = range(3)
"""Last axis of `LookBack.marks`."""

NOWHERE = np.iinfo(np.int64).min // 2
"""Index of a bar that is before all bars, however many are added to it."""


class LookBack(NamedTuple):
    """Extremes of the last bars, kept so that none is looked at more than twice; made anew from the bars when it is missing.

    Attributes
    ----------
    extreme : ndarray of int64, shape (3, 2, ring)
        By scale and side, for each of the last bars up to an anchor: index of the extreme from that bar to the anchor.
    marks : ndarray of int64, shape (3, 2, 3)
        `ANCHOR`; `LATER`, the extreme of the bars after it; `LOOKED`, the last of those bars.
    """

    extreme: TimeArray
    marks: TimeArray


class StructureState(NamedTuple):
    """State of the structure engine.

    Attributes
    ----------
    ts : ndarray of int64, shape (ring,)
        Open times of the last bars, bar ``i`` at ``i % ring``, a power of two.
    prices : ndarray of float64, shape (2, ring)
        Highs and negated lows of the same bars.
    scales : ndarray of int64, shape (3, 2)
        `LEG`: +1 up, -1 down, 0 before the first pivot. `BIAS`: the same by breaks.
    pivots : ndarray of float64, shape (3, 2, 3)
        By scale and side. `PRICE` of the last pivot, NaN before the first. `OPEN`: the same while it has not been crossed,
        else +inf. `EXTREME` of the bars that may become the next pivot, +inf while none is awaited on this side.
    marks : ndarray of int64, shape (3, 2, 2)
        `ORIGIN`: open time of the last pivot. `EXTREME_AT`: index of the last bar at the extreme.
    true_range : ndarray of float64, shape (2,)
        Previous close, and what `true_range_average` carries.
    look_back : LookBack
    """

    ts: TimeArray
    prices: FloatArray
    scales: TimeArray
    pivots: FloatArray
    marks: TimeArray
    true_range: FloatArray
    look_back: LookBack


def new_state(widest: int) -> StructureState:
    """State before the first bar, for scales up to ``widest`` bars."""
    ring = 1 << (widest - 1).bit_length()
    pivots = np.empty((SCALES, 2, 3))
    pivots[:, :, PRICE] = np.nan
    pivots[:, :, OPEN] = np.inf
    pivots[:, :, EXTREME] = -np.inf
    marks = np.full((SCALES, 2, 2), NOWHERE, np.int64)
    marks[:, :, ORIGIN] = 0
    return StructureState(
        np.zeros(ring, np.int64),
        np.zeros((2, ring)),
        np.zeros((SCALES, 2), np.int64),
        pivots,
        marks,
        np.zeros(2),
        LookBack(np.zeros((SCALES, 2, ring), np.int64), np.full((SCALES, 2, 3), NOWHERE, np.int64)),
    )
