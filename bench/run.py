"""Run the benchmarks and write ``bench/results.json``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.measure import Timing, machine
from bench.stages import candles, stage_timings
from bench.whole_run import run_timings
from engines.warm import warm

RESULTS = Path(__file__).resolve().parent / "results.json"


def main() -> None:
    """Measure, print a table, write the results."""
    console = Console()
    with Progress(console=console) as progress:
        task = progress.add_task("Warming the kernels", total=None)
        warm()
        about = machine()
        name, bars = candles()
        timings: list[Timing] = []
        for timing in stage_timings(bars):
            timings.append(timing)
            progress.update(task, description=timing.name)
        progress.update(task, description="whole run")
        timings.extend(run_timings())
    table = Table("stage", "items", "median s", "spread", "ns an item", title=f"{name}; {about['cpu']}")
    for timing in timings:
        row = timing.as_row()
        table.add_row(
            timing.name,
            f"{timing.items:,} {timing.unit}s",
            f"{timing.median:.4f}",
            f"{row['spread']:.0%}",
            f"{row['nanoseconds_per_item']:,.1f}",
        )
    console.print(table)
    console.print(f"The same work varied by {about['noise_max_over_min']:.2f} (max over min) on this machine.")
    RESULTS.write_text(
        json.dumps(
            {
                "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": about,
                "bars": name,
                "timings": [timing.as_row() for timing in timings],
            },
            indent=2,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
