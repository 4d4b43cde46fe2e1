"""The webhook routes: secrets shown once, nobody else's, as many as the plan allows, a log, and sending again by hand."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook as Receiving

from deploy.local.stack import LocalStack
from tests.api.conftest import Served, serve
from tests.api.delivery_fixtures import LOOPBACK, MovingClock, queue, rows, working
from tests.api.people import Person, make_user
from tests.api.receivers import Answer, Receiver

URL = "https://bot.example.com/hooks"


@pytest.fixture(scope="module")
def clock() -> MovingClock:
    return MovingClock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture(scope="module")
def api(world: LocalStack, clock: MovingClock) -> Iterator[Served]:
    settings = world.settings.model_copy(update={"webhook_allow_private": LOOPBACK})
    with serve(settings, clock=clock) as running:
        yield running


@pytest.fixture
def person(api: Served, clock: MovingClock) -> Person:
    rows(api.settings, "TRUNCATE serving.webhooks, serving.outbox, serving.delivery_destinations CASCADE")
    return make_user(api.settings, now=clock.now)


def _make(api: Served, person: Person, url: str = URL, **given: Any) -> dict[str, Any]:
    reply = api.client.post("/v1/webhooks", json={"url": url, **given}, headers=person.headers)
    assert reply.status_code == 201, reply.text
    return reply.json()


def test_a_webhook_from_making_to_deleting(api: Served, person: Person) -> None:
    reply = api.client.post("/v1/webhooks", json={"url": URL, "markets": ["sim:A", "sim:A"]}, headers=person.headers)
    assert reply.status_code == 201
    made = reply.json()
    path = reply.headers["location"]
    assert path == f"/v1/webhooks/{made['webhook_id']}"
    assert made["secret"].startswith("whsec_")
    assert (made["events"], made["markets"], made["enabled"]) == (["signal.published"], ["sim:A"], True)

    shown = api.client.get(path, headers=person.headers)
    assert shown.json() == {name: value for name, value in made.items() if name != "secret"}
    assert api.client.get("/v1/webhooks", headers=person.headers).json()["items"] == [shown.json()]
    kept = rows(api.settings, "SELECT secret FROM serving.webhooks")[0]["secret"]
    assert made["secret"].encode() not in bytes(kept)

    changes = {"description": "my bot", "markets": None, "direction": -1, "enabled": False}
    changed = api.client.patch(path, json=changes, headers=person.headers).json()
    assert {name: changed[name] for name in changes} == changes
    assert changed["url"] == URL
    assert api.client.delete(path, headers=person.headers).status_code == 204
    for reply in (api.client.get(path, headers=person.headers), api.client.delete(path, headers=person.headers)):
        assert reply.status_code == 404


@pytest.mark.parametrize(
    "given",
    [
        *({"url": ""}, {"url": "http://bot.example.com/"}, {"url": "https://10.0.0.1/"}, {"url": "https://[::1]/"}),
        *(
            {"url": "https://169.254.169.254/latest"},
            {"url": "https://2130706433/"},
            {"url": "https://a@b.example.com"},
        ),
        *({"url": "https://bot.example.com:22/"}, {"url": "https://bot.example.com/\r\nHost: x"}, {}),
        *({"url": URL, "events": []}, {"url": URL, "events": ["test"]}, {"url": URL, "markets": ["BTC"]}),
        *({"url": URL, "direction": 0}, {"url": URL, "description": "a\x00b"}, {"url": URL, "timeframes": ["7m"]}),
        # Nobody sets these himself.
        *({"url": URL, "user_id": str(uuid.uuid4())}, {"url": URL, "secret": "whsec_AAAA"}),
        *({"url": URL, "failing_since": None}, {"url": URL, "disabled_reason": "x"}),
    ],
)
def test_what_cannot_be_is_refused(world: LocalStack, served: Served, given: dict[str, Any]) -> None:
    del world
    person = make_user(served.settings)
    reply = served.client.post("/v1/webhooks", json=given, headers=person.headers)
    assert reply.status_code == 422, reply.text
    assert served.client.get("/v1/webhooks", headers=person.headers).json()["items"] == []


def test_somebody_elses_is_as_if_it_were_not(api: Served, person: Person, clock: MovingClock) -> None:
    hook = _make(api, person)["webhook_id"]
    (delivery,) = queue(api.settings, [hook], range(1), clock.now)
    other = make_user(api.settings, now=clock.now)
    missing = str(uuid.uuid4())
    own = _make(api, other)["webhook_id"]
    calls = [
        ("GET", "/v1/webhooks/{hook}"),
        ("PATCH", "/v1/webhooks/{hook}"),
        ("DELETE", "/v1/webhooks/{hook}"),
        ("POST", "/v1/webhooks/{hook}/secret"),
        ("POST", "/v1/webhooks/{hook}/test"),
        ("GET", "/v1/webhooks/{hook}/deliveries"),
        ("GET", "/v1/webhooks/{hook}/deliveries/" + delivery),
        ("POST", "/v1/webhooks/{hook}/deliveries/" + delivery + "/redeliver"),
    ]
    for method, path in calls:
        body = {"enabled": False} if method == "PATCH" else None
        answers = [
            api.client.request(method, path.format(hook=one), json=body, headers=other.headers)
            for one in (hook, missing)
        ]
        assert [reply.status_code for reply in answers] == [404, 404], (method, path)
        foreign, absent = (
            {**reply.json(), "request_id": "", "instance": "", "detail": reply.json()["detail"].replace(one, "ID")}
            for reply, one in zip(answers, (hook, missing), strict=True)
        )
        assert foreign == absent
    # Nor under a webhook of one's own.
    for method, rest in (("GET", ""), ("POST", "/redeliver")):
        path = f"/v1/webhooks/{own}/deliveries/{delivery}{rest}"
        assert api.client.request(method, path, headers=other.headers).status_code == 404
    assert api.client.get(f"/v1/webhooks/{hook}", headers=person.headers).json()["enabled"] is True


def test_fifty_at_once_under_one_key_make_one(api: Served, person: Person) -> None:
    headers = {**person.headers, "Idempotency-Key": "one"}

    def post(_: int) -> Any:
        return api.client.post("/v1/webhooks", json={"url": URL}, headers=headers)

    with ThreadPoolExecutor(25) as pool:
        replies = list(pool.map(post, range(50)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.text for reply in replies}) == 1
    assert len(rows(api.settings, "SELECT 1 FROM serving.webhooks")) == 1


def test_the_plan_limits_how_many_even_if_they_come_at_once(api: Served, person: Person) -> None:
    def post(number: int) -> Any:
        return api.client.post("/v1/webhooks", json={"url": f"{URL}/{number}"}, headers=person.headers)

    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(post, range(10)))
    assert sorted(reply.status_code for reply in replies) == [201] + [403] * 9
    refused = next(reply for reply in replies if reply.status_code == 403).json()
    assert refused["type"] == "/problems/plan-limit"
    assert "allows 1 webhooks" in refused["detail"]


def test_a_test_is_sent_and_logged_and_its_key_counts(api: Served, person: Person, clock: MovingClock) -> None:
    with Receiver() as receiver, working(api.settings, clock) as worker:
        made = _make(api, person, receiver.url, events=["signal.outcome"])
        path = f"/v1/webhooks/{made['webhook_id']}"
        keyed = {**person.headers, "Idempotency-Key": "test-1"}
        replies = [api.client.post(f"{path}/test", headers=keyed) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [202] * 3
        delivery = replies[0].json()["delivery_id"]
        worker.until(lambda: _delivery(api, person, path, delivery)["state"] == "delivered")
        assert receiver.ids == [delivery]
        one = receiver.received[0]
        assert Receiving(made["secret"]).verify(one.body.decode(), one.headers)["type"] == "test"
        logged = _delivery(api, person, path, delivery)
        (attempt,) = logged["attempts"]
        assert (attempt["number"], attempt["status"], attempt["response"]) == (1, 200, "ok")
        assert logged["body"] == one.body.decode()


def _delivery(api: Served, person: Person, path: str, delivery: str) -> dict[str, Any]:
    reply = api.client.get(f"{path}/deliveries/{delivery}", headers=person.headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_new_secret_signs_beside_the_one_before_for_a_day(api: Served, person: Person, clock: MovingClock) -> None:
    with Receiver() as receiver, working(api.settings, clock) as worker:
        made = _make(api, person, receiver.url)
        path = f"/v1/webhooks/{made['webhook_id']}"
        rotated = api.client.post(f"{path}/secret", headers=person.headers).json()
        assert rotated["secret"] != made["secret"]
        for after, both in ((timedelta(0), True), (timedelta(hours=23, minutes=59), True), (timedelta(days=1), False)):
            start, asked = clock.now, len(receiver.received)
            clock.now = start + after
            api.client.post(f"{path}/test", headers=_signed_in(api, person, clock))
            worker.until(lambda asked=asked: len(receiver.received) > asked)
            one = receiver.received[-1]
            signatures = one.headers["webhook-signature"].split()
            assert len(signatures) == (2 if both else 1)
            _verify(rotated["secret"], one, clock)
            if both:
                _verify(made["secret"], one, clock)
            else:
                with pytest.raises(Exception, match="signature"):
                    _verify(made["secret"], one, clock)
            clock.now = start


def _signed_in(api: Served, person: Person, clock: MovingClock) -> dict[str, str]:
    from api.security.tokens import AccessTokens
    from api.security.vault import Vault

    token = AccessTokens(Vault.of(api.settings)).issue(person.user_id, person.session_id, clock.now)
    return {"Authorization": f"Bearer {token}"}


def _verify(secret: str, one: Any, clock: MovingClock) -> None:
    """Check as the library does, by the test's clock."""
    checker = Receiving(secret)
    # It asks the machine for the time, which is not the test's.
    checker._Webhook__verify_timestamp = lambda _: clock.now  # type: ignore[attr-defined]
    checker.verify(one.body.decode(), one.headers)


