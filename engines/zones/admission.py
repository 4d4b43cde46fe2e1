"""Whether structure events are those of the bars they came with, so that a wrong frame is refused before anything moves."""

from __future__ import annotations

import numpy as np

from engines.bars import TimeArray
from engines.kernel import kernel
from engines.structure.rows import BadStructure, CodeArray, Scale, StructureKind, StructureRows
from engines.zones.state import NOBODY, Search

# Kernels take plain integers, not enums.
_MICRO, _INTERNAL = int(Scale.MICRO), int(Scale.INTERNAL)
_SWING_HIGH, _SWING_LOW = int(StructureKind.SWING_HIGH), int(StructureKind.SWING_LOW)
_BOS, _CHOCH = int(StructureKind.BOS), int(StructureKind.CHOCH)

_RULES = {
    1: "ts is not the open time of a bar of this call, in order; advance bars and their structure events together",
    2: "it is out of order within its bar, or there twice",
    3: "its pivot is not among the last bars; zones and structure must have the same scales and have seen the same bars",
    4: "it breaks a pivot that is not the last of its scale and side; zones and structure must have seen the same bars",
    5: "a break has no direction, or is of the micro scale",
    6: "its pivot is not after the last of its scale and side; zones and structure must have seen the same bars",
}
_ORDER = np.zeros(len(StructureKind), np.int64)
_ORDER[[StructureKind.EQH, StructureKind.EQL]] = 1
_ORDER[[StructureKind.BOS, StructureKind.CHOCH]] = 2


@kernel
def _is_recent(origin: int, t: int, start: int, bars_ts: TimeArray, ring: TimeArray) -> bool:
    """Whether a time is the open time of one of the bars before bar ``t`` that a search can still begin at."""
    mask = ring.shape[0] - 1
    end = start + t
    low, high = max(end - ring.shape[0] // 2, 0), end
    while low < high:
        i = (low + high) // 2
        ts = bars_ts[i - start] if i >= start else ring[i & mask]
        if ts == origin:
            return True
        if ts < origin:
            low = i + 1
        else:
            high = i
    return False


@kernel
def _first_misfit(
    bars_ts: TimeArray,
    start: int,
    ts: TimeArray,
    scale: CodeArray,
    kind: CodeArray,
    direction: CodeArray,
    origin_ts: TimeArray,
    count: int,
    ring: TimeArray,
    known: TimeArray,
    pivots: TimeArray,
) -> tuple[int, int]:
    """Row and rule number of the first event that does not fit, (-1, 0) if all do. ``known`` and ``pivots`` are changed."""
    t = 0
    rank = -1
    for k in range(count):
        if k == 0 or ts[k] != ts[k - 1]:
            rank = -1
            while t < bars_ts.shape[0] and bars_ts[t] < ts[k]:
                t += 1
            if t == bars_ts.shape[0] or bars_ts[t] != ts[k] or (k > 0 and ts[k] < ts[k - 1]):
                return k, 1
        place = 4 * scale[k] + _ORDER[kind[k]]
        is_break = kind[k] == _BOS or kind[k] == _CHOCH
        if is_break and direction[k] < 0:
            place += 1
        if place <= rank:
            return k, 2
        rank = place
        if is_break:
            if scale[k] == _MICRO or (direction[k] != 1 and direction[k] != -1):
                return k, 5
            row = 2 * (scale[k] - _INTERNAL) + (direction[k] < 0)
            if known[row] == NOBODY or pivots[row] != origin_ts[k]:
                return k, 4
        elif scale[k] != _MICRO and (kind[k] == _SWING_HIGH or kind[k] == _SWING_LOW):
            if not _is_recent(origin_ts[k], t, start, bars_ts, ring):
                return k, 3
            row = 2 * (scale[k] - _INTERNAL) + (kind[k] == _SWING_LOW)
            if known[row] != NOBODY and pivots[row] >= origin_ts[k]:
                return k, 6
            known[row] = 0
            pivots[row] = origin_ts[k]
    return -1, 0


def check_structure(bars_ts: TimeArray, start: int, rows: StructureRows, count: int, search: Search) -> None:
    """Raise `BadStructure` for the first event that is not of these bars, or not one the zones can follow.

    Parameters
    ----------
    bars_ts : ndarray of int64, shape (n,)
    start : int
        Absolute index of the first of these bars.
    rows : StructureRows
    count : int
        How many of them there are.
    search : Search
        Not changed.
    """
    row, rule = _first_misfit(
        bars_ts,
        start,
        rows.ts,
        rows.scale,
        rows.kind,
        rows.direction,
        rows.origin_ts,
        count,
        search.ts,
        search.next_bar.copy(),
        search.pivot_ts.copy(),
    )
    if rule:
        raise BadStructure(_RULES[rule], row)
