"""``cap backtest --vary``: every combination of values, the best first, and how likely the best is only luck."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.given_bars import STORED
from deploy.cli.options import read_settings
from deploy.cli.quiet import COLUMNS_WITHOUT_TERMINAL

if TYPE_CHECKING:
    from deploy.backtests.studies import BacktestOptions
    from deploy.cli.progress import TerminalProgress
    from deploy.reports.study import Study
    from engines.backtest.sweeps import SweepResult, SweepStore

_SHOWN = ("total_return", "sharpe", "deflated_sharpe", "max_drawdown", "trades", "win_rate", "expectancy_r")
_BEST = 15


def sweep_parameters(
    study: Study,
    space: Mapping[str, Sequence[Any]],
    options: BacktestOptions,
    home: Path | None,
    progress: TerminalProgress,
) -> None:
    """Run every combination and print the best; what is done is kept at once, and is not run again.

    Raises
    ------
    engines.backtest.errors.BadBacktest
        Before anything runs.
    """
    from deploy.reports.study import traded_source
    from engines.backtest.sweeps import run_sweep

    told = 0

    def tell(done: int, total: int) -> None:
        nonlocal told
        if not told:
            progress.stage("Parameter sets", total)
        progress.advance(done - told)
        told = done

    with _store(options, home) as store:
        result = run_sweep(
            study.bars,
            traded_source(study),
            space,
            study.config,
            finer=study.finer,
            funding=study.funding,
            mark=study.mark,
            market=study.market,
            progress=tell,
            store=store,
        )
    progress.done()
    _write(result, options)
    if options.as_json != "-":
        _show(result, list(space), study.title)


@contextmanager
def _store(options: BacktestOptions, home: Path | None) -> Iterator[SweepStore | None]:
    """Where results are kept: the file that was named, else the warehouse for stored bars."""
    if options.resume is not None:
        from engines.backtest.sweeps import JsonLinesStore

        yield JsonLinesStore(options.resume)
        return
    if options.series.source not in (None, STORED):
        yield None
        return
    from deploy.cli.interrupts import raise_on_signals
    from deploy.cli.run import running_stores
    from stores.backtest_sweeps import WarehouseSweepStore
    from stores.warehouse import Warehouse, migrate

    with raise_on_signals(), running_stores(read_settings(home)) as settings:
        migrate(settings)
        with closing(Warehouse.connect(settings, origin='{"asset": "sweep"}')) as warehouse:
            store = WarehouseSweepStore(warehouse)
            try:
                yield store
            finally:
                store.flush()


def _write(result: SweepResult, options: BacktestOptions) -> None:
    from deploy.reports.exports import write_whole

    if options.parquet is not None:
        options.parquet.mkdir(parents=True, exist_ok=True)
        write_whole(options.parquet / "sweep.parquet", lambda at: result.table.write_parquet(at))
    if options.as_json is not None:
        rows = result.table.fill_nan(None).to_dicts()
        text = json.dumps({"sets": rows, "overfitting": _overfitting(result)}, indent=2)
        if options.as_json == "-":
            typer.echo(text)
        else:
            write_whole(Path(options.as_json), lambda at: at.write_text(f"{text}\n", encoding="utf-8"))


def _overfitting(result: SweepResult) -> float | None:
    found = result.overfitting()
    return None if found is None else found.probability


def _show(result: SweepResult, names: Sequence[str], title: str) -> None:
    from deploy.reports.markup import metric
    from engines.backtest.metrics.catalogue import CATALOGUE, Unit

    units = {one.name: one.unit for one in CATALOGUE}
    heads = {one.name: one.title for one in CATALOGUE}
    console = Console(width=None if sys.stdout.isatty() else COLUMNS_WITHOUT_TERMINAL, highlight=False)
    chance = _overfitting(result)
    luck = "" if chance is None else f" The probability that the best is only the luckiest (PBO) is {chance:.0%}."
    console.print(
        f"{result.table.height:,} parameter sets of {title}, in sample: the best of many looks good by chance alone; "
        f"the deflated Sharpe ratio allows for it.{luck} --walk-forward tells what choosing is worth.",
        style="bold",
        soft_wrap=True,
    )
    shown = [name for name in _SHOWN if name in result.table.columns]
    table = Table(show_edge=False, pad_edge=False)
    for name in (*names, *shown):
        table.add_column(heads.get(name, name.replace("_", " ")), justify="right")
    ranked = result.table.sort("sharpe", descending=True, nulls_last=True, maintain_order=True)
    for row in ranked.filter(ranked["sharpe"].is_not_nan()).head(_BEST).iter_rows(named=True):
        cells = [str(row[name]) for name in names]
        cells += [metric(row[name], units.get(name, Unit.FRACTION)) for name in shown]
        table.add_row(*cells)
    console.print(table)
