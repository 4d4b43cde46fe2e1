"""The dashboard's files: what is in the folder, as it is, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.dashboard import DashboardRoute
from tests.api.conftest import Served, serve
from tests.stack_fixtures import bare_settings

SCRIPT = "self.greeting = 'hello <there>'"
PAGES = {
    "index.html": f"<html><head><script>{SCRIPT}</script><script src='/_next/static/a.js'></script></head>start</html>",
    "signals/index.html": "<html>signals</html>",
    "404.html": "<html>nothing here</html>",
    "_next/static/chunks/abc123.js": "console.log(1);" * 200,
    "sw.js": "self.addEventListener('fetch', () => undefined)",
    "manifest.webmanifest": "{}",
    "icon.png": "\x89PNG",
}
BROWSER = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dashboard") / "out"
    for name, text in PAGES.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="latin-1")
    (made.parent / "secret.txt").write_text("not to be seen")
    return made


@pytest.fixture(scope="module")
def shown(folder: Path) -> Iterator[Served]:
    with serve(bare_settings(ui_dir=folder)) as running:
        yield running


def test_every_file_is_sent_as_it_is(shown: Served) -> None:
    for name, text in PAGES.items():
        path = "/" + name.removesuffix("index.html")
        reply = shown.client.get(path)
        assert (reply.status_code, reply.content) == (200, text.encode("latin-1")), path
        assert reply.headers["x-content-type-options"] == "nosniff"
    assert shown.client.get("/sw.js").headers["content-type"] == "text/javascript; charset=utf-8"
    assert shown.client.get("/manifest.webmanifest").headers["content-type"].startswith("application/manifest+json")


def test_what_has_its_hash_in_its_name_is_kept_and_everything_else_asked_for(shown: Served) -> None:
    assert "immutable" in shown.client.get("/_next/static/chunks/abc123.js").headers["cache-control"]
    for path in ("/", "/sw.js", "/signals/"):
        first = shown.client.get(path)
        assert first.headers["cache-control"] == "no-cache"
        again = shown.client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_a_page_may_run_only_the_scripts_that_were_built_into_it(shown: Served) -> None:
    policy = shown.client.get("/").headers["content-security-policy"]
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert "http" not in policy
    # Of another page, which has no such script, it may not.
    assert digest not in shown.client.get("/signals/").headers["content-security-policy"]


def test_it_is_packed_for_who_can_unpack_it(shown: Served) -> None:
    path = "/_next/static/chunks/abc123.js"
    packed = shown.client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = shown.client.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 10
    assert packed.headers["vary"] == "Accept-Encoding"


def test_an_address_without_its_slash_is_led_to_the_page(shown: Served) -> None:
    reply = shown.client.get("/signals?market=a%3Ab", follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (308, "/signals/?market=a%3Ab")


def test_a_path_that_leads_nowhere_is_told_to_people_in_a_page_and_to_programs_as_a_problem(shown: Served) -> None:
    page = shown.client.get("/nowhere", headers=BROWSER)
    assert (page.status_code, page.text) == (404, PAGES["404.html"])
    for path, headers in (("/nowhere", {}), ("/v1/nowhere", BROWSER), ("/v1/signals/nowhere/at/all", {})):
        reply = shown.client.get(path, headers=headers)
        assert reply.status_code == 404
        assert reply.headers["content-type"] == "application/problem+json", path


def test_the_routes_of_the_api_count_first(shown: Served) -> None:
    assert shown.client.get("/healthz", headers=BROWSER).json()["status"] == "ok"
    assert shown.client.delete("/v1/signals").status_code == 405
    assert shown.client.post("/").status_code in (404, 405)
    assert shown.client.get("/openapi.json", headers=BROWSER).json()["openapi"].startswith("3.1")


def test_a_head_has_the_length_and_no_body(shown: Served) -> None:
    reply = shown.client.head("/", headers={"Accept-Encoding": "identity"})
    assert (reply.status_code, reply.content) == (200, b"")
    assert int(reply.headers["content-length"]) == len(PAGES["index.html"])


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/signals/../../secret.txt",
        "/..%2fsecret.txt",
        "/_next/static/..%2f..%2f..%2fsecret.txt",
        "/signals/%00",
        "/./index.html",
        "//signals",
        "//evil.example/..",
    ],
)
def test_no_path_leads_out_of_the_folder(shown: Served, path: str) -> None:
    # Not by a client that tidies paths up before it sends them.
    connection = http.client.HTTPConnection("127.0.0.1", shown.port, timeout=20)
    connection.request("GET", path)
    reply = connection.getresponse()
    assert reply.status == 404
    assert b"not to be seen" not in reply.read()
    connection.close()


def test_files_are_counted_under_one_name(shown: Served) -> None:
    shown.client.get("/sw.js")
    metrics = shown.client.get("/metrics").text
    assert re.search(r'route="/\{dashboard\}"', metrics)
    assert "/sw.js" not in metrics


def test_without_a_build_there_is_only_the_api(tmp_path: Path) -> None:
    with serve(bare_settings(ui_dir=tmp_path)) as running:
        reply = running.client.get("/", headers=BROWSER)
    assert reply.status_code == 404
    assert reply.headers["content-type"] == "application/problem+json"


def test_an_empty_folder_has_no_file(tmp_path: Path) -> None:
    assert len(DashboardRoute(tmp_path)) == 0
