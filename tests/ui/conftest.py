"""The dashboard as it was built, served by the real API over real stores, in a real browser."""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from pydantic import SecretStr

from api.dashboard import DEFAULT_FOLDER
from deploy.dashboard import UI
from deploy.local.stack import LocalStack
from stores import database, warehouse
from tests.api.conftest import Served, serve
from tests.api.mail_servers import Taken, mail_server
from tests.api.processes import until
from tests.api.streaming import working
from tests.api.world import fill
from tests.stack_fixtures import empty

AXE = UI / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = Path(os.environ.get("CAP_UI_SCREENSHOTS") or Path(__file__).parent / "screenshots")
"""Where the last picture of each test is kept, to be looked at."""
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_HERE = {"webhook_allow_private": ("127.0.0.0/8",)}
_LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@dataclass(frozen=True)
class Dashboard:
    """The dashboard with the API behind it, and the mails it sent."""

    url: str
    served: Served
    mails: Taken

    def link(self, address: str, path: str) -> str:
        """Wait for a mail to an address and find the link to a path in it."""
        found: list[str] = []

        def arrived() -> bool:
            for recipient, mail in zip(self.mails.recipients, self.mails.mails, strict=True):
                text = mail.get_body(("plain",))
                if recipient == address and text is not None:
                    found.extend(re.findall(rf"{re.escape(self.url)}{path}\S+", text.get_content()))
            return bool(found)

        until(arrived)
        return found[-1]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    if _CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium: apt-get install chromium")
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def dashboard(stack: LocalStack) -> Iterator[Dashboard]:
    """The dashboard over a small world, with a worker that sends its mails."""
    if not (DEFAULT_FOLDER / "index.html").is_file():
        if os.environ.get("CI"):
            pytest.fail("the dashboard is not built: make test builds it")
        pytest.skip("the dashboard is not built; make test builds it")
    empty(stack)
    warehouse.migrate(stack.settings)
    database.migrate(stack.settings)
    fill(stack.settings)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with mail_server() as mails:
        settings = stack.settings.model_copy(
            update={"smtp_url": SecretStr(f"smtp://127.0.0.1:{mails.port}"), "public_url": url, **_HERE}
        )
        with working(settings), serve(settings, port=port) as served:
            yield Dashboard(url, served, mails)


@pytest.fixture(params=["dark", "light"])
def page(request: pytest.FixtureRequest, browser: Browser, dashboard: Dashboard) -> Iterator[Page]:
    """A page of a new browser profile, in either theme. What it says to its console or cannot load fails the test."""
    context = browser.new_context(base_url=dashboard.url, color_scheme=request.param, locale="en-GB", timezone_id="UTC")
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.set_default_timeout(20_000)
    try:
        yield opened
    finally:
        name = re.sub(r"[^\w.-]+", "_", request.node.name)
        opened.screenshot(path=SCREENSHOTS / f"{request.module.__name__.rsplit('.', 1)[-1]}-{name}.png")
        context.close()
    # Refusals that were expected are told of by the browser too, and so is what a test without a network cannot load.
    expected = ("the server responded with a status of 4", "net::ERR_INTERNET_DISCONNECTED", "net::ERR_FAILED")
    unexpected = [text for text in said if not any(one in text for one in expected)]
    assert not unexpected, unexpected


def violations(page: Page) -> list[str]:
    """What of WCAG 2.2 AA the page breaks, as axe finds it."""
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate(
        "levels => axe.run(document, {runOnly: {type: 'tag', values: levels}}).then(found => found.violations)", _LEVELS
    )
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]
