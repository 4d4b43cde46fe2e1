"""What a bar costs the zones, counted in plain Python: reads of the state, for any number of bars, live zones and scales."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from engines.structure import StructureEngine
from engines.zones import ZoneEngine
from tests.engines.market_bars import simulated_bars
from tests.engines.test_structure_zones_size import tightening_bars, wild_bars

ROOT = Path(__file__).resolve().parents[2]
COUNT = """
import sys, warnings
warnings.simplefilter("ignore")
from tests.engines.test_zones_work import reads_per_bar

name, *numbers = sys.argv[1:]
print(*(reads_per_bar(name, *map(int, numbers[k : k + 3])) for k in (0, 3)))
"""
"""Kernels as plain functions: only those read the arrays given to them through Python."""


class Counted(np.ndarray[Any, Any]):
    """An array that counts how often a number is read from it."""

    reads = 0

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        if not isinstance(found, np.ndarray):
            Counted.reads += 1
        return found


def counted(state: Any) -> Any:
    """The same arrays, counted."""
    return state.view(Counted) if isinstance(state, np.ndarray) else type(state)(*map(counted, state))


def reads_per_bar(shape: str, bars: int, swing: int, live_limit: int) -> float:
    """Reads of the zones' state a bar. Compiled kernels do not count theirs."""
    frame: pl.DataFrame = {"simulated": simulated_bars, "tightening": tightening_bars, "wild": wild_bars}[shape](bars)
    events = StructureEngine(swing=swing).advance(frame)
    zones = ZoneEngine(swing=swing, live_limit=live_limit)
    zones._state = counted(zones.state)
    Counted.reads = 0
    assert zones.advance(frame, events).height > bars / 10
    return Counted.reads / bars


@pytest.mark.parametrize(
    ("shape", "few", "many"),
    [
        ("simulated", (1_000, 50, 100), (3_000, 50, 100)),
        ("simulated", (2_000, 50, 2), (2_000, 50, 5_000)),
        ("wild", (2_000, 50, 100), (4_000, 50, 100)),
        ("wild", (4_000, 20, 100), (4_000, 1_500, 100)),
        ("tightening", (1_000, 20, 20), (2_000, 20, 20)),
        ("tightening", (1_000, 20, 10), (1_000, 20, 300)),
        ("tightening", (1_200, 100, 20), (1_200, 500, 20)),
    ],
    ids=[
        "bars",
        "live zones",
        "bars of wild legs",
        "scale of wild legs",
        "bars of a triangle",
        "live zones in it",
        "scale",
    ],
)
def test_reads_a_bar_do_not_grow(shape, few, many):
    """With the bars, the scale and the most zones that live; on legs of a bar as well, where each bar has pivots and pools."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT, shape, *map(str, (*few, *many))],
        check=True,
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    first, second = map(float, done.stdout.split())
    assert first > 5
    assert second < 1.3 * first + 2
