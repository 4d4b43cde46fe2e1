"""Does a walk-forward keep choosing the same? Values that jump from window to window fit noise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

_CHOICES = pl.Schema({"parameter": pl.String, "value": pl.String, "chosen": pl.Int64, "share": pl.Float64})
_STABILITY = pl.Schema(
    {
        "parameter": pl.String,
        "values": pl.Int64,
        "most_chosen": pl.String,
        "share": pl.Float64,
        "changes": pl.Float64,
        "dispersion": pl.Float64,
    }
)


def choices(sets: Sequence[Mapping[str, Any]], chosen: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """How often each value was chosen.

    Parameters
    ----------
    sets : sequence of dict
        All that there were to choose from.
    chosen : sequence of dict
        One a window.

    Returns
    -------
    DataFrame
        ``parameter``, ``value``, ``chosen`` (windows) and ``share`` of the windows, each value that there was.
    """
    rows: list[tuple[str, str, int, float]] = []
    for name in _names(sets):
        counts = Counter(str(one[name]) for one in chosen if name in one)
        for value in dict.fromkeys(str(one[name]) for one in sets if name in one):
            rows.append((name, value, counts[value], counts[value] / len(chosen) if chosen else float("nan")))
    return pl.DataFrame(rows, schema=_CHOICES, orient="row")


def stability(sets: Sequence[Mapping[str, Any]], chosen: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """How much each parameter moved.

    Returns
    -------
    DataFrame
        ``parameter``; ``values`` there were; ``most_chosen`` and its ``share`` of the windows; ``changes``, part of the steps
        from one window to the next at which the value changed; ``dispersion`` of a number, the standard deviation of
        the chosen values over that of the values there were: 0 always the same, about 1 as if chosen at random.
    """
    rows: list[tuple[str, int, str | None, float | None, float | None, float | None]] = []
    for name in _names(sets):
        there = {str(one[name]): one[name] for one in sets if name in one}
        taken = [one[name] for one in chosen if name in one]
        most = Counter(map(str, taken)).most_common(1)
        steps = [str(one) != str(other) for one, other in pairwise(taken)]
        rows.append(
            (
                name,
                len(there),
                most[0][0] if most else None,
                most[0][1] / len(taken) if most else None,
                sum(steps) / len(steps) if steps else None,
                _dispersion(list(there.values()), taken),
            )
        )
    return pl.DataFrame(rows, schema=_STABILITY, orient="row")


def _names(sets: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in sets for name in one))


def _dispersion(there: Sequence[Any], taken: Sequence[Any]) -> float | None:
    if not taken or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in there):
        return None
    width = float(np.std(np.array(there, np.float64)))
    return float(np.std(np.array(taken, np.float64))) / width if width > 0.0 else None
