"""Where compiled kernels are kept: found wherever the sources are, stale never, and nothing is written without need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import engines

MODULE = "engines.bars"
_PROGRAM = f"""
import numpy as np
import {MODULE} as module
from numba.core.dispatcher import Dispatcher
(kernel,) = [value for value in vars(module).values() if isinstance(value, Dispatcher) and value.py_func.__name__ == "add"]
print(kernel(np.ones(3)), sum(kernel.stats.cache_hits.values()), sum(kernel.stats.cache_misses.values()))
"""
_KERNEL = """
from engines.kernel import kernel
from engines.added_above import OFFSET


@kernel
def add(values):
    total = OFFSET
    for x in values:
        total += x
    return total
"""


def sources(place: Path) -> Path:
    """A copy of the engines with one more kernel, whose result another file decides."""
    shutil.copytree(Path(engines.__file__).parent, place / "engines", ignore=shutil.ignore_patterns("__pycache__"))
    with (place / "engines" / "bars.py").open("a") as file:
        file.write(_KERNEL)
    (place / "engines" / "added_above.py").write_text("OFFSET = 1.0\n")
    return place


def run(place: Path, cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, "PYTHONPATH": str(place), "CAP_KERNEL_CACHE": str(cache), **environment}
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=given, cwd=place, capture_output=True, text=True, timeout=120, check=False
    )


def said(place: Path, cache: Path, **environment: str) -> list[float]:
    """Result, hits and misses of the kernel."""
    done = run(place, cache, **environment)
    assert done.returncode == 0, done.stderr
    return [float(word) for word in done.stdout.split()]


def written(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_kernels_are_found_from_another_place_and_never_stale(tmp_path: Path):
    cache = tmp_path / "cache"
    here, there = sources(tmp_path / "here"), sources(tmp_path / "there")
    assert said(here, cache) == [4.0, 0, 1]
    before = written(cache)
    assert before
    assert said(there, cache) == [4.0, 1, 0]
    assert written(cache) == before
    (there / "engines" / "added_above.py").write_text("OFFSET = 2.0\n")
    assert said(there, cache) == [5.0, 0, 1]
    assert said(here, cache) == [4.0, 1, 0]


def test_a_processor_can_be_named(tmp_path: Path):
    cache, place = tmp_path / "cache", sources(tmp_path / "here")
    assert said(place, cache, CAP_KERNEL_CPU="generic") == [4.0, 0, 1]
    assert said(place, cache, CAP_KERNEL_CPU="generic") == [4.0, 1, 0]
    assert said(place, cache) == [4.0, 0, 1]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that root cannot write to either: /proc")
def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path):
    place, cache = sources(tmp_path / "here"), Path("/proc/kernels")
    done = run(place, cache)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "KernelCacheNotWritable" in last
    assert str(cache) in last
    assert "CAP_KERNEL_CACHE" in last
