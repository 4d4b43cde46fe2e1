"""Section ``live``: what one bar costs, and how soon a process is ready for it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from bench.bars import candles, many_arrays, many_bars
from bench.measure import Timing, timed
from bench.section import Chart, ChartKind, Section, Table, Target, Tell
from engines.chain import Chain
from engines.panel import Panel

NAME = "live"
_HISTORY, _BARS = 3_000, 600
_MARKETS = (1, 10, 50, 100, 200, 500)
_AIM_MS = 1.0
_READY = """
import time
began = time.perf_counter()
import numpy as np
from engines.chain import Chain
chain = Chain(timeframe="1m", market="sim:BENCH")
rows = chain.new_rows(1)
one = np.ones(1)
chain.advance_arrays(np.array([946684800000]), one, one, one, one, one, rows)
print(time.perf_counter() - began)
"""
_IMPORT = "import time; began = time.perf_counter(); import {module}; print(time.perf_counter() - began)"


def section(quick: bool, tell: Tell) -> Section:
    """Measure live cost, snapshots and start-up; with ``quick`` up to ten markets and no cold compile."""
    made = Section(NAME, "Live: one bar, snapshots, start-up")
    made.notes.append(
        f"Bars: {candles()[0]}, one-minute. A call hands in one bar of every market as arrays and gets the rows of all stages "
        "of the whole chain back; markets stand at different places of the year, so that they do different things."
    )
    _live(made, _MARKETS[:2] if quick else _MARKETS, tell)
    _snapshots(made, tell)
    _start_up(made, quick, tell)
    return made


def _live(made: Section, counts: tuple[int, ...], tell: Tell) -> None:
    rows: list[tuple[str, ...]] = []
    lines: dict[str, list[tuple[Any, float]]] = {}
    medians: dict[tuple[int, int], float] = {}
    for threads in dict.fromkeys((os.cpu_count() or 1, 1)):
        for count in counts:
            tell(f"one bar of {count} markets, {threads} threads")
            timing = _one_bar_each(count, threads)
            made.timings.append(timing)
            medians[threads, count] = timing.median
            late = float(np.quantile(timing.seconds, 0.99))
            lines.setdefault(f"{threads} threads", []).append((count, timing.median * 1e6))
            rows.append(
                (
                    str(count),
                    str(threads),
                    f"{timing.median * 1e6:,.0f}",
                    f"{late * 1e6:,.0f}",
                    f"{timing.median / count * 1e6:,.2f}",
                )
            )
    made.tables.append(
        Table(
            "One bar of every market, whole chain",
            ("markets", "threads", "median µs", "99th percentile µs", "µs a market"),
            tuple(rows),
        )
    )
    made.charts.append(
        Chart("live", "One bar of every market, microseconds (less is better)", "markets", "µs", ChartKind.LINES, lines)
    )
    threads = os.cpu_count() or 1
    most = counts[-1]
    took = medians[threads, most] * 1e3
    made.targets.append(
        Target(
            f"one live bar for 500 markets, whole chain, under {_AIM_MS:g} ms median",
            f"{took:.2f} ms for {most} markets on {threads} threads, {medians[1, most] * 1e3:.2f} ms on one",
            took < _AIM_MS and most == _MARKETS[-1],
            f"sixty indicators are about half of it, and beyond 200 markets their states leave the cache: a market takes "
            f"{medians[1, most] / most * 1e6:.1f} µs of one thread where {most} are advanced, "
            f"{medians[1, counts[-2]] / counts[-2] * 1e6:.1f} µs where {counts[-2]} are",
        )
    )


def _one_bar_each(count: int, threads: int) -> Timing:
    arrays = many_arrays(_HISTORY + _BARS + count * 7)
    chains: list[Chain] = []
    for market in range(count):
        chain = Chain(timeframe="1m", market=f"sim:M{market}")
        room = chain.new_rows(_HISTORY)
        begin = market * 7
        chain.advance_arrays(arrays.ts[:_HISTORY], *(column[begin : begin + _HISTORY] for column in arrays[1:]), room)
        chains.append(chain)
    panel = Panel(chains, threads=threads)
    rows, places, offsets = panel.new_rows(), np.arange(count), np.arange(count) * 7
    seconds: list[float] = []
    for k in range(_HISTORY, _HISTORY + _BARS):
        one = [np.full(count, arrays.ts[k]), *(column[offsets + k] for column in arrays[1:])]
        began = time.perf_counter()
        panel.advance_arrays(places, *one, rows)
        seconds.append(time.perf_counter() - began)
    # The first calls start threads and fill caches.
    return Timing(f"one bar of {count} markets, {threads} threads", count, "bar", tuple(seconds[50:]))


def _snapshots(made: Section, tell: Tell) -> None:
    tell("snapshot and restore")
    chain = Chain(timeframe="1m", market="sim:BENCH")
    chain.advance(many_bars(100_000))
    data = chain.snapshot()
    taken = timed("snapshot of a chain", 1, "snapshot", chain.snapshot, 200)
    given = timed("restore of a chain", 1, "snapshot", lambda: Chain.restore(data), 200)
    made.timings += [taken, given]
    made.tables.append(
        Table(
            "State of one market after 100,000 bars",
            ("what", "value"),
            (
                ("bytes of a snapshot", f"{len(data):,}"),
                ("snapshot, median µs", f"{taken.median * 1e6:,.0f}"),
                ("restore, median µs", f"{given.median * 1e6:,.0f}"),
            ),
        )
    )


def _start_up(made: Section, quick: bool, tell: Tell) -> None:
    tell("start-up")
    rows = [("fresh process to the first bar through a whole chain, kernels in the cache", _seconds(_READY))]
    for module in ("api.main", "orchestration.definitions"):
        rows.append((f"importing {module}", _seconds(_IMPORT.format(module=module))))
    if not quick:
        tell("compiling every kernel anew")
        rows.append(("compiling every kernel (cap warm on an empty cache)", _cold()))
        made.notes.append("Compiling is done once, at installation, and shared out over two processes.")
    made.tables.append(
        Table("Start-up, seconds", ("what", "seconds"), tuple((what, f"{took:.2f}") for what, took in rows))
    )
    ready = rows[0][1]
    made.targets.append(Target("loading the cache for a whole chain under 2 s", f"{ready:.2f} s", ready < 2.0))


def _seconds(code: str) -> float:
    """Median of what a piece of Python says it took, in five processes of its own."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    said = [
        float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.split()[-1])
        for _ in range(6)
    ]
    # The first may have had to compile its imports to bytecode.
    return statistics.median(said[1:])


def _cold() -> float:
    cap = os.path.join(os.path.dirname(sys.executable), "cap")
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run(
            [cap, "warm"],
            env={**os.environ, "CAP_KERNEL_CACHE": folder},
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=600,
        )
        return time.perf_counter() - began
