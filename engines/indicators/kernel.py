"""The compiled pass over the bars: block by block, family by family.

Within a block each family has its numbers in registers and its inputs in the first-level cache. What needs no value of the
bar before it (differences, divisions, roots) is done in loops of its own, which the compiler turns into vector instructions.
"""

from __future__ import annotations

import numpy as np

from engines.bars import BarArrays, FloatArray, TimeArray
from engines.indicators import columns as at
from engines.indicators import state as of
from engines.indicators.dealing_range import advance_range
from engines.indicators.flow import accumulation, advance_flow, money_flow
from engines.indicators.means import advance_hull, advance_simple, weighted_average
from engines.indicators.oscillators import (
    advance_aroon,
    advance_kama,
    advance_ultosc,
    below_range,
    lagged,
    place_in_range,
    smooth,
)
from engines.indicators.paths import advance_psar, advance_supertrend
from engines.indicators.scratch import BLOCK, scratch_row, stack_scratch, target, window
from engines.indicators.spread import advance_cci, bands, log_returns, moments
from engines.indicators.state import IndicatorState, Plan
from engines.indicators.trend import advance_trend
from engines.indicators.wilder import advance_adx, advance_wilder, lift, movements
from engines.indicators.windows import extremes
from engines.kernel import lean_kernel


@lean_kernel
def advance_indicators(bars: BarArrays, start: int, plan: Plan, state: IndicatorState, out: FloatArray) -> None:
    """Fill the wanted columns for the next bars.

    Parameters
    ----------
    bars : BarArrays
        Bars that have been checked.
    start : int
        Absolute index of the first of them: the number of bars seen before.
    plan : Plan
    state : IndicatorState
        Changed in place.
    out : ndarray of float64, shape (rows of the plan, n)
        Filled; NaN where a value does not exist yet.
    """
    scratch = stack_scratch()
    count = bars.ts.shape[0]
    first = 0
    while first < count:
        i = start + first
        # Blocks end at absolute multiples of their length.
        end = min(first + BLOCK - (i & (BLOCK - 1)), count)
        _block(bars, first, end, i, plan, state.numbers, state.windows, out, scratch)
        _blank(first, end, i, plan.rows, plan.lookbacks, out)
        first = end


@lean_kernel
def _blank(first: int, end: int, start: int, rows: TimeArray, lookbacks: TimeArray, out: FloatArray) -> None:
    """Blank what does not exist yet."""
    for column in range(rows.shape[0]):
        row = rows[column]
        if row >= 0 and start < lookbacks[column]:
            for t in range(first, min(end, first + lookbacks[column] - start)):
                out[row, t] = np.nan


# Scratch rows that several families read; those from `FREE` on are anybody's.
(
    _SPARE,
    _CHANGE,
    _TRUE_RANGE,
    _TYPICAL,
    _PLUS,
    _MINUS,
    _RSI,
    _NATR,
    _KELTNER,
    _SUPERTREND,
    _MIDDLE,
    _HIGHEST,
    _LOWEST,
) = range(13)
_FREE = 13


@lean_kernel
def _block(
    bars: BarArrays,
    first: int,
    end: int,
    i: int,
    plan: Plan,
    numbers: FloatArray,
    windows: FloatArray,
    out: FloatArray,
    scratch: FloatArray,
) -> None:
    """All families for the bars ``[first, end)`` of a call, the first of which has the absolute index ``i``."""
    n = end - first
    high, low, close = bars.high[first:end], bars.low[first:end], bars.close[first:end]
    volume = bars.volume[first:end]
    last = numbers[of.LAST : of.LAST + 4]
    change, true_range = scratch_row(scratch, _CHANGE, n), scratch_row(scratch, _TRUE_RANGE, n)
    typical = scratch_row(scratch, _TYPICAL, n)
    plus, minus = scratch_row(scratch, _PLUS, n), scratch_row(scratch, _MINUS, n)
    if i == 0:
        last[0] = close[0]
        last[1] = high[0]
        last[2] = low[0]
        last[3] = ((high[0] + low[0]) + close[0]) / 3.0
    for t in range(n):
        typical[t] = ((high[t] + low[t]) + close[t]) / 3.0
    movements(high, low, close, i, last, change, true_range, plus, minus)
    if plan.rows[at.TRUE_RANGE] >= 0:
        ranges = out[plan.rows[at.TRUE_RANGE], first:end]
        for t in range(n):
            ranges[t] = true_range[t]
    _averages(close, change, typical, first, i, plan, numbers, windows, out, scratch)
    _ranges(high, low, close, true_range, plus, minus, first, i, plan, numbers, windows, out, scratch)
    _oscillators(high, low, close, true_range, first, i, plan, numbers, windows, out, scratch)
    if plan.families & of.F_FLOW:
        _volumes(bars.ts[first:end], high, low, close, volume, first, i, plan, numbers, windows, out, scratch)
    last[0] = close[n - 1]
    last[1] = high[n - 1]
    last[2] = low[n - 1]
    last[3] = typical[n - 1]


