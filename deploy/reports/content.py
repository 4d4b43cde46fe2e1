"""What a report is made of. Everything but the result and its bars may be missing; its section is then left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import polars as pl

from deploy.reports.verdict import Verdict
from engines.backtest.config import BacktestConfig
from engines.backtest.result import BacktestResult
from engines.backtest.robustness.monte_carlo import MonteCarlo
from engines.backtest.robustness.neighbourhood import Neighbourhood
from engines.backtest.robustness.random_entries import RandomEntries
from engines.backtest.robustness.stress import Stress, StressResult
from engines.bars import FloatArray, TimeArray


class Result(Protocol):
    """What a report reads of a result: `BacktestResult` has it, and so may a stitched one."""

    @property
    def config(self) -> BacktestConfig:
        """What was assumed."""
        ...

    @property
    def timeframe(self) -> str:
        """Of the bars."""
        ...

    @property
    def markets(self) -> tuple[str, ...]:
        """Names, in order."""
        ...

    @property
    def trades(self) -> pl.DataFrame:
        """`engines.backtest.rows.TRADE_SCHEMA`."""
        ...

    @property
    def fills(self) -> pl.DataFrame:
        """`engines.backtest.rows.FILL_SCHEMA`."""
        ...

    @property
    def equity(self) -> pl.DataFrame:
        """`engines.backtest.rows.EQUITY_SCHEMA`."""
        ...

    @property
    def metrics(self) -> dict[str, float]:
        """By the names of `engines.backtest.metrics.catalogue`; NaN where not defined."""
        ...


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve of equity by time.

    Attributes
    ----------
    ts : ndarray of int64, shape (n,)
        Milliseconds UTC, ascending.
    equity : ndarray of float64, shape (n,)
    metrics : mapping of str to float
        Its numbers, by the names of the catalogue.
    """

    ts: TimeArray
    equity: FloatArray
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """What the strategy is held against."""

    buy_and_hold: Line | None = None
    random_entries: RandomEntries | None = None


class Step(StrEnum):
    """What the returns that were resampled are of."""

    TRADE = "trade"
    DAY = "day"


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """How the result stands when something is changed.

    Attributes
    ----------
    monte_carlo : tuple of (Step, MonteCarlo)
    stress : StressResult, optional
    conditions : Stress
        What ``stress`` was made with.
    neighbourhood : Neighbourhood, optional
    """

    monte_carlo: tuple[tuple[Step, MonteCarlo], ...] = ()
    stress: StressResult | None = None
    conditions: Stress = field(default_factory=Stress)
    neighbourhood: Neighbourhood | None = None


@dataclass(frozen=True, kw_only=True)
class OutOfSample:
    """What walk-forward found in bars that no parameter was chosen on.

    Attributes
    ----------
    curve : Line
        Stitched over all windows.
    windows : DataFrame
        A row a window: ``train_begin``, ``train_end``, ``test_begin``, ``test_end``, the chosen value of each parameter, and
        metrics as ``train_sharpe`` and ``test_sharpe``.
    trades : DataFrame
        `engines.backtest.rows.TRADE_SCHEMA`, or at least ``r_multiple`` and ``return_on_equity``.
    embargo : str
        What was left out between the windows, in words.
    stability : DataFrame, optional
        Of `engines.backtest.stability.stability`.
    facts : mapping of str to str
        Numbers told under the curve, by name.
    """

    curve: Line
    windows: pl.DataFrame
    trades: pl.DataFrame
    embargo: str = ""
    stability: pl.DataFrame | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """Everything on the page.

    Attributes
    ----------
    title : str
        Strategy, for people.
    result : BacktestResult or Result
    bars : DataFrame
        As given to the backtest.
    verdict : Verdict
    parameters : mapping of str to object
        Of the strategy.
    zones, structure : DataFrame, optional
        Events (`engines.zones.rows.ZONE_SCHEMA`, `engines.structure.rows.STRUCTURE_SCHEMA`), with ``market`` if there are many.
    baselines : Baselines
    robustness : Robustness
    out_of_sample : OutOfSample, optional
    versions : mapping of str to str
        Of programs, engines and data, told at the end.
    notes : tuple of str
        Whatever else the reader must know, such as simulated data.
    """

    title: str
    result: BacktestResult | Result
    bars: pl.DataFrame
    verdict: Verdict
    parameters: Mapping[str, object] = field(default_factory=dict)
    zones: pl.DataFrame | None = None
    structure: pl.DataFrame | None = None
    baselines: Baselines = field(default_factory=Baselines)
    robustness: Robustness = field(default_factory=Robustness)
    out_of_sample: OutOfSample | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
