"""Candles on the real warehouse: once, in order, with gaps, restatements and refusals accounted for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.fold import read_bars
from assets.ingestion import Ingestion, ingest
from engines.ingestion import open_source
from engines.ingestion.simulation import SimulatedCandles
from engines.timeframe import Timeframe
from stores.markets import Market
from stores.warehouse import IN_SERIES, Series, Warehouse

START = datetime(2024, 1, 30, tzinfo=UTC)
END = datetime(2024, 2, 3, tzinfo=UTC)
BARS = 4 * 1440
FRAMES = [Timeframe.M15, Timeframe.H1]


@pytest.fixture
def bars() -> pl.DataFrame:
    """Four simulated days over the turn of a month."""
    source = SimulatedCandles(lambda: _ms(END))
    return pl.concat(
        [batch.bars for batch in source.read(Market("sim", "BTCUSDT"), Timeframe.M1, _ms(START), _ms(END))]
    )


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _write(folder: Path, market: Market, name: str, bars: pl.DataFrame) -> None:
    bars.write_csv(folder / f"{market.exchange}_{market.symbol}_1m_{name}.csv")


def _ingest(
    connection: Warehouse, folder: Path, market: Market, start: datetime = START, end: datetime = END
) -> Ingestion:
    return ingest(connection, open_source(f"files:{folder}"), market, Timeframe.M1, FRAMES, start, end)


def _physical_rows(connection: Warehouse, market: Market, timeframe: str) -> int:
    """Rows as they lie in the table, without the engine's deduplication."""
    return int(
        connection.scalar(f"SELECT count() FROM market.candles WHERE {IN_SERIES}", Series(market, timeframe).parameters)
    )


def _gaps(connection: Warehouse, market: Market) -> list[tuple[datetime, datetime, int]]:
    frame = connection.query_polars(
        f"SELECT ts, gap_end, missing_bars FROM market.candle_gaps FINAL WHERE {IN_SERIES} AND missing_bars > 0 "
        "ORDER BY ts",
        Series(market, "1m").parameters,
    )
    return frame.rows()


