"""Kernels of the simulated market: a walk over days, and within each day a bridge of minutes from its open to its close.

The walk over days is cheap enough to be made anew from the first day each time; so any day's open and close are known
without its minutes, and a day's minutes without those of other days.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from engines.kernel import kernel

MINUTES_PER_DAY = 1_440
DAY_FIELDS = 4
"""Rows of the array of days: open, close, regime, standard deviation of the day's return."""

_U64 = np.uint64
_GOLDEN = _U64(0x9E3779B97F4A7C15)
_MIX_1 = _U64(0xBF58476D1CE4E5B9)
_MIX_2 = _U64(0x94D049BB133111EB)
_S11, _S27, _S30, _S31 = _U64(11), _U64(27), _U64(30), _U64(31)
_S16, _S32, _S48, _LANE = _U64(16), _U64(32), _U64(48), _U64(0xFFFF)

# Draws of one day or minute are numbered, so that each has a counter of its own.
_STREAMS = _U64(16)
_DAYS_STREAM = _U64(1 << 60)
_SPELLS_STREAM = _U64(1 << 61)

# Regimes and spells: up, down, sideways, wild.
_UP, _DOWN, _SIDEWAYS, _WILD = 0, 1, 2, 3
_DAY_DRIFT = np.array([0.008, -0.008, 0.0, 0.0])
_DAY_VOLATILITY = np.array([0.022, 0.028, 0.014, 0.048])
_REGIME_SHARE = np.array([0.33, 0.58, 0.90, 1.0])
_SPELL_SHARE = np.array(
    [[0.45, 0.58, 0.92, 1.0], [0.13, 0.58, 0.92, 1.0], [0.15, 0.30, 0.97, 1.0], [0.25, 0.50, 0.65, 1.0]]
)
_SPELL_DRIFT = np.array([0.45, -0.45, 0.0, 0.0])
_SPELL_VOLATILITY = np.array([0.95, 1.05, 0.75, 1.9])
_SPELL_MINUTES = 240
_SIDEWAYS_PULL = 0.02
_CHANGE_OF_REGIME = 0.07
_LARGEST_DAY = 0.25

# The level prices are drawn to, and how strongly, so that years of walking stay within an order of magnitude of it.
_GROWTH_PER_DAY = 0.0011
_PULL = 0.02

# Variance follows GARCH(1, 1) with mean 1, over days and, from 1 again each day, over minutes.
_DAY_GARCH = (0.10, 0.82, 0.08)
_MINUTE_GARCH = (0.03, 0.90, 0.07)
# One draw in fifty is 2.5 times as large; the factor brings the variance back to 1.
_TAIL_CHANCE, _TAIL = 0.02, 2.5
_TAIL_NORM = 1.0 / math.sqrt(1.105)
_COMMON, _OWN = 0.8, 0.6

# Activity by hour of the day (UTC): quiet nights, Europe, the open of New York.
_HOUR = np.concatenate(
    (
        np.array([0.95, 0.90, 0.85, 0.80, 0.75, 0.75, 0.80, 0.95, 1.05, 1.05, 1.00, 1.00]),
        np.array([1.10, 1.30, 1.45, 1.40, 1.25, 1.15, 1.05, 1.00, 1.00, 0.95, 0.90, 0.90]),
    )
)
_WEEKEND = 0.7
_NOTIONAL_PER_MINUTE = 600_000.0
_VOLUME_SCALE = 100_000.0

FloatArray = npt.NDArray[np.float64]


@kernel
def _bits(key: np.uint64, counter: np.uint64) -> np.uint64:
    """64 random bits of a counter (SplitMix64's finalizer, twice, so that keys do not shift into each other)."""
    x = key + counter * _GOLDEN
    x = (x ^ (x >> _S30)) * _MIX_1
    x = (x ^ (x >> _S27)) * _MIX_2
    x = (x ^ (x >> _S31)) + key * _MIX_1
    x = (x ^ (x >> _S30)) * _MIX_1
    x = (x ^ (x >> _S27)) * _MIX_2
    return x ^ (x >> _S31)


@kernel
def _uniform(key: np.uint64, counter: np.uint64) -> float:
    """Number in [0, 1)."""
    return np.float64(_bits(key, counter) >> _S11) * 1.1102230246251565e-16


@kernel
def _normal(key: np.uint64, counter: np.uint64) -> float:
    """Nearly normal number of mean 0 and variance 1: the sum of four 16-bit uniforms."""
    x = _bits(key, counter)
    total = np.float64(x & _LANE) + np.float64((x >> _S16) & _LANE) + np.float64((x >> _S32) & _LANE)
    return (total + np.float64(x >> _S48) - 131_070.0) / 37_837.22767


@kernel
def _with_tail(z: float, chance: float) -> float:
    """Deviate made fat-tailed by a uniform number."""
    return z * _TAIL_NORM * (_TAIL if chance < _TAIL_CHANCE else 1.0)


@kernel
def _pick(shares: FloatArray, chance: float) -> int:
    """Index of the share that a uniform number falls in."""
    for i in range(shares.shape[0] - 1):
        if chance < shares[i]:
            return i
    return shares.shape[0] - 1


@kernel
def _to_tick(price: float, scale: float) -> float:
    """Nearest price on the tick grid, at least one tick."""
    return max(np.floor(price * scale + 0.5), 1.0) / scale


