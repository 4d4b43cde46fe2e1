"""Columns of volume: OBV, accumulation and its oscillator, CMF, MFI, average and relative volume, the day's VWAP."""

from __future__ import annotations

import numpy as np

from engines.bars import FloatArray, TimeArray
from engines.indicators.arithmetic import fused
from engines.indicators.periods import Periods
from engines.indicators.windows import ONE, ZERO, U, end_sums
from engines.kernel import lean_kernel

FLOW_SIZE = 11
"""Carried numbers: OBV; accumulation, its fast and slow average; block sums of volume, of CMF's flow and volume, of MFI's two
flows; the day's value and volume."""

_DAY_MS = 86_400_000
_FLAT = 1e-14
"""TA-Lib's dead zone: a difference of typical prices below this share of their sum is rounding."""


@lean_kernel
def accumulation(high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, flow: FloatArray) -> None:
    """Volume of each bar times where it closed in its range, -1 at the low to 1 at the high; 0 without a range."""
    for t in range(close.shape[0]):
        h, l, c = high[t], low[t], close[t]
        between = h - l
        flow[t] = ((c - l) - (h - c)) / (between if between > 0.0 else np.inf) * volume[t]


@lean_kernel
def money_flow(
    typical: FloatArray, volume: FloatArray, previous: float, positive: FloatArray, negative: FloatArray
) -> None:
    """Typical price times volume, to the side to which the typical price moved against the bar before."""
    before = previous
    for t in range(1):
        now = typical[t]
        move, flow = now - before, now * volume[t]
        flow = flow if abs(move) > _FLAT * (now + before) else 0.0
        positive[t] = flow if move > 0.0 else 0.0
        negative[t] = flow if move < 0.0 else 0.0
    for t in range(1, typical.shape[0]):
        now, before = typical[t], typical[t - 1]
        move, flow = now - before, now * volume[t]
        flow = flow if abs(move) > _FLAT * (now + before) else 0.0
        positive[t] = flow if move > 0.0 else 0.0
        negative[t] = flow if move < 0.0 else 0.0


