"""Users' strategies: loaded from a folder, run beside the built-in ones, and kept from harming anybody when they fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engines.chain import Chain
from engines.errors import StateMismatch
from engines.panel import Panel
from engines.signals import BUILT_IN
from engines.signals import strategy as register_module
from engines.signals.compiling import BadStrategy
from engines.signals.loading import load_strategies, load_strategy_file
from tests.engines import user_strategies as written
from tests.engines.market_bars import assert_same_bits, pieces, simulated_bars

MARKET = "sim:BTCUSDT"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder of strategies; what a test registers is forgotten after it."""
    monkeypatch.setattr(register_module, "_REGISTER", dict(register_module._REGISTER))
    place = tmp_path / "strategies"
    place.mkdir()
    yield place
    for file in place.glob("*.py"):
        file.unlink()
    load_strategies(place)


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def chain(*strategies: str) -> Chain:
    return Chain(timeframe="15m", market=MARKET, strategies=list(strategies))


def test_a_folder_is_loaded_and_its_strategies_run_beside_the_built_in_ones(folder: Path) -> None:
    write(folder, written.CROSS)
    write(folder, "this is no Python", "_left_alone.py")
    loaded = load_strategies(folder)
    assert not loaded.problems
    assert loaded.names == (*BUILT_IN, "averages_crossed")
    bars = simulated_bars(3_000, seed=5)
    out = chain(*loaded.names).advance(bars)
    built_in = chain(*BUILT_IN).advance(bars)
    assert_same_bits(out.signals.filter(pl.col("strategy").is_in(BUILT_IN)), built_in.signals)
    made = out.signals.filter(strategy="averages_crossed")
    sides = out.indicators.select("ts", side=(pl.col("ema_9") > pl.col("ema_50")).fill_null(False))
    crossed = sides.filter(pl.col("side") != pl.col("side").shift(1))["ts"]
    # The first bars have no ATR, and a stop that is NaN is not proposed.
    assert made["ts"].to_list() == crossed.filter(crossed >= made["ts"][0]).to_list()
    assert made.height > 20
    assert made["reasons"].to_list() == [["crossed"]] * made.height


def test_cuts_calls_panels_and_snapshots_make_no_difference(folder: Path) -> None:
    write(folder, written.CROSS)
    names = load_strategies(folder).names
    bars = simulated_bars(1_200, seed=6)
    whole = chain(*names).advance(bars).signals
    assert "averages_crossed" in whole["strategy"]
    engine, parts = chain(*names), list[pl.DataFrame]()
    for piece in pieces(bars, [500, 1, 1, 0, 1, 697]):
        parts.append(engine.advance(piece).signals)
        engine = Chain.restore(engine.snapshot())
    assert_same_bits(pl.concat(parts), whole)
    panel = Panel([chain(*names)])
    panel.advance(bars.head(900).select(pl.lit(MARKET).alias("market"), pl.all()))
    live = [panel.advance(bars[k].select(pl.lit(MARKET).alias("market"), pl.all())).signals for k in range(900, 1_200)]
    assert_same_bits(pl.concat(live).drop("market"), whole.filter(pl.col("ts") >= bars["ts"][900]))


