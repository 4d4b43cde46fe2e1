"""``cap risk`` shows the account as the engine has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import deploy.cli.risk
from deploy.cli.main import app
from engines.risk import AccountEngine
from engines.risk.report import account_report
from stores.settings import Settings
from stores.warehouse import Warehouse
from tests.engines.account_rows import Rows, cut, random_account
from tests.engines.market_bars import START_MS
from tests.graph.stored_accounts import END, decide, markets, of, store, stored

HOUR = 3_600_000
MIDDLE = START_MS + 600 * HOUR


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Signals and closes of three markets up to an instant at which positions are open."""
    return cut(random_account(3, 800, seed=5, common=0.8, density=0.2), START_MS - HOUR, MIDDLE)


@pytest.fixture
def url(migrated: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Options that make the command look at the stores of the test."""
    for name in ("clickhouse_url", "postgres_url", "redis_url"):
        monkeypatch.setenv(f"CAP_{name.upper()}", migrated.require(name))
    return ["--home", str(tmp_path)]


def test_as_json(stores: Warehouse, rows: Rows, url: list[str]) -> None:
    names = markets(rows)
    store(stores, of(rows, names[1:]))
    decide(stores, names[1:])
    store(stores, of(rows, names[:1]))
    decide(stores, names[:1])
    before = stored(stores)

    result = CliRunner().invoke(app, ["risk", "--json", "--rejections", "7", *url])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["paper"]
    engine = AccountEngine()
    engine.advance(*rows, END, dict(zip(before["signal_id"], before["size"], strict=True)))
    report = account_report(engine)
    assert found["standing"]["equity"] == report.standing.equity
    assert len(found["standing"]["positions"]) == len(report.standing.positions) > 0
    assert sum(found["decisions"].values()) == before.height
    assert found["would_differ"] > 0
    assert set(found["clusters"]) == set(names)
    assert {one["name"] for one in found["by_market"]} <= set(names)
    assert [one["confidence"] for one in found["tails"]] == [0.95, 0.99]
    assert (
        found["tails"][0]["historical"]["expected_shortfall"] >= found["tails"][0]["historical"]["value_at_risk"] > 0.0
    )
    assert len(found["refused"]) == 7
    for row in found["refused"]:
        assert row["decision"] in ("resized", "rejected")
        assert row["reasons"][0].startswith(f"{row['rule']}: ")
        assert row["rule_value"] is not None
        assert row["rule_limit"] is not None
    assert stored(stores).equals(before)


def test_in_words(stores: Warehouse, rows: Rows, url: list[str]) -> None:
    store(stores, rows)
    decide(stores, markets(rows))
    result = CliRunner().invoke(app, ["risk", *url])
    assert result.exit_code == 0, result.output
    for words in ("Account paper at", "times equity", "value at risk", "EWMA, 99%", "cluster", "why"):
        assert words in result.stdout


def test_nothing_stored_says_what_to_do(stores: Warehouse, url: list[str]) -> None:
    with pytest.raises(deploy.cli.risk.CommandFailed, match="cap run --market"):
        deploy.cli.risk.show_risk(Path(url[1]), rejections=1, as_json=False)
