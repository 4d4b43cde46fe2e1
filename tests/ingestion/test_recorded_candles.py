"""Recorded data: exact counts, each found a second time without the code under test."""

from __future__ import annotations

import itertools
from pathlib import Path

import polars as pl
import pytest

from engines.bars import bar_arrays, check_bars
from engines.ingestion.candle_files import CandleFiles
from engines.ingestion.gaps import find_gaps
from engines.ingestion.source import Batch, Series
from engines.timeframe import Timeframe
from tests.ingestion.bars_for_tests import MINUTE, plain_normal_form

BTC = Series("binance", "BTCUSDT", Timeframe.M1)
DIRTY = "binance_BTCUSDT_1m_offgrid_gaps_2017-12_2018-02.parquet"


@pytest.fixture(scope="module")
def dirty(real_data: Path) -> Batch:
    (batch,) = CandleFiles.open(real_data / "dirty").read(BTC, Timeframe.M1)
    return batch


def test_the_dirty_file_has_these_counts(dirty: Batch) -> None:
    report = dirty.report
    assert report.accepted
    assert report.origin == DIRTY
    assert (report.bars, report.snapped_bars, report.refused_bars, report.duplicate_bars) == (99_979, 21_601, 1, 0)
    assert report.missing_bars == 2_261
    gaps = find_gaps(dirty.bars["ts"].to_physical().to_numpy(), Timeframe.M1)
    assert gaps["missing_bars"].to_list() == [13, 64, 125, 2_010, 15, 34]
    assert gaps["missing_bars"].sum() == report.missing_bars
    longest = gaps.row(by_predicate=pl.col("missing_bars") == 2_010, named=True)
    assert str(longest["ts"]) == "2018-02-08 00:29:00+00:00"
    assert str(longest["gap_end"]) == "2018-02-09 09:58:00+00:00"


def test_a_plain_loop_over_the_dirty_file_finds_the_same(dirty: Batch, real_data: Path) -> None:
    raw = pl.read_parquet(real_data / "dirty" / DIRTY).with_columns(ts=pl.col("ts").dt.epoch("ms"))
    rows, snapped, refused, duplicates = plain_normal_form(list(raw.iter_rows()), MINUTE)
    assert (snapped, refused, duplicates) == (21_601, 1, 0)
    assert list(dirty.bars.with_columns(ts=pl.col("ts").to_physical()).iter_rows()) == rows
    times = [row[0] for row in rows]
    missing = sum((after - before) // MINUTE - 1 for before, after in itertools.pairwise(times))
    assert missing == dirty.report.missing_bars


def test_the_one_refused_bar_is_the_stub_beside_a_bar_on_the_grid(dirty: Batch, real_data: Path) -> None:
    raw = pl.read_parquet(real_data / "dirty" / DIRTY)
    slot = pl.datetime(2017, 12, 4, 6, time_zone="UTC")
    inside = raw.filter(pl.col("ts").is_between(slot, slot + pl.duration(seconds=59)))
    assert (inside["ts"].dt.epoch("ms") % MINUTE).to_list() == [0, 20_799]
    assert inside["volume"].to_list()[1] == 0.0
    assert dirty.bars.filter(pl.col("ts") == slot).equals(inside[:1])


def test_snapped_bars_add_up_to_the_exchanges_own_hourly_bars(dirty: Batch, real_data: Path) -> None:
    """Snapping downwards is right: whole hours of snapped bars give the hourly bars, which come from another file."""
    hourly = pl.read_parquet(real_data / "candles" / "binance_BTCUSDT_1h_2017-08_2025-06.parquet")
    raw = pl.read_parquet(real_data / "dirty" / DIRTY)
    off_grid = raw.filter(pl.col("ts").dt.epoch("ms") % MINUTE != 0).select(pl.col("ts").dt.truncate("1m"))
    made = (
        dirty.bars.join(off_grid, on="ts", how="semi")
        .group_by(pl.col("ts").dt.truncate("1h"))
        .agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            pl.col("volume").sum(),
            count=pl.len(),
        )
        .filter(pl.col("count") == 60)
        .join(hourly, on="ts")
    )
    assert made.height > 350
    for name in ("open", "high", "low", "close"):
        assert (made[name] == made[f"{name}_right"]).mean() > 0.995, name
    assert ((made["volume"] - made["volume_right"]).abs() < 1e-6).mean() > 0.995


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT"])
def test_a_year_of_minutes_is_clean(real_data: Path, symbol: str) -> None:
    source = CandleFiles.open(real_data / "candles")
    market = Series("binance", symbol, Timeframe.M1)
    (batch,) = source.read(market, Timeframe.M1)
    report = batch.report
    assert (report.bars, report.snapped_bars, report.refused_bars) == (527_040, 0, 0)
    assert (report.duplicate_bars, report.missing_bars) == (0, 0)
    check_bars(bar_arrays(batch.bars), Timeframe.M1)
    raw = pl.read_parquet(real_data / "candles" / f"binance_{symbol}_1m_2024.parquet")
    assert batch.bars.equals(raw.select(batch.bars.columns))


def test_every_recorded_series_is_found_and_accepted(real_data: Path) -> None:
    source = CandleFiles.open(real_data / "candles")
    assert source.unrecognized == ()
    assert len(source.series) == 20
    for series in source.series:
        for batch in source.read(series, series.timeframe):
            assert batch.report.accepted, batch.report
            stored = pl.scan_parquet(real_data / "candles" / batch.report.origin).select(pl.len()).collect().item()
            assert batch.report.bars + batch.report.refused_bars + batch.report.duplicate_bars == stored


def test_the_base_is_the_finest_that_covers_what_is_asked(real_data: Path) -> None:
    source = CandleFiles.open(real_data / "candles")
    day = 86_400_000
    january = 1_704_067_200_000
    wanted = [Timeframe.M15, Timeframe.H1]
    assert source.choose_base(BTC, wanted, january, january + 182 * day) is Timeframe.M1
    assert source.choose_base(BTC, wanted) is Timeframe.M1
    # Of 2020 there are only hourly bars; of 2023 to 2025 they cover most.
    assert source.choose_base(BTC, [Timeframe.H1], january - 1461 * day, january - 1000 * day) is Timeframe.H1
    assert source.choose_base(BTC, [Timeframe.H1], january - 365 * day, january + 500 * day) is Timeframe.H1
    assert source.choose_base(Series("binance", "SOLUSDT", Timeframe.M5), wanted, january) is Timeframe.M5


def test_derivatives_are_not_taken_for_spot(real_data: Path) -> None:
    source = CandleFiles.open(f"{real_data}/**/*.parquet")
    assert len(source.unrecognized) == 6
    assert all("does not say what it holds" in sentence for sentence in source.unrecognized)
