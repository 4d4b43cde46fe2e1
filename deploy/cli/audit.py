"""``cap audit``: replay stored bars and report every reading that does not stay what it was."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.audit_targets import ReadersOf, function_reader, strategy_reader
from deploy.cli.errors import CommandFailed, WrongUse
from deploy.cli.interrupts import raise_on_signals
from deploy.cli.options import Options, read_settings
from deploy.cli.progress import TerminalProgress
from deploy.cli.quiet import COLUMNS_WITHOUT_TERMINAL
from deploy.cli.run import running_stores
from stores.warehouse import Series, Warehouse, migrate

if TYPE_CHECKING:
    from engines.audit import AuditPlan, AuditReport, Finding

_SHOWN_FINDINGS = 10
_END = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class AuditOptions:
    """What to audit.

    Attributes
    ----------
    series : Options
        Markets, timeframes and days; all that is stored where they are not given.
    prefixes, seed : int
        As in `engines.audit.AuditPlan`.
    function : str or None
        ``FILE:NAME`` of a function of bars that is audited instead of the stored tables.
    strategy : Path or None
        File of strategies that are audited instead.
    """

    series: Options
    prefixes: int = 100
    seed: int = 1
    function: str | None = None
    strategy: Path | None = None


@dataclass(frozen=True)
class SeriesAudit:
    """Reports of one series: of each reader, and of what is stored."""

    series: Series
    reports: tuple[AuditReport, ...]

    @property
    def rewritten(self) -> int:
        """Readings that did not stay what they were, or are not stored as they were."""
        return sum(report.rewritten for report in self.reports)


def audit_stores(options: AuditOptions, home: Path | None, *, as_json: bool) -> None:
    """Audit series and print what was found.

    Raises
    ------
    WrongUse
        If a file or function does not exist, or both a function and a strategy are named.
    CommandFailed
        If something was rewritten, or nothing is stored to audit.
    """
    readers = _readers(options, home)
    with raise_on_signals(), running_stores(read_settings(home)) as settings:
        migrate(settings)
        with closing(Warehouse.connect(settings, origin='{"asset": "audit"}')) as warehouse:
            audits = list(_audits(warehouse, options, settings.strategies, readers, Console(stderr=True)))
    if as_json:
        typer.echo(json.dumps(_plain(audits), indent=2))
    else:
        _show(Console(width=None if sys.stdout.isatty() else COLUMNS_WITHOUT_TERMINAL), audits)
    _judge(audits)


def _readers(options: AuditOptions, home: Path | None) -> ReadersOf | None:
    if options.function is not None and options.strategy is not None:
        raise WrongUse("--function and --strategy cannot be audited at once; run it once for each")
    if options.strategy is not None:
        return strategy_reader(options.strategy, home)
    return None if options.function is None else function_reader(options.function)


def _audits(
    warehouse: Warehouse, options: AuditOptions, strategies: Path | None, readers: ReadersOf | None, console: Console
) -> Iterator[SeriesAudit]:
    from assets.stored_audit import stored_series
    from engines.audit import AuditPlan, BadReading

    series = stored_series(warehouse, options.series.markets, options.series.timeframes)
    if not series:
        asked = " ".join((*(options.series.markets or ()), *(options.series.timeframes or ())))
        raise CommandFailed(
            f"nothing is stored{f' of {asked}' if asked else ''}; bring it in with 'cap run --market MARKET --timeframe TF'"
        )
    plan = AuditPlan(prefixes=options.prefixes, seed=options.seed)
    with TerminalProgress(console) as progress:
        for one in series:
            try:
                yield SeriesAudit(
                    one, tuple(_reports(warehouse, one, options.series, strategies, plan, readers, progress))
                )
            except BadReading as error:
                raise CommandFailed(f"{one}: {error}") from error


def _reports(
    warehouse: Warehouse,
    series: Series,
    days: Options,
    strategies: Path | None,
    plan: AuditPlan,
    readers: ReadersOf | None,
    progress: TerminalProgress,
) -> Iterator[AuditReport]:
    from dataclasses import replace

    from assets.fold import read_bars
    from assets.stored_audit import BEGINNING, audit_rows, chain_of
    from engines.audit import audit, registered_readers

    end = _END if days.until is None else datetime.combine(days.until, time(), UTC) + timedelta(days=1)
    bars = read_bars(warehouse, series, BEGINNING, end)
    first = 0 if days.since is None else int((bars["ts"] < datetime.combine(days.since, time(), UTC)).sum())
    if first >= bars.height:
        raise CommandFailed(f"no bars of {series} are stored between the days asked for; see --since and --until")
    plan = replace(plan, first=first)

    def told(done: int, total: int) -> None:
        if done == 1:
            progress.stage(f"{series} {name}", total)
        progress.advance()

    if readers is not None:
        for reader in readers(series):
            name = reader.name
            yield audit(reader, bars, plan, told)
        return
    for name, make in registered_readers().items():
        # The chain is the one the graph runs, with its strategies; its rows are stored, so they are compared too.
        if name == "chain":
            chain = chain_of(series, strategies)
            yield audit(chain, bars, plan, told)
            stored = audit_rows(warehouse, series, chain, bars, first)
            if stored is not None:
                yield stored
        else:
            yield audit(make(str(series.market), series.timeframe), bars, plan, told)
    progress.done()


def _show(console: Console, audits: Sequence[SeriesAudit]) -> None:
    for one in audits:
        console.print(f"{one.series}", style="bold", highlight=False)
        console.print(_table(one))
        for report in one.reports:
            for finding in report.findings[:_SHOWN_FINDINGS]:
                console.print(str(finding), markup=False, highlight=False, soft_wrap=True)
        for report in one.reports:
            console.print(f"{report.verdict}.", markup=False, highlight=False, soft_wrap=True)


def _table(one: SeriesAudit) -> Table:
    """Counts of a series, a line a table."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("table", no_wrap=True)
    for heading in ("readings", "compared", "rewritten", "withdrawn", "late", "not as\nstored"):
        table.add_column(heading, justify="right", no_wrap=True)
    against_store = {
        counts.table: counts.differing for report in one.reports if report.of_store for counts in report.tables
    }
    for report in one.reports:
        for counts in () if report.of_store else report.tables:
            differing = against_store.get(counts.table)
            numbers = (counts.readings, counts.compared, counts.rewritten, counts.withdrawn, counts.late, differing)
            cells = ["-" if number is None else f"{number:,}" for number in numbers]
            table.add_row(counts.table, *cells, style="red" if counts.changed or differing else None)
    return table


