"""The container image brings its kernels along and leaves nothing out that runs."""

from __future__ import annotations

import fnmatch
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGE = ROOT / "deploy" / "images"


def stages() -> list[list[str]]:
    """Instructions of each stage, continued lines joined."""
    text = (IMAGE / "Dockerfile").read_text().replace("\\\n", " ")
    found: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("FROM "):
            found.append([])
        if found and line.strip() and not line.startswith("#"):
            found[-1].append(" ".join(line.split()))
    return found


def settings(stage: list[str]) -> dict[str, str]:
    words = [word for line in stage if line.startswith("ENV ") for word in line.removeprefix("ENV ").split()]
    return dict(word.split("=", 1) for word in words)


def test_kernels_are_compiled_where_and_for_what_the_image_loads_them():
    build, final = stages()
    assert any(".venv/bin/cap warm" in line for line in build if line.startswith("RUN "))
    for name in ("CAP_KERNEL_CACHE", "CAP_KERNEL_CPU"):
        assert settings(build)[name] == settings(final)[name]
    assert "COPY --from=build /app /app" in final
    assert settings(final)["CAP_KERNEL_CACHE"].startswith("/app/")


def test_it_does_not_run_as_root():
    final = stages()[-1]
    assert "USER cap" in final
    assert final.index("USER cap") > max(k for k, line in enumerate(final) if line.startswith(("RUN ", "COPY ")))


def test_nothing_that_runs_is_left_out():
    ignored = [line for line in (IMAGE / "Dockerfile.dockerignore").read_text().split("\n") if line and line[0] != "#"]
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    needed = [*packages, "dbt_project", "pyproject.toml", "uv.lock", "README.md", "workspace.yaml"]
    for name in needed:
        assert (ROOT / name).exists()
        assert not any(fnmatch.fnmatch(name, pattern) for pattern in ignored), name
    for name in (".git", ".env", ".cap", ".venv"):
        assert any(fnmatch.fnmatch(name, pattern) for pattern in ignored), name
