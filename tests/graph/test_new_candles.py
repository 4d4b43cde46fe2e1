"""When the sensor asks for a run, and for which months."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from engines.timeframe import Timeframe
from orchestration.new_candles import configured_markets, due_by_clock, finest, folder_mark
from orchestration.sensors import run_request
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import Series

BTC = Market("binance", "BTCUSDT")
M15 = Series(BTC, "15m")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_market_is_due_when_its_next_bar_has_closed() -> None:
    newest = {M15: _at("2024-05-01T10:00")}
    assert due_by_clock(newest, (BTC,), Timeframe.M15, _at("2024-05-01T10:29:59")) == []
    (due,) = due_by_clock(newest, (BTC,), Timeframe.M15, _at("2024-05-01T10:30:00"))
    assert (due.first, due.last) == (_at("2024-05-01T10:00"), _at("2024-05-01T10:15"))


def test_the_same_bars_give_the_same_run_key_and_later_ones_another() -> None:
    newest = {M15: _at("2024-05-01T10:00")}
    keys = [
        run_request(due_by_clock(newest, (BTC,), Timeframe.M15, now)[0]).run_key
        for now in (_at("2024-05-01T10:30"), _at("2024-05-01T10:44"), _at("2024-05-01T10:45"))
    ]
    assert keys[0] == keys[1] != keys[2]


def test_a_run_after_the_turn_of_the_month_covers_both_months() -> None:
    (due,) = due_by_clock({M15: _at("2024-04-30T23:15")}, (BTC,), Timeframe.M15, _at("2024-05-01T00:20"))
    tags = run_request(due).tags
    assert tags["dagster/asset_partition_range_start"] == "binance:BTCUSDT|2024-04-01"
    assert tags["dagster/asset_partition_range_end"] == "binance:BTCUSDT|2024-05-01"


def test_a_market_without_bars_is_due() -> None:
    assert [due.market for due in due_by_clock({}, (BTC,), Timeframe.H1, _at("2024-05-01T10:30"))] == [BTC]


def test_finest_is_by_length_not_by_name() -> None:
    assert finest(("1h", "15m", "1d")) is Timeframe.M15


def test_simulated_markets_are_those_of_the_simulated_exchange() -> None:
    assert configured_markets(Settings(source="sim", markets=("binance:BTCUSDT",))) == (Market("sim", "BTCUSDT"),)
    assert configured_markets(Settings(source="exchange", markets=("binance:BTCUSDT",))) == (BTC,)


def test_folder_mark_changes_with_its_files_and_only_with_them(tmp_path: Path) -> None:
    file = tmp_path / "binance_BTCUSDT_1m_2024.csv"
    file.write_text("a")
    first = folder_mark(str(tmp_path))
    assert folder_mark(str(tmp_path)) == first
    file.write_text("ab")
    second = folder_mark(str(tmp_path))
    assert second != first
    (tmp_path / "binance_ETHUSDT_1m_2024.csv").write_text("c")
    assert folder_mark(str(tmp_path)) != second
    assert folder_mark(str(tmp_path / "*_ETHUSDT_*")) == folder_mark(str(tmp_path / "binance_ETHUSDT_1m_2024.csv"))


def test_delta_of_clock_is_the_length_of_the_bar() -> None:
    stored = _at("2024-05-01T00:00")
    assert due_by_clock({Series(BTC, "1h"): stored}, (BTC,), Timeframe.H1, stored + timedelta(hours=2)) != []
