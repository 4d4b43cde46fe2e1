"""The higher timeframe of a chain: its bars, made from the chain's own, with indicators and structure of their own."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np

from engines.bars import BarArrays, FloatArray, TimeArray, frozen
from engines.composite import CompositeEngine
from engines.errors import BadParameter
from engines.indicators import IndicatorEngine
from engines.kernel import kernel
from engines.resample import ResampleEngine
from engines.signals.rows import SideArray
from engines.signals.view import INDICATOR_COUNT, INTERNAL, SWING, HigherView
from engines.structure import StructureEngine
from engines.structure.rows import StructureRows
from engines.timeframe import Timeframe


class LastHigherBar(NamedTuple):
    """The last complete bar of the higher timeframe, as a `HigherView` of one bar holds it."""

    ts: TimeArray
    close: FloatArray
    indicators: FloatArray
    swing_bias: SideArray
    internal_bias: SideArray


@kernel
def _biases(ts: TimeArray, rows: StructureRows, count: int, swing: SideArray, internal: SideArray) -> None:
    """Bias after each higher bar; entry 0 is the bar before, entry ``k + 1`` is for ``ts[k]``."""
    i = 0
    for k in range(ts.shape[0]):
        swing[k + 1] = swing[k]
        internal[k + 1] = internal[k]
        while i < count and rows.ts[i] == ts[k]:
            if rows.scale[i] == SWING:
                swing[k + 1] = rows.bias[i]
            elif rows.scale[i] == INTERNAL:
                internal[k + 1] = rows.bias[i]
            i += 1


@kernel
def _known(ts: TimeArray, bar_ms: int, higher_ts: TimeArray, higher_ms: int, known: TimeArray) -> None:
    """Index of the last higher bar known at the close of each bar; 0 is the bar from before the block."""
    k = 0
    for t in range(ts.shape[0]):
        while k < higher_ts.shape[0] and higher_ts[k] + higher_ms <= ts[t] + bar_ms:
            k += 1
        known[t] = k


class HigherTimeframe(CompositeEngine[LastHigherBar]):
    """Bars, indicators and structure bias of the timeframe that confirms another one's signals.

    Only complete bars are used, each from the close of the bar on that completes it. A higher bar with a gap inside is left
    out: the one before it stays the last known.

    Parameters
    ----------
    timeframe : Timeframe or str
        Timeframe of the bars it is fed.

    Raises
    ------
    BadParameter
        If nothing confirms that timeframe.
    """

    NAME = "higher_timeframe"
    VERSION = 1

    def __init__(self, *, timeframe: Timeframe | str = "15m") -> None:
        grid = Timeframe(timeframe)
        higher = grid.higher
        if higher is None:
            raise BadParameter(f"no timeframe confirms {grid.value}")
        self._higher = higher
        parts = {
            "resample": ResampleEngine(base=grid, timeframe=higher),
            "indicators": IndicatorEngine(timeframe=higher),
            "structure": StructureEngine(timeframe=higher),
        }
        state = LastHigherBar(
            np.zeros(1, np.int64),
            np.full(1, np.nan),
            np.full((INDICATOR_COUNT, 1), np.nan),
            np.zeros(1, np.int8),
            np.zeros(1, np.int8),
        )
        super().__init__(grid, {}, state, parts)

    def advance_checked(self, bars: BarArrays) -> tuple[HigherView, TimeArray]:
        """Take in bars that have been checked; returns what is known of the higher timeframe at the close of each.

        Returns
        -------
        view : HigherView
        known : ndarray of int64, shape (n,)
            Index in ``view`` by bar.
        """
        resample = cast("ResampleEngine", self.part("resample"))
        count = bars.ts.shape[0]
        known = np.zeros(count, np.int64)
        room = resample.capacity(count)
        ts, values = np.empty(room, np.int64), np.empty((5, room))
        made = resample.advance_checked(bars, ts, values)
        self.mark(bars.ts)
        if not made:
            return self._view_of_last(), known
        open_, high, low, close, volume = (frozen(row[:made]) for row in values)
        higher = BarArrays(frozen(ts[:made]), open_, high, low, close, volume)
        view = self._advance_higher(higher)
        _known(bars.ts, self.timeframe.milliseconds, higher.ts, self._higher.milliseconds, known)
        return view, known

    def _advance_higher(self, bars: BarArrays) -> HigherView:
        indicators = cast("IndicatorEngine", self.part("indicators"))
        structure = cast("StructureEngine", self.part("structure"))
        last = self._state
        made = bars.ts.shape[0]
        columns = indicators.empty_rows(made + 1)
        columns[:, :1] = last.indicators
        indicators.advance_checked(bars, columns[:, 1:])
        rows = structure.new_rows(made)
        events = structure.advance_checked(bars, rows)
        swing, internal = np.zeros(made + 1, np.int8), np.zeros(made + 1, np.int8)
        swing[0], internal[0] = last.swing_bias[0], last.internal_bias[0]
        _biases(bars.ts, rows, events, swing, internal)
        view = HigherView(
            np.concatenate([last.ts, bars.ts]), np.concatenate([last.close, bars.close]), columns, swing, internal
        )
        last.ts[0] = bars.ts[-1]
        last.close[0] = bars.close[-1]
        last.indicators[:, 0] = columns[:, made]
        last.swing_bias[0] = swing[made]
        last.internal_bias[0] = internal[made]
        return view

    def _view_of_last(self) -> HigherView:
        last = self._state
        columns = cast("IndicatorEngine", self.part("indicators")).empty_rows(1)
        columns[:] = last.indicators
        return HigherView(last.ts, last.close, columns, last.swing_bias, last.internal_bias)
