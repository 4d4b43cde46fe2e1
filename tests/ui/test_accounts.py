"""From nothing to an account and into the administration, in a browser."""

from __future__ import annotations

import uuid

import pyotp
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from stores import database
from tests.ui.conftest import Dashboard, violations

PASSWORD = "nine green apples on a roof"
PUBLIC = ("/", "/login/", "/register/", "/forgot-password/", "/verify-email/?token=x", "/reset-password/?token=x")
APP = ("/signals/", "/account/", "/security/", "/admin/")


def registered(page: Page, dashboard: Dashboard) -> str:
    """Make an account as a person does; returns its address."""
    address = f"{uuid.uuid4()}@example.com"
    page.goto("/register/")
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make an account").click()
    expect(page.get_by_role("status")).to_contain_text(address)
    page.goto(dashboard.link(address, "/verify-email"))
    page.get_by_role("button", name="Confirm the address").click()
    expect(page.get_by_role("status")).to_contain_text("the account is open")
    return address


def sign_in(page: Page, address: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_an_account_is_made_confirmed_used_and_left(page: Page, dashboard: Dashboard) -> None:
    address = registered(page, dashboard)
    page.goto("/account/")
    page.locator("main").get_by_role("link", name="Sign in").click()
    sign_in(page, address)
    expect(page.get_by_role("heading", name="Account")).to_be_visible()
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    page.goto("/signals/")
    # The newest signal was known at 22:45 UTC.
    expect(page.get_by_role("row").nth(1)).to_contain_text("2 Jan 2024, 07:45")
    expect(page.get_by_role("columnheader", name="Known, UTC+09:00")).to_be_visible()
    page.get_by_role("button", name=f"Account of {address}").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Trading signals that can be checked")).to_be_visible()
    page.goto("/account/")
    expect(page.get_by_text("Nobody is signed in")).to_be_visible()


def test_a_wrong_password_is_told_and_a_new_one_can_be_chosen(page: Page, dashboard: Dashboard) -> None:
    address = registered(page, dashboard)
    page.goto("/login/")
    sign_in(page, address, "not the right one at all")
    expect(page.get_by_role("main").get_by_role("alert")).to_be_visible()
    page.get_by_role("link", name="Forgotten the password?").click()
    expect(page.get_by_role("heading", name="Forgotten the password?")).to_be_visible()
    page.get_by_label("E-mail").fill(address)
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("status")).to_contain_text(address)
    page.goto(dashboard.link(address, "/reset-password"))
    page.get_by_label("New password").fill("three blue boats by the pier")
    page.get_by_role("button", name="Change the password").click()
    page.get_by_role("link", name="Sign in").last.click()
    sign_in(page, address, "three blue boats by the pier")
    expect(page.get_by_role("heading", name="Signals")).to_be_visible()


def test_an_administrator_gets_in_with_a_second_factor_and_leaves_a_record(page: Page, dashboard: Dashboard) -> None:
    other, address = registered(page, dashboard), registered(page, dashboard)
    engine = database.engine(dashboard.served.settings, pool_size=1)
    with database.session(engine) as session:
        session.connection().execute(
            text("UPDATE serving.users SET role = 'admin' WHERE email = :email"), {"email": address}
        )
    engine.dispose()
    page.goto("/login/?next=/security/")
    sign_in(page, address)
    page.locator("form").first.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    secret = page.locator("code.select-all").inner_text()
    app = pyotp.TOTP(secret)
    page.get_by_label("Code").fill(app.now())
    page.get_by_role("button", name="Put it in force").click()
    expect(page.get_by_text("Keep these recovery codes")).to_be_visible()
    recovery = page.get_by_role("status").get_by_role("listitem").first.inner_text()
    page.get_by_role("button", name="They are kept").click()
    expect(page.get_by_text("In force")).to_be_visible()

    page.get_by_role("button", name=f"Account of {address}").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.goto("/login/?next=/admin/")
    sign_in(page, address)
    # The app's code was used a moment ago, and is good once.
    page.get_by_label("Code").fill(recovery)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Administration")).to_be_visible()
    expect(page.get_by_role("region", name="Stores")).to_contain_text("clickhouse")
    page.get_by_role("tab", name="Data quality").click()
    expect(page.get_by_role("heading", name="No bar is missing")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("tab", name="People").click()
    page.get_by_label("Look for").fill(other)
    row = page.get_by_role("row").filter(has_text=other)
    row.get_by_role("button", name="Lock", exact=True).click()
    page.get_by_label("Reason").fill("to see that it works")
    page.get_by_role("dialog").get_by_role("button", name="Lock").click()
    expect(row.get_by_text("locked")).to_be_visible()
    page.get_by_role("tab", name="Audit log").click()
    expect(page.get_by_role("region", name="Audit log")).to_contain_text("to see that it works")
    page.get_by_role("button", name="Check that nothing was altered").click()
    expect(page.get_by_text("records are as they were written")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("path", [*PUBLIC, *APP])
def test_everybody_can_use_every_page(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert violations(page) == []


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    for path in (*PUBLIC, *APP):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path


def test_the_palette_leads_anywhere_by_keyboard(page: Page) -> None:
    page.goto("/signals/")
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_placeholder("Type a few letters")).to_be_focused()
    page.keyboard.type("secur")
    page.keyboard.press("Enter")
    expect(page).to_have_url("/security/")


def test_signals_are_those_of_the_api_and_filtered_by_the_address(page: Page, dashboard: Dashboard) -> None:
    items = dashboard.served.client.get("/v1/signals", params={"direction": "short"}).json()["items"]
    assert items
    page.goto("/signals/")
    page.get_by_label("Side").select_option("Short")
    expect(page).to_have_url("/signals/?direction=short")
    expect(page.get_by_role("row")).to_have_count(len(items) + 1)
    expect(page.get_by_role("row").nth(1)).to_contain_text("Short")
    expect(page.get_by_role("row").nth(1)).to_contain_text(f"{items[0]['entry']:,.2f}")
