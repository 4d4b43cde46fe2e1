"""The replay test of strategies: it finds each kind of leak, says where, and passes what is sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from engines.errors import BadBars, BadParameter
from engines.signals import BUILT_IN
from engines.signals import strategy as register_module
from engines.signals.checking import CheckPlan, Fault, StrategyReport, check_strategy
from engines.signals.loading import load_strategies, load_strategy_file
from tests.engines import user_strategies as written
from tests.engines.market_bars import real_bars, simulated_bars


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setattr(register_module, "_REGISTER", dict(register_module._REGISTER))
    yield tmp_path
    for file in tmp_path.glob("*.py"):
        file.unlink()
    load_strategies(tmp_path)


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return simulated_bars(2_000, seed=9)


def checked(folder: Path, text: str, bars: pl.DataFrame) -> StrategyReport:
    file = folder / "mine.py"
    file.write_text(text)
    (one,) = load_strategy_file(file)
    return check_strategy(one.name, bars, "15m")


def test_a_sound_strategy_passes(folder: Path, bars: pl.DataFrame) -> None:
    report = checked(folder, written.CROSS, bars)
    assert report.passed
    assert report.signals > 20
    assert report.replays > 300
    assert (report.bars, report.first, report.last) == (2_000, bars["ts"][0], bars["ts"][-1])


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_built_in_ones_pass(name: str, bars: pl.DataFrame) -> None:
    report = check_strategy(name, bars, "15m", CheckPlan(sampled=60, signals=60))
    assert report.passed
    assert report.signals > 0


def test_on_recorded_bars(folder: Path, real_data: Path) -> None:
    hours = real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06")[2_000:5_000]
    for text in (written.CROSS, written.PEEKS):
        file = folder / "mine.py"
        file.write_text(text)
        (one,) = load_strategy_file(file)
        assert check_strategy(one.name, hours, "1h").passed == (text == written.CROSS)


@pytest.mark.parametrize(
    ("text", "faults", "words"),
    [
        (
            written.PEEKS,
            {Fault.READS_AHEAD, Fault.LATER_BARS},
            "it reads view.bars.close[1], where 0 is the last known: a bar after it",
        ),
        (written.LOOKS_AT_LAST, {Fault.READS_AHEAD, Fault.LATER_BARS}, "it reads view.bars.close[799]"),
        (
            written.LOOKS_BACK,
            {Fault.READS_AHEAD, Fault.LATER_BARS},
            "what is to be known of earlier bars goes into memory",
        ),
        (
            written.LOOKS_AT_LATER_HIGHER,
            {Fault.READS_AHEAD, Fault.LATER_BARS},
            "a bar of the higher timeframe complete after it",
        ),
        (written.LOOKS_AT_LATER_ZONE, {Fault.READS_AHEAD, Fault.LATER_BARS}, "it reads view.zones.top["),
        (written.AVERAGES_ALL, {Fault.READS_AHEAD, Fault.LATER_BARS}, "it reads all of view.bars.close"),
        (written.COUNTS_BLOCK, {Fault.CALLS}, "changes when the bars come in several calls"),
        (written.AT_RANDOM, {Fault.LATER_BARS}, "changes with"),
        (written.DIVIDES, {Fault.FAILS}, "it divides by zero"),
        (written.TWO, {Fault.FAILS}, "at most one signal a bar"),
        (written.NONSENSE, {Fault.FAILS}, "stop is not on the losing side"),
    ],
    ids=[
        "next bar",
        "last bar",
        "bar before",
        "higher",
        "zone",
        "all bars",
        "place in the block",
        "random",
        "divides",
        "two",
        "nonsense",
    ],
)
def test_each_fault_is_found(folder: Path, bars: pl.DataFrame, text: str, faults: set[Fault], words: str) -> None:
    report = checked(folder, text, bars)
    assert not report.passed
    found = {finding.fault for finding in report.findings}
    assert found & faults or found == faults
    if text != written.AT_RANDOM:
        assert found <= faults
        assert any(words in str(finding) for finding in report.findings)
    for finding in report.findings:
        assert bars["ts"][0] <= finding.ts <= bars["ts"][-1]
        assert f"{finding.ts:%Y-%m-%d %H:%M}" in str(finding)


def test_the_bar_that_leaks_is_named(folder: Path, bars: pl.DataFrame) -> None:
    text = written.deciding(
        "if view.start + t == 444 and t + 3 < view.bars.close.shape[0]:\n    if view.bars.low[t + 3] > 0.0:\n        return SIGNAL"
    )
    report = checked(folder, text, bars)
    assert {finding.ts for finding in report.findings} == {bars["ts"][444]}


def test_what_cannot_be_checked(folder: Path, bars: pl.DataFrame) -> None:
    with pytest.raises(BadParameter, match="no strategy named 'nobody'"):
        check_strategy("nobody", bars, "15m")
    with pytest.raises(BadParameter, match="no timeframe confirms 1w"):
        check_strategy("smc_pullback", bars, "1w")
    with pytest.raises(BadBars):
        check_strategy("smc_pullback", bars.with_columns(close=pl.lit(float("nan"))), "15m")
    assert check_strategy("smc_pullback", bars.clear(), "15m").bars == 0
