"""``cap risk``: where the paper account stands, what it has at stake, and what it refused."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.errors import CommandFailed
from deploy.cli.interrupts import raise_on_signals
from deploy.cli.options import read_settings
from deploy.cli.quiet import COLUMNS_WITHOUT_TERMINAL
from deploy.cli.run import running_stores
from stores.warehouse import Warehouse, migrate

if TYPE_CHECKING:
    from assets.account import Account
    from engines.risk.exposure import Exposure
    from engines.risk.report import AccountReport

_NOTHING = "no decision is stored; bring candles in with 'cap run --market MARKET --timeframe TF'"


@dataclass(frozen=True)
class AccountView:
    """An account as it is shown.

    Attributes
    ----------
    account : Account
    until : datetime
        Instant it stands at: the newest that anything of it is known of.
    report : AccountReport
    clusters : dict of str to str
        Cluster of every market.
    decisions : dict of str to int
        Decisions that stand, by kind.
    would_differ : int
        Of them those that would be others with all that has come in since.
    refused : list of dict
        Newest decisions that were not accepted as they were asked for, newest first.
    """

    account: Account
    until: datetime
    report: AccountReport
    clusters: dict[str, str]
    decisions: dict[str, int]
    would_differ: int
    refused: list[dict[str, Any]]


def show_risk(home: Path | None, *, rejections: int, as_json: bool) -> None:
    """Print every account that has decided anything.

    Raises
    ------
    CommandFailed
        If none has.
    """
    with raise_on_signals(), running_stores(read_settings(home)) as settings:
        migrate(settings)
        with closing(Warehouse.connect(settings, origin='{"asset": "risk"}')) as warehouse:
            views = account_views(warehouse, rejections)
    if not views:
        raise CommandFailed(_NOTHING)
    if as_json:
        typer.echo(json.dumps({view.account.value: _plain(view) for view in views}, indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else COLUMNS_WITHOUT_TERMINAL, highlight=False)
    for view in views:
        _show(console, view)


def account_views(warehouse: Warehouse, rejections: int) -> list[AccountView]:
    """Every account that has decided anything, walked to the newest that is stored. Nothing is written."""
    from assets.account import Account, advance_account
    from engines.risk.report import account_report

    views: list[AccountView] = []
    for account in Account:
        done = advance_account(warehouse, account)
        if done.until is None:
            continue
        engine = done.engine
        counts = warehouse.query_rows(
            "SELECT decision, count() AS decisions FROM market.risk_decisions FINAL WHERE account = {account:String} "
            "GROUP BY decision ORDER BY decision",
            {"account": account.value},
        )
        refused = warehouse.query_polars(
            "SELECT concat(exchange, ':', symbol) AS market, timeframe, ts, strategy, direction, decision, rule, "
            "rule_value, rule_limit, reasons FROM market.risk_decisions FINAL "
            "WHERE account = {account:String} AND decision != 'accepted' ORDER BY ts DESC, signal_id LIMIT {rows:UInt32}",
            {"account": account.value, "rows": rejections},
        )
        views.append(
            AccountView(
                account,
                done.until,
                account_report(engine),
                engine.board.clusters(engine.until or 0),
                {row["decision"]: int(row["decisions"]) for row in counts},
                int(
                    warehouse.scalar(
                        "SELECT count() FROM market.risk_reconsidered FINAL WHERE account = {account:String}",
                        {"account": account.value},
                    )
                ),
                refused.to_dicts(),
            )
        )
    return views


def _show(console: Console, view: AccountView) -> None:
    standing = view.report.standing
    console.print(f"Account {view.account} at {view.until:%Y-%m-%d %H:%M} UTC", style="bold")
    state = "trading"
    if standing.halted:
        ends = f" until {_moment(standing.halted_until)}" if standing.halted_until else ""
        state = f"halted by its drawdown{ends}"
    elif standing.cooldown_until:
        state = f"pausing after losses until {_moment(standing.cooldown_until)}"
    console.print(
        f"equity {standing.equity:,.2f}, {standing.drawdown:.2%} below its peak, day's loss {standing.daily_loss:.2%}; {state}"
    )
    console.print(
        f"{len(standing.positions)} positions open: gross {standing.gross_exposure:.2f} and net {standing.net_exposure:+.2f} "
        f"times equity, {standing.open_risk:.2%} of equity at risk at the stops"
    )
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in view.decisions.items())
    late = f"; {view.would_differ:,} would differ with what came in late, and stand" if view.would_differ else ""
    console.print(f"decisions: {kinds}{late}", soft_wrap=True)
    if view.report.by_cluster:
        console.print(_exposures(view.report.by_cluster, standing.equity))
    if view.report.tails:
        console.print(_tails(view))
    if view.refused:
        console.print(_refusals(view))
    console.print()


def _table(*headings: str, words: int = 1) -> Table:
    """Table whose first columns are words and the others numbers."""
    table = Table(show_edge=False, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < words else "right")
    return table


def _exposures(found: tuple[Exposure, ...], equity: float) -> Table:
    table = _table("cluster", "markets", "positions", "gross", "net", "at risk", words=2)
    for one in found:
        markets = ", ".join(one.markets)
        shares = (one.gross / equity, one.net / equity, one.risk / equity)
        table.add_row(one.name, markets, str(one.positions), *(f"{share:+.2%}" for share in shares))
    return table


def _tails(view: AccountView) -> Table:
    table = _table("one step of the open positions", "returns", "value at risk", "expected shortfall")
    for tail in view.report.tails:
        for name, one in (("historical", tail.historical), ("EWMA", tail.ewma)):
            numbers = (f"{one.value_at_risk:.3%}", f"{one.expected_shortfall:.3%}")
            table.add_row(f"{name}, {tail.confidence:.0%}", str(tail.returns), *numbers)
    return table


def _refusals(view: AccountView) -> Table:
    table = _table("bar", "market", "strategy", "decision", "why", words=5)
    for row in view.refused:
        series = f"{row['market']} {row['timeframe']}"
        table.add_row(f"{row['ts']:%Y-%m-%d %H:%M}", series, row["strategy"], row["decision"], row["reasons"][0])
    return table


def _plain(view: AccountView) -> dict[str, Any]:
    """For programs. Times are RFC 3339, shares are fractions of equity, tails losses as fractions of equity."""
    report = view.report
    standing = asdict(report.standing)
    for name in ("halted_until", "cooldown_until"):
        standing[name] = _rfc(getattr(report.standing, name))
    groups = {"by_cluster": report.by_cluster, "by_market": report.by_market}
    return {
        "until": _rfc(round(view.until.timestamp() * 1000)),
        "standing": standing,
        **{
            name: [{**one._asdict(), "gross": one.gross, "net": one.net} for one in found]
            for name, found in groups.items()
        },
        "clusters": view.clusters,
        "tails": [
            {**asdict(tail), "historical": tail.historical._asdict(), "ewma": tail.ewma._asdict()}
            for tail in report.tails
        ],
        "decisions": view.decisions,
        "would_differ": view.would_differ,
        "refused": [{**row, "ts": _rfc(round(row["ts"].timestamp() * 1000))} for row in view.refused],
    }


def _moment(instant_ms: int | None) -> str:
    return "" if instant_ms is None else f"{datetime.fromtimestamp(instant_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _rfc(instant_ms: int | None) -> str | None:
    if instant_ms is None:
        return None
    instant = datetime.fromtimestamp(instant_ms // 1000, UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant_ms % 1000:03d}Z"
