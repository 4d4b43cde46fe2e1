"""Why a stream ends, as a client is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from api.streams.events import Notice


@dataclass(frozen=True)
class Ending:
    """How a stream is ended.

    Attributes
    ----------
    notice : Notice
        Kind of the last message.
    code : int
        Close code of a WebSocket.
    reason : str
    more : dict
        Further fields of the last message.
    """

    notice: Notice
    code: int
    reason: str
    more: dict[str, Any] = field(default_factory=dict[str, Any])


LAGGED = Ending(Notice.LAGGED, 4408, "this reader does not keep up; resume from its cursor")
SIGNED_OUT = Ending(Notice.CLOSED, 4401, "the credentials are no longer good; sign in again")
FORBIDDEN = Ending(Notice.CLOSED, 4403, "the credentials may no longer open streams")
TOO_MANY = Ending(Notice.CLOSED, 4429, "the plan allows no more streams at once")
FAULT = Ending(Notice.CLOSED, 1011, "a fault of the server; resume from the cursor")


def reconnect(after_ms: int) -> Ending:
    """Make the ending of a server that stops: come back after a while, which differs from reader to reader."""
    return Ending(Notice.RECONNECT, 1012, "the server restarts; resume from the cursor", {"after_ms": after_ms})
