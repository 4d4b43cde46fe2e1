"""Run the benchmarks: ``python -m bench.run [--only SECTION ...] [--quick]``.

Writes ``bench/results.json``, ``docs/benchmarks.md`` and its pictures after each section, so that a run that is interrupted
keeps what it has measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import report
from bench.section import Section, Tell, measured

SECTIONS = (
    "indicators",
    "structure_zones",
    "scaling",
    "live",
    "stages",
    "backtest",
    "serving",
    "delivery",
    "streams",
    "dashboard",
    "whole_run",
)
"""Modules of this package, in the order of the report."""


def main(arguments: list[str] | None = None) -> None:
    """Measure what is asked for, print it, write the results."""
    asked = _parser().parse_args(arguments)
    console = Console()
    sections = report.load()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Warming the kernels", total=None)
        from engines.warm import warm

        warm()

        def tell(what: str) -> None:
            progress.update(task, description=what)

        for name in asked.only or SECTIONS:
            sections = run_section(name, import_module(f"bench.{name}").section, asked.quick, tell, sections)
            _show(console, sections[name])
            report.save(sections)
            report.write(sections)


def run_section(
    name: str, section: Callable[[bool, Tell], Section], quick: bool, tell: Tell, sections: dict[str, Any]
) -> dict[str, Any]:
    """Results with this section measured anew, in the order of the report."""
    found = {**sections, name: measured(section, quick, tell)}
    return {one: found[one] for one in SECTIONS if one in found}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="Measure, and write docs/benchmarks.md.")
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, metavar="SECTION", help=f"some of: {', '.join(SECTIONS)}"
    )
    parser.add_argument("--quick", action="store_true", help="less of everything, to see that it works")
    return parser


def _show(console: Console, section: dict[str, Any]) -> None:
    noise = section["machine"]["noise_max_over_min"]
    console.print(f"\n[bold]{section['title']}[/bold]  (noise {noise:.2f})")
    for content in section["tables"]:
        table = Table(*content["headings"], title=content["title"], title_justify="left")
        for row in content["rows"]:
            table.add_row(*row)
        console.print(table)
    for target in section["targets"]:
        console.print(f"{'met' if target['met'] else 'MISSED'}: {target['aim']}: {target['measured']}", highlight=False)


if __name__ == "__main__":
    main()
