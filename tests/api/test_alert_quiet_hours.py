"""Quiet hours by the clock on the wall, also on the days when it is changed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from api.alerts.quiet import is_quiet, quiet_until
from api.alerts.rules import QuietHours

BERLIN = "Europe/Berlin"


def _at(text: str, zone: str = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "start", "end", "expected"),
    [
        # An ordinary night, over midnight.
        ("2026-01-10T23:30", "22:00", "07:00", "2026-01-11T07:00"),
        ("2026-01-10T06:59:59", "22:00", "07:00", "2026-01-10T07:00"),
        ("2026-01-10T07:00", "22:00", "07:00", "2026-01-10T07:00"),
        ("2026-01-10T21:59:59", "22:00", "07:00", "2026-01-10T21:59:59"),
        ("2026-01-10T12:00", "09:00", "17:00", "2026-01-10T17:00"),
        # 2026-03-29: 02:00 becomes 03:00. The night is an hour shorter.
        ("2026-03-28T23:30", "22:00", "07:00", "2026-03-29T07:00"),
        # An end that does not exist that night: the clock passes it at the change.
        ("2026-03-29T01:30", "22:00", "02:30", "2026-03-29T03:00"),
        # A window that does not exist that night at all.
        ("2026-03-29T01:59", "02:00", "03:00", "2026-03-29T01:59"),
        ("2026-03-29T03:00", "02:00", "03:00", "2026-03-29T03:00"),
        # 2026-10-25: 03:00 becomes 02:00. The night is an hour longer.
        ("2026-10-24T23:30", "22:00", "07:00", "2026-10-25T07:00"),
    ],
)
def test_they_end_when_the_wall_clock_says_so(moment: str, start: str, end: str, expected: str) -> None:
    got = quiet_until(_at(moment), time.fromisoformat(start), time.fromisoformat(end), BERLIN)
    assert got == _at(expected)


def test_the_night_that_changes_the_clock_is_as_long_as_it_really_is() -> None:
    spring = quiet_until(_at("2026-03-28T22:00"), time(22), time(7), BERLIN) - _at("2026-03-28T22:00")
    autumn = quiet_until(_at("2026-10-24T22:00"), time(22), time(7), BERLIN) - _at("2026-10-24T22:00")
    assert (spring, autumn) == (timedelta(hours=8), timedelta(hours=10))


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    once, twice = _at("2026-10-25T02:30"), _at("2026-10-25T02:30", fold=1)
    assert twice - once == timedelta(hours=1)
    assert is_quiet(once, time(2), time(3), BERLIN)
    assert is_quiet(twice, time(2), time(3), BERLIN)
    assert quiet_until(once, time(2), time(3), BERLIN) == _at("2026-10-25T03:00")


ZONES = st.sampled_from(sorted(name for name in available_timezones() if "/" in name))
CLOCKS = st.times(timezones=st.none()).map(lambda value: value.replace(second=0, microsecond=0))


@settings(max_examples=300, deadline=None)
@given(
    moment=st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(lambda value: value.replace(tzinfo=UTC)),
    start=CLOCKS,
    end=CLOCKS,
    name=ZONES,
)
def test_the_end_is_the_first_instant_that_is_not_quiet(moment: datetime, start: time, end: time, name: str) -> None:
    if start == end:
        return
    got = quiet_until(moment, start, end, name)
    assert not is_quiet(got, start, end, name)
    assert moment <= got <= moment + timedelta(hours=26)
    # By steps that do not follow the implementation's.
    step = timedelta(seconds=47)
    looked = moment
    while looked < got:
        assert is_quiet(looked, start, end, name)
        looked += step


def test_an_unknown_zone_is_utc() -> None:
    assert is_quiet(datetime(2026, 1, 1, 23, tzinfo=UTC), time(22), time(7), "Mars/Olympus")


@pytest.mark.parametrize(
    "hours",
    [
        {"start": "22:00", "end": "22:00"},
        {"start": "24:00", "end": "07:00"},
        {"start": "22:00:30", "end": "07:00"},
        {"start": "22:00Z", "end": "07:00"},
        {"start": "9", "end": "07:00"},
        {"start": 3600, "end": "07:00"},
        {"start": "22:00", "end": "07:00", "then": "later"},
        {"start": "22:00", "end": "07:00", "zone": "UTC"},
    ],
)
def test_hours_that_are_none_are_refused(hours: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        QuietHours.model_validate(hours)
