"""Calls to an exchange, repeated only for errors on a written list, with growing and scattered waits."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engines.ingestion.vocabulary import SourceError, SourceUnavailable

T = TypeVar("T")

TRANSIENT_ERRORS = (
    "RequestTimeout",
    "DDoSProtection",
    "RateLimitExceeded",
    "ExchangeNotAvailable",
    "OnMaintenance",
    "InvalidNonce",
    "NetworkError",
    "BadResponse",
    "NullResponse",
)
"""ccxt's errors that may pass by themselves. Every other is a fact about the request and fails at once.

They are matched by the exact class, so that an error ccxt adds under one of them is not retried unread.
"""

# Answers that come as one of the errors above but will be the same next time: not found, gone, refused by country.
_FINAL_STATUS = frozenset({400, 403, 404, 405, 410, 451})


class MalformedReply(Exception):
    """A reply that is not the candles it should be: cut off, or of another shape."""


@dataclass
class Retry:
    """How often and how patiently a call is repeated.

    Attributes
    ----------
    attempts : int
        Calls in all.
    first_wait, longest_wait : float
        Seconds. The wait doubles from the first to the longest; each is scattered down to half.
    longest_asked : float
        Seconds; an exchange that asks (``Retry-After``) to stay away for longer is left alone: the call fails at once.
    sleep, scatter : callable
        Waits a number of seconds; gives a number in [0, 1).
    """

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 30.0
    longest_asked: float = 120.0
    sleep: Callable[[float], None] = time.sleep
    scatter: Callable[[], float] = field(default=random.random)

    def call(self, client: Any, what: str, request: Callable[[], T]) -> T:
        """Return what ``request`` returns.

        Parameters
        ----------
        client : ccxt.Exchange
            Client the request goes through; its last reply's status and headers are read.
        what : str
            What is asked for, for the error's words.
        request : callable
            Makes one request.

        Raises
        ------
        SourceUnavailable
            If the exchange cannot be reached, or kept failing.
        SourceError
            If it refuses the request.
        """
        wait = self.first_wait
        for attempt in range(1, self.attempts + 1):
            client.last_response_headers = None
            try:
                return request()
            except MalformedReply as error:
                failure: Exception = error
            except Exception as error:
                if type(error).__module__.partition(".")[0] != "ccxt":
                    raise
                failure = error
                if type(error).__name__ not in TRANSIENT_ERRORS or _is_final(error):
                    raise self._gives_up(client, what, error, attempt) from error
            asked = _asked_wait(client)
            if attempt == self.attempts or asked > self.longest_asked:
                raise self._gives_up(client, what, failure, attempt, asked) from failure
            self.sleep(max(asked, wait * (0.5 + 0.5 * self.scatter())))
            wait = min(wait * 2, self.longest_wait)
        raise AssertionError("attempts must be at least 1")

    def _gives_up(self, client: Any, what: str, error: Exception, attempt: int, asked: float = 0.0) -> SourceError:
        kind = type(error).__name__
        detail = str(error).replace("\n", " ")[:300]
        if isinstance(error, MalformedReply) or kind in TRANSIENT_ERRORS:
            after = f" after {attempt} attempts" if attempt > 1 else ""
            patience = f"; it asks to wait {asked:g} s" if asked > self.longest_asked else ""
            return SourceUnavailable(
                f"{client.id} could not give {what}{after}{patience} ({kind}: {detail}); check the network and try again, "
                "or use --source files:PATH or --source sim"
            )
        if "SSLError" in repr(error.__cause__) or "SSL" in detail:
            return SourceUnavailable(
                f"{client.id} could not be reached safely: its certificate was not accepted ({detail}); "
                "check for a proxy between, or use --source files:PATH or --source sim"
            )
        return SourceError(f"{client.id} refused to give {what} ({kind}: {detail})")


def _is_final(error: Exception) -> bool:
    """Whether an answer's status says that asking again is of no use."""
    # ccxt raises some of its errors "from" the HTTP error and some while handling it.
    http = error.__cause__ or error.__context__
    return getattr(getattr(http, "response", None), "status_code", None) in _FINAL_STATUS


def _asked_wait(client: Any) -> float:
    """Seconds the last reply's ``Retry-After`` asks for, 0 if it does not say."""
    headers: Mapping[str, str] = client.last_response_headers or {}
    try:
        return max(float(headers.get("Retry-After", 0)), 0.0)
    except (TypeError, ValueError):
        return 0.0
