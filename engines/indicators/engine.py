"""The indicator engine: one row a bar, from one compiled pass over the bars."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
import polars as pl

from engines import versions
from engines.bars import TS_DTYPE, BarArrays, FloatArray, TimeArray
from engines.engine import Engine
from engines.errors import BadParameter
from engines.indicators.kernel import advance_indicators
from engines.indicators.periods import Periods
from engines.indicators.state import IndicatorState, Plan, first_state, make_plan
from engines.timeframe import Timeframe


class IndicatorEngine(Engine[IndicatorState]):
    """Indicators of ENGINES section 2, and the dealing range of section 3.

    Values agree with TA-Lib's from its first valid value on; before it they are null. Volumes are in the base asset.

    Parameters
    ----------
    timeframe : Timeframe or str
        Grid of the bars.
    columns : sequence of str, optional
        Names of the columns to compute, all by default. They come in the order of the catalogue whatever order they are
        named in, and their values do not depend on which others are computed.
    **periods
        Fields of `engines.indicators.periods.Periods`, as far as they differ from their defaults. The columns' names
        follow them: ``rsi_period=7`` gives ``rsi_7``.

    Raises
    ------
    BadParameter

    Examples
    --------
    >>> engine = IndicatorEngine(timeframe="15m")
    >>> rows = engine.advance(bars)
    >>> rows.columns[:3]
    ['ts', 'sma_20', 'sma_50']
    >>> IndicatorEngine(timeframe="1h", columns=["rsi_14", "psar"]).columns
    ('psar', 'rsi_14')
    """

    NAME = "indicators"
    VERSION = versions.INDICATORS

    def __init__(
        self,
        *,
        timeframe: Timeframe | str = "15m",
        columns: Sequence[str] | None = None,
        **periods: int | float | Sequence[int],
    ) -> None:
        chosen = Periods.of(periods)
        names = [name for name, _ in chosen.columns()]
        wanted = tuple(range(len(names))) if columns is None else _places(columns, names)
        self._plan = make_plan(chosen, wanted)
        self._columns = tuple(names[place] for place in wanted)
        selection = {} if columns is None else {"columns": list(self._columns)}
        super().__init__(timeframe, {**selection, **chosen.plain()}, first_state(chosen))

    @property
    def plan(self) -> Plan:
        """What the kernel computes; for kernels of engines that are composed of others."""
        return self._plan

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
        advance_indicators(bars, self.bars_seen, self._plan, self._state, rows)
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


def _places(columns: Sequence[str], names: list[str]) -> tuple[int, ...]:
    """Places of the named columns, in the order of the catalogue."""
    if isinstance(columns, str):
        raise BadParameter(f"columns must be a sequence of names, not {columns!r}")
    for name in columns:
        if name not in names:
            near = difflib.get_close_matches(str(name), names, 3, 0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else "`cap indicators` lists them all"
            raise BadParameter(f"there is no indicator column {name!r}; {hint}")
    wanted = set(columns)
    return tuple(place for place, name in enumerate(names) if name in wanted)
