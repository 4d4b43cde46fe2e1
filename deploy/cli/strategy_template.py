"""The file that ``cap strategy new`` writes."""

from __future__ import annotations

_TEXT = '''"""__NAME__: where the fast average crosses the slow one, if the higher timeframe agrees.

Say here what it looks for, so that you still know in a year. Then:

    cap strategy check __FILE__        # does it look ahead, repaint, fail? say so before money does
    cap run --strategies FOLDER ...    # its signals stand beside those of the built-in strategies

A strategy decides one bar at a time: `decide` is called for each bar, in order, at its close. docs/strategies.md is the
reference of all it is shown.
"""

from typing import NamedTuple

import numpy as np

from engines.signals.authoring import propose, strategy
from engines.signals.view import ATR_14, EMA_9, EMA_21


class Parameters(NamedTuple):
    """Numbers to play with, each with its default."""

    stop_atr: float = 1.5
    reward: float = 2.0


class Memory(NamedTuple):
    """What is remembered from bar to bar, in arrays. Nothing else survives: bars come in blocks, sometimes one at a time."""

    side: np.ndarray


REASONS = (
    "fast average crossed the slow one",
    "higher timeframe agrees",
)
CROSSED, HIGHER = 1 << 0, 1 << 1  # reason i is bit i


@strategy(
    name="__NAME__",
    version=1,  # raise it whenever the same bars would give other signals
    reasons=REASONS,
    parameters=Parameters(),
    memory=Memory(side=np.zeros(1, np.int64)),
)
def decide(t, view, parameters, memory, rows, n):
    """Decide bar t. Return n, or what propose returns."""
    # 1. What is known at the close of bar t: view.bars, view.indicators, view.structure, view.zones, view.higher.
    #    Read at t only. What you need of earlier bars, put into memory: the block may begin with this very bar.
    close = view.bars.close[t]
    atr = view.indicators[ATR_14, t]
    fast, slow = view.indicators[EMA_9, t], view.indicators[EMA_21, t]

    # An indicator is NaN until it exists; comparisons with NaN are false.
    side = 0
    if fast > slow:
        side = 1
    elif fast < slow:
        side = -1
    before = memory.side[0]
    memory.side[0] = side
    if side == 0 or before != -side:
        return n

    # 2. The higher timeframe as far as it is known now: its last complete bar is number k.
    k = view.higher_known[t]
    reasons = CROSSED
    score = 0.5
    if view.higher.swing_bias[k] == side:
        reasons |= HIGHER
        score = 0.7
    elif view.higher.swing_bias[k] == -side:
        return n

    # 3. The signal: it enters at this close. A stop on the wrong side, or a NaN, and propose proposes nothing.
    risk = side * parameters.stop_atr * atr
    return propose(
        t,
        view,
        rows,
        n,
        side,  # +1 long, -1 short
        close - risk,  # stop
        close + risk,  # first target
        close + parameters.reward * risk,  # second target; np.nan for none
        score,  # 0 to 1
        reasons,
    )
'''


def template(name: str) -> str:
    """Text of a strategy of this name, which passes its check as it is."""
    return _TEXT.replace("__FILE__", f"{name}.py").replace("__NAME__", name)
