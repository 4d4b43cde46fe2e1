"""How a command ends when it does not do what was asked."""

from __future__ import annotations


class CommandFailed(RuntimeError):
    """It could not be done; the message says why and what to do. Exit code 1."""


class WrongUse(ValueError):
    """What was asked makes no sense; the message says what would. Exit code 2."""
