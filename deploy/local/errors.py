"""What can go wrong with the local stack, said so that a person knows what to do."""

from __future__ import annotations


class LocalStackError(RuntimeError):
    """The local stack cannot do what was asked; the message is one plain sentence."""


class HomeBusy(LocalStackError):
    """Another process already runs on the home folder."""


class ServiceFailed(LocalStackError):
    """A service did not start or did not become ready in time."""