@kernel
def walk_days(key: np.uint64, common: np.uint64, level: float, scale: float, count: int) -> FloatArray:
    """Walk over days.

    Parameters
    ----------
    key, common : uint64
        Keys of the symbol and of what all symbols share.
    level : float
        Open of the first day.
    scale : float
        Ticks in one unit of price.
    count : int
        Number of days.

    Returns
    -------
    ndarray of float64, shape (4, count)
        Open, close, regime and standard deviation of each day.
    """
    days = np.empty((DAY_FIELDS, count))
    price = _to_tick(level, scale)
    regime = _SIDEWAYS
    variance = 1.0
    for day in range(count):
        at = _DAYS_STREAM + _U64(day) * _STREAMS
        if _uniform(common, at) < _CHANGE_OF_REGIME:
            regime = _pick(_REGIME_SHARE, _uniform(common, at + _U64(1)))
        z = _COMMON * _normal(common, at + _U64(2)) + _OWN * _normal(key, at + _U64(3))
        z = _with_tail(z, _uniform(key, at + _U64(4)))
        deviation = _DAY_VOLATILITY[regime] * np.sqrt(variance)
        pull = _PULL * (level - price) / (level + price)
        change = min(max(_DAY_DRIFT[regime] + pull + deviation * z, -_LARGEST_DAY), _LARGEST_DAY)
        close = _to_tick(price * (1.0 + change), scale)
        days[0, day] = price
        days[1, day] = close
        days[2, day] = regime
        days[3, day] = deviation
        variance = _DAY_GARCH[0] + _DAY_GARCH[1] * variance + _DAY_GARCH[2] * z * z
        price = close
        level *= 1.0 + _GROWTH_PER_DAY
    return days


@kernel
def walk_minutes(
    key: np.uint64,
    common: np.uint64,
    days: FloatArray,
    first: int,
    last: int,
    epoch_day: int,
    scale: float,
    out: FloatArray,
) -> None:
    """Fill the minutes of the days ``[first, last)``.

    Parameters
    ----------
    key, common, scale
        As in `walk_days`, whose result is ``days``.
    first, last : int
        Days, counted from the first of ``days``.
    epoch_day : int
        Day of the Unix epoch on which ``days`` begin, for the days of the week.
    out : ndarray of float64, shape (5, (last - first) * 1440)
        Filled with open, high, low, close and volume.
    """
    move = np.empty(MINUTES_PER_DAY)
    path = np.empty(MINUTES_PER_DAY)
    for day in range(first, last):
        opening, closing, regime, deviation = days[0, day], days[1, day], int(days[2, day]), days[3, day]
        # 1970-01-01 was a Thursday: Saturdays and Sundays are days 2 and 3 of the week that starts there.
        weekday = (day + epoch_day) % 7
        calm = _WEEKEND if weekday == 2 or weekday == 3 else 1.0
        per_minute = deviation / np.sqrt(float(MINUTES_PER_DAY))
        variance = 1.0
        x = 0.0
        anchor = 0.0
        spell = _SIDEWAYS
        for minute in range(MINUTES_PER_DAY):
            if minute % _SPELL_MINUTES == 0:
                at = _SPELLS_STREAM + _U64(day * 6 + minute // _SPELL_MINUTES) * _STREAMS
                spell = _pick(_SPELL_SHARE[regime], _uniform(common, at))
                anchor = x
            at = _U64(day * MINUTES_PER_DAY + minute) * _STREAMS
            z = _COMMON * _normal(common, at) + _OWN * _normal(key, at + _U64(1))
            z = _with_tail(z, _uniform(key, at + _U64(2)))
            step = per_minute * _SPELL_VOLATILITY[spell] * np.sqrt(_HOUR[minute // 60] * calm * variance) * z
            move[minute] = abs(step)
            step += _SPELL_DRIFT[spell] * deviation / _SPELL_MINUTES
            if spell == _SIDEWAYS:
                step += _SIDEWAYS_PULL * (anchor - x)
            x += step
            path[minute] = x
            variance = _MINUTE_GARCH[0] + _MINUTE_GARCH[1] * variance + _MINUTE_GARCH[2] * z * z
        correction = (closing / opening - 1.0 - x) / MINUTES_PER_DAY
        price = opening
        for minute in range(MINUTES_PER_DAY):
            at = _U64(day * MINUTES_PER_DAY + minute) * _STREAMS
            close = closing
            if minute < MINUTES_PER_DAY - 1:
                close = _to_tick(opening * max(1.0 + path[minute] + correction * (minute + 1), 0.05), scale)
            reach = opening * (0.5 * per_minute + 0.5 * move[minute])
            above = reach * _uniform(key, at + _U64(3)) * _uniform(key, at + _U64(4))
            below = reach * _uniform(key, at + _U64(5)) * _uniform(key, at + _U64(6))
            top, bottom = max(price, close), min(price, close)
            burst = 0.2 + 0.6 * move[minute] / per_minute
            heavy = 0.3 / (0.03 + _uniform(key, at + _U64(7)))
            volume = _NOTIONAL_PER_MINUTE * _HOUR[minute // 60] * calm * burst * heavy / close
            i = (day - first) * MINUTES_PER_DAY + minute
            out[0, i] = price
            out[1, i] = max(_to_tick(top + above, scale), top)
            out[2, i] = min(_to_tick(bottom - below, scale), bottom)
            out[3, i] = close
            out[4, i] = max(np.floor(volume * _VOLUME_SCALE + 0.5), 1.0) / _VOLUME_SCALE
            price = close
