"""The worker: at least once under one id, retries, dead letters, and nobody delayed by somebody else's receiver."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook as Receiving

from api.delivery import deliveries, pump
from api.delivery.webhook_channel import WebhookChannel
from api.security.vault import Vault
from deploy.local.stack import LocalStack
from stores import database
from stores.settings import Settings
from tests.api.delivery_fixtures import (
    LOOPBACK,
    MovingClock,
    make_webhook,
    nothing_in_hand,
    nothing_to_do,
    queue,
    rows,
    states,
    until,
    working,
)
from tests.api.people import make_user
from tests.api.receivers import Answer, Receiver, receivers
from tests.stack_fixtures import empty


@pytest.fixture(scope="module")
def stores(stack: LocalStack) -> Settings:
    empty(stack)
    database.migrate(stack.settings)
    return stack.settings.model_copy(update={"webhook_allow_private": LOOPBACK, "webhook_timeout_s": 5.0})


@pytest.fixture
def settings(stores: Settings) -> Settings:
    """Settings over a database in which nothing waits and nobody is."""
    rows(stores, "TRUNCATE serving.webhooks, serving.outbox, serving.delivery_destinations CASCADE")
    return stores


def _webhook(settings: Settings, url: str, **given: Any) -> str:
    """A webhook of somebody of his own: a free account may have one."""
    return make_webhook(settings, make_user(settings, now=given.get("now")).user_id, url, **given)


def test_every_message_arrives_once_and_is_done(settings: Settings) -> None:
    with Receiver() as receiver:
        webhook = _webhook(settings, receiver.url)
        with working(settings):
            sent = queue(settings, [webhook], range(40))
            until(lambda: states(settings) == {"done": 40})
        assert Counter(receiver.ids) == Counter(sent)
    kept = rows(settings, "SELECT payload, attempts FROM serving.outbox")
    assert {(str(row["payload"]), row["attempts"]) for row in kept} == {("{}", 1)}
    assert {row["state"] for row in rows(settings, "SELECT state FROM serving.webhook_deliveries")} == {"delivered"}


def test_a_notification_wakes_the_worker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "_POLL_S", 3_600.0)
    with Receiver() as receiver:
        webhook = _webhook(settings, receiver.url)
        with working(settings):
            for number in range(3):
                queue(settings, [webhook], range(number, number + 1))
                until(lambda number=number: len(receiver.received) > number)


def test_without_notifications_polling_finds_it(settings: Settings) -> None:
    with Receiver() as receiver:
        webhook = _webhook(settings, receiver.url)
        with working(settings):
            (delivery,) = queue(settings, [webhook], range(1))
            until(lambda: states(settings) == {"done": 1})
            # Written past the code that announces it.
            rows(
                settings,
                "INSERT INTO serving.outbox (topic, key, destination, payload, created_at, available_at, next_at) "
                "SELECT topic, 'again', destination, jsonb_build_object('delivery_id', key), created_at, created_at, "
                "created_at FROM serving.outbox",
            )
            until(lambda: receiver.ids == [delivery] * 2)


def test_workers_side_by_side_share_and_double_nothing(settings: Settings) -> None:
    with receivers(3) as running:
        webhooks = [_webhook(settings, one.url) for one in running]
        with working(settings), working(settings), working(settings):
            sent = queue(settings, webhooks, range(60))
            until(lambda: states(settings) == {"done": 180})
        assert Counter(mid for one in running for mid in one.ids) == Counter(sent)


def test_a_dead_and_a_slow_receiver_delay_nobody(settings: Settings) -> None:
    """By order: all others have everything before the slow one has answered anything."""
    with receivers(4) as running:
        slow, *others = running
        slow.answer = lambda _: None
        with Receiver() as closed:
            dead_url = closed.url
        # Those that stand in the way come first, and far more of them than a worker sends at once.
        blocked = [_webhook(settings, url) for url in (slow.url, dead_url)]
        queue(settings, blocked, range(300))
        fine = [_webhook(settings, one.url) for one in others]
        sent = queue(settings, fine, range(1_000, 1_040))
        with working(settings):
            until(lambda: sum(len(one.received) for one in others) == len(sent))
            assert len(slow.received) <= WebhookChannel.per_destination
            assert Counter(mid for one in others for mid in one.ids) == Counter(sent)
            slow.answer = lambda _: Answer()
            slow.let_go()
            until(lambda: len(set(slow.ids)) == 300)
    until(lambda: states(settings) == {"done": len(sent) + 300, "pending": 300})


def test_many_slow_receivers_leave_half_of_the_places_to_others(settings: Settings) -> None:
    with receivers(2) as (slow, fine):
        slow.answer = lambda _: Answer(503)
        places = WebhookChannel.total
        lame = [_webhook(settings, slow.url) for _ in range(places // 2)]
        clock = MovingClock()
        queue(settings, lame, range(1), clock.now)
        with working(settings, clock) as worker:
            # By now every one of them is known to fail; then they hang.
            worker.until(lambda: len(slow.received) == len(lame))
            until(lambda: not rows(settings, "SELECT 1 FROM serving.outbox WHERE claim IS NOT NULL"))
            slow.answer = lambda _: None
            before = len(slow.received)
            queue(settings, lame, range(1, 9), clock.now)
            worker.until(lambda: len(slow.received) - before >= places // 2)
            quick = _webhook(settings, fine.url, now=clock.now)
            sent = queue(settings, [quick], range(100, 140), clock.now)
            worker.until(lambda: Counter(fine.ids) == Counter(sent))
            assert len(slow.received) - before < places
            slow.let_go()


def test_retries_keep_the_id_and_sign_anew(settings: Settings) -> None:
    clock = MovingClock()
    with Receiver() as receiver:
        answers = iter([Answer(500), Answer(429, {"Retry-After": "600"}), Answer(200, body=b"thanks \x00\xff")])
        receiver.answer = lambda _: next(answers)
        webhook = _webhook(settings, receiver.url, now=clock.now)
        (delivery,) = queue(settings, [webhook], range(1), clock.now)
        with working(settings, clock) as worker:
            worker.until(lambda: len(receiver.received) == 1)
            until(lambda: nothing_in_hand(settings))
            clock.move(seconds=6)
            worker.until(lambda: len(receiver.received) == 2)
            until(lambda: nothing_in_hand(settings))
            # The receiver asked for ten minutes.
            clock.move(seconds=590)
            worker.nudge()
            assert rows(settings, "SELECT 1 FROM serving.outbox WHERE next_at <= :now", now=clock.now) == []
            clock.move(seconds=11)
            worker.until(lambda: states(settings) == {"done": 1})
        assert receiver.ids == [delivery] * 3
        assert len({one.headers["webhook-timestamp"] for one in receiver.received}) == 3
        assert len({one.body for one in receiver.received}) == 1
    log = rows(settings, "SELECT number, status, error, response FROM serving.webhook_attempts ORDER BY number")
    assert [(row["number"], row["status"], row["error"]) for row in log] == [
        (1, 500, "answered 500"),
        (2, 429, "answered 429"),
        (3, 200, None),
    ]
    assert log[2]["response"] == "thanks \ufffd\ufffd"


def test_the_signature_is_what_the_standard_library_of_receivers_expects(settings: Settings) -> None:
    with Receiver() as receiver:
        webhook = _webhook(settings, receiver.url)
        sealed = rows(settings, "SELECT secret FROM serving.webhooks WHERE webhook_id = :id", id=webhook)[0]["secret"]
        secret = Vault.of(settings).open(bytes(sealed), "webhook-secret").decode()
        assert secret.encode() not in bytes(sealed)
        queue(settings, [webhook], range(1))
        with working(settings):
            until(lambda: receiver.received)
        one = receiver.received[0]
        assert Receiving(secret).verify(one.body.decode(), one.headers)["data"] == {"number": 0}
        with pytest.raises(Exception, match="signature"):
            Receiving(secret).verify(one.body.decode() + " ", one.headers)
        with pytest.raises(Exception, match="signature"):
            Receiving("whsec_" + "A" * 44).verify(one.body.decode(), one.headers)


def test_what_does_not_get_through_in_a_day_is_a_dead_letter_and_can_be_sent_again(settings: Settings) -> None:
    clock = MovingClock()
    with Receiver() as receiver:
        receiver.answer = lambda _: Answer(500)
        person = make_user(settings, now=clock.now)
        webhook = make_webhook(settings, person.user_id, receiver.url, now=clock.now)
        (delivery,) = queue(settings, [webhook], range(1), clock.now)
        began = clock.now
        with working(settings, clock) as worker:
            while clock.now < began + timedelta(hours=23, minutes=59):
                worker.until(lambda: nothing_to_do(settings, clock))
                assert states(settings) == {"pending": 1}
                clock.move(minutes=20)
            assert 5 < len(receiver.received) < 60
            worker.until(lambda: nothing_to_do(settings, clock))
            clock.move(hours=4)
            worker.until(lambda: states(settings) == {"dead": 1})
            log = rows(settings, "SELECT state, attempts FROM serving.webhook_deliveries")[0]
            assert (log["state"], log["attempts"]) == ("dead", len(receiver.received))

            receiver.answer = lambda _: Answer()
            engine = database.engine(settings, pool_size=1)
            clock.move(hours=2)
            with database.session(engine) as session:
                deliveries.redeliver(session, person.user_id, webhook, delivery, clock.now)
            engine.dispose()
            worker.until(lambda: states(settings) == {"dead": 1, "done": 1})
        assert set(receiver.ids) == {delivery}
    assert rows(settings, "SELECT state FROM serving.webhook_deliveries")[0]["state"] == "delivered"


def test_a_receiver_that_is_away_is_left_alone_and_found_again(settings: Settings) -> None:
    clock = MovingClock()
    with Receiver() as receiver:
        receiver.answer = lambda _: Answer(503)
        webhook = _webhook(settings, receiver.url, now=clock.now)
        sent = queue(settings, [webhook], range(200), clock.now)
        with working(settings, clock) as worker:
            worker.until(
                lambda: rows(
                    settings, "SELECT 1 FROM serving.delivery_destinations WHERE closed_until > :now", now=clock.now
                )
            )
            until(lambda: nothing_in_hand(settings))
            asked = len(receiver.received)
            assert asked <= 3 * WebhookChannel.per_destination
            for _ in range(6):
                # However long it is away, one message at a time finds out.
                clock.move(minutes=10)
                worker.until(lambda: nothing_to_do(settings, clock))
            assert len(receiver.received) <= asked + 6
            receiver.answer = lambda _: Answer()
            clock.move(hours=1)
            worker.until(lambda: states(settings) == {"done": 200})
        assert set(receiver.ids) == set(sent)
    assert rows(settings, "SELECT 1 FROM serving.delivery_destinations") == []


def test_a_webhook_that_fails_for_days_is_turned_off_and_its_owner_told(settings: Settings) -> None:
    clock = MovingClock()
    with Receiver() as receiver:
        receiver.answer = lambda _: Answer(500)
        person = make_user(settings, now=clock.now)
        webhook = make_webhook(settings, person.user_id, receiver.url, now=clock.now)
        with working(settings, clock) as worker:
            for day in range(7):
                queue(settings, [webhook], range(day, day + 1), clock.now)
                asked = len(receiver.received)
                worker.until(lambda asked=asked: len(receiver.received) > asked or not _enabled(settings, webhook))
                until(lambda: nothing_in_hand(settings))
                worker.until(lambda: nothing_to_do(settings, clock))
                clock.move(hours=25)
            worker.until(lambda: states(settings)["pending"] == 1)
    row = rows(settings, "SELECT enabled, disabled_reason FROM serving.webhooks")[0]
    assert (row["enabled"], row["disabled_reason"]) == (False, "it failed for 5 days")
    mails = rows(settings, "SELECT payload FROM serving.outbox WHERE topic = 'mail'")
    assert [(one["payload"]["to"], one["payload"]["template"]) for one in mails] == [(person.email, "webhook_disabled")]


def _enabled(settings: Settings, webhook: str) -> bool:
    return rows(settings, "SELECT enabled FROM serving.webhooks WHERE webhook_id = :id", id=webhook)[0]["enabled"]


def test_gone_means_gone(settings: Settings) -> None:
    with Receiver() as receiver:
        receiver.answer = lambda _: Answer(410)
        webhook = _webhook(settings, receiver.url)
        queue(settings, [webhook], range(1))
        with working(settings):
            until(lambda: states(settings)["dead"] == 1)
            assert not _enabled(settings, webhook)
            queue(settings, [webhook], range(1, 3))
            until(lambda: states(settings)["dead"] == 3)
        assert len(receiver.received) == 1
