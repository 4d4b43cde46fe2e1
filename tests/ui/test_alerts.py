"""Alerts in a browser: made of every kind, changed, and received by mail, webhook and push."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.api.alert_servers import PushService, push_service
from tests.api.people import Person, give_plan, make_user
from tests.api.processes import until
from tests.api.receivers import Receiver
from tests.api.streaming import fresh, publish
from tests.ui.conftest import Dashboard, violations
from tests.ui.test_installed_app import controlled
from tests.ui.test_subscriber_pages import enter

PUSH_SERVICE = """
(() => {
  const subscribed = () => {
    const key = localStorage.getItem("test.push");
    if (key === null) return null;
    const held = SUBSCRIPTION;
    return {
      endpoint: held.endpoint,
      options: { applicationServerKey: Uint8Array.from(JSON.parse(key)).buffer },
      toJSON: () => held,
      unsubscribe: async () => (localStorage.removeItem("test.push"), true),
    };
  };
  PushManager.prototype.getSubscription = async () => subscribed();
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    localStorage.setItem("test.push", JSON.stringify([...new Uint8Array(applicationServerKey)]));
    return subscribed();
  };
})();
"""
"""The browser's own push service cannot be reached from a test: one of ours stands in its place."""


@pytest.fixture
def subscriber(page: Page, dashboard: Dashboard) -> Person:
    """Somebody with a plan, signed in in the page."""
    person = make_user(dashboard.served.settings)
    give_plan(dashboard.served.settings, person.user_id, "pro")
    enter(page, dashboard, person)
    return person


def conditions(dashboard: Dashboard, person: Person) -> list[dict[str, Any]]:
    """Alerts of somebody, as the API has them."""
    return dashboard.served.client.get("/v1/alerts", headers=person.headers).json()["items"]


def test_an_alert_on_a_price_is_made_changed_and_deleted(page: Page, dashboard: Dashboard, subscriber: Person) -> None:
    page.goto("/alerts/")
    page.get_by_role("button", name="Make an alert").click()
    page.get_by_label("When").select_option("A price is crossed")
    page.get_by_label("Market").select_option("BTCUSDT")
    page.get_by_label("Timeframe").select_option("15m")
    page.get_by_role("combobox", name="Price").select_option("rises above")
    page.get_by_label("Level").fill("50000")
    expect(page.get_by_role("checkbox", name="Telegram")).to_be_disabled()
    expect(page.get_by_role("checkbox", name="Push")).to_be_disabled()
    assert violations(page) == []
    page.get_by_role("button", name="Make it").click()
    card = page.get_by_role("article", name="BTCUSDT rises above")
    expect(card.get_by_role("paragraph").first).to_have_text("BTCUSDT rises above 50,000.00 at the close of a 15m bar")
    card.get_by_role("button", name="Send a test").click()
    expect(card.get_by_text("email: sent")).to_be_visible()
    assert subscriber.email in dashboard.mails.recipients
    card.get_by_role("button", name="Change").click()
    page.get_by_label("Level").fill("60000")
    page.get_by_label("Name").fill("sixty")
    page.get_by_text("How often and how long").click()
    page.get_by_label("After it fired").fill("30")
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_label("until", exact=True).fill("07:00")
    assert violations(page) == []
    page.get_by_role("button", name="Change it").click()
    card = page.get_by_role("article", name="sixty")
    expect(card).to_contain_text("rises above 60,000.00")
    (made,) = conditions(dashboard, subscriber)
    assert made["condition"] == {
        "kind": "price",
        "market": "binance:BTCUSDT",
        "timeframe": "15m",
        "level": 60_000,
        "crosses": "above",
    }
    assert made["cooldown_seconds"] == 1_800
    assert made["quiet_hours"] == {"start": "22:00", "end": "07:00", "then": "hold"}
    card.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No alert yet")).to_be_visible()


