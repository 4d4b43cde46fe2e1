"""What a subscriber sets up: keys, webhooks, alerts and a plan, in a browser, and that each of them works."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, expect

from api.security.csrf import csrf_token
from api.security.vault import Vault
from tests.api.people import Person, give_plan, make_user
from tests.api.receivers import Receiver
from tests.ui.conftest import Dashboard, violations

PAGES = (
    "/market/",
    "/signals/",
    "/performance/",
    "/backtests/",
    "/alerts/",
    "/alerts/?new=zone",
    "/webhooks/",
    "/api-keys/",
    "/billing/",
    "/account/",
    "/security/",
    "/confirm-email-change/",
)


def enter(page: Page, dashboard: Dashboard, person: Person) -> None:
    """Give the browser the cookies that a sign-in would."""
    csrf = csrf_token(Vault.of(dashboard.served.settings), person.session_id)
    cookies = {"cap_access": person.token, "cap_csrf": csrf}
    page.context.add_cookies([{"name": name, "value": value, "url": dashboard.url} for name, value in cookies.items()])


@pytest.fixture
def subscriber(page: Page, dashboard: Dashboard) -> Person:
    """Somebody with a plan, signed in in the page."""
    person = make_user(dashboard.served.settings)
    give_plan(dashboard.served.settings, person.user_id, "pro")
    enter(page, dashboard, person)
    return person


def test_a_key_is_made_shown_once_works_and_is_revoked(page: Page, dashboard: Dashboard, subscriber: Person) -> None:
    page.goto("/api-keys/")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Name").fill("the bot")
    page.get_by_label("Read candles").check()
    assert violations(page) == []
    page.get_by_role("button", name="Make it").click()
    key = page.get_by_role("status").locator("code").inner_text()
    answer = httpx.get(f"{dashboard.url}/v1/signals", headers={"X-API-Key": key})
    assert answer.status_code == 200
    page.get_by_role("button", name="It is kept").click()
    assert key not in page.content()
    row = page.get_by_role("row").filter(has_text="the bot")
    expect(row).to_contain_text("market:read")
    row.get_by_role("button", name="Revoke").click()
    expect(row.get_by_text("Revoked")).to_be_visible()
    assert httpx.get(f"{dashboard.url}/v1/signals", headers={"X-API-Key": key}).status_code == 401


def test_a_webhook_that_cannot_be_reached_is_refused_with_the_reason(page: Page, subscriber: Person) -> None:
    page.goto("/webhooks/")
    page.get_by_role("button", name="Add a webhook").click()
    page.get_by_label("Address").fill("https://10.0.0.1/hook")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    assert violations(page) == []


def test_a_webhook_gets_a_signed_test_message(page: Page, dashboard: Dashboard, subscriber: Person) -> None:
    with Receiver() as receiver:
        page.goto("/webhooks/")
        page.get_by_role("button", name="Add a webhook").click()
        page.get_by_label("Address").fill(receiver.url)
        page.get_by_label("Note").fill("mine")
        page.get_by_role("button", name="Add it").click()
        secret = page.get_by_role("status").locator("code").inner_text()
        assert secret.startswith("whsec_")
        page.get_by_role("button", name="It is kept").click()
        card = page.get_by_role("article", name=receiver.url)
        card.get_by_role("button", name="Send a test").click()
        expect(card.get_by_text("Delivered")).to_be_visible()
    assert violations(page) == []


def test_a_trial_begins_counts_at_once_and_can_be_ended(page: Page, dashboard: Dashboard) -> None:
    person = make_user(dashboard.served.settings)
    enter(page, dashboard, person)
    page.goto("/billing/")
    pro = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Pro"))
    pro.get_by_role("button", name="Try it for 14 days").click()
    expect(page.get_by_role("region", name="Your subscription")).to_contain_text("Trial")
    rights = httpx.get(f"{dashboard.url}/v1/billing/entitlements", headers=person.headers).json()
    assert rights["plan"] == "pro"
    page.get_by_role("button", name="Cancel at the end of the period").click()
    expect(page.get_by_role("region", name="Your subscription")).to_contain_text("Ends with the period")
    assert violations(page) == []


def test_the_record_is_that_of_the_api_with_simulated_markets_apart(page: Page, dashboard: Dashboard) -> None:
    items = dashboard.served.client.get("/v1/performance").json()["items"]
    page.goto("/performance/")
    real = [item for item in items if not item["simulated"]]
    table = page.get_by_role("region", name="By strategy, market and timeframe", exact=True)
    expect(table.get_by_role("row")).to_have_count(len(real) + 1)
    expect(page.get_by_text("prove nothing")).to_be_visible()


@pytest.mark.parametrize("path", PAGES)
def test_everybody_can_use_these_pages_too(page: Page, subscriber: Person, path: str) -> None:
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert violations(page) == []
    page.set_viewport_size({"width": 360, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
