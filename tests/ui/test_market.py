"""The market page in a browser: what is drawn is what the API tells, bar by bar, now and as it was known then."""

from __future__ import annotations

import io
import json
import uuid
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Page, expect

from api.security.csrf import csrf_token
from api.security.vault import Vault
from stores.warehouse import Warehouse
from tests.api.people import make_user
from tests.api.processes import until
from tests.api.world import NUMBERS, candle, insert, text, ts
from tests.ui.conftest import Dashboard, violations

MINUTE = timedelta(minutes=1)
BTC = {"market": "binance:BTCUSDT", "timeframe": "15m"}
MARKET = "/market/?market=binance:BTCUSDT&timeframe=15m"
CHART = "document.querySelector('[data-chart]').chart"


def choose(page: Page, *layers: str) -> None:
    """Open the page with these layers alone."""
    choice = json.dumps({"layers": layers, "scales": ["swing", "internal", "micro"]})
    page.add_init_script(f"localStorage.setItem('market.layers', {json.dumps(choice)})")


def drawn(page: Page) -> None:
    """Wait until the chart has bars."""
    there = "() => (document.querySelector('[data-chart]')?.chart?.priceToY(42000) ?? null) !== null"
    until(lambda: page.evaluate(there))
    expect(page.get_by_role("button", name="Replay")).to_be_enabled()


def picture(page: Page) -> Image.Image:
    """The chart as it is on the screen."""
    page.mouse.move(5, 5)
    return Image.open(io.BytesIO(page.locator("[data-chart]").screenshot())).convert("RGB")


def zones_as_of(dashboard: Dashboard, number: int) -> list[dict[str, Any]]:
    """Zones that live at the close of a bar, as the API tells them."""
    known = {"as_of": text(ts(number + 1)), "active": "true"}
    return dashboard.served.client.get("/v1/zones", params={**BTC, **known}).json()["items"]


def test_a_zone_sits_on_the_prices_of_the_api_pixel_by_pixel(page: Page, dashboard: Dashboard) -> None:
    (zone,) = [one for one in zones_as_of(dashboard, 399) if one["kind"] == "breaker"]
    choose(page, "breaker")
    page.goto(MARKET)
    drawn(page)
    last = len(NUMBERS) - 1
    # Right of the last bar there is nothing but the zone.
    column = int(page.evaluate(f"{CHART}.indexToX({last + 4})"))
    with_zone = picture(page)
    page.get_by_role("button", name="Layers").click()
    page.get_by_role("menuitemcheckbox", name="Breakers").click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("None of the layers that are on.")).to_be_visible()
    without = picture(page)
    strip = (column, 0, column + 1, with_zone.height)
    changed = ImageChops.difference(with_zone.crop(strip), without.crop(strip)).getbbox()
    assert changed is not None
    top, bottom = changed[1], changed[3] - 1
    pixel = abs(page.evaluate(f"{CHART}.yToPrice(100) - {CHART}.yToPrice(101)"))
    assert page.evaluate(f"{CHART}.yToPrice({top})") == pytest.approx(zone["top"], abs=1.5 * pixel)
    assert page.evaluate(f"{CHART}.yToPrice({bottom})") == pytest.approx(zone["bottom"], abs=1.5 * pixel)
    assert page.evaluate(f"{CHART}.priceToY({zone['top']})") == pytest.approx(top, abs=1.5)
    assert page.evaluate(f"{CHART}.priceToY({zone['bottom']})") == pytest.approx(bottom, abs=1.5)


def test_a_replay_shows_what_was_known_then_and_nothing_else(page: Page, dashboard: Dashboard) -> None:
    names = {"order_block": "order block", "breaker": "breaker", "fvg": "fair value gap", "liquidity": "liquidity"}
    choose(page, *names)
    page.goto(f"{MARKET}&at={text(ts(8))}")
    drawn(page)
    page.get_by_role("button", name="Replay").click()
    near = page.get_by_role("region", name="Zones near the price")
    for number in range(8, 46):
        status = page.get_by_role("group", name="Replay").get_by_role("status")
        expect(status).to_contain_text(ts(number + 1).strftime("%H:%M"))
        alive = [one for one in zones_as_of(dashboard, number) if one["mitigated_ts"] is None]
        expect(near.get_by_role("listitem")).to_have_count(len(alive))
        shown = "\n".join(near.get_by_role("listitem").all_inner_texts())
        for one in alive:
            assert names[one["kind"]] in shown, number
        assert shown.count("untouched") == sum(one["touched_ts"] is None for one in alive), number
        page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("group", name="Replay")).to_have_count(0)


