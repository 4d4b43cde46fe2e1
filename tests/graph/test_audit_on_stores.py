"""The audit of what is stored: on real stores, as a check of the graph and as a command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.audit_checks import check_result
from assets.chain import ChainFold
from assets.fold import advance_series
from assets.signal_outcomes import OutcomeFold
from assets.stored_audit import AUDITED, audit_recent, audit_rows, chain_of, stored_series
from deploy.cli import main as cli
from engines.audit import AuditPlan, AuditReport, Change
from engines.signals import strategy as register_module
from stores.engine_states import newest_valid_state, save_states
from stores.markets import Market
from stores.settings import Settings
from stores.warehouse import Series, Warehouse
from tests.engines import user_strategies as written
from tests.engines.market_bars import simulated_bars

MARKET = Market("binance", "AUDITUSDT")
SERIES = Series(MARKET, "15m")
START = datetime(2024, 1, 30, tzinfo=UTC)
BARS = 5_000
PLAN = AuditPlan(prefixes=16, stretch=6, futures=2, calls=2)
MILLISECOND = timedelta(milliseconds=1)
URLS = ("clickhouse_url", "postgres_url", "redis_url")


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return simulated_bars(BARS, seed=11, start_ms=int(START.timestamp() * 1000))


@pytest.fixture(scope="module")
def warehouse(migrated: Settings, bars: pl.DataFrame) -> Iterator[Warehouse]:
    """The bars and the rows made of them, as the graph stores them."""
    opened = Warehouse.connect(migrated, origin="test")
    candles = bars.with_columns(
        exchange=pl.lit(MARKET.exchange), symbol=pl.lit(MARKET.symbol), timeframe=pl.lit(SERIES.timeframe),
        base_bars=pl.lit(1, pl.UInt32), ingested_at=pl.lit(START),
    )  # fmt: skip
    opened.insert("market.candles", candles)
    until = bars["ts"][-1] + MILLISECOND
    for fold in (ChainFold(), OutcomeFold()):
        advance_series(opened, SERIES, fold, until)
    yield opened
    opened.close()


@pytest.fixture
def nudged(warehouse: Warehouse) -> Iterator[datetime]:
    """Instant of a zone event whose stored top is wrong, for as long as the test runs."""
    scope = {**SERIES.parameters, "start": START, "end": START + timedelta(days=365)}
    row = warehouse.query_polars(
        "SELECT * EXCEPT (exchange, symbol, timeframe) FROM market.zone_events FINAL WHERE exchange = {exchange:String} "
        "AND symbol = {symbol:String} AND timeframe = {timeframe:String} ORDER BY ts DESC LIMIT 1",
        scope,
    )
    ts = row["ts"][0]
    there = warehouse.query_polars(
        "SELECT * EXCEPT (exchange, symbol, timeframe) FROM market.zone_events FINAL WHERE exchange = {exchange:String} "
        "AND symbol = {symbol:String} AND timeframe = {timeframe:String} AND ts = {ts:DateTime64(3, 'UTC')}",
        {**SERIES.parameters, "ts": ts},
    )
    wrong = there.with_columns(top=pl.col("top") + (pl.int_range(pl.len()) == 0).cast(pl.Float64))
    warehouse.write_range("market.zone_events", SERIES, ts, ts + MILLISECOND, wrong)
    yield ts
    warehouse.write_range("market.zone_events", SERIES, ts, ts + MILLISECOND, there)


@pytest.fixture
def own_register(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register_module, "_REGISTER", dict(register_module._REGISTER))


@pytest.fixture
def environment(migrated: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The test's stores, as a user names stores of his own."""
    for name in URLS:
        monkeypatch.setenv(f"CAP_{name.upper()}", migrated.require(name))
    monkeypatch.setenv("CAP_HOME", str(tmp_path / "home"))


