"""Bars and rows of the calls that advance a panel, in memory that is made once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engines.bars import BAR_SCHEMA, BarArrays, FloatArray, TimeArray, frozen
from engines.chain import Chain
from engines.errors import BadBars
from engines.indicators import IndicatorEngine
from engines.panel.arena import Arena, arena_of, view_of
from engines.panel.desk import STRUCTURE_END, ZONES_END, Desk, new_desk, new_higher_bar
from engines.panel.market import Call, advance_markets, first_unfit_bar
from engines.panel.parameters import others_of, parameters_of
from engines.zones.rows import empty_rows as empty_zones

_SPARE_ZONE_ROWS = 16
"""Zone rows a market there is room for at first, besides what one market may need at most."""


class Inputs(NamedTuple):
    """Room for the bars of a call; ``call`` is the same memory, as kernels read it."""

    markets: TimeArray
    ts: TimeArray
    values: FloatArray
    call: Call


class Part:
    """Rows of the consecutive bars that one thread takes, and what it works with.

    Parameters
    ----------
    desk : Desk

    Attributes
    ----------
    arena : Arena
        The desk, as the kernel takes it.
    desk : Desk
        The same memory.
    higher_bar : HigherBar
    first, end : int
        Places of its bars in the call.
    """

    def __init__(self, desk: Desk) -> None:
        self.arena = arena_of([desk])
        self.desk = view_of(self.arena, 0, desk)
        self.higher_bar = new_higher_bar()
        self.first = 0
        self.end = 0

    @property
    def structure_count(self) -> int:
        """Number of structure events."""
        return self._last(STRUCTURE_END)

    @property
    def zone_count(self) -> int:
        """Number of zone events."""
        return self._last(ZONES_END)

    @property
    def signal_count(self) -> int:
        """Number of signals."""
        return int(self.desk.marks.signal_count[0])

    def begin(self, first: int, end: int) -> None:
        """Take the bars from ``first`` to ``end`` of a new call; the rows of the one before are forgotten."""
        self.first, self.end = first, end
        self.desk.marks.signal_count[0] = 0

    def market_of_structure(self) -> npt.NDArray[np.int64]:
        """Place in the call of the bar of each structure event."""
        return self._market_of(STRUCTURE_END)

    def market_of_zones(self) -> npt.NDArray[np.int64]:
        """Place in the call of the bar of each zone event."""
        return self._market_of(ZONES_END)

    def make_room(self) -> None:
        """Double the room for zone rows, keeping those there are."""
        old = self.desk.zones
        wider = empty_zones(2 * old.ts.shape[0])
        for column, kept in zip(wider, old, strict=True):
            column[: kept.shape[0]] = kept
        self.arena = arena_of([self.desk._replace(zones=wider)])
        self.desk = view_of(self.arena, 0, self.desk)

    def _last(self, column: int) -> int:
        return int(self.desk.marks.ends[self.end - self.first - 1, column]) if self.end > self.first else 0

    def _market_of(self, column: int) -> npt.NDArray[np.int64]:
        ends = self.desk.marks.ends[: self.end - self.first, column]
        return np.repeat(np.arange(self.first, self.end), np.diff(ends, prepend=0))


class PanelRows:
    """Bars and rows of a call.

    Parameters
    ----------
    chain : Chain
        Any of the chains.
    states : Arena
        Of all markets.
    bars : int
        Most bars of a call.
    parts : int
        Most threads.
    least : int
        Bars that are worth a thread.

    Attributes
    ----------
    indicators : ndarray of float64, shape (bars, columns, 1)
        By the place of the bar in the call.
    parts : list of Part
        Events and signals.
    used : list of Part
        Those of the last call.
    has_others : bool
        Whether there are strategies that the kernel does not know.
    """

    def __init__(self, chain: Chain, states: Arena, bars: int, parts: int, least: int) -> None:
        indicators: IndicatorEngine = chain.part("indicators")
        self.states = states
        parameters = parameters_of(chain)
        self.parameters = arena_of([parameters])
        self.has_others = bool(others_of(chain))
        self.inputs = _new_inputs(bars)
        self.indicators = np.empty((bars, len(indicators.columns), 1))
        # A call of fewer bars may have fewer and longer parts.
        share = min(bars, max(-(-bars // parts), 2 * least))
        zone_rows = parameters.zone_room + _SPARE_ZONE_ROWS * share
        self.parts = [Part(new_desk(chain, share, zone_rows)) for _ in range(parts)]
        self.used: list[Part] = []

    def first_unfit(self, count: int) -> tuple[int, int]:
        """Place and rule of the first bad bar of a call; (-1, 0) if all are good."""
        return first_unfit_bar(self.parameters, self.states, self.inputs.call, count)

    def advance(self, part: Part, begin: int, *, unchecked: bool = False) -> tuple[int, int]:
        """Advance the markets of a part from bar ``begin`` on, having checked all bars of the call if they are ``unchecked``.

        Returns
        -------
        done, rule : int
            The bar that there was no room for, or the end; or a bad bar and the rule it breaks, with nothing advanced.
        """
        done, rule = advance_markets(
            self.parameters,
            self.states,
            self.inputs.call,
            part.arena,
            part.higher_bar,
            self.indicators,
            part.first,
            begin,
            part.end,
            unchecked,
        )
        if done < part.end and not rule:
            part.make_room()
        return done, rule

    def share_out(self, count: int, least: int) -> None:
        """Divide the bars of a call among as many parts as are worth it."""
        self.used = self.parts[: max(1, min(len(self.parts), count // least))]
        edges = [count * k // len(self.used) for k in range(len(self.used) + 1)]
        for k, part in enumerate(self.used):
            part.begin(edges[k], edges[k + 1])


def _new_inputs(bars: int) -> Inputs:
    markets, ts, values = np.zeros(bars, np.int64), np.zeros(bars, np.int64), np.zeros((5, bars))
    open_, high, low, close, volume = (frozen(row) for row in values)
    return Inputs(markets, ts, values, Call(markets, BarArrays(frozen(ts), open_, high, low, close, volume)))


def take_in(inputs: Inputs, count: int, ts: TimeArray, values: Sequence[FloatArray]) -> None:
    """Copy the bars of a call to where its kernels read them.

    Raises
    ------
    BadBars
        If an array has another dtype or length.
    """
    for name, array, room in zip(BAR_SCHEMA.names(), (ts, *values), (inputs.ts, *inputs.values), strict=True):
        if array.dtype != room.dtype or array.shape != (count,):
            raise BadBars(
                f"{name} is an array of {array.dtype} and shape {array.shape}, not {room.dtype} and {(count,)}"
            )
        room[:count] = array
