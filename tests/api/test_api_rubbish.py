"""Rubbish in, never a fault out: generated requests against the description, and requests nobody described."""

from __future__ import annotations

import base64
import socket
from hashlib import blake2b
from typing import Any

import httpx
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from api.pagination import Cursors
from tests.api.conftest import Served
from tests.api.test_api_contract import OPERATIONS

RELAXED = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
LISTS = [
    "/v1/markets",
    "/v1/candles",
    "/v1/indicators",
    "/v1/structure",
    "/v1/zones",
    "/v1/signals",
    "/v1/performance",
    "/v1/performance/curve",
]
PARAMETERS = [
    *("market", "timeframe", "start", "end", "limit", "cursor", "order", "kind", "scale", "side", "direction"),
    *("active", "as_of", "strategy", "since", "require", "simulated", "status"),
]
ODD = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes().map(str),
    st.sampled_from(
        [
            *("binance:BTCUSDT", "15m", "asc", "desc", "1", "-1", "true", "null", "NaN", "\x00", "'", '"', "{", "%"),
            *("'; DROP TABLE market.candles; --", "{exchange:String}", "../../etc/passwd", "٣", "1e9", "9" * 40),
            *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999-23:59", "2016-12-31T23:59:60Z", "-0", "+1"),
        ]
    ),
)


def sane(reply: httpx.Response) -> None:
    assert reply.status_code < 500, (reply.url, reply.text)
    if reply.status_code >= 400:
        assert reply.headers["content-type"] == "application/problem+json"
        assert orjson.loads(reply.content)["status"] == reply.status_code


@pytest.fixture(scope="module")
def schema(served: Served) -> OpenApiSchema:
    return schemathesis.openapi.from_url(f"{served.client.base_url}/openapi.json")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("path", sorted(OPERATIONS))
def test_answers_are_those_described(schema: OpenApiSchema, path: str, mode: GenerationMode) -> None:
    """Status, content type, headers and body as the description says, for requests within it and outside."""
    operation = schema[path]["GET"]
    if mode is GenerationMode.NEGATIVE and not (operation.query or operation.path_parameters):
        return  # there is nothing to be wrong in

    @settings(RELAXED, max_examples=30, phases=[Phase.generate])
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        # A well-formed cursor or range may still be refused: neither can be said in a schema.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    ask()


@pytest.mark.parametrize("path", LISTS)
@RELAXED
@given(parameters=st.lists(st.tuples(st.sampled_from(PARAMETERS), ODD), max_size=6))
def test_odd_parameters(served: Served, path: str, parameters: list[tuple[str, str]]) -> None:
    sane(served.client.get(path, params=[(name, value.encode("utf-8", "replace")) for name, value in parameters]))


@pytest.mark.parametrize("path", LISTS[1:5])
@RELAXED
@given(data=st.data())
def test_odd_values_beside_good_ones(served: Served, path: str, data: st.DataObject) -> None:
    """The rest of the request is fine, so that the odd value gets as far as it can."""
    parameters = {"market": "binance:BTCUSDT", "timeframe": "15m"}
    name = data.draw(st.sampled_from(["start", "end", "as_of", "limit", "order", "kind", "scale", "side", "direction"]))
    parameters[name] = data.draw(ODD).encode("utf-8", "replace").decode()
    sane(served.client.get(path, params=parameters))


@RELAXED
@given(
    instants=st.tuples(*[st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())] * 3),
    path=st.sampled_from(LISTS[1:5]),
)
def test_any_instant(served: Served, instants: tuple[str, str, str], path: str) -> None:
    start, end, as_of = instants
    parameters = {"market": "binance:BTCUSDT", "timeframe": "15m", "start": start, "end": end, "as_of": as_of}
    sane(served.client.get(path, params=parameters))
    sane(served.client.get("/v1/signals", params={"since": start}))


EXTREMES = st.one_of(st.integers(-(2**53), 2**53), st.sampled_from([-(2**53), -1, 0, 2**31, 2**40, 2**53]))