def test_sending_again_by_hand(api: Served, person: Person, clock: MovingClock) -> None:
    with Receiver() as receiver, working(api.settings, clock) as worker:
        receiver.answer = lambda _: Answer(404, body=b"no such hook " + b"x" * 5_000)
        made = _make(api, person, receiver.url)
        path = f"/v1/webhooks/{made['webhook_id']}"
        delivery = api.client.post(f"{path}/test", headers=person.headers).json()["delivery_id"]
        worker.until(lambda: _delivery(api, person, path, delivery)["attempts"])
        first = _delivery(api, person, path, delivery)
        assert (first["state"], first["attempts"][0]["error"]) == ("pending", "answered 404")
        assert len(first["attempts"][0]["response"]) == 1_000
        again = f"{path}/deliveries/{delivery}/redeliver"
        assert api.client.post(again, headers=person.headers).status_code == 409

        receiver.answer = lambda _: Answer()
        clock.move(minutes=5)
        worker.until(lambda: _delivery(api, person, path, delivery)["state"] == "delivered")
        keyed = {**person.headers, "Idempotency-Key": "again"}
        for _ in range(2):
            assert api.client.post(again, headers=keyed).status_code == 202
        worker.until(lambda: len(receiver.received) == 3)
        worker.until(lambda: _delivery(api, person, path, delivery)["state"] == "delivered")
        assert set(receiver.ids) == {delivery}
        assert _delivery(api, person, path, delivery)["redeliveries"] == 1
        assert [one["number"] for one in _delivery(api, person, path, delivery)["attempts"]] == [1, 2, 3]

        api.client.patch(path, json={"enabled": False}, headers=person.headers)
        for refused in (again, f"{path}/test"):
            assert api.client.post(refused, headers=person.headers).status_code == 409


