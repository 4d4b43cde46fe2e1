"""The worker: at least once under one id, nobody delayed by somebody else's receiver, dead letters, drain and kill."""

from __future__ import annotations

from collections import Counter

import pytest

from deploy.local.stack import LocalStack
from stores import database
from stores.settings import Settings
from tests.api.delivery_fixtures import (
    LOOPBACK,
    make_webhook,
    queue,
    rows,
    until,
    working,
)
from tests.api.people import make_user
from tests.api.receivers import Receiver
from tests.stack_fixtures import empty


@pytest.fixture(scope="module")
def stores(stack: LocalStack) -> Settings:
    empty(stack)
    database.migrate(stack.settings)
    return stack.settings.model_copy(update={"webhook_allow_private": LOOPBACK, "webhook_timeout_s": 5.0})


@pytest.fixture
def settings(stores: Settings) -> Settings:
    """Settings over a database in which nothing waits and nobody is."""
    rows(stores, "TRUNCATE serving.users, serving.outbox, serving.delivery_destinations CASCADE")
    return stores


@pytest.fixture
def user(settings: Settings) -> str:
    return make_user(settings).user_id


def _pending(settings: Settings) -> int:
    return rows(settings, "SELECT count(*) AS n FROM serving.outbox WHERE state = 'pending'")[0]["n"]


def test_every_message_arrives_once_and_is_done(settings: Settings, user: str) -> None:
    with Receiver() as receiver:
        webhook = make_webhook(settings, user, receiver.url)
        with working(settings):
            sent = queue(settings, [webhook], range(40))
            until(lambda: _pending(settings) == 0)
        assert Counter(receiver.ids) == Counter(sent)
    kept = rows(settings, "SELECT state, payload, attempts FROM serving.outbox")
    assert {(row["state"], str(row["payload"]), row["attempts"]) for row in kept} == {("done", "{}", 1)}
    assert {row["state"] for row in rows(settings, "SELECT state FROM serving.webhook_deliveries")} == {"delivered"}
