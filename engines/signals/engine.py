"""The signal engine: runs strategies over the rows of the stages before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import polars as pl

from engines import versions
from engines.bars import BarArrays, FloatArray, TimeArray
from engines.composite import CompositeEngine, NoState
from engines.engine import Engine
from engines.errors import BadParameter
from engines.identity import signal_ids
from engines.kernel import kernel
from engines.signals.frames import (
    indicator_columns,
    structure_events,
    structure_from_frame,
    zone_events,
    zones_from_frame,
)
from engines.signals.higher import HigherTimeframe
from engines.signals.mean_reversion import MEAN_REVERSION
from engines.signals.rows import SIGNAL_SCHEMA, SideArray, time_series
from engines.signals.runner import StrategyFailure, StrategyRunner, new_candidates
from engines.signals.smc_pullback import SMC_PULLBACK
from engines.signals.structure_breakout import STRUCTURE_BREAKOUT
from engines.signals.trend_following import TREND_FOLLOWING
from engines.signals.view import BarView, CandidateRows
from engines.structure.rows import StructureRows
from engines.timeframe import Timeframe
from engines.zones.rows import ZoneRows

BUILT_IN = (SMC_PULLBACK.name, STRUCTURE_BREAKOUT.name, TREND_FOLLOWING.name, MEAN_REVERSION.name)
"""Strategies that run unless told otherwise."""

_HIGHER = "higher"
_MOST_STRATEGIES = 127


class SignalRows(NamedTuple):
    """Signals of a block as arrays of equal length, in order of bar, then of the engine's strategies.

    ``strategy`` indexes the engine's strategies; the rest is as in `CandidateRows`.
    """

    strategy: SideArray
    bar: TimeArray
    direction: SideArray
    entry: FloatArray
    stop: FloatArray
    target_1: FloatArray
    target_2: FloatArray
    score: FloatArray
    reasons: TimeArray
    zone: TimeArray


@kernel
def rows_from(bars_ts: TimeArray, rows_ts: TimeArray, count: int, first: TimeArray) -> None:
    """Fill ``first`` so that rows ``first[t]`` up to ``first[t + 1]`` are those of bar ``t``."""
    i = 0
    for t in range(bars_ts.shape[0]):
        first[t] = i
        while i < count and rows_ts[i] == bars_ts[t]:
            i += 1
    first[bars_ts.shape[0]] = i


class SignalEngine(CompositeEngine[NoState]):
    """Signals of a market and timeframe.

    Parameters
    ----------
    timeframe : Timeframe or str
    market : str
        ``exchange:SYMBOL``; part of the identity of signals.
    strategies : sequence of str
        Names in the register, in the order their signals of one bar have.
    settings : mapping of str to mapping
        Parameters by strategy, as far as they differ from its defaults.

    Raises
    ------
    BadParameter
        For a strategy, or a parameter of one, that does not exist.

    Notes
    -----
    A timeframe that nothing confirms (`Timeframe.higher` is None) has no signals.
    """

    NAME = "signals"
    VERSION = versions.SIGNALS

    def __init__(
        self,
        *,
        timeframe: Timeframe | str = "15m",
        market: str = "",
        strategies: Sequence[str] = BUILT_IN,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        grid = Timeframe(timeframe)
        given = {name: dict(values) for name, values in (settings or {}).items()}
        if len(strategies) > _MOST_STRATEGIES:
            raise BadParameter(f"{len(strategies)} strategies are too many; {_MOST_STRATEGIES} are possible")
        if len(set(strategies)) != len(strategies):
            raise BadParameter(f"strategies are named more than once: {', '.join(strategies)}")
        unused = sorted(set(given) - set(strategies))
        if unused:
            raise BadParameter(f"settings are given for {', '.join(unused)}, which does not run")
        self._names = tuple(strategies)
        self._market = market
        parts: dict[str, Engine[Any]] = {
            _part(name): StrategyRunner(timeframe=grid, strategy=name, settings=given.get(name)) for name in self._names
        }
        if grid.higher is not None:
            parts[_HIGHER] = HigherTimeframe(timeframe=grid)
        parameters = {"market": market, "strategies": list(strategies), "settings": given}
        super().__init__(grid, parameters, NoState(), parts)
        self._scratch = new_candidates(0)

    @property
    def strategies(self) -> tuple[str, ...]:
        """Names of the strategies, in order."""
        return self._names

    @property
    def higher(self) -> HigherTimeframe | None:
        """The timeframe that confirms; None where nothing does."""
        return self._parts.get(_HIGHER)  # pyright: ignore[reportReturnType] - the part of that name

    @property
    def runners(self) -> tuple[StrategyRunner, ...]:
        """The strategies at work, in order."""
        return tuple(self._runner(number) for number in range(len(self._names)))

    @property
    def failures(self) -> tuple[StrategyFailure, ...]:
        """Strategies that were switched off, in order of the engine's strategies."""
        return tuple(runner.failure for runner in self.runners if runner.failure is not None)

    def words(self, strategy: int, flags: int) -> list[str]:
        """Reasons of a signal, in words."""
        return self._runner(strategy).strategy.words(flags)

    def advance(
        self, bars: pl.DataFrame, indicators: pl.DataFrame, structure: pl.DataFrame, zones: pl.DataFrame
    ) -> pl.DataFrame:
        """Decide the signals of bars, from the frames of the stages before.

        Parameters
        ----------
        bars : DataFrame
            Closed bars in the normal form, after the last bar seen.
        indicators, structure, zones : DataFrame
            What `IndicatorEngine`, `StructureEngine` and `ZoneEngine` made of exactly these bars.

        Returns
        -------
        DataFrame
            `SIGNAL_SCHEMA`, in order of time, then of the engine's strategies.

        Raises
        ------
        BadBars, BadSignals
            Nothing has moved.
        """
        arrays = self.accept(bars)
        columns = indicator_columns(indicators, arrays.ts)
        events, lives = structure_from_frame(structure, arrays.ts), zones_from_frame(zones, arrays.ts)
        rows = self.advance_checked(arrays, columns, events, structure.height, lives, zones.height)
        return self.frame(arrays.ts, rows, zones["zone_id"])

    def advance_arrays(
        self,
        ts: TimeArray,
        open_: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
        indicators: FloatArray,
        structure: StructureRows,
        structure_count: int,
        zones: ZoneRows,
        zone_count: int,
        rows: SignalRows,
    ) -> int:
        """`advance` on arrays; fills ``rows`` (from `new_rows`) and returns how many were written.

        Raises
        ------
        BadBars
            Nothing has moved.
        """
        bars = self.accept_arrays(ts, open_, high, low, close, volume)
        made = self.advance_checked(bars, indicators, structure, structure_count, zones, zone_count)
        count = made.bar.shape[0]
        for column, values in zip(rows, made, strict=True):
            cast("Any", column)[:count] = values
        return count

    def new_rows(self, bars: int) -> SignalRows:
        """Room for all signals that ``bars`` bars can make."""
        room = bars * len(self._names)
        return SignalRows(np.empty(room, np.int8), *new_candidates(room))

    def advance_checked(
        self,
        bars: BarArrays,
        indicators: FloatArray,
        structure: StructureRows,
        structure_count: int,
        zones: ZoneRows,
        zone_count: int,
    ) -> SignalRows:
        """Decide the signals of a block of bars that have been checked, from the rows of the stages before.

        Parameters
        ----------
        bars : BarArrays
        indicators : ndarray of float64, shape (columns, n)
            As `IndicatorEngine` fills it.
        structure, structure_count, zones, zone_count
            Rows of exactly these bars, and how many there are.
        """
        count = bars.ts.shape[0]
        if not count or _HIGHER not in self._parts:
            self.mark(bars.ts)
            return _merge([])
        higher, known = cast("HigherTimeframe", self.part(_HIGHER)).advance_checked(bars)
        structure_from, zones_from = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
        rows_from(bars.ts, structure.ts, structure_count, structure_from)
        rows_from(bars.ts, zones.ts, zone_count, zones_from)
        view = BarView(
            bars,
            self.bars_seen,
            indicators,
            structure_events(structure),
            structure_from,
            zone_events(zones),
            zones_from,
            higher,
            known,
        )
        if self._scratch.bar.shape[0] < count:
            self._scratch = new_candidates(count)
        made: list[tuple[int, CandidateRows]] = []
        for number in range(len(self._names)):
            found = self._runner(number).advance_checked(view, self._scratch)
            if found:
                made.append((number, CandidateRows(*(cast("Any", column)[:found].copy() for column in self._scratch))))
        self.mark(bars.ts)
        return _merge(made)

    def frame(self, ts: TimeArray, rows: SignalRows, zone_ids: pl.Series, market: str | None = None) -> pl.DataFrame:
        """Signals as a frame of `SIGNAL_SCHEMA`.

        Parameters
        ----------
        ts : ndarray of int64, shape (n,)
            Open times of the block's bars, ms.
        rows : SignalRows
        zone_ids : Series of str
            Ids of the block's zone rows.
        market : str, optional
            Market of the signals; this engine's unless given.
        """
        if not rows.bar.shape[0]:
            return pl.DataFrame(schema=SIGNAL_SCHEMA)
        numbers: list[int] = rows.strategy.tolist()
        times = ts[rows.bar]
        ids = signal_ids(market or self._market, self.timeframe, self._names, rows.strategy, times, rows.direction)
        flags: list[int] = rows.reasons.tolist()
        behind: list[int] = rows.zone.tolist()
        last_target = np.where(np.isnan(rows.target_2), rows.target_1, rows.target_2)
        reward = np.abs(last_target - rows.entry) / np.abs(rows.entry - rows.stop)
        return pl.DataFrame(
            [
                time_series("ts", times),
                ids.alias("signal_id"),
                pl.Series("strategy", [self._names[number] for number in numbers], pl.String),
                pl.Series("direction", rows.direction, pl.Int8),
                pl.Series("entry", rows.entry),
                pl.Series("stop", rows.stop),
                pl.Series("target_1", rows.target_1),
                pl.Series("target_2", rows.target_2, nan_to_null=True),
                pl.Series("risk_reward", reward),
                pl.Series("score", rows.score),
                pl.Series(
                    "reasons",
                    [self.words(number, word) for number, word in zip(numbers, flags, strict=True)],
                    pl.List(pl.String),
                ),
                pl.Series("zone_id", [None if row < 0 else zone_ids[row] for row in behind], pl.String),
            ]
        )

    def _runner(self, number: int) -> StrategyRunner:
        return self.part(_part(self._names[number]))


def _part(strategy: str) -> str:
    """Name of a strategy among the parts: it must not meet the name of another part."""
    return f"strategy:{strategy}"


def _merge(made: Sequence[tuple[int, CandidateRows]]) -> SignalRows:
    """Candidates by strategy, in order of bar, then of strategy."""
    if not made:
        return _NOTHING
    strategy = np.concatenate([np.full(rows.bar.shape[0], number, np.int8) for number, rows in made])
    joined = [np.concatenate(columns) for columns in zip(*(rows for _, rows in made), strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return SignalRows(strategy[order], *(cast("Any", column)[order] for column in joined))


_NOTHING = SignalRows(np.empty(0, np.int8), *new_candidates(0))
