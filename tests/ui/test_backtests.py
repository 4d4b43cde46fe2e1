"""Backtests in a browser: asked for, followed, given up, read, swept, walked forward, compared; run by the real runner."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Page, expect

from deploy.backtests.queue import BacktestQueue
from deploy.local.stack import LocalStack
from stores import database
from tests.api.people import Person, give_plan, make_user
from tests.api.processes import until
from tests.backtester import MARKET, process, store_hours
from tests.ui.conftest import Dashboard, violations
from tests.ui.test_subscriber_pages import enter

PATIENCE_S = 120
SIZED = {"sizing": "equity_fraction", "size": 0.5}
CROSS = {"strategy": "moving_average_cross", "market": MARKET, "timeframe": "1h", "config": SIZED}
GRID = {"fast": [10, 20], "slow": [50, 100, 150]}
WIDE = {"fast": list(range(5, 45, 5)), "slow": [50, 100, 150]}
"""Wider than a small screen."""


@pytest.fixture(scope="module")
def runner(
    dashboard: Dashboard, stack: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[bytes]]:
    """The real one."""
    store_hours(dashboard.served.settings)
    folder = tmp_path_factory.mktemp("runner")
    with process({**stack.environment(), "CAP_HOME": str(folder / "home")}, folder / "log") as started:
        yield started


@pytest.fixture(scope="module")
def running(dashboard: Dashboard, runner: subprocess.Popen[bytes]) -> Dashboard:
    """The dashboard, with bars to backtest and a runner."""
    assert runner.poll() is None
    return dashboard


@pytest.fixture(scope="module")
def owner(running: Dashboard) -> Person:
    """Somebody with a plan that allows many."""
    person = make_user(running.served.settings)
    give_plan(running.served.settings, person.user_id, "pro")
    return person


def read(dashboard: Dashboard, person: Person, path: str) -> Any:
    reply = httpx.get(f"{dashboard.url}/v1/backtests{path}", headers=person.headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


def asked(dashboard: Dashboard, person: Person, **changes: Any) -> str:
    reply = httpx.post(f"{dashboard.url}/v1/backtests", json={**CROSS, **changes}, headers=person.headers)
    assert reply.status_code == 202, reply.text
    return reply.json()["backtest_id"]


def ended(dashboard: Dashboard, person: Person, backtest_id: str) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while (now := read(dashboard, person, f"/{backtest_id}"))["ended_at"] is None:
        assert time.monotonic() < deadline, now
        time.sleep(0.1)
    assert now["status"] == "done", now["failure"]
    return backtest_id


@pytest.fixture(scope="module")
def run(running: Dashboard, owner: Person) -> str:
    return ended(running, owner, asked(running, owner, parameters={"fast": 10, "slow": 40}))


@pytest.fixture(scope="module")
def sweep(running: Dashboard, owner: Person) -> str:
    return ended(running, owner, asked(running, owner, vary=WIDE))


@pytest.fixture(scope="module")
def walk(running: Dashboard, owner: Person) -> str:
    wanted = {"train_days": 40, "test_days": 15, "anchored": False}
    return ended(running, owner, asked(running, owner, vary=GRID, walk_forward=wanted))


def fits(page: Page) -> None:
    """Everybody can use it, on a small screen too."""
    assert violations(page) == []
    page.set_viewport_size({"width": 360, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") == 360


_COLOURS = """() => {
  const found = new Map();
  for (const one of document.querySelectorAll("[data-testid=equity-chart] canvas")) {
    if (!one.width || !one.height) continue;
    const data = one.getContext("2d").getImageData(0, 0, one.width, one.height).data;
    for (let at = 0; at < data.length; at += 4) {
      const colour = data.slice(at, at + 4).join();
      if (data[at + 3]) found.set(colour, (found.get(colour) ?? 0) + 1);
    }
  }
  return [...found].sort((a, b) => b[1] - a[1]).map(([colour]) => colour);
}"""


def drawn(page: Page) -> None:
    """Wait until the chart is there, with lines on it."""
    expect(page.get_by_test_id("equity-chart").locator("canvas").first).to_be_visible()
    until(lambda: len(page.evaluate(_COLOURS)) > 10)


def sheet(page: Page) -> str:
    """The colour that most of the chart has."""
    return page.evaluate(_COLOURS)[0]


def test_one_is_asked_for_followed_and_read(page: Page, running: Dashboard) -> None:
    person = make_user(running.served.settings)
    give_plan(running.served.settings, person.user_id, "pro")
    enter(page, running, person)
    page.goto("/backtests/")
    expect(page.get_by_text("No backtest yet")).to_be_visible()
    page.get_by_role("link", name="New backtest").click()
    page.get_by_label("Strategy").select_option("moving_average_cross")
    page.get_by_label("Market").select_option(MARKET)
    expect(page.get_by_label("Timeframe")).to_have_value("1h")
    expect(page.get_by_label("Size of a trade by")).to_have_value("equity_fraction")
    assert violations(page) == []
    # What this page sees is told at the field, and so is what only the API sees.
    page.get_by_label("Fast").fill("ten")
    page.get_by_role("button", name="Start it").click()
    expect(page.get_by_text("Whole numbers only")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Fast").fill("12")
    page.get_by_label("Taker fee, bp").fill("1e300")
    page.get_by_role("button", name="Start it").click()
    taker = page.get_by_label("Taker fee, bp")
    expect(taker).to_have_attribute("aria-invalid", "true")
    taker.fill("7")
    page.get_by_role("button", name="Start it").click()
    expect(page.get_by_role("region", name="Verdict")).to_be_visible(timeout=PATIENCE_S * 1000)

    (one,) = read(running, person, "")["items"]
    assert one["request"]["parameters"] == {"fast": 12}
    assert one["request"]["config"] == {"sizing": "equity_fraction", "size": 1, "fees.taker_bp": 7}
    expect(page.get_by_role("region", name="Verdict")).to_contain_text(one["summary"]["verdict"]["sentence"])
    expect(page.get_by_role("region", name="Verdict")).to_contain_text("SIMULATED MARKET")
    page.get_by_role("link", name="All backtests").click()
    expect(page.get_by_role("row").filter(has_text="moving_average_cross")).to_have_count(1)


def test_a_run_says_its_numbers_draws_them_and_opens_its_report(
    page: Page, running: Dashboard, owner: Person, run: str
) -> None:
    enter(page, running, owner)
    page.goto(f"/backtests/?id={run}")
    metrics = read(running, owner, f"/{run}")["summary"]["metrics"]
    gained = f"{abs(metrics['total_return']):.2%}"
    expect(page.get_by_text("Return after costs").locator("..")).to_contain_text(gained)
    expect(page.get_by_text("Trades", exact=True).first.locator("..")).to_contain_text(f"{metrics['trades']:.0f}")
    drawn(page)
    figure = page.get_by_role("region", name="Equity and drawdown")
    figure.get_by_text("The same by months").click()
    months = figure.get_by_role("row")
    expect(months).to_have_count(4)
    curve = read(running, owner, f"/{run}/curve")
    expect(months.last).to_contain_text(f"{curve['equity'][-1]:,.2f}")
    before = sheet(page)
    page.get_by_role("button", name=re.compile("Use the (dark|light) theme")).click()
    drawn(page)
    after = sheet(page)
    assert {before, after} == {"255,255,255,255", "18,23,34,255"}
    page.get_by_text("All numbers").click()
    expect(page.get_by_role("region", name="Costs and use of the account")).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open the full report").click()
    expect(opened.value.get_by_role("heading", level=1)).to_contain_text("moving_average_cross")
    opened.value.close()
    fits(page)


def test_a_sweep_is_a_map_of_its_sets_with_its_doubts(
    page: Page, running: Dashboard, owner: Person, sweep: str
) -> None:
    enter(page, running, owner)
    page.goto(f"/backtests/?id={sweep}")
    found = read(running, owner, f"/{sweep}/sweep")
    table = page.get_by_role("region", name="Sharpe ratio by parameters")
    expect(table.get_by_role("cell")).to_have_count(24)
    for one in found["sets"]:
        column = table.get_by_role("columnheader", name=str(one["fast"]), exact=True)
        place = column.evaluate("cell => cell.cellIndex")
        row = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name=str(one["slow"]), exact=True))
        shown = f"{abs(one['sharpe']):.2f}"
        expect(row.get_by_role("cell").nth(place - 1)).to_contain_text(shown)
    best = max(found["sets"], key=lambda one: one["sharpe"])
    expect(table.get_by_role("cell").filter(has_text="best")).to_contain_text(f"{abs(best['sharpe']):.2f}")
    doubt = page.get_by_role("region", name="How far to believe it")
    expect(doubt).to_contain_text(f"{found['overfitting']:.0%} of the times")
    expect(doubt).to_contain_text(f"Fast {best['fast']}, Slow {best['slow']}")
    page.get_by_label("Across").select_option("slow")
    expect(page.get_by_label("Down")).to_have_value("fast")
    page.get_by_label("Number").select_option("Largest drawdown")
    least = min(found["sets"], key=lambda one: one["max_drawdown"])
    drawdowns = page.get_by_role("region", name="Largest drawdown by parameters")
    expect(drawdowns.get_by_role("cell").filter(has_text="best")).to_contain_text(f"{least['max_drawdown']:.2%}")
    page.get_by_label("Across").select_option("fast")
    fits(page)


def test_walk_forward_is_shown_window_by_window(page: Page, running: Dashboard, owner: Person, walk: str) -> None:
    enter(page, running, owner)
    page.goto(f"/backtests/?id={walk}")
    windows = read(running, owner, f"/{walk}/result")["walk_forward"]["windows"]
    table = page.get_by_role("region", name="Windows", exact=True)
    expect(table.get_by_role("row")).to_have_count(len(windows) + 1)
    for window in windows:
        row = table.get_by_role("row").filter(has_text=f"{window['test_begin'][:10]} to")
        expect(row).to_contain_text(f"Fast {window['fast']}, Slow {window['slow']}")
        for which in ("train", "test"):
            expect(row).to_contain_text(f"{abs(window[f'{which}_total_return']):.2%}")
    expect(page.get_by_text("out of sample, in")).to_be_visible()
    fits(page)


def test_several_are_chosen_and_stand_side_by_side(
    page: Page, running: Dashboard, owner: Person, run: str, walk: str, sweep: str
) -> None:
    enter(page, running, owner)
    page.goto("/backtests/")
    expect(page.get_by_role("checkbox")).to_have_count(2)
    expect(page.get_by_role("button", name="Choose 2 to 4")).to_be_disabled()
    for box in page.get_by_role("checkbox").all():
        box.check()
    assert violations(page) == []
    page.get_by_role("button", name="Compare 2").click()
    table = page.get_by_role("region", name="Numbers side by side")
    row = table.get_by_role("row").filter(has_text="Total return")
    expect(row.get_by_role("cell")).to_have_count(3)
    walked = read(running, owner, f"/{walk}")["summary"]["out_of_sample"]["total_return"]
    own = read(running, owner, f"/{run}")["summary"]["metrics"]["total_return"]
    for gained in (walked, own):
        expect(row).to_contain_text(f"{abs(gained):.2%}")
    drawn(page)
    fits(page)


def test_one_is_followed_and_given_up(
    page: Page, running: Dashboard, owner: Person, runner: subprocess.Popen[bytes]
) -> None:
    """The runner stands still, and the test is one instead, to say how far it is."""
    engine = database.engine(running.served.settings, pool_size=1)
    queue = BacktestQueue(engine, "test")
    runner.send_signal(signal.SIGSTOP)
    try:
        long = asked(running, owner, vary=GRID)
        enter(page, running, owner)
        page.goto(f"/backtests/?id={long}")
        expect(page.get_by_text("Waits for a free runner")).to_be_visible()
        claim = queue.claim()
        assert claim is not None
        assert claim.backtest_id == long
        assert queue.progress(claim, "Parameter sets", 500, 2000)
        expect(page.get_by_text("Parameter sets: 500 of 2,000")).to_be_visible()
        expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "25")
        assert violations(page) == []
        page.get_by_role("button", name="Give it up").click()
        expect(page.get_by_text("It was given up.")).to_be_visible()
        assert not queue.alive(claim)
    finally:
        runner.send_signal(signal.SIGCONT)
        engine.dispose()
    page.get_by_role("button", name="Delete").click()
    expect(page).to_have_url(f"{running.url}/backtests/")
    reply = httpx.get(f"{running.url}/v1/backtests/{long}", headers=owner.headers)
    assert reply.status_code == 404


def test_what_cannot_be_run_says_why(page: Page, running: Dashboard, owner: Person) -> None:
    wrong = asked(running, owner, parameters={"fast": 50, "slow": 10})
    enter(page, running, owner)
    page.goto(f"/backtests/?id={wrong}")
    alert = page.get_by_role("alert").filter(has_text="It could not be run")
    expect(alert).to_be_visible(timeout=PATIENCE_S * 1000)
    expect(alert).to_contain_text(read(running, owner, f"/{wrong}")["failure"])
    assert violations(page) == []


def test_who_has_none_left_is_told_what_it_takes(page: Page, running: Dashboard) -> None:
    person = make_user(running.served.settings)
    allowed = read(running, person, "/choices")["left_today"]
    for _ in range(allowed):
        ended(running, person, asked(running, person, robust=False))
    enter(page, running, person)
    page.goto("/backtests/?new")
    notice = page.get_by_role("status").filter(has_text=f"The {allowed} that your plan allows")
    expect(notice.get_by_role("link", name="see the plans")).to_be_visible()
    expect(page.get_by_role("button", name="Start it")).to_be_disabled()
    fits(page)


def test_a_plan_without_any_says_which_has_them(page: Page, running: Dashboard) -> None:
    settings = running.served.settings
    person = make_user(settings)
    allowed = read(running, person, "/choices")["left_today"]
    change = "UPDATE serving.plans SET backtests = %s WHERE plan_id = 'free'"
    with psycopg.connect(settings.require("postgres_url"), autocommit=True) as connection:
        connection.execute(change, (0,))
        try:
            enter(page, running, person)
            page.goto("/backtests/")
            notice = page.get_by_role("status").filter(has_text="Your plan has no backtests.")
            expect(notice).to_contain_text("in 24 hours")
            assert violations(page) == []
        finally:
            connection.execute(change, (allowed,))
