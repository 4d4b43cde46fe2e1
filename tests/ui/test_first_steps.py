"""What a new person sees first, and what the account remembers of how it is looked at."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from tests.api.people import Person, give_plan, make_user
from tests.ui.conftest import Dashboard, violations
from tests.ui.test_subscriber_pages import enter


def somebody(page: Page, dashboard: Dashboard) -> Person:
    person = make_user(dashboard.served.settings)
    give_plan(dashboard.served.settings, person.user_id, "pro")
    enter(page, dashboard, person)
    return person


def test_first_steps_tick_themselves_and_stay_away_once_closed(page: Page, dashboard: Dashboard) -> None:
    person = somebody(page, dashboard)
    page.goto("/signals/")
    steps = page.get_by_role("region", name="First steps")
    expect(steps.get_by_text("0 of 4 done")).to_be_visible()
    assert violations(page) == []
    steps.get_by_role("link", name="Watch a market").click()
    page.get_by_role("button", name="Watch BTCUSDT").click()
    expect(page.get_by_role("button", name="Take off")).to_be_visible()
    page.goto("/signals/")
    expect(steps.get_by_text("1 of 4 done")).to_be_visible()
    steps.get_by_role("button", name="Close the first steps").click()
    expect(steps).to_have_count(0)
    page.reload()
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    expect(steps).to_have_count(0)
    kept = httpx.get(f"{dashboard.url}/v1/users/me", headers=person.headers).json()["preferences"]
    assert kept["first_steps"] == "closed"


def test_the_account_remembers_the_theme(page: Page, dashboard: Dashboard) -> None:
    person = somebody(page, dashboard)
    page.goto("/signals/")
    expect(page.get_by_role("button", name="Account of")).to_be_visible()
    first = page.evaluate("document.documentElement.dataset.theme")
    other = "light" if first == "dark" else "dark"
    with page.expect_response("**/v1/users/me"):
        page.get_by_role("button", name=f"Use the {other} theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") == other
    # Another browser, whose system would have it otherwise.
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(base_url=dashboard.url, color_scheme=first) as context:
        elsewhere = context.new_page()
        enter(elsewhere, dashboard, person)
        elsewhere.goto("/signals/")
        expect(elsewhere.get_by_role("button", name=f"Use the {first} theme")).to_be_visible()


def test_times_are_told_in_ones_own_zone_or_in_utc(page: Page, dashboard: Dashboard) -> None:
    person = somebody(page, dashboard)
    changed = httpx.patch(f"{dashboard.url}/v1/users/me", headers=person.headers, json={"time_zone": "Asia/Tokyo"})
    assert changed.status_code == 200
    page.goto("/signals/")
    expect(page.get_by_role("columnheader", name="Known, UTC+09:00")).to_be_visible()
    page.get_by_role("button", name="Times are in Asia/Tokyo; use UTC").click()
    expect(page.get_by_role("columnheader", name="Known, UTC", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("columnheader", name="Known, UTC", exact=True)).to_be_visible()
    page.get_by_role("button", name="Times are in UTC; use your own time zone").click()
    expect(page.get_by_role("columnheader", name="Known, UTC+09:00")).to_be_visible()
