"""Timeframes: their length, their grid, and the higher timeframe each is confirmed by."""

from __future__ import annotations

from enum import StrEnum

from engines.errors import BadParameter

_MINUTE_MS = 60_000
_WEEK_MS = 10_080 * _MINUTE_MS
# The Unix epoch was a Thursday; weekly bars open on Monday 00:00 UTC.
_WEEK_OFFSET_MS = 4 * 1_440 * _MINUTE_MS


class Timeframe(StrEnum):
    """A bar length. The value is the field's usual short name."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"
    W1 = "1w"

    @classmethod
    def _missing_(cls, value: object) -> Timeframe:
        raise BadParameter(f"unknown timeframe {value!r}; known are {', '.join(cls)}")

    @property
    def milliseconds(self) -> int:
        """Length of one bar in milliseconds."""
        return _MINUTES[self] * _MINUTE_MS

    @property
    def offset_ms(self) -> int:
        """Distance of the grid from the Unix epoch in milliseconds (weeks open on Monday)."""
        return _WEEK_OFFSET_MS if self is Timeframe.W1 else 0

    @property
    def higher(self) -> Timeframe | None:
        """The timeframe that confirms signals of this one; None for weekly bars."""
        return _HIGHER.get(self)

    def open_time(self, ts_ms: int) -> int:
        """Open time (ms) of the bar of this timeframe that holds the instant ``ts_ms``."""
        return (ts_ms - self.offset_ms) // self.milliseconds * self.milliseconds + self.offset_ms

    def is_multiple_of(self, other: Timeframe) -> bool:
        """Whether bars of this timeframe can be made from bars of ``other``."""
        return self.milliseconds % other.milliseconds == 0 and self.milliseconds >= other.milliseconds


_MINUTES = {
    Timeframe.M1: 1,
    Timeframe.M3: 3,
    Timeframe.M5: 5,
    Timeframe.M15: 15,
    Timeframe.M30: 30,
    Timeframe.H1: 60,
    Timeframe.H2: 120,
    Timeframe.H4: 240,
    Timeframe.H6: 360,
    Timeframe.H8: 480,
    Timeframe.H12: 720,
    Timeframe.D1: 1_440,
    Timeframe.W1: 10_080,
}

_HIGHER = {
    Timeframe.M1: Timeframe.M15,
    Timeframe.M3: Timeframe.M30,
    Timeframe.M5: Timeframe.H1,
    Timeframe.M15: Timeframe.H4,
    Timeframe.M30: Timeframe.H4,
    Timeframe.H1: Timeframe.D1,
    Timeframe.H2: Timeframe.D1,
    Timeframe.H4: Timeframe.D1,
    Timeframe.H6: Timeframe.D1,
    Timeframe.H8: Timeframe.D1,
    Timeframe.H12: Timeframe.D1,
    Timeframe.D1: Timeframe.W1,
}
