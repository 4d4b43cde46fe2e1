"""Time a piece of work several times and say how noisy the machine was."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Timing:
    """Several runs of one piece of work.

    Attributes
    ----------
    name : str
    items : int
        Bars, rows or requests a run works on.
    unit : str
        What an item is.
    seconds : tuple of float
        Time of each counted run.
    """

    name: str
    items: int
    unit: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median time of a run in seconds."""
        return statistics.median(self.seconds)

    def as_row(self) -> dict[str, Any]:
        """Everything about it, with the figures people compare."""
        return {
            **asdict(self),
            "median_seconds": self.median,
            "spread": (max(self.seconds) - min(self.seconds)) / self.median if self.median else 0.0,
            "items_per_second": self.items / self.median if self.median else None,
            "nanoseconds_per_item": self.median / self.items * 1e9 if self.items else None,
        }


def timed(name: str, items: int, unit: str, work: Callable[[], object], runs: int = 5, warmup: int = 1) -> Timing:
    """Run ``work`` ``warmup`` times uncounted and ``runs`` times counted."""
    for _ in range(warmup):
        work()
    seconds: list[float] = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return Timing(name, items, unit, tuple(seconds))


def machine() -> dict[str, Any]:
    """Describe the machine, and how much the same work varies on it (max over min of 20 runs)."""
    values = np.random.default_rng(0).standard_normal(2_000_000)
    same = timed("noise", values.size, "value", lambda: np.sort(values), runs=20)
    copy = timed("copy", values.nbytes, "byte", values.copy, runs=20)
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "noise_max_over_min": max(same.seconds) / min(same.seconds),
        "copy_gigabytes_per_second": 2 * values.nbytes / copy.median / 1e9,
    }


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def side_by_side(
    works: dict[str, Callable[[], object]], items: int, unit: str, runs: int = 5, warmup: int = 1
) -> dict[str, Timing]:
    """Time several pieces of work in turns, A B A B, so that a slow spell of the machine hits all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for run in range(warmup + runs):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            if run >= warmup:
                seconds[name].append(time.perf_counter() - began)
    return {name: Timing(name, items, unit, tuple(taken)) for name, taken in seconds.items()}
