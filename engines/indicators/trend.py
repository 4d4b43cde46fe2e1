"""Everything made of exponential averages of the close: EMA, MACD, PPO, DEMA, TEMA, TRIX, the middle of the Keltner channel."""

from __future__ import annotations

from engines.bars import FloatArray
from engines.indicators.arithmetic import fused
from engines.indicators.averages import weight
from engines.indicators.periods import Periods
from engines.kernel import lean_kernel

TREND_SIZE = 18
"""Carried numbers: four averages; MACD's fast, slow, signal; PPO's fast, slow; two of DEMA; three of TEMA; three of TRIX; Keltner's."""


@lean_kernel
def advance_trend(
    close: FloatArray,
    start: int,
    periods: Periods,
    carried: FloatArray,
    ema_0: FloatArray,
    ema_1: FloatArray,
    ema_2: FloatArray,
    ema_3: FloatArray,
    line: FloatArray,
    signal: FloatArray,
    histogram: FloatArray,
    dema: FloatArray,
    tema: FloatArray,
    ppo: FloatArray,
    trix: FloatArray,
    middle: FloatArray,
    thrice: FloatArray,
    slow_average: FloatArray,
) -> None:
    """Fill the columns that begin with exponential averages.

    MACD's fast average starts late, so that both averages exist from the same bar on, as in TA-Lib; those of PPO do not
    wait for each other. Values before a column's lookback are the caller's to blank.

    Parameters
    ----------
    close : ndarray of float64, shape (n,)
    start : int
        Absolute index of the first of these bars.
    periods : Periods
    carried : ndarray of float64, shape (TREND_SIZE,)
        Changed in place.
    ema_0 ... middle : ndarray of float64, shape (n,)
        Filled.
    thrice : ndarray of float64, shape (n + 1,)
        Scratch.
    slow_average : ndarray of float64, shape (n,)
        Scratch.
    """
    n_0, n_1, n_2, n_3 = periods.ema_periods
    mf, ms, mg = periods.macd_fast, periods.macd_slow, periods.macd_signal
    pf, ps, d, t3, x = periods.ppo_fast, periods.ppo_slow, periods.dema_period, periods.tema_period, periods.trix_period
    kc = periods.keltner_period
    settled = max(max(n_0, n_1, n_2, n_3), max(ms + mg, ps, kc), max(2 * d, 3 * t3, 3 * x))
    # Local numbers instead of array elements: the compiler cannot know that the arrays do not overlap.
    e_0, e_1, e_2, e_3 = carried[0], carried[1], carried[2], carried[3]
    fast, slow, trigger = carried[4], carried[5], carried[6]
    quick, steady = carried[7], carried[8]
    d_1, d_2 = carried[9], carried[10]
    t_1, t_2, t_3 = carried[11], carried[12], carried[13]
    x_1, x_2, x_3 = carried[14], carried[15], carried[16]
    k = carried[17]
    thrice[0] = x_3
    count = close.shape[0]
    begin = 0
    while begin < count:
        i = start + begin
        # While an average is young each bar has weights of its own; then all bars left have the same.
        end = begin + 1 if i < settled else count
        w_0, w_1 = weight(i, n_0, 2.0 / (n_0 + 1)), weight(i, n_1, 2.0 / (n_1 + 1))
        w_2, w_3 = weight(i, n_2, 2.0 / (n_2 + 1)), weight(i, n_3, 2.0 / (n_3 + 1))
        w_fast = weight(i - ms + mf, mf, 2.0 / (mf + 1))
        w_slow = weight(i, ms, 2.0 / (ms + 1))
        w_trigger = weight(i - ms + 1, mg, 2.0 / (mg + 1))
        w_quick, w_steady = weight(i, pf, 2.0 / (pf + 1)), weight(i, ps, 2.0 / (ps + 1))
        w_d1, w_d2 = weight(i, d, 2.0 / (d + 1)), weight(i - d + 1, d, 2.0 / (d + 1))
        a = 2.0 / (t3 + 1)
        w_t1, w_t2, w_t3 = weight(i, t3, a), weight(i - t3 + 1, t3, a), weight(i - 2 * t3 + 2, t3, a)
        a = 2.0 / (x + 1)
        w_x1, w_x2, w_x3 = weight(i, x, a), weight(i - x + 1, x, a), weight(i - 2 * x + 2, x, a)
        w_k = weight(i, kc, 2.0 / (kc + 1))
        for t in range(begin, end):
            c = close[t]
            e_0 = fused(c - e_0, w_0, e_0)
            e_1 = fused(c - e_1, w_1, e_1)
            e_2 = fused(c - e_2, w_2, e_2)
            e_3 = fused(c - e_3, w_3, e_3)
            ema_0[t] = e_0
            ema_1[t] = e_1
            ema_2[t] = e_2
            ema_3[t] = e_3
            fast = fused(c - fast, w_fast, fast)
            slow = fused(c - slow, w_slow, slow)
            difference = fast - slow
            trigger = fused(difference - trigger, w_trigger, trigger)
            line[t] = difference
            signal[t] = trigger
            histogram[t] = difference - trigger
            quick = fused(c - quick, w_quick, quick)
            steady = fused(c - steady, w_steady, steady)
            ppo[t] = quick - steady
            slow_average[t] = steady
            d_1 = fused(c - d_1, w_d1, d_1)
            d_2 = fused(d_1 - d_2, w_d2, d_2)
            dema[t] = 2.0 * d_1 - d_2
            t_1 = fused(c - t_1, w_t1, t_1)
            t_2 = fused(t_1 - t_2, w_t2, t_2)
            t_3 = fused(t_2 - t_3, w_t3, t_3)
            tema[t] = 3.0 * t_1 - 3.0 * t_2 + t_3
            x_1 = fused(c - x_1, w_x1, x_1)
            x_2 = fused(x_1 - x_2, w_x2, x_2)
            x_3 = fused(x_2 - x_3, w_x3, x_3)
            thrice[t + 1] = x_3
            k = fused(c - k, w_k, k)
            middle[t] = k
        begin = end
    for t in range(count):
        ppo[t] = 100.0 * ppo[t] / slow_average[t]
    for t in range(count):
        trix[t] = 100.0 * ((thrice[t + 1] - thrice[t]) / thrice[t])
    carried[0], carried[1], carried[2], carried[3] = e_0, e_1, e_2, e_3
    carried[4], carried[5], carried[6], carried[7], carried[8] = fast, slow, trigger, quick, steady
    carried[9], carried[10], carried[11], carried[12], carried[13] = d_1, d_2, t_1, t_2, t_3
    carried[14], carried[15], carried[16], carried[17] = x_1, x_2, x_3, k
