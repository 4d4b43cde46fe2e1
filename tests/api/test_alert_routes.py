"""Rules and channels over HTTP: bounds, tenants, races, and bodies that hold what they should not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.stack import LocalStack
from tests.api.alert_servers import PushService
from tests.api.alert_stage import EVERYTHING, Guest
from tests.api.conftest import Served, serve
from tests.api.delivery_fixtures import MovingClock, make_webhook, rows
from tests.api.people import make_user
from tests.api.receivers import Receiver
from tests.api.world import ts

MAIL = [{"type": "email"}]
PRICE = {"kind": "price", "market": "binance:BTCUSDT", "timeframe": "15m", "level": 50_000}


class Here:
    """The API over the known world, and plans as the test sets them."""

    def __init__(self, served: Served, clock: MovingClock, rights: dict[str, Any]) -> None:
        self.served, self.client, self.settings, self.clock, self.rights = (
            served,
            served.client,
            served.settings,
            clock,
            rights,
        )

    def person(self, alerts: int = 10, **more: Any) -> Guest:
        made = make_user(self.settings, now=self.clock.now, **more)
        self.rights[made.user_id] = replace(EVERYTHING, alerts=alerts)
        return Guest(made.user_id, made.email, made.session_id, made.token, self)  # type: ignore[arg-type]

    def make(self, person: Guest, **changes: Any) -> dict[str, Any]:
        reply = self.client.post("/v1/alerts", json=body(**changes), headers=person.headers)
        assert reply.status_code == 201, reply.text
        return reply.json()

    def refused(self, person: Guest, **changes: Any) -> tuple[int, str]:
        reply = self.client.post("/v1/alerts", json=body(**changes), headers=person.headers)
        return reply.status_code, reply.json().get("detail", "")


def body(**changes: Any) -> dict[str, Any]:
    return {"name": "a rule", "condition": PRICE, "channels": MAIL, **changes}


@pytest.fixture(scope="module")
def here(world: LocalStack) -> Iterator[Here]:
    rights: dict[str, Any] = {}
    clock = MovingClock(ts(500))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("api.security.principal.of_plan", lambda row: rights.get(row["user_id"], EVERYTHING))
        patched.setattr("api.alerts.firing.entitlements_of", lambda _, user, __: rights.get(user or "", EVERYTHING))
        with serve(world.settings, clock=clock) as served:
            yield Here(served, clock, rights)


def test_a_rule_is_made_shown_changed_and_deleted(here: Here) -> None:
    anna = here.person()
    quiet = {"start": "22:00", "end": "07:00", "then": "hold"}
    made = here.make(anna, quiet_hours=quiet, cooldown_seconds=60, expires_at="2030-01-01")
    assert made["condition"] == {**PRICE, "level": 50_000.0, "crosses": "either"}
    assert (made["quiet_hours"], made["expires_at"]) == (quiet, "2030-01-01T00:00:00.000Z")
    path = f"/v1/alerts/{made['alert_id']}"
    assert here.client.get(path, headers=anna.headers).json() == made
    assert here.client.get("/v1/alerts", headers=anna.headers).json() == {"items": [made], "next_cursor": None}

    here.clock.move(minutes=1)
    renamed = here.client.patch(path, json={"name": "another", "quiet_hours": None}, headers=anna.headers).json()
    assert (renamed["name"], renamed["quiet_hours"], renamed["cooldown_seconds"]) == ("another", None, 60)
    assert renamed["active_since"] == made["active_since"], "a new name changes nothing of what counts"
    condition = {"kind": "signal", "minimum_score": 0.7}
    changed = here.client.patch(path, json={"condition": condition}, headers=anna.headers).json()
    assert changed["condition"]["kind"] == "signal"
    assert changed["active_since"] > made["active_since"]
    found = "SELECT kind, market, timeframe, level FROM serving.alert_subjects WHERE alert_id = :id"
    assert rows(here.settings, found, id=made["alert_id"]) == [
        {"kind": "signal", "market": "*", "timeframe": "*", "level": None}
    ]
    off = here.client.patch(path, json={"enabled": False}, headers=anna.headers).json()
    assert off["enabled"] is False
    assert rows(here.settings, found, id=made["alert_id"]) == []

    assert here.client.delete(path, headers=anna.headers).status_code == 204
    assert here.client.get(path, headers=anna.headers).status_code == 404
    assert here.client.delete(path, headers=anna.headers).status_code == 404


def test_another_tenants_rule_is_like_one_that_is_not_there(here: Here) -> None:
    anna, bert = here.person(), here.person()
    theirs, nobodys = here.make(anna)["alert_id"], str(uuid4())
    calls = [
        ("GET", "/v1/alerts/{}", None),
        ("PATCH", "/v1/alerts/{}", {"name": "mine now"}),
        ("PATCH", "/v1/alerts/{}", {"enabled": False}),
        ("DELETE", "/v1/alerts/{}", None),
        ("POST", "/v1/alerts/{}/test", None),
        ("GET", "/v1/alerts/{}/history", None),
        ("DELETE", "/v1/push-subscriptions/{}", None),
    ]
    with Receiver() as receiver:
        subscription = here.client.post(
            "/v1/push-subscriptions",
            json={**PushService(receiver).subscription(), "endpoint": "https://push.example.com/x"},
            headers=anna.headers,
        ).json()["subscription_id"]
    for method, path, content in calls:
        wanted = subscription if "push" in path else theirs
        answers = []
        for one in (wanted, nobodys):
            reply = here.client.request(method, path.format(one), json=content, headers=bert.headers)
            shown = reply.json()
            for name in ("request_id", "instance"):
                shown.pop(name)
            answers.append((reply.status_code, {key: str(value).replace(one, "ID") for key, value in shown.items()}))
        assert answers[0] == answers[1], path
        assert answers[0][0] == 404, path
    assert here.client.get(f"/v1/alerts/{theirs}", headers=anna.headers).json()["enabled"] is True
    assert len(here.client.get("/v1/push-subscriptions", headers=anna.headers).json()["items"]) == 1
    assert here.client.get("/v1/alerts", headers=bert.headers).json()["items"] == []


def test_another_tenants_webhook_cannot_be_a_channel(here: Here) -> None:
    anna, bert = here.person(), here.person()
    theirs = make_webhook(here.settings, anna.user_id, "https://bot.example.com/x")
    for webhook in (theirs, str(uuid4())):
        status, detail = here.refused(bert, channels=[{"type": "webhook", "webhook_id": webhook}])
        assert (status, detail.replace(webhook, "ID")) == (422, "channels: there is no webhook ID")
    assert here.make(anna, channels=[{"type": "webhook", "webhook_id": theirs}])


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": str(uuid4())},
        {"alert_id": str(uuid4())},
        {"within_plan": True},
        {"active_since": "2020-01-01"},
        {"name": ""},
        {"name": "two\nlines"},
        {"name": "x" * 101},
        {"channels": []},
        {"channels": [{"type": "email", "to": "somebody@else.example"}]},
        {"channels": [{"type": "sms"}]},
        {"channels": [{"type": "webhook"}]},
        {"condition": {**PRICE, "level": -1}},
        {"condition": {**PRICE, "level": "NaN"}},
        {"condition": {**PRICE, "kind": "magic"}},
        {"condition": {**PRICE, "market": "binance"}},
        {"condition": {**PRICE, "also": 1}},
        {"condition": {"kind": "zone", "markets": [], "timeframes": ["15m"]}},
        {"condition": {"kind": "structure", "markets": ["binance:BTCUSDT"]}},
        {"condition": {"kind": "signal", "minimum_score": 1.1}},
        {"condition": {"kind": "signal", "direction": 0}},
        {"condition": {"kind": "outcome", "outcomes": ["won"]}},
        {"cooldown_seconds": -1},
        {"cooldown_seconds": 604_801},
        {"expires_at": "2020-01-01"},
        {"expires_at": "soon"},
        {"quiet_hours": {"start": "22:00", "end": "22:00"}},
    ],
)
def test_a_body_that_holds_what_it_should_not_is_refused(here: Here, changes: dict[str, Any]) -> None:
    anna = here.person()
    status, detail = here.refused(anna, **changes)
    assert status == 422, detail
    assert here.client.get("/v1/alerts", headers=anna.headers).json()["items"] == []


def test_a_rule_needs_a_series_that_is_stored_and_a_way_to_tell(here: Here) -> None:
    anna = here.person(verified=False)
    assert here.refused(anna, condition={**PRICE, "market": "binance:NOSUCH"})[0] == 404
    assert here.refused(anna, condition={**PRICE, "timeframe": "1w"})[0] == 404
    for channel, why in (("email", "confirm"), ("telegram", "link a chat"), ("push", "subscribe a browser")):
        status, detail = here.refused(anna, channels=[{"type": channel}])
        assert status == 422
        assert why in detail


def test_a_plan_bounds_how_many_and_of_what(here: Here) -> None:
    anna = here.person(alerts=2)
    here.make(anna)
    here.make(anna)
    status, detail = here.refused(anna)
    assert (status, "allows 2 alerts" in detail) == (403, True)
    here.rights[anna.user_id] = replace(EVERYTHING, alerts=9, markets=("binance:ETHUSDT",), timeframes=("15m",))
    assert here.refused(anna)[0] == 403
    assert here.make(anna, condition={"kind": "signal"})["within_plan"] is True


def test_racing_requests_make_no_more_than_the_plan_allows(here: Here) -> None:
    anna = here.person(alerts=3)
    statuses = _at_once(here, anna, 12, lambda _: {})
    assert sorted(statuses) == [201] * 3 + [403] * 9
    assert len(here.client.get("/v1/alerts", headers=anna.headers).json()["items"]) == 3


def test_fifty_requests_with_one_key_make_one_rule_and_one_test(here: Here) -> None:
    anna = here.person()
    assert _at_once(here, anna, 50, lambda _: {"Idempotency-Key": "one-rule"}) == [201] * 50
    (made,) = here.client.get("/v1/alerts", headers=anna.headers).json()["items"]
    for _ in range(3):
        reply = here.client.post(
            f"/v1/alerts/{made['alert_id']}/test", headers={**anna.headers, "Idempotency-Key": "one-test"}
        )
        assert reply.status_code == 202
    assert len(here.client.get(f"/v1/alerts/{made['alert_id']}/history", headers=anna.headers).json()["items"]) == 1


def _at_once(here: Here, person: Guest, count: int, headers: Any) -> list[int]:
    statuses: list[int] = []
    gate = threading.Barrier(count)

    def ask(number: int) -> None:
        gate.wait()
        reply = here.client.post("/v1/alerts", json=body(), headers={**person.headers, **headers(number)})
        statuses.append(reply.status_code)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return statuses


def test_tests_are_bounded_and_the_history_goes_over_pages(here: Here) -> None:
    anna = here.person()
    path = f"/v1/alerts/{here.make(anna)['alert_id']}"
    statuses = [here.client.post(f"{path}/test", headers=anna.headers).status_code for _ in range(11)]
    assert statuses == [202] * 10 + [429]
    here.clock.move(hours=1, seconds=1)
    assert here.client.post(f"{path}/test", headers=anna.headers).status_code == 202
    found: list[int] = []
    cursor: str | None = None
    while True:
        query = {"limit": "4", **({} if cursor is None else {"cursor": cursor})}
        page = here.client.get(f"{path}/history", params=query, headers=anna.headers).json()
        found += [one["firing_id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(found) == 11
    assert found == sorted(found, reverse=True)
    assert here.client.get(f"{path}/history", params={"cursor": "abc"}, headers=anna.headers).status_code == 422


def test_an_instance_without_a_bot_says_so(here: Here) -> None:
    anna = here.person()
    shown = here.client.get("/v1/telegram", headers=anna.headers).json()
    assert shown == {"available": False, "linked": False, "name": None, "linked_at": None}
    refused = here.client.post("/v1/telegram/link", headers=anna.headers)
    assert (refused.status_code, "CAP_TELEGRAM_TOKEN" in refused.json()["detail"]) == (409, True)
    assert here.client.delete("/v1/telegram", headers=anna.headers).status_code == 404


def test_a_rule_that_is_switched_on_again_begins_anew(here: Here) -> None:
    anna = here.person()
    made = here.make(anna)
    path = f"/v1/alerts/{made['alert_id']}"
    here.clock.now += timedelta(minutes=2)
    same = here.client.patch(path, json={"enabled": True}, headers=anna.headers).json()
    assert same["active_since"] == made["active_since"], "it was on"
    here.client.patch(path, json={"enabled": False}, headers=anna.headers)
    again = here.client.patch(path, json={"enabled": True}, headers=anna.headers).json()
    assert again["active_since"] > made["active_since"]
