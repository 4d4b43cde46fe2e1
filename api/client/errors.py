"""What a call may raise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class WrongField:
    """What is wrong with one parameter."""

    field: str
    message: str


class ApiError(Exception):
    """The API answered with a problem (RFC 9457).

    Attributes
    ----------
    status : int
    kind : str
        Last part of the problem's ``type``, such as ``unknown-market``.
    title, detail : str
    request_id : str
        Finds the request in the server's logs.
    errors : sequence of WrongField
    retry_after : float, optional
        Seconds to wait before another try.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        request_id: str,
        errors: Sequence[WrongField] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {title}: {detail} (request {request_id})")
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.request_id = request_id
        self.errors = tuple(errors)
        self.retry_after = retry_after


class NoAnswer(Exception):
    """The API could not be reached, or broke off, however often it was tried."""
