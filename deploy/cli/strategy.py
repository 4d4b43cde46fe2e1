"""``cap strategy``: write, check and list strategies of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.errors import CommandFailed, WrongUse
from deploy.cli.given_bars import STORED, read_source, read_stored
from deploy.cli.options import Options, read_settings
from deploy.cli.strategy_template import template
from stores.markets import Market

if TYPE_CHECKING:
    import polars as pl

    from engines.signals.checking import StrategyReport
    from engines.signals.strategy import Strategy
    from engines.timeframe import Timeframe

_MARKETS = ("sim:BTCUSDT", "sim:DOGEUSDT")
_TIMEFRAMES = ("15m", "1h")
_MOST_BARS = 20_000


def check_file(file: Path, options: Options, home: Path | None) -> None:
    """Load the strategies of a file alone and put each through the replay test.

    Raises
    ------
    CommandFailed
        If the file cannot be used, or a strategy does not pass.
    WrongUse
        If there is no such file.
    """
    from engines.signals.checking import check_strategy

    strategies = strategies_of(file, home)
    failed: list[str] = []
    for label, timeframe, bars in _series(options, home):
        for one in strategies:
            report = check_strategy(one.name, bars, timeframe)
            _say(report, label)
            if not report.passed and one.name not in failed:
                failed.append(one.name)
    if failed:
        raise CommandFailed(
            f"{file} did not pass the replay test: {', '.join(failed)}; what is above says where and why"
        )


def strategies_of(file: Path, home: Path | None) -> tuple[Strategy[Any, Any], ...]:
    """Strategies of a file, loaded and registered.

    Raises
    ------
    CommandFailed
        If the file cannot be used.
    WrongUse
        If there is no such file.
    """
    from engines.signals.compiling import BadStrategy
    from engines.signals.loading import load_strategy_file

    try:
        return load_strategy_file(_found(file, home))
    except BadStrategy as error:
        raise CommandFailed(str(error)) from error


def _found(file: Path, home: Path | None) -> Path:
    """The file as it was named, or the one of that name in the folder of strategies."""
    for place in (file, _folder(home) / file):
        if place.is_file():
            return place
    raise WrongUse(f"there is no file {file}; 'cap strategy new NAME' writes one to begin with")


def _folder(home: Path | None) -> Path:
    return read_settings(home).strategies or Path("strategies")


def new_file(name: str, home: Path | None, folder: Path | None) -> None:
    """Write a strategy to begin with.

    Raises
    ------
    WrongUse
        If the name cannot be one, is taken, or the file is there already.
    """
    from engines.signals.authoring import NAME_RULE, is_name
    from engines.signals.engine import BUILT_IN

    if not is_name(name):
        raise WrongUse(f"{name!r} cannot be the name of a strategy: {NAME_RULE}")
    if name in BUILT_IN:
        raise WrongUse(f"{name} is the name of a built-in strategy; choose another")
    place = folder or _folder(home)
    file = place / f"{name}.py"
    try:
        place.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(template(name))
    except FileExistsError:
        raise WrongUse(f"{file} is there already; choose another name, or delete it") from None
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {error.strerror}") from error
    typer.echo(f"{file} is written. Next: cap strategy check {file}")
    if read_settings(home).strategies is None:
        typer.echo(f"To run it: cap run --strategies {place} ..., or set CAP_STRATEGIES={place.absolute()}")


def list_strategies(home: Path | None, folder: Path | None) -> None:
    """Print all strategies, the built-in ones and those of the folder.

    Raises
    ------
    CommandFailed
        If a file of the folder cannot be used; the others are printed.
    WrongUse
        If the folder does not exist.
    """
    from engines.signals.compiling import BadStrategy
    from engines.signals.loading import load_strategies
    from engines.signals.strategy import registered

    place = folder or read_settings(home).strategies
    try:
        loaded = load_strategies(place)
    except BadStrategy as error:
        raise WrongUse(str(error)) from error
    table = Table(show_edge=False, pad_edge=False)
    for heading in ("strategy", "version", "file", "parameters"):
        table.add_column(heading, no_wrap=heading == "strategy", overflow="fold")
    for name in loaded.names:
        one = registered(name)
        table.add_row(name, str(one.version), _file_of(one), _parameters_of(one))
    Console().print(table, markup=False, highlight=False)
    if loaded.problems:
        raise CommandFailed("; ".join(str(problem) for problem in loaded.problems))


def _file_of(one: Strategy[Any, Any]) -> str:
    if one.file is None:
        return "built in"
    here = Path.cwd()
    return str(one.file.relative_to(here) if one.file.is_relative_to(here) else one.file)


def _parameters_of(one: Strategy[Any, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in one.parameters._asdict().items()) or "none"


def _say(report: StrategyReport, label: str) -> None:
    extent = f"{report.bars:,} bars, {report.signals:,} signals, run again {report.replays:,} times"
    name = f"{report.strategy} on {label} {report.timeframe}"
    if report.passed and not report.signals:
        typer.echo(f"{name}: passed, but it made no signal, so that little was tested ({extent})")
    elif report.passed:
        typer.echo(f"{name}: passed ({extent})")
    else:
        typer.echo(f"{name}: FAILED ({extent})")
        for finding in report.findings:
            typer.echo(f"  {finding.fault}: {finding}")


def _series(options: Options, home: Path | None) -> Iterator[tuple[str, Timeframe, pl.DataFrame]]:
    """Market, timeframe and bars to check on: the simulated market unless something else is asked for."""
    from engines.timeframe import Timeframe

    timeframes = [Timeframe(text) for text in options.timeframes or _TIMEFRAMES]
    for timeframe in timeframes:
        if timeframe.higher is None:
            raise WrongUse(
                f"no strategy runs on {timeframe.value}: no timeframe confirms it; take 1m, 5m, 15m, 1h, 4h or 1d"
            )
    if options.source == STORED:
        for timeframe, given in read_stored(options, timeframes, home, purpose="strategy_check"):
            yield f"{given.market} ({STORED})", timeframe, given.bars.tail(_MOST_BARS)
        return
    source = options.source or "sim"
    if options.markets is None and source != "sim":
        raise WrongUse(f"--source {source} needs a market, as in --market binance:BTCUSDT")
    for text in options.markets or _MARKETS:
        for timeframe in timeframes:
            given = read_source(source, Market.parse(text), timeframe, options)
            yield f"{text} ({source})", timeframe, given.bars.tail(_MOST_BARS)
