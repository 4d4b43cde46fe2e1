"""Writing down a candidate, if it makes sense."""

from __future__ import annotations

import numpy as np

from engines.kernel import lean_kernel
from engines.signals.view import BarView, CandidateRows

FIRST_TARGET_REWARD = 1.0
"""Distance of the first target from the entry, in units of the initial risk, where a strategy does not choose it."""


@lean_kernel
def propose(
    t: int,
    view: BarView,
    rows: CandidateRows,
    n: int,
    direction: int,
    stop: float,
    target_2: float,
    least_risk: float,
    most_risk: float,
    score: float,
    reasons: int,
    zone: int,
) -> int:
    """Write a candidate whose first target is `FIRST_TARGET_REWARD` away; the rest is as in `propose_targets`."""
    entry = view.bars.close[t]
    risk = (entry - stop) * direction
    target_1 = entry + direction * FIRST_TARGET_REWARD * risk
    return propose_targets(
        t, view, rows, n, direction, stop, target_1, target_2, least_risk, most_risk, score, reasons, zone
    )


@lean_kernel
def propose_targets(
    t: int,
    view: BarView,
    rows: CandidateRows,
    n: int,
    direction: int,
    stop: float,
    target_1: float,
    target_2: float,
    least_risk: float,
    most_risk: float,
    score: float,
    reasons: int,
    zone: int,
) -> int:
    """Write a candidate that enters at the close of bar ``t``; returns how many candidates there are then.

    Nothing is written if the stop or the first target is on the wrong side of the close, the distance to the stop is below
    ``least_risk`` or above ``most_risk`` (price units), or a price would not be positive.

    Parameters
    ----------
    t, view, rows
        Bar and arrays of the block.
    n : int
        Candidates written so far.
    direction : int
        +1 long, -1 short.
    stop, target_1 : float
    target_2 : float
        Taken if it lies beyond the first target; NaN for none.
    least_risk, most_risk : float
    score : float
        Held to 0 to 1.
    reasons : int
        Flags.
    zone : int
        Row of the zone behind it in ``view.zones``; -1 for none.
    """
    entry = view.bars.close[t]
    risk = (entry - stop) * direction
    # Written so that a NaN anywhere refuses.
    if not (risk > 0.0 and risk >= least_risk and risk <= most_risk and stop > 0.0 and target_1 > 0.0):
        return n
    if not (target_1 - entry) * direction > 0.0:
        return n
    if not ((target_2 - target_1) * direction > 0.0 and target_2 > 0.0):
        target_2 = np.nan
    rows.bar[n] = t
    rows.direction[n] = direction
    rows.entry[n] = entry
    rows.stop[n] = stop
    rows.target_1[n] = target_1
    rows.target_2[n] = target_2
    rows.score[n] = min(max(score, 0.0), 1.0)
    rows.reasons[n] = reasons
    rows.zone[n] = zone
    return n + 1
