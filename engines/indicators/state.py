"""What the indicators carry from bar to bar: two arrays, and where in them everything stands."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from engines.bars import FloatArray, TimeArray
from engines.errors import BadParameter
from engines.indicators import columns as at
from engines.indicators.flow import FLOW_SIZE
from engines.indicators.periods import Periods
from engines.indicators.trend import TREND_SIZE
from engines.indicators.wilder import WILDER_SIZE


class IndicatorState(NamedTuple):
    """What the indicators carry from bar to bar.

    Attributes
    ----------
    numbers : ndarray of float64, shape (NUMBERS_SIZE,)
        Averages, sums and the like, family by family.
    windows : ndarray of float64
        What is kept of the last bars, window by window; ``Plan.begins`` says where each begins.
    """

    numbers: FloatArray
    windows: FloatArray


class Plan(NamedTuple):
    """What the kernel computes; fixed for the life of an engine.

    Attributes
    ----------
    periods : Periods
    rows : ndarray of int64, shape (COLUMN_COUNT,)
        Row of ``out`` of every column; -1 for one that is not wanted.
    lookbacks : ndarray of int64, shape (COLUMN_COUNT,)
        Leading bars without a value.
    begins : ndarray of int64, shape (WINDOW_COUNT + 1,)
        Where each window begins in ``IndicatorState.windows``, and its end.
    families : int
        Bits of the families of columns of which one is wanted.
    """

    periods: Periods
    rows: TimeArray
    lookbacks: TimeArray
    begins: TimeArray
    families: int


_NUMBERS = (
    ("last", 4),  # close, high, low, typical price of the last bar
    ("trend", TREND_SIZE),
    ("simple", 3),
    ("wma", 2),
    ("hull", 6),
    ("bands", 3),
    ("volatility", 3),
    ("cci", 1),
    ("kama", 2),
    ("wilder", WILDER_SIZE),
    ("stoch_rsi", 2),
    ("stoch_rsi_d", 1),
    ("stoch", 2),
    ("stoch_k", 1),
    ("stoch_d", 1),
    ("willr", 2),
    ("donchian", 2),
    ("aroon", 4),
    ("ultosc", 6),
    ("flow", FLOW_SIZE),
    ("day_end", 1),
    ("psar", 4),
    ("supertrend", 3),
    ("range", 5),
)
# Kernels take plain numbers: where each family begins, and the end.
(
    LAST, TREND, SIMPLE, WMA, HULL, BANDS, VOLATILITY, CCI, KAMA, WILDER, STOCH_RSI, STOCH_RSI_D, STOCH, STOCH_K, STOCH_D,
    WILLR, DONCHIAN, AROON, ULTOSC, FLOW, DAY_END, PSAR, SUPERTREND, RANGE, NUMBERS_SIZE,
) = accumulate((size for _, size in _NUMBERS), initial=0)  # fmt: skip

_FIRST_NUMBERS = {
    **dict.fromkeys((STOCH_RSI, STOCH, WILLR, DONCHIAN, AROON), -np.inf),
    **dict.fromkeys((STOCH_RSI + 1, STOCH + 1, WILLR + 1, DONCHIAN + 1, AROON + 1), np.inf),
    AROON + 2: -1.0,
    AROON + 3: -1.0,
    DAY_END: -np.inf,
    RANGE: np.nan,
    RANGE + 1: np.nan,
    RANGE + 2: -np.inf,
    RANGE + 3: np.inf,
}
"""Those that do not begin at 0."""

WINDOW_COUNT = 46
(
    W_SIMPLE_0, W_SIMPLE_1, W_SIMPLE_2, W_WMA, W_WMA_ENDS, W_HALF, W_HALF_ENDS, W_WHOLE, W_WHOLE_ENDS, W_ROOT, W_ROOT_ENDS,
    W_BANDS, W_BANDS_SQUARES, W_VOLATILITY, W_VOLATILITY_SQUARES, W_CCI, W_TYPICAL, W_KAMA, W_KAMA_RING,
    W_STOCH_RSI_HIGH, W_STOCH_RSI_LOW, W_STOCH_RSI_D, W_STOCH_HIGH, W_STOCH_LOW, W_STOCH_K, W_STOCH_D, W_WILLR_HIGH,
    W_WILLR_LOW, W_DONCHIAN_HIGH, W_DONCHIAN_LOW, W_AROON_HIGH, W_AROON_LOW, W_AROON_HIGH_AT, W_AROON_LOW_AT, W_ULTOSC,
    W_ROC, W_MOM, W_VOLUME, W_CMF, W_CMF_VOLUME, W_POSITIVE, W_NEGATIVE, W_RANGE_HIGH, W_RANGE_LOW, W_RANGE_HIGHEST,
    W_RANGE_LOWEST,
) = range(WINDOW_COUNT)  # fmt: skip


def _windows(periods: Periods) -> list[tuple[int, float]]:
    """Length of every window and what it is filled with at first."""
    p = periods
    half, root = p.hull
    high, low = -np.inf, np.inf
    short, middle, long = p.ultosc_periods
    return [
        *((n + 1, 0.0) for n in p.sma_periods),
        *((n + 1, 0.0) for n in (p.wma_period, p.wma_period, half, half, p.hma_period, p.hma_period, root, root)),
        *((n + 1, 0.0) for n in (p.bb_period, p.bb_period, p.realized_vol_period, p.realized_vol_period)),
        (p.cci_period + 1, 0.0),
        (p.cci_period, 0.0),
        (p.kama_period + 1, 0.0),
        (p.kama_period, 0.0),
        (p.stoch_rsi_period + 1, high),
        (p.stoch_rsi_period + 1, low),
        (p.stoch_rsi_smoothing + 1, 0.0),
        (p.stoch_period + 1, high),
        (p.stoch_period + 1, low),
        (p.stoch_k_smoothing + 1, 0.0),
        (p.stoch_d_smoothing + 1, 0.0),
        (p.willr_period + 1, high),
        (p.willr_period + 1, low),
        (p.donchian_period + 1, high),
        (p.donchian_period + 1, low),
        (p.aroon_period + 2, high),
        (p.aroon_period + 2, low),
        (p.aroon_period + 2, -1.0),
        (p.aroon_period + 2, -1.0),
        (2 * (short + middle + long + 3), 0.0),
        (p.roc_period, 0.0),
        (p.mom_period, 0.0),
        (p.volume_period + 1, 0.0),
        (p.cmf_period + 1, 0.0),
        (p.cmf_period + 1, 0.0),
        (p.mfi_period + 1, 0.0),
        (p.mfi_period + 1, 0.0),
        (p.swing_scale, high),
        (p.swing_scale, low),
        (p.swing_scale + 1, high),
        (p.swing_scale + 1, low),
    ]


def first_state(periods: Periods) -> IndicatorState:
    """State before the first bar."""
    return IndicatorState(*(array.copy() for array in _first_arrays(periods)))


@lru_cache(maxsize=64)
def _first_arrays(periods: Periods) -> IndicatorState:
    numbers = np.zeros(NUMBERS_SIZE)
    for place, value in _FIRST_NUMBERS.items():
        numbers[place] = value
    return IndicatorState(numbers, np.concatenate([np.full(length, value) for length, value in _windows(periods)]))


# Bits of `Plan.families`.
F_TREND, F_SIMPLE, F_WMA, F_HULL, F_BANDS, F_VOLATILITY, F_CCI, F_KAMA = (1 << k for k in range(8))
F_WILDER, F_STOCH_RSI, F_STOCH, F_WILLR, F_DONCHIAN, F_AROON, F_ULTOSC = (1 << k for k in range(8, 15))
F_LAGS, F_FLOW, F_PSAR, F_SUPERTREND, F_KELTNER, F_ADX, F_NATR, F_RANGE = (1 << k for k in range(15, 23))

_FAMILY_COLUMNS = (
    (F_TREND, (*range(at.EMA, at.EMA + 4), at.DEMA, at.TEMA, *range(at.MACD, at.MACD + 3), at.TRIX, at.PPO)),
    (F_SIMPLE, range(at.SMA, at.SMA + 3)),
    (F_WMA, (at.WMA,)),
    (F_HULL, (at.HMA,)),
    (F_BANDS, range(at.BANDS, at.BANDS + 5)),
    (F_VOLATILITY, (at.REALIZED_VOL,)),
    (F_CCI, (at.CCI,)),
    (F_KAMA, (at.KAMA,)),
    (F_WILDER, (at.RSI, at.ATR, at.ATR + 1)),
    (F_STOCH_RSI | F_WILDER, (at.STOCH_RSI, at.STOCH_RSI + 1)),
    (F_STOCH, (at.STOCH, at.STOCH + 1)),
    (F_WILLR, (at.WILLR,)),
    (F_DONCHIAN, (at.DONCHIAN, at.DONCHIAN + 1)),
    (F_AROON, (at.AROON, at.AROON + 1)),
    (F_ULTOSC, (at.ULTOSC,)),
    (F_LAGS, (at.ROC, at.MOM)),
    (F_FLOW, (*range(at.OBV, at.CMF + 1), at.VOLUME_SMA, at.RELATIVE_VOLUME, at.VWAP, at.MFI)),
    (F_PSAR, (at.PSAR,)),
    (F_SUPERTREND | F_WILDER, (at.SUPERTREND, at.SUPERTREND + 1)),
    (F_KELTNER | F_WILDER | F_TREND, (at.KELTNER, at.KELTNER + 1)),
    (F_ADX | F_WILDER, range(at.ADX, at.ADX + 3)),
    (F_NATR | F_WILDER, (at.NATR,)),
    (F_RANGE, range(at.RANGE, at.RANGE + 3)),
)


@lru_cache(maxsize=256)
def make_plan(periods: Periods, wanted: tuple[int, ...]) -> Plan:
    """Plan for the columns of these places, one row each in their order; the same one whenever it is asked for again."""
    if not wanted:
        raise BadParameter("columns must name at least one column")
    rows = np.full(at.COLUMN_COUNT, -1, np.int64)
    rows[list(wanted)] = np.arange(len(wanted))
    families = 0
    for bits, columns in _FAMILY_COLUMNS:
        if any(rows[column] >= 0 for column in columns):
            families |= bits
    lookbacks = np.array([lookback for _, lookback in periods.columns()], np.int64)
    begins = np.array([0, *accumulate(length for length, _ in _windows(periods))], np.int64)
    return Plan(periods, rows, lookbacks, begins, families)
