"""The record over time: what is drawn and written is what the API says."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.api.streaming import publish
from tests.stores.signal_rows import FIRST_BAR, outcome_row, signal_row
from tests.ui.conftest import Dashboard, violations

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@pytest.fixture(scope="module")
def record(dashboard: Dashboard) -> dict[str, str]:
    """Filters of a strategy whose signals ended over nineteen months; and one on another market."""
    rows: list[dict[str, Any]] = []
    outcomes: list[dict[str, Any]] = []
    for number in range(80):
        market = "ETHUSDT" if number % 9 == 4 else "BTCUSDT"
        result = -1.0 if number % 5 < 3 else 2.0 + math.sin(number) / 2
        known = FIRST_BAR + timedelta(days=7 * number + 1)
        one = signal_row(number, strategy="over_time", symbol=market)
        rows.append(one)
        outcomes.append(
            {**outcome_row(one, "expired", result, 9), "ts": known - timedelta(minutes=15), "known_at": known}
        )
    publish(dashboard.served.settings, rows, outcomes)
    return {"strategy": "over_time", "market": "binance:BTCUSDT", "timeframe": "15m"}


def told(text: str) -> str:
    """Text of a page as it would be typed."""
    return text.replace("\u2212", "-").replace("\u00a0", " ")


def address(query: dict[str, str]) -> str:
    return "/performance/?" + "&".join(f"{name}={value}" for name, value in query.items())


def test_the_curve_and_the_months_are_those_of_the_api(
    page: Page, dashboard: Dashboard, record: dict[str, str]
) -> None:
    curve = dashboard.served.client.get("/v1/performance/curve", params=record).json()
    assert curve["sample_size"] > 60
    page.goto(address(record))
    part = page.get_by_role("region", name="Results over time", exact=True)
    chart = part.get_by_role("figure")
    expect(chart.locator("canvas").first).to_be_visible()
    words = told(part.inner_text())
    assert f"{curve['sample_size']} signals have ended, together {curve['total_r']:+.2f} R before costs" in words
    assert f"deepest fall from a high was {curve['max_drawdown_r']:.2f} R" in words
    assert told(chart.get_attribute("aria-label") or "") in words
    table = page.get_by_role("region", name="Results by month", exact=True).get_by_role("table")
    lines = [told(text).split("\n") for text in table.get_by_role("row").all_inner_texts()]
    shown = {
        (line[0].strip("\t"), MONTHS[place]): cell
        for line in ["\n".join(one).split("\t") for one in lines[1:]]
        for place, cell in enumerate(line[1:13])
        if cell.strip()
    }
    wanted = {
        (one["month"][:4], MONTHS[int(one["month"][5:]) - 1]): (one["total_r"], one["sample_size"])
        for one in curve["months"]
    }
    assert shown.keys() == wanted.keys()
    for month, (total, count) in wanted.items():
        assert shown[month].split()[:3] == [f"{total:+.2f}", "R", str(count)]
    assert violations(page) == []


def test_the_record_is_narrowed_by_the_address(page: Page, dashboard: Dashboard, record: dict[str, str]) -> None:
    page.goto("/performance/")
    page.get_by_label("Strategy", exact=True).select_option("over_time")
    page.get_by_label("Market", exact=True).select_option("binance:ETHUSDT")
    expect(page).to_have_url("/performance/?strategy=over_time&market=binance%3AETHUSDT")
    asked = {"strategy": "over_time", "market": "binance:ETHUSDT"}
    (item,) = dashboard.served.client.get("/v1/performance", params=asked).json()["items"]
    table = page.get_by_role("region", name="By strategy, market and timeframe", exact=True)
    expect(table.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("heading", name="By month")).to_have_count(1)
    curve = dashboard.served.client.get("/v1/performance/curve", params=asked).json()
    assert (curve["sample_size"], curve["total_r"]) == (item["sample_size"], item["total_r"])
    part = page.get_by_role("region", name="Results over time", exact=True)
    expect(part).to_contain_text(f"{item['sample_size']} signals have ended")
    expect(part).to_contain_text("comes about by luck alone")
    page.reload()
    expect(page.get_by_label("Market", exact=True)).to_have_value("binance:ETHUSDT")
    page.goto("/performance/?strategy=nobody")
    page.get_by_role("button", name="Show all of it").click()
    expect(page).to_have_url("/performance/")
    expect(part).to_be_visible()


def test_simulated_markets_have_a_record_of_their_own(page: Page, dashboard: Dashboard) -> None:
    one = signal_row(1, exchange="sim", symbol="MADEUP", strategy="made_up")
    publish(dashboard.served.settings, [one], [outcome_row(one, "stopped", -1.0, 2)])
    page.goto("/performance/?strategy=made_up")
    expect(page.get_by_role("region", name="Simulated results over time")).to_contain_text("1 signal has ended")
    expect(page.get_by_role("region", name="Results over time", exact=True)).to_have_count(0)
    expect(page.get_by_text("prove nothing")).to_be_visible()


def test_the_chart_is_drawn_in_the_colours_of_the_theme(page: Page, record: dict[str, str]) -> None:
    page.goto(address(record))
    chart = page.get_by_role("region", name="Results over time", exact=True).get_by_role("figure")
    expect(chart.locator("canvas").first).to_be_visible()
    drawn = """async chart => {
      const wanted = getComputedStyle(document.documentElement).getPropertyValue("--up").trim();
      const [r, g, b] = [1, 3, 5].map(at => parseInt(wanted.slice(at, at + 2), 16));
      for (let frame = 0; frame < 240; frame += 1) {
        for (const canvas of chart.querySelectorAll("canvas")) {
          const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          for (let at = 0; at < data.length; at += 4)
            if (data[at] === r && data[at + 1] === g && data[at + 2] === b && data[at + 3] === 255) return true;
        }
        await new Promise(requestAnimationFrame);
      }
      return false;
    }"""
    assert chart.evaluate(drawn)
    page.get_by_role("button", name="theme").click()
    assert chart.evaluate(drawn)
    assert violations(page) == []


def test_the_record_fits_a_small_screen(page: Page, record: dict[str, str]) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto(address(record))
    part = page.get_by_role("region", name="Results over time", exact=True)
    expect(part.locator("canvas").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert violations(page) == []
