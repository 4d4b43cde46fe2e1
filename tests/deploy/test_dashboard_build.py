"""The dashboard is built by the Node of the environment, when its sources have changed, and says why when it cannot be."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from deploy import dashboard
from deploy.openapi.typescript import is_current


def test_the_types_are_those_of_the_api() -> None:
    assert is_current(), "run make client"


def test_node_is_the_one_of_the_environment() -> None:
    said = subprocess.run([dashboard.node(), "--version"], capture_output=True, text=True, check=True).stdout
    assert int(said.removeprefix("v").split(".")[0]) >= 24
    assert Path(dashboard.npm()[1]).is_file()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package that needs no other one, whose build says what it is told to."""
    (tmp_path / "package.json").write_text(
        json.dumps({"name": "small", "version": "1.0.0", "scripts": {"good": "node good.js", "bad": "node bad.js"}})
    )
    lock = {"name": "small", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "small"}}}
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    (tmp_path / "good.js").write_text("console.log('good')")
    (tmp_path / "bad.js").write_text("console.error('the third line is wrong'); process.exit(3)")
    (tmp_path / "node_modules" / "next" / "dist" / "bin").mkdir(parents=True)
    return tmp_path


def installed(folder: Path, build: str) -> None:
    dashboard.install(lambda _: None, folder=folder)
    program = folder / "node_modules" / "next" / "dist" / "bin" / "next"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(build)


MAKES_A_PAGE = (
    "const fs = require('fs'); fs.mkdirSync('out', {recursive: true}); fs.appendFileSync('out/index.html', 'x')"
)


def test_it_is_built_once_until_its_sources_change(folder: Path) -> None:
    installed(folder, MAKES_A_PAGE)
    told: list[str] = []
    for _ in range(3):
        dashboard.build(told.append, folder=folder)
    assert (folder / "out" / "index.html").read_text() == "x"
    (folder / "good.js").write_text("console.log('better')")
    dashboard.build(told.append, folder=folder)
    assert (folder / "out" / "index.html").read_text() == "xx"
    (folder / "some.test.ts").write_text("a test is no part of it")
    dashboard.build(told.append, folder=folder)
    assert (folder / "out" / "index.html").read_text() == "xx"
    dashboard.build(told.append, folder=folder, anew=True)
    assert (folder / "out" / "index.html").read_text() == "xxx"
    assert told.count("The dashboard is being built ...") == 3


def test_a_build_that_fails_says_what_was_said_and_is_tried_again(folder: Path) -> None:
    installed(folder, "console.error('page.tsx: no such thing'); process.exit(1)")
    for _ in range(2):
        with pytest.raises(dashboard.DashboardFailed, match=r"page\.tsx: no such thing"):
            dashboard.build(lambda _: None, folder=folder)
    assert not (folder / "out" / ".built-of").exists()


def test_a_check_that_fails_ends_the_checks(folder: Path) -> None:
    told: list[str] = []
    dashboard.check(["good"], told.append, folder=folder)
    with pytest.raises(dashboard.DashboardFailed, match=r"ended with 3 in .*\n  the third line is wrong"):
        dashboard.check(["bad", "good"], told.append, folder=folder)
    assert told == [
        "The packages of the dashboard are being brought ...",
        "The dashboard's good ...",
        "The dashboard's bad ...",
    ]
