"""Rubbish in bodies: every operation that takes one, asked by an administrator so that nothing stops it early."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from api.main import create_app
from api.security.principal import Role
from tests.api.conftest import Served
from tests.api.people import make_user
from tests.api.test_api_rubbish import sane
from tests.stack_fixtures import bare_settings

DESCRIPTION: dict[str, Any] = create_app(bare_settings()).openapi()
WRITES = sorted(
    (method.upper(), path)
    for path, item in DESCRIPTION["paths"].items()
    for method in ("post", "put", "patch", "delete")
    if method in item
)
WITH_BODIES = [(method, path) for method, path in WRITES if "requestBody" in DESCRIPTION["paths"][path][method.lower()]]
RAW = {
    "nothing": b"",
    "not JSON": b"\x00\xff\xfe{",
    "half an object": b'{"name": ',
    "deep": b"[" * 50_000,
    "deep objects": b'{"a":' * 10_000,
    "not a number": b'{"limit": NaN, "level": Infinity}',
    "a list": b"[]",
    "null": b"null",
    "a huge number": b'{"level": 1e999, "limit": ' + b"9" * 400 + b"}",
    "lone surrogates": b'{"name": "\\ud800", "email": "\\udfff@example.com"}',
    "zero bytes": b'{"name": "\\u0000", "email": "a\\u0000@example.com"}',
    "ten megabytes": b'{"name": "' + b"a" * 10_000_000 + b'"}',
}


def _url(served: Served, path: str) -> str:
    filled = path
    while "{" in filled:
        before, _, rest = filled.partition("{")
        filled = f"{before}00000000-0000-4000-8000-000000000000{rest.partition('}')[2]}"
    return f"http://127.0.0.1:{served.port}{filled}"


@pytest.mark.parametrize(("method", "path"), WITH_BODIES, ids=lambda value: value)
def test_raw_bodies(served: Served, method: str, path: str) -> None:
    headers = make_user(served.settings, role=Role.ADMIN, second_factor=True).headers
    for name, body in RAW.items():
        for kind in ("application/json", "text/plain"):
            try:
                reply = httpx.request(
                    method, _url(served, path), content=body, headers={**headers, "Content-Type": kind}, timeout=60
                )
            except httpx.TransportError:
                # The server need not read ten megabytes to say no.
                assert name == "ten megabytes"
                continue
            sane(reply)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("method", "path"), WRITES, ids=lambda value: value)
def test_bodies_by_the_description_and_against_it(served: Served, method: str, path: str, mode: GenerationMode) -> None:
    headers = make_user(served.settings, role=Role.ADMIN, second_factor=True).headers
    operation = schemathesis.openapi.from_dict(DESCRIPTION)[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.path_parameters):
        return  # there is nothing to be wrong in

    @settings(max_examples=12, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        made = case.as_transport_kwargs(base_url=f"http://127.0.0.1:{served.port}", headers=headers)
        made.pop("cookies", None)
        try:
            reply = httpx.Client(timeout=60).send(_request(made))
        except (httpx.LocalProtocolError, UnicodeEncodeError):
            return  # a header that no client can put on the wire
        sane(reply)

    ask()


def _request(made: dict[str, Any]) -> httpx.Request:
    content = made.get("data")
    body = (
        {"json": made["json"]} if "json" in made else {"content": content} if isinstance(content, (bytes, str)) else {}
    )
    return httpx.Request(
        made["method"], made["url"], params=made.get("params"), headers=dict(made.get("headers") or {}), **body
    )
