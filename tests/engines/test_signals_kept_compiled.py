"""Users' strategies between processes and calls: found compiled unless the file has changed, the same however bars are cut."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.chain import Chain
from engines.signals import BUILT_IN
from engines.signals import strategy as register_module
from engines.signals.checking import CheckPlan, check_strategy
from engines.signals.loading import load_strategies, load_strategy_file
from tests.engines import user_strategies as written
from tests.engines.market_bars import assert_same_bits, chunkings, pieces, simulated_bars

COUNT = 800
_PROGRAM = """
import sys
from pathlib import Path
from engines.signals.loading import load_strategy_file

(one,) = load_strategy_file(Path(sys.argv[1]))
print(sum(one.fold.stats.cache_hits.values()), sum(one.fold.stats.cache_misses.values()))
"""


@pytest.fixture(scope="module", autouse=True)
def own_register() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(register_module, "_REGISTER", dict(register_module._REGISTER))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("strategies")
    (place / "cross.py").write_text(written.CROSS)
    (place / "raises.py").write_text(written.RAISES)
    yield place
    for file in place.glob("*.py"):
        file.unlink()
    load_strategies(place)


def loaded_elsewhere(file: Path, cache: Path) -> list[int]:
    """Kernels that another process finds in the cache, and those it has to compile."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(file)],
        env={**os.environ, "CAP_KERNEL_CACHE": str(cache)}, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return [int(word) for word in done.stdout.split()]


def test_another_process_finds_it_compiled_unless_the_file_has_changed(tmp_path: Path):
    cache, file = tmp_path / "cache", tmp_path / "own" / "kept.py"
    text = written.deciding("if (view.start + t) % 10 == 0:\n    return SIGNAL", name="kept")
    file.parent.mkdir()
    file.write_text(text)
    assert loaded_elsewhere(file, cache) == [0, 1]
    assert loaded_elsewhere(file, cache) == [1, 0]
    # Where neither time nor length tell: it is the content that counts.
    times = file.stat()
    file.write_text(text.replace("% 10", "% 20"))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert loaded_elsewhere(file, cache) == [0, 1]


@settings(max_examples=10, deadline=None)
@given(lengths=chunkings(COUNT), restored=st.booleans())
def test_where_bars_are_cut_makes_no_difference_to_signals_and_failures(
    folder: Path, lengths: list[int], restored: bool
):
    bars = simulated_bars(COUNT, seed=9)
    names = load_strategies(folder).names
    assert names == (*BUILT_IN, "averages_crossed", "tried_out")
    whole = Chain(timeframe="15m", strategies=names)
    expected = whole.advance(bars).signals
    (failure,) = whole.failures
    assert failure.ts == bars["ts"][333]
    engine = Chain(timeframe="15m", strategies=names)
    parts: list[pl.DataFrame] = []
    for piece in pieces(bars, lengths):
        parts.append(engine.advance(piece).signals)
        if restored:
            engine = Chain.restore(engine.snapshot())
    assert_same_bits(pl.concat(parts), expected)
    assert engine.failures == whole.failures


def test_a_name_that_two_files_want_goes_to_the_first_until_it_is_gone(tmp_path: Path):
    text = written.deciding("return n", name="wanted_twice")
    first, second = tmp_path / "aa.py", tmp_path / "bb.py"
    first.write_text(text)
    second.write_text(text)
    (problem,) = load_strategies(tmp_path).problems
    assert str(problem).startswith(str(second))
    assert f"there is a strategy named wanted_twice already in {first}" in str(problem)
    first.unlink()
    found = load_strategies(tmp_path)
    assert (found.problems, [one.file for one in found.strategies]) == ((), [second])


def test_the_strategy_of_the_docs_passes(tmp_path: Path):
    docs = Path(__file__).resolve().parents[2] / "docs" / "strategies.md"
    (code,) = re.findall(r"```python\n(.*?)```", docs.read_text(), flags=re.S)
    file = tmp_path / "my_cross.py"
    file.write_text(code)
    (one,) = load_strategy_file(file)
    report = check_strategy(one.name, simulated_bars(3_000, seed=4), "15m", CheckPlan(sampled=60, signals=60))
    assert report.passed, report.findings
    assert report.signals > 20