@pytest.mark.parametrize(
    ("kind", "choices", "made"),
    [
        ("A zone is touched", {"Zone": "Order block", "Side": "Demand", "Scale": "Swing"}, "an untouched order block"),
        ("Structure breaks", {"Break": "CHoCH", "Direction": "Down"}, "CHOCH downwards in BTCUSDT on 15m"),
        ("A signal reaches", {"Side": "Short"}, "A short signal ends in BTCUSDT on 15m"),
    ],
)
def test_every_kind_can_be_made(
    page: Page, dashboard: Dashboard, subscriber: Person, kind: str, choices: dict[str, str], made: str
) -> None:
    page.goto("/alerts/?new=signal")
    when = page.get_by_label("When")
    when.select_option(when.locator("option").filter(has_text=kind).inner_text())
    dialog = page.get_by_role("dialog")
    if kind != "A signal reaches":
        # Zones and breaks are waited for on series that are named.
        page.get_by_role("button", name="Make it").click()
        expect(dialog.get_by_role("alert").first).to_be_visible()
    dialog.get_by_role("checkbox", name="BTCUSDT").check()
    dialog.get_by_role("checkbox", name="15m").check()
    for label, choice in choices.items():
        dialog.get_by_label(label, exact=True).select_option(choice)
    assert violations(page) == []
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("article")).to_contain_text(made)
    (alert,) = conditions(dashboard, subscriber)
    assert (alert["condition"]["markets"], alert["condition"]["timeframes"]) == (["binance:BTCUSDT"], ["15m"])


def test_a_signal_is_told_by_mail_and_by_a_webhook_that_is_mine(
    page: Page, dashboard: Dashboard, subscriber: Person
) -> None:
    name = f"told-{subscriber.user_id[:8]}"
    with Receiver() as receiver:
        page.goto("/webhooks/")
        page.get_by_role("button", name="Add a webhook").click()
        page.get_by_label("Address").fill(receiver.url)
        page.get_by_label("Note").fill("my bot")
        page.get_by_role("button", name="Add it").click()
        page.get_by_role("button", name="It is kept").click()
        page.get_by_role("link", name="Alerts").first.click()
        page.get_by_role("button", name="Make an alert").click()
        page.get_by_role("checkbox", name="Webhook my bot").check()
        page.get_by_label("Name").fill("anything new")
        page.get_by_role("button", name="Make it").click()
        card = page.get_by_role("article", name="anything new")
        card.get_by_role("button", name="History").click()
        expect(card.get_by_text("It has not fired yet")).to_be_visible()
        publish(dashboard.served.settings, fresh(1, name, datetime.now(UTC)))
        expect(card.get_by_text("email: sent")).to_be_visible()
        expect(card.get_by_text("webhook my bot: ")).to_be_visible()
        told = [json.loads(one.body) for one in receiver.received]
    assert [one["data"]["event"]["strategy"] for one in told if one["type"] == "alert.triggered"] == [name]
    mails = [
        mail
        for recipient, mail in zip(dashboard.mails.recipients, dashboard.mails.mails, strict=True)
        if recipient == subscriber.email
    ]
    assert len(mails) == 1


@contextmanager
def pushed(page: Page, dashboard: Dashboard, person: Person) -> Iterator[PushService]:
    """A browser that may notify, with a push service that can be reached."""
    with push_service() as service:
        held = service.subscription(person.user_id)
        page.context.grant_permissions(["notifications"])
        page.add_init_script(PUSH_SERVICE.replace("SUBSCRIPTION", json.dumps(held)))
        client = dashboard.served.client
        service.trusted = client.get("/v1/push/key", headers=person.headers).json()["public_key"]
        yield service


