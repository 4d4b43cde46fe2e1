"""Where a backtest's signals come from, parameter set by parameter set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import polars as pl

from engines.backtest.config import BacktestConfig
from engines.backtest.errors import BadBacktest
from engines.backtest.inputs import MARKET, infer_timeframe, market_names
from engines.bars import BAR_SCHEMA, BarArrays, FloatArray, bar_arrays, check_bars
from engines.errors import BadBars, BadParameter
from engines.indicators import IndicatorEngine
from engines.signals.engine import SignalEngine
from engines.signals.frames import indicator_columns, structure_from_frame, zones_from_frame
from engines.signals.strategy import Strategy, registered
from engines.structure import StructureEngine
from engines.structure.rows import StructureRows
from engines.timeframe import Timeframe
from engines.zones import ZoneEngine
from engines.zones.rows import ZoneRows


@runtime_checkable
class SignalSource(Protocol):
    """Anything that makes signals from parameters.

    Attributes
    ----------
    name : str
    version : int
        Raised whenever the same bars and parameters would give other signals.
    parameters : mapping
        Names of the parameters and their defaults.
    """

    @property
    def name(self) -> str:
        """As it stands in reports and stored runs."""
        ...

    @property
    def version(self) -> int:
        """Raised whenever the same bars and parameters would give other signals."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Names of the parameters and their defaults."""
        ...

    def signals(self, parameters: Mapping[str, Any]) -> pl.DataFrame:
        """Signals with some parameters changed; with a column ``market`` if the bars have one.

        May be called by several threads at once.
        """
        ...


@runtime_checkable
class LeanSource(SignalSource, Protocol):
    """A source that can trade many parameter sets in one pass of its own."""

    def sweep_lean(
        self, sets: Sequence[Mapping[str, Any]], config: BacktestConfig, *, threads: int | None = None
    ) -> pl.DataFrame | None:
        """Main metrics, one row a set; None if it cannot do what the configuration asks for."""
        ...


@dataclass(frozen=True)
class _Stages:
    """What all parameter sets of a market share: its bars and the rows of the stages before the strategies."""

    market: str
    bars: BarArrays
    indicators: FloatArray
    structure: StructureRows
    structure_count: int
    zones: ZoneRows
    structure_frame: pl.DataFrame
    zone_frame: pl.DataFrame


class StrategySignals:
    """Signals of a registered strategy over bars of one or many markets.

    Indicators, structure and zones are worked out once; a parameter set costs the strategy's own pass only. The signals are
    those of `engines.chain.Chain` over the same bars.

    Parameters
    ----------
    bars : DataFrame
        As for `engines.backtest.simulate.backtest`.
    strategy : str
        Name in the register (`engines.signals.strategy`).
    timeframe : Timeframe or str, optional
        Inferred from the bars if not given.
    market : str
        Name of the only market, where the bars have no column of it.

    Raises
    ------
    BadBacktest
        For bars that break a rule, or a strategy that does not exist.
    """

    def __init__(
        self,
        bars: pl.DataFrame,
        strategy: str,
        *,
        timeframe: Timeframe | str | None = None,
        market: str = "",
    ) -> None:
        try:
            self._strategy: Strategy[Any, Any] = registered(strategy)
        except BadParameter as error:
            raise BadBacktest("strategy", str(error)) from error
        self._grid = infer_timeframe(bars) if timeframe is None else Timeframe(timeframe)
        self._many = MARKET in bars.columns
        names = market_names(bars, market)
        frames = [bars.filter(pl.col(MARKET) == name) if self._many else bars for name in names]
        self._stages = [self._work_out(name, frame) for name, frame in zip(names, frames, strict=True)]

    @property
    def name(self) -> str:
        """Name of the strategy."""
        return self._strategy.name

    @property
    def version(self) -> int:
        """Version of the strategy."""
        return self._strategy.version

    @property
    def written(self) -> str:
        """Hash of the file of a user's strategy; its author may change it and leave the version as it is."""
        return self._strategy.source

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Parameters of the strategy and their defaults."""
        return cast("dict[str, Any]", self._strategy.parameters._asdict())

    @property
    def timeframe(self) -> Timeframe:
        """Timeframe of the bars."""
        return self._grid

    @property
    def zones(self) -> pl.DataFrame:
        """Zone events of all markets, with a column ``market`` if the bars have one."""
        return self._all([(one.market, one.zone_frame) for one in self._stages])

    @property
    def structure(self) -> pl.DataFrame:
        """Structure events of all markets, with a column ``market`` if the bars have one."""
        return self._all([(one.market, one.structure_frame) for one in self._stages])

    def _all(self, frames: Sequence[tuple[str, pl.DataFrame]]) -> pl.DataFrame:
        if not self._many:
            return frames[0][1]
        return pl.concat([frame.select(pl.lit(name).alias(MARKET), pl.all()) for name, frame in frames])

    def signals(self, parameters: Mapping[str, Any]) -> pl.DataFrame:
        """Signals with some parameters changed, in order of time.

        Raises
        ------
        BadBacktest
            For a parameter the strategy does not have, a value of another type, or a strategy that fails.
        """
        try:
            made = [self._signals_of(stages, parameters) for stages in self._stages]
        except BadParameter as error:
            raise BadBacktest(", ".join(parameters), str(error)) from error
        return made[0] if len(made) == 1 else pl.concat(made).sort("ts", maintain_order=True)

    def _signals_of(self, stages: _Stages, parameters: Mapping[str, Any]) -> pl.DataFrame:
        name = self._strategy.name
        settings = {name: dict(parameters)} if parameters else None
        engine = SignalEngine(timeframe=self._grid, market=stages.market, strategies=[name], settings=settings)
        rows = engine.advance_checked(
            stages.bars,
            stages.indicators,
            stages.structure,
            stages.structure_count,
            stages.zones,
            stages.zone_frame.height,
        )
        for failure in engine.failures:
            raise BadBacktest(f"strategy {name}", f"it failed on {stages.market or 'the bars'}: {failure.reason}")
        frame = engine.frame(stages.bars.ts, rows, stages.zone_frame["zone_id"])
        return frame.select(pl.lit(stages.market).alias(MARKET), pl.all()) if self._many else frame

    def _work_out(self, market: str, frame: pl.DataFrame) -> _Stages:
        bars = frame.select(BAR_SCHEMA.names())
        try:
            arrays = bar_arrays(bars)
            check_bars(arrays, self._grid)
        except BadBars as error:
            raise BadBacktest(f"bars of {market}" if market else "bars", str(error)) from error
        columns = indicator_columns(IndicatorEngine(timeframe=self._grid).advance(bars), arrays.ts)
        structure = StructureEngine(timeframe=self._grid).advance(bars)
        zones = ZoneEngine(timeframe=self._grid, market=market).advance(bars, structure)
        events, lives = structure_from_frame(structure, arrays.ts), zones_from_frame(zones, arrays.ts)
        return _Stages(market, arrays, columns, events, structure.height, lives, structure, zones)
