"""The Python client against the real API, and against a server that fails."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from api.client import ApiError, Client, NoAnswer
from tests.api.conftest import Served
from tests.api.people import make_user
from tests.api.world import NUMBERS, SIGNALS, ts

BTC = {"market": "binance:BTCUSDT", "timeframe": "15m"}


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{served.port}") as made:
        yield made


def test_lists_are_typed_and_go_over_all_pages(client: Client) -> None:
    found = list(client.every(client.list_signals, limit=2))
    assert sorted(str(signal.signal_id) for signal in found) == sorted(row["signal_id"] for row in SIGNALS)
    assert found[0].known_at >= found[-1].known_at
    detail = client.get_signal(str(found[0].signal_id))
    assert detail.entry == found[0].entry
    assert client.get_health().status == "ok"
    assert client.get_metrics().startswith(b"# HELP")


def test_frames_hold_all_rows(client: Client) -> None:
    frame = client.frame("candles", **BTC)
    assert frame["ts"].to_list() == [ts(number) for number in NUMBERS]
    assert client.frame("candles", **BTC, start=ts(5), end="2030-01-01").height == len(NUMBERS) - 5
    assert client.frame("zones", **BTC).height > 0


def test_a_problem_is_an_error_that_says_what_is_wrong(client: Client) -> None:
    with pytest.raises(ApiError, match="binance:NONE is not known") as caught:
        client.list_candles(market="binance:NONE", timeframe="15m")
    assert (caught.value.status, caught.value.kind) == (404, "unknown-market")
    assert caught.value.request_id
    with pytest.raises(ApiError) as caught:
        client.list_candles(market="binance:BTCUSDT", timeframe="15m", limit=0)
    assert [one.field for one in caught.value.errors] == ["limit"]


def test_credentials_are_sent(served: Served) -> None:
    person = make_user(served.settings)
    with Client(f"http://127.0.0.1:{served.port}", person.token) as client:
        assert client.list_markets().items
    with Client(f"http://127.0.0.1:{served.port}", "not-a-token") as client, pytest.raises(ApiError) as caught:
        client.list_markets()
    assert caught.value.status == 401


@contextmanager
def _scripted(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that gives these answers, one a connection; an empty one breaks the connection off."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    seen.append(connection.recv(65_536))
                    connection.sendall(answer)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1], seen
        thread.join(timeout=10)


def _answer(status: str, body: bytes = b'{"status":"ok"}', *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 " + status.encode(), b"Content-Length: %d" % len(body), b"Connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def test_busy_and_broken_servers_are_asked_again() -> None:
    waits: list[float] = []
    busy = _answer("429 Too Many Requests", b"{}", b"Retry-After: 7")
    with (
        _scripted(b"", busy, _answer("200 OK")) as (port, seen),
        Client(f"http://127.0.0.1:{port}", wait=waits.append) as client,
    ):
        assert client.get_health().status == "ok"
    assert len(seen) == 3
    assert waits[1] == 7.0
    assert 0 <= waits[0] <= 0.4


def test_a_write_that_is_tried_again_keeps_its_key() -> None:
    with _scripted(b"", _answer("503 Service Unavailable", b"{}"), _answer("200 OK", b"{}")) as (port, seen):
        client = Client(f"http://127.0.0.1:{port}", wait=lambda _: None)
        client._transport.send("POST", "/v1/things", body={"a": 1})
        client.close()
    keys = {line for request in seen for line in request.split(b"\r\n") if line.lower().startswith(b"idempotency-key")}
    assert len(seen) == 3
    assert len(keys) == 1


def test_what_is_refused_is_not_tried_again_and_silence_is_told() -> None:
    with _scripted(_answer("404 Not Found", b"not json")) as (port, seen):
        with Client(f"http://127.0.0.1:{port}", wait=lambda _: None) as client, pytest.raises(ApiError, match="404"):
            client.get_health()
        assert len(seen) == 1
    with (
        _scripted(b"", b"") as (port, _),
        Client(f"http://127.0.0.1:{port}", tries=2, wait=lambda _: None) as client,
        pytest.raises(NoAnswer, match="2 tries"),
    ):
        client.get_health()


def test_the_client_fits_the_api() -> None:
    """Made anew it would be the same; otherwise run ``make client``."""
    from deploy.openapi.client import write_client

    stale = [path.name for path, text in write_client().items() if path.read_text() != text]
    assert not stale