def test_bars_come_in_as_they_close_also_those_that_closed_while_one_was_offline(
    page: Page, dashboard: Dashboard
) -> None:
    symbol = f"UI{uuid.uuid4().hex[:8].upper()}"

    def close(numbers: range) -> None:
        of = {"symbol": symbol, "timeframe": "1m"}
        with closing(Warehouse.connect(dashboard.served.settings, origin="test")) as warehouse:
            insert(warehouse, "candles", [{**candle(number, MINUTE), **of} for number in numbers])

    close(range(30))
    # A new market is known to everybody within seconds.
    until(lambda: symbol in dashboard.served.client.get("/v1/markets").text)
    page.goto(f"/market/?market=binance:{symbol}&timeframe=1m")
    legend = page.locator("main").get_by_text(ts(29, MINUTE).strftime("%H:%M"))
    expect(legend.first).to_be_visible()
    close(range(30, 31))
    expect(page.locator("main").get_by_text(ts(30, MINUTE).strftime(", %H:%M")).first).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("Cut off: the newest bar")).to_be_visible()
    close(range(31, 36))
    page.context.set_offline(False)
    expect(page.locator("main").get_by_text(ts(35, MINUTE).strftime(", %H:%M")).first).to_be_visible()
    expect(page.get_by_text("Cut off")).to_have_count(0)


def test_markets_timeframes_and_dates_by_keyboard(page: Page) -> None:
    page.goto(MARKET)
    drawn(page)
    page.keyboard.type("60")
    expect(page).to_have_url("/market/?market=binance%3ABTCUSDT&timeframe=1h")
    drawn(page)
    page.keyboard.press("g")
    field = page.get_by_label("Date and time, UTC")
    field.fill("2024-01-01T12:00")
    page.get_by_role("button", name="Show it").click()
    expect(page).to_have_url("/market/?market=binance%3ABTCUSDT&timeframe=1h&at=2024-01-01T12%3A00%3A00.000Z")
    page.get_by_role("button", name="Market BTCUSDT, choose another").click()
    expect(page.get_by_placeholder("Look for a market")).to_be_focused()
    page.keyboard.type("eth")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="ETHUSDT, 1h")).to_be_attached()
    expect(page.get_by_text("Simulated").first).to_be_visible()


def test_indicators_are_shown_with_their_values(page: Page, dashboard: Dashboard) -> None:
    page.goto(MARKET)
    drawn(page)
    page.get_by_role("button", name="Indicators").click()
    page.get_by_role("menuitemcheckbox", name="EMA 9").click()
    page.get_by_role("menuitemcheckbox", name="RSI 14", exact=True).click()
    row = dashboard.served.client.get("/v1/indicators", params={**BTC, "order": "desc", "limit": 1}).json()["items"][0]
    expect(page.get_by_text(f"EMA 9 {row['ema_9']:,.2f}")).to_be_visible()
    expect(page.get_by_text("RSI 14").first).to_be_visible()
    page.reload()
    expect(page.get_by_text(f"EMA 9 {row['ema_9']:,.2f}")).to_be_visible()


def test_a_market_is_watched_and_its_price_told(page: Page, dashboard: Dashboard) -> None:
    person = make_user(dashboard.served.settings)
    csrf = csrf_token(Vault.of(dashboard.served.settings), person.session_id)
    cookies = {"cap_access": person.token, "cap_csrf": csrf}
    page.context.add_cookies([{"name": name, "value": value, "url": dashboard.url} for name, value in cookies.items()])
    page.goto(MARKET)
    panel = page.get_by_role("region", name="All markets").or_(page.get_by_role("region", name="Watchlist"))
    panel.get_by_role("button", name="Watch BTCUSDT").click()
    expect(panel.get_by_role("button", name="Take off")).to_be_visible()
    latest = dashboard.served.client.get("/v1/latest", params={"timeframe": "15m", "market": BTC["market"]}).json()
    expect(panel.get_by_role("listitem").first).to_contain_text(f"{latest['items'][0]['close']:,.2f}")
    assert violations(page) == []
    panel.get_by_role("button", name="Take off").click()
    expect(panel.get_by_role("button", name="Watch BTCUSDT")).to_be_visible()


def test_everybody_can_use_it_at_every_size(page: Page) -> None:
    page.goto(MARKET)
    drawn(page)
    assert violations(page) == []
    page.get_by_role("button", name="Layers").click()
    expect(page.get_by_role("menuitemcheckbox", name="Breakers")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 360, "height": 780})
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("group", name="Replay")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert violations(page) == []