@pytest.mark.parametrize(
    ("text", "bar", "reason"),
    [
        (written.RAISES, 333, "it raised ValueError: no luck today"),
        (written.DIVIDES, 333, "it divides by zero"),
        (written.PEEKS, 1_190, "it reads beyond an array"),
        (written.TWO, 330, "at most one signal a bar"),
        (written.NONSENSE, 333, "stop is not on the losing side"),
        (written.NAN_STOP, 333, "it made a signal it must not make"),
    ],
    ids=["raises", "divides", "beyond", "two", "nonsense", "nan"],
)
def test_a_failure_is_told_with_its_bar_and_stops_nobody_else(folder: Path, text: str, bar: int, reason: str) -> None:
    (one,) = load_strategy_file(write(folder, text))
    bars = simulated_bars(1_191, seed=7)
    expected = chain(*BUILT_IN).advance(bars).signals
    for sizes in ([1_191], [300, 33, 1, 1, 0, 856]):
        engine = chain(one.name, *BUILT_IN)
        signals = pl.concat([engine.advance(piece).signals for piece in pieces(bars, sizes)])
        assert_same_bits(signals.filter(pl.col("strategy") != one.name), expected)
        if reason.startswith("it reads") and len(sizes) > 1:
            # How far it reads before the array ends depends on the call; that it fails does not.
            assert engine.failures
            continue
        (failure,) = engine.failures
        assert (failure.strategy, failure.ts) == (one.name, bars["ts"][bar])
        assert reason in failure.reason
        made = signals.filter(strategy=one.name)
        assert made["ts"].max() < bars["ts"][bar]
        assert made.height >= (30 if bar == 333 else 5)
        later = Chain.restore(engine.snapshot())
        assert later.failures == engine.failures
        assert "is switched off since the bar of" in str(failure)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("def x(:\n", 1, "this is not Python"),
        ("import nowhere_at_all\n", 1, "it cannot be loaded: ModuleNotFoundError"),
        ("x = 1\n", 0, "there is no strategy in it"),
        (written.deciding("if close > nothing:\n    return n"), 9, "name 'nothing' is not defined"),
        (written.deciding("if view.bars.closing[t] > 1:\n    return n"), 9, "Unknown attribute 'closing'"),
        (written.deciding("view.bars.close[t] = 1.0"), 9, "only memory and rows can be written to"),
        (written.deciding("return n", name="smc_pullback"), 0, "the name of a built-in strategy"),
        (written.deciding("return n", name="No Name"), 0, "cannot be the name of a strategy"),
        (written.deciding("return n") + written.deciding("return n"), 0, "there is a strategy named tried_out already"),
        (
            written.HEAD + "@strategy(name='few', reasons=('x',))\ndef decide(t, view):\n    return 0\n",
            5,
            "must take (t, view",
        ),
        (
            written.HEAD + "@strategy(name='wordy', reasons='x')\ndef decide(t, view, p, m, r, n):\n    return n\n",
            5,
            "reasons must be several texts",
        ),
    ],
)
def test_a_bad_file_is_told_with_its_line_and_leaves_the_others(folder: Path, text: str, line: int, words: str) -> None:
    write(folder, written.CROSS, "good.py")
    file = write(folder, text, "wrong.py")
    loaded = load_strategies(folder)
    assert loaded.names == (*BUILT_IN, "averages_crossed")
    (problem,) = loaded.problems
    assert problem.file == file
    assert words in str(problem)
    if line:
        assert problem.line == line
        assert f"{file}, line {line}: " in str(problem)


def test_a_changed_file_is_another_strategy_and_a_removed_one_is_gone(folder: Path) -> None:
    file = write(folder, written.deciding("if (view.start + t) % 10 == 0:\n    return SIGNAL"))
    before = load_strategies(folder)
    bars = simulated_bars(400)
    engine = chain("tried_out")
    assert engine.advance(bars).signals.height == 40
    assert load_strategies(folder).strategies[0] is before.strategies[0]
    file.write_text(written.deciding("if (view.start + t) % 20 == 0:\n    return SIGNAL"))
    after = load_strategies(folder)
    assert after.fingerprint != before.fingerprint
    assert chain("tried_out").advance(bars).signals.height == 20
    with pytest.raises(StateMismatch):
        Chain.restore(engine.snapshot())
    file.unlink()
    assert load_strategies(folder).names == BUILT_IN
    with pytest.raises(ValueError, match="no strategy named 'tried_out'"):
        chain("tried_out")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadStrategy, match="does not exist; make it, or unset CAP_STRATEGIES"):
        load_strategies(tmp_path / "nowhere")
    assert load_strategies(None).names == BUILT_IN


def test_a_strategy_cannot_change_what_others_see(folder: Path) -> None:
    # Through a detour that the compiler cannot see: the view is read-only when it runs, too.
    write(folder, written.deciding("c = view.bars.close\nc[t] = 1.0", name="vandal"))
    loaded = load_strategies(folder)
    assert "only memory and rows can be written to" in str(loaded.problems[0])
    assert np.isfinite(simulated_bars(10)["close"].to_numpy()).all()