@lean_kernel
def _averages(
    close: FloatArray,
    change: FloatArray,
    typical: FloatArray,
    first: int,
    i: int,
    plan: Plan,
    numbers: FloatArray,
    windows: FloatArray,
    out: FloatArray,
    scratch: FloatArray,
) -> None:
    """Averages of the close and how it spreads around them."""
    n = close.shape[0]
    end = first + n
    periods, rows, begins, families = plan.periods, plan.rows, plan.begins, plan.families
    spare = scratch_row(scratch, _SPARE, n)
    one, two = scratch_row(scratch, _FREE, n), scratch_row(scratch, _FREE + 1, n)
    if families & of.F_TREND:
        advance_trend(
            close,
            i,
            periods,
            numbers[of.TREND : of.SIMPLE],
            target(out, rows[at.EMA], first, end, spare),
            target(out, rows[at.EMA + 1], first, end, spare),
            target(out, rows[at.EMA + 2], first, end, spare),
            target(out, rows[at.EMA + 3], first, end, spare),
            target(out, rows[at.MACD], first, end, spare),
            target(out, rows[at.MACD + 1], first, end, spare),
            target(out, rows[at.MACD + 2], first, end, spare),
            target(out, rows[at.DEMA], first, end, spare),
            target(out, rows[at.TEMA], first, end, spare),
            target(out, rows[at.PPO], first, end, one),
            target(out, rows[at.TRIX], first, end, spare),
            scratch_row(scratch, _MIDDLE, n),
            scratch_row(scratch, _FREE + 2, n + 1),
            two,
        )
    if families & of.F_SIMPLE:
        advance_simple(
            close,
            i,
            numbers[of.SIMPLE : of.WMA],
            window(windows, begins, of.W_SIMPLE_0),
            window(windows, begins, of.W_SIMPLE_1),
            window(windows, begins, of.W_SIMPLE_2),
            target(out, rows[at.SMA], first, end, spare),
            target(out, rows[at.SMA + 1], first, end, spare),
            target(out, rows[at.SMA + 2], first, end, spare),
        )
    if families & of.F_WMA:
        weighted_average(
            close,
            i,
            numbers[of.WMA : of.HULL],
            window(windows, begins, of.W_WMA),
            window(windows, begins, of.W_WMA_ENDS),
            out[rows[at.WMA], first:end],
        )
    if families & of.F_HULL:
        advance_hull(
            close,
            i,
            numbers[of.HULL : of.BANDS],
            window(windows, begins, of.W_HALF),
            window(windows, begins, of.W_HALF_ENDS),
            window(windows, begins, of.W_WHOLE),
            window(windows, begins, of.W_WHOLE_ENDS),
            window(windows, begins, of.W_ROOT),
            window(windows, begins, of.W_ROOT_ENDS),
            out[rows[at.HMA], first:end],
            one,
            two,
        )
    if families & of.F_BANDS:
        middle = target(out, rows[at.BANDS + 1], first, end, two)
        moments(
            close,
            i,
            numbers[of.BANDS : of.VOLATILITY],
            window(windows, begins, of.W_BANDS),
            window(windows, begins, of.W_BANDS_SQUARES),
            middle,
            one,
        )
        bands(
            close,
            periods.bb_period,
            periods.bb_deviations,
            middle,
            one,
            target(out, rows[at.BANDS], first, end, spare),
            target(out, rows[at.BANDS + 2], first, end, spare),
            target(out, rows[at.BANDS + 3], first, end, spare),
            target(out, rows[at.BANDS + 4], first, end, spare),
        )
    if families & of.F_VOLATILITY:
        log_returns(close, numbers[of.LAST], one)
        volatility = out[rows[at.REALIZED_VOL], first:end]
        moments(
            one,
            i,
            numbers[of.VOLATILITY : of.CCI],
            window(windows, begins, of.W_VOLATILITY),
            window(windows, begins, of.W_VOLATILITY_SQUARES),
            two,
            volatility,
        )
        share = 1.0 / (periods.realized_vol_period - 1.0)
        for t in range(n):
            volatility[t] = np.sqrt(volatility[t] * share)
    if families & of.F_CCI:
        advance_cci(
            typical,
            i,
            numbers[of.CCI : of.KAMA],
            window(windows, begins, of.W_CCI),
            window(windows, begins, of.W_TYPICAL),
            out[rows[at.CCI], first:end],
            one,
            two,
        )
    if families & of.F_KAMA:
        advance_kama(
            close,
            change,
            i,
            numbers[of.KAMA : of.WILDER],
            window(windows, begins, of.W_KAMA),
            window(windows, begins, of.W_KAMA_RING),
            out[rows[at.KAMA], first:end],
            one,
        )
    if families & of.F_LAGS:
        lagged(close, i, window(windows, begins, of.W_MOM), one)
        lagged(close, i, window(windows, begins, of.W_ROC), two)
        momentum = target(out, rows[at.MOM], first, end, spare)
        for t in range(n):
            momentum[t] = close[t] - one[t]
        rate = target(out, rows[at.ROC], first, end, spare)
        for t in range(n):
            rate[t] = 100.0 * ((close[t] - two[t]) / two[t])


