"""Instants: RFC 3339 in and out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.times import EARLIEST, LATEST, format_instant, parse_instant, to_milliseconds

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(INSTANTS, OFFSETS)
def test_any_offset_means_the_same_instant(moment: datetime, offset: timezone) -> None:
    assert parse_instant(moment.astimezone(offset).isoformat()) == moment


@given(INSTANTS)
def test_what_is_written_is_read(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)
    written = format_instant(moment)
    assert written is not None
    assert written.endswith("Z")
    assert len(written) == len("2024-01-31T13:45:00.000Z")
    assert parse_instant(written) == moment
    assert to_milliseconds(moment) == round(moment.timestamp() * 1_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", "2024-01-31T00:00:00.000Z"),
        ("2024-01-31T13:45", "2024-01-31T13:45:00.000Z"),
        ("2024-01-31t13:45:01z", "2024-01-31T13:45:01.000Z"),
        ("2024-01-31 13:45:01Z", "2024-01-31T13:45:01.000Z"),
        ("2024-01-31T13:45:01.5", "2024-01-31T13:45:01.500Z"),
        ("2024-01-31T13:45:01.123456789Z", "2024-01-31T13:45:01.123Z"),
        ("2024-01-31T13:45:01 01:00", "2024-01-31T12:45:01.000Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000Z"),
        ("0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59-14:00", "2200-01-01T00:00:00.000Z"),
        ("1066-10-14", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_forms_that_are_understood(text: str, expected: str) -> None:
    assert format_instant(parse_instant(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1704067200",
        "2024-1-1",
        "2024-02-30",
        "2024-01-31T25:00:00Z",
        "2024-01-31T13:45:00+25:00",
        "2024-01-31T13",
        "2024-01-31T13:45:00Z ",
        "٢٠٢٤-01-31",
        "2024-01-31T13:45:00\x00",
        "0000-01-01",
        "2024-W01-1",
    ],
)
def test_forms_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_instant(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        moment = parse_instant(text)
    except ValueError:
        return
    assert EARLIEST <= moment <= LATEST


def test_finer_digits_round_up_so_that_comparisons_hold() -> None:
    whole = datetime(2024, 1, 1, tzinfo=UTC)
    assert to_milliseconds(whole + timedelta(microseconds=1)) == to_milliseconds(whole) + 1
    assert to_milliseconds(whole + timedelta(milliseconds=1)) == to_milliseconds(whole) + 1
    assert format_instant(None) is None
