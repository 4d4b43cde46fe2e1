"""The marts as dbt builds them on the real engines, held to folds in plain Python."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import dagster as dg
import psycopg
import pytest

from orchestration.marts.build import MartsFailed, build_marts
from orchestration.marts.environment import Target
from orchestration.marts.store_access import only_build
from stores.settings import Settings
from stores.warehouse import Warehouse
from tests.marts import plain_folds
from tests.marts.market_logs import STORED, Logs, Row, known_at, read_rows

WAREHOUSE_MARTS = (
    "candles_ohlcv",
    "data_quality",
    "fair_value_gaps",
    "liquidity_pools",
    "market_structure",
    "market_structure_log",
    "order_blocks",
    "signal_feed",
    "signal_performance",
    "strategy_leaderboard",
)


class Recorder:
    """A progress listener that remembers."""

    def __init__(self) -> None:
        self.total, self.steps, self.ended = 0, 0, False

    def stage(self, name: str, total: int | None) -> None:
        self.total = total or 0

    def advance(self, n: int = 1) -> None:
        self.steps += n

    def message(self, text: str) -> None:
        raise AssertionError(text)

    def done(self) -> None:
        self.ended = True


@pytest.fixture(scope="module")
def instance() -> Any:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(scope="module")
def built(filled: Settings, instance: dg.DagsterInstance) -> Recorder:
    """Build all marts once; the tests below read them."""
    recorder = Recorder()
    assert build_marts(filled, instance, recorder) == len(WAREHOUSE_MARTS) + 1
    return recorder


pytestmark = pytest.mark.usefixtures("built")


def _fingerprints(market: Warehouse) -> dict[str, Any]:
    return {
        mart: read_rows(
            market, f"SELECT count() AS rows, sum(cityHash64(toJSONString(tuple(*)))) AS hash FROM marts.{mart}"
        )
        for mart in WAREHOUSE_MARTS
    }


def test_every_step_is_told(built: Recorder) -> None:
    assert built.ended
    assert built.steps == built.total > 30


def test_materializations_and_checks_are_recorded(instance: dg.DagsterInstance, market: Warehouse) -> None:
    for mart in (*WAREHOUSE_MARTS, "served_signal_feed"):
        key = dg.AssetKey(["marts", mart])
        event = instance.get_latest_materialization_event(key)
        assert event is not None, mart
        assert event.asset_materialization is not None
        rows = event.asset_materialization.metadata["dagster/row_count"].value
        assert rows == (market.scalar(f"SELECT count() FROM marts.{mart}") if mart in WAREHOUSE_MARTS else 0)
    checks = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(dg.AssetKey(["marts", "order_blocks"]), "order_blocks_keeps_its_rules")]
    )
    assert [record.status.value for record in checks.values()] == ["SUCCEEDED"]


def test_candles_are_the_bars_of_the_log(market: Warehouse, logs: Logs) -> None:
    rows = read_rows(market, "SELECT * FROM marts.candles_ohlcv ORDER BY exchange, symbol, timeframe, ts")
    expected = sorted(logs.of("candles"), key=lambda bar: (*plain_folds.series_of(bar), bar["ts"]))
    assert len(rows) == len(expected)
    for row, bar in zip(rows, expected, strict=True):
        assert {name: row[name] for name in bar} == bar
        assert row["known_at"] == known_at(bar)
        assert row["simulated"] == (bar["exchange"] == "sim")


@pytest.mark.parametrize(
    ("mart", "kinds"),
    [
        ("order_blocks", ("order_block", "breaker")),
        ("fair_value_gaps", ("fvg",)),
        ("liquidity_pools", ("liquidity",)),
    ],
)
def test_zones_live_as_the_plain_fold_says(market: Warehouse, logs: Logs, mart: str, kinds: tuple[str, ...]) -> None:
    expected = {zone: life for zone, life in plain_folds.zones(logs).items() if life["kind"] in kinds}
    rows = {row["zone_id"]: row for row in read_rows(market, f"SELECT * FROM marts.{mart}")}
    assert rows.keys() == expected.keys()
    stages = () if mart == "liquidity_pools" else ("touched", "mitigated")
    for zone, life in expected.items():
        row = rows[zone]
        for stage in ("created", *stages, "ended"):
            assert row[f"{stage}_ts"] == life.get(f"{stage}_ts"), (zone, stage)
            assert row[f"{stage}_known_at"] == life.get(f"{stage}_known_at"), (zone, stage)
        same = ("side", "origin_ts", "status", "bars_alive", *(("reached", "top", "bottom") if stages else ()))
        assert {name: row[name] for name in same} == {name: life[name] for name in same}


def test_every_invalidated_block_has_its_breaker(market: Warehouse, logs: Logs) -> None:
    lives = plain_folds.zones(logs)
    rows = read_rows(market, "SELECT zone_id, breaker_id FROM marts.order_blocks WHERE breaker_id IS NOT NULL")
    invalidated = {
        zone for zone, life in lives.items() if life["kind"] == "order_block" and life["status"] == "invalidated"
    }
    assert {row["zone_id"] for row in rows} == invalidated
    for row in rows:
        block, breaker = lives[row["zone_id"]], lives[row["breaker_id"]]
        assert (breaker["top"], breaker["bottom"], breaker["origin_ts"]) == (
            block["top"],
            block["bottom"],
            block["origin_ts"],
        )
        assert breaker["created_ts"] == block["ended_ts"]
    assert invalidated


def test_structure_is_the_last_word_of_the_log(market: Warehouse, logs: Logs) -> None:
    expected = plain_folds.structure(logs)
    rows = read_rows(market, "SELECT * FROM marts.market_structure")
    assert len(rows) == len(expected)
    for row in rows:
        state = expected[(row["exchange"], row["symbol"], row["timeframe"], row["scale"])]
        for name in ("swing_highs", "swing_lows", "bos_up", "bos_down", "choch_up", "choch_down", "equal_highs"):
            assert row[name] == state.get(name, 0), name
        for name in ("bias", "last_high", "last_high_label", "last_low", "last_low_label", "last_break"):
            assert row[name] == state.get(name), name
        for name in ("last_break_direction", "last_break_level", "last_break_known_at"):
            assert row[name] == state.get(name), name
        newest = max(
            (bar for bar in logs.of("indicators") if plain_folds.series_of(bar) == plain_folds.series_of(row)),
            key=lambda bar: bar["ts"],
        )
        assert row["as_of"] == known_at(newest)
        if row["scale"] == "swing":
            assert row["range_position"] == newest["range_position"]
            assert row["range_side"] == ("premium" if newest["range_position"] > 0.5 else "discount")
        else:
            assert row["range_position"] is None
            assert row["range_side"] is None
    assert market.scalar("SELECT count() FROM marts.market_structure_log") == len(logs.of("structure_events"))


def test_feed_says_what_became_of_each_signal(market: Warehouse, logs: Logs) -> None:
    lives = plain_folds.zones(logs)
    expected = plain_folds.results(logs)
    rows = {row["signal_id"]: row for row in read_rows(market, "SELECT * FROM marts.signal_feed")}
    assert rows.keys() == expected.keys()
    for identity, signal in expected.items():
        row, final = rows[identity], signal["final"]
        assert row["decision"] == signal["decision"]
        assert row["status"] == ("closed" if final else "open")
        assert row["outcome"] == (final["outcome"] if final else None)
        assert row["result_r"] == (final["r_multiple"] if final else None)
        assert row["outcome_known_at"] == (known_at(final) if final else None)
        assert row["target_1_ts"] == signal.get("target_1_at")
        assert row["zone_status"] == (lives[signal["zone_id"]]["status"] if signal["zone_id"] else None)
        assert list(row["reasons"]) == signal["reasons"]


def _in_scope(row: Row, signal: Row) -> bool:
    wanted = {name: row[name] for name in ("strategy", *plain_folds.SERIES) if row[name] != "all"}
    taken = row["population"] == "all" or signal["decision"] in ("accepted", "resized")
    return (
        taken
        and row["simulated"] == (signal["exchange"] == "sim")
        and all(signal[name] == value for name, value in wanted.items())
    )


def test_performance_agrees_with_the_feed_in_every_scope(market: Warehouse, logs: Logs) -> None:
    feed = plain_folds.results(logs)
    rows = read_rows(market, "SELECT * FROM marts.signal_performance")
    # Two strategies on three real series and on one simulated, their totals, all signals and those taken.
    assert len(rows) == 2 * ((2 * 3 + 2 + 3 + 1) + (2 + 2 + 1 + 1))
    for row in rows:
        expected = plain_folds.performance(signal for signal in feed.values() if _in_scope(row, signal))
        for name, value in expected.items():
            if value is None:
                assert row[name] is None, name
            else:
                assert row[name] == pytest.approx(value, rel=1e-12, abs=1e-12), name
        assert row["costs_included"] is False


def test_leaderboard_ranks_by_the_lower_end_of_the_interval(market: Warehouse, logs: Logs) -> None:
    rows = read_rows(market, "SELECT * FROM marts.strategy_leaderboard ORDER BY simulated, place")
    runs = {(*plain_folds.series_of(run), run["strategy"]): run for run in logs.of("backtest_runs")}
    assert len(rows) == len(runs) > 0
    for simulated in (False, True):
        ranked = [row for row in rows if row["simulated"] is simulated]
        assert [row["place"] for row in ranked] == list(range(1, len(ranked) + 1))
        lows = [row["expectancy_r_low"] for row in ranked if row["trades"] >= 30]
        assert lows == sorted(lows, reverse=True)
        assert all(row["trades"] < 30 for row in ranked[len(lows) :])
    for row in rows:
        run = runs[*plain_folds.series_of(row), row["strategy"]]
        assert row["until"] == known_at(run)
        assert row["simulated"] is (row["exchange"] == "sim")
        for name in ("trades", "total_return", "sharpe", "expectancy_r", "run_id"):
            assert row[name] == run[name], name
        metrics = json.loads(run["metrics"])
        assert row["win_rate"] == pytest.approx(metrics.get("win_rate"))
        if run["trades"] > 1:
            half = 1.96 * run["stddev_r"] / run["trades"] ** 0.5
            assert row["expectancy_r_low"] == pytest.approx(run["expectancy_r"] - half)
            assert row["expectancy_r_high"] == pytest.approx(run["expectancy_r"] + half)
        else:
            assert row["expectancy_r_low"] is None


def test_quality_counts_what_is_missing(market: Warehouse, logs: Logs) -> None:
    rows = {plain_folds.series_of(row): row for row in read_rows(market, "SELECT * FROM marts.data_quality")}
    assert rows.keys() == {plain_folds.series_of(bar) for bar in logs.of("candles")}
    for key, row in rows.items():
        gaps = [gap for gap in logs.of("candle_gaps") if plain_folds.series_of(gap) == key]
        bars = [bar for bar in logs.of("candles") if plain_folds.series_of(bar) == key]
        missing = sum(gap["missing_bars"] for gap in gaps)
        assert (row["bars"], row["missing_bars"], row["gaps"]) == (len(bars), missing, len(gaps))
        assert row["longest_gap_bars"] == max((gap["missing_bars"] for gap in gaps), default=0)
        assert row["zero_volume_bars"] == sum(bar["volume"] == 0 for bar in bars)
        assert row["last_known_at"] == max(known_at(bar) for bar in bars)


def test_marts_agree_with_each_other(market: Warehouse) -> None:
    zones = sum(
        market.scalar(f"SELECT count() FROM marts.{mart}")
        for mart in ("order_blocks", "fair_value_gaps", "liquidity_pools")
    )
    assert zones == market.scalar("SELECT uniqExact(zone_id) FROM market.zone_events")
    total = market.scalar(
        "SELECT sum(signals) FROM marts.signal_performance WHERE scope = 'total' AND population = 'all'"
    )
    assert total == market.scalar("SELECT count() FROM marts.signal_feed")
    bars = read_rows(
        market,
        "SELECT q.bars AS counted, c.bars AS stored FROM marts.data_quality AS q INNER JOIN ("
        "SELECT exchange, symbol, timeframe, count() AS bars FROM marts.candles_ohlcv GROUP BY ALL) AS c "
        "USING (exchange, symbol, timeframe)",
    )
    assert bars
    assert all(row["counted"] == row["stored"] for row in bars)


def test_a_second_build_changes_nothing(filled: Settings, market: Warehouse) -> None:
    before = _fingerprints(market)
    parts = "SELECT count() FROM system.parts WHERE database = 'marts' AND table = 'candles_ohlcv' AND active"
    stored = market.scalar(
        "SELECT max(modification_time) FROM system.parts WHERE database = 'marts' AND table = 'candles_ohlcv'"
    )
    count = market.scalar(parts)
    build_marts(filled, targets=[Target.WAREHOUSE])
    assert _fingerprints(market) == before
    assert market.scalar(parts) == count
    assert stored == market.scalar(
        "SELECT max(modification_time) FROM system.parts WHERE database = 'marts' AND table = 'candles_ohlcv'"
    )
    tables = {row["name"] for row in read_rows(market, "SELECT name FROM system.tables WHERE database = 'marts'")}
    assert tables == set(WAREHOUSE_MARTS), "nothing of the swap is left behind"


def test_columns_have_the_types_of_the_contract(market: Warehouse) -> None:
    manifest = json.loads(Target.WAREHOUSE.manifest_path.read_text())
    for mart in WAREHOUSE_MARTS:
        columns = manifest["nodes"][f"model.crypto_analytics.{mart}"]["columns"]
        stored = read_rows(
            market,
            "SELECT name, type, comment FROM system.columns WHERE database = 'marts' AND table = {mart:String}",
            {"mart": mart},
        )
        assert {row["name"]: row["type"] for row in stored} == {name: one["data_type"] for name, one in columns.items()}
        assert all(row["comment"] for row in stored), "an analyst reads the documentation in the table"


def test_analyst_reads_the_marts_and_writes_nothing(filled: Settings) -> None:
    from clickhouse_connect.driver.exceptions import DatabaseError

    with closing(Warehouse.connect(filled, analyst=True)) as analyst:
        for mart in WAREHOUSE_MARTS:
            assert analyst.scalar(f"SELECT count() FROM marts.{mart}") > 0
        with pytest.raises(DatabaseError):
            analyst.command("DROP TABLE marts.order_blocks")
        with pytest.raises(DatabaseError):
            analyst.command("INSERT INTO marts.order_blocks (zone_id) VALUES ('x')")


def test_a_restated_bar_replaces_its_market_year_and_no_other(filled: Settings, market: Warehouse, logs: Logs) -> None:
    bar = {**logs.of("candles")[3], "close": logs.of("candles")[3]["low"], "ingested_at": STORED + timedelta(days=1)}
    others = "SELECT sum(cityHash64(toJSONString(tuple(*)))) FROM marts.candles_ohlcv WHERE symbol = 'ETHUSDT'"
    before = market.scalar(others)
    again = Logs()
    again.add("candles", bar)
    again.insert(market)
    build_marts(filled, targets=[Target.WAREHOUSE])
    rows = read_rows(
        market,
        "SELECT close FROM marts.candles_ohlcv "
        "WHERE exchange = {exchange:String} AND symbol = {symbol:String} AND timeframe = {timeframe:String} AND ts = {ts:DateTime64(3, 'UTC')}",
        {name: bar[name] for name in ("exchange", "symbol", "timeframe", "ts")},
    )
    assert [row["close"] for row in rows] == [bar["close"]]
    assert market.scalar(others) == before
    assert market.scalar("SELECT count() FROM marts.candles_ohlcv") == len(logs.of("candles"))


def test_a_broken_law_fails_the_build_and_names_the_rule(filled: Settings, market: Warehouse, logs: Logs) -> None:
    event = next(event for event in logs.of("zone_events") if event["kind"] == "fvg" and event["event"] == "created")
    broken = Logs()
    broken.add("zone_events", {**event, "zone_id": "upside-down", "top": 1.0, "bottom": 2.0})
    broken.insert(market)
    with pytest.raises(MartsFailed, match="fair_value_gaps_keeps_its_rules"):
        build_marts(filled, targets=[Target.WAREHOUSE])
    market.command("DELETE FROM market.zone_events WHERE zone_id = 'upside-down'")
    build_marts(filled, targets=[Target.WAREHOUSE])


def test_a_build_waits_for_the_one_before(filled: Settings) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(filled.require("postgres_url"), autocommit=True) as connection,
    ):
        with only_build(filled, Target.SERVING):
            second = pool.submit(build_marts, filled, targets=[Target.SERVING])
            deadline = time.monotonic() + 60
            while connection.execute(waiting).fetchone() == (0,):
                assert not second.done(), "it did not wait"
                assert time.monotonic() < deadline
            assert not second.done()
        assert second.result(timeout=60) == 1