@lean_kernel
def _ranges(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    true_range: FloatArray,
    plus: FloatArray,
    minus: FloatArray,
    first: int,
    i: int,
    plan: Plan,
    numbers: FloatArray,
    windows: FloatArray,
    out: FloatArray,
    scratch: FloatArray,
) -> None:
    """Wilder's averages and what is made of them, and what follows price and turns."""
    n = close.shape[0]
    end = first + n
    periods, rows, families = plan.periods, plan.rows, plan.families
    spare = scratch_row(scratch, _SPARE, n)
    one = scratch_row(scratch, _FREE, n)
    if families & of.F_WILDER:
        carried = numbers[of.WILDER : of.STOCH_RSI]
        if i & (BLOCK - 1) == 0:
            lift(carried)
        rsi, average = scratch_row(scratch, _RSI, n), scratch_row(scratch, _NATR, n)
        keltner, supertrend = scratch_row(scratch, _KELTNER, n), scratch_row(scratch, _SUPERTREND, n)
        advance_wilder(
            scratch_row(scratch, _CHANGE, n),
            true_range,
            i,
            periods,
            carried,
            plus,
            minus,
            rsi,
            target(out, rows[at.ATR], first, end, spare),
            target(out, rows[at.ATR + 1], first, end, spare),
            average,
            keltner,
            supertrend,
            one,
            scratch_row(scratch, _FREE + 1, n),
        )
        if rows[at.RSI] >= 0:
            line = out[rows[at.RSI], first:end]
            for t in range(n):
                line[t] = rsi[t]
        if families & of.F_NATR:
            natr = out[rows[at.NATR], first:end]
            for t in range(n):
                natr[t] = 100.0 * (average[t] / close[t])
        if families & of.F_KELTNER:
            middle = scratch_row(scratch, _MIDDLE, n)
            upper, lower = (
                target(out, rows[at.KELTNER], first, end, spare),
                target(out, rows[at.KELTNER + 1], first, end, spare),
            )
            factor = periods.keltner_factor
            for t in range(n):
                reach = factor * keltner[t]
                upper[t] = middle[t] + reach
                lower[t] = middle[t] - reach
        if families & of.F_ADX:
            advance_adx(
                plus,
                minus,
                i,
                periods.adx_period,
                carried[10:],
                target(out, rows[at.ADX], first, end, spare),
                one,
            )
            if rows[at.ADX + 1] >= 0:
                line = out[rows[at.ADX + 1], first:end]
                for t in range(n):
                    line[t] = plus[t]
            if rows[at.ADX + 2] >= 0:
                line = out[rows[at.ADX + 2], first:end]
                for t in range(n):
                    line[t] = minus[t]
        if families & of.F_SUPERTREND:
            advance_supertrend(
                high,
                low,
                close,
                supertrend,
                i,
                periods.supertrend_period,
                periods.supertrend_factor,
                numbers[of.LAST],
                numbers[of.SUPERTREND : of.RANGE],
                target(out, rows[at.SUPERTREND], first, end, spare),
                target(out, rows[at.SUPERTREND + 1], first, end, spare),
            )
    if families & of.F_PSAR:
        advance_psar(
            high,
            low,
            i,
            periods.psar_step,
            periods.psar_limit,
            numbers[of.LAST : of.TREND],
            numbers[of.PSAR : of.SUPERTREND],
            out[rows[at.PSAR], first:end],
        )
    if families & of.F_RANGE:
        begins = plan.begins
        advance_range(
            high,
            low,
            close,
            i,
            numbers[of.RANGE : of.NUMBERS_SIZE],
            window(windows, begins, of.W_RANGE_HIGH),
            window(windows, begins, of.W_RANGE_LOW),
            window(windows, begins, of.W_RANGE_HIGHEST),
            window(windows, begins, of.W_RANGE_LOWEST),
            target(out, rows[at.RANGE], first, end, spare),
            target(out, rows[at.RANGE + 1], first, end, one),
            target(out, rows[at.RANGE + 2], first, end, scratch_row(scratch, _FREE + 1, n)),
        )


