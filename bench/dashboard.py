"""Section ``dashboard``: the market page in Chromium, with a long history: frames while it moves, and how soon it answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.section import Section, Table, Target, Tell

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAME = "dashboard"
_BARS, _ZONES, _FRAME_MS, _PAINT_MS = 20_000, 500, 1_000 / 60, 100
_CHART = "document.querySelector('[data-chart]').chart"
_LAYERS = ["order_block", "breaker", "fvg", "liquidity", "breaks", "pivots", "equal", "premium", "signals"]
_CHOICE = json.dumps({"layers": _LAYERS, "scales": ["swing", "internal", "micro"]})
# Moves the chart in every frame; what is between the frames is what somebody sees.
_MOVE = """([frames, zooms]) => new Promise(done => {
  const chart = document.querySelector('[data-chart]').chart;
  chart.showAround(10000);
  for (let n = 0; n < zooms; n += 1) chart.zoom(1.25);
  const between = [];
  let last = performance.now();
  function frame(now) {
    between.push(now - last);
    last = now;
    chart.pan(between.length % 200 < 100 ? 2 : -2);
    if (between.length < frames) requestAnimationFrame(frame);
    else done(between.slice(10).sort((a, b) => a - b));
  }
  requestAnimationFrame(frame);
})"""
_WATCH = """new PerformanceObserver(list => {
  window.paints ??= {};
  for (const { interactionId, duration } of list.getEntries()) {
    if (interactionId) window.paints[interactionId] = Math.max(window.paints[interactionId] ?? 0, duration);
  }
}).observe({type: 'event', durationThreshold: 16, buffered: true})"""


def section(quick: bool, tell: Tell) -> Section:
    """Measure on a simulated market of five-minute bars; with ``quick`` for fewer frames."""
    from playwright.sync_api import sync_playwright

    made = Section(NAME, "Dashboard: the market page with a long history")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        made.notes.append("Not measured: there is no chromium on this machine.")
        return made
    made.notes.append(
        "cap up on a simulated market, Chromium without a display or a graphics card, 1440 by 900 pixels, every layer on: all "
        "on this machine's cores. The chart is moved by two bars in every frame. An interaction ends with the next paint, "
        "as the browser's event timing tells it, in steps of 8 ms; below 16 ms it tells nothing."
    )
    with _running(tell) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script(f"localStorage.setItem('market.layers', {json.dumps(_CHOICE)});{_WATCH}")
        tell("the market page: the whole history")
        page.goto(f"{url}/market/?market=sim:BTCUSDT&timeframe=5m")
        bars, zones = _whole_history(page)
        _frames(made, page, 120 if quick else 600, bars, zones, tell)
        tell("the market page: interactions")
        _interactions(made, page)
        browser.close()
    return made


@contextmanager
def _running(tell: Tell) -> Iterator[str]:
    """The whole platform; gives the address of the dashboard."""
    from deploy.dashboard import build

    build(tell)
    cap = str(Path(sys.executable).parent / "cap")
    market = ["--source", "sim", "--market", "sim:BTCUSDT", "--timeframe", "5m"]
    days = ["--since", "2024-01-01", "--until", "2024-03-15"]
    with tempfile.TemporaryDirectory(prefix="cap-bench-") as home:
        quiet: dict[str, Any] = {"env": {**os.environ, "CAP_HOME": home}, "stderr": subprocess.DEVNULL}
        tell("cap up")
        subprocess.run([cap, "up", *market, *days, "--detach"], check=True, stdout=subprocess.DEVNULL, **quiet)
        try:
            status = subprocess.run([cap, "status", "--json"], check=False, stdout=subprocess.PIPE, **quiet)
            yield json.loads(status.stdout)["ui"]["url"]
        finally:
            subprocess.run([cap, "down"], check=False, stdout=subprocess.DEVNULL, **quiet)


def _held(page: Page) -> tuple[int, int]:
    """How many bars and zones the chart holds, as it tells those who cannot see it."""
    words = (page.locator("[data-chart]").get_attribute("aria-label") or "0 bars 0 zones").split()
    return int(words[words.index("bars") - 1]), int(words[words.index("zones.") - 1])


def _whole_history(page: Page, patience_s: float = 120) -> tuple[int, int]:
    page.wait_for_selector("[data-chart] canvas")
    deadline = time.monotonic() + patience_s
    while (held := _held(page))[0] < _BARS and time.monotonic() < deadline:
        page.evaluate(f"{_CHART}?.pan(-100000)")
        page.wait_for_timeout(200)
        page.evaluate(f"{_CHART}?.showNewest()")
    return held


def _frames(made: Section, page: Page, frames: int, bars: int, zones: int, tell: Tell) -> None:
    rows: list[tuple[str, ...]] = []
    slowest = 0.0
    for zooms, width in ((0, "140 bars in sight"), (5, "430"), (10, "1,300")):
        tell(f"the market page: frames, {width}")
        between: list[float] = page.evaluate(_MOVE, [frames, zooms])
        median, late = between[len(between) // 2], between[int(len(between) * 0.99)]
        slowest = max(slowest, median)
        missed = sum(one > 1.5 * _FRAME_MS for one in between)
        rows.append((width, f"{median:.1f}", f"{late:.1f}", f"{between[-1]:.1f}", f"{missed} of {len(between)}"))
    headings = ("moved with", "median ms", "99 of 100 ms", "slowest ms", "frames missed")
    made.tables.append(Table(f"Between two frames, with {bars:,} bars and {zones:,} zones", headings, tuple(rows)))
    made.targets.append(
        Target(
            f"60 frames a second with {_BARS:,} bars and {_ZONES} zones",
            f"{slowest:.1f} ms between frames in the median, {bars:,} bars, {zones:,} zones",
            slowest < _FRAME_MS * 1.05 and bars >= _BARS and zones >= _ZONES,
        )
    )


def _interactions(made: Section, page: Page) -> None:
    found: list[tuple[str, float]] = []

    def after(name: str) -> None:
        page.wait_for_timeout(400)
        told: dict[str, float] = page.evaluate("window.paints ?? {}")
        found.append((name, max(told.values(), default=0.0)))
        page.evaluate("window.paints = {}")

    page.evaluate(f"{_CHART}.showNewest()")
    page.get_by_role("button", name="Layers").click()
    after("open the layers")
    for layer in ("Order blocks", "Breakers"):
        page.get_by_role("menuitemcheckbox", name=layer).click()
        after(f"{layer}, off")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    after("begin a replay")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    after("step a replay")
    page.get_by_role("button", name="Leave").click()
    after("leave the replay")
    page.get_by_role("button", name="Use the light theme").or_(
        page.get_by_role("button", name="Use the dark theme")
    ).click()
    after("change the theme")
    rows = tuple((name, f"{paint:.0f}" if paint else "below 16") for name, paint in found)
    made.tables.append(Table("From an interaction to the next paint", ("what", "ms"), rows))
    worst = max(paint for _, paint in found)
    made.targets.append(Target(f"the next paint within {_PAINT_MS} ms", f"{worst:.0f} ms at worst", worst < _PAINT_MS))
