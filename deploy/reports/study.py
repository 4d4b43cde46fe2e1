"""Runs everything that a report tells of a strategy: the backtest, what it is held against, and how it stands when shaken."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from deploy.reports.content import Baselines, Line, OutOfSample, ReportContent, Robustness, Step
from deploy.reports.unseen import out_of_sample
from deploy.reports.verdict import Verdict, verdict
from engines.backtest.config import BacktestConfig, config_fields
from engines.backtest.metrics.baselines import buy_and_hold
from engines.backtest.parameter_space import Space, check_space, grid_sets
from engines.backtest.result import BacktestResult
from engines.backtest.robustness.monte_carlo import MonteCarlo, Resampling, day_returns, monte_carlo, trade_returns
from engines.backtest.robustness.neighbourhood import Neighbourhood, neighbourhood
from engines.backtest.robustness.random_entries import random_entries
from engines.backtest.robustness.stress import Stress, stress
from engines.backtest.signal_source import SignalSource
from engines.backtest.simulate import PreparedBars
from engines.backtest.walk_forward import WalkForward, walk_forward
from engines.backtest.windows import WindowPlan

Tell = Callable[[str, int | None], None]
"""Told the name of each stage and how many steps it has."""


@dataclass(frozen=True)
class Study:
    """A strategy on bars, and how it is to be traded.

    Attributes
    ----------
    title : str
    source : SignalSource
        On all bars there are, those that only warm it up included.
    bars : DataFrame
        That it is traded on.
    config : BacktestConfig
    market : str
        Name of the only market, where the bars have no column of it.
    parameters : mapping
        Of the strategy, as far as they differ from its defaults.
    finer, funding, mark, zones, structure : DataFrame, optional
    robust : bool
        Whether it is shaken.
    random_runs : int
    seed : int
    notes : tuple of str
    versions : mapping of str to str
    """

    title: str
    source: SignalSource
    bars: pl.DataFrame
    config: BacktestConfig
    market: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    finer: pl.DataFrame | None = None
    funding: pl.DataFrame | None = None
    mark: pl.DataFrame | None = None
    zones: pl.DataFrame | None = None
    structure: pl.DataFrame | None = None
    robust: bool = True
    random_runs: int = 300
    seed: int = 1
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Unseen:
    """What was found on bars that no parameter was chosen on.

    Attributes
    ----------
    found : OutOfSample
    trials : int
        Parameter sets that were looked at.
    p_random : float
        Part of the runs with random entries in these bars that were at least as good; NaN if that was not tested.
    """

    found: OutOfSample
    trials: int
    p_random: float = math.nan


def conduct(study: Study, tell: Tell, *, unseen: Unseen | None = None) -> ReportContent:
    """Run a study.

    Parameters
    ----------
    study : Study
    tell : callable
    unseen : Unseen, optional
        What walk-forward found; the verdict is then about it.

    Raises
    ------
    engines.backtest.errors.BadBacktest
        Before anything runs.
    """
    tell("Signals", None)
    prepared = PreparedBars(study.bars, funding=study.funding, mark=study.mark, finer=study.finer, market=study.market)
    signals = within(study.source.signals(study.parameters), study.bars)
    tell("Backtest", None)
    result = prepared.backtest(signals, study.config)
    held = buy_and_hold(study.bars, study.config.cash, study.config.fees.taker_bp)
    baselines = Baselines(buy_and_hold=Line(ts=held.ts, equity=held.equity, metrics=held.metrics()))
    shaken = Robustness()
    if study.robust and result.trades.height:
        baselines, shaken = _shake(study, prepared, result, baselines, tell)
    p_random = baselines.random_entries.p if baselines.random_entries is not None else math.nan
    return ReportContent(
        title=study.title,
        result=result,
        bars=study.bars,
        verdict=_judged(result, unseen, p_random),
        parameters={**study.source.parameters, **study.parameters},
        zones=study.zones,
        structure=study.structure,
        baselines=baselines,
        robustness=shaken,
        out_of_sample=None if unseen is None else unseen.found,
        versions=study.versions,
        notes=study.notes,
    )


def walk(study: Study, space: Space, plan: WindowPlan) -> Unseen:
    """Walk forward over the bars that are traded.

    Parameters
    ----------
    study : Study
    space : Space
        Values by parameter; what is not varied is as in the study.
    plan : WindowPlan

    Random entries are tried in the windows that were traded too, unless the configuration itself is varied.
    """
    source = traded_source(study)
    check_space(space, source.parameters, source.name, study.config)
    found = walk_forward(
        study.bars,
        source,
        space,
        study.config,
        plan,
        funding=study.funding,
        mark=study.mark,
        finer=study.finer,
        market=study.market,
    )
    varies_config = any(name in config_fields() for name in space)
    p_random = math.nan if varies_config or not study.robust else _chance(study, source, found)
    return Unseen(out_of_sample(found), len(grid_sets(space)), p_random)


def _chance(study: Study, source: SignalSource, found: WalkForward) -> float:
    """Part of the runs with random entries in the windows' bars that were at least as good; NaN without a trade there."""
    at = pl.col("ts").dt.epoch("ms")
    parts = [
        source.signals(one.chosen).filter((at >= one.window.test_begin) & (at < one.window.test_end))
        for one in found.windows
        if one.chosen is not None
    ]
    if not parts:
        return math.nan
    first, last = found.windows[0].window.test_begin, found.windows[-1].window.test_end
    prepared = PreparedBars(
        study.bars.filter((at >= first) & (at < last)),
        funding=study.funding,
        mark=study.mark,
        finer=study.finer,
        market=study.market,
    )
    result = prepared.backtest(pl.concat(parts), study.config)
    if not result.trades.height:
        return math.nan
    return random_entries(result, prepared.backtest, runs=study.random_runs, seed=study.seed).p