@lean_kernel
def _oscillators(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    true_range: FloatArray,
    first: int,
    i: int,
    plan: Plan,
    numbers: FloatArray,
    windows: FloatArray,
    out: FloatArray,
    scratch: FloatArray,
) -> None:
    """Extremes of the last bars, where price stands among them, and the ultimate oscillator."""
    n = close.shape[0]
    end = first + n
    periods, rows, begins, families = plan.periods, plan.rows, plan.begins, plan.families
    spare = scratch_row(scratch, _SPARE, n)
    highest, lowest = scratch_row(scratch, _HIGHEST, n), scratch_row(scratch, _LOWEST, n)
    one, two = scratch_row(scratch, _FREE, n), scratch_row(scratch, _FREE + 1, n)
    if families & of.F_STOCH_RSI:
        rsi = scratch_row(scratch, _RSI, n)
        extremes(
            rsi,
            rsi,
            i,
            numbers[of.STOCH_RSI : of.STOCH_RSI_D],
            window(windows, begins, of.W_STOCH_RSI_HIGH),
            window(windows, begins, of.W_STOCH_RSI_LOW),
            highest,
            lowest,
        )
        fast = target(out, rows[at.STOCH_RSI], first, end, one)
        place_in_range(rsi, highest, lowest, fast)
        smooth(
            fast,
            i,
            numbers[of.STOCH_RSI_D : of.STOCH],
            window(windows, begins, of.W_STOCH_RSI_D),
            target(out, rows[at.STOCH_RSI + 1], first, end, spare),
        )
    if families & of.F_STOCH:
        extremes(
            high,
            low,
            i,
            numbers[of.STOCH : of.STOCH_K],
            window(windows, begins, of.W_STOCH_HIGH),
            window(windows, begins, of.W_STOCH_LOW),
            highest,
            lowest,
        )
        place_in_range(close, highest, lowest, one)
        slow = target(out, rows[at.STOCH], first, end, two)
        smooth(one, i, numbers[of.STOCH_K : of.STOCH_D], window(windows, begins, of.W_STOCH_K), slow)
        smooth(
            slow,
            i,
            numbers[of.STOCH_D : of.WILLR],
            window(windows, begins, of.W_STOCH_D),
            target(out, rows[at.STOCH + 1], first, end, spare),
        )
    if families & of.F_WILLR:
        # Usually over the same bars as the stochastic, whose extremes are still there.
        if periods.willr_period != periods.stoch_period or not families & of.F_STOCH:
            extremes(
                high,
                low,
                i,
                numbers[of.WILLR : of.DONCHIAN],
                window(windows, begins, of.W_WILLR_HIGH),
                window(windows, begins, of.W_WILLR_LOW),
                highest,
                lowest,
            )
        below_range(close, highest, lowest, out[rows[at.WILLR], first:end])
    if families & of.F_DONCHIAN:
        extremes(
            high,
            low,
            i,
            numbers[of.DONCHIAN : of.AROON],
            window(windows, begins, of.W_DONCHIAN_HIGH),
            window(windows, begins, of.W_DONCHIAN_LOW),
            target(out, rows[at.DONCHIAN], first, end, spare),
            target(out, rows[at.DONCHIAN + 1], first, end, spare),
        )
    if families & of.F_AROON:
        advance_aroon(
            high,
            low,
            i,
            numbers[of.AROON : of.ULTOSC],
            window(windows, begins, of.W_AROON_HIGH),
            window(windows, begins, of.W_AROON_LOW),
            window(windows, begins, of.W_AROON_HIGH_AT),
            window(windows, begins, of.W_AROON_LOW_AT),
            target(out, rows[at.AROON], first, end, spare),
            target(out, rows[at.AROON + 1], first, end, spare),
        )
    if families & of.F_ULTOSC:
        a, b, c = periods.ultosc_periods
        a, b, c = a + 1, b + 1, c + 1
        parts = window(windows, begins, of.W_ULTOSC)
        advance_ultosc(
            close,
            low,
            numbers[of.LAST],
            true_range,
            i,
            numbers[of.ULTOSC : of.FLOW],
            parts[:a],
            parts[a : 2 * a],
            parts[2 * a : 2 * a + b],
            parts[2 * a + b : 2 * (a + b)],
            parts[2 * (a + b) : 2 * (a + b) + c],
            parts[2 * (a + b) + c :],
            out[rows[at.ULTOSC], first:end],
            spare,
            one,
            two,
        )


