"""Steps of the rolling standard deviation behind the Bollinger bands.

Two sums are carried over the last ``period`` values: of ``d = x - centre`` and of ``d * d``, with a recent value as centre
(squares of whole prices would cancel to noise). The sum of squared deviations from the window's own mean follows from them.
"""

from __future__ import annotations

from engines.bars import FloatArray
from engines.kernel import lean_kernel


@lean_kernel
def slide(entering: float, leaving: float, first: float, second: float) -> tuple[float, float]:
    """Sums after one value has come in and one has gone out, both as deviations from the centre.

    Returns
    -------
    first, second : float
        Sum of the deviations and of their squares.
    """
    return first + (entering - leaving), second + (entering * entering - leaving * leaving)


@lean_kernel
def window_deviations(i: int, ring: FloatArray, period: int, centre: float) -> tuple[float, float]:
    """Both sums computed afresh around ``centre``; ``i``, ``ring`` and ``period`` as for `averages.window_sum`."""
    mask = ring.shape[0] - 1
    first = 0.0
    second = 0.0
    for k in range(max(i - period + 1, 0), i + 1):
        d = float(ring[k & mask]) - centre
        first += d
        second += d * d
    return first, second
