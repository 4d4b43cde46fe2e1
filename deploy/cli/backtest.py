"""``cap backtest``: trade a strategy on past bars and say honestly what that proves."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.backtests.studies import (
    BacktestOptions,
    conduct_study,
    load_strategies_for,
    make_study,
    read_given,
    space_of,
    timeframe_of,
)
from deploy.cli.errors import WrongUse
from deploy.cli.progress import TerminalProgress
from deploy.cli.quiet import COLUMNS_WITHOUT_TERMINAL

if TYPE_CHECKING:
    from deploy.reports.content import ReportContent

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
    timeframe = timeframe_of(options)
    load_strategies_for(options, home)
    try:
        with TerminalProgress(console) as progress:
            progress.stage("Bars", None)
            given = read_given(options, timeframe, home)
            progress.stage("Indicators, structure, zones", None)
            study = make_study(options, timeframe, given)
            if options.varied and options.walk_forward is None:
                sweep_parameters(study, space_of(options), options, home, progress)
                return
            content = conduct_study(options, study, progress.stage)
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