def cap(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["audit", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


ASKED = ("--market", str(MARKET), "--timeframe", "15m", "--prefixes", "12")


def test_what_is_stored_is_what_the_bars_make(warehouse: Warehouse, bars: pl.DataFrame) -> None:
    report = audit_rows(warehouse, SERIES, chain_of(SERIES), bars)
    assert report is not None
    assert report.passed, report.verdict
    assert {table.table: table.readings > 0 for table in report.tables} == dict.fromkeys(AUDITED, True)


def test_bars_that_are_not_computed_yet_are_not_wrong(warehouse: Warehouse, bars: pl.DataFrame) -> None:
    more = simulated_bars(10, start_ms=int(bars["ts"][-1].timestamp() * 1000) + 900_000)
    report = audit_rows(warehouse, SERIES, chain_of(SERIES), pl.concat([bars, more]), first=4_000)
    assert report is not None
    assert (report.passed, report.last, report.bars) == (True, bars["ts"][-1], 1_000)
    nowhere = Series(Market("binance", "NOWHEREUSDT"), "15m")
    assert audit_rows(warehouse, nowhere, chain_of(nowhere), bars) is None
    assert audit_recent(warehouse, nowhere, 100, PLAN) is None


@pytest.mark.parametrize("count", [10, 1_000, 4_900])
def test_the_newest_bars_from_the_state_before_them(warehouse: Warehouse, bars: pl.DataFrame, count: int) -> None:
    report = audit_recent(warehouse, SERIES, count, PLAN)
    assert report is not None
    assert report.passed, report.verdict
    assert report.last == bars["ts"][-1]
    assert count <= report.bars
    assert (report.bars == BARS) is (count == 4_900), "the state of January or of February begins it"


def test_a_stored_state_that_cannot_be_restored(warehouse: Warehouse, bars: pl.DataFrame) -> None:
    """As in the graph, it is no source of truth: the audit begins at the first bar."""
    fold = ChainFold()
    state = newest_valid_state(warehouse, SERIES, fold.name, fold.version, before=bars["ts"][3_000])
    assert state is not None
    save_states(warehouse, SERIES, [replace(state, snapshot=b"of another kind")])
    report = audit_recent(warehouse, SERIES, 1_000, PLAN)
    save_states(warehouse, SERIES, [state])
    assert report is not None
    assert (report.passed, report.bars) == (True, BARS)


def test_series_that_are_stored(warehouse: Warehouse) -> None:
    assert SERIES in stored_series(warehouse)
    assert stored_series(warehouse, [str(MARKET)]) == [SERIES]
    assert stored_series(warehouse, [str(MARKET)], ["1h"]) == []


def test_the_check_of_the_graph(warehouse: Warehouse, migrated: Settings) -> None:
    from orchestration.definitions import defs

    settings = migrated.model_copy(update={"markets": (str(MARKET),), "timeframes": ("15m",)})
    result = dg.materialize(
        [check for check in defs.asset_checks or () if "replay_rewrites_nothing" in str(check.check_keys)],
        selection=dg.AssetSelection.all_asset_checks(),
        resources={"settings": settings, "warehouse": warehouse},
    )  # fmt: skip
    evaluations = result.get_asset_check_evaluations()
    assert {one.asset_key.to_user_string() for one in evaluations} == set(AUDITED)
    for one in evaluations:
        assert one.passed
        values = {name: value.value for name, value in one.metadata.items()}
        assert (values["series"], values["rewritten"], values["findings"]) == (1, 0, "none")
        assert values["replays"] > 30
        assert values["readings"] > 0


def test_a_check_that_fails_says_what_it_found() -> None:
    from engines.audit import FunctionReader, Readings, audit

    def leaks(bars: pl.DataFrame) -> pl.DataFrame:
        return bars.select("ts", rsi_14=pl.col("close").shift(-1))

    report: AuditReport = audit(FunctionReader(Readings("indicators"), leaks), simulated_bars(300), PLAN)
    result = check_result("indicators", {SERIES: report})
    assert not result.passed
    assert result.metadata["rewritten"].value == report.rewritten
    assert str(result.metadata["findings"].value).startswith(f"- {SERIES}: indicators: the row of ")
    assert check_result("signals", {SERIES: report}).passed


def test_the_command(warehouse: Warehouse, environment: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cap(*ASKED) == 0
    shown = capsys.readouterr().out
    for table in AUDITED:
        assert table in shown
    assert "chain: nothing was rewritten, withdrawn or late" in shown
    assert "every reading is stored as the stored bars make it" in shown
    assert cap(*ASKED, "--since", "2024-03-01", "--until", "2024-03-05", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["passed"], answer["rewritten"]) == (True, 0)
    replayed, stored = answer["series"][0]["reports"]
    assert replayed["last"] == "2024-03-05T23:45:00.000Z"
    assert stored["first"] == "2024-03-01T00:00:00.000Z"


def test_the_command_fails_on_a_row_that_is_not_what_the_bars_make(
    nudged: datetime, environment: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cap(*ASKED) == 1
    shown = capsys.readouterr()
    assert f"zone_events: the row of {nudged:%Y-%m-%d %H:%M}" in shown.out
    assert "is stored with `top`" in shown.out
    assert "cap: 1 readings of binance:AUDITUSDT 15m did not stay what they were" in shown.err
    assert "cap run --recompute" in shown.err
    assert cap(*ASKED, "--json") == 1
    finding = json.loads(capsys.readouterr().out)["series"][0]["reports"][1]["findings"][0]
    assert finding["kind"] == Change.REWRITTEN.value
    assert finding["before"] == finding["after"] + 1.0
    assert set(finding["key"]) == {"zone_id", "event"}


FEATURES = """
import polars as pl


def honest(bars):
    return bars.select("ts", momentum=pl.col("close").pct_change(10))


def leaking(bars):
    return bars.select("ts", ahead=pl.col("close").shift(-1))


def failing(bars):
    raise KeyError("no such column")
"""


def test_a_function_of_ones_own(
    warehouse: Warehouse, environment: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "features.py"
    file.write_text(FEATURES)
    assert cap(*ASKED, "--function", f"{file}:honest") == 0
    assert "honest: nothing was rewritten" in capsys.readouterr().out
    assert cap(*ASKED, "--function", f"{file}:leaking") == 1
    assert "changes `ahead` from null to" in capsys.readouterr().out
    assert cap(*ASKED, "--function", f"{file}:failing") == 1
    assert "failed with KeyError: 'no such column'" in capsys.readouterr().err
    for wrong, words in [
        (f"{file}:absent", "has no function 'absent'; it has honest, leaking, failing"),
        (f"{tmp_path}/none.py:f", "there is no file"),
        ("features", "is not FILE:NAME"),
    ]:
        assert cap(*ASKED, "--function", wrong) == 2
        assert words in capsys.readouterr().err
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")
    assert cap(*ASKED, "--function", f"{tmp_path}/broken.py:f") == 1
    assert "cannot be imported: ModuleNotFoundError" in capsys.readouterr().err


def test_a_strategy_of_ones_own(
    warehouse: Warehouse, environment: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], own_register: None
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(written.CROSS)
    assert cap(*ASKED, "--strategy", str(file)) == 0
    assert "averages_crossed: nothing was rewritten" in capsys.readouterr().out
    file.write_text(
        written.deciding("k = t + 3\nif k < view.bars.low.shape[0] and view.bars.low[k] > close:\n    return SIGNAL")
    )
    assert cap(*ASKED, "--strategy", str(file)) == 1
    out, err = capsys.readouterr()
    assert "(tried_out) was not there at its own close" in out
    assert "did not stay what they were" in err


def test_nothing_stored_to_audit(warehouse: Warehouse, environment: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cap("--market", "binance:NOWHEREUSDT") == 1
    assert "nothing is stored of binance:NOWHEREUSDT; bring it in with 'cap run" in capsys.readouterr().err
    assert cap(*ASKED, "--since", "2031-01-01") == 1
    assert "no bars of binance:AUDITUSDT 15m are stored between the days asked for" in capsys.readouterr().err
