"""``cap backtest``: trade a strategy on past bars and say honestly what that proves."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.errors import CommandFailed, WrongUse
from deploy.cli.given_bars import STORED, GivenBars, read_source, read_stored
from deploy.cli.options import Options, read_settings
from deploy.cli.progress import TerminalProgress
from deploy.cli.quiet import COLUMNS_WITHOUT_TERMINAL
from deploy.cli.summary import SIMULATED
from stores.markets import Market

if TYPE_CHECKING:
    import polars as pl

    from deploy.reports.content import ReportContent
    from deploy.reports.study import Study, Unseen
    from engines.backtest.config import BacktestConfig
    from engines.backtest.signal_source import SignalSource
    from engines.timeframe import Timeframe

_SHOWN = (
    "total_return",
    "annual_return",
    "sharpe",
    "sortino",
    "max_drawdown",
    "trades",
    "win_rate",
    "profit_factor",
    "expectancy_r",
    "time_in_market",
    "fees",
)
STDOUT = "-"
"""Standard output as the place of JSON."""


@dataclass(frozen=True)
class WalkForwardOptions:
    """Lengths in days, and whether train windows begin at the first bar."""

    train: int = 90
    test: int = 30
    anchored: bool = False


@dataclass(frozen=True)
class BacktestOptions:
    """What was asked for on the command line.

    Attributes
    ----------
    strategy : str
    series : Options
        Source, markets, timeframe and the days that are traded.
    settings : tuple of str
        ``name=value``, of the strategy or the configuration.
    config : Path, optional
        JSON or TOML file of configuration fields.
    varied : tuple of str
        ``name=a,b,c``: a grid that walk-forward or a sweep chooses from.
    walk_forward : WalkForwardOptions, optional
    resume : Path, optional
        File that the results of a sweep are kept in; those of stored bars are kept in the warehouse.
    robust : bool
    report, parquet : Path, optional
    as_json : str, optional
        File, or ``-`` for standard output.
    """

    strategy: str
    series: Options
    settings: tuple[str, ...] = ()
    config: Path | None = None
    varied: tuple[str, ...] = ()
    walk_forward: WalkForwardOptions | None = None
    resume: Path | None = None
    robust: bool = True
    report: Path | None = None
    parquet: Path | None = None
    as_json: str | None = None


def run_backtest(options: BacktestOptions, home: Path | None) -> None:
    """Run it, print the verdict and the main numbers, and write what was asked for.

    Raises
    ------
    WrongUse
        If an option cannot be meant.
    CommandFailed
        If there are no bars, or the strategy fails.
    """
    from deploy.cli.backtest_outputs import check_outputs
    from deploy.cli.backtest_sweep import sweep_parameters
    from deploy.reports.exports import as_json, write_json, write_parquet
    from deploy.reports.page import write_report
    from engines.backtest.errors import BadBacktest

    quiet = options.as_json == STDOUT
    console = Console(width=None if sys.stdout.isatty() else COLUMNS_WITHOUT_TERMINAL, highlight=False, stderr=quiet)
    check_outputs(options)
    timeframe = _timeframe(options)
    _load_strategies(options, home)
    try:
        with TerminalProgress(console) as progress:
            progress.stage("Bars", None)
            given = _given(options, timeframe, home)
            progress.stage("Indicators, structure, zones", None)
            study = _study(options, timeframe, given)
            if options.varied and options.walk_forward is None:
                sweep_parameters(study, _space(options), options, home, progress)
                return
            content = _conduct(options, study, progress)
    except BadBacktest as error:
        raise WrongUse(str(error)) from error
    if options.report is not None:
        write_report(options.report, content)
    if options.parquet is not None:
        write_parquet(options.parquet, content.result)
    if options.as_json is not None and not quiet:
        write_json(Path(options.as_json), content)
    if quiet:
        typer.echo(json.dumps(as_json(content), indent=2, sort_keys=True, ensure_ascii=False))
        return
    _show(console, content)
    for what, where in (("Report", options.report), ("JSON", options.as_json), ("Parquet", options.parquet)):
        if where is not None:
            console.print(f"{what}: {where}", soft_wrap=True)


def _timeframe(options: BacktestOptions) -> Timeframe:
    from engines.timeframe import Timeframe

    names = list(options.series.timeframes or ("15m",))
    if len(names) > 1:
        raise WrongUse("a backtest is of one timeframe; name --timeframe once")
    timeframe = Timeframe(names.pop())
    if timeframe.higher is None and options.strategy != _cross():
        raise WrongUse(
            f"no strategy runs on {timeframe.value}: no timeframe confirms it; take 1m, 5m, 15m, 1h, 4h or 1d"
        )
    return timeframe


def _cross() -> str:
    from engines.backtest.moving_average_cross import MovingAverageCross

    return MovingAverageCross.NAME


def _load_strategies(options: BacktestOptions, home: Path | None) -> None:
    """Register the user's strategies too; a bad one stops only its own backtest."""
    from engines.signals.compiling import BadStrategy
    from engines.signals.loading import load_strategies
    from engines.signals.strategy import registered_names

    try:
        loaded = load_strategies(options.series.strategies or read_settings(home).strategies)
    except BadStrategy as error:
        raise WrongUse(str(error)) from error
    if options.strategy not in (*registered_names(), _cross()):
        known = ", ".join((*loaded.names, _cross()))
        problems = "; ".join(str(problem) for problem in loaded.problems)
        raise WrongUse(
            f"there is no strategy named {options.strategy!r}; there are {known}"
            + (f". {problems}" if problems else "")
        )


