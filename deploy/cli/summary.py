"""What a run did, as a person reads it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from orchestration.pipeline_request import NewestSignal, PipelineSummary

SIMULATED = "SIMULATED MARKET: these prices were made up by this machine and say nothing about any real market"


def show_summary(console: Console, summary: PipelineSummary) -> None:
    """Print tables, counts, and what needs attention."""
    if summary.simulated:
        console.print(SIMULATED, style="bold yellow")
    bases = ", ".join(f"{market} from {base}" for market, base in summary.base_timeframes.items())
    console.print(f"Markets: {bases or ', '.join(summary.markets)}", highlight=False)
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("table")
    table.add_column("rows", justify="right")
    for name, rows in summary.rows.items():
        table.add_row(name, f"{rows:,}")
    console.print(table)
    console.print(
        f"Bars: {summary.new_bars:,} new, {summary.restated_bars:,} restated, {summary.snapped_bars:,} snapped, "
        f"{summary.refused_bars:,} refused; {summary.gaps:,} gaps ({summary.missing_bars:,} bars missing).",
        highlight=False,
    )
    strategies = ", ".join(f"{name} {count:,}" for name, count in summary.signals_by_strategy.items()) or "none"
    console.print(f"Signals: {strategies}. Marts built: {summary.marts}.", highlight=False)
    seconds = ", ".join(f"{stage} {value:.1f}" for stage, value in summary.seconds.items())
    console.print(f"Seconds: {seconds}; {sum(summary.seconds.values()):.1f} in all.", highlight=False)
    for heading, lines, style in (
        ("Refused", summary.refused, "red"),
        ("Check failed", summary.failed_checks, "red"),
        ("Check warns", summary.warnings, "yellow"),
        ("Strategy", list(dict.fromkeys(summary.strategy_problems)), "yellow"),
    ):
        for line in lines:
            console.print(f"[{style}]{heading}:[/] ", end="")
            console.print(line, markup=False, highlight=False)
    show_signals(console, summary.newest_signals, simulated=summary.simulated)


def show_signals(console: Console, signals: Sequence[NewestSignal], *, simulated: bool) -> None:
    """Print the newest signals."""
    if not signals:
        console.print("No signal has been published yet.")
        return
    label = "Newest signals, simulated" if simulated else "Newest signals"
    console.print(f"{label}:")
    table = Table(show_edge=False, pad_edge=False)
    for heading in ("known at (UTC)", "market", "tf", "strategy", "side"):
        table.add_column(heading, no_wrap=heading != "strategy")
    for heading in ("entry", "stop", "target 1", "target 2", "score"):
        table.add_column(heading, justify="right")
    for signal in signals:
        table.add_row(
            f"{signal.known_at:%Y-%m-%d %H:%M}",
            signal.market,
            signal.timeframe,
            signal.strategy,
            "long ↑" if signal.direction > 0 else "short ↓",
            _price(signal.entry),
            _price(signal.stop),
            _price(signal.target_1),
            "" if signal.target_2 is None else _price(signal.target_2),
            f"{signal.score:.2f}",
        )
    console.print(table)


def _price(value: float) -> str:
    """Two decimals for large prices, seven significant digits for small ones."""
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:.7g}"
