"""The dashboard as an installed app: at hand without a network, with nothing of the API kept."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from api.dashboard import DEFAULT_FOLDER
from api.security.csrf import csrf_token
from api.security.vault import Vault
from tests.api.people import make_user
from tests.api.processes import until
from tests.ui.conftest import Dashboard, violations

MOST_SCRIPT_BYTES = 250_000
CACHED = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) found.push(new URL(request.url).pathname);
  }
  return found;
}"""


def controlled(page: Page) -> None:
    """Wait until the service worker has what it keeps, and answers for the page."""
    until(lambda: page.evaluate("() => navigator.serviceWorker.controller !== null"))


def test_the_manifest_has_what_an_app_needs(dashboard: Dashboard) -> None:
    reply = httpx.get(f"{dashboard.url}/manifest.webmanifest")
    assert reply.headers["content-type"].startswith("application/manifest+json")
    manifest = reply.json()
    assert {"name", "short_name", "start_url", "display", "icons", "theme_color"} <= manifest.keys()
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        picture = httpx.get(f"{dashboard.url}{icon['src']}")
        assert picture.headers["content-type"].startswith(icon["type"])
        if icon["type"] == "image/png":
            width, height = struct.unpack(">II", picture.content[16:24])
            assert icon["sizes"] == f"{width}x{height}"
    for start in [manifest["start_url"], *(one["url"] for one in manifest["shortcuts"])]:
        assert httpx.get(f"{dashboard.url}{start}").status_code == 200
    worker = httpx.get(f"{dashboard.url}/sw.js")
    assert worker.headers["cache-control"] == "no-cache"
    assert worker.headers["content-type"].startswith("text/javascript")


def test_without_a_network_it_opens_says_so_and_comes_back(page: Page, dashboard: Dashboard) -> None:
    page.goto("/signals/")
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    controlled(page)
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("heading", name="Signals")).to_be_visible()
    # A page that was never opened, and is not among those that are always kept.
    page.goto("/billing/")
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    assert violations(page) == []
    page.context.set_offline(False)
    expect(page.get_by_text("Nobody is signed in")).to_be_visible()


def test_nothing_of_the_api_is_ever_kept(page: Page, dashboard: Dashboard) -> None:
    person = make_user(dashboard.served.settings)
    csrf = csrf_token(Vault.of(dashboard.served.settings), person.session_id)
    cookies = {"cap_access": person.token, "cap_csrf": csrf}
    page.context.add_cookies([{"name": name, "value": value, "url": dashboard.url} for name, value in cookies.items()])
    page.goto("/account/")
    controlled(page)
    for path in ("/account/", "/signals/", "/market/", "/alerts/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
    page.evaluate("fetch('/v1/users/me').then(reply => reply.text())")
    kept = page.evaluate(CACHED)
    assert "/signals/" in kept
    assert [path for path in kept if path.startswith(("/v1", "/problems", "/openapi"))] == []


def test_another_build_is_another_cache(page: Page, dashboard: Dashboard) -> None:
    page.goto("/signals/")
    controlled(page)
    page.evaluate("navigator.serviceWorker.register('/sw.js?build=another')")
    until(lambda: page.evaluate("caches.keys()") == ["dashboard-another"])


def test_a_browser_that_cannot_be_pushed_to_says_so(page: Page, dashboard: Dashboard) -> None:
    person = make_user(dashboard.served.settings)
    csrf = csrf_token(Vault.of(dashboard.served.settings), person.session_id)
    cookies = {"cap_access": person.token, "cap_csrf": csrf}
    page.context.add_cookies([{"name": name, "value": value, "url": dashboard.url} for name, value in cookies.items()])
    page.goto("/alerts/")
    push = page.get_by_role("region", name="Push")
    expect(push.get_by_role("paragraph")).to_contain_text(re.compile("This browser|Notifications"))
    expect(page.get_by_role("region", name="Telegram")).to_contain_text("has no bot")
    assert violations(page) == []


def pages() -> list[Path]:
    """Every page of the export."""
    return sorted(DEFAULT_FOLDER.rglob("*.html")) if DEFAULT_FOLDER.is_dir() else []


@pytest.mark.parametrize("page_file", pages(), ids=lambda path: str(path.relative_to(DEFAULT_FOLDER)))
def test_no_page_begins_with_more_script_than_it_may(page_file: Path) -> None:
    html = page_file.read_text()
    # Browsers of the last years pass over what is for those without modules.
    scripts = set(re.findall(r'<script[^>]*\ssrc="([^"]+)"(?![^>]*noModule)', html))
    assert scripts
    size = sum(len(gzip.compress((DEFAULT_FOLDER / one.lstrip("/")).read_bytes(), 9)) for one in scripts)
    assert size < MOST_SCRIPT_BYTES


@pytest.mark.parametrize("page_file", pages(), ids=lambda path: str(path.relative_to(DEFAULT_FOLDER)))
def test_every_page_is_hydrated_at_once(page_file: Path) -> None:
    # What is within a boundary is hydrated later than the shell, whose answers it may then draw instead of what
    # the page came with.
    assert re.search(r"<!--\$-->(?!<!--/?\$)", page_file.read_text()) is None


def test_the_market_page_stays_within_it_with_its_chart(page: Page) -> None:
    sizes: dict[str, int] = {}

    def note(reply: object) -> None:
        url, body = reply.url, reply.body  # type: ignore[attr-defined]
        if reply.request.resource_type == "script":  # type: ignore[attr-defined]
            sizes[url] = len(gzip.compress(body(), 9))

    page.on("requestfinished", lambda request: note(request.response()))
    page.goto("/market/")
    until(lambda: page.evaluate("() => Boolean(document.querySelector('[data-chart]')?.chart)"))
    page.wait_for_load_state("networkidle")
    assert 150_000 < sum(sizes.values()) < MOST_SCRIPT_BYTES, sizes
