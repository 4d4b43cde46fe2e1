"""API keys: shown once, found by what is presented, ended in every way a key can end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from api.entitlements import FREE
from api.security import api_keys, principal
from api.security.principal import Scope
from deploy.local.stack import LocalStack
from tests.api.conftest import Served, serve
from tests.api.people import Person, make_user

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Hands:
    """A clock whose hands the test moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def keyed(world: LocalStack, hands: Hands, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(principal, "of_plan", lambda _: replace(FREE, api_keys=3))
    with serve(world.settings, clock=hands) as running:
        yield running


@pytest.fixture
def person(keyed: Served) -> Person:
    return make_user(keyed.settings, now=START)


def make(served: Served, person: Person, **settings: Any) -> dict[str, Any]:
    body = {"name": "bot", "scopes": [Scope.SIGNALS_READ.value], **settings}
    reply = served.client.post("/v1/api-keys", json=body, headers=person.headers)
    assert reply.status_code == 201, reply.text
    return reply.json()


def renewed(served: Served, person: Person, now: datetime) -> Person:
    """The same person with a token of this moment."""
    token = served.app.state.context.tokens.issue(person.user_id, person.session_id, now)
    return replace(person, token=token)


def opens(served: Served, key: str, path: str = "/v1/signals") -> int:
    return served.client.get(path, headers={"Authorization": f"Bearer {key}"}).status_code


def test_a_key_is_shown_once_and_opens_what_it_may(keyed: Served, person: Person) -> None:
    made = make(keyed, person)
    assert made["key"].startswith(made["prefix"] + "_")
    assert opens(keyed, made["key"]) == 200
    assert keyed.client.get("/v1/signals", headers={"X-API-Key": made["key"]}).status_code == 200
    assert opens(keyed, made["key"], "/v1/markets") == 403
    assert opens(keyed, made["key"], "/v1/api-keys") == 403
    listed = keyed.client.get("/v1/api-keys", headers=person.headers)
    assert made["key"] not in listed.text
    (shown,) = listed.json()["items"]
    assert {name: shown[name] for name in ("status", "scopes", "last_used_address")} == {
        "status": "good",
        "scopes": ["signals:read"],
        "last_used_address": "127.0.0.1",
    }
    assert shown["last_used_at"] == "2026-03-01T12:00:00.000Z"
    with psycopg.connect(keyed.settings.require("postgres_url")) as connection:
        everything = connection.execute("SELECT k::text FROM serving.api_keys AS k").fetchall()
        everything += connection.execute("SELECT a::text FROM serving.audit_log AS a").fetchall()
    secret = made["key"].split("_")[2]
    assert not any(secret in row[0] for row in everything)


def test_every_altered_key_is_refused(keyed: Served, person: Person) -> None:
    key = make(keyed, person)["key"]
    other = api_keys.make().text
    prefix, secret = key.split("_")[1:3]
    body = f"cap_{prefix}_{other.split('_')[2]}"
    altered = {
        "mistyped": key[:-1] + ("A" if key[-1] != "A" else "B"),
        "of nobody": other,
        "the right prefix with another secret": f"{body}_{api_keys._checksum(body)}",
        "cut": key[:-7],
        "the prefix alone": f"cap_{prefix}",
        "in capitals": key.upper().replace("CAP_", "cap_", 1),
        "doubled": key + key,
        "with a line end": f"cap_{prefix}_{secret}_%0a",
    }
    assert {name: opens(keyed, one) for name, one in altered.items()} == dict.fromkeys(altered, 401)
    assert opens(keyed, key) == 200


def test_a_key_ends_when_it_should(keyed: Served, person: Person, hands: Hands) -> None:
    ends = START + timedelta(hours=1)
    limited, revoked = make(keyed, person, expires_at=ends.isoformat()), make(keyed, person)
    hands.now = ends - timedelta(milliseconds=1)
    assert [opens(keyed, one["key"]) for one in (limited, revoked)] == [200, 200]
    person = renewed(keyed, person, hands.now)
    assert keyed.client.delete(f"/v1/api-keys/{revoked['key_id']}", headers=person.headers).status_code == 204
    hands.now = ends
    assert [opens(keyed, one["key"]) for one in (limited, revoked)] == [401, 401]
    listed = keyed.client.get("/v1/api-keys", headers=person.headers).json()["items"]
    assert {one["key_id"]: one["status"] for one in listed} == {
        limited["key_id"]: "ended",
        revoked["key_id"]: "revoked",
    }
    past = {"name": "x", "scopes": ["signals:read"], "expires_at": START.isoformat()}
    assert keyed.client.post("/v1/api-keys", json=past, headers=person.headers).status_code == 422


def test_rotation_overlaps(keyed: Served, person: Person, hands: Hands) -> None:
    old = make(keyed, person, allowed_networks=["127.0.0.0/8"])
    path = f"/v1/api-keys/{old['key_id']}/rotate"
    new = keyed.client.post(path, json={"overlap_hours": 2}, headers=person.headers).json()
    assert (new["scopes"], new["allowed_networks"]) == (old["scopes"], old["allowed_networks"])
    assert [opens(keyed, one["key"]) for one in (old, new)] == [200, 200]
    assert keyed.client.post(path, json={}, headers=person.headers).status_code == 409
    # Or a chain of rotations would make more good keys than the plan allows.
    onwards = f"/v1/api-keys/{new['key_id']}/rotate"
    early = keyed.client.post(onwards, json={}, headers=person.headers)
    assert (early.status_code, old["key_id"] in early.text) == (409, True)
    hands.now = START + timedelta(hours=2)
    assert [opens(keyed, one["key"]) for one in (old, new)] == [401, 200]
    person = renewed(keyed, person, hands.now)
    assert keyed.client.post(onwards, json={}, headers=person.headers).status_code == 201


def test_the_last_use_is_noted_once_a_minute_and_nobody_waits_for_it(
    keyed: Served, person: Person, hands: Hands
) -> None:
    made = make(keyed, person)
    path = f"/v1/api-keys/{made['key_id']}"

    def last_use() -> str:
        reply = keyed.client.get(path, headers=person.headers)
        assert made["key"] not in reply.text
        return reply.json()["last_used_at"]

    assert opens(keyed, made["key"]) == 200
    hands.now = START + timedelta(seconds=59)
    assert opens(keyed, made["key"]) == 200
    assert last_use() == "2026-03-01T12:00:00.000Z"
    hands.now = START + timedelta(seconds=60)
    with psycopg.connect(keyed.settings.require("postgres_url")) as elsewhere:
        elsewhere.execute("SELECT 1 FROM serving.api_keys WHERE key_id = %s FOR UPDATE", (made["key_id"],))
        assert opens(keyed, made["key"]) == 200
        assert last_use() == "2026-03-01T12:00:00.000Z"
    assert opens(keyed, made["key"]) == 200
    assert last_use() == "2026-03-01T12:01:00.000Z"


def test_a_key_is_bound_to_its_networks(keyed: Served, person: Person) -> None:
    elsewhere = make(keyed, person, allowed_networks=["203.0.113.7", "2001:db8::/32"])
    assert opens(keyed, elsewhere["key"]) == 401
    forged = {"Authorization": f"Bearer {elsewhere['key']}", "X-Forwarded-For": "203.0.113.7"}
    assert keyed.client.get("/v1/signals", headers=forged).status_code == 401
    path = f"/v1/api-keys/{elsewhere['key_id']}"
    changed = keyed.client.patch(path, json={"allowed_networks": ["127.0.0.1/32"]}, headers=person.headers)
    assert changed.json()["allowed_networks"] == ["127.0.0.1/32"]
    assert changed.json()["name"] == "bot"
    assert opens(keyed, elsewhere["key"]) == 200
    bad = keyed.client.patch(path, json={"allowed_networks": ["300.1.1.1"]}, headers=person.headers)
    assert bad.status_code == 422


def test_a_locked_owner_s_keys_open_nothing(keyed: Served, person: Person) -> None:
    key = make(keyed, person)["key"]
    with psycopg.connect(keyed.settings.require("postgres_url")) as connection:
        connection.execute("UPDATE serving.users SET status = 'locked' WHERE user_id = %s", (person.user_id,))
    assert opens(keyed, key) == 401


def test_the_plan_s_number_of_keys_holds_against_a_race(keyed: Served, person: Person) -> None:
    body = {"name": "bot", "scopes": ["signals:read"]}
    with ThreadPoolExecutor(12) as pool:
        replies = list(
            pool.map(lambda _: keyed.client.post("/v1/api-keys", json=body, headers=person.headers), range(12))
        )
    assert sorted(reply.status_code for reply in replies) == [201] * 3 + [403] * 9
    refused = next(reply for reply in replies if reply.status_code == 403)
    assert refused.json()["type"] == "/problems/plan-limit"
    first = next(reply.json() for reply in replies if reply.status_code == 201)
    keyed.client.delete(f"/v1/api-keys/{first['key_id']}", headers=person.headers)
    make(keyed, person)


def test_somebody_else_s_key_is_as_one_that_is_not_there(keyed: Served, person: Person) -> None:
    key, stranger = make(keyed, person), make_user(keyed.settings, now=START)
    for method, suffix, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/rotate", {}),
    ):
        answers = [
            keyed.client.request(method, f"/v1/api-keys/{key_id}{suffix}", json=body, headers=stranger.headers)
            for key_id in (key["key_id"], "00000000-0000-4000-8000-000000000000")
        ]
        assert [reply.status_code for reply in answers] == [404, 404]
        bodies = [
            {name: value for name, value in reply.json().items() if name not in ("request_id", "instance", "detail")}
            for reply in answers
        ]
        assert bodies[0] == bodies[1]
    assert opens(keyed, key["key"]) == 200


def test_the_same_request_again_shows_the_same_key(keyed: Served, person: Person) -> None:
    body = {"name": "bot", "scopes": ["signals:read"]}
    headers = {**person.headers, "Idempotency-Key": "one"}
    first, second = (keyed.client.post("/v1/api-keys", json=body, headers=headers) for _ in range(2))
    assert first.json()["key"] == second.json()["key"]
    assert len(keyed.client.get("/v1/api-keys", headers=person.headers).json()["items"]) == 1


def test_what_does_not_belong_in_a_body_is_refused(keyed: Served, person: Person) -> None:
    for more in ({"user_id": "other"}, {"role": "admin"}, {"scopes": ["admin"]}, {"scopes": []}, {"name": ""}):
        body = {"name": "bot", "scopes": ["signals:read"], **more}
        assert keyed.client.post("/v1/api-keys", json=body, headers=person.headers).status_code == 422
