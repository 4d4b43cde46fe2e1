"""A new user with nothing but the README: its block for subscribers is run as it stands, against a running platform."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"<!-- run by tests/end_to_end/test_readme_journey.py -->\n```sh\n(.*?)```", re.DOTALL)
_PORT = "9000"


@pytest.fixture
def home(tmp_path: Path):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CAP_") or "KERNEL" in name},
        "CAP_HOME": str(tmp_path / "home"),
        "CAP_API_PORT": "0",
        "CAP_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8",
        "PYTHONPATH": str(ROOT),
    }

    def cap(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deploy.cli.main", *arguments]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=420)

    up = cap("up", "--detach", "--source", "sim", "--market", "binance:BTCUSDT", "--timeframe", "1h")
    assert up.returncode == 0, up.stdout + up.stderr
    try:
        yield environment
    finally:
        assert cap("down").returncode == 0


def test_from_sign_up_to_a_signed_webhook(home: dict[str, str]) -> None:
    found = _BLOCK.search((ROOT / "README.md").read_text())
    assert found is not None, "the README has no block for subscribers"
    script = found[1].replace(".venv/bin/cap", f"{sys.executable} -m deploy.cli.main")
    assert _PORT in script
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=home, cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said
    for step in (
        '"detail":"if the address can be written to',
        '"status":"trialing"',
        '"signal_id"',
        "event: ready",
        '"plan":"pro"',
        "event: signal",
        # Printed by the receiver, which prints nothing that is not genuine.
        '"message": "This is a test',
    ):
        assert step in said, f"{step} is missing in\n{said}"