def test_bars_are_stored_once_and_as_they_are(
    connection: Warehouse, tmp_path: Path, market: Market, bars: pl.DataFrame
) -> None:
    _write(tmp_path, market, "2024-01", bars)
    first = _ingest(connection, tmp_path, market)
    again = _ingest(connection, tmp_path, market)
    assert (first.new, again.new, again.restated) == (BARS, 0, 0)
    assert (first.derived, again.derived) == ({"15m": BARS // 15, "1h": BARS // 60}, {"15m": 0, "1h": 0})
    assert read_bars(connection, Series(market, "1m"), START, END).equals(bars)
    assert [_physical_rows(connection, market, name) for name in ("1m", "15m", "1h")] == [BARS, BARS // 15, BARS // 60]


def test_month_by_month_gives_the_rows_of_one_go(
    connection: Warehouse, tmp_path: Path, market: Market, bars: pl.DataFrame
) -> None:
    holey = bars.filter(
        ~bars["ts"].is_between(datetime(2024, 1, 31, 23, 50, tzinfo=UTC), datetime(2024, 2, 1, 0, 9, tzinfo=UTC))
    )
    other = Market("binance", f"{market.symbol}B")
    for one in (market, other):
        _write(tmp_path, one, "2024-01", holey)
    _ingest(connection, tmp_path, market)
    turn = datetime(2024, 2, 1, tzinfo=UTC)
    _ingest(connection, tmp_path, other, START, turn)
    _ingest(connection, tmp_path, other, turn, END)
    for name in ("1m", "15m", "1h"):
        whole = read_bars(connection, Series(market, name), START, END)
        parts = read_bars(connection, Series(other, name), START, END)
        assert whole.equals(parts)
        assert not whole.is_empty()
    assert _gaps(connection, market) == _gaps(connection, other)
    assert [gap[2] for gap in _gaps(connection, market)] == [20]


def test_a_gap_is_recorded_never_filled_and_closed_when_its_bars_arrive(
    connection: Warehouse, tmp_path: Path, market: Market, bars: pl.DataFrame
) -> None:
    missing = bars["ts"].is_between(datetime(2024, 1, 31, 10, 3, tzinfo=UTC), datetime(2024, 1, 31, 10, 7, tzinfo=UTC))
    _write(tmp_path, market, "2024-01", bars.filter(~missing))
    outcome = _ingest(connection, tmp_path, market)
    gap = (datetime(2024, 1, 31, 10, 3, tzinfo=UTC), datetime(2024, 1, 31, 10, 7, tzinfo=UTC), 5)
    assert _gaps(connection, market) == [gap]
    assert outcome.incomplete == {"15m": 1, "1h": 1}
    assert _physical_rows(connection, market, "1h") == BARS // 60 - 1

    _write(tmp_path, market, "2024-01-late", bars.filter(missing))
    late = _ingest(connection, tmp_path, market)
    assert (late.new, late.derived) == (5, {"15m": 1, "1h": 1})
    assert _gaps(connection, market) == []
    assert read_bars(connection, Series(market, "1m"), START, END).equals(bars)


def test_a_restated_bar_becomes_a_new_version_and_is_reported(
    connection: Warehouse, tmp_path: Path, market: Market, bars: pl.DataFrame
) -> None:
    _write(tmp_path, market, "2024-01", bars)
    _ingest(connection, tmp_path, market)
    at = bars["ts"][700]
    restated = bars.with_columns(high=pl.when(pl.col("ts") == at).then(pl.col("high") + 1000).otherwise(pl.col("high")))
    _write(tmp_path, market, "2024-01", restated)
    outcome = _ingest(connection, tmp_path, market)
    again = _ingest(connection, tmp_path, market)
    assert (outcome.new, outcome.restated, again.restated) == (0, 1, 0)
    assert read_bars(connection, Series(market, "1m"), START, END).equals(restated)
    rows = connection.query_polars(
        "SELECT timeframe, ts, old_high, new_high FROM market.candle_restatements FINAL "
        "WHERE symbol = {symbol:String} ORDER BY timeframe",
        {"symbol": market.symbol},
    )
    assert rows["timeframe"].to_list() == ["15m", "1h", "1m"]
    minute = rows.row(2, named=True)
    assert (minute["ts"], minute["new_high"]) == (at, bars["high"][700] + 1000)
    assert minute["old_high"] == bars["high"][700]


def test_a_bad_row_refuses_its_file_and_nothing_of_it_is_stored(
    connection: Warehouse, tmp_path: Path, market: Market, bars: pl.DataFrame
) -> None:
    good, bad = bars.head(1440), bars.slice(1440, 1440)
    bad = bad.with_row_index().with_columns(high=pl.when(pl.col("index") == 17).then(1.0).otherwise(pl.col("high")))
    _write(tmp_path, market, "2024-01-30", good)
    _write(tmp_path, market, "2024-01-31", bad.drop("index"))
    outcome = _ingest(connection, tmp_path, market)
    assert outcome.new == 1440
    (refusal,) = outcome.refused
    assert "2024-01-31.csv" in refusal
    assert "row 17" in refusal
    assert "high is below" in refusal
    assert read_bars(connection, Series(market, "1m"), START, END).equals(good)
    report = connection.query_rows(
        "SELECT status, reason, bars FROM market.ingestion_reports FINAL WHERE symbol = {symbol:String} "
        "AND status = 'refused'",
        {"symbol": market.symbol},
    )
    assert [row["bars"] for row in report] == [0]


def test_a_half_written_batch_is_completed_by_the_next_run(
    connection: Warehouse, tmp_path: Path, market: Market, bars: pl.DataFrame
) -> None:
    """What a kill in mid-insert leaves: some of the bars, no report, no higher bars."""
    _write(tmp_path, market, "half", bars.with_row_index().filter(pl.col("index") % 3 != 1).drop("index"))
    ingest(connection, open_source(f"files:{tmp_path}"), market, Timeframe.M1, [], START, END)
    (tmp_path / f"binance_{market.symbol}_1m_half.csv").unlink()
    _write(tmp_path, market, "2024-01", bars)
    outcome = _ingest(connection, tmp_path, market)
    assert outcome.new == BARS // 3
    assert _physical_rows(connection, market, "1m") == BARS
    assert _gaps(connection, market) == []
    assert read_bars(connection, Series(market, "1h"), START, END).height == BARS // 60


def test_stretches_brought_in_apart_are_no_gap(connection: Warehouse, tmp_path: Path, market: Market) -> None:
    source = SimulatedCandles(lambda: _ms(END))
    sim = Market("sim", market.symbol)
    for start in (START, START - timedelta(days=400)):
        ingest(connection, source, sim, Timeframe.M1, [], start, start + timedelta(days=1))
    assert _gaps(connection, sim) == []
    del tmp_path


def test_dirty_recording_is_counted_exactly(connection: Warehouse, real_data: Path) -> None:
    """Off-grid minutes and outages of winter 2017-18; stored under a name of its own by copying the catalogue entry."""
    market = Market("binance", "BTCUSDT")
    source = open_source(f"files:{real_data / 'dirty'}")
    outcome = ingest(
        connection,
        source,
        market,
        Timeframe.M1,
        FRAMES,
        datetime(2017, 12, 1, tzinfo=UTC),
        datetime(2018, 3, 1, tzinfo=UTC),
    )
    assert (outcome.read, outcome.snapped, outcome.refused_bars, outcome.duplicates) == (99_979, 21_601, 1, 0)
    gaps = _gaps(connection, market)
    assert [missing for _, _, missing in gaps] == [13, 64, 125, 2_010, 15, 34]
    assert sum(missing for _, _, missing in gaps) == 2_261
    assert outcome.incomplete == {"15m": 8, "1h": 9}
