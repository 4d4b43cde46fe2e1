"""Structure and zones on every shape that recorded markets have: cut anywhere, restored anywhere, known only by prefixes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engines.bars import BAR_SCHEMA
from engines.structure import StructureEngine
from engines.timeframe import Timeframe
from engines.zones import ZoneEngine
from tests.engines.market_bars import Awkward, assert_same_bits, constant_bars, pieces, simulated_bars
from tests.engines.structure_and_zones import MARKET, Both

RECORDED = (
    ("candles/binance_BTCUSDT_1m_2024", "1m"),
    ("candles/binance_ETHUSDT_1m_2024", "1m"),
    ("candles/binance_BTCUSDT_1h_2017-08_2025-06", "1h"),
    ("candles/binance_ETHUSDT_1h_2017-08_2025-06", "1h"),
    *(
        (f"candles/binance_{symbol}USDT_5m_2024-01_2024-09", "5m")
        for symbol in (
            *("AAVE", "ARB", "ATOM", "AVAX", "BTC", "DOGE", "ETH", "INJ"),
            *("LINK", "LTC", "NEAR", "OP", "SOL", "SUI", "UNI", "XRP"),
        )
    ),
    ("derivatives/binance_BTCUSDT_perp_5m_to_2025-09", "5m"),
    ("derivatives/binance_ETHUSDT_perp_5m_to_2025-09", "5m"),
    ("derivatives/binance_BTCUSDT_mark_1h_to_2025-09", "1h"),
    ("derivatives/binance_ETHUSDT_mark_1h_to_2025-09", "1h"),
    ("dirty/binance_BTCUSDT_1m_offgrid_gaps_2017-12_2018-02", "1m"),
)
_BARS = 6_000


def recorded_bars(folder: Path, name: str, timeframe: str) -> pl.DataFrame:
    """Bars around the longest gap of a recording (its first, if it has none), without those that are off the grid."""
    bars = pl.read_parquet(folder / f"{name}.parquet").select(BAR_SCHEMA.names()).cast(dict(BAR_SCHEMA))
    on_grid = (pl.col("ts").to_physical() % Timeframe(timeframe).milliseconds) == 0
    bars = bars.filter(on_grid).unique("ts", keep="first").sort("ts")
    gap = bars["ts"].diff().arg_max() or 0
    return bars.slice(max(gap - _BARS // 2, 0), _BARS)


def lengths_of(count: int, seed: int) -> list[int]:
    """Random lengths of calls that sum to ``count``: single bars, a few, hundreds, and none."""
    random = np.random.default_rng(seed)
    lengths: list[int] = []
    while (left := count - sum(lengths)) > 0:
        most = int(random.choice([1, 1, 7, 60, 900]))
        lengths.append(min(int(random.integers(0, most + 1)), left))
    return lengths


def again(both: Both) -> Both:
    """Both engines as they come out of their snapshots."""
    twin = Both(both.structure.timeframe)
    twin.structure = StructureEngine.restore(both.structure.snapshot())
    twin.zones = ZoneEngine.restore(both.zones.snapshot(), market=MARKET)
    return twin


def assert_cuts_do_not_matter(bars: pl.DataFrame, timeframe: str, seed: int) -> pl.DataFrame:
    """Hold calls of random length, with a restored engine for every fifth, against one call; returns the zone rows."""
    structure = StructureEngine(timeframe=timeframe)
    events = structure.advance(bars)
    whole = Both(timeframe)
    rows = whole.zones.advance(bars, events)
    cut = Both(timeframe)
    found_events: list[pl.DataFrame] = []
    found_rows: list[pl.DataFrame] = []
    for k, piece in enumerate(pieces(bars, lengths_of(bars.height, seed))):
        if k % 5 == 4:
            cut = again(cut)
        found_events.append(cut.structure.advance(piece))
        found_rows.append(cut.zones.advance(piece, found_events[-1]))
    assert_same_bits(pl.concat(found_events), events)
    assert_same_bits(pl.concat(found_rows), rows)
    assert cut.structure.snapshot() == structure.snapshot()
    assert cut.zones.snapshot() == whole.zones.snapshot()
    return rows


@pytest.mark.parametrize(("name", "timeframe"), RECORDED)
def test_recorded_markets(real_data, name, timeframe):
    bars = recorded_bars(real_data, name, timeframe)
    rows = assert_cuts_do_not_matter(bars, timeframe, seed=len(name))
    assert rows.height > 1_000
    for length in (1, 137, 2_500, 4_444):
        prefix = bars.head(length)
        assert_same_bits(Both(timeframe).advance(prefix), rows.filter(pl.col("ts") <= prefix["ts"][-1]))


def test_the_dirty_recording_has_gaps(real_data):
    """Else its test above would not be about them."""
    bars = recorded_bars(real_data, *RECORDED[-1])
    assert (bars["ts"].diff().dt.total_minutes() > 1).any()


@pytest.mark.parametrize(
    "awkward",
    [
        Awkward(gap=0.2),
        Awkward(still=0.05),
        Awkward(quiet=0.1),
        Awkward(jump=0.05),
        Awkward(tick=1.0),
        Awkward(gap=0.1, still=0.02, jump=0.02, tick=0.5),
    ],
    ids=["gaps", "constant prices", "zero volume", "jumps", "ties", "all"],
)
@pytest.mark.parametrize("timeframe", ["1m", "4h", "1w"])
def test_awkward_markets(awkward, timeframe):
    rows = assert_cuts_do_not_matter(simulated_bars(4_000, seed=21, timeframe=timeframe, awkward=awkward), timeframe, 3)
    assert rows.height > 300


def test_volume_moves_no_event():
    bars = simulated_bars(3_000, seed=17)
    silent = bars.with_columns(volume=pl.lit(0.0))
    assert_same_bits(StructureEngine().advance(silent), StructureEngine().advance(bars))
    rows, loud = Both().advance(silent), Both().advance(bars)
    assert_same_bits(rows.drop("volume"), loud.drop("volume"))
    assert rows["volume"].drop_nulls().unique().to_list() == [0.0]
    assert loud["volume"].is_null().equals(rows["volume"].is_null())


def test_a_market_that_stands_still_has_no_events():
    bars = constant_bars(1_000)
    both = Both()
    assert both.structure.advance(bars).height == 0
    assert Both().advance(bars).height == 0


def test_a_market_that_wakes_up_is_the_same_in_pieces():
    still = constant_bars(300, price=100.0)
    later = simulated_bars(2_000, seed=5, start_ms=int(still["ts"].cast(pl.Int64)[-1]) + 900_000)
    assert (
        assert_cuts_do_not_matter(
            pl.concat(
                [
                    still,
                    later,
                ]
            ),
            "15m",
            8,
        ).height
        > 100
    )
