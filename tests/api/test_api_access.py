"""Every route x every kind of caller, from the OpenAPI description, so that a new route fails until it is classified."""

from __future__ import annotations

import uuid
from functools import lru_cache
from typing import Any

import httpx
import pytest

from api.main import create_app
from api.security.access import UncheckedRoute, check_declared
from api.security.principal import Role, Scope
from stores import database
from stores.settings import Settings
from tests.api.access_table import EXPECTED, TABLE, THROUGH, Caller, Rule
from tests.api.conftest import Served
from tests.api.people import Person, make_key, make_user
from tests.stack_fixtures import bare_settings

METHODS = ("get", "post", "put", "patch", "delete")


def _operations() -> dict[str, tuple[str, str]]:
    paths: dict[str, Any] = create_app(bare_settings()).openapi()["paths"]
    return {
        item[method]["operationId"]: (method.upper(), path)
        for path, item in paths.items()
        for method in METHODS
        if method in item
    }


OPERATIONS = _operations()


def test_every_operation_is_in_the_table_and_nothing_else() -> None:
    assert sorted(OPERATIONS) == sorted(TABLE)


@lru_cache(maxsize=64)
def _reader_of(url: str, caller: Caller, scope: Scope | None) -> tuple[tuple[str, str], ...]:
    return tuple(_headers(_SETTINGS[url], caller, scope).items())


_SETTINGS: dict[str, Settings] = {}


def _reader(settings: Settings, caller: Caller, scope: Scope | None) -> dict[str, str]:
    """Somebody who only reads changes nothing for the next who asks: made once."""
    url = settings.require("postgres_url")
    _SETTINGS[url] = settings
    return dict(_reader_of(url, caller, scope))


def _headers(settings: Settings, caller: Caller, scope: Scope | None) -> dict[str, str]:
    match caller:
        case Caller.KEY_WITH_SCOPE:
            return make_key(settings, make_user(settings), [scope] if scope is not None else list(Scope))
        case Caller.KEY_WITHOUT_SCOPE:
            return make_key(settings, make_user(settings), [one for one in Scope if one is not scope])
        case Caller.ADMIN_KEY:
            return make_key(settings, make_user(settings, role=Role.ADMIN, second_factor=True), list(Scope))
        case Caller.ANONYMOUS:
            return {}
        case Caller.GARBAGE:
            return {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
        case Caller.ADMIN:
            return make_user(settings, role=Role.ADMIN, second_factor=True).headers
        case Caller.REVOKED:
            person = make_user(settings)
            _update(
                settings, person, "UPDATE serving.sessions SET revoked_at = now() WHERE session_id = '{0.session_id}'"
            )
            return person.headers
        case Caller.IMPERSONATED:
            person, administrator = make_user(settings), make_user(settings, role=Role.ADMIN)
            statement = (
                "UPDATE serving.sessions SET impersonator_id = '{1.user_id}' WHERE session_id = '{0.session_id}'"
            )
            _update(settings, person, statement, administrator)
            return person.headers
        case _:
            return make_user(settings).headers


def _update(settings: Settings, person: Person, statement: str, other: Person | None = None) -> None:
    engine = database.engine(settings, pool_size=1)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement.format(person, other))
    engine.dispose()


def _call(client: httpx.Client, method: str, path: str, headers: dict[str, str]) -> int:
    filled = path
    while "{" in filled:
        before, _, rest = filled.partition("{")
        filled = before + str(uuid.uuid4()) + rest.partition("}")[2]
    body = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
    with client.stream(method, filled, headers=headers, **body) as reply:
        if reply.status_code == 403 and b"/problems/not-in-plan" in reply.read():
            # Let through by the rule of the route, and refused for what his plan holds.
            return THROUGH
        return reply.status_code


def _expected(rule: Rule, scope: Scope | None, caller: Caller, method: str) -> int:
    if caller is Caller.KEY_WITHOUT_SCOPE and scope is None and rule is Rule.PUBLIC:
        return THROUGH
    if caller is Caller.IMPERSONATED and method == "GET" and rule in (Rule.SIGNED_IN, Rule.INTERACTIVE):
        return THROUGH
    return EXPECTED[rule][caller]


@pytest.mark.parametrize("caller", list(Caller))
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_each_caller_gets_what_the_table_says(served: Served, operation: str, caller: Caller) -> None:
    method, path = OPERATIONS[operation]
    rule, scope = TABLE[operation]
    expected = _expected(rule, scope, caller, method)
    headers = _reader(served.settings, caller, scope) if method == "GET" else _headers(served.settings, caller, scope)
    status = _call(served.client, method, path, headers)
    assert status < 500
    if expected == THROUGH and rule is not Rule.UNCHECKED:
        assert status not in (401, 403)
    elif expected != THROUGH:
        assert status == expected


def test_a_route_that_says_nothing_is_not_served() -> None:
    from fastapi import APIRouter

    router = APIRouter()

    @router.get("/open")
    def nothing() -> None: ...

    with pytest.raises(UncheckedRoute, match="/open"):
        check_declared(router)
