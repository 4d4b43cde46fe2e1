"""Where a request comes from: proxies are believed only if they are ours, and only what they wrote themselves."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.requests import HTTPConnection

from api.security.addresses import client_address, subscriber
from stores.settings import Settings
from tests.stack_fixtures import bare_settings


@dataclasses.dataclass
class _State:
    context: Any


def _address(peer: str | None, *forwarded: str, trusted: tuple[str, ...] = ()) -> str:
    context = SimpleNamespace(settings=bare_settings(trusted_proxies=trusted))
    scope = {
        "type": "http",
        "client": None if peer is None else (peer, 1),
        "headers": [(b"x-forwarded-for", line.encode()) for line in forwarded],
        "app": SimpleNamespace(state=_State(context)),
    }
    return client_address(HTTPConnection(scope))


def test_what_a_stranger_forwards_is_not_believed() -> None:
    assert _address("203.0.113.9", "198.51.100.1") == "203.0.113.9"
    assert _address("203.0.113.9", "198.51.100.1", trusted=("10.0.0.0/8",)) == "203.0.113.9"


def test_a_proxy_of_ours_is_believed_for_what_it_wrote() -> None:
    ours = ("10.0.0.0/8", "fd00::/8")
    assert _address("10.0.0.1", "198.51.100.1", trusted=ours) == "198.51.100.1"
    assert _address("10.0.0.1", "1.1.1.1, 198.51.100.1", trusted=ours) == "198.51.100.1"
    assert _address("10.0.0.1", "1.1.1.1", "198.51.100.1, 10.0.0.7", trusted=ours) == "198.51.100.1"
    assert _address("fd00::1", "2001:db8::5", trusted=ours) == "2001:db8::5"


@pytest.mark.parametrize("written", ["", "unknown", "1.1.1.1, <script>", ", ,"])
def test_what_is_no_address_leaves_the_nearest_known_hop(written: str) -> None:
    assert _address("10.0.0.1", written, trusted=("10.0.0.0/8",)) == "10.0.0.1"


def test_one_machine_is_one_address() -> None:
    assert _address("::ffff:203.0.113.9") == "203.0.113.9"
    assert _address("::ffff:10.0.0.1", "198.51.100.1", trusted=("10.0.0.0/8",)) == "198.51.100.1"
    assert _address(None) == ""
    assert subscriber("2001:db8:1:2:3::4") == subscriber("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert subscriber("203.0.113.9") == "203.0.113.9"


def test_a_network_that_is_none_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAP_TRUSTED_PROXIES", "10.0.0.0/8, proxy")
    with pytest.raises(ValidationError, match="proxy"):
        Settings()
    monkeypatch.setenv("CAP_TRUSTED_PROXIES", "10.0.0.0/8,192.0.2.1")
    assert Settings().trusted_proxies == ("10.0.0.0/8", "192.0.2.1")
