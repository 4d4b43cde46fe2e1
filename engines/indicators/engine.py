"""The indicator engine: one row a bar, from one compiled pass over the bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from engines import versions
from engines.bars import TS_DTYPE, BarArrays, FloatArray, TimeArray
from engines.engine import Engine
from engines.errors import BadParameter
from engines.indicators.dealing_range import RANGE_SIZE, advance_range
from engines.indicators.periods import Periods
from engines.indicators.rolling import ROLLING_SIZE, advance_rolling
from engines.indicators.strength import STRENGTH_SIZE, advance_strength
from engines.indicators.trend import TREND_SIZE, advance_trend
from engines.kernel import lean_kernel
from engines.timeframe import Timeframe


class IndicatorState(NamedTuple):
    """What the indicators carry from bar to bar; each kernel says what its arrays hold."""

    trend: FloatArray
    rolling: FloatArray
    closes: FloatArray
    strength: FloatArray
    day_end: TimeArray
    dealing_range: FloatArray
    leg: TimeArray
    highs: FloatArray
    lows: FloatArray
    highest_after: FloatArray
    lowest_after: FloatArray


@lean_kernel
def advance_indicators(bars: BarArrays, start: int, periods: Periods, state: IndicatorState, out: FloatArray) -> None:
    """Run."""
    advance_trend(bars.close, start, periods, state.trend, out)
    advance_rolling(bars.close, start, periods, state.rolling, state.closes, out)
    advance_strength(
        bars.ts, bars.high, bars.low, bars.close, bars.volume, start, periods, state.strength, state.day_end, out
    )
    advance_range(
        bars.high,
        bars.low,
        bars.close,
        start,
        state.dealing_range,
        state.leg,
        state.highs,
        state.lows,
        state.highest_after,
        state.lowest_after,
        out,
    )


class IndicatorEngine(Engine[IndicatorState]):
    """Indicators of ENGINES section 2, and the dealing range of section 3.

    Values agree with TA-Lib's from its first valid value on; before it they are null. Volumes are in the base asset.

    Parameters
    ----------
    timeframe : Timeframe or str
        Grid of the bars.
    ema_periods : sequence of four int
    sma_periods : sequence of three int
    rsi_period : int
    atr_periods : sequence of two int
    macd_fast, macd_slow, macd_signal : int
    bb_period : int
    bb_deviations : float
        Distance of the Bollinger bands from their middle in (population) standard deviations.
    swing_scale : int
        Bars on the right of a swing pivot, for the dealing range.

    Raises
    ------
    BadParameter

    Examples
    --------
    >>> engine = IndicatorEngine(timeframe="15m")
    >>> rows = engine.advance(bars)
    >>> rows.columns[:3]
    ['ts', 'ema_9', 'ema_21']
    """

    NAME = "indicators"
    VERSION = versions.INDICATORS

    def __init__(
        self,
        *,
        timeframe: Timeframe | str = "15m",
        ema_periods: Sequence[int] = (9, 21, 50, 200),
        sma_periods: Sequence[int] = (20, 50, 200),
        rsi_period: int = 14,
        atr_periods: Sequence[int] = (14, 200),
        macd_fast: int = 12,
        macd_slow: int = 26,
        macd_signal: int = 9,
        bb_period: int = 20,
        bb_deviations: float = 2.0,
        swing_scale: int = 50,
    ) -> None:
        self._periods = Periods(
            ema=tuple(ema_periods),  # pyright: ignore[reportArgumentType] - its length is checked next
            sma=tuple(sma_periods),  # pyright: ignore[reportArgumentType]
            rsi=rsi_period,
            atr=tuple(atr_periods),  # pyright: ignore[reportArgumentType]
            macd=(macd_fast, macd_slow, macd_signal),
            bb=bb_period,
            bb_deviations=float(bb_deviations),
            swing=swing_scale,
        ).checked()
        self._columns = self._periods.columns()
        super().__init__(
            timeframe,
            {
                "ema_periods": list(ema_periods),
                "sma_periods": list(sma_periods),
                "rsi_period": rsi_period,
                "atr_periods": list(atr_periods),
                "macd_fast": macd_fast,
                "macd_slow": macd_slow,
                "macd_signal": macd_signal,
                "bb_period": bb_period,
                "bb_deviations": float(bb_deviations),
                "swing_scale": swing_scale,
            },
            _first_state(self._periods),
        )

    @property
    def periods(self) -> Periods:
        """Lengths of all windows, as kernels take them."""
        return self._periods

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the indicator columns, in the order of the rows of ``out``."""
        return self._columns

    @property
    def schema(self) -> pl.Schema:
        """Schema of the frames that `advance` returns."""
        return pl.Schema({"ts": TS_DTYPE, **dict.fromkeys(self._columns, pl.Float64())})

    def empty_rows(self, count: int) -> FloatArray:
        """Array for ``count`` bars that `advance_arrays` can fill, one contiguous row a column."""
        return np.empty((len(self._columns), count))

    def advance(self, bars: pl.DataFrame) -> pl.DataFrame:
        """Indicator rows of the next bars.

        Parameters
        ----------
        bars : DataFrame
            Closed bars in the normal form (`engines.bars.BAR_SCHEMA`), after the last bar seen.

        Returns
        -------
        DataFrame
            ``ts`` and the columns of `columns`, one row a bar; null where a value does not exist yet.

        Raises
        ------
        BadBars
            If a bar breaks a rule. Nothing was advanced.
        """
        arrays = self.accept(bars)
        out = self.empty_rows(arrays.ts.shape[0])
        self.advance_checked(arrays, out)
        return self.frame(arrays.ts, out)

    def advance_arrays(
        self,
        ts: TimeArray,
        open: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
        out: FloatArray,
    ) -> int:
        """`advance` for arrays: fills ``out`` instead of making a frame.

        Parameters
        ----------
        ts : ndarray of int64, shape (n,)
            Open times, ms UTC.
        open, high, low, close, volume : ndarray of float64, shape (n,)
        out : ndarray of float64, shape (len(columns), n)
            Filled; NaN where a value does not exist yet. Contiguous rows, as `empty_rows` makes them, are fastest.

        Returns
        -------
        int
            Number of bars advanced.

        Raises
        ------
        BadBars
            If a bar breaks a rule. Nothing was advanced.
        BadParameter
            If ``out`` has another shape or dtype. Nothing was advanced.
        """
        arrays = self.accept_arrays(ts, open, high, low, close, volume)
        shape = (len(self._columns), ts.shape[0])
        if out.shape != shape or out.dtype != np.float64 or not out.flags.writeable:
            raise BadParameter(f"out must be a writable float64 array of shape {shape}, not {out.dtype} {out.shape}")
        self.advance_checked(arrays, out)
        return ts.shape[0]

    def advance_checked(self, bars: BarArrays, out: FloatArray) -> None:
        """`advance_arrays` for bars that have been checked already, as the stages of a chain are."""
        # The kernel is compiled for one layout; what is laid out otherwise gets a copy.
        rows = out if out.flags.c_contiguous else self.empty_rows(bars.ts.shape[0])
        advance_indicators(bars, self.bars_seen, self._periods, self._state, rows)
        if rows is not out:
            out[...] = rows
        self.mark(bars.ts)

    def frame(self, ts: TimeArray, out: FloatArray) -> pl.DataFrame:
        """Frame of filled rows: NaN becomes null.

        The frame shares the memory of ``ts`` and ``out``: neither may be filled again while it is in use.
        """
        series = [pl.Series("ts", ts).cast(TS_DTYPE)]
        series += [pl.Series(name, row, nan_to_null=True) for name, row in zip(self._columns, out, strict=True)]
        return pl.DataFrame(series)


def _first_state(periods: Periods) -> IndicatorState:
    return IndicatorState(
        trend=np.zeros(TREND_SIZE),
        rolling=np.zeros(ROLLING_SIZE),
        closes=np.zeros(_ring_length(max(*periods.sma, periods.bb))),
        strength=np.zeros(STRENGTH_SIZE),
        day_end=np.full(1, np.iinfo(np.int64).min),
        dealing_range=np.full(RANGE_SIZE, np.nan),
        leg=np.zeros(1, np.int64),
        highs=np.full(periods.swing, -np.inf),
        lows=np.full(periods.swing, np.inf),
        highest_after=np.full(periods.swing + 1, -np.inf),
        lowest_after=np.full(periods.swing + 1, np.inf),
    )


def _ring_length(period: int) -> int:
    """Smallest power of two above ``period``."""
    return 1 << period.bit_length()
