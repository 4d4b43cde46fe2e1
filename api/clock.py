"""The time by which the API decides. Tests move it; nothing else asks for the time of day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Gives the present instant, aware and UTC."""


def system_clock() -> datetime:
    """Time of the machine."""
    return datetime.now(UTC)
