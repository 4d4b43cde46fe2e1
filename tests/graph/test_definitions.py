"""The definitions as a whole: what exists, where it stands, who owns it, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import dagster as dg
import pytest

GROUPS = {
    "candles": "ingestion",
    "indicators": "indicator",
    "structure_events": "structure",
    "zone_events": "orderblock",
    "signals": "signal",
    "signal_outcomes": "signal",
    "backtests": "signal",
    "risk_decisions": "risk",
    "published_signals": "serving",
}

UPSTREAM = {
    "candles": set(),
    "indicators": {"candles"},
    "structure_events": {"candles", "indicators"},
    "zone_events": {"candles", "structure_events"},
    "signals": {"candles", "indicators", "structure_events", "zone_events"},
    "signal_outcomes": {"candles", "signals"},
    "backtests": {"candles", "signals"},
    "risk_decisions": {"candles", "signals", "signal_outcomes"},
    "published_signals": {"signals", "signal_outcomes", "risk_decisions"},
}

CHECKS = {
    "candles": {
        "freshness",
        "gaps",
        "no_duplicates",
        "ohlc_sane",
        "on_grid",
        "refused_files",
        "restatements",
    },
    "indicators": {"batch_equals_live", "one_row_a_bar", "replay_rewrites_nothing"},
    "structure_events": {"batch_equals_live", "breaks_have_pivots", "replay_rewrites_nothing"},
    "zone_events": {"batch_equals_live", "replay_rewrites_nothing", "zones_begin_once"},
    "signals": {
        "batch_equals_live",
        "replay_rewrites_nothing",
        "stops_and_targets_in_order",
        "strategies_healthy",
    },
    "signal_outcomes": {"outcomes_have_signals", "replay_rewrites_nothing"},
    "backtests": {"no_trade_before_its_signal", "trades_make_the_equity"},
    "risk_decisions": {"every_signal_decided", "limits_hold"},
    "published_signals": {"published_equals_accepted"},
}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    from orchestration.definitions import defs

    return defs


def _name(key: dg.AssetKey) -> str:
    return key.to_user_string()


def test_assets_stand_in_their_groups(definitions: dg.Definitions) -> None:
    specs = {_name(spec.key): spec for spec in definitions.resolve_all_asset_specs()}
    assert {name: spec.group_name for name, spec in specs.items()} == GROUPS
    for name, spec in specs.items():
        assert spec.owners == ["team:data"], name
        assert spec.code_version, name
        assert spec.description, name
        assert spec.partitions_def is not None, name


def test_lineage(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    lineage = {
        _name(key): {_name(parent) for parent in graph.get(key).parent_keys} for key in graph.get_all_asset_keys()
    }
    assert lineage == UPSTREAM


def test_checks(definitions: dg.Definitions) -> None:
    found: dict[str, set[str]] = {}
    for key in definitions.resolve_asset_graph().asset_check_keys:
        found.setdefault(_name(key.asset_key), set()).add(key.name)
    assert found == CHECKS


def test_automation(definitions: dg.Definitions) -> None:
    assert {sensor.name for sensor in definitions.sensors or ()} == {"new_candles"}
    schedules = {schedule.name: schedule.cron_schedule for schedule in definitions.schedules or ()}  # pyright: ignore
    assert schedules == {"hourly_ingestion": "7 * * * *"}
    assert {job.name for job in definitions.jobs or ()} == {"advance_market", "advance_series", "decide"}


def test_loading_the_definitions_loads_no_heavy_library() -> None:
    heavy = ("numba", "polars", "ccxt", "clickhouse_connect", "dbt", "lightgbm", "pandas")
    script = f"import sys, orchestration.definitions; print([name for name in {heavy!r} if name in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.strip() == "[]"
