"""Sweeps: one backtest a parameter set, side by side on all cores."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
import polars as pl

from engines.backtest.config import BacktestConfig, config_fields
from engines.backtest.errors import BadBacktest
from engines.backtest.metrics.catalogue import METRIC_NAMES
from engines.backtest.metrics.inputs import DAYS_A_YEAR, daily_returns
from engines.backtest.metrics.overfitting import Overfitting, probability_of_overfitting
from engines.backtest.metrics.significance import Sample, deflated_sharpe
from engines.backtest.moving_average_cross import MovingAverageCross
from engines.backtest.parameter_space import (
    Constraint,
    OptunaSearch,
    ParameterSet,
    RandomSearch,
    Search,
    Space,
    check_space,
    grid_sets,
    random_sets,
)
from engines.backtest.signal_source import LeanSource, SignalSource, StrategySignals
from engines.backtest.simulate import PreparedBars
from engines.bars import FloatArray

DEFLATED = "deflated_sharpe"
"""Column beside the metrics: probability that a set's Sharpe ratio is more than the luck of having tried so many."""
Progress = Callable[[int, int], None]
"""Told how many sets are done, of how many."""


class SweepStore(Protocol):
    """Where results are kept, so that a sweep that was stopped goes on where it was."""

    def known(self, keys: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
        """Metrics of those of the keys that are there."""
        ...

    def keep(self, key: str, parameters: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Keep the metrics of a set; the same key again is the same result."""
        ...


@dataclass
class JsonLinesStore:
    """Results in a file, a line each; a line that was cut off is passed over.

    Attributes
    ----------
    path : Path
    """

    path: Path
    _lock: Lock = field(default_factory=Lock, repr=False)

    def known(self, keys: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
        """Metrics of those of the keys that are there."""
        if not self.path.exists():
            return {}
        wanted = set(keys)
        found: dict[str, dict[str, float]] = {}
        for line in self.path.read_text().splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue
            if row["key"] in wanted:
                found[row["key"]] = {name: np.nan if value is None else value for name, value in row["metrics"].items()}
        return found

    def keep(self, key: str, parameters: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Keep the metrics of a set."""
        plain = {name: None if np.isnan(value) else float(value) for name, value in metrics.items()}
        line = json.dumps({"key": key, "parameters": dict(parameters), "metrics": plain}, default=str)
        with self._lock, self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    # The last line was cut off; what follows it must not be lost with it.
                    line = "\n" + line
            file.write(line.encode() + b"\n")


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found.

    Attributes
    ----------
    table : DataFrame
        One row a set: its parameters, then its metrics, then `DEFLATED`.
    sets : tuple of dict
    returns : ndarray of float64, shape (days, sets), optional
        Daily returns, of all sets if they were all run here.
    """

    table: pl.DataFrame
    sets: tuple[ParameterSet, ...]
    returns: FloatArray | None = field(repr=False, default=None)

    def overfitting(self, blocks: int = 16) -> Overfitting | None:
        """Probability that the best set is only the luckiest one; None if not all sets were run here, or they are too few."""
        if self.returns is None or self.returns.shape[1] < 2 or self.returns.shape[0] < 2 * blocks:
            return None
        return probability_of_overfitting(self.returns, blocks)

    def best(self, metric: str = "sharpe", *, minimize: bool = False, least_trades: int = 1) -> ParameterSet | None:
        """Set with the best value of a metric among those with enough trades; the first of equal ones."""
        rows = self.table.with_row_index("set").filter(
            (pl.col("trades") >= least_trades) & pl.col(metric).is_not_nan() & pl.col(metric).is_not_null()
        )
        if not rows.height:
            return None
        return self.sets[int(rows.sort(metric, descending=not minimize, maintain_order=True)["set"][0])]


def sweep(
    bars: pl.DataFrame,
    strategy: str | SignalSource,
    grid: Space,
    config: BacktestConfig | None = None,
    **options: Any,
) -> pl.DataFrame:
    """Backtest every parameter set; the table of `run_sweep`, whose options these are.

    Examples
    --------
    >>> table = sweep(bars, "smc_pullback", {"stop_atr": [0.1, 0.2], "trailing.distance": [2.0, 3.0]}, BacktestConfig())
    >>> table.sort("sharpe", descending=True).head()
    """
    return run_sweep(bars, strategy, grid, config, **options).table


def run_sweep(
    bars: pl.DataFrame,
    strategy: str | SignalSource,
    grid: Space,
    config: BacktestConfig | None = None,
    *,
    search: Search | None = None,
    constraint: Constraint | None = None,
    lean: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    store: SweepStore | None = None,
    funding: pl.DataFrame | None = None,
    mark: pl.DataFrame | None = None,
    finer: pl.DataFrame | None = None,
    market: str = "",
) -> SweepResult:
    """Backtest many parameter sets on the same bars.

    Bars are checked, and indicators, structure and zones worked out, once; a strategy's signals once for each of its own
    parameter sets. Values and their order do not depend on the number of threads.

    Parameters
    ----------
    bars : DataFrame
        As for `engines.backtest.simulate.backtest`.
    strategy : str or SignalSource
        Name of a registered strategy or of `MovingAverageCross`, or a source of signals on these bars.
    grid : mapping
        Values by parameter: of the strategy, or fields of `BacktestConfig` (``size``, ``trailing.distance``).
    config : BacktestConfig, optional
        What is not varied.
    search : GridSearch, RandomSearch or OptunaSearch, optional
        Every combination unless told otherwise.
    constraint : callable, optional
        Sets for which it is false are left out.
    lean : bool
        Only the main metrics, by a pass of the source's own over all sets where it has one.
    threads : int, optional
        As many as there are cores, if not given.
    progress : callable, optional
    store : SweepStore, optional
        Sets it knows are not run again; what is done is kept at once.
    funding, mark, finer, market
        As for `backtest`.

    Raises
    ------
    BadBacktest
        Naming the parameter, before anything runs.
    """
    config = config or BacktestConfig()
    if threads is not None and threads < 1:
        raise BadBacktest("threads", f"must be at least 1, not {threads!r}")
    source = source_of(bars, strategy, market)
    check_space(grid, source.parameters, source.name, config)
    if isinstance(search, OptunaSearch):
        if search.metric not in METRIC_NAMES:
            raise BadBacktest("metric", f"there is no metric {search.metric!r}; there are {', '.join(METRIC_NAMES)}")
        sets: list[ParameterSet] = []
    else:
        sets = (
            random_sets(grid, search, constraint) if isinstance(search, RandomSearch) else grid_sets(grid, constraint)
        )
    varies_config = any(name in config_fields() for name in grid)
    if (
        lean
        and sets
        and not varies_config
        and isinstance(source, LeanSource)
        and funding is None
        and finer is None
        and mark is None
    ):
        table = source.sweep_lean(sets, config, threads=threads)
        if table is not None:
            return SweepResult(pl.concat([_parameters_frame(sets, list(grid)), table], how="horizontal"), tuple(sets))
    prepared = PreparedBars(bars, funding=funding, mark=mark, finer=finer, market=market)
    runner = _Runner(prepared, source, config, threads or os.cpu_count() or 1, progress, store)
    if isinstance(search, OptunaSearch):
        from engines.backtest.optuna_search import searched

        sets, rows = searched(grid, search, constraint, runner.run)
    else:
        rows = runner.run(sets, len(sets))
    return _result(sets, rows, list(grid), lean=lean)


@dataclass
class SetResult:
    """Metrics of one set, and its daily returns if it was run here."""

    metrics: Mapping[str, float]
    returns: FloatArray | None = None


class _Runner:
    """Runs sets side by side."""

    def __init__(
        self,
        prepared: PreparedBars,
        source: SignalSource,
        config: BacktestConfig,
        threads: int,
        progress: Progress | None,
        store: SweepStore | None,
    ) -> None:
        self._prepared = prepared
        self._source = source
        self._config = config
        self._threads = threads
        self._progress = progress
        self._store = store
        self._done = 0
        self._common = _fingerprint(prepared, source, config) if store is not None else ""
        # Fundings, finer bars and marks are taken apart, and refused, before anything runs.
        prepared.tape(config)

    def run(self, sets: Sequence[ParameterSet], total: int) -> list[SetResult]:
        """Results of sets, in their order."""
        results: list[SetResult | None] = [None] * len(sets)
        if self._store is not None:
            keys = [self._key(one) for one in sets]
            known = self._store.known(keys)
            for k, key in enumerate(keys):
                if key in known:
                    results[k] = SetResult(known[key])
        left = [k for k, result in enumerate(results) if result is None]
        self._tell(len(sets) - len(left), total)
        # Sets with the same signals follow each other, so that no more signals are held than are needed.
        groups = self._by_signals(sets, left)
        with ThreadPoolExecutor(self._threads) as pool:
            waiting: dict[Future[dict[int, SetResult]], int] = {
                pool.submit(self._run_group, sets, group, signals): len(group) for group, signals in groups
            }
            try:
                for future in as_completed(waiting):
                    for k, result in future.result().items():
                        results[k] = result
                    self._tell(waiting[future], total)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return [result for result in results if result is not None]

    def _by_signals(self, sets: Sequence[ParameterSet], left: Sequence[int]) -> Iterator[tuple[list[int], _Once]]:
        groups: dict[str, list[int]] = {}
        for k in left:
            own, _ = split(sets[k])
            groups.setdefault(json.dumps(own, sort_keys=True, default=str), []).append(k)
        # A few large groups would leave cores idle.
        size = max(1, -(-len(left) // (4 * self._threads)))
        for group in groups.values():
            own, _ = split(sets[group[0]])
            signals = _Once(partial(self._source.signals, own))
            for first in range(0, len(group), size):
                yield group[first : first + size], signals

    def _run_group(self, sets: Sequence[ParameterSet], group: Sequence[int], once: _Once) -> dict[int, SetResult]:
        signals = once.get()
        made: dict[int, SetResult] = {}
        for k in group:
            _, changes = split(sets[k])
            result = self._prepared.backtest(signals, self._config.with_values(changes) if changes else self._config)
            metrics = result.metrics
            made[k] = SetResult(metrics, daily_returns(result.curve))
            if self._store is not None:
                self._store.keep(self._key(sets[k]), sets[k], metrics)
        return made

    def _tell(self, count: int, total: int) -> None:
        self._done += count
        if self._progress is not None and count:
            self._progress(self._done, total)

    def _key(self, one: ParameterSet) -> str:
        words = json.dumps(one, sort_keys=True, default=str)
        return hashlib.sha256(f"{self._common}\n{words}".encode()).hexdigest()


class _Once:
    """Signals that several workers need, made by the first that asks."""

    def __init__(self, make: Callable[[], pl.DataFrame]) -> None:
        self._make = make
        self._lock = Lock()
        self._made: pl.DataFrame | None = None

    def get(self) -> pl.DataFrame:
        """The signals; who asks while they are being made waits."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


def split(one: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A set's parameters of the strategy, and its fields of the configuration."""
    fields = config_fields()
    own = {name: value for name, value in one.items() if name not in fields}
    return own, {name: value for name, value in one.items() if name in fields}


def source_of(bars: pl.DataFrame, strategy: str | SignalSource, market: str) -> SignalSource:
    """Source of a strategy's signals on bars, by its name; a source is itself."""
    if not isinstance(strategy, str):
        return strategy
    if strategy == MovingAverageCross.NAME:
        return MovingAverageCross(bars)
    return StrategySignals(bars, strategy, market=market)


def _fingerprint(prepared: PreparedBars, source: SignalSource, config: BacktestConfig) -> str:
    """What a result depends on besides the parameter set."""
    digest = hashlib.sha256()
    tape = prepared.tape(config)
    for array in (
        *tape.bars,
        *tape.finer,
        tape.mark_open,
        tape.mark_high,
        tape.mark_low,
        tape.funding_ts,
        tape.funding_rate,
    ):
        digest.update(np.ascontiguousarray(array).data)
    written = source.written if isinstance(source, StrategySignals) else ""
    words = (source.name, source.version, written, prepared.timeframe, prepared.markets, config.as_json())
    digest.update(json.dumps(words, default=str, sort_keys=True).encode())
    return digest.hexdigest()


def _parameters_frame(sets: Sequence[ParameterSet], names: Sequence[str]) -> pl.DataFrame:
    columns: list[pl.Series] = []
    for name in names:
        values = [one[name] for one in sets]
        plain = [str(value) if not isinstance(value, int | float | str) else value for value in values]
        columns.append(pl.Series(name, plain, strict=False))
    return pl.DataFrame(columns)


def _result(
    sets: Sequence[ParameterSet], rows: Sequence[SetResult], names: Sequence[str], *, lean: bool
) -> SweepResult:
    from engines.backtest.moving_average_cross import LEAN_METRICS

    chosen = LEAN_METRICS if lean else METRIC_NAMES
    metrics = {name: [float(row.metrics.get(name, np.nan)) for row in rows] for name in chosen}
    clash = sorted(set(names) & set(chosen))
    if clash:
        raise BadBacktest(clash[0], "is a metric too; rename the strategy's parameter")
    table = pl.concat([_parameters_frame(sets, names), pl.DataFrame(metrics)], how="horizontal")
    if not lean:
        table = table.with_columns(pl.Series(DEFLATED, _deflated(rows)))
    returns = [row.returns for row in rows if row.returns is not None]
    matrix = np.stack(returns, axis=1) if len(returns) == len(rows) else None
    return SweepResult(table, tuple(sets), matrix)


def _deflated(rows: Sequence[SetResult]) -> list[float]:
    """Deflated Sharpe ratio of each set, all of them being the trials; from metrics, which stores keep too."""
    samples = [_sample_of(row.metrics) for row in rows]
    known = [one.sharpe for one in samples if not math.isnan(one.sharpe)]
    spread = float(np.var(known, ddof=1)) if len(known) > 1 else 0.0
    return [deflated_sharpe(one, len(samples), spread) for one in samples]


def _sample_of(metrics: Mapping[str, float]) -> Sample:
    """Daily returns in short."""
    sharpe, skew, excess = (metrics.get(name, math.nan) for name in ("sharpe", "skew", "excess_kurtosis"))
    return Sample(sharpe / math.sqrt(DAYS_A_YEAR), int(metrics["days"]), skew, excess + 3.0)