def test_a_test_by_hand_does_not_wait_for_a_receiver_that_was_left_alone(
    api: Served, person: Person, clock: MovingClock
) -> None:
    with Receiver() as receiver, working(api.settings, clock) as worker:
        made = _make(api, person, receiver.url)
        rows(
            api.settings,
            "INSERT INTO serving.delivery_destinations VALUES ('webhook', :id, 9, :at)",
            id=made["webhook_id"],
            at=clock.now + timedelta(hours=1),
        )
        api.client.post(f"/v1/webhooks/{made['webhook_id']}/test", headers=_signed_in(api, person, clock))
        worker.until(lambda: receiver.received)


def test_the_log_comes_in_pages(api: Served, person: Person, clock: MovingClock) -> None:
    made = _make(api, person)
    sent = queue(api.settings, [made["webhook_id"]], range(7), clock.now)
    path = f"/v1/webhooks/{made['webhook_id']}/deliveries"
    found: list[str] = []
    cursor = None
    for expected in (3, 3, 1):
        parameters = {"limit": 3, "state": "pending", **({"cursor": cursor} if cursor else {})}
        page = api.client.get(path, params=parameters, headers=person.headers).json()
        assert len(page["items"]) == expected
        found += [one["delivery_id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert sorted(found) == sorted(sent)
    assert api.client.get(path, params={"state": "dead"}, headers=person.headers).json()["items"] == []
    wrong = api.client.get(path, params={"cursor": "AAAA"}, headers=person.headers)
    assert wrong.json()["type"] == "/problems/invalid-cursor"
