"""The zone engine: the seam around its kernels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from engines import versions
from engines.bars import BarArrays, FloatArray, TimeArray, frozen
from engines.engine import Engine, positive
from engines.errors import BadParameter, StateMismatch
from engines.state import AnyArray
from engines.structure.rows import StructureRows, structure_rows
from engines.timeframe import Timeframe
from engines.zones.kernel import advance_zones
from engines.zones.lives import live_zones, new_pen, set_bound
from engines.zones.rows import ZONE_SCHEMA, ZoneRows, empty_rows, zone_frame
from engines.zones.state import GROUPS, LIVE_MOST, ZoneState, new_state

_BLOCK = 65_536
_EVENTS_PER_BAR = 44
"""A bar makes at most one gap, two pools, four order blocks and, with time, as many breakers; each has four events."""
_EVENTS_PER_LIVE_ZONE = 8
"""What a zone that lives, and the breaker it may become, can still have."""

_LIVE = "live."


class ZoneEngine(Engine[ZoneState]):
    """Order blocks, breakers, fair value gaps and liquidity pools of one series, with the life of each.

    Parameters
    ----------
    timeframe : Timeframe or str
    market : str
        Goes into the keys of the zones.
    micro, internal, swing : int
        Bars on the right of a pivot; as the structure engine was given.
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
        micro: int = 3,
        internal: int = 5,
        swing: int = 50,
        wild_bar: float = 2.0,
        atr_period: int = 200,
    ) -> None:
        self._market = market
        self._widths = (positive("micro", micro), positive("internal", internal), positive("swing", swing))
        self._atr_period = positive("atr_period", atr_period)
        if not wild_bar > 0:
            raise BadParameter(f"wild_bar must be above zero, not {wild_bar!r}")
        self._wild = float(wild_bar)
        super().__init__(
            timeframe,
            {
                "market": market,
                "micro": micro,
                "internal": internal,
                "swing": swing,
                "wild_bar": self._wild,
                "atr_period": atr_period,
            },
            new_state(max(self._widths)),
        )

    @property
    def live(self) -> int:
        """How many zones live."""
        return live_zones(self.state.live)

    def new_rows(self, bars: int) -> ZoneRows:
        """Room for all events that the next ``bars`` bars can make."""
        return empty_rows(_EVENTS_PER_BAR * bars + _EVENTS_PER_LIVE_ZONE * self.live)

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
        BadBars
            If a row breaks a rule; nothing has moved.
        """
        arrays = self.accept(bars)
        events = structure_rows(structure)
        frames = [ZONE_SCHEMA.to_frame()]
        taken = 0
        for first in range(0, arrays.ts.shape[0], _BLOCK):
            block = BarArrays(*(frozen(array[first : first + _BLOCK]) for array in arrays))  # pyright: ignore[reportArgumentType]
            until = int(np.searchsorted(events.ts, block.ts[-1], side="right"))
            here = StructureRows(*(array[taken:until] for array in events))  # pyright: ignore[reportArgumentType]
            rows = self.new_rows(block.ts.shape[0])
            count = self.advance_checked(block, here, until - taken, rows)
            frames.append(zone_frame(rows, count, self._market, self.timeframe.value))
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
        BadBars
            If a row breaks a rule; nothing has moved.
        """
        bars = self.accept_arrays(ts, open_, high, low, close, volume)
        return self.advance_checked(bars, structure, structure_count, rows)

    def advance_checked(self, bars: BarArrays, structure: StructureRows, structure_count: int, rows: ZoneRows) -> int:
        """`advance_arrays` for bars that have been checked."""
        pen = new_pen(rows)
        advance_zones(
            bars,
            self.bars_seen,
            self._widths,
            self._wild,
            self._atr_period,
            structure,
            structure_count,
            self.state,
            pen,
        )
        self.mark(bars.ts)
        return int(pen.at[0])

    def frame(self, rows: ZoneRows, count: int) -> pl.DataFrame:
        """First ``count`` rows as a frame of `ZONE_SCHEMA`."""
        return zone_frame(rows, count, self._market, self.timeframe.value)

    def state_arrays(self) -> dict[str, AnyArray]:
        """State with only the zones that live, so that a snapshot is as small as what it holds."""
        arrays = super().state_arrays()
        lives = np.arange(LIVE_MOST) < self.state.live.count[:, None]
        del arrays["live.bound"]
        return {
            name: array[lives] if name.startswith(_LIVE) and array.ndim == 2 else array
            for name, array in arrays.items()
        }

    def load_arrays(self, arrays: Mapping[str, AnyArray]) -> None:
        """Put the zones that live back into their groups.

        Raises
        ------
        StateMismatch
            If names, dtypes or shapes are not those of this engine's state.
        """
        count = arrays.get("live.count")
        if count is None or count.shape != (len(GROUPS),) or count.min() < 0 or count.max() > LIVE_MOST:
            raise StateMismatch("snapshot of zones has no count of its zones; recompute from the bars")
        lives = np.arange(LIVE_MOST) < count[:, None]
        whole: dict[str, AnyArray] = {"live.bound": self.state.live.bound.copy()}
        for name, array in arrays.items():
            if name.startswith(_LIVE) and name != "live.count":
                if array.shape != (int(count.sum()),):
                    raise StateMismatch(f"snapshot of zones has {name} of a wrong length; recompute from the bars")
                spread = np.zeros(lives.shape, array.dtype)
                spread[lives] = array
                whole[name] = spread
            else:
                whole[name] = array
        super().load_arrays(whole)
        for group in range(len(GROUPS)):
            set_bound(self.state.live, group)
