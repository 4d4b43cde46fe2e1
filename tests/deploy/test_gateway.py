"""The gateway's rules, each seen at a real nginx: what is repeated, refused, hidden, set and cut."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.gateway.certificate import self_signed
from deploy.gateway.rendering import Gateway, paths_of_services, render
from tests.api.processes import until
from tests.deploy.gateways import PATHS, Backend, RunningGateway, answer, backends, needs_nginx, running_gateway

pytestmark = [needs_nginx, pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")]


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with backends(answer()) as (one,):
        yield one


@pytest.fixture(scope="module")
def plain(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("gateway")
    with running_gateway(folder, {"all": (backend.address,)}, header_s=1, body_s=1, paths=PATHS) as running:
        yield running


def header(request: bytes, name: str) -> list[str]:
    return re.findall(rf"(?im)^{name}: *(.*?)\r?$", request.decode("latin-1"))


def problem(reply: httpx.Response, status: int) -> None:
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["status"] == status
    assert reply.json()["request_id"] == reply.headers["x-request-id"]


@pytest.mark.parametrize(("method", "expected"), [("GET", 2), ("POST", 1), ("PATCH", 1)])
def test_what_breaks_off_is_repeated_only_if_that_is_harmless(method: str, expected: int, tmp_path: Path) -> None:
    with backends(None, None) as both:
        replicas = {"all": tuple(one.address for one in both)}
        with running_gateway(tmp_path, replicas, paths=PATHS) as running, running.client() as client:
            problem(client.request(method, "/v1/signals"), 502)
            assert sum(len(one.requests) for one in both) == expected


def test_a_post_goes_on_if_a_replica_does_not_even_take_it(tmp_path: Path) -> None:
    with backends(answer(), answer()) as (dead, alive):
        dead.close()
        replicas = {"all": (dead.address, alive.address)}
        with running_gateway(tmp_path, replicas, paths=PATHS) as running, running.client() as client:
            assert [client.post("/v1/signals").status_code for _ in range(6)] == [200] * 6
            assert len(alive.requests) == 6


def test_each_service_is_reached_where_it_runs(tmp_path: Path) -> None:
    with backends(answer(b'"signals"'), answer(b'"market"')) as (signals, market):
        replicas = {"signals": (signals.address,), "market-data": (market.address,)}
        with running_gateway(tmp_path, replicas, paths=PATHS) as running, running.client() as client:
            assert client.get("/v1/signals/x/y?a=/v1/markets").json() == "signals"
            assert client.get("/v1/markets").json() == "market"


def test_a_body_that_is_too_large_never_reaches_a_replica(plain: RunningGateway, backend: Backend) -> None:
    before = len(backend.requests)
    with plain.client() as client:
        problem(client.post("/v1/signals", content=b"x" * 65_537), 413)
        assert len(backend.requests) == before
        assert client.post("/v1/signals", content=b"x" * 65_536).status_code == 200
        problem(client.get("/v1/signals?" + "x" * 10_000), 414)
        problem(client.get("/v1/signals", headers={"X-Long": "x" * 10_000}), 431)
        assert len(backend.requests) == before + 1


def test_what_clients_forge_is_overwritten(plain: RunningGateway, backend: Backend) -> None:
    forged = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
        "X-Real-IP": "203.0.113.7",
        "Forwarded": "for=203.0.113.7",
        "X-Request-ID": "forged",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    with plain.client() as client:
        client.get("/v1/signals", headers=forged)
    request = backend.requests[-1]
    assert header(request, "x-forwarded-for") == ["127.0.0.1"]
    assert header(request, "x-forwarded-proto") == ["https"]
    assert header(request, "x-forwarded-host") == [f"127.0.0.1:{plain.gateway.port}"]
    assert header(request, "x-real-ip") == header(request, "forwarded") == []
    assert re.fullmatch(r"[0-9a-f]{32}", header(request, "x-request-id")[0])
    assert header(request, "traceparent") == [forged["traceparent"]]
    assert "203.0.113.7" not in request.decode("latin-1")


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "//metrics", "/%6detrics", "/v1/../metrics", "/./readyz"])
def test_what_is_for_operators_is_not_public(plain: RunningGateway, backend: Backend, path: str) -> None:
    before = len(backend.requests)
    with plain.client() as client:
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        problem(client.send(request), 404)
    assert len(backend.requests) == before


def test_tls_and_its_headers(plain: RunningGateway) -> None:
    context = ssl.create_default_context(cafile=str(plain.gateway.certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", plain.gateway.port)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as wrapped,
    ):
        assert wrapped.selected_alpn_protocol() == "h2"
        assert wrapped.version() == "TLSv1.3"
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", plain.gateway.port)) as raw, pytest.raises(ssl.SSLError):
        old.wrap_socket(raw, server_hostname="localhost")
    with plain.client() as client:
        for path in ("/v1/signals", "/metrics"):
            reply = client.get(path)
            assert reply.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
            assert reply.headers.get("server") == "nginx"
    plain_http = httpx.get(f"http://127.0.0.1:{plain.gateway.port}/")
    assert plain_http.status_code == 400


@pytest.mark.parametrize(
    "sent", [b"GET /v1/sig", b"POST /v1/signals HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"]
)
def test_who_sends_slowly_is_cut_and_holds_no_replica(plain: RunningGateway, backend: Backend, sent: bytes) -> None:
    before = len(backend.requests)
    context = ssl.create_default_context(cafile=str(plain.gateway.certificate))
    with (
        socket.create_connection(("127.0.0.1", plain.gateway.port), timeout=30) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as slow,
    ):
        slow.sendall(sent)
        # It ends by itself: with 408 or without a word, and long before the socket's own patience does.
        read = slow.recv(65_536)
        assert read == b"" or b" 408 " in read
    assert len(backend.requests) == before
    with plain.client() as client:
        assert client.get("/v1/signals").status_code == 200


def test_its_log_has_the_id_and_no_query(plain: RunningGateway, backend: Backend) -> None:
    with plain.client() as client:
        client.get("/v1/signals?token=canary-in-query", headers={"Authorization": "Bearer canary-in-header"})
        client.post("/v1/signals?token=canary-in-query", content=b"x" * 70_000)
    request_id = header(backend.requests[-1], "x-request-id")[0]
    until(lambda: request_id in plain.log and '"status":413' in plain.log)
    lines = [json.loads(line) for line in plain.log.splitlines()]
    found = next(line for line in lines if line["request_id"] == request_id)
    assert (found["status"], found["path"], found["client"]) == (200, "/v1/signals", "127.0.0.1")
    assert found["replicas"] == backend.address
    assert {line["path"] for line in lines if line["status"] == 413} == {"/v1/signals"}
    assert "canary" not in plain.log


def test_a_service_without_a_replica_is_refused_before_anything_starts(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, {"signals": ("127.0.0.1:1",)}, tmp_path, tmp_path, paths=PATHS)
    with pytest.raises(ValueError, match="market-data"):
        render(gateway)


def test_every_path_of_the_api_belongs_to_one_service() -> None:
    found = paths_of_services()
    every = [path for paths in found.values() for path in paths]
    assert len(every) == len(set(every))
    assert all(re.fullmatch(r"/[a-z0-9-]+(/[a-z0-9-]+)?", path) for path in every)


def test_a_certificate_is_kept_and_made_anew_for_another_name(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    first = certificate.read_bytes()
    assert key.stat().st_mode & 0o077 == 0
    assert self_signed(tmp_path)[0].read_bytes() == first
    assert self_signed(tmp_path, ["gateway.example"])[0].read_bytes() != first


def test_without_nginx_it_says_so_in_one_sentence(tmp_path: Path) -> None:
    code = (
        "import shutil, sys; shutil.which = lambda *a, **k: None\n"
        f"from deploy.cli.main import main; main(['gateway', '--home', {str(tmp_path)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
    assert "nginx is not installed; on Debian and Ubuntu: apt-get install nginx-light" in done.stderr
