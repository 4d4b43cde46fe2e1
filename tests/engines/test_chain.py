"""The chain: independence of how bars are cut, no look-ahead, snapshots, and equality with its stages run apart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines import chain as chain_module
from engines.bars import bar_arrays
from engines.chain import Chain, ChainFrames
from engines.errors import BadBars, BadParameter, StateMismatch
from engines.indicators import IndicatorEngine
from engines.signals import BUILT_IN, SIGNAL_SCHEMA, SignalEngine
from engines.signals.higher import HigherTimeframe
from engines.structure import StructureEngine
from engines.timeframe import Timeframe
from engines.zones import ZoneEngine
from tests.engines.engine_cases import EAGER
from tests.engines.market_bars import Awkward, assert_same_bits, chunkings, pieces, real_bars, simulated_bars

MARKET = "binance:BTCUSDT"
FRAMES = ("indicators", "structure", "zones", "signals")


def chain(timeframe: str = "15m", **parameters: Any) -> Chain:
    return Chain(timeframe=timeframe, market=MARKET, settings=EAGER, **parameters)


def assert_same_rows(left: ChainFrames, right: ChainFrames) -> None:
    for name in FRAMES:
        assert_same_bits(getattr(left, name), getattr(right, name))


def joined(parts: list[ChainFrames]) -> ChainFrames:
    return ChainFrames(*(pl.concat([getattr(part, name) for part in parts]) for name in FRAMES))


def until(out: ChainFrames, ts: Any) -> ChainFrames:
    return ChainFrames(*(getattr(out, name).filter(pl.col("ts") <= ts) for name in FRAMES))


def bars_of(signals: pl.DataFrame, bars: pl.DataFrame) -> list[int]:
    return np.flatnonzero(bars["ts"].is_in(signals["ts"].implode()).to_numpy()).tolist()


@pytest.fixture(scope="module")
def simulated() -> pl.DataFrame:
    return simulated_bars(6_000, seed=8, timeframe="15m")


@pytest.fixture(scope="module")
def whole(simulated: pl.DataFrame) -> ChainFrames:
    out = chain().advance(simulated)
    assert out.signals.height > 40
    assert set(out.signals["strategy"]) == set(BUILT_IN)
    return out


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_rows_do_not_depend_on_how_bars_are_cut(
    simulated: pl.DataFrame, whole: ChainFrames, data: st.DataObject
) -> None:
    engine = chain()
    parts: list[ChainFrames] = []
    for piece in pieces(simulated, data.draw(chunkings(simulated.height))):
        parts.append(engine.advance(piece))
        if data.draw(st.booleans()):
            engine = Chain.restore(engine.snapshot(), timeframe="15m", market=MARKET)
    assert_same_rows(joined(parts), whole)
    assert engine.bars_seen == simulated.height


@pytest.mark.parametrize("block", [1, 7, 1_000])
def test_rows_do_not_depend_on_the_blocks_inside(
    simulated: pl.DataFrame, whole: ChainFrames, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_module, "_BLOCK", block)
    count = 600 if block == 1 else simulated.height
    assert_same_rows(chain().advance(simulated[:count]), until(whole, simulated["ts"][count - 1]))


def test_one_bar_at_a_time(simulated: pl.DataFrame, whole: ChainFrames) -> None:
    first, rest = simulated[:4_000], simulated[4_000:4_400]
    engine = chain()
    parts = [engine.advance(first), *(engine.advance(rest[i : i + 1]) for i in range(rest.height))]
    rows = joined(parts)
    assert rows.signals.filter(pl.col("ts") >= rest["ts"][0]).height > 0
    assert_same_rows(rows, until(whole, rest["ts"][-1]))


@settings(max_examples=15, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1_000))
def test_other_futures_change_no_earlier_row(
    simulated: pl.DataFrame, whole: ChainFrames, data: st.DataObject, seed: int
) -> None:
    # Right after a signal is where a look at the next bar would show.
    cut = data.draw(st.sampled_from(bars_of(whole.signals, simulated))) + 1
    random = np.random.default_rng(seed)
    factor = random.lognormal(0.0, 0.2, simulated.height - cut)
    scaled = simulated[cut:].with_columns(
        *(pl.col(name) * pl.Series(factor) for name in ("open", "high", "low", "close", "volume"))
    )
    other = chain().advance(pl.concat([simulated[:cut], scaled]))
    last = simulated["ts"][cut - 1]
    assert_same_rows(until(other, last), until(whole, last))
    assert not other.indicators.equals(whole.indicators)


def test_prefixes_replay_on_recorded_bars(real_data: Path) -> None:
    bars = real_bars(real_data, "binance_BTCUSDT_1h_2017-08_2025-06")
    rows = chain("1h").advance(bars)
    decided = bars_of(rows.signals, bars)
    assert len(decided) > 300
    for last in (*decided[:3], *decided[100::150], 50_006):
        assert_same_rows(chain("1h").advance(bars[: last + 1]), until(rows, bars["ts"][last]))


def test_a_higher_bar_is_known_from_the_close_that_completes_it_on() -> None:
    """Sixteen bars of 15 minutes make one of 4 hours: it is known at the close of the sixteenth, not before."""
    bars = simulated_bars(200, seed=1, timeframe="15m", awkward=Awkward(gap=0.0))
    arrays = bar_arrays(bars)
    view, known = HigherTimeframe(timeframe="15m").advance_checked(arrays)
    assert known.tolist() == [(t + 1) // 16 for t in range(200)]
    assert np.isnan(view.close[0])
    assert view.close[1:].tolist() == arrays.close[15::16].tolist()


def test_a_higher_bar_with_a_gap_inside_is_left_out() -> None:
    bars = simulated_bars(200, seed=1, timeframe="15m", awkward=Awkward(gap=0.0))
    holed = pl.concat([bars[:40], bars[41:]])
    view, known = HigherTimeframe(timeframe="15m").advance_checked(bar_arrays(holed))
    assert known[46] == 2
    assert known[62] == 3
    assert view.ts[3] - view.ts[2] == 2 * Timeframe.H4.milliseconds


def test_restored_in_another_process(simulated: pl.DataFrame, tmp_path: Path) -> None:
    engine = chain()
    engine.advance(simulated[:3_000])
    (tmp_path / "state").write_bytes(engine.snapshot())
    simulated[3_000:].write_parquet(tmp_path / "bars")
    program = (
        "import sys, polars as pl; from pathlib import Path; from engines.chain import Chain; p = Path(sys.argv[1]); "
        "out = Chain.restore((p / 'state').read_bytes()).advance(pl.read_parquet(p / 'bars')); "
        f"[getattr(out, n).write_parquet(p / n) for n in {FRAMES}]"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=root)
    expected = engine.advance(simulated[3_000:])
    assert expected.signals.height > 20
    assert_same_rows(ChainFrames(*(pl.read_parquet(tmp_path / name) for name in FRAMES)), expected)


def test_stages_run_apart_give_the_same_rows(simulated: pl.DataFrame, whole: ChainFrames) -> None:
    parts: list[ChainFrames] = []
    stages = (
        IndicatorEngine(timeframe="15m"),
        StructureEngine(timeframe="15m"),
        ZoneEngine(timeframe="15m", market=MARKET),
        SignalEngine(timeframe="15m", market=MARKET, settings=EAGER),
    )
    for piece in pieces(simulated, [2_500, 1, 3_499]):
        indicators = stages[0].advance(piece)
        structure = stages[1].advance(piece)
        zones = stages[2].advance(piece, structure)
        parts.append(ChainFrames(indicators, structure, zones, stages[3].advance(piece, indicators, structure, zones)))
    assert_same_rows(joined(parts), whole)


def test_arrays_give_the_rows_of_frames(
    simulated: pl.DataFrame, whole: ChainFrames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_module, "_BLOCK", 1_700)
    engine = chain()
    rows = engine.new_rows(simulated.height)
    counts = engine.advance_arrays(*bar_arrays(simulated), rows)
    assert counts == (whole.structure.height, whole.zones.height, whole.signals.height)
    expected = whole.indicators.drop("ts").to_numpy().T
    np.testing.assert_array_equal(rows.indicators, expected)
    assert rows.structure.level[: counts.structure].tolist() == whole.structure["level"].to_list()
    assert rows.zones.top[: counts.zones].tolist() == whole.zones["top"].to_list()
    signals = whole.signals
    made = type(rows.signals)(*(column[: counts.signals] for column in rows.signals))
    assert simulated["ts"].to_physical().to_numpy()[made.bar].tolist() == signals["ts"].to_physical().to_list()
    assert made.stop.tolist() == signals["stop"].to_list()
    ids = whole.zones["zone_id"].to_list()
    assert [None if zone < 0 else ids[zone] for zone in made.zone.tolist()] == signals["zone_id"].to_list()
    words = [engine.reasons(s, f) for s, f in zip(made.strategy.tolist(), made.reasons.tolist(), strict=True)]
    assert words == signals["reasons"].to_list()


def test_signals_make_sense(whole: ChainFrames, simulated: pl.DataFrame) -> None:
    signals = whole.signals
    assert signals.schema == SIGNAL_SCHEMA
    side = signals["direction"].cast(pl.Float64)
    assert ((signals["entry"] - signals["stop"]) * side > 0).all()
    assert ((signals["target_1"] - signals["entry"]) * side > 0).all()
    assert ((signals["target_2"] - signals["target_1"]) * side > 0).drop_nulls().all()
    assert signals["score"].is_between(0, 1).all()
    assert (signals["reasons"].list.len() > 0).all()
    assert signals["signal_id"].is_unique().all()
    closes = signals.join(simulated.select("ts", "close"), on="ts")
    assert closes["entry"].equals(closes["close"].alias("entry"))
    blocks = signals.drop_nulls("zone_id")
    assert blocks["zone_id"].is_unique().all()
    touched = whole.zones.filter((pl.col("kind") == "order_block") & (pl.col("event") == "touched"))
    assert blocks.join(touched, on=["ts", "zone_id"]).height == blocks.height > 5


def test_identity_holds_the_market(simulated: pl.DataFrame, whole: ChainFrames) -> None:
    other = Chain(timeframe="15m", market="binance:ETHUSDT", settings=EAGER).advance(simulated)
    assert other.signals.height == whole.signals.height
    assert not set(other.signals["signal_id"]) & set(whole.signals["signal_id"])


def test_weekly_bars_have_no_signals() -> None:
    monday = 4 * 86_400_000
    bars = simulated_bars(400, seed=3, timeframe="1w", start_ms=monday + 1_000 * 7 * 86_400_000)
    out = chain("1w").advance(bars)
    assert out.signals.is_empty()
    assert out.signals.schema == SIGNAL_SCHEMA
    assert out.indicators.height == 400
    assert out.zones.height > 0


def test_empty_frames(simulated: pl.DataFrame, whole: ChainFrames) -> None:
    engine = chain()
    out = engine.advance(simulated[:0])
    for name in FRAMES:
        assert getattr(out, name).is_empty()
        assert getattr(out, name).schema == getattr(whole, name).schema
    assert (engine.last_ts, engine.bars_seen) == (None, 0)


def test_refused_bars_move_nothing(simulated: pl.DataFrame) -> None:
    engine = chain()
    engine.advance(simulated[:500])
    before = engine.snapshot()
    with pytest.raises(BadBars, match="row 0"):
        engine.advance(simulated[499:600])
    broken = simulated[500:600].with_columns(high=pl.col("low") * 0.5)
    with pytest.raises(BadBars, match="high is below"):
        engine.advance(broken)
    assert engine.snapshot() == before
    assert engine.last_ts == simulated["ts"].to_physical()[499]


def test_snapshots_are_small_and_know_what_they_are_of(simulated: pl.DataFrame) -> None:
    engine = chain()
    engine.advance(simulated)
    data = engine.snapshot()
    assert len(data) < 80_000
    assert Chain.restore(data).snapshot() == data
    with pytest.raises(StateMismatch, match="timeframe"):
        Chain.restore(data, timeframe="1h")
    with pytest.raises(StateMismatch, match="market"):
        Chain.restore(data, market="binance:ETHUSDT")
    with pytest.raises(StateMismatch, match="damaged"):
        Chain.restore(data[:-5])
    with pytest.raises(StateMismatch):
        SignalEngine.restore(data)


def test_parameters_reach_their_stages(simulated: pl.DataFrame, whole: ChainFrames) -> None:
    other = Chain(
        timeframe="15m", market=MARKET, structure={"internal": 8}, strategies=["structure_breakout"],
        settings={"structure_breakout": EAGER["structure_breakout"]},
    ).advance(simulated)  # fmt: skip
    assert set(other.signals["strategy"]) == {"structure_breakout"}
    assert not other.structure.equals(whole.structure)
    with pytest.raises(BadParameter, match="no strategy named"):
        Chain(strategies=["astrology"])
    with pytest.raises(BadParameter, match="more than once"):
        Chain(strategies=["smc_pullback", "smc_pullback"])
    with pytest.raises(BadParameter, match="does not run"):
        Chain(strategies=["smc_pullback"], settings={"structure_breakout": {}})
    with pytest.raises(BadParameter, match="has no parameter"):
        Chain(settings={"smc_pullback": {"luck": 1.0}})
