"""Fixtures every suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest_plugins = ["tests.stack_fixtures"]

ROOT = Path(__file__).resolve().parent.parent


def _data_folder() -> Path:
    configured = os.environ.get("CAP_TEST_DATA")
    return Path(configured) if configured else ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of recorded market data; tests that need it skip where it is absent, and fail in CI."""
    folder = _data_folder()
    if not (folder / "candles").is_dir():
        message = "recorded market data is not on this machine (set CAP_TEST_DATA to its folder)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{message}; CI must have it")
        pytest.skip(message)
    return folder