def _judge(audits: Sequence[SeriesAudit]) -> None:
    """Fail if anything did not stay what it was."""
    rewritten = sum(one.rewritten for one in audits)
    if not rewritten:
        return
    names = ", ".join(str(one.series) for one in audits if one.rewritten)
    stored = any(report.of_store and not report.passed for one in audits for report in one.reports)
    hint = (
        "; rows stored of bars that were restated or filled in since stand until 'cap run --recompute' makes them anew"
        if stored
        else ""
    )
    raise CommandFailed(f"{rewritten:,} readings of {names} did not stay what they were{hint}")


def _plain(audits: Sequence[SeriesAudit]) -> dict[str, Any]:
    """For programs."""
    return {
        "passed": not any(one.rewritten for one in audits),
        "rewritten": sum(one.rewritten for one in audits),
        "series": [
            {
                "market": str(one.series.market),
                "timeframe": one.series.timeframe,
                "reports": [
                    {
                        "name": report.name,
                        "bars": report.bars,
                        "first": _time(report.first),
                        "last": _time(report.last),
                        "replays": report.prefixes,
                        "verdict": report.verdict,
                        "tables": [asdict(table) for table in report.tables],
                        "findings": [_finding(finding) for finding in report.findings],
                    }
                    for report in one.reports
                ],
            }
            for one in audits
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    fields = {name: getattr(finding, name) for name in finding.__dataclass_fields__}
    fields["key"] = dict(finding.key)
    return {**_simple(fields), "text": str(finding)}


def _simple(value: Any) -> Any:
    """Value in a form that JSON has; numbers that are not are written as text."""
    if isinstance(value, dict):
        return {str(name): _simple(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_simple(one) for one in value]
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, float) and value - value != 0.0:
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _time(instant: datetime | None) -> str | None:
    return None if instant is None else instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
