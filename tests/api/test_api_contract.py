"""What others rely on: the OpenAPI description, headers, metrics, logs, and a light import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from pydantic import SecretStr

from api import logs
from api.main import create_app
from api.reads.series import structure_rank
from api.reads.track_records import wilson_interval
from tests.api.conftest import Served
from tests.api.world import STRUCTURE
from tests.stack_fixtures import bare_settings

ROOT = Path(__file__).resolve().parents[2]

OPERATIONS = {
    "/healthz": "getHealth",
    "/readyz": "getReadiness",
    "/metrics": "getMetrics",
    "/problems/{name}": "getProblemType",
    "/v1/markets": "listMarkets",
    "/v1/candles": "listCandles",
    "/v1/indicators": "listIndicators",
    "/v1/structure": "listStructure",
    "/v1/zones": "listZones",
    "/v1/signals": "listSignals",
    "/v1/signals/{signal_id}": "getSignal",
    "/v1/performance": "listPerformance",
    "/v1/performance/curve": "getPerformanceCurve",
}


@pytest.fixture(scope="module")
def openapi(served: Served) -> dict[str, Any]:
    return served.client.get("/openapi.json").json()


def test_the_description_names_the_routes_others_rely_on(openapi: dict[str, Any]) -> None:
    assert openapi["openapi"].startswith("3.1.")
    described = {path: item["get"]["operationId"] for path, item in openapi["paths"].items() if "get" in item}
    assert described | OPERATIONS == described


def test_every_route_says_what_it_is_and_what_it_answers(openapi: dict[str, Any]) -> None:
    operations = [(path, operation) for path, item in openapi["paths"].items() for operation in item.values()]
    assert len({operation["operationId"] for _, operation in operations}) == len(operations)
    for path, operation in operations:
        assert operation["summary"], path
        assert operation["description"], path
        assert operation["tags"], path
        for parameter in operation.get("parameters", []):
            assert parameter.get("description") or path == "/problems/{name}", (path, parameter["name"])
        for status, response in operation["responses"].items():
            kind = "application/problem+json" if int(status) >= 400 and path != "/readyz" else None
            if kind:
                assert response["content"][kind]["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert "HTTPValidationError" not in openapi["components"]["schemas"]


def test_every_reference_in_the_description_resolves(openapi: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for value in node for found in references(value)] if isinstance(node, list) else []

    known = {f"#/components/schemas/{name}" for name in openapi["components"]["schemas"]}
    found = set(references(openapi))
    assert found
    assert found <= known


def test_headers_of_every_answer(served: Served) -> None:
    for path in ("/healthz", "/v1/nothing", "/v1/candles", "/v1/signals"):
        headers = served.client.get(path, headers={"Origin": "https://elsewhere.example"}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        policy = headers["content-security-policy"].split("; ")
        for directive in ("default-src", "object-src", "base-uri", "form-action", "frame-ancestors"):
            assert f"{directive} 'none'" in policy
        assert headers["cache-control"] == "no-store"
        assert not [name for name in headers if name.startswith("access-control-")]


def test_a_request_keeps_its_id_or_gets_one(served: Served) -> None:
    assert served.client.get("/healthz", headers={"X-Request-ID": "mine-1.2"}).headers["x-request-id"] == "mine-1.2"
    for odd in ("", "a b", "x" * 65, "<script>"):
        made = served.client.get("/healthz", headers={"X-Request-ID": odd}).headers["x-request-id"]
        assert made != odd
        assert len(made) == 32


def test_large_answers_are_compressed_on_request(served: Served) -> None:
    path = "/v1/candles?market=binance:BTCUSDT&timeframe=15m&limit=300"
    plain = served.client.get(path, headers={"Accept-Encoding": "identity"})
    packed = served.client.get(path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2


def test_metrics_count_by_route_and_not_by_path(served: Served) -> None:
    served.client.get("/v1/signals/5d5bd1f1-0000-4000-8000-000000000001")
    served.client.get("/v1/no/such/path")
    served.client.request("QUERY", "/v1/no/such/path")
    reply = served.client.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=")
    text = reply.text
    assert 'cap_http_requests_total{method="GET",route="/v1/signals/{signal_id}",status="404"}' in text
    assert 'cap_http_requests_total{method="GET",route="unmatched",status="404"}' in text
    assert 'cap_http_requests_total{method="OTHER",route="unmatched",status="404"}' in text
    assert 'cap_http_request_duration_seconds_bucket{le="0.1",method="GET",route="/v1/signals/{signal_id}"}' in text
    assert 'cap_store_read_duration_seconds_count{result="ok",store="postgres"}' in text
    assert "no/such/path" not in text
    assert "5d5bd1f1" not in text


def test_logs_are_json_and_hold_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    canary = "canary%2Fpass"
    settings = bare_settings(postgres_url=SecretStr(f"postgresql://cap:{canary}@127.0.0.1:1/cap"))
    logs.configure(settings)
    log = structlog.get_logger("test")
    try:
        raise RuntimeError(f"could not connect to {settings.require('postgres_url')}")
    except RuntimeError:
        log.exception("failed", url=settings.require("postgres_url"), password="canary/pass")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines[0]["event"] == "failed"
    assert "RuntimeError" in lines[0]["exception"]
    assert "canary" not in json.dumps(lines)


def test_importing_the_api_is_light() -> None:
    """Nothing heavy is imported, no store is asked and no settings are read before the first request."""
    heavy = ("numba", "polars", "pandas", "pyarrow", "dagster", "dbt", "clickhouse_connect", "redis", "chdb")
    code = (
        "import sys, api.main\n"
        "api.main.create_app()\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
        "print([name for name in sys.modules if name.startswith('engines.') and 'kernel' in name])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAP_")}
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=120, check=True
    )
    assert made.stdout.splitlines() == ["[]", "[]"]


def test_the_module_level_application_is_made_when_it_is_asked_for() -> None:
    import api.main as module

    assert "app" not in vars(module) or vars(module)["app"] is module.app
    assert module.app is module.app
    with pytest.raises(AttributeError):
        _ = module.nothing


def test_applications_do_not_share_metrics() -> None:
    one, two = create_app(bare_settings()), create_app(bare_settings())
    assert one.state.context.metrics.registry is not two.state.context.metrics.registry


def test_structure_ranks_follow_the_order_of_a_bar() -> None:
    first_bar = [event for event in STRUCTURE if event["ts"] == STRUCTURE[0]["ts"]]
    ranks = [structure_rank(event) for event in first_bar]
    assert ranks == sorted(set(ranks))


@pytest.mark.parametrize(
    ("wins", "sample", "low", "high"),
    # Computed with statsmodels.stats.proportion.proportion_confint(method="wilson"), whose z is 1.959964.
    [(0, 10, 0.0, 0.27753), (10, 10, 0.72247, 1.0), (7, 10, 0.39677, 0.89221), (50, 100, 0.40383, 0.59617)],
)
def test_wilson_intervals(wins: int, sample: int, low: float, high: float) -> None:
    assert wilson_interval(wins, sample) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_json_has_no_word_for_not_a_number() -> None:
    assert orjson.dumps([float("nan"), float("inf")]) == b"[null,null]"
