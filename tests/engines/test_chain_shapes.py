"""The whole chain on every shape of data there is: cut, replayed and restored in every way, it shows the same."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.audit import AuditPlan, audit, chain_reader
from engines.bars import BAR_SCHEMA
from engines.chain import Chain
from engines.ingestion.normal_form import normal_form
from engines.panel import Panel
from engines.timeframe import Timeframe
from tests.engines.engine_cases import CASES, MARKET, Upstream, eager_chain
from tests.engines.market_bars import (
    Awkward,
    assert_same_bits,
    bars_frame,
    chunkings,
    constant_bars,
    pieces,
    real_bars,
    simulated_bars,
)

PLAN = AuditPlan(prefixes=40, stretch=25, futures=3, calls=3)
DIRTY = "dirty/binance_BTCUSDT_1m_offgrid_gaps_2017-12_2018-02.parquet"
HOURLY = "binance_BTCUSDT_1h_2017-08_2025-06"
ROOT = Path(__file__).resolve().parents[2]


def assert_stays(bars: pl.DataFrame, timeframe: str, seed: int = 1, first: int = 0) -> None:
    """Fail unless an audit of the chain over bars finds nothing."""
    plan = AuditPlan(PLAN.prefixes, PLAN.stretch, PLAN.futures, PLAN.calls, seed, first)
    report = audit(chain_reader(MARKET, timeframe, lambda: eager_chain(timeframe)), bars, plan)
    assert report.passed, "\n".join([report.verdict, *map(str, report.findings)])
    assert report.readings >= bars.height


# -- made up ------------------------------------------------------------------------------------------------------------

MADE_UP: dict[str, Callable[[], pl.DataFrame]] = {
    "constant, no volume": lambda: constant_bars(1_500),
    "constant, with volume": lambda: constant_bars(1_500, volume=3.0),
    "constant but for one bar": lambda: constant_bars(1_500).with_columns(
        high=pl.when(pl.int_range(pl.len()) == 700).then(101.0).otherwise(pl.col("high"))
    ),
    "a gap every few bars": lambda: simulated_bars(2_000, seed=2, awkward=Awkward(gap=0.3)),
    "quiet for half of the time": lambda: simulated_bars(2_000, seed=3, awkward=Awkward(quiet=0.05, still=0.05)),
    "jumps": lambda: simulated_bars(2_000, seed=4, awkward=Awkward(jump=0.05)),
    "ties everywhere": lambda: simulated_bars(2_000, seed=5, awkward=Awkward(tick=1.0)),
    "tiny prices": lambda: scaled(simulated_bars(2_000, seed=6), 1e-9),
    "huge prices": lambda: scaled(simulated_bars(2_000, seed=7), 1e9),
    "up without end": lambda: straight(1_500, 1.0),
    "down without end": lambda: straight(1_500, -1.0),
    "few bars": lambda: simulated_bars(7, seed=8),
    "one bar": lambda: simulated_bars(1, seed=9),
}


def scaled(bars: pl.DataFrame, factor: float) -> pl.DataFrame:
    return bars.with_columns(pl.col("open", "high", "low", "close") * factor)


def straight(count: int, step: float) -> pl.DataFrame:
    close = 2_000.0 + step * np.arange(count)
    ts = constant_bars(count)["ts"].to_physical()
    return bars_frame(ts, close, close + 0.5, close - 0.5, close, np.ones(count))


@pytest.mark.parametrize("shape", MADE_UP)
def test_made_up_shapes(shape: str) -> None:
    assert_stays(MADE_UP[shape](), "15m")


@pytest.mark.parametrize("timeframe", [frame.value for frame in Timeframe])
def test_every_timeframe(timeframe: str) -> None:
    assert_stays(simulated_bars(600, seed=21, timeframe=timeframe), timeframe)


def test_a_market_that_does_not_move_shows_no_event() -> None:
    out = eager_chain("15m").advance(constant_bars(2_000))
    assert out.structure.is_empty()
    assert out.zones.is_empty()
    assert out.signals.is_empty()
    values = out.indicators.drop("ts")
    assert not values.select(pl.any_horizontal(pl.all().is_nan() | pl.all().is_infinite()).any()).item()


# -- recorded -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT"])
def test_hourly_bars_with_the_exchanges_outages(real_data: Path, symbol: str) -> None:
    bars = real_bars(real_data, f"binance_{symbol}_1h_2017-08_2025-06")
    assert bars["ts"].diff().max().total_seconds() > 30 * 3_600  # pyright: ignore[reportOptionalMemberAccess]
    assert_stays(bars, "1h", seed=3)


def test_one_bar_at_a_time_over_every_outage(real_data: Path) -> None:
    bars = real_bars(real_data, HOURLY)
    gaps = np.flatnonzero(np.diff(bars["ts"].to_physical().to_numpy()) > Timeframe.H1.milliseconds) + 1
    assert gaps.size > 25
    last = int(gaps[gaps < 20_000][-1])
    near = sorted({i for gap in gaps[gaps < 20_000].tolist() for i in range(gap - 3, gap + 4)})
    edges = [0, *near, last + 10]
    engine, whole = eager_chain("1h"), eager_chain("1h").advance(bars[: last + 10])
    parts = [engine.advance(piece) for piece in pieces(bars, np.diff(edges).tolist())]
    for name in ("indicators", "structure", "zones", "signals"):
        assert_same_bits(pl.concat([getattr(part, name) for part in parts]), getattr(whole, name))


def test_minute_bars_of_the_winter_of_outages(real_data: Path) -> None:
    raw = pl.read_parquet(real_data / DIRTY)
    bars = normal_form(raw, Timeframe.M1).bars.select(BAR_SCHEMA.names())
    assert bars.height == 99_979
    assert (bars["volume"] == 0.0).sum() > 50
    assert_stays(bars, "1m", seed=5)


def test_a_stretch_of_zero_volume_bars_one_by_one(real_data: Path) -> None:
    raw = pl.read_parquet(real_data / DIRTY)
    bars = normal_form(raw, Timeframe.M1).bars.select(BAR_SCHEMA.names())
    quiet = np.flatnonzero((bars["volume"] == 0.0).to_numpy())
    place = int(quiet[np.argmin(quiet[10:] - quiet[:-10])])
    assert_stays(bars[max(0, place - 1_000) : place + 60], "1m", first=min(1_000, place) - 20)


def test_minute_bars(real_data: Path) -> None:
    assert_stays(real_bars(real_data, "binance_ETHUSDT_1m_2024")[200_000:230_000], "1m", seed=7)


@pytest.mark.parametrize("name", ["perp_5m", "mark_1h"])
def test_perpetuals_and_mark_prices(real_data: Path, name: str) -> None:
    file = real_data / "derivatives" / f"binance_ETHUSDT_{name}_to_2025-09.parquet"
    bars = pl.read_parquet(file).select(BAR_SCHEMA.names())
    assert name != "mark_1h" or bars["volume"].sum() == 0.0
    assert_stays(bars[:6_000], name.rpartition("_")[2], seed=11)


def test_bars_made_of_websocket_trades(real_data: Path) -> None:
    with gzip.open(real_data / "raw_ws" / "binance_spot_btcusdt_trade_depth_20240809.jsonl.gz") as file:
        messages = [json.loads(line.partition(b" ")[2])["data"] for line in file if b'"e":"trade"' in line]
    trades = pl.DataFrame(
        {"ts": [m["T"] for m in messages], "price": [float(m["p"]) for m in messages], "size": [float(m["q"]) for m in messages]}
    )  # fmt: skip
    price = pl.col("price")
    bars = (
        trades.with_columns(pl.col("ts").cast(BAR_SCHEMA["ts"]).dt.truncate("1m"))
        .group_by("ts", maintain_order=True)
        .agg(price.first().alias("open"), price.max().alias("high"), price.min().alias("low"),
             price.last().alias("close"), pl.col("size").sum().alias("volume"))
    )  # fmt: skip
    assert bars.height >= 5
    assert_stays(bars, "1m")
    # The stream goes on where the recorded minutes end: the same engine, bar by bar, over both.
    history = real_bars(real_data, "binance_BTCUSDT_1m_2024").filter(pl.col("ts") < bars["ts"][0])[-3_000:]
    assert_stays(pl.concat([history, bars]), "1m", first=2_980)


def test_the_panel_of_sixteen_markets(real_data: Path) -> None:
    files = sorted((real_data / "candles").glob("*_5m_*.parquet"))
    assert len(files) == 16
    bars = {f"binance:{file.name.split('_')[1]}": real_bars(real_data, file.stem)[10_000:10_700] for file in files}
    panel = Panel([Chain(timeframe="5m", market=market) for market in bars])
    together = pl.concat([frame.with_columns(market=pl.lit(market)) for market, frame in bars.items()])
    cuts = [0, 500, 501, 502, 503, 650, 700]
    with panel:
        for begin, end in pairwise(cuts):
            out = panel.advance(together.filter(pl.int_range(pl.len()).over("market").is_between(begin, end - 1)))
            for market, frame in bars.items():
                alone = Chain(timeframe="5m", market=market)
                alone.advance(frame[:begin])
                expected = alone.advance(frame[begin:end])
                for name in ("indicators", "structure", "zones", "signals"):
                    found = getattr(out, name).filter(pl.col("market") == market).drop("market")
                    assert_same_bits(found, getattr(expected, name))


@pytest.mark.parametrize("symbol", ["DOGEUSDT", "SUIUSDT", "BTCUSDT", "NEARUSDT"])
def test_five_minute_bars(real_data: Path, symbol: str) -> None:
    assert_stays(real_bars(real_data, f"binance_{symbol}_5m_2024-01_2024-09")[:8_000], "5m", seed=13)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_random_cuts_and_restores_of_recorded_bars(real_data: Path, data: st.DataObject) -> None:
    """Hypothesis draws the cuts, around the longest outage of the record."""
    bars = real_bars(real_data, HOURLY)[3_000:6_000]
    whole = eager_chain("1h").advance(bars)
    engine = eager_chain("1h")
    parts = []
    for piece in pieces(bars, data.draw(chunkings(bars.height))):
        parts.append(engine.advance(piece))
        if data.draw(st.booleans()):
            engine = Chain.restore(engine.snapshot(), timeframe="1h")
    for name in ("indicators", "structure", "zones", "signals"):
        assert_same_bits(pl.concat([getattr(part, name) for part in parts]), getattr(whole, name))


RESUME = """
import sys
from pathlib import Path
import polars as pl
from tests.engines.engine_cases import CASES, Upstream