def _given(options: BacktestOptions, timeframe: Timeframe, home: Path | None) -> list[GivenBars]:
    """Bars of each market, from the first there is: those before the days that are traded warm the strategy up."""
    series = options.series
    if series.source in (None, STORED):
        whole = replace(series, since=None, source=STORED)
        return [given for _, given in read_stored(whole, [timeframe], home, purpose="backtest", finer=True)]
    source = cast("str", series.source)
    if series.markets is None and source != "sim":
        raise WrongUse(f"--source {source} needs a market, as in --market binance:BTCUSDT")
    # The simulated market begins where it is asked to, and an exchange is not asked for all it has.
    read = series if source in ("sim", "exchange") else replace(series, since=None)
    return [read_source(source, Market.parse(text), timeframe, read) for text in series.markets or ("sim:BTCUSDT",)]


def _study(options: BacktestOptions, timeframe: Timeframe, given: Sequence[GivenBars]) -> Study:
    import polars as pl

    from deploy.reports.study import Study
    from engines.backtest.moving_average_cross import MovingAverageCross
    from engines.backtest.signal_source import StrategySignals

    many = len(given) > 1
    whole = _joined([one.bars for one in given], given)
    since = options.series.since
    traded = whole if since is None else whole.filter(pl.col("ts") >= datetime.combine(since, time(), UTC))
    if not traded.height:
        raise CommandFailed(f"there are no {timeframe.value} bars from {since} on")
    finer = [one.finer for one in given if one.finer is not None and one.finer.height]
    market = "" if many else given[0].market
    if options.strategy == MovingAverageCross.NAME:
        if many:
            raise WrongUse(f"{options.strategy} is of one market; name --market once")
        source: SignalSource = MovingAverageCross(whole)
        zones = structure = None
    else:
        source = StrategySignals(whole, options.strategy, timeframe=timeframe, market=market)
        zones, structure = source.zones, source.structure
    config, parameters = _settings(options, source.parameters)
    simulated = options.series.source == "sim" or any(one.market.startswith("sim:") for one in given)
    return Study(
        title=options.strategy,
        source=source,
        bars=traded,
        config=config,
        market=market,
        parameters=parameters,
        finer=_joined(finer, given) if len(finer) == len(given) else None,
        zones=zones,
        structure=structure,
        robust=options.robust,
        notes=(SIMULATED,) if simulated else (),
        versions={
            "crypto-analytics-platform": version("crypto-analytics-platform"),
            options.strategy: str(source.version),
        },
    )


def _joined(frames: Sequence[pl.DataFrame], given: Sequence[GivenBars]) -> pl.DataFrame:
    import polars as pl

    if len(given) == 1:
        return frames[0]
    return pl.concat(
        [frame.select(pl.lit(one.market).alias("market"), pl.all()) for frame, one in zip(frames, given, strict=True)]
    )


