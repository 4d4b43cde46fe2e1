"""The structure engine: the seam around its kernel."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from engines import versions
from engines.bars import BarArrays, FloatArray, TimeArray
from engines.engine import Engine, positive
from engines.errors import BadParameter
from engines.state import AnyArray
from engines.structure.kernel import EVENTS_PER_BAR, advance_structure
from engines.structure.rows import STRUCTURE_SCHEMA, StructureRows, empty_rows, structure_frame
from engines.structure.state import StructureState, new_state
from engines.timeframe import Timeframe

_BLOCK = 65_536
_LOOK_BACK = "look_back."


class StructureEngine(Engine[StructureState]):
    """Pivots, breaks and equal levels of one series.

    A pivot is a high (low) that ``N`` bars after it have not reached; it becomes known at the close of the ``N``-th. Highs
    and lows alternate. A close beyond the last pivot that has not been crossed breaks it: a change of character (choch) if
    the scale's bias was against it, else a break of structure (bos).

    Parameters
    ----------
    timeframe : Timeframe or str
    micro, internal, swing : int
        Bars on the right of a pivot at the three scales.
    equal_threshold : float
        Two micro pivots of a side are equal if they are less than this many average true ranges apart.
    atr_period : int
        Period of that average.

    Raises
    ------
    BadParameter
        If a parameter is not above zero.
    """

    NAME = "structure"
    VERSION = versions.STRUCTURE

    def __init__(
        self,
        *,
        timeframe: Timeframe | str = "15m",
        micro: int = 3,
        internal: int = 5,
        swing: int = 50,
        equal_threshold: float = 0.1,
        atr_period: int = 200,
    ) -> None:
        self._widths = (positive("micro", micro), positive("internal", internal), positive("swing", swing))
        self._atr_period = positive("atr_period", atr_period)
        if not equal_threshold > 0:
            raise BadParameter(f"equal_threshold must be above zero, not {equal_threshold!r}")
        self._threshold = float(equal_threshold)
        super().__init__(
            timeframe,
            {
                "micro": micro,
                "internal": internal,
                "swing": swing,
                "equal_threshold": self._threshold,
                "atr_period": atr_period,
            },
            new_state(max(self._widths)),
        )

    def new_rows(self, bars: int) -> StructureRows:
        """Room for all events that ``bars`` bars can make."""
        return empty_rows(EVENTS_PER_BAR * bars)

    def advance(self, bars: pl.DataFrame) -> pl.DataFrame:
        """Advance over bars; returns their events in order, one row each.

        Parameters
        ----------
        bars : DataFrame
            `engines.bars.BAR_SCHEMA`.

        Returns
        -------
        DataFrame
            `STRUCTURE_SCHEMA`.

        Raises
        ------
        BadBars
            If a row breaks a rule; nothing has moved.
        """
        arrays = self.accept(bars)
        frames = [STRUCTURE_SCHEMA.to_frame()]
        rows = self.new_rows(min(_BLOCK, arrays.ts.shape[0]))
        for first in range(0, arrays.ts.shape[0], _BLOCK):
            block = BarArrays(*(array[first : first + _BLOCK] for array in arrays))  # pyright: ignore[reportArgumentType] - one type a field
            frames.append(self.frame(rows, self.advance_checked(block, rows)))
        return pl.concat(frames)

    def advance_arrays(
        self,
        ts: TimeArray,
        open_: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
        rows: StructureRows,
    ) -> int:
        """`advance` on arrays; fills ``rows`` (from `new_rows`) and returns how many were written.

        Raises
        ------
        BadBars
            If a row breaks a rule; nothing has moved.
        BadParameter
            If there is not enough room; nothing has moved.
        """
        bars = self.accept_arrays(ts, open_, high, low, close, volume)
        if rows.ts.shape[0] < EVENTS_PER_BAR * ts.shape[0]:
            raise BadParameter(f"rows must have room for {EVENTS_PER_BAR} events a bar, as new_rows makes them")
        return self.advance_checked(bars, rows)

    def advance_checked(self, bars: BarArrays, rows: StructureRows) -> int:
        """`advance_arrays` for bars that have been checked."""
        count: int = advance_structure(
            bars,
            self.bars_seen,
            self._widths,
            self._threshold,
            self._atr_period,
            self._state,
            rows,
        )
        self.mark(bars.ts)
        return count

    def state_arrays(self) -> dict[str, AnyArray]:
        """State without what is found again in the last bars."""
        return {name: array for name, array in super().state_arrays().items() if not name.startswith(_LOOK_BACK)}

    def load_arrays(self, arrays: Mapping[str, AnyArray]) -> None:
        """Replace the state by what `state_arrays` once returned."""
        fresh = new_state(max(self._widths)).look_back
        super().load_arrays({**arrays, **{_LOOK_BACK + name: array for name, array in fresh._asdict().items()}})

    def frame(self, rows: StructureRows, count: int) -> pl.DataFrame:
        """First ``count`` rows as a frame of `STRUCTURE_SCHEMA`."""
        return structure_frame(rows, count)
