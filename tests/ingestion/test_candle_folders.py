"""Folders of candle files: what they are said to hold, which of it is chosen, and files that overlap."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import polars as pl
import pytest

from engines.ingestion.candle_files import CandleFiles
from engines.ingestion.file_names import UnknownFileName, parse_file_name
from engines.ingestion.source import Batch, Series
from engines.ingestion.vocabulary import NoSeries, SourceUnavailable
from engines.timeframe import Timeframe
from tests.ingestion.bars_for_tests import MINUTE, START, good_bars

M1, M5, H1 = Timeframe.M1, Timeframe.M5, Timeframe.H1
BTC = Series("binance", "BTCUSDT", M1)
DAY = 1_440 * MINUTE


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("binance_BTCUSDT_1m_2024.parquet", Series("binance", "BTCUSDT", M1)),
        ("binance_BTCUSDT_1m.csv", Series("binance", "BTCUSDT", M1)),
        ("kraken_XBT-USD_1h_a_b.csv", Series("kraken", "XBT-USD", H1)),
        ("BTCUSDT-1m-2024-01.zip", Series("binance", "BTCUSDT", M1)),
        ("1000SATSUSDT-5m-2024-01-31.zip", Series("binance", "1000SATSUSDT", M5)),
        ("ETHUSDT-1h-2024-01.csv", Series("binance", "ETHUSDT", H1)),
    ],
)
def test_names_say_what_files_hold(name: str, series: Series) -> None:
    assert parse_file_name(Path("data/spot/monthly/klines") / name) == series


@pytest.mark.parametrize(
    "name",
    [
        "candles.csv",
        "BTCUSDT.parquet",
        "binance_btcusdt_1m.csv",
        "binance_BTCUSDT_perp_5m_to_2025-09.parquet",
        "binance_BTCUSDT_funding_8h.parquet",
        "BTCUSDT-1s-2024-01.zip",
        "binance_BTCUSDT_7m_2024.csv",
        "BTCUSDT-1mo-2024-01.zip",
        "data/futures/um/monthly/klines/BTCUSDT-1m-2024-01.zip",
        "premiumIndexKlines/BTCUSDT-1m-2024-01.zip",
    ],
)
def test_names_that_do_not_are_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(UnknownFileName, match=r"name it|known are") as raised:
        parse_file_name(Path(name))
    assert Path(name).name in str(raised.value)


def write(folder: Path, name: str, bars: pl.DataFrame) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        bars.write_parquet(path)
        return path
    text = bars.with_columns(pl.col("ts").to_physical()).write_csv()
    if path.suffix == ".csv":
        path.write_text(text)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{path.stem}.csv", text)
    return path


def joined(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat([batch.bars for batch in batches]).sort("ts")


def test_a_folder_is_searched_with_all_in_it_and_says_what_it_passes_over(tmp_path: Path) -> None:
    bars = good_bars(60)
    write(tmp_path, "a/binance_BTCUSDT_1m_1.csv", bars[:20])
    write(tmp_path, "b/c/BTCUSDT-1m-2024-01-01.zip", bars[20:40])
    write(tmp_path, "binance_BTCUSDT_1m_3.parquet", bars[40:])
    write(tmp_path, "notes.csv", bars)
    write(tmp_path, ".binance_BTCUSDT_1m_4.csv", bars)
    (tmp_path / "README.md").write_text("no candles")
    source = CandleFiles.open(tmp_path)
    assert source.series == (BTC,)
    assert joined(source.read(BTC, M1)).equals(bars)
    (passed_over,) = source.unrecognized
    assert passed_over.startswith("the name of notes.csv does not say")


def test_a_glob_picks(tmp_path: Path) -> None:
    write(tmp_path, "binance_BTCUSDT_1m.csv", good_bars(20))
    write(tmp_path, "binance_BTCUSDT_5m.csv", good_bars(20, step=5 * MINUTE))
    assert [s.timeframe for s in CandleFiles.open(f"{tmp_path}/*_5m*").series] == [M5]


def test_nothing_there_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="there is no file or folder"):
        CandleFiles.open(tmp_path / "nowhere")
    with pytest.raises(SourceUnavailable):
        CandleFiles.open(f"{tmp_path}/*.csv")
    with pytest.raises(NoSeries, match=r"candle files end in .parquet, .csv or .zip"):
        CandleFiles.open(tmp_path)
    named_badly = write(tmp_path, "candles.csv", good_bars(5))
    with pytest.raises(UnknownFileName, match=r"candles\.csv"):
        CandleFiles.open(named_badly)
    with pytest.raises(NoSeries, match=r"candles\.csv"):
        CandleFiles.open(tmp_path)


def test_a_refused_file_takes_no_other_with_it(tmp_path: Path) -> None:
    bars = good_bars(60)
    write(tmp_path, "binance_BTCUSDT_1m_1.parquet", bars[:30])
    write(tmp_path, "binance_BTCUSDT_1m_2.parquet", bars[30:].with_columns(high=pl.lit(1.0)))
    good, bad = CandleFiles.open(tmp_path).read(BTC, M1)
    assert good.bars.equals(bars[:30])
    assert bad.report.reason == "row 0: high is below max(open, close)"
    assert bad.bars.is_empty()


def test_bars_that_repeat_an_earlier_file_are_duplicates(tmp_path: Path) -> None:
    bars = good_bars(60)
    write(tmp_path, "binance_BTCUSDT_1m_1.parquet", bars[:40])
    write(tmp_path, "binance_BTCUSDT_1m_2.csv", bars[30:])
    write(tmp_path, "binance_BTCUSDT_1m_3.csv", bars[35:50])
    batches = CandleFiles.open(tmp_path).read(BTC, M1)
    assert joined(batches).equals(bars)
    counts = [(batch.report.bars, batch.report.duplicate_bars) for batch in batches]
    assert counts == [(40, 0), (20, 10), (0, 15)]
    assert all(batch.restated.is_empty() for batch in batches)


def test_a_later_file_corrects_an_earlier_one(tmp_path: Path) -> None:
    bars = good_bars(60)
    corrected = bars[30:50].with_columns(
        volume=pl.when(pl.int_range(pl.len()) < 3).then(77.0).otherwise(pl.col("volume"))
    )
    write(tmp_path, "binance_BTCUSDT_1m_2024.parquet", bars)
    write(tmp_path, "binance_BTCUSDT_1m_2024_v2.parquet", corrected)
    earlier, later = CandleFiles.open(tmp_path).read(BTC, M1)
    assert joined([earlier, later]).equals(pl.concat([bars[:30], corrected, bars[50:]]))
    assert later.bars.equals(corrected[:3])
    assert (later.report.bars, later.report.duplicate_bars) == (3, 17)
    assert later.restated["old_volume"].to_list() == bars["volume"][30:33].to_list()
    assert later.restated["new_volume"].to_list() == [77.0] * 3


def test_any_window_hands_over_its_bars_and_the_same_reports(tmp_path: Path) -> None:
    bars = good_bars(90)
    write(tmp_path, "binance_BTCUSDT_1m_1.parquet", bars[:40])
    write(tmp_path, "binance_BTCUSDT_1m_2.csv", bars[25:70])
    write(tmp_path, "binance_BTCUSDT_1m_3.parquet", bars[60:].with_columns(pl.col("volume") + 1))
    source = CandleFiles.open(tmp_path)
    whole = {batch.report.origin: batch for batch in source.read(BTC, M1)}
    everything = joined(list(whole.values()))
    assert everything.height == 90
    for first, last in ((0, 10), (20, 30), (30, 65), (41, 42), (65, 90), (45, 59)):
        since, until = START + first * MINUTE, START + last * MINUTE
        batches = source.read(BTC, M1, since, until)
        assert joined(batches).equals(everything[first:last]), (first, last)
        assert all(batch.report == whole[batch.report.origin].report for batch in batches)
    origins = [batch.report.origin for batch in source.read(BTC, M1, START + 45 * MINUTE, START + 59 * MINUTE)]
    assert origins == ["binance_BTCUSDT_1m_2.csv"], "a file read only to count what it shares is not handed over"
    assert source.read(BTC, M1, START + 200 * MINUTE) == []


def folder_of(tmp_path: Path) -> CandleFiles:
    write(tmp_path, "binance_BTCUSDT_1m.parquet", good_bars(1_440, START + DAY))
    write(tmp_path, "binance_BTCUSDT_5m.csv", good_bars(288 * 3, START, 5 * MINUTE))
    write(tmp_path, "binance_BTCUSDT_1h.parquet", good_bars(24 * 10, START - 5 * DAY, 60 * MINUTE))
    write(tmp_path, "binance_ETHUSDT_5m.parquet", good_bars(288, START, 5 * MINUTE))
    return CandleFiles.open(tmp_path)


@pytest.mark.parametrize(
    ("timeframes", "days", "base"),
    [
        pytest.param([H1], (None, None), M1, id="the finest, if nothing is asked"),
        pytest.param([H1], (1, 2), M1, id="the finest that covers"),
        pytest.param([H1], (0, 2), M5, id="a coarser that covers"),
        pytest.param([H1], (-5, 5), H1, id="the coarsest that covers"),
        pytest.param([Timeframe.M15, H1], (-5, 5), M5, id="what can be made comes first"),
        pytest.param([Timeframe.M3], (-5, 5), M1, id="three minutes from one"),
        pytest.param([H1], (-9, 9), H1, id="most of it, if none covers"),
        pytest.param([H1], (1, None), M1, id="an open end asks for nothing"),
        pytest.param([H1], (None, 1), M5, id="an open start asks for nothing"),
        pytest.param([H1], (1.5, 1.9), M1, id="a part of a day"),
        pytest.param([H1], (-4, -3), H1, id="the only one there"),
    ],
)
def test_the_base_is_the_finest_that_covers(tmp_path: Path, timeframes, days, base: Timeframe) -> None:
    since, until = (None if day is None else START + round(day * DAY) for day in days)
    assert folder_of(tmp_path).choose_base(BTC, timeframes, since, until) is base


def test_no_base_is_explained(tmp_path: Path) -> None:
    source = folder_of(tmp_path)
    with pytest.raises(NoSeries, match=r"no candles of binance:SOLUSDT; it has binance:BTCUSDT, binance:ETHUSDT"):
        source.choose_base(Series("binance", "SOLUSDT", M1), [H1])
    with pytest.raises(NoSeries, match="has binance:ETHUSDT in 5m, from which 1m, 3m cannot be made"):
        source.choose_base(Series("binance", "ETHUSDT", M1), [M1, Timeframe.M3])
    with pytest.raises(NoSeries, match="no candles of binance:BTCUSDT for 1h in the time asked for"):
        source.choose_base(BTC, [H1], START + 100 * DAY, START + 101 * DAY)


def test_coverage_is_told_without_reading_whole_files(tmp_path: Path) -> None:
    source = folder_of(tmp_path)
    assert source.coverage(BTC, M1) == [(START + DAY, START + 2 * DAY)]
    assert source.coverage(BTC, M5) == [(START, START + 3 * DAY)]
    write(tmp_path, "BTCUSDT-15m-2024-02.zip", good_bars(1))
    archives = CandleFiles.open(tmp_path)
    assert archives.coverage(BTC, Timeframe.M15) == [(START + 31 * DAY, START + 60 * DAY)]


def test_a_file_whose_coverage_cannot_be_told_is_read(tmp_path: Path) -> None:
    (tmp_path / "binance_BTCUSDT_1m.parquet").write_bytes(b"PAR1 rubbish")
    source = CandleFiles.open(tmp_path)
    assert source.coverage(BTC, M1) == []
    assert source.choose_base(BTC, [H1], START, START + DAY) is M1
    (batch,) = source.read(BTC, M1, START, START + DAY)
    assert not batch.report.accepted


def test_the_fingerprint_changes_with_the_files_of_its_series(tmp_path: Path) -> None:
    path = write(tmp_path, "binance_BTCUSDT_1m_1.csv", good_bars(20))
    marks = [CandleFiles.open(tmp_path).fingerprint(BTC, M1)]
    write(tmp_path, "binance_ETHUSDT_1m_1.csv", good_bars(20))
    assert CandleFiles.open(tmp_path).fingerprint(BTC, M1) == marks[0]
    write(tmp_path, "binance_BTCUSDT_1m_2.csv", good_bars(20))
    marks.append(CandleFiles.open(tmp_path).fingerprint(BTC, M1))
    os.utime(path, ns=(1, 1))
    marks.append(CandleFiles.open(tmp_path).fingerprint(BTC, M1))
    assert len(set(marks)) == 3
