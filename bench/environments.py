"""Environments of the libraries the engines are measured against."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_PEERS = _HERE / "peers"
_ENVIRONMENTS = _HERE / ".peers"
_BOOTSTRAP = _HERE.parent / "deploy" / "bootstrap.py"
_INSTALL_SECONDS = 600


class PeerUnavailable(RuntimeError):
    """A peer cannot be installed or run; the message says why."""


@dataclass(frozen=True)
class Peer:
    """A library in an environment of its own.

    Attributes
    ----------
    name : str
        Of its list of requirements, and of its script if that has no name of its own.
    script : str
    """

    name: str
    script: str = ""

    def ask(
        self, request: dict[str, Any], timeout_s: float, environment: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Run the peer's script.

        Parameters
        ----------
        request : dict
            JSON values.
        timeout_s : float
            Seconds it may take.
        environment : dict, optional
            All variables it runs with.

        Raises
        ------
        PeerUnavailable
        """
        python = self._python()
        with tempfile.TemporaryDirectory() as folder:
            asked, answer = Path(folder) / "request.json", Path(folder) / "answer.json"
            asked.write_text(json.dumps(request))
            script = _PEERS / f"{self.script or self.name}.py"
            _run([str(python), str(script), str(asked), str(answer)], timeout_s, self.name, environment)
            return json.loads(answer.read_text())

    def _python(self) -> Path:
        """Python of the peer's environment, which is made when it is not there or its requirements have changed."""
        home = _ENVIRONMENTS / self.name
        wanted = (_PEERS / "requirements" / f"{self.name}.txt").read_text()
        done = home / "requirements.txt"
        python = home / "bin" / "python"
        if done.is_file() and done.read_text() == wanted and python.exists():
            return python
        uv = subprocess.run(
            [sys.executable, str(_BOOTSTRAP)], capture_output=True, text=True, check=True, timeout=_INSTALL_SECONDS
        ).stdout.strip()
        _run([uv, "venv", "--clear", "--python", sys.executable, str(home)], _INSTALL_SECONDS, self.name)
        requirements = str(_PEERS / "requirements" / f"{self.name}.txt")
        _run([uv, "pip", "install", "--python", str(python), "-r", requirements], _INSTALL_SECONDS, self.name)
        done.write_text(wanted)
        return python


def _run(command: list[str], timeout_s: float, name: str, environment: dict[str, str] | None = None) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=timeout_s, env=environment)
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.strip()] or ["no message"]
        raise PeerUnavailable(f"{name}: {lines[-1]}") from error
    except subprocess.TimeoutExpired as error:
        raise PeerUnavailable(f"{name}: not done after {timeout_s:.0f} s") from error
