"""Section ``scaling``: many bars of one market, and many markets at once."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.bars import candles, many_arrays, many_bars
from bench.measure import timed
from bench.section import Chart, ChartKind, Section, Table, Target, Tell
from engines.chain import Chain

NAME = "scaling"
_BARS = (10_000, 100_000, 1_000_000, 10_000_000)
_MARKETS = (1, 2, 5, 10, 50, 100, 200, 500)
_BARS_EACH = 10_000
_CHUNK = 100_000
_EVEN = 1.25


def section(quick: bool, tell: Tell) -> Section:
    """Measure both; with ``quick`` up to 100 thousand bars and ten markets."""
    made = Section(NAME, "Scaling with bars and with markets: the whole chain")
    made.notes.append(
        f"Bars: {candles()[0]}, one-minute, repeated. The whole chain: all indicators, structure, zones, the higher "
        "timeframe, the four built-in strategies. Bars come in calls of 100,000 as arrays; the rows of a call are "
        "overwritten by the next, as a writer would empty them."
    )
    _bars(made, _BARS[:2] if quick else _BARS, tell)
    _markets(made, _MARKETS[:4] if quick else _MARKETS, tell)
    return made


def _bars(made: Section, sizes: tuple[int, ...], tell: Tell) -> None:
    points: list[tuple[Any, float]] = []
    rows: list[tuple[str, ...]] = []
    for size in sizes:
        tell(f"one market, {size:,} bars")
        timing = timed(f"whole chain, {size:,} bars", size, "bar", _chain_over(size), 5 if size <= 1_000_000 else 2)
        made.timings.append(timing)
        points.append((size, timing.median / size * 1e9))
        grown = _memory_grown(size)
        rows.append((f"{size:,}", f"{timing.median:,.3f}", f"{timing.median / size * 1e9:,.0f}", f"{grown:,.0f}"))
        gc.collect()
    made.tables.append(
        Table(
            "One market",
            ("bars", "seconds", "ns a bar", "MB it takes while it runs, rows of a call included"),
            tuple(rows),
        )
    )
    made.charts.append(
        Chart(
            "scaling_bars", "Whole chain, nanoseconds a bar (flat is constant cost)", "bars", "ns a bar", ChartKind.LINES,
            {"whole chain": points}, logarithmic=False,
        )
    )  # fmt: skip
    first, last = points[0][1], points[-1][1]
    made.targets.append(
        Target(
            f"constant cost a bar from {sizes[0]:,} to {sizes[-1]:,} bars",
            f"{first:,.0f} ns and {last:,.0f} ns",
            last <= first * _EVEN,
        )
    )


def _chain_over(size: int) -> Any:
    arrays = many_arrays(min(size, 1_000_000))
    repeats = -(-size // 1_000_000)
    span = len(arrays.ts) * 60_000

    def work() -> None:
        chain = Chain(timeframe="1m", market="sim:BENCH")
        rows = chain.new_rows(min(size, _CHUNK))
        for turn in range(repeats):
            ts = arrays.ts + turn * span
            for begin in range(0, len(arrays.ts), _CHUNK):
                end = min(begin + _CHUNK, len(arrays.ts))
                chain.advance_arrays(ts[begin:end], *(column[begin:end] for column in arrays[1:]), rows)

    return work


_GROWTH = """
from pathlib import Path
from bench.scaling import _chain_over
def kilobytes(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1])
_chain_over(100_000)()
work = _chain_over({size})
Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
before = kilobytes("VmRSS")
work()
print((kilobytes("VmHWM") - before) / 1024)
"""


def _memory_grown(size: int) -> float:
    """Megabytes that a process of its own takes more at most while the chain runs; NaN where the system does not say."""
    if not Path("/proc/self/clear_refs").exists():
        return float("nan")
    code = _GROWTH.format(size=size)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    return float(done.stdout)


def _markets(made: Section, counts: tuple[int, ...], tell: Tell) -> None:
    from concurrent.futures import ThreadPoolExecutor

    threads = os.cpu_count() or 1
    frame = many_bars(_BARS_EACH)
    lines: list[tuple[Any, float]] = []
    rows: list[tuple[str, ...]] = []
    for count in counts:
        tell(f"{count} markets, {_BARS_EACH:,} bars each")

        def work(count: int = count) -> None:
            chains = [Chain(timeframe="1m", market=f"sim:M{k}") for k in range(count)]
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(lambda chain: chain.advance(frame), chains):
                    pass

        timing = timed(
            f"{count} markets x {_BARS_EACH:,} bars", count * _BARS_EACH, "bar", work, 3 if count <= 50 else 1
        )
        made.timings.append(timing)
        lines.append((count, timing.as_row()["items_per_second"]))
        rows.append((str(count), f"{timing.median:,.3f}", f"{timing.as_row()['items_per_second']:,.0f}"))
    made.tables.append(
        Table(
            f"Many markets, {_BARS_EACH:,} bars each, {threads} threads",
            ("markets", "seconds", "bars a second"),
            tuple(rows),
        )
    )
    made.charts.append(
        Chart(
            "scaling_markets", f"Many markets at once, {threads} threads: bars a second (more is better)", "markets",
            "bars a second", ChartKind.LINES, {"whole chain, frames": lines}, logarithmic=False,
        )
    )  # fmt: skip
