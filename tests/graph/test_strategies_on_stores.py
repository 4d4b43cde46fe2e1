"""Users' strategies in the graph, on real stores: their rows, their failures, and what happens when a file changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.chain import ChainFold, strategies_metadata
from assets.fold import FoldResult, advance_series
from assets.strategy_checks import PROBLEMS, health, switched_off
from engines.signals import BUILT_IN
from engines.signals import strategy as register_module
from engines.signals.loading import load_strategies
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import Series, Warehouse
from tests.engines import user_strategies as written
from tests.engines.market_bars import simulated_bars

MARKET = Market("binance", "STRATUSDT")
SERIES = Series(MARKET, "15m")
START = datetime(2024, 1, 30, tzinfo=UTC)
BARS = 1_500


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return simulated_bars(BARS, seed=12, start_ms=int(START.timestamp() * 1000))


@pytest.fixture(scope="module")
def warehouse(migrated: Settings, bars: pl.DataFrame) -> Iterator[Warehouse]:
    opened = Warehouse.connect(migrated, origin="test")
    candles = bars.with_columns(
        exchange=pl.lit(MARKET.exchange), symbol=pl.lit(MARKET.symbol), timeframe=pl.lit(SERIES.timeframe),
        base_bars=pl.lit(1, pl.UInt32), ingested_at=pl.lit(START),
    )  # fmt: skip
    opened.insert("market.candles", candles)
    yield opened
    opened.close()


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setattr(register_module, "_REGISTER", dict(register_module._REGISTER))
    place = tmp_path / "strategies"
    place.mkdir()
    yield place
    for file in place.glob("*.py"):
        file.unlink()
    load_strategies(place)


def advance(warehouse: Warehouse, folder: Path | None, until: datetime) -> FoldResult:
    return advance_series(warehouse, SERIES, ChainFold(folder), until)


def stored(warehouse: Warehouse) -> pl.DataFrame:
    return warehouse.query_polars(
        "SELECT strategy, ts, signal_id, direction, stop FROM market.signals FINAL WHERE exchange = {exchange:String} "
        "AND symbol = {symbol:String} AND timeframe = {timeframe:String} ORDER BY ts, strategy",
        SERIES.parameters,
    )


def test_rows_failures_and_changes(warehouse: Warehouse, migrated: Settings, folder: Path, bars: pl.DataFrame) -> None:
    middle, until = bars["ts"][700], bars["ts"][-1] + timedelta(milliseconds=1)
    advance(warehouse, None, until)
    built_in = stored(warehouse)
    assert built_in.height > 0
    assert set(built_in["strategy"]) <= set(BUILT_IN)

    good, raising = folder / "good.py", folder / "raising.py"
    good.write_text(written.CROSS)
    raising.write_text(written.RAISES)
    (folder / "broken.py").write_text("def decide(:\n")
    # In two goes, so that the failure has to survive in the stored state.
    first = advance(warehouse, folder, middle)
    second = advance(warehouse, folder, until)
    for result in (first, second):
        (failure,) = result.failures
        assert f"strategy tried_out is switched off since the bar of {bars['ts'][333]:%Y-%m-%d %H:%M}" in failure
        assert "ValueError: no luck today" in failure
    both = stored(warehouse)
    assert both.filter(pl.col("strategy").is_in(BUILT_IN)).equals(built_in)
    assert both.filter(strategy="averages_crossed").height > 10
    tried = both.filter(strategy="tried_out")
    assert tried.height > 20
    assert tried["ts"].max() < bars["ts"][333]

    (told,) = switched_off(warehouse, SERIES, folder)
    assert str(SERIES) in told
    assert "ValueError: no luck today" in told
    metadata = strategies_metadata(second, folder)
    assert metadata["own_strategies"] == "averages_crossed, tried_out"
    assert "broken.py, line 1: this is not Python" in metadata["strategies_not_loaded"]
    settings = migrated.model_copy(update={"strategies": folder})
    answer = health(warehouse, [SERIES], settings)
    assert not answer.passed
    assert answer.severity is dg.AssetCheckSeverity.WARN
    problems = str(answer.metadata[PROBLEMS].value).splitlines()
    assert len(problems) == 2

    # A mended file is another strategy: its rows are made anew, from the first bar.
    raising.write_text(written.deciding("if (view.start + t) % 10 == 0:\n    return SIGNAL"))
    (folder / "broken.py").unlink()
    assert not advance(warehouse, folder, until).failures
    assert stored(warehouse).filter(strategy="tried_out").height == BARS // 10
    assert health(warehouse, [SERIES], settings).passed

    raising.unlink()
    good.unlink()
    advance(warehouse, folder, until)
    assert stored(warehouse).equals(built_in)
