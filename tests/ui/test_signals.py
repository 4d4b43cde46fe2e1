"""One signal in full, the list by keys, what new ones sound like, and the export: in a browser, against the API."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.api.people import Person, give_plan, make_user
from tests.api.processes import until
from tests.api.streaming import fresh, publish
from tests.api.world import SIGNALS
from tests.ui.conftest import Dashboard, violations
from tests.ui.test_subscriber_pages import enter

FIRST = SIGNALS[0]["signal_id"]
HEARD = """
window.heard = {notes: 0, notices: []};
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) { window.heard.notes += 1; return start.apply(this, when); };
window.Notification = class {
  static permission = "default";
  static async requestPermission() { window.heard.asked = true; return (Notification.permission = "granted"); }
  constructor(title, options) { window.heard.notices.push([title, options.body]); }
};
"""


@pytest.fixture
def subscriber(page: Page, dashboard: Dashboard) -> Person:
    """Somebody with a plan, signed in in the page."""
    person = make_user(dashboard.served.settings)
    give_plan(dashboard.served.settings, person.user_id, "pro")
    enter(page, dashboard, person)
    return person


def drawer(page: Page) -> Locator:
    found = page.get_by_role("dialog")
    expect(found.get_by_role("heading", name="What became of it")).to_be_visible()
    return found


def row(name: str, price: float, of_entry: float, multiple: float) -> str:
    return f"{name}{price:,.2f}{of_entry:+.2%}{multiple:+.2f} R"


def told(text: str) -> str:
    """Text of a page as it would be typed."""
    return text.replace("\u2212", "-").replace("\u00a0", " ").replace("\t", "").replace("\n", "")


def test_a_signal_is_told_as_the_api_tells_it(page: Page, dashboard: Dashboard) -> None:
    signal = dashboard.served.client.get(f"/v1/signals/{FIRST}").json()
    page.goto(f"/signals/?id={FIRST}")
    shown = drawer(page)
    text = told(shown.inner_text())
    assert "Target hit" in text
    assert f"{signal['result_r']:+.2f} R" in text
    for reason in signal["reasons"]:
        assert reason in text
    assert "Order block, demand, 41,990.50 to 42,010.50" in text
    assert "now invalidated" in text
    entry, stop = signal["entry"], signal["stop"]
    for name, price in (("Stop", stop), ("First target", signal["target_1"]), ("Second target", signal["target_2"])):
        assert row(name, price, price / entry - 1, (price - entry) / (entry - stop)) in text
    assert f"The stop is {(entry - stop) / entry:.2%} below the entry" in text
    assert f"{signal['risk']['equity']:,.2f} USDT" in text
    happened = shown.get_by_role("list", name="What happened").get_by_role("listitem")
    expect(happened).to_have_count(len(signal["outcomes"]))
    for one, outcome in zip(happened.all(), signal["outcomes"], strict=True):
        assert f"{outcome['price']:,.2f} · {outcome['r_multiple']:+.2f} R" in told(one.inner_text())
    record = signal["track_record"]
    part = shown.get_by_role("region", name=f"{record['strategy']} on BTCUSDT 15m")
    expect(part).to_contain_text(f"Only {record['sample_size']} signals have ended. That is too few")
    bounds = f"between {record['win_rate_low']:.0%} and {record['win_rate_high']:.0%}"
    expect(part.get_by_role("img", name=bounds)).to_be_visible()
    at = signal["known_at"].replace(":", "%3A")
    chart = shown.get_by_role("link", name="Open it, and go on from there")
    expect(chart).to_have_attribute("href", f"/market/?market=binance%3ABTCUSDT&timeframe=15m&at={at}")
    # The bar at whose close it became known is the twenty-first, and the last that is drawn.
    expect(shown.get_by_role("figure", name="when the signal was made: 21 bars")).to_be_visible()
    until(lambda: page.evaluate("document.querySelector('[data-chart]')?.chart?.priceToY(42000) ?? null") is not None)
    assert violations(page) == []


def test_a_position_is_sized_by_the_stop_and_the_account_is_kept(page: Page) -> None:
    page.goto(f"/signals/?id={FIRST}")
    shown = drawer(page)
    shown.get_by_label("Account, USDT").fill("2500")
    shown.get_by_label("Risk, %").fill("2")
    size = 50 / (SIGNALS[0]["entry"] - SIGNALS[0]["stop"])
    for name, value in (
        ("Size", f"{size:.6g} BTC"),
        ("Worth at entry", f"{size * SIGNALS[0]['entry']:,.2f} USDT"),
        ("Lost at the stop", "50.00 USDT"),
    ):
        expect(shown.get_by_role("status").locator("div", has_text=name).last).to_have_text(f"{name}{value}")
    shown.get_by_label("Risk, %").fill("lots")
    expect(shown.get_by_text("Give an account and a risk")).to_be_visible()
    shown.get_by_label("Risk, %").fill("20")
    expect(shown.get_by_text("times the account")).to_be_visible()
    page.reload()
    expect(drawer(page).get_by_label("Account, USDT")).to_have_value("2500")


def test_a_signal_that_is_not_there_is_said_to_be_missing(page: Page) -> None:
    page.goto("/signals/?id=5d5bd1f1-0000-4000-8000-000000000001")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("No signal")
    page.keyboard.press("Escape")
    expect(page).to_have_url("/signals/")


def test_the_list_is_gone_through_by_keys(page: Page, dashboard: Dashboard) -> None:
    items = dashboard.served.client.get("/v1/signals").json()["items"]
    page.goto("/signals/?timeframe=15m")
    wanted = [item["signal_id"] for item in items if item["timeframe"] == "15m"]
    selected = page.locator("tr[aria-current=true] a")
    expect(page.get_by_role("row")).to_have_count(len(wanted) + 1)
    for key, place in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        expect(selected).to_have_attribute("data-signal", wanted[place])
    expect(selected).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Enter")
    drawer(page)
    expect(page).to_have_url(f"/signals/?timeframe=15m&id={wanted[1]}")
    page.keyboard.press("j")
    expect(page).to_have_url(f"/signals/?timeframe=15m&id={wanted[1]}")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url("/signals/?timeframe=15m")
    expect(selected).to_be_focused()
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys on this page")
    expect(keys).to_contain_text("next signal")
    assert violations(page) == []
    keys.get_by_label("Single keys work on this page").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    expect(page.get_by_role("row")).to_have_count(len(wanted) + 1)
    page.keyboard.press("j")
    expect(selected).to_have_count(0)


def test_typing_into_a_field_selects_nothing(page: Page) -> None:
    page.goto(f"/signals/?id={FIRST}")
    drawer(page).get_by_label("Account, USDT").press("j")
    expect(page.locator("[aria-current=true][data-signal], tr[aria-current=true]")).to_have_count(0)


@pytest.mark.parametrize(
    ("label", "choice", "query"),
    [
        ("Market", "sim:ETHUSDT", {"market": "sim:ETHUSDT"}),
        ("Strategy", "structure_breakout", {"strategy": "structure_breakout"}),
        ("Status", "open", {"status": "open"}),
        ("Status", "closed", {"status": "closed"}),
    ],
)
def test_filters_are_those_of_the_api(
    page: Page, dashboard: Dashboard, label: str, choice: str, query: dict[str, str]
) -> None:
    items = dashboard.served.client.get("/v1/signals", params=query).json()["items"]
    assert items
    page.goto("/signals/")
    field = page.get_by_label(label, exact=True)
    expect(field.locator(f"option[value='{choice}']")).to_be_attached()
    field.select_option(choice)
    expect(page.get_by_role("row")).to_have_count(len(items) + 1)
    shown = page.locator("tbody a[data-signal]").evaluate_all("links => links.map(link => link.dataset.signal)")
    assert shown == [item["signal_id"] for item in items]


@pytest.mark.parametrize("form", ["CSV", "JSON lines"])
def test_an_export_has_what_the_filters_let_through(
    page: Page, dashboard: Dashboard, subscriber: Person, tmp_path: Path, form: str
) -> None:
    page.goto("/signals/?direction=short&status=closed")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as taken:
        page.get_by_role("button", name=form).click()
    file = tmp_path / taken.value.suggested_filename
    taken.value.save_as(file)
    text = file.read_text()
    rows: list[dict[str, Any]] = (
        list(csv.DictReader(io.StringIO(text))) if form == "CSV" else [json.loads(line) for line in text.splitlines()]
    )
    asked = {"direction": "short", "status": "closed"}
    items = dashboard.served.client.get("/v1/signals", params=asked, headers=subscriber.headers).json()["items"]
    assert [one["signal_id"] for one in rows] == [item["signal_id"] for item in items][::-1]
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("downloads")
    assert violations(page) == []


def test_who_has_no_export_is_told_what_it_takes(page: Page, dashboard: Dashboard) -> None:
    plans = dashboard.served.client.get("/v1/plans").json()["items"]
    page.goto("/signals/")
    page.get_by_role("button", name="Export").click()
    asked = page.get_by_role("dialog", name="Export signals")
    for plan in plans:
        if plan["export"]:
            expect(asked).to_contain_text(plan["name"])
    assert any(plan["export"] for plan in plans)
    expect(asked.get_by_role("link", name="See the plans")).to_have_attribute("href", "/billing/")
    assert violations(page) == []


def test_a_new_signal_is_heard_and_notified_of_only_by_choice(
    page: Page, dashboard: Dashboard, subscriber: Person
) -> None:
    page.add_init_script(HEARD)
    name = f"heard-{subscriber.user_id[:8]}"
    settings = dashboard.served.settings
    page.goto(f"/signals/?strategy={name}")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    first, second, other = fresh(3, name, datetime.now(UTC))
    publish(settings, [first])
    expect(page.get_by_role("row").filter(has_text=name)).to_have_count(1)
    assert page.evaluate("heard") == {"notes": 0, "notices": []}

    page.get_by_role("button", name="Sound off").click()
    expect(page.get_by_role("button", name="Sound on")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("heard.notes") == 2
    page.get_by_role("button", name="Notifications off").click()
    expect(page.get_by_role("button", name="Notifications on")).to_be_visible()
    assert page.evaluate("heard.asked") is True
    # The sound that was just tried must be over: several at once are one.
    start = page.evaluate("performance.now()")
    until(lambda: page.evaluate("performance.now()") - start > 1_000)
    publish(settings, [{**other, "strategy": "another"}])
    publish(settings, [second])
    until(lambda: page.evaluate("heard.notices.length") > 0)
    assert page.evaluate("heard.notes") == 4
    body = f"{name}: entry {second['entry']:,.2f}, stop {second['stop']:,.2f}, target {second['target_1']:,.2f}"
    assert page.evaluate("heard.notices") == [["BTCUSDT 15m long", body]]
    assert violations(page) == []
    page.reload()
    expect(page.get_by_role("button", name="Sound on")).to_be_visible()
    # This browser was asked anew by the reload, and has not said yes.
    expect(page.get_by_role("button", name="Notifications off")).to_be_visible()


def test_a_signal_fills_a_small_screen(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto("/signals/")
    card = page.get_by_role("listitem").filter(has=page.locator(f"a[data-signal='{FIRST}']"))
    card.click()
    box = drawer(page).bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 360)
    inside = "node => [...node.querySelectorAll('*')].every(one => one.getBoundingClientRect().right <= 360.5)"
    assert page.get_by_role("dialog").evaluate(inside)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert violations(page) == []