@RELAXED
@given(key=st.tuples(EXTREMES, EXTREMES), text=st.text(max_size=20))
def test_forged_cursors_reach_the_stores_and_break_nothing(served: Served, key: tuple[int, int], text: str) -> None:
    """Whoever reads the code can make cursors that no list ever gave."""
    base = {"market": "binance:BTCUSDT", "timeframe": "15m"}
    filters: list[Any] = ["binance:BTCUSDT 15m", None, None, "asc"]
    forged = {
        "/v1/candles": (Cursors("market.candles", [*filters, {}], (int,)), (key[0],)),
        "/v1/structure": (
            Cursors("market.structure_events", [*filters, dict.fromkeys(("kind", "scale", "direction"))], (int, int)),
            key,
        ),
        "/v1/zones": (Cursors("zones", [*filters, None, None, None, None, "None"], (int, str)), (key[0], text)),
        "/v1/signals": (Cursors("signals", [[], {}], (int, int)), key),
        "/v1/performance": (Cursors("performance", [[], {}], (str,) * 4), (text,) * 4),
        "/v1/markets": (Cursors("markets", None, (str,)), (text,)),
    }
    accepted = 0
    for path, (cursors, position) in forged.items():
        parameters = base if path in ("/v1/candles", "/v1/structure", "/v1/zones") else {}
        reply = served.client.get(path, params={**parameters, "cursor": cursors.write(position)})
        sane(reply)
        accepted += reply.status_code == 200
    assert accepted >= 3, "the forgeries did not get past the check, so nothing was tested"


def test_cursors_of_every_kind_of_rubbish(served: Served) -> None:
    scope = blake2b(orjson.dumps(["markets", None]), digest_size=32).digest()
    for position in (b"", b"[", b"{}", b"[1]", b'["\\ud800"]', b"[[[[", b"null", b"[" * 100):
        check = blake2b(position, digest_size=8, key=scope).digest()
        cursor = base64.urlsafe_b64encode(check + position).decode().rstrip("=")
        reply = served.client.get("/v1/markets", params={"cursor": cursor})
        assert reply.status_code == 422, position


@pytest.mark.parametrize(
    "path",
    [
        "/v1/signals/%00",
        "/v1/signals/%ff%fe",
        "/v1/signals/..%2f..%2fetc",
        "/%c0%ae",
        "/v1/candles?%ff=%fe&market=%00",
        "/v1/signals/" + "a" * 4_000,
        "/problems/%F0%9F%92%A9",
        "/problems/" + "b" * 300,
        "//v1//markets",
        "/v1/markets?" + "a=b&" * 2_000,
    ],
)
def test_odd_paths(served: Served, path: str) -> None:
    sane(httpx.get(f"http://127.0.0.1:{served.port}{path}"))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", [b"{" * 100_000, b"\x00" * 10_000_000, b"NaN", b'{"a":' * 10_000], ids=len)
def test_bodies_nobody_asked_for(served: Served, method: str, body: bytes) -> None:
    try:
        reply = served.client.request(method, "/v1/signals", content=body, headers={"Content-Type": "application/json"})
    except httpx.TransportError:
        return  # the server need not read ten megabytes to say no
    sane(reply)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /v1/markets HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /v1/markets HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /v1/markets HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/markets HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x00" * 1_000,
        b"GET /v1/signals?since=\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
    ids=range(8),
)
def test_raw_bytes(served: Served, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := connection.recv(65_536):
                answer += piece
        except ConnectionError:
            pass
    assert not answer.startswith(b"HTTP/1.1 5"), answer
    assert served.client.get("/healthz").status_code == 200


def test_the_net_catches_a_fault(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Positive control: a planted fault is seen by the same check."""
    from api.connections import Stores

    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Stores, "one", fail)
    with pytest.raises(AssertionError):
        sane(served.client.get("/v1/signals"))
