"""The same signals under harder conditions: dearer, and late."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.backtest.config import BacktestConfig
from engines.backtest.errors import BadBacktest
from engines.backtest.inputs import MARKET, Series
from engines.backtest.result import BacktestResult
from engines.backtest.robustness.runs import Run
from engines.bars import FloatArray, TimeArray
from engines.signals.rows import floats, time_series, times

_MOST_BP = 1_000.0
"""Largest fee or slippage a configuration may have."""


class Scenario(StrEnum):
    """What is made harder."""

    BASE = "base"
    """Nothing."""
    FEES = "fees"
    """Fees times `Stress.fees`; a maker's rebate is not paid."""
    SLIPPAGE = "slippage"
    """Both kinds of slippage times `Stress.slippage`."""
    COSTS = "costs"
    """Fees and slippage."""
    LATE = "late"
    """Every signal reaches the market `Stress.bars_late` bars later."""
    ALL = "all"
    """Fees, slippage and late."""


_DEARER = frozenset({Scenario.FEES, Scenario.COSTS, Scenario.ALL})
_SLIPPING = frozenset({Scenario.SLIPPAGE, Scenario.COSTS, Scenario.ALL})
_LATE = frozenset({Scenario.LATE, Scenario.ALL})


@dataclass(frozen=True, kw_only=True)
class Stress:
    """How much harder.

    Attributes
    ----------
    fees, slippage : float
        Factors, at least 1.
    bars_late : int
    """

    fees: float = 2.0
    slippage: float = 3.0
    bars_late: int = 1

    def __post_init__(self) -> None:
        for name in ("fees", "slippage"):
            if not 1.0 <= getattr(self, name) <= 100.0:
                raise BadBacktest(f"stress {name}", f"must be a factor from 1 to 100, not {getattr(self, name)!r}")
        if self.bars_late < 1:
            raise BadBacktest("stress bars_late", f"must be at least 1, not {self.bars_late!r}")


@dataclass(frozen=True, kw_only=True)
class StressResult:
    """What the scenarios came to.

    Attributes
    ----------
    metrics : dict of Scenario to dict of str to float
    dropped : int
        Entries that were not sent when late: price was beyond their stop by then, or there was no later bar.
    """

    metrics: dict[Scenario, dict[str, float]]
    dropped: int

    @property
    def table(self) -> pl.DataFrame:
        """One row a scenario: ``scenario`` and its metrics."""
        return pl.DataFrame([{"scenario": str(scenario), **row} for scenario, row in self.metrics.items()])

    def keeps(self, metric: str = "total_return") -> dict[Scenario, float]:
        """Part of a metric's value that is left in each scenario; NaN where it was not above 0 to begin with."""
        whole = self.metrics[Scenario.BASE][metric]
        return {
            scenario: row[metric] / whole if whole > 0.0 else float("nan") for scenario, row in self.metrics.items()
        }


def stress(result: BacktestResult, run: Run, how: Stress | None = None) -> StressResult:
    """Run a backtest's signals again under each scenario.

    Parameters
    ----------
    result : BacktestResult
        As it was without stress.
    run : Run
        Over the same bars.
    how : Stress, optional
    """
    how = how or Stress()
    given = result.signals.drop("fate")
    late, dropped = delayed(given, result.history.series, result.markets, how.bars_late)
    metrics = {Scenario.BASE: result.metrics}
    for scenario in Scenario:
        if scenario is not Scenario.BASE:
            signals = late if scenario in _LATE else given
            metrics[scenario] = run(signals, stressed(result.config, scenario, how)).metrics
    return StressResult(metrics=metrics, dropped=dropped)


def stressed(config: BacktestConfig, scenario: Scenario, how: Stress) -> BacktestConfig:
    """The configuration of a scenario; no cost goes beyond what a configuration may have."""
    fees, slippage = config.fees, config.slippage
    if scenario in _DEARER:
        fees = replace(
            fees,
            maker_bp=min(max(fees.maker_bp, 0.0) * how.fees, _MOST_BP),
            taker_bp=min(fees.taker_bp * how.fees, _MOST_BP),
            liquidation_bp=min(fees.liquidation_bp * how.fees, _MOST_BP),
        )
    if scenario in _SLIPPING:
        slippage = replace(
            slippage,
            bp=min(slippage.bp * how.slippage, _MOST_BP),
            impact_bp=min(slippage.impact_bp * how.slippage, 5 * _MOST_BP),
        )
    return replace(config, fees=fees, slippage=slippage)


def delayed(
    signals: pl.DataFrame, series: Series, markets: tuple[str, ...], bars_late: int = 1
) -> tuple[pl.DataFrame, int]:
    """Signals moved to a later bar of their market, with their prices, and how many entries were dropped.

    An entry is dropped where that bar closes at or beyond its stop, or (without a price of its own) its target, and where
    there is no such bar.
    """
    if not signals.height:
        return signals, 0
    ts = times(signals["ts"])
    closes, moved, there = np.zeros(ts.shape[0]), ts.copy(), np.zeros(ts.shape[0], np.bool_)
    for m, mine in enumerate(rows_by_market(signals, markets)):
        bars = series.bars.ts[series.begin[m] : series.begin[m + 1]]
        place = np.searchsorted(bars, ts[mine]) + bars_late
        inside = place < bars.shape[0]
        rows, place = mine[inside], place[inside]
        there[rows] = True
        moved[rows] = bars[place]
        closes[rows] = series.bars.close[series.begin[m] + place]
    direction = signals["direction"].to_numpy().astype(np.float64)
    enters = direction != 0.0
    beyond = (closes - price_column(signals, "stop")) * direction <= 0.0
    own = np.isnan(price_column(signals, "entry"))
    for target in ("target_1", "target_2"):
        beyond |= own & ((price_column(signals, target) - closes) * direction <= 0.0)
    kept = there & ~(enters & beyond)
    frame = signals.with_columns(time_series("ts", moved)).filter(pl.Series(kept))
    return frame, int(np.count_nonzero(enters & ~kept))


def rows_by_market(signals: pl.DataFrame, markets: tuple[str, ...]) -> list[TimeArray]:
    """Numbers of each market's rows."""
    if MARKET not in signals.columns:
        return [np.arange(signals.height, dtype=np.int64)]
    return [(signals[MARKET] == name).arg_true().to_numpy().astype(np.int64) for name in markets]


def price_column(signals: pl.DataFrame, name: str) -> FloatArray:
    """A price of each signal; NaN where it is null or the column is missing."""
    if name not in signals.columns or signals.schema[name] == pl.Null:
        return np.full(signals.height, np.nan)
    column: npt.NDArray[np.float64] = floats(signals[name].cast(pl.Float64))
    return column
