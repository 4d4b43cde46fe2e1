"""The whole graph with one command, on an empty home: rows against the input, and a second run that changes none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tests.end_to_end.cap_runs import cap_run, differences, stored


def _counts(candles: pl.DataFrame) -> dict[tuple[str, str], int]:
    counted = candles.group_by("symbol", "timeframe").len()
    return {(symbol, timeframe): count for symbol, timeframe, count in counted.iter_rows()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "home"


def test_a_simulated_month(home: Path) -> None:
    asked = ["--source", "sim", "--market", "binance:BTCUSDT", "--timeframe", "15m", "--timeframe", "1h"]
    asked += ["--since", "2024-02-01", "--until", "2024-02-29"]
    done = cap_run(home, *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SIMULATED" in done.stdout
    first = stored(home)
    days = 29
    assert _counts(first["market.candles"]) == {
        ("BTCUSDT", "1m"): days * 1440,
        ("BTCUSDT", "15m"): days * 96,
        ("BTCUSDT", "1h"): days * 24,
    }
    assert set(first["market.candles"]["exchange"]) == {"sim"}
    assert first["market.candles"].filter(pl.col("timeframe") == "1h")["base_bars"].unique().to_list() == [60]
    assert first["market.indicators"].height == days * (96 + 24)
    assert first["market.candle_gaps"].is_empty()
    assert first["market.risk_decisions"].height == first["market.signals"].height > 0
    accepted = first["market.risk_decisions"].filter(pl.col("decision") != "rejected").height
    assert first["serving.published_signals"].height == accepted > 0
    assert first["marts.candles_ohlcv"].height == first["market.candles"].height
    assert first["marts.signal_feed"].height == first["market.signals"].height

    again = cap_run(home, *asked)
    assert again.returncode == 0, again.stdout + again.stderr
    assert differences(first, stored(home)) == []


def test_recorded_one_minute_bars(tmp_path: Path, real_data: Path) -> None:
    home = tmp_path / "home"
    asked = ["--source", f"files:{real_data / 'candles'}", "--timeframe", "15m", "--timeframe", "1h"]
    asked += ["--market", "binance:BTCUSDT", "--market", "binance:ETHUSDT"]
    asked += ["--since", "2024-01-01", "--until", "2024-06-30"]
    done = cap_run(home, *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    first = stored(home)
    expected: dict[tuple[str, str], int] = {}
    for symbol in ("BTCUSDT", "ETHUSDT"):
        source = pl.read_parquet(real_data / "candles" / f"binance_{symbol}_1m_2024.parquet").filter(
            pl.col("ts") < datetime(2024, 7, 1, tzinfo=UTC)
        )
        expected[(symbol, "1m")] = source.height
        for timeframe, minutes in (("15m", 15), ("1h", 60)):
            whole = source.group_by(pl.col("ts").dt.truncate(timeframe)).len().filter(pl.col("len") == minutes)
            expected[(symbol, timeframe)] = whole.height
        minute = first["market.candles"].filter((pl.col("symbol") == symbol) & (pl.col("timeframe") == "1m")).sort("ts")
        assert minute.select(source.columns).equals(source)
    assert _counts(first["market.candles"]) == expected
    assert first["market.indicators"].height == sum(n for (_, timeframe), n in expected.items() if timeframe != "1m")

    again = cap_run(home, *asked)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "0 new" in again.stdout
    assert differences(first, stored(home)) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--source", "files:nowhere"], 1, "nowhere"),
        (["--source", "moon"], 2, "moon"),
        (["--source", "sim", "--market", "BTCUSDT"], 2, "exchange:SYMBOL"),
        (["--source", "sim", "--timeframe", "7m"], 2, "7m"),
        (["--source", "sim", "--since", "2024-03-01", "--until", "2024-02-01"], 2, "since"),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    done = cap_run(tmp_path / "home", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_dirty_recording_is_accounted_for_in_the_marts(tmp_path: Path, real_data: Path) -> None:
    home = tmp_path / "home"
    done = cap_run(home, "--source", f"files:{real_data / 'dirty'}", "--market", "binance:BTCUSDT", "--timeframe", "1h")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "99,979 new, 0 restated, 21,601 snapped, 1 refused; 6 gaps (2,261 bars missing)" in done.stdout
    assert "candles.gaps" in done.stdout
    assert "candles.refused_files" in done.stdout
    quality = stored(home)["marts.data_quality"].filter(pl.col("timeframe") == "1m")
    columns = ["bars", "missing_bars", "gaps", "longest_gap_bars", "snapped_bars", "refused_bars", "duplicate_bars"]
    assert quality.select(columns).rows() == [(99_979, 2_261, 6, 2_010, 21_601, 1, 0)]
