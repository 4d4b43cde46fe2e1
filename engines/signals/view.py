"""What a strategy sees of a block of bars, and where it writes what it decides.

Everything here is known at the close of the bar it is indexed by: rows of a bar are those made at its close, and a bar of
the higher timeframe is seen from the close of the bar on that completes it.
"""

from __future__ import annotations

from typing import NamedTuple

from engines.bars import BarArrays, FloatArray, TimeArray
from engines.indicators import columns as at
from engines.signals.rows import SideArray
from engines.structure.rows import Scale, StructureKind
from engines.zones.rows import ZoneEvent, ZoneKind

# Kernels take plain integers, not enums.
MICRO, INTERNAL, SWING = int(Scale.MICRO), int(Scale.INTERNAL), int(Scale.SWING)
"""Codes of scales; larger for larger moves."""
SWING_HIGH, SWING_LOW = int(StructureKind.SWING_HIGH), int(StructureKind.SWING_LOW)
BOS, CHOCH = int(StructureKind.BOS), int(StructureKind.CHOCH)
EQH, EQL = int(StructureKind.EQH), int(StructureKind.EQL)
"""Codes of structure events; these and those above."""
ORDER_BLOCK, BREAKER = int(ZoneKind.ORDER_BLOCK), int(ZoneKind.BREAKER)
FVG, LIQUIDITY = int(ZoneKind.FVG), int(ZoneKind.LIQUIDITY)
"""Codes of zones; these and those above."""
CREATED, TOUCHED, MITIGATED = int(ZoneEvent.CREATED), int(ZoneEvent.TOUCHED), int(ZoneEvent.MITIGATED)
INVALIDATED, FILLED = int(ZoneEvent.INVALIDATED), int(ZoneEvent.FILLED)
SWEPT, BROKEN, EXPIRED = int(ZoneEvent.SWEPT), int(ZoneEvent.BROKEN), int(ZoneEvent.EXPIRED)
"""Codes of what happens to zones; these and those above."""

SMA_20, SMA_50, SMA_200 = range(at.SMA, at.SMA + 3)
"""Rows of `BarView.indicators`, by their names with default periods; these and those below."""
EMA_9, EMA_21, EMA_50, EMA_200 = range(at.EMA, at.EMA + 4)
WMA_20, DEMA_20, TEMA_20, KAMA_10, HMA_20 = at.WMA, at.DEMA, at.TEMA, at.KAMA, at.HMA
BB_UPPER_20, BB_MIDDLE_20, BB_LOWER_20, BB_WIDTH_20, BB_PERCENT_20 = range(at.BANDS, at.BANDS + 5)
DONCHIAN_UPPER_20, DONCHIAN_LOWER_20 = at.DONCHIAN, at.DONCHIAN + 1
KELTNER_UPPER_20, KELTNER_LOWER_20 = at.KELTNER, at.KELTNER + 1
SUPERTREND_10, SUPERTREND_DIR_10, PSAR = at.SUPERTREND, at.SUPERTREND + 1, at.PSAR
RSI_14, STOCH_RSI_K_14, STOCH_RSI_D_14 = at.RSI, at.STOCH_RSI, at.STOCH_RSI + 1
MACD, MACD_SIGNAL, MACD_HIST = range(at.MACD, at.MACD + 3)
STOCH_K_14, STOCH_D_14 = at.STOCH, at.STOCH + 1
CCI_20, WILLR_14, MFI_14, ROC_10, MOM_10 = at.CCI, at.WILLR, at.MFI, at.ROC, at.MOM
TRIX_15, ULTOSC, PPO = at.TRIX, at.ULTOSC, at.PPO
ADX_14, PLUS_DI_14, MINUS_DI_14 = range(at.ADX, at.ADX + 3)
AROON_UP_25, AROON_DOWN_25 = at.AROON, at.AROON + 1
TRUE_RANGE, ATR_14, ATR_200, NATR_14 = at.TRUE_RANGE, at.ATR, at.ATR + 1, at.NATR
REALIZED_VOL_30, OBV, AD, ADOSC, CMF_20 = at.REALIZED_VOL, at.OBV, at.AD, at.ADOSC, at.CMF
VOLUME_SMA_20, RELATIVE_VOLUME_20, VWAP = at.VOLUME_SMA, at.RELATIVE_VOLUME, at.VWAP
RANGE_TOP, RANGE_BOTTOM, RANGE_POSITION = range(at.RANGE, at.RANGE + 3)
INDICATOR_COUNT = at.COLUMN_COUNT


class HigherView(NamedTuple):
    """Bars of the higher timeframe: first the last one known before the block, then those the block completes.

    Attributes
    ----------
    ts : ndarray of int64, shape (m,)
        Open time, ms UTC.
    close : ndarray of float64, shape (m,)
        NaN while there is no bar yet.
    indicators : ndarray of float64, shape (INDICATOR_COUNT, m)
    swing_bias, internal_bias : ndarray of int8, shape (m,)
        Bias of its structure after the bar: +1, -1, or 0 before the first break.
    """

    ts: TimeArray
    close: FloatArray
    indicators: FloatArray
    swing_bias: SideArray
    internal_bias: SideArray


class StructureEvents(NamedTuple):
    """Structure rows of a block as `engines.structure.StructureRows` has them: arrays of equal length, in order."""

    scale: SideArray
    kind: SideArray
    direction: SideArray
    level: FloatArray
    origin_ts: TimeArray
    label: SideArray
    bias: SideArray


class ZoneEvents(NamedTuple):
    """Zone rows of a block as `engines.zones.ZoneRows` has them: arrays of equal length, in order.

    Among the zones that live at a time, kind, side, scale and origin tell one from another.
    """

    kind: SideArray
    event: SideArray
    side: SideArray
    scale: SideArray
    top: FloatArray
    bottom: FloatArray
    origin_ts: TimeArray
    volume: FloatArray


class BarView(NamedTuple):
    """A block of bars with all that is known of them.

    Attributes
    ----------
    bars : BarArrays
        The bars, each array of shape (n,).
    start : int
        Absolute index of the first bar of the block: the number of bars before it since the first ever.
    indicators : ndarray of float64, shape (INDICATOR_COUNT, n)
        NaN where a value does not exist yet.
    structure, zones : StructureEvents, ZoneEvents
    structure_from, zones_from : ndarray of int64, shape (n + 1,)
        Rows ``structure_from[t]`` up to ``structure_from[t + 1]`` are those of bar ``t``.
    higher : HigherView
    higher_known : ndarray of int64, shape (n,)
        Index in ``higher`` of the last bar known at the close of bar ``t``.
    """

    bars: BarArrays
    start: int
    indicators: FloatArray
    structure: StructureEvents
    structure_from: TimeArray
    zones: ZoneEvents
    zones_from: TimeArray
    higher: HigherView
    higher_known: TimeArray


class CandidateRows(NamedTuple):
    """What a strategy decided, as arrays of equal length with room for one candidate a bar.

    ``bar`` indexes the block; ``reasons`` are flags; ``zone`` indexes the zone rows of the block, -1 for none.
    """

    bar: TimeArray
    direction: SideArray
    entry: FloatArray
    stop: FloatArray
    target_1: FloatArray
    target_2: FloatArray
    score: FloatArray
    reasons: TimeArray
    zone: TimeArray
