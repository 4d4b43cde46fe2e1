"""What the zone engine carries from bar to bar."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engines.average_true_range import ATR_SIZE
from engines.bars import FloatArray, TimeArray
from engines.structure.rows import CodeArray, Scale
from engines.zones.rows import NO_SCALE, ZoneKind

LIVE_MOST = 100
"""Most zones that live at a time in one group; one more ends the oldest."""

_PIVOT_SCALES = (int(Scale.INTERNAL), int(Scale.SWING))

GROUPS = tuple(
    (int(kind), scale, side)
    for kind, scales in (
        (ZoneKind.ORDER_BLOCK, _PIVOT_SCALES),
        (ZoneKind.BREAKER, _PIVOT_SCALES),
        (ZoneKind.FVG, (NO_SCALE,)),
        (ZoneKind.LIQUIDITY, (int(Scale.MICRO),)),
    )
    for scale in scales
    for side in (1, -1)
)
"""Kind, scale and side of each group of zones."""


class Live(NamedTuple):
    """The zones that live, group by group, oldest first.

    Attributes
    ----------
    count : ndarray of int64, shape (groups,)
    bound : ndarray of float64, shape (groups,)
        Price that a bar must reach for anything to happen in the group: its low for demand, its high for supply.
    zone, origin, created : ndarray of int64, shape (groups, LIVE_MOST)
    top, bottom, volume : ndarray of float64, shape (groups, LIVE_MOST)
    stage : ndarray of int8, shape (groups, LIVE_MOST)
        0 untouched, 1 touched, 2 mitigated.
    """

    count: TimeArray
    bound: FloatArray
    zone: TimeArray
    origin: TimeArray
    created: TimeArray
    top: FloatArray
    bottom: FloatArray
    volume: FloatArray
    stage: CodeArray


class Search(NamedTuple):
    """The search for order blocks: the last bars, and the best bar since the origin of each open pivot.

    Attributes
    ----------
    ts, low, high, volume : ndarray, shape (ring,)
        The last bars: bar ``i`` stands at ``i % ring``, a power of two above the widest scale.
    searched_low, searched_high : ndarray of float64, shape (ring,)
        The same, swapped where the bar was wild.
    active : ndarray of int8, shape (2, 2)
        Whether a pivot waits to be broken, by scale (internal, swing) and side (high, low).
    best, best_low, best_high, best_volume : ndarray of float64, shape (2, 2)
        Searched extreme of the best bar since the pivot's origin, and that bar.
    best_ts : ndarray of int64, shape (2, 2)
    """

    ts: TimeArray
    low: FloatArray
    high: FloatArray
    volume: FloatArray
    searched_low: FloatArray
    searched_high: FloatArray
    active: CodeArray
    best: FloatArray
    best_low: FloatArray
    best_high: FloatArray
    best_volume: FloatArray
    best_ts: TimeArray


class ZoneState(NamedTuple):
    """State of the zone engine.

    Attributes
    ----------
    live : Live
    search : Search
    atr : ndarray of float64, shape (ATR_SIZE,)
    previous : ndarray of float64, shape (2,)
        Open and close of the bar before.
    body : ndarray of float64, shape (2,)
        Sum of all relative bodies so far, and what rounding took from it.
    next_zone : ndarray of int64, shape (1,)
        Number the next zone gets.
    """

    live: Live
    search: Search
    atr: FloatArray
    previous: FloatArray
    body: FloatArray
    next_zone: TimeArray


def new_live() -> Live:
    """No zone at all."""
    groups = len(GROUPS)
    shape = (groups, LIVE_MOST)
    nothing = np.array([-np.inf if side > 0 else np.inf for _, _, side in GROUPS])
    return Live(
        np.zeros(groups, np.int64),
        nothing,
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape, np.int8),
    )


def new_state(widest: int) -> ZoneState:
    """State before the first bar, for scales up to ``widest`` bars."""
    ring = 1 << widest.bit_length()
    search = Search(
        np.zeros(ring, np.int64),
        np.zeros(ring),
        np.zeros(ring),
        np.zeros(ring),
        np.zeros(ring),
        np.zeros(ring),
        np.zeros((2, 2), np.int8),
        np.zeros((2, 2)),
        np.zeros((2, 2)),
        np.zeros((2, 2)),
        np.zeros((2, 2)),
        np.zeros((2, 2), np.int64),
    )
    return ZoneState(new_live(), search, np.zeros(ATR_SIZE), np.zeros(2), np.zeros(2), np.zeros(1, np.int64))