def _settings(options: BacktestOptions, known: Mapping[str, Any]) -> tuple[BacktestConfig, dict[str, Any]]:
    """Configuration and the strategy's parameters, from the file and then from ``--set``."""
    from engines.backtest.config import BacktestConfig, config_fields

    config = BacktestConfig.from_json(_file(options.config)) if options.config is not None else BacktestConfig()
    changes: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for text in options.settings:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise WrongUse(f"--set: {text!r} is not NAME=VALUE, as in --set size=0.02")
        if name in config_fields():
            changes[name] = _value(value)
        elif name in known:
            parameters[name] = _value(value)
        else:
            raise WrongUse(
                f"--set: there is no {name!r}; {options.strategy} has {', '.join(known)}, and the configuration "
                f"{', '.join(config_fields())}"
            )
    return config.with_values(changes), parameters


def _file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        values: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise WrongUse(f"--config: {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise WrongUse(f"--config: {path} is not {'TOML' if path.suffix == '.toml' else 'JSON'}: {error}") from error
    if not isinstance(values, dict):
        raise WrongUse(f"--config: {path} must hold fields and their values")
    return cast("dict[str, Any]", values)


def _value(text: str) -> Any:
    """A number, true or false, a list, else the text itself."""
    try:
        value: Any = json.loads(text)
    except json.JSONDecodeError:
        return text
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value


def _space(options: BacktestOptions) -> dict[str, list[Any]]:
    """Values that a sweep or walk-forward tries, by parameter."""
    space: dict[str, list[Any]] = {}
    for text in options.varied:
        name, equals, values = text.partition("=")
        if not equals or not name or not values:
            raise WrongUse(f"--vary: {text!r} is not NAME=A,B,C, as in --vary stop_atr=0.1,0.2,0.3")
        if name in space:
            raise WrongUse(f"--vary: {name} is given twice; give all its values at once")
        space[name] = [_value(value) for value in values.split(",")]
    return space


def _conduct(options: BacktestOptions, study: Study, progress: TerminalProgress) -> ReportContent:
    from deploy.reports.study import conduct, walk

    unseen: Unseen | None = None
    if options.walk_forward is not None:
        from engines.backtest.windows import WindowKind, WindowPlan

        space = _space(options)
        if not space:
            raise WrongUse("--walk-forward needs something to choose from: --vary NAME=A,B,C")
        plan = WindowPlan(
            train=timedelta(days=options.walk_forward.train),
            test=timedelta(days=options.walk_forward.test),
            kind=WindowKind.ANCHORED if options.walk_forward.anchored else WindowKind.ROLLING,
        )
        progress.stage("Walk forward", None)
        unseen = walk(study, space, plan)
    return conduct(study, progress.stage, unseen=unseen)


def _show(console: Console, content: ReportContent) -> None:
    from deploy.reports.markup import metric
    from engines.backtest.metrics.catalogue import CATALOGUE

    for note in content.notes:
        console.print(note, style="bold yellow")
    console.print(content.verdict.sentence, style="bold", soft_wrap=True)
    held = content.baselines.buy_and_hold
    table = Table(show_edge=False, pad_edge=False)
    first = _day(content.bars["ts"].min())
    table.add_column(f"{content.title}, {first} to {_day(content.bars['ts'].max())}")
    table.add_column("strategy", justify="right")
    if held is not None:
        table.add_column("buy and hold", justify="right")
    if content.out_of_sample is not None:
        table.add_column("out of sample", justify="right")
    known = {one.name: one for one in CATALOGUE}
    for name in _SHOWN:
        cells = [known[name].title, metric(content.result.metrics[name], known[name].unit)]
        if held is not None:
            cells.append(metric(held.metrics.get(name), known[name].unit))
        if content.out_of_sample is not None:
            cells.append(metric(content.out_of_sample.curve.metrics.get(name), known[name].unit))
        table.add_row(*cells)
    console.print(table)


def _day(moment: Any) -> str:
    return f"{moment:%Y-%m-%d}"
