"""The dbt project itself: its unit tests, its documentation, its names."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from orchestration.marts.build import build_marts
from orchestration.marts.environment import PROJECT_DIR, Target, dbt_environment
from orchestration.marts.manifest import dbt_executable
from orchestration.marts.runner import DbtFailed, run_dbt
from stores.settings import Settings
from stores.warehouse import Warehouse

Dbt = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def built(filled: Settings) -> Settings:
    build_marts(filled)
    return filled


@pytest.fixture
def dbt(built: Settings, tmp_path: Path) -> Dbt:
    """Run the dbt command as a person would, with its artifacts in a folder of the test."""

    def run(target: Target, *arguments: str) -> subprocess.CompletedProcess[str]:
        folder = str(PROJECT_DIR)
        where = ["--target", target.value, "--project-dir", folder, "--profiles-dir", folder]
        artifacts = ["--target-path", str(tmp_path), "--log-path", str(tmp_path)]
        return subprocess.run(
            [str(dbt_executable()), "--no-use-colors", *arguments, *where, *artifacts],
            env={**os.environ, **dbt_environment(built)},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


@pytest.mark.parametrize(("target", "count"), [(Target.WAREHOUSE, 15), (Target.SERVING, 1)])
def test_unit_tests_pass(built: Settings, target: Target, count: int) -> None:
    ended = [event.status for event in run_dbt(built, target, ["test", "--select", "test_type:unit"])]
    assert ended == ["pass"] * count


@pytest.mark.parametrize("target", list(Target))
def test_docs_can_be_generated(dbt: Dbt, tmp_path: Path, target: Target) -> None:
    done = dbt(target, "docs", "generate")
    assert done.returncode == 0, done.stdout
    catalog = json.loads((tmp_path / "catalog.json").read_text())
    assert not catalog["errors"]
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    marts = {name for name, node in manifest["nodes"].items() if _layer(node) == "marts"}
    assert marts <= catalog["nodes"].keys()
    for name in marts:
        assert catalog["nodes"][name]["columns"].keys() == manifest["nodes"][name]["columns"].keys()


def test_sources_are_fresh_or_say_so(dbt: Dbt, tmp_path: Path) -> None:
    done = dbt(Target.WAREHOUSE, "source", "freshness")
    assert done.returncode == 0, done.stdout
    statuses = {
        one["unique_id"]: one["status"] for one in json.loads((tmp_path / "sources.json").read_text())["results"]
    }
    assert statuses["source.crypto_analytics.market.candles"] == "warn", "the bars of 2024 were stored long ago"


@pytest.fixture(params=list(Target))
def manifest(request: pytest.FixtureRequest, manifests: None) -> dict[str, Any]:
    return json.loads(request.param.manifest_path.read_text())


def _layer(node: dict[str, Any]) -> str:
    """Layer of a model: ``staging``, ``intermediate`` or ``marts``; empty for other nodes."""
    return Path(node["original_file_path"]).parts[2] if node["resource_type"] == "model" else ""


def _models(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (node for node in manifest["nodes"].values() if node["resource_type"] == "model")


def test_everything_is_documented(manifest: dict[str, Any]) -> None:
    for node in (*_models(manifest), *manifest["sources"].values()):
        assert node["description"], node["unique_id"]
        assert node["columns"], node["unique_id"]
        for column in node["columns"].values():
            assert column["description"], f"{node['unique_id']}.{column['name']}"


def test_marts_have_contracts_tests_and_readers(manifest: dict[str, Any]) -> None:
    marts = {node["unique_id"] for node in _models(manifest) if _layer(node) == "marts"}
    tested = {
        parent
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        for parent in node["depends_on"]["nodes"]
    }
    read = {parent for exposure in manifest["exposures"].values() for parent in exposure["depends_on"]["nodes"]}
    assert marts
    assert marts <= tested
    assert marts <= read
    for name in marts:
        node = manifest["nodes"][name]
        assert node["contract"]["enforced"], name
        assert all(column["data_type"] for column in node["columns"].values()), name


def test_every_fold_has_a_unit_test(manifest: dict[str, Any]) -> None:
    held = {test["model"] for test in manifest["unit_tests"].values()}
    # A plain selection of columns folds nothing.
    folds = {
        node["name"]
        for node in _models(manifest)
        if _layer(node) != "staging" and node["name"] != "market_structure_log"
    }
    assert folds <= held


def test_names_say_layer_and_area(manifest: dict[str, Any]) -> None:
    for node in _models(manifest):
        prefix = {"staging": r"stg_[a-z]+__", "intermediate": r"int_[a-z]+__", "marts": ""}[_layer(node)]
        assert re.fullmatch(prefix + r"[a-z0-9_]+", node["name"]), node["name"]
        layer, area = Path(node["original_file_path"]).parts[2:4]
        folder = Path(node["patch_path"].partition("://")[2]).name
        assert folder.startswith(f"_{layer}_{area}__"), folder


def test_a_model_belongs_to_one_engine() -> None:
    names = []
    for target in Target:
        nodes = json.loads(target.manifest_path.read_text())["nodes"].values()
        names.append({node["name"] for node in nodes if node["resource_type"] == "model"})
    assert not names[0] & names[1]


def test_a_contract_broken_fails_the_build(built: Settings) -> None:
    """A column of the log with another type than documented is refused, and the mart stays as it was."""
    with closing(Warehouse.connect(built)) as market:
        before = market.scalar("SELECT count() FROM marts.market_structure_log")
        market.command("ALTER TABLE market.structure_events MODIFY COLUMN level Float32")
        try:
            with pytest.raises(DbtFailed, match="contract"):
                list(run_dbt(built, Target.WAREHOUSE, ["build", "--select", "+market_structure_log"]))
            assert market.scalar("SELECT count() FROM marts.market_structure_log") == before
        finally:
            market.command("ALTER TABLE market.structure_events MODIFY COLUMN level Float64")
        list(run_dbt(built, Target.WAREHOUSE, ["build", "--select", "+market_structure_log"]))


def test_served_feed_stands_beside_the_migrations(built: Settings) -> None:
    """The feed holds what is published with its outcome, and dropping it needs nothing of the API's schema."""
    with psycopg.connect(built.require("postgres_url"), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO serving.published_signals (signal_id, exchange, symbol, timeframe, strategy, direction, ts, known_at, "
            "entry, stop, target_1, target_2, risk_reward, score, reasons, zone_id, decision, size, notional, risk_amount, "
            "risk_fraction) VALUES ('00000000-0000-0000-0000-00000000000a', 'binance', 'BTCUSDT', '15m', 's', 1, "
            "'2024-01-01Z', '2024-01-01 00:15Z', 100, 90, 110, 120, 2, 0.5, '[\"why\"]', NULL, 'accepted', 1, 100, 10, 0.01)"
        )
        connection.execute(
            "INSERT INTO serving.signal_outcomes (signal_id, outcome, ts, known_at, price, r_multiple, bars_held) "
            "VALUES ('00000000-0000-0000-0000-00000000000a', 'stopped', '2024-01-01 01:00Z', '2024-01-01 01:15Z', 90, -1, 4)"
        )
        assert build_marts(built, targets=[Target.SERVING]) == 1
        rows = connection.execute(
            "SELECT signal_id, status, outcome, result_r, bars_held, reasons, simulated FROM marts.served_signal_feed"
        ).fetchall()
        assert rows == [("00000000-0000-0000-0000-00000000000a", "closed", "stopped", -1.0, 4, ["why"], False)]
        depending = connection.execute(
            "SELECT count(*) FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_rewrite r ON r.oid = d.objid WHERE n.nspname = 'serving'"
        ).fetchone()
        assert depending == (0,), "a view on the API's tables would block its migrations"


def test_a_build_needs_the_store_of_its_target(built: Settings) -> None:
    from stores.settings import MissingStore

    with pytest.raises(MissingStore, match="CAP_CLICKHOUSE_URL"):
        list(run_dbt(built.model_copy(update={"clickhouse_url": None}), Target.WAREHOUSE, ["build"]))


def test_passwords_are_not_in_errors_or_artifacts(built: Settings) -> None:
    from pydantic import SecretStr

    wrong = built.require("clickhouse_url").replace("@", "-c4n4ry@", 1)
    with pytest.raises(DbtFailed) as failure:
        list(run_dbt(built.model_copy(update={"clickhouse_url": SecretStr(wrong)}), Target.WAREHOUSE, ["build"]))
    assert "c4n4ry" not in str(failure.value)
    artifacts = [path for path in (PROJECT_DIR / "target").rglob("*") if path.is_file()]
    assert artifacts
    assert not [path for path in artifacts if b"c4n4ry" in path.read_bytes()]