@dataclass(frozen=True)
class _TradedSource:
    """A study's source, with the study's own parameters, and only signals of the bars that are traded."""

    study: Study

    @property
    def name(self) -> str:
        return self.study.source.name

    @property
    def version(self) -> int:
        return self.study.source.version

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {**self.study.source.parameters, **self.study.parameters}

    def signals(self, parameters: Mapping[str, Any]) -> pl.DataFrame:
        return within(self.study.source.signals({**self.study.parameters, **parameters}), self.study.bars)


def traded_source(study: Study) -> SignalSource:
    """Source of a study's signals for sweeps and walk-forward."""
    return _TradedSource(study)


def within(signals: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Signals that are decided at bars that are traded; those of bars that only warm up are left out."""
    on = ["market", "ts"] if "market" in bars.columns else ["ts"]
    return signals.join(bars.select(on), on=on, how="semi", maintain_order="left")


def _judged(result: BacktestResult, unseen: Unseen | None, p_random: float) -> Verdict:
    if unseen is None:
        return verdict(
            result.trades,
            out_of_sample=False,
            total_return=result.metrics["total_return"],
            probabilistic_sharpe=result.metrics["probabilistic_sharpe"],
            p_random=p_random,
        )
    metrics = unseen.found.curve.metrics
    tested = not math.isnan(unseen.p_random)
    return verdict(
        unseen.found.trades,
        out_of_sample=True,
        total_return=metrics["total_return"],
        probabilistic_sharpe=metrics["probabilistic_sharpe"],
        p_random=unseen.p_random if tested else p_random,
        p_out_of_sample=tested,
        trials=unseen.trials,
    )


def _shake(
    study: Study, prepared: PreparedBars, result: BacktestResult, baselines: Baselines, tell: Tell
) -> tuple[Baselines, Robustness]:
    tell("Random entries", None)
    random = random_entries(result, prepared.backtest, runs=study.random_runs, seed=study.seed)
    baselines = replace(baselines, random_entries=random)
    tell("Monte Carlo", None)
    fans: list[tuple[Step, MonteCarlo]] = []
    by_trade, by_day = trade_returns(result), day_returns(result)
    if by_trade.shape[0] > 1:
        fans.append((Step.TRADE, monte_carlo(by_trade, method=Resampling.SHUFFLE, seed=study.seed)))
    if by_day.shape[0] > 1:
        fans.append((Step.DAY, monte_carlo(by_day, method=Resampling.STATIONARY, seed=study.seed)))
    tell("Costs and delay", None)
    conditions = Stress()
    shaken = stress(result, prepared.backtest, conditions)
    tell("Neighbouring parameters", None)
    return baselines, Robustness(
        monte_carlo=tuple(fans),
        stress=shaken,
        conditions=conditions,
        neighbourhood=_neighbours(study, prepared),
    )


def _neighbours(study: Study, prepared: PreparedBars) -> Neighbourhood | None:
    own = {**study.source.parameters, **study.parameters}
    if not any(isinstance(value, int | float) and not isinstance(value, bool) for value in own.values()):
        return None

    def run(parameters: Mapping[str, Any]) -> Mapping[str, float]:
        signals = within(study.source.signals(parameters), study.bars)
        return prepared.backtest(signals, study.config).metrics

    return neighbourhood(run, own)
