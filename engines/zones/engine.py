"""The zone engine: the seam around its kernels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from engines import versions
from engines.bars import BarArrays, FloatArray, TimeArray
from engines.engine import Engine, positive
from engines.errors import BadParameter
from engines.state import AnyArray
from engines.structure.rows import StructureRows, structure_rows
from engines.timeframe import Timeframe
from engines.zones.admission import check_structure
from engines.zones.kernel import advance_zones
from engines.zones.lives import WRITTEN, Pen, begin, new_pen_at
from engines.zones.rows import ZONE_SCHEMA, ZoneRows, empty_rows, zone_frame
from engines.zones.snapshot import revived, stored
from engines.zones.state import COUNT, GROUPS, LIVE_MOST, ZoneState, new_state

_BLOCK = 65_536
_ROWS_PER_BAR = 24
"""A bar makes at most one gap, one pool and two order blocks, each of at most four events, and as many breakers."""
_ROWS_PER_LIVE_ZONE = 7
"""What a zone that lives, and the breaker it may become, can still have."""


class ZoneEngine(Engine[ZoneState]):
    """Order blocks, breakers, fair value gaps and liquidity pools of one series, with the life of each.

    Parameters
    ----------
    timeframe : Timeframe or str
    market : str
        Goes into the keys of the zones.
    internal, swing : int
        Bars on the right of a pivot; as the structure engine was given.
    live_limit : int
        Most zones that live at a time of one kind, scale and side; one more ends the oldest.
    wild_bar : float
        A bar of at least so many average true ranges is wild: its high and low are swapped in the search.
    atr_period : int
        Period of that average.

    Raises
    ------
    BadParameter
        If a parameter is not above zero.
    """

    NAME = "zones"
    VERSION = versions.ZONES

    def __init__(
        self,
        *,
        timeframe: Timeframe | str = "15m",
        market: str = "",
        internal: int = 5,
        swing: int = 50,
        live_limit: int = LIVE_MOST,
        wild_bar: float = 2.0,
        atr_period: int = 200,
    ) -> None:
        self._market = market
        self._widest = max(positive("internal", internal), positive("swing", swing))
        self._live_limit = positive("live_limit", live_limit)
        self._atr_period = positive("atr_period", atr_period)
        if not wild_bar > 0:
            raise BadParameter(f"wild_bar must be above zero, not {wild_bar!r}")
        self._wild = float(wild_bar)
        self._pen_at = new_pen_at()
        super().__init__(
            timeframe,
            {
                "market": market,
                "internal": internal,
                "swing": swing,
                "live_limit": live_limit,
                "wild_bar": self._wild,
                "atr_period": atr_period,
            },
            new_state(self._widest, live_limit),
        )

    @property
    def live(self) -> int:
        """How many zones live."""
        return int(self._state.book.groups[:, COUNT].sum())

    def new_rows(self, bars: int) -> ZoneRows:
        """Room for all events that ``bars`` bars can make, whatever lives when they come."""
        return empty_rows(self._room(bars))

    def advance(self, bars: pl.DataFrame, structure: pl.DataFrame) -> pl.DataFrame:
        """Advance over bars and the structure events of them.

        Parameters
        ----------
        bars : DataFrame
            `engines.bars.BAR_SCHEMA`.
        structure : DataFrame
            What the structure engine made of the same bars.

        Returns
        -------
        DataFrame
            `ZONE_SCHEMA`, events in order.

        Raises
        ------
        BadBars, BadStructure
            If a row breaks a rule; nothing has moved.
        """
        arrays = self.accept(bars)
        events = structure_rows(structure)
        check_structure(arrays.ts, self.bars_seen, events, structure.height, self._state.search)
        frames = [ZONE_SCHEMA.to_frame()]
        rows = self.new_rows(min(_BLOCK, arrays.ts.shape[0]))
        taken = 0
        for first in range(0, arrays.ts.shape[0], _BLOCK):
            block = BarArrays(*(array[first : first + _BLOCK] for array in arrays))  # pyright: ignore[reportArgumentType] - one type a field
            last: int = block.ts[-1]
            until = int(np.searchsorted(events.ts, last, side="right"))
            here = StructureRows(*(array[taken:until] for array in events))  # pyright: ignore[reportArgumentType, reportUnknownArgumentType]
            frames.append(self.frame(rows, self.advance_checked(block, here, until - taken, rows)))
            taken = until
        return pl.concat(frames)

    def advance_arrays(
        self,
        ts: TimeArray,
        open_: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
        structure: StructureRows,
        structure_count: int,
        rows: ZoneRows,
    ) -> int:
        """`advance` on arrays; fills ``rows`` (from `new_rows`) and returns how many were written.

        Raises
        ------
        BadBars, BadStructure
            If a row breaks a rule; nothing has moved.
        BadParameter
            If there is not enough room; nothing has moved.
        """
        bars = self.accept_arrays(ts, open_, high, low, close, volume)
        check_structure(bars.ts, self.bars_seen, structure, structure_count, self._state.search)
        if rows.ts.shape[0] < self._room(ts.shape[0]):
            raise BadParameter("rows have too little room for these bars; make them with new_rows")
        return self.advance_checked(bars, structure, structure_count, rows)

    def advance_checked(self, bars: BarArrays, structure: StructureRows, structure_count: int, rows: ZoneRows) -> int:
        """`advance_arrays` for bars that have been checked."""
        pen = Pen(rows, self._pen_at)
        begin(pen, self._live_limit)
        advance_zones(
            bars,
            self.bars_seen,
            self._wild,
            self._atr_period,
            structure,
            structure_count,
            self._state,
            pen,
        )
        self.mark(bars.ts)
        return int(pen.at[WRITTEN])

    def _room(self, bars: int) -> int:
        return _ROWS_PER_BAR * bars + _ROWS_PER_LIVE_ZONE * len(GROUPS) * self._live_limit

    def frame(self, rows: ZoneRows, count: int) -> pl.DataFrame:
        """First ``count`` rows as a frame of `ZONE_SCHEMA`."""
        return zone_frame(rows, count, self._market, self.timeframe.value)

    def state_arrays(self) -> dict[str, AnyArray]:
        """State in the form in which it is stored (`engines.zones.snapshot`)."""
        return stored(self._state, self.bars_seen, self.timeframe.milliseconds)._asdict()

    def load_arrays(self, arrays: Mapping[str, AnyArray]) -> None:
        """Replace the state by what `state_arrays` once returned.

        Raises
        ------
        StateMismatch
            If names, dtypes, shapes or numbers are not those of this engine's state.
        """
        self._state = revived(
            self.NAME, arrays, self._widest, self._live_limit, self.bars_seen, self.timeframe.milliseconds
        )
