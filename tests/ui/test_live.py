"""What is published appears by itself; a lost connection is said, and nothing is missed by it."""

from __future__ import annotations

from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from api.security.csrf import csrf_token
from api.security.vault import Vault
from tests.api.people import give_plan, make_user
from tests.api.streaming import fresh, publish
from tests.ui.conftest import Dashboard


def test_a_signal_appears_by_itself_and_so_does_what_came_while_one_was_away(page: Page, dashboard: Dashboard) -> None:
    settings = dashboard.served.settings
    person = make_user(settings)
    give_plan(settings, person.user_id, "pro")
    csrf = csrf_token(Vault.of(settings), person.session_id)
    cookies = {"cap_access": person.token, "cap_csrf": csrf}
    page.context.add_cookies([{"name": name, "value": value, "url": dashboard.url} for name, value in cookies.items()])
    name = f"live-{person.user_id[:8]}"
    page.goto(f"/signals/?strategy={name}")
    expect(page.get_by_text("No signals here yet")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    first, second = fresh(2, name, datetime.now(UTC))
    publish(settings, [first])
    expect(page.get_by_role("row").filter(has_text=name)).to_have_count(1)
    page.context.set_offline(True)
    publish(settings, [second])
    page.context.set_offline(False)
    expect(page.get_by_role("row").filter(has_text=name)).to_have_count(2)