@lean_kernel
def _volumes(
    ts: TimeArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    first: int,
    i: int,
    plan: Plan,
    numbers: FloatArray,
    windows: FloatArray,
    out: FloatArray,
    scratch: FloatArray,
) -> None:
    """Columns of volume."""
    n = volume.shape[0]
    end = first + n
    rows, begins = plan.rows, plan.begins
    spare, typical = scratch_row(scratch, _SPARE, n), scratch_row(scratch, _TYPICAL, n)
    flow, positive = scratch_row(scratch, _FREE, n), scratch_row(scratch, _FREE + 1, n)
    negative = scratch_row(scratch, _FREE + 2, n)
    accumulation(high, low, close, volume, flow)
    money_flow(typical, volume, numbers[of.LAST + 3], positive, negative)
    advance_flow(
        ts,
        scratch_row(scratch, _CHANGE, n),
        volume,
        typical,
        i,
        plan.periods,
        numbers[of.FLOW : of.DAY_END],
        numbers[of.DAY_END : of.PSAR],
        window(windows, begins, of.W_VOLUME),
        window(windows, begins, of.W_CMF),
        window(windows, begins, of.W_CMF_VOLUME),
        window(windows, begins, of.W_POSITIVE),
        window(windows, begins, of.W_NEGATIVE),
        target(out, rows[at.OBV], first, end, spare),
        target(out, rows[at.AD], first, end, spare),
        target(out, rows[at.ADOSC], first, end, spare),
        target(out, rows[at.CMF], first, end, scratch_row(scratch, _HIGHEST, n)),
        target(out, rows[at.VOLUME_SMA], first, end, scratch_row(scratch, _LOWEST, n)),
        target(out, rows[at.RELATIVE_VOLUME], first, end, spare),
        target(out, rows[at.MFI], first, end, scratch_row(scratch, _FREE + 4, n)),
        target(out, rows[at.VWAP], first, end, scratch_row(scratch, _FREE + 5, n)),
        flow,
        positive,
        negative,
        scratch_row(scratch, _FREE + 3, n),
    )