@lean_kernel
def advance_flow(
    ts: TimeArray,
    change: FloatArray,
    volume: FloatArray,
    typical: FloatArray,
    start: int,
    periods: Periods,
    carried: FloatArray,
    day_end: FloatArray,
    volumes: FloatArray,
    cmf_flows: FloatArray,
    cmf_volumes: FloatArray,
    positives: FloatArray,
    negatives: FloatArray,
    obv: FloatArray,
    ad: FloatArray,
    adosc: FloatArray,
    cmf: FloatArray,
    average: FloatArray,
    relative: FloatArray,
    mfi: FloatArray,
    vwap: FloatArray,
    flow: FloatArray,
    positive: FloatArray,
    negative: FloatArray,
    traded: FloatArray,
) -> None:
    """Fill the columns of volume.

    OBV begins with the volume of bar 0, the averages of ADOSC with its accumulation, as in TA-Lib. CMF and MFI are 0 where
    nothing flowed. Relative volume is NaN while nothing was traded in its window, VWAP while nothing was traded that day.

    Parameters
    ----------
    ts, change, volume, typical : ndarray, shape (n,)
        ``change`` is that of the close, 0 at bar 0; ``typical`` is (high + low + close) / 3.
    start : int
        Absolute index of the first of these bars.
    periods : Periods
    carried : ndarray of float64, shape (FLOW_SIZE,)
        0 at first. Changed in place.
    day_end : ndarray of float64, shape (1,)
        First instant (ms) after the UTC day of the last bar; changed in place.
    volumes, cmf_flows, cmf_volumes, positives, negatives : ndarray of float64, shape (period + 1,)
        Windows; 0 at first. Changed in place.
    obv ... vwap : ndarray of float64, shape (n,)
        Filled.
    flow, positive, negative : ndarray of float64, shape (n,)
        What `accumulation` and `money_flow` filled; used as scratch.
    traded : ndarray of float64, shape (n,)
        Scratch.
    """
    count = volume.shape[0]
    n_v, n_c, n_m = U(periods.volume_period), U(periods.cmf_period), U(periods.mfi_period)
    j_v, j_c, j_m = U(start) % n_v, U(start) % n_c, U(start) % n_m
    share = 1.0 / periods.volume_period
    w_fast, w_slow = 2.0 / (periods.adosc_fast + 1), 2.0 / (periods.adosc_slow + 1)
    keep_fast, keep_slow = 1.0 - w_fast, 1.0 - w_slow
    balance, line, fast, slow = carried[0], carried[1], carried[2], carried[3]
    sum_v, sum_f, sum_c, sum_p, sum_n = carried[4], carried[5], carried[6], carried[7], carried[8]
    day_value, day_volume = carried[9], carried[10]
    midnight = ts[0] if start == 0 else int(day_end[0])
    if start == 0:
        balance = volume[0]
        fast = slow = flow[0]
    # Loops of a few windows each: all together they need more registers than there are.
    for t in range(count):
        v, d = volume[t], change[t]
        balance += v if d > 0.0 else (-v if d < 0.0 else 0.0)
        obv[t] = balance
        line += flow[t]
        ad[t] = line
        # As TA-Lib is compiled: accumulation is so large that another form would round visibly.
        fast = fused(keep_fast, fast, w_fast * line)
        slow = fused(keep_slow, slow, w_slow * line)
        adosc[t] = fast - slow
    for t in range(count):
        v, f = volume[t], flow[t]
        sum_v += v
        sum_f += f
        sum_c += v
        average[t] = (sum_v + volumes[j_v + ONE]) * share
        cmf[t] = sum_f + cmf_flows[j_c + ONE]
        traded[t] = sum_c + cmf_volumes[j_c + ONE]
        volumes[j_v] = v
        cmf_flows[j_c] = f
        cmf_volumes[j_c] = v
        j_v += ONE
        j_c += ONE
        if j_v == n_v:
            end_sums(volumes)
            j_v, sum_v = ZERO, 0.0
        if j_c == n_c:
            end_sums(cmf_flows)
            end_sums(cmf_volumes)
            j_c, sum_f, sum_c = ZERO, 0.0, 0.0
    for t in range(count):
        up, down = positive[t], negative[t]
        sum_p += up
        sum_n += down
        rising = sum_p + positives[j_m + ONE]
        mfi[t] = rising
        negative[t] = rising + (sum_n + negatives[j_m + ONE])
        positives[j_m] = up
        negatives[j_m] = down
        j_m += ONE
        if j_m == n_m:
            end_sums(positives)
            end_sums(negatives)
            j_m, sum_p, sum_n = ZERO, 0.0, 0.0
    for t in range(count):
        flow[t] = typical[t] * volume[t]
    for t in range(count):
        if ts[t] >= midnight:
            midnight = (ts[t] // _DAY_MS + 1) * _DAY_MS
            day_value, day_volume = 0.0, 0.0
        day_value += flow[t]
        day_volume += volume[t]
        vwap[t] = day_value
        flow[t] = day_volume
    for t in range(count):
        whole = traded[t]
        cmf[t] /= whole if whole > 0.0 else np.inf
    for t in range(count):
        whole = negative[t]
        mfi[t] = 100.0 * (mfi[t] / (whole if whole > 0.0 else np.inf))
    for t in range(count):
        whole = flow[t]
        vwap[t] /= whole if whole > 0.0 else np.nan
    for t in range(count):
        whole = average[t]
        relative[t] = volume[t] / (whole if whole > 0.0 else np.nan)
    carried[0], carried[1], carried[2], carried[3] = balance, line, fast, slow
    carried[4], carried[5], carried[6], carried[7], carried[8] = sum_v, sum_f, sum_c, sum_p, sum_n
    carried[9], carried[10] = day_value, day_volume
    day_end[0] = float(midnight)
