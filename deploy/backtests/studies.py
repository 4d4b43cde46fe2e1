"""Backtests as they are asked for, on the command line or by subscribers: from the wish to the study and its findings."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from deploy.cli.errors import CommandFailed, WrongUse
from deploy.cli.given_bars import STORED, GivenBars, read_source, read_stored
from deploy.cli.options import Options, read_settings
from deploy.cli.summary import SIMULATED
from stores.markets import Market

if TYPE_CHECKING:
    import polars as pl

    from deploy.reports.content import ReportContent
    from deploy.reports.study import Study, Tell, Unseen
    from engines.backtest.config import BacktestConfig
    from engines.backtest.signal_source import SignalSource
    from engines.timeframe import Timeframe


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


def timeframe_of(options: BacktestOptions) -> Timeframe:
    """Timeframe that was asked for.

    Raises
    ------
    WrongUse
        If there are several, or none confirms it.
    """
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


def load_strategies_for(options: BacktestOptions, home: Path | None) -> None:
    """Register the user's strategies too; a bad one stops only its own backtest.

    Raises
    ------
    WrongUse
        If the one that was asked for is not among them.
    """
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


def read_given(options: BacktestOptions, timeframe: Timeframe, home: Path | None) -> list[GivenBars]:
    """Bars of each market, from the first there is: those before the days that are traded warm the strategy up.

    Raises
    ------
    CommandFailed
        If there are none.
    """
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


def make_study(options: BacktestOptions, timeframe: Timeframe, given: Sequence[GivenBars]) -> Study:
    """Everything that is needed to run it.

    Raises
    ------
    WrongUse
        If a setting does not exist or cannot be.
    CommandFailed
        If no bar is left to trade.
    """
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


def space_of(options: BacktestOptions) -> dict[str, list[Any]]:
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


def conduct_study(options: BacktestOptions, study: Study, tell: Tell) -> ReportContent:
    """Run a study, after walk-forward if that was asked for.

    Raises
    ------
    WrongUse
        If there is nothing to choose from.
    engines.backtest.errors.BadBacktest
        Before anything runs.
    """
    from deploy.reports.study import conduct, walk

    unseen: Unseen | None = None
    if options.walk_forward is not None:
        from engines.backtest.windows import WindowKind, WindowPlan

        space = space_of(options)
        if not space:
            raise WrongUse("--walk-forward needs something to choose from: --vary NAME=A,B,C")
        plan = WindowPlan(
            train=timedelta(days=options.walk_forward.train),
            test=timedelta(days=options.walk_forward.test),
            kind=WindowKind.ANCHORED if options.walk_forward.anchored else WindowKind.ROLLING,
        )
        tell("Walk forward", None)
        unseen = walk(study, space, plan)
    return conduct(study, tell, unseen=unseen)
