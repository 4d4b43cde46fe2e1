"""What is somebody else's takes as long as what nobody has: the same questions are put to the database for both."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from api.users import watchlists
from deploy.local.stack import LocalStack
from tests.api.conftest import Served, serve
from tests.api.people import Person, give_plan, make_user

ROUTES: dict[str, list[tuple[str, str, Any]]] = {
    "watchlists": [("GET", "", None), ("PATCH", "", {"name": "mine"}), ("DELETE", "", None)],
    "api-keys": [("GET", "", None), ("PATCH", "", {"name": "mine"}), ("DELETE", "", None), ("POST", "/rotate", {})],
    "webhooks": [
        ("GET", "", None),
        ("PATCH", "", {"enabled": False}),
        ("DELETE", "", None),
        ("POST", "/secret", None),
        ("POST", "/test", None),
        ("GET", "/deliveries", None),
    ],
    "alerts": [
        ("GET", "", None),
        ("PATCH", "", {"name": "mine"}),
        ("DELETE", "", None),
        ("POST", "/test", None),
        ("GET", "/history", None),
    ],
    "users/me/sessions": [("DELETE", "", None)],
}
MADE: dict[str, tuple[dict[str, Any], str]] = {
    "watchlists": ({"name": "a list", "markets": []}, "watchlist_id"),
    "api-keys": ({"name": "bot", "scopes": ["signals:read"]}, "key_id"),
    "webhooks": ({"url": "https://bot.example.com/hook"}, "webhook_id"),
    "alerts": (
        {
            "name": "a rule",
            "condition": {"kind": "price", "market": "binance:BTCUSDT", "timeframe": "15m", "level": 50_000},
            "channels": [{"type": "email"}],
        },
        "alert_id",
    ),
}


@pytest.fixture(scope="module")
def tenants(world: LocalStack) -> Iterator[Served]:
    with serve(world.settings) as running:
        yield running


@pytest.fixture(scope="module")
def owner(tenants: Served) -> Person:
    person = make_user(tenants.settings)
    give_plan(tenants.settings, person.user_id, "team")
    return person


@contextmanager
def asked() -> Iterator[list[str]]:
    """What is asked of the database meanwhile, by whatever connection."""
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(re.sub(r"\s+", " ", arguments[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def id_of(served: Served, owner: Person, kind: str) -> str:
    if kind == "users/me/sessions":
        return owner.session_id
    body, name = MADE[kind]
    reply = served.client.post(f"/v1/{kind}", json=body, headers=owner.headers)
    assert reply.status_code == 201, reply.text
    return reply.json()[name]


@pytest.mark.parametrize("kind", ROUTES)
def test_the_same_is_asked_for_somebody_else_s_as_for_nobody_s(tenants: Served, owner: Person, kind: str) -> None:
    theirs, nobodys = id_of(tenants, owner, kind), str(uuid.uuid4())
    stranger = make_user(tenants.settings)
    give_plan(tenants.settings, stranger.user_id, "team")
    for method, suffix, body in ROUTES[kind]:
        seen: list[list[str]] = []
        for one in (theirs, nobodys):
            with asked() as statements:
                reply = tenants.client.request(method, f"/v1/{kind}/{one}{suffix}", json=body, headers=stranger.headers)
            assert reply.status_code == 404, (method, suffix, reply.text)
            seen.append(statements)
        assert seen[0], "a route that asks nothing would tell nothing"
        assert seen[0] == seen[1], (method, suffix)


def test_a_second_look_at_what_was_found_would_be_seen(
    tenants: Served, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Positive control: a route that reads more of what somebody else has is caught."""
    from sqlalchemy import text

    read = watchlists.read

    def curious(session: Any, user_id: str, watchlist_id: str) -> Any:
        found = session.connection().execute(
            text("SELECT 1 FROM serving.watchlists WHERE watchlist_id = :id"), {"id": watchlist_id}
        )
        if found.one_or_none():
            session.connection().execute(text("SELECT 2"))
        return read(session, user_id, watchlist_id)

    monkeypatch.setattr(watchlists, "read", curious)
    with pytest.raises(AssertionError):
        test_the_same_is_asked_for_somebody_else_s_as_for_nobody_s(tenants, owner, "watchlists")
