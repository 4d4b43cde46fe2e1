"""The whole run: ``cap run`` on an empty home, then again on the same one, as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.measure import Timing, timed
from bench.section import Section, Tell, timings_table

NAME = "whole_run"


def section(quick: bool, tell: Tell) -> Section:
    """Measure it; there is nothing to leave out, so ``quick`` makes no difference."""
    del quick
    tell("cap run")
    made = Section(NAME, "The whole graph: cap run, two simulated months of minutes, 15m and 1h")
    made.timings += run_timings()
    made.tables.append(timings_table(made.timings))
    return made


def run_timings() -> list[Timing]:
    """Time a first run and a second one that has nothing to do; two simulated months, two timeframes."""
    cap = Path(sys.executable).parent / "cap"
    bars = 60 * 24 * 60
    command = [
        *(str(cap), "run", "--source", "sim", "--market", "sim:BTCUSDT", "--timeframe", "15m", "--timeframe", "1h"),
        *("--since", "2024-01-01", "--until", "2024-02-29"),
    ]
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "CAP_HOME": home}

        def run() -> None:
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        first = timed("cap run, empty home", bars, "bar", run, runs=1, warmup=0)
        again = timed("cap run, nothing new", bars, "bar", run, runs=3, warmup=0)
    return [first, again]
