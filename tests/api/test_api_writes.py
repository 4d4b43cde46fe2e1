"""Writes that come twice, at once or altered; the audit log and its chain; sealed values; tokens of other makers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import Session

from api import audit
from api.outbox import Topic, enqueue
from api.security.vault import BadSeal, MissingSecretKey, Vault
from deploy.local.stack import LocalStack
from stores import database
from tests.api.conftest import Served, serve
from tests.api.people import make_user
from tests.api.things import NOW, things


@pytest.fixture(scope="module")
def writing(world: LocalStack) -> Iterator[Served]:
    """The API with a route that makes something."""
    with serve(world.settings, [things()]) as running:
        yield running


def _count(served: Served, table: str, where: str) -> int:
    engine = database.engine(served.settings, pool_size=1)
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT count(*) FROM serving.{table} WHERE {where}")).scalar_one()
    engine.dispose()
    return found


def _post(served: Served, headers: dict[str, str], key: str | None = None, **more: Any) -> httpx.Response:
    sent = headers if key is None else {**headers, "Idempotency-Key": key}
    return served.client.post("/v1/things", headers=sent, **more)


def test_fifty_at_once_with_one_key_make_one_thing(writing: Served) -> None:
    person = make_user(writing.settings)
    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(lambda _: _post(writing, person.headers, "one"), range(50)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.content for reply in replies}) == 1
    assert len({reply.headers["location"] for reply in replies}) == 1
    assert sum("idempotent-replayed" not in reply.headers for reply in replies) == 1
    assert _count(writing, "audit_log", f"actor_id = '{person.user_id}'") == 1


def test_without_a_key_each_makes_one(writing: Served) -> None:
    person = make_user(writing.settings)
    replies = [_post(writing, person.headers) for _ in range(3)]
    assert len({reply.json()["thing"] for reply in replies}) == 3


def test_a_key_is_for_one_request_of_one_person(writing: Served) -> None:
    person, other = make_user(writing.settings), make_user(writing.settings)
    first = _post(writing, person.headers, "mine")
    conflict = _post(writing, person.headers, "mine", json={"another": "body"})
    assert conflict.status_code == 422
    assert conflict.json()["type"] == "/problems/idempotency-conflict"
    assert "secret" not in conflict.text
    assert _post(writing, other.headers, "mine").json()["thing"] != first.json()["thing"]
    for bad in ("", "a b", "x" * 256):
        assert _post(writing, person.headers, bad).status_code == 422


def test_a_failed_write_leaves_nothing_and_may_be_tried_again(writing: Served) -> None:
    person = make_user(writing.settings)
    assert _post(writing, person.headers, "again", params={"fail": "true"}).status_code == 500
    assert _count(writing, "audit_log", f"actor_id = '{person.user_id}'") == 0
    assert _count(writing, "idempotency_keys", f"owner = '{person.user_id}'") == 0
    assert _post(writing, person.headers, "again").status_code == 201


def test_kept_answers_are_sealed(writing: Served) -> None:
    person = make_user(writing.settings)
    _post(writing, person.headers, "sealed")
    assert _count(writing, "idempotency_keys", f"owner = '{person.user_id}'") == 1
    assert _count(writing, "idempotency_keys", "position('shown once'::bytea in answer) > 0") == 0


def test_the_audit_chain_holds_and_shows_what_was_altered(writing: Served) -> None:
    person = make_user(writing.settings)
    for _ in range(3):
        _post(writing, person.headers)
    engine = database.engine(writing.settings, pool_size=1)
    with database.session(engine) as session:
        assert audit.broken_at(session) is None
        last = session.connection().execute(text("SELECT max(sequence) FROM serving.audit_log")).scalar_one()
    for statement in ("UPDATE serving.audit_log SET action = 'nothing'", "DELETE FROM serving.audit_log"):
        with pytest.raises(Exception, match="never changed"), engine.begin() as connection:
            connection.execute(text(statement))
    for change in (
        "UPDATE serving.audit_log SET target = 'thing:other' WHERE sequence = :n",
        "DELETE FROM serving.audit_log WHERE sequence = :n",
    ):
        with Session(engine) as session:
            connection = session.connection()
            connection.execute(text("ALTER TABLE serving.audit_log DISABLE TRIGGER audit_log_append_only"))
            connection.execute(text(change), {"n": last - 1})
            assert audit.broken_at(session) == last - 1
            session.rollback()
    engine.dispose()


def test_what_is_enqueued_twice_is_one_row(writing: Served) -> None:
    engine = database.engine(writing.settings, pool_size=1)
    with database.session(engine) as session:
        assert enqueue(session, Topic.MAIL, {}, key="twice", now=NOW)
        assert not enqueue(session, Topic.MAIL, {}, key="twice", now=NOW)
        assert enqueue(session, Topic.WEBHOOK, {}, key="twice", now=NOW, available_at=NOW + timedelta(hours=1))
    engine.dispose()


def test_a_seal_opens_only_with_its_key_and_for_its_purpose() -> None:
    vault, other = Vault("a" * 32), Vault("b" * 32)
    sealed = vault.seal(b"value", "one")
    assert vault.open(sealed, "one") == b"value"
    assert vault.seal(b"value", "one") != sealed
    for wrong, bytes_, purpose in (
        (other, sealed, "one"),
        (vault, sealed, "two"),
        (vault, sealed[:-1], "one"),
        (vault, b"", "one"),
    ):
        with pytest.raises(BadSeal):
            wrong.open(bytes_, purpose)
    with pytest.raises(MissingSecretKey, match="at least 32"):
        Vault("short")
