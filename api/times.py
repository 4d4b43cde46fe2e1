"""Instants as the API reads and writes them: RFC 3339, UTC, milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Beyond what any bar can bear and within what every store can compare."""

_FORM = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](?P<clock>\d{2}:\d{2})(?::(?P<second>\d{2})(?P<fraction>\.\d{1,30})?)?(?P<zone>[Zz]|[+\- ]\d{2}:\d{2})?)?",
    re.ASCII,
)


def parse_instant(text: str) -> datetime:
    """Read an instant: RFC 3339, or a date for its midnight. Without an offset it is UTC.

    Instants before 1970 or after 2199 are moved to those bounds: as limits of a search they mean the same.

    Raises
    ------
    ValueError
        If the text has another form or names no instant.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("write an instant as 2024-01-31T13:45:00.000Z, or a day as 2024-01-31")
    second = match["second"] or "00"
    # A leap second is legal in RFC 3339 and unknown to the calendar here; the second before it is the nearest.
    clock = f"{match['clock'] or '00:00'}:{'59' if second == '60' else second}"
    # An unescaped plus sign reaches a server as a space.
    zone = (match["zone"] or "Z").upper().replace(" ", "+").replace("Z", "+00:00")
    fraction = (match["fraction"] or ".0")[1:7].ljust(6, "0")
    moment = datetime.fromisoformat(f"{match['date']}T{clock}.{fraction}{zone}")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        return EARLIEST if moment.year == 1 else LATEST
    return min(max(moment, EARLIEST), LATEST)


def format_instant(moment: datetime | None) -> str | None:
    """Write an aware instant as ``2024-01-31T13:45:00.000Z``; None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, rounded up: times in whole milliseconds compare with the result as with the instant."""
    delta = moment - EARLIEST
    return (delta.days * 86_400 + delta.seconds) * 1_000 - (-delta.microseconds // 1_000)


def _read(value: Any) -> Any:
    return parse_instant(value) if isinstance(value, str) else value


Instant = Annotated[
    datetime,
    BeforeValidator(_read),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2024-01-31T13:45:00.000Z"]}),
]
"""A query parameter that holds an instant."""
