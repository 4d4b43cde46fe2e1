"""Runs everything that a report tells of a strategy: the backtest, what it is held against, and how it stands when shaken."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from deploy.reports.content import (
    Baselines,
    Line,
    MonteCarlo,
    Neighbourhood,
    OutOfSample,
    RandomEntries,
    ReportContent,
    Robustness,
    StressRow,
)
from deploy.reports.verdict import Verdict, verdict
from engines.backtest.config import BacktestConfig
from engines.backtest.metrics.baselines import buy_and_hold
from engines.backtest.result import BacktestResult
from engines.backtest.robustness import monte_carlo, neighbourhood, random_entries, stress
from engines.backtest.signal_source import SignalSource
from engines.backtest.simulate import PreparedBars

Tell = Callable[[str, int | None], None]
"""Told the name of each stage and how many steps it has."""
CHOSEN = "as chosen"
SHOWN = ("sharpe", "total_return", "max_drawdown", "trades")


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


def conduct(study: Study, tell: Tell, *, unseen: OutOfSample | None = None, trials: int = 1) -> ReportContent:
    """Run a study.

    Parameters
    ----------
    study : Study
    tell : callable
    unseen : OutOfSample, optional
        What walk-forward found; the verdict is then about it.
    trials : int
        Parameter sets that were looked at before these were chosen.

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
        verdict=_judged(result, unseen, p_random, trials),
        parameters={**study.source.parameters, **study.parameters},
        zones=study.zones,
        structure=study.structure,
        baselines=baselines,
        robustness=shaken,
        out_of_sample=unseen,
        versions=study.versions,
        notes=study.notes,
    )


def within(signals: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Signals that are decided at bars that are traded; those of bars that only warm up are left out."""
    on = ["market", "ts"] if "market" in bars.columns else ["ts"]
    return signals.join(bars.select(on), on=on, how="semi", maintain_order="left")


def _judged(result: BacktestResult, unseen: OutOfSample | None, p_random: float, trials: int) -> Verdict:
    if unseen is None:
        return verdict(
            result.trades,
            out_of_sample=False,
            total_return=result.metrics["total_return"],
            probabilistic_sharpe=result.metrics["probabilistic_sharpe"],
            p_random=p_random,
            trials=trials,
        )
    metrics = unseen.curve.metrics
    return verdict(
        unseen.trades,
        out_of_sample=True,
        total_return=metrics["total_return"],
        probabilistic_sharpe=metrics["probabilistic_sharpe"],
        p_random=p_random,
        trials=trials,
    )


def _shake(
    study: Study, prepared: PreparedBars, result: BacktestResult, baselines: Baselines, tell: Tell
) -> tuple[Baselines, Robustness]:
    tell("Random entries", None)
    random = random_entries.random_entries(result, prepared.backtest, runs=study.random_runs, seed=study.seed)
    baselines = Baselines(
        buy_and_hold=baselines.buy_and_hold,
        random_entries=RandomEntries(
            values=random.values, observed=random.observed, p=random.p, statistic=random.metric
        ),
    )
    tell("Monte Carlo", None)
    fans: list[MonteCarlo] = []
    by_trade, by_day = monte_carlo.trade_returns(result), monte_carlo.day_returns(result)
    if by_trade.shape[0] > 1:
        fans.append(_fan(study, "Trades in another order", "trade", by_trade, monte_carlo.Resampling.SHUFFLE))
    if by_day.shape[0] > 1:
        fans.append(_fan(study, "Days drawn in blocks", "day", by_day, monte_carlo.Resampling.STATIONARY))
    tell("Costs and delay", None)
    shaken = stress.stress(result, prepared.backtest)
    rows = tuple(
        StressRow(name=name.value.replace("_", " "), metrics=metrics) for name, metrics in shaken.metrics.items()
    )
    tell("Neighbouring parameters", None)
    return baselines, Robustness(monte_carlo=tuple(fans), stress=rows, neighbourhood=_neighbours(study, prepared))


def _fan(study: Study, name: str, unit: str, returns: Any, method: monte_carlo.Resampling) -> MonteCarlo:
    found = monte_carlo.monte_carlo(returns, method=method, seed=study.seed)
    cash = study.config.cash
    return MonteCarlo(
        name=name,
        steps=found.steps.astype(np.float64),
        levels=monte_carlo.BAND_LEVELS,
        bands=found.bands * cash,
        actual=found.actual * cash,
        unit=unit,
        facts={
            "Probability of a loss": f"{found.probability_of_loss:.1%}",
            f"Probability of losing {found.ruin:.0%}": f"{found.probability_of_ruin:.1%}",
            "Largest drawdown, median": f"{float(np.median(found.max_drawdown)):.1%}",
            "Largest drawdown, 95 %": f"{float(np.quantile(found.max_drawdown, 0.95)):.1%}",
        },
    )


def _neighbours(study: Study, prepared: PreparedBars) -> Neighbourhood | None:
    own = {**study.source.parameters, **study.parameters}
    names = [name for name, value in own.items() if isinstance(value, int | float) and not isinstance(value, bool)]
    if not names:
        return None

    def run(parameters: Mapping[str, Any]) -> Mapping[str, float]:
        signals = within(study.source.signals(parameters), study.bars)
        return prepared.backtest(signals, study.config).metrics

    found = neighbourhood.neighbourhood(run, own)
    rows = [{"set": CHOSEN, **{name: found.observed[name] for name in SHOWN}}]
    rows += [
        {"set": f"{one.parameter} = {one.value:g}", **{name: one.metrics[name] for name in SHOWN}}
        for one in found.neighbours
        if one.metrics is not None
    ]
    table = pl.DataFrame(rows, schema={"set": pl.String, **dict.fromkeys(SHOWN, pl.Float64)})
    return Neighbourhood(table=table, parameters=("set",), shown=SHOWN, chosen={"set": CHOSEN})
