"""Walk-forward: parameters chosen on a window, tried on the next, and what the tries came to together.

R. Pardo, "The Evaluation and Optimization of Trading Strategies", 2nd edition (2008), chapter 11.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import polars as pl

from engines.backtest.config import BacktestConfig
from engines.backtest.errors import BadBacktest
from engines.backtest.metrics import Curve, summary
from engines.backtest.metrics.catalogue import CATALOGUE, Better
from engines.backtest.metrics.inputs import daily_returns
from engines.backtest.metrics.overfitting import Overfitting, probability_of_overfitting
from engines.backtest.parameter_space import Constraint, ParameterSet, Space, check_space, grid_sets
from engines.backtest.result import BacktestResult
from engines.backtest.rows import TRADE_SCHEMA
from engines.backtest.signal_source import SignalSource
from engines.backtest.simulate import PreparedBars
from engines.backtest.stability import choices, stability
from engines.backtest.stitching import StitchedAccount, config_of, measured
from engines.backtest.sweeps import source_of, split
from engines.backtest.window_bars import MarketData, between
from engines.backtest.windows import Window, WindowPlan, windows
from engines.bars import FloatArray
from engines.signals.rows import time_series
from engines.timeframe import Timeframe

_MOST_BLOCKS = 16


class SignalsOf(Protocol):
    """Signals of a parameter set over all bars; what it says at a bar must depend on bars up to it only.

    May be called by several threads at once.
    """

    def __call__(self, parameters: Mapping[str, Any], /) -> pl.DataFrame:
        """Signals as `engines.backtest.simulate.backtest` takes them."""
        ...


@dataclass(frozen=True, kw_only=True)
class WindowResult:
    """What was chosen in a window, and what it came to.

    Attributes
    ----------
    window : Window
    chosen : dict of str to object, optional
        None if no set had enough trades: nothing was traded in the test window.
    train, test : dict of str to float, optional
        Metrics in the train window (None if nothing was chosen) and the test window.
    """

    window: Window
    chosen: ParameterSet | None
    train: Mapping[str, float] | None
    test: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class WalkForward:
    """What a walk-forward found.

    Attributes
    ----------
    choose_by : str
        Metric by which sets were chosen.
    windows : tuple of WindowResult
    curve : Curve
        Stitched from the test windows: each goes on with the equity of the one before.
    equity, trades : DataFrame
        In the schemas of `engines.backtest.rows`, out of sample only.
    metrics : dict of str to float
        Of the stitched curve and all its trades.
    choices, stability : DataFrame
        How often each value was chosen, and how much each parameter moved (`engines.backtest.stability`).
    efficiency : float
        Mean annual return of the test windows over that of the train windows; NaN where the latter is not above 0.
    overfitting : Overfitting, optional
        Of all sets over all bars; None for a single set, or too few days.
    """

    choose_by: str
    windows: tuple[WindowResult, ...]
    curve: Curve
    equity: pl.DataFrame = field(repr=False)
    trades: pl.DataFrame = field(repr=False)
    metrics: Mapping[str, float] = field(repr=False)
    choices: pl.DataFrame
    stability: pl.DataFrame
    efficiency: float
    overfitting: Overfitting | None = field(repr=False)

    @property
    def table(self) -> pl.DataFrame:
        """One row a window: its times, the chosen values, and trades, return and ``choose_by`` in both windows."""
        shown = tuple(dict.fromkeys(("trades", "total_return", "annual_return", self.choose_by)))
        names = tuple(dict.fromkeys(name for one in self.windows for name in one.chosen or ()))
        places = ("train_begin", "train_end", "test_begin", "test_end")
        columns = [time_series(at, np.array([getattr(one.window, at) for one in self.windows])) for at in places]
        for name in names:
            columns.append(pl.Series(name, [(one.chosen or {}).get(name) for one in self.windows], strict=False))
        for name in shown:
            columns.append(
                pl.Series(f"train_{name}", [one.train[name] if one.train else None for one in self.windows], pl.Float64)
            )
            columns.append(pl.Series(f"test_{name}", [one.test[name] for one in self.windows], pl.Float64))
        return pl.DataFrame(columns)


def walk_forward(
    bars: pl.DataFrame,
    signals_of: str | SignalSource | SignalsOf,
    grid: Space | Sequence[ParameterSet],
    config: BacktestConfig | None,
    plan: WindowPlan,
    *,
    choose_by: str = "sharpe",
    least_trades: int = 10,
    warm_up: int | None = None,
    constraint: Constraint | None = None,
    funding: pl.DataFrame | None = None,
    mark: pl.DataFrame | None = None,
    finer: pl.DataFrame | None = None,
    timeframe: Timeframe | str | None = None,
    market: str = "",
    threads: int | None = None,
) -> WalkForward:
    """Choose the best parameter set in each train window, and trade it in the test window after it.

    Signals are made over all bars, so that indicators are warm in every window; a window trades the signals of its own bars
    only. What is open at a window's end is closed there, with reason ``end``.

    Parameters
    ----------
    bars : DataFrame
        As for `engines.backtest.simulate.backtest`, and so are ``funding``, ``mark``, ``finer``, ``timeframe`` and ``market``.
    signals_of : str, SignalSource or callable
        Name of a strategy, a source, or a function from the parameters of a set (without fields of the configuration).
    grid : Space, or sequence of dict
        Values by parameter of the strategy or field of the configuration, or the sets themselves.
    config : BacktestConfig, optional
    plan : WindowPlan
    choose_by : str
        Metric that has a better side. The first of equal sets is taken.
    least_trades : int
        Sets with fewer trades in a train window are not chosen there.
    warm_up : int, optional
        Bars before a window that the average true range of a trailing stop is warmed up on; 20 of its periods if not given.
    constraint : callable, optional
        Whether a combination of ``grid`` makes sense.
    threads : int, optional
        All cores if not given.

    Raises
    ------
    BadBacktest
        Before anything runs, but for what signals break.
    """
    given = config or BacktestConfig()
    better = next((one.better for one in CATALOGUE if one.name == choose_by), Better.NEITHER)
    if better is Better.NEITHER:
        raise BadBacktest("choose_by", f"{choose_by!r} is not a metric with a better side")
    make, sets = _sets(bars, signals_of, grid, given, constraint, market)
    whole = PreparedBars(bars, funding=funding, mark=mark, finer=finer, timeframe=timeframe, market=market)
    times_of_bars = whole.series.bars.ts
    parts = windows(plan, int(times_of_bars.min()), int(times_of_bars.max()), whole.timeframe)
    cut = MarketData(bars, funding, mark, finer, whole.timeframe, market, warm_up)
    longest = max(cut.warm_up_of(config_of(one, given)) for one in sets)
    trained = [cut.prepared(one.train_begin, one.train_end, longest) for one in parts]

    def tried(one: ParameterSet) -> tuple[list[dict[str, float]], FloatArray]:
        signals, changed = make(split(one)[0]), config_of(one, given)
        found = [
            measured(_traded(prepared, signals, changed, part.train_begin, part.train_end), part.train_begin)
            for part, prepared in zip(parts, trained, strict=True)
        ]
        return found, daily_returns(whole.backtest(signals, changed).curve)

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        found = list(pool.map(tried, sets))
    side = 1.0 if better is Better.HIGH else -1.0
    chosen = [_best([metrics[k] for metrics, _ in found], choose_by, side, least_trades) for k in range(len(parts))]
    stitched = StitchedAccount(given.cash)
    results: list[WindowResult] = []
    for k, part in enumerate(parts):
        prepared = cut.prepared(part.test_begin, part.test_end, longest)
        place = chosen[k]
        test = stitched.trade(prepared, part, None if place is None else sets[place], make, given)
        results.append(
            WindowResult(
                window=part,
                chosen=None if place is None else sets[place],
                train=None if place is None else found[place][0][k],
                test=test,
            )
        )
    picked = [one.chosen for one in results if one.chosen is not None]
    curve = stitched.curve()
    return WalkForward(
        choose_by=choose_by,
        windows=tuple(results),
        curve=curve,
        equity=stitched.equity(),
        trades=pl.concat([TRADE_SCHEMA.to_frame(), *stitched.trades]),
        metrics=summary(curve, stitched.arrays()),
        choices=choices(sets, picked),
        stability=stability(sets, picked),
        efficiency=_efficiency(results),
        overfitting=_overfitting([returns for _, returns in found]),
    )


def _sets(
    bars: pl.DataFrame,
    signals_of: str | SignalSource | SignalsOf,
    grid: Space | Sequence[ParameterSet],
    config: BacktestConfig,
    constraint: Constraint | None,
    market: str,
) -> tuple[SignalsOf, list[ParameterSet]]:
    """What makes signals, and the sets to choose from; all configurations are checked."""
    if isinstance(signals_of, str | SignalSource):
        source = source_of(bars, signals_of, market)
        make: SignalsOf = source.signals
        if isinstance(grid, Mapping):
            check_space(grid, source.parameters, source.name, config)
    else:
        make = signals_of
    sets = grid_sets(grid, constraint) if isinstance(grid, Mapping) else [dict(one) for one in grid]
    if not sets:
        raise BadBacktest("grid", "is empty; name at least one parameter set")
    for one in sets:
        config_of(one, config)
    return make, sets


def _traded(
    prepared: PreparedBars | None, signals: pl.DataFrame, config: BacktestConfig, begin: int, end: int
) -> BacktestResult | None:
    return None if prepared is None else prepared.backtest(between(signals, begin, end), config)


def _best(found: Sequence[Mapping[str, float]], metric: str, side: float, least_trades: int) -> int | None:
    able = [
        (side * metrics[metric], -place)
        for place, metrics in enumerate(found)
        if metrics["trades"] >= least_trades and np.isfinite(metrics[metric])
    ]
    return -max(able)[1] if able else None


def _efficiency(results: Sequence[WindowResult]) -> float:
    both = [(one.train["annual_return"], one.test["annual_return"]) for one in results if one.train is not None]
    if not both:
        return float("nan")
    train, test = np.array(both).mean(axis=0).tolist()
    return test / train if train > 0.0 else float("nan")


def _overfitting(returns: Sequence[FloatArray]) -> Overfitting | None:
    """Probability of overfitting in as many blocks as the days allow, 16 at most; None for fewer than 4."""
    blocks = min(_MOST_BLOCKS, returns[0].shape[0] // 2 // 2 * 2)
    if len(returns) < 2 or blocks < 4:
        return None
    return probability_of_overfitting(np.column_stack(list(returns)), blocks)
