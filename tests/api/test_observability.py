"""What a process tells of itself: traces and logs that belong together, metrics of all, and no secret in any of it."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter

from api.observability.redaction import Redactor
from api.security.access import unchecked
from deploy.local.stack import LocalStack
from tests.api.collectors import Collector, collector
from tests.api.conftest import serve
from tests.api.people import make_user
from tests.api.processes import ApiProcess, cap_api, until

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACED = {"OTEL_BSP_SCHEDULE_DELAY": "100", "CAP_DRAIN_S": "0", "CAP_LIMITS_EXEMPT": "127.0.0.0/8"}


def traced(world: LocalStack, folder: Path, found: Collector):
    return cap_api(world, folder, OTEL_EXPORTER_OTLP_ENDPOINT=found.url, **TRACED)


def lines(api: ApiProcess) -> list[dict[str, object]]:
    return [json.loads(line) for line in api.log.read_text().splitlines() if line.startswith("{")]


def test_a_trace_is_continued_and_its_id_is_in_the_log(world: LocalStack, tmp_path: Path) -> None:
    with collector() as found, traced(world, tmp_path, found) as api:
        reply = httpx.get(f"{api.url}/v1/signals?limit=1", headers={"traceparent": PARENT})
        httpx.get(f"{api.url}/healthz")
        trace = bytes.fromhex(PARENT.split("-")[1])
        until(lambda: any(span.name == "GET /v1/signals" for span in found.spans))
        spans = {span.name: span for span in found.spans if span.trace_id == trace}
        request = spans["GET /v1/signals"]
        assert request.parent_span_id.hex() == PARENT.split("-")[2]
        assert spans["read postgres"].parent_span_id == request.span_id
        assert not [span for span in found.spans if "healthz" in span.name]
        logged = next(line for line in lines(api) if line.get("request_id") == reply.headers["x-request-id"])
        assert (logged["trace_id"], logged["route"]) == (trace.hex(), "/v1/signals")


def test_without_a_collector_nothing_is_traced(world: LocalStack, tmp_path: Path) -> None:
    with cap_api(world, tmp_path, **TRACED) as api:
        reply = httpx.get(f"{api.url}/v1/signals?limit=1", headers={"traceparent": PARENT})
        until(lambda: any(line.get("request_id") == reply.headers["x-request-id"] for line in lines(api)))
        assert "trace_id" not in api.log.read_text()


def test_no_secret_is_in_logs_traces_errors_or_metrics(world: LocalStack, tmp_path: Path) -> None:
    mark = f"canary{secrets.token_hex(4)}"
    person = make_user(world.settings)
    with collector() as found, traced(world, tmp_path, found) as api:
        with httpx.Client(base_url=api.url) as client:
            planted, told = _plant(client, mark, person.headers)
            text = client.get("/metrics").text
        last = client_id = told[-1].headers["x-request-id"]
        until(lambda: last in api.log.read_text())
        assert api.stop() == 0
        logged = api.log.read_text()
        # The machinery that would show them works: routes, ids and spans are there.
        assert client_id in logged
        assert len(found.spans) >= 10
        exported = b"\n".join(found.bodies).decode("latin-1")
        # What replies give away on purpose, once, is not an error.
        errors = "\n".join(reply.text for reply in told if reply.status_code >= 400)
        for place, content in {"logs": logged, "traces": exported, "metrics": text, "errors": errors}.items():
            for name, secret in {**planted, "any": mark, "token": person.token}.items():
                assert secret not in content, (place, name)
    # The URLs of the stores carry passwords, and the process was given all of them.
    for secret in ("postgres_url", "clickhouse_url", "redis_url"):
        password = httpx.URL(world.settings.require(secret)).password
        assert len(password) > 8
        assert password not in logged + exported + text + errors
    assert world.settings.require("secret_key") not in logged + exported


def _plant(client: httpx.Client, mark: str, signed_in: dict[str, str]) -> tuple[dict[str, str], list[httpx.Response]]:
    """Put secrets everywhere one can be put; returns those the API made itself, and all replies."""
    key = client.post("/v1/api-keys", headers=signed_in, json={"name": "k", "scopes": ["signals:read"]})
    hook = client.post(
        "/v1/webhooks",
        headers=signed_in,
        json={"url": f"https://user:{mark}@hooks.example.com/x?token={mark}", "events": ["signal.published"]},
    )
    made = {"key": key.json()["key"]} if key.status_code == 201 else {}
    if hook.status_code == 201:
        made["webhook"] = hook.json()["secret"]
    else:
        hook = client.post(
            "/v1/webhooks",
            headers=signed_in,
            json={"url": "https://hooks.example.com/x", "events": ["signal.published"]},
        )
        made |= {"webhook": hook.json()["secret"]} if hook.status_code == 201 else {}
    assert key.status_code == 201, key.text
    credentials = {"email": "nobody@example.com", "password": mark}
    replies = [
        key,
        hook,
        client.get("/v1/signals", headers={"Authorization": f"Bearer {made['key']}"}),
        client.get("/v1/signals", headers={"X-API-Key": made["key"]}),
        client.get("/v1/signals", headers=signed_in),
        client.post("/v1/auth/login", json=credentials),
        client.post("/v1/auth/register", json=credentials),
        client.post("/v1/auth/register", json={**credentials, "password": f"{mark} {mark} {mark}"}),
        client.post("/v1/auth/refresh", json={"refresh_token": mark}),
        client.post("/v1/auth/password-reset/confirm", json={"token": mark, "password": f"{mark} {mark}"}),
        client.get(f"/v1/signals?token={mark}&cursor={mark}"),
        client.get("/v1/signals", headers={"Authorization": f"Bearer {mark}"}),
        client.get("/v1/signals", headers={"Authorization": f"Basic {mark}"}),
        client.get("/v1/signals", headers={"X-API-Key": f"cap_{mark}"}),
        client.get("/v1/signals", headers={"Cookie": f"cap_access={mark}; other={mark}"}),
        client.get("/v1/signals", headers={"User-Agent": mark, "Referer": f"https://x/?token={mark}"}),
        client.get(f"/v1/signals/stream?ticket={mark}", headers={"Accept": "text/plain"}),
        client.get("/v1/signals", headers={"X-Request-ID": f"{mark} is not an id"}),
        client.get("/v1/nowhere", headers={"Cookie": mark}),
    ]
    return made, replies


crashing = APIRouter()


@crashing.get("/v1/crash", dependencies=[unchecked()])
async def crash(token: str) -> None:
    raise RuntimeError(f"cannot open https://user:{token}@host/?token={token} with Bearer {token}, password='{token}'")


def test_a_fault_that_quotes_a_secret_is_logged_without_it(
    world: LocalStack, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(world.settings, [crashing]) as served:
        reply = served.client.get("/v1/crash", params={"token": "canary-of-a-fault"})
        assert reply.status_code == 500
        until(lambda: '"route": "/v1/crash"' in (seen.append(capsys.readouterr().err) or "".join(seen)), 20)
    text = "".join(seen)
    assert "request_failed" in text
    assert "RuntimeError: cannot open" in text
    assert "canary-of-a-fault" not in text + reply.text


seen: list[str] = []


@pytest.mark.parametrize(
    "text",
    [
        "{} is the key",
        "Authorization: Bearer {}",
        "GET /x?a=1&access_token={}&b=2",
        '{{"password": "{}"}}',
        "postgresql://cap:{}@host/db",
        "cookie={}",
        "client_secret%3D{}",
    ],
)
def test_forms_that_are_recognized(text: str) -> None:
    secret = "cap_Ab3dEf6h_" + "x" * 43 + "_abc123" if text.startswith("{}") else "canary-0123456789"
    cleaned = Redactor().text(text.format(secret))
    assert secret not in cleaned
    assert "[secret]" in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "cap_http_requests_in_flight",
        "GET /v1/signals 200",
        "token_type",
        "a=1&b=2",
        "https://host:8443/path",
        "it: fails",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_nested_values_are_searched() -> None:
    found = Redactor(("known-value",)).value({"a": [{"password": "x"}, "has known-value inside"], "count": 3})
    assert found == {"a": [{"password": "[secret]"}, "has [secret] inside"], "count": 3}


def test_libraries_and_the_server_log_in_the_same_form(world: LocalStack, tmp_path: Path) -> None:
    with cap_api(world, tmp_path, **TRACED) as api:
        httpx.get(f"{api.url}/v1/signals")
        assert api.stop() == 0
        logged = api.log.read_text()
    server = [line for line in lines(api) if line.get("logger") == "uvicorn.error"]
    assert any(re.match(r"Started server process", str(line["event"])) for line in server)
    assert all(line.startswith(("{", "Serving ")) for line in logged.splitlines())
