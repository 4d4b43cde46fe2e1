"""The marts' code location without any store: definitions, manifests, environment."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from orchestration.marts import manifest as manifests_module
from orchestration.marts.environment import PROJECT_DIR, Target, dbt_environment
from orchestration.marts.manifest import MissingManifest, is_current, make_manifests, require_manifest
from tests.stack_fixtures import bare_settings

MARTS = {
    "candles_ohlcv",
    "data_quality",
    "fair_value_gaps",
    "liquidity_pools",
    "market_structure",
    "market_structure_log",
    "order_blocks",
    "served_signal_feed",
    "signal_feed",
    "signal_performance",
    "strategy_leaderboard",
}
SOURCES = {
    "backtests",
    "candles",
    "indicators",
    "published_signals",
    "risk_decisions",
    "signal_outcomes",
    "signals",
    "structure_events",
    "zone_events",
}


@pytest.fixture(scope="module")
def defs(manifests: None) -> dg.Definitions:
    from orchestration.marts.definitions import defs

    dg.Definitions.validate_loadable(defs)
    return defs


def test_assets_are_the_marts_and_what_they_stand_on(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.materializable_asset_keys}
    assert {key.removeprefix("marts/") for key in keys if key.startswith("marts/")} == MARTS
    assert {key.partition("/")[0] for key in keys} == {"staging", "intermediate", "marts"}
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.group_name == "marts"
        assert node.owners == ["team:data"]
        assert node.code_version


def test_lineage_joins_that_of_the_main_location(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.external_asset_keys} == SOURCES
    main = _definitions("orchestration.definitions").resolve_asset_graph()
    assert {dg.AssetKey(name) for name in SOURCES} <= set(main.materializable_asset_keys)


def _definitions(module: str) -> dg.Definitions:
    from importlib import import_module

    return import_module(module).defs


def test_every_mart_is_checked(defs: dg.Definitions) -> None:
    checked = {key.asset_key.path[-1] for key in defs.resolve_asset_graph().asset_check_keys}
    assert checked >= MARTS


def test_marts_are_built_every_night(defs: dg.Definitions) -> None:
    schedule = defs.resolve_schedule_def("nightly_marts")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("20 0 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    selected = defs.resolve_job_def("build_marts").asset_layer.selected_asset_keys
    assert {key.path[-1] for key in selected if key.path[0] == "marts"} == MARTS


def test_urls_become_variables() -> None:
    settings = bare_settings(
        clickhouse_url=SecretStr("https://cap:p%40ss@ch.example:9440"),
        postgres_url=SecretStr("postgresql://me:s%2Fcret@db.example/app?sslmode=require"),
    )
    assert dbt_environment(settings) == {
        "DBT_CLICKHOUSE_HOST": "ch.example",
        "DBT_CLICKHOUSE_PORT": "9440",
        "DBT_CLICKHOUSE_USER": "cap",
        "DBT_ENV_SECRET_CLICKHOUSE_PASSWORD": "p@ss",
        "DBT_CLICKHOUSE_SECURE": "True",
        "DBT_POSTGRES_HOST": "db.example",
        "DBT_POSTGRES_PORT": "5432",
        "DBT_POSTGRES_USER": "me",
        "DBT_ENV_SECRET_POSTGRES_PASSWORD": "s/cret",
        "DBT_POSTGRES_DATABASE": "app",
        "DBT_POSTGRES_SSLMODE": "require",
    }


def test_no_url_no_variables() -> None:
    assert dbt_environment(bare_settings()) == {}
    plain = dbt_environment(bare_settings(clickhouse_url=SecretStr("http://127.0.0.1")))
    assert plain["DBT_CLICKHOUSE_PORT"] == "8123"
    assert plain["DBT_CLICKHOUSE_SECURE"] == "False"


def test_every_variable_of_the_profile_is_given() -> None:
    import re

    settings = bare_settings(clickhouse_url=SecretStr("http://h"), postgres_url=SecretStr("postgresql://h/d"))
    read = set(re.findall(r"env_var\('([A-Z_]+)'", (PROJECT_DIR / "profiles.yml").read_text()))
    assert read == dbt_environment(settings).keys()


def test_a_missing_manifest_says_how_to_make_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Target, "target_dir", property(lambda self: tmp_path / self.value))
    assert not is_current(Target.WAREHOUSE)
    with pytest.raises(MissingManifest, match=r"python -m orchestration\.marts\.manifest"):
        require_manifest(Target.WAREHOUSE)


def test_manifests_are_made_once(manifests: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(is_current(target) for target in Target)
    assert make_manifests() == []
    monkeypatch.setattr(manifests_module, "_dbt_version", lambda: "another")
    assert not is_current(Target.WAREHOUSE), "another version of dbt parses anew"


def test_manifests_hold_no_path_of_the_machine(manifests: None) -> None:
    for target in Target:
        nodes = json.loads(target.manifest_path.read_text())["nodes"].values()
        assert nodes
        assert not [node["unique_id"] for node in nodes if node["original_file_path"].startswith("/")]


def test_asking_where_the_project_is_imports_neither_dagster_nor_dbt() -> None:
    code = (
        "import sys; import orchestration.marts.environment, orchestration.marts.manifest, orchestration.marts.build; "
        "heavy = {'dagster', 'dagster_dbt', 'dbt', 'polars', 'numba'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_DIR.parent, check=False
    )
    assert done.returncode == 0, done.stderr
