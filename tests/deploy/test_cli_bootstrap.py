"""Setting up from a bare Python: which uv is taken, and that a wrong file is not."""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import io
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
_FAKE_UV = "#!/bin/sh\necho 'uv 0.13.9 (fake)'\n"


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "deploy" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module.platform, "system", lambda: "Linux")
    monkeypatch.setattr(module.platform, "machine", lambda: "x86_64")
    return module


def _wheel() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("uv-0.13.9.data/scripts/uv", _FAKE_UV)
        archive.writestr("uv/__init__.py", "")
    return stream.getvalue()


@pytest.fixture
def index(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """A package index on loopback with one wheel."""
    wheel = _wheel()
    name = f"uv-{bootstrap.UV_VERSION}-py3-none-{bootstrap.WHEELS['Linux', 'x86_64'][0]}.whl"

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = f'<a href="../../files/{name}#sha256=abc">{name}</a>'.encode()
            body = page if self.path == "/simple/uv/" else wheel
            self.send_response(200 if self.path in ("/simple/uv/", f"/files/{name}") else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{server.server_port}/simple/")
        yield wheel
        server.shutdown()


def test_a_wheel_is_fetched_checked_and_unpacked_without_pip(
    bootstrap: ModuleType, index: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = bootstrap.WHEELS["Linux", "x86_64"][0]
    monkeypatch.setitem(bootstrap.WHEELS, ("Linux", "x86_64"), (tag, hashlib.sha256(index).hexdigest()))
    monkeypatch.setattr(bootstrap, "install_by_pip", lambda folder: False)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    uv = bootstrap.find_uv(tmp_path / "tools")
    assert uv == tmp_path / "tools" / "bin" / "uv"
    assert subprocess.run([uv, "--version"], capture_output=True, text=True, check=True).stdout.startswith("uv 0.13.9")


@pytest.mark.usefixtures("index")
def test_another_file_than_the_pinned_one_is_refused(bootstrap: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(bootstrap.Unavailable, match="SHA-256 differs"):
        bootstrap.install_by_hand(tmp_path / "tools")
    assert not (tmp_path / "tools").exists()


def test_nothing_is_fetched_in_the_clear(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://user:secret@mirror.example/simple")
    with pytest.raises(bootstrap.Unavailable, match="not an https address") as refused:
        bootstrap.install_by_hand(tmp_path)
    assert "secret" not in str(refused.value)


def test_an_index_out_of_reach_is_said_plainly(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    with pytest.raises(bootstrap.Unavailable, match=r"cannot be read .* check the connection"):
        bootstrap.install_by_hand(tmp_path)


@pytest.mark.parametrize(
    ("version", "good"), [("uv 0.9.0", True), ("uv 1.0.2 (x)", True), ("uv 0.8.9", False), ("?", False)]
)
def test_an_uv_too_old_is_not_used(bootstrap: ModuleType, tmp_path: Path, version: str, good: bool) -> None:
    program = tmp_path / "uv"
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(0o755)
    assert bootstrap.usable(program) is good
    assert not bootstrap.usable(tmp_path / "none")


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
def test_a_python_that_cannot_be_used_is_refused(bootstrap: ModuleType, version: tuple[int, int]) -> None:
    with pytest.raises(bootstrap.Unavailable, match=r"install Python 3\.11, 3\.12 or 3\.13"):
        bootstrap.check_python(version)
    bootstrap.check_python((3, 12))


def test_the_standard_library_is_all_it_needs() -> None:
    script = f"import runpy; runpy.run_path({str(ROOT / 'deploy' / 'bootstrap.py')!r})"
    subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True)


def test_make_says_in_plain_words_that_there_is_no_python(tmp_path: Path) -> None:
    for tool in ("sh", "find", "test"):
        (tmp_path / tool).symlink_to(Path("/usr/bin") / tool if (Path("/usr/bin") / tool).exists() else f"/bin/{tool}")
    make = "/usr/bin/make"
    if not Path(make).exists():
        pytest.skip("no make here")
    done = subprocess.run(
        [make, "-C", str(ROOT), "-W", "uv.lock", "up", "SYNCED=.venv/.never"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "Python 3.11, 3.12 or 3.13 is needed and none was found" in done.stderr