folder = Path(sys.argv[1])
bars = pl.read_parquet(folder / "bars")
upstream = Upstream("15m")
upstream.advance(bars[:1500])
inputs = upstream.advance(bars[1500:])
for name, case in CASES.items():
    engine = type(case.make("15m")).restore((folder / name).read_bytes())
    for number, frame in enumerate(case.rows(engine, bars[1500:], inputs)):
        frame.write_parquet(folder / f"{name}.{number}")
    (folder / f"{name}.after").write_bytes(engine.snapshot())
"""


def test_every_engine_goes_on_in_another_process(tmp_path: Path) -> None:
    bars = simulated_bars(2_500, seed=31)
    bars.write_parquet(tmp_path / "bars")
    upstream = Upstream("15m")
    first, then = upstream.advance(bars[:1500]), upstream.advance(bars[1500:])
    engines = {name: case.make("15m") for name, case in CASES.items()}
    for name, engine in engines.items():
        CASES[name].rows(engine, bars[:1500], first)
        (tmp_path / name).write_bytes(engine.snapshot())
    subprocess.run([sys.executable, "-c", RESUME, str(tmp_path)], check=True, cwd=ROOT, timeout=300)
    for name, engine in engines.items():
        for number, expected in enumerate(CASES[name].rows(engine, bars[1500:], then)):
            assert_same_bits(pl.read_parquet(tmp_path / f"{name}.{number}"), expected)
        assert (tmp_path / f"{name}.after").read_bytes() == engine.snapshot(), name
