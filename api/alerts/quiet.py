"""Quiet hours: by the clock on the wall of whoever is not to be woken, also on days when that clock is changed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MINUTE = timedelta(minutes=1)
# A window ends within a day; a day may be an hour or, where a zone moves over the date line, a day longer.
_LONGEST_MINUTES = 3 * 24 * 60


@lru_cache(maxsize=1_024)
def zone(name: str) -> ZoneInfo:
    """Time zone of an IANA name; UTC if there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def is_quiet(moment: datetime, start: time, end: time, zone_name: str) -> bool:
    """Whether the clock on the wall stands within ``[start, end)``, which may go over midnight."""
    wall = moment.astimezone(zone(zone_name)).time()
    return start <= wall < end if start < end else wall >= start or wall < end


def quiet_until(moment: datetime, start: time, end: time, zone_name: str) -> datetime:
    """First instant at or after ``moment`` that is not quiet.

    Every window begins and ends on a whole minute, and clocks are changed by whole minutes at whole minutes; so looking
    at each minute finds the end whatever the clock does in between.
    """
    if not is_quiet(moment, start, end, zone_name):
        return moment
    return _end(moment.astimezone(UTC).replace(second=0, microsecond=0), start, end, zone_name)


@lru_cache(maxsize=4_096)
def _end(minute: datetime, start: time, end: time, zone_name: str) -> datetime:
    for number in range(1, _LONGEST_MINUTES):
        moment = minute + number * _MINUTE
        if not is_quiet(moment, start, end, zone_name):
            return moment
    raise ValueError(f"quiet hours from {start} to {end} never end")