def test_a_browser_is_pushed_to_until_it_is_forgotten(page: Page, dashboard: Dashboard, subscriber: Person) -> None:
    with pushed(page, dashboard, subscriber) as service:
        page.goto("/alerts/")
        controlled(page)
        push = page.get_by_role("region", name="Push")
        expect(push).to_contain_text("told nothing yet")
        push.get_by_role("button", name="Push to this browser").click()
        expect(push.get_by_text("This one")).to_be_visible()
        page.reload()
        expect(push).to_contain_text("also while the dashboard is closed")
        assert violations(page) == []
        page.get_by_role("button", name="Make an alert").click()
        page.get_by_label("Name").fill("by push")
        page.get_by_role("checkbox", name="Mail").uncheck()
        page.get_by_role("checkbox", name="Push").check()
        page.get_by_role("button", name="Make it").click()
        card = page.get_by_role("article", name="by push")
        card.get_by_role("button", name="Send a test").click()
        expect(card.get_by_text("push: sent")).to_be_visible()
        (alert,) = conditions(dashboard, subscriber)
        message = service.messages[-1]
        assert message["alert_id"] == alert["alert_id"]
        page.goto("/performance/")
        arrives(page, message)
        page.wait_for_url(f"**/alerts/?alert={alert['alert_id']}")
        expect(card.get_by_text("push: sent")).to_be_visible()
        push.get_by_role("button", name="Forget it").click()
        expect(push).to_contain_text("told nothing yet")
        assert page.evaluate("localStorage.getItem('test.push')") is None
        expect(push.get_by_role("button", name="Push to this browser")).to_be_visible()


def test_a_browser_that_the_account_has_forgotten_can_be_pushed_to_again(
    page: Page, dashboard: Dashboard, subscriber: Person
) -> None:
    client = dashboard.served.client
    with pushed(page, dashboard, subscriber):
        page.goto("/alerts/")
        controlled(page)
        push = page.get_by_role("region", name="Push")
        push.get_by_role("button", name="Push to this browser").click()
        expect(push.get_by_text("This one")).to_be_visible()
        (known,) = client.get("/v1/push-subscriptions", headers=subscriber.headers).json()["items"]
        path = f"/v1/push-subscriptions/{known['subscription_id']}"
        assert client.delete(path, headers=subscriber.headers).status_code == 204
        page.reload()
        expect(push).to_contain_text("told nothing yet")
        push.get_by_role("button", name="Push to this browser").click()
        expect(push.get_by_text("This one")).to_be_visible()


def arrives(page: Page, message: dict[str, Any]) -> None:
    """What a push service was given arrives in the worker, is shown, and is pressed."""
    controlled(page)
    session = page.context.new_cdp_session(page)
    registrations: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(one["registrationId"] for one in event["registrations"]),
    )
    session.send("ServiceWorker.enable")
    until(lambda: bool(registrations) or bool(page.evaluate("0")))
    origin = page.evaluate("location.origin")
    session.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": registrations[-1], "data": json.dumps(message)},
    )
    shown = "navigator.serviceWorker.ready.then(at => at.getNotifications()).then(all => all.map(one => one.title))"
    until(lambda: page.evaluate(shown) == [message["title"]])
    (worker,) = page.context.service_workers
    worker.evaluate(
        """async () => {
          const [notification] = await self.registration.getNotifications();
          self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
        }"""
    )


def test_an_alert_begins_at_the_price_of_the_chart(page: Page, dashboard: Dashboard, subscriber: Person) -> None:
    page.goto("/market/?market=binance:BTCUSDT&timeframe=15m")
    expect(page.get_by_role("button", name="Replay")).to_be_enabled()
    page.get_by_role("button", name="Make an alert at this price").click()
    dialog = page.get_by_role("dialog", name="Make an alert")
    expect(dialog.get_by_label("When")).to_have_value("price")
    expect(dialog.get_by_label("Market")).to_have_value("binance:BTCUSDT")
    expect(dialog.get_by_label("Timeframe")).to_have_value("15m")
    last = dashboard.served.client.get("/v1/latest", params={"timeframe": "15m", "market": "binance:BTCUSDT"}).json()
    expect(dialog.get_by_label("Level")).to_have_value(f"{last['items'][0]['close']:.2f}".rstrip("0").rstrip("."))
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    # What the market page has read is of use to the other pages too.
    page.get_by_role("link", name="Backtests").first.click()
    expect(page.get_by_role("heading", name="Backtests")).to_be_visible()
