"""The chain: indicators, market structure, zones and signals of one market and timeframe, in one pass over its bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import polars as pl

from engines.bars import BarArrays, FloatArray, TimeArray
from engines.composite import CompositeEngine, NoState
from engines.errors import BadParameter
from engines.indicators import IndicatorEngine
from engines.signals.engine import BUILT_IN, SignalEngine, SignalRows
from engines.signals.rows import SIGNAL_SCHEMA
from engines.state import AnyArray
from engines.structure import StructureEngine
from engines.structure.rows import STRUCTURE_SCHEMA, StructureRows, structure_frame
from engines.timeframe import Timeframe
from engines.zones import ZoneEngine
from engines.zones.rows import ZONE_SCHEMA, ZoneRows

if TYPE_CHECKING:
    from engines.panel.arena import Arena
    from engines.panel.rows import PanelRows
    from engines.signals.runner import StrategyFailure

_BLOCK = 65_536
"""Bars taken through all stages at a time: what lies between the stages does not grow with the number of bars."""


@dataclass(frozen=True)
class ChainFrames:
    """Rows of the four stages, each frame with the columns of its table (without the market's)."""

    indicators: pl.DataFrame
    structure: pl.DataFrame
    zones: pl.DataFrame
    signals: pl.DataFrame


class ChainRows(NamedTuple):
    """Rows of the four stages as arrays for `Chain.advance_arrays` to fill.

    Attributes
    ----------
    indicators : ndarray of float64, shape (columns, n)
        One contiguous row a column.
    structure, zones, signals
        With room for all rows the bars can make.
    """

    indicators: FloatArray
    structure: StructureRows
    zones: ZoneRows
    signals: SignalRows


class ChainCounts(NamedTuple):
    """How many rows of each stage were written; of the indicators it is one a bar."""

    structure: int
    zones: int
    signals: int


class Chain(CompositeEngine[NoState]):
    """All stages from bars to signals for one market and timeframe.

    The bars of the higher timeframe that confirms signals are made from these bars, so a chain needs nothing else.

    Parameters
    ----------
    timeframe : Timeframe or str
    market : str
        ``exchange:SYMBOL``; part of the identity of zones and signals.
    indicators, structure, zones : mapping
        Parameters of `IndicatorEngine`, `StructureEngine` and `ZoneEngine`, as far as they differ from their defaults.
    strategies : sequence of str
    settings : mapping of str to mapping
        As for `SignalEngine`.

    Examples
    --------
    >>> chain = Chain(timeframe="15m", market="binance:BTCUSDT")
    >>> out = chain.advance(bars)
    >>> out.signals.columns[:4]
    ['ts', 'signal_id', 'strategy', 'direction']
    """

    NAME = "chain"
    VERSION = 1

    def __init__(
        self,
        *,
        timeframe: Timeframe | str = "15m",
        market: str = "",
        indicators: Mapping[str, Any] | None = None,
        structure: Mapping[str, Any] | None = None,
        zones: Mapping[str, Any] | None = None,
        strategies: Sequence[str] = BUILT_IN,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        if indicators and "columns" in indicators:
            raise BadParameter("a chain computes all indicators: strategies read them by their places")
        grid = Timeframe(timeframe)
        parts = {
            "indicators": IndicatorEngine(timeframe=grid, **(indicators or {})),
            "structure": StructureEngine(timeframe=grid, **(structure or {})),
            "zones": ZoneEngine(timeframe=grid, market=market, **(zones or {})),
            "signals": SignalEngine(timeframe=grid, market=market, strategies=strategies, settings=settings),
        }
        parameters = {
            "market": market,
            "indicators": dict(indicators or {}),
            "structure": dict(structure or {}),
            "zones": dict(zones or {}),
            "strategies": list(strategies),
            "settings": {name: dict(values) for name, values in (settings or {}).items()},
        }
        super().__init__(grid, parameters, NoState(), parts)
        self._memory: Arena | None = None
        self._in_panel = False
        self._one_bar: PanelRows | None = None

    @property
    def memory(self) -> Arena | None:
        """Arena of one that the states of all parts live in, once they were brought there (`engines.panel.memory`)."""
        return self._memory

    @property
    def in_panel(self) -> bool:
        """Whether the state lives in the memory of a panel."""
        return self._in_panel

    def settled(self, memory: Arena, *, in_panel: bool) -> None:
        """Note where the states of the parts are now."""
        self._memory = memory
        self._in_panel = in_panel
        self._one_bar = None

    @property
    def market(self) -> str:
        """Market of the bars, ``exchange:SYMBOL``."""
        return self.parameters["market"]

    @property
    def failures(self) -> tuple[StrategyFailure, ...]:
        """Strategies that were switched off, with bar and reason."""
        return self._stages().signals.failures

    def advance(self, bars: pl.DataFrame) -> ChainFrames:
        """Rows of all stages for the next bars.

        Parameters
        ----------
        bars : DataFrame
            Closed bars in the normal form (`engines.bars.BAR_SCHEMA`), after the last bar seen.

        Raises
        ------
        BadBars
            If a bar breaks a rule. Nothing was advanced.
        """
        arrays = self.accept(bars)
        stages = self._stages()
        empty = (stages.indicators.schema, STRUCTURE_SCHEMA, ZONE_SCHEMA, SIGNAL_SCHEMA)
        frames = [tuple(schema.to_frame() for schema in empty)] if not arrays.ts.shape[0] else []
        for _, block in _blocks(arrays):
            count = block.ts.shape[0]
            columns = stages.indicators.empty_rows(count)
            structure, zones = stages.structure.new_rows(count), stages.zones.new_rows(count)
            written, lives, signals = self._fold(block, columns, structure, zones)
            # Most single bars have no events, and making a frame of nothing takes as long as making one of something.
            zone_rows = stages.zones.frame(zones, lives) if lives else empty[2].to_frame()
            frames.append(
                (
                    stages.indicators.frame(block.ts, columns),
                    structure_frame(structure, written) if written else empty[1].to_frame(),
                    zone_rows,
                    stages.signals.frame(block.ts, signals, zone_rows["zone_id"]),
                )
            )
        self.mark(arrays.ts)
        if len(frames) == 1:
            return ChainFrames(*frames[0])
        return ChainFrames(*(pl.concat(parts) for parts in zip(*frames, strict=True)))

    def advance_arrays(
        self,
        ts: TimeArray,
        open_: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
        rows: ChainRows,
    ) -> ChainCounts:
        """`advance` on arrays; fills ``rows`` (from `new_rows`) and returns how many of each stage were written.

        ``rows.signals.zone`` indexes ``rows.zones``, ``rows.signals.bar`` the bars.

        Raises
        ------
        BadBars
            If a bar breaks a rule. Nothing was advanced.
        """
        if ts.shape == (1,):
            return self._advance_bar(ts, (open_, high, low, close, volume), rows)
        arrays = self.accept_arrays(ts, open_, high, low, close, volume)
        written = lives = decided = 0
        for first, block in _blocks(arrays):
            structure = StructureRows(*(_from(column, written) for column in rows.structure))
            zones = ZoneRows(*(_from(column, lives) for column in rows.zones))
            columns = rows.indicators[:, first : first + block.ts.shape[0]]
            more_structure, more_zones, signals = self._fold(block, columns, structure, zones)
            end = decided + signals.bar.shape[0]
            for column, values in zip(rows.signals, signals, strict=True):
                cast("AnyArray", column)[decided:end] = values
            rows.signals.bar[decided:end] += first
            rows.signals.zone[decided:end] += np.where(signals.zone < 0, 0, lives)
            written, lives, decided = written + more_structure, lives + more_zones, end
        self.mark(arrays.ts)
        return ChainCounts(written, lives, decided)

    def _advance_bar(self, ts: TimeArray, values: Sequence[FloatArray], rows: ChainRows) -> ChainCounts:
        """`advance_arrays` for one bar, as a panel of one market: a single kernel, whose arrays were handed over before."""
        from engines.panel.one_bar import advance_bar, one_bar_rows

        if self._one_bar is None:
            self._one_bar = one_bar_rows(self)
        return advance_bar(self, self._one_bar, ts, values, rows)

    def new_rows(self, bars: int) -> ChainRows:
        """Room for all rows that the next ``bars`` bars can make."""
        stages = self._stages()
        return ChainRows(
            stages.indicators.empty_rows(bars),
            stages.structure.new_rows(bars),
            stages.zones.new_rows(bars),
            stages.signals.new_rows(bars),
        )

    def reasons(self, strategy: int, flags: int) -> list[str]:
        """Reasons of a signal in `ChainRows`, in words."""
        return self._stages().signals.words(strategy, flags)

    def _fold(
        self, bars: BarArrays, columns: FloatArray, structure: StructureRows, zones: ZoneRows
    ) -> tuple[int, int, SignalRows]:
        """Take a block through all stages; returns the structure rows and zone rows written, and the signals."""
        stages = self._stages()
        stages.indicators.advance_checked(bars, columns)
        written = stages.structure.advance_checked(bars, structure)
        lives = stages.zones.advance_checked(bars, structure, written, zones)
        return written, lives, stages.signals.advance_checked(bars, columns, structure, written, zones, lives)

    def _stages(self) -> _Stages:
        return _Stages(*(self.part(name) for name in _Stages._fields))


class _Stages(NamedTuple):
    """The parts of a chain."""

    indicators: IndicatorEngine
    structure: StructureEngine
    zones: ZoneEngine
    signals: SignalEngine


def _blocks(bars: BarArrays) -> Iterator[tuple[int, BarArrays]]:
    """Consecutive blocks of at most `_BLOCK` bars, each with the index of its first."""
    count = bars.ts.shape[0]
    if 0 < count <= _BLOCK:
        yield 0, bars
        return
    for first in range(0, count, _BLOCK):
        columns: list[Any] = [column[first : first + _BLOCK] for column in bars]
        yield first, BarArrays(*columns)


def _from(column: AnyArray, first: int) -> AnyArray:
    return column[first:] if first else column
