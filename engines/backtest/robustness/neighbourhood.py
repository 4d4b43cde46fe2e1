"""Is the result a plateau or a peak? Each numeric parameter one step to each side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from engines.backtest.errors import BadBacktest
from engines.errors import EngineError

_STEP = 0.1
"""Part of a value that is a step where none is given."""


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """One parameter set next to the chosen one.

    Attributes
    ----------
    parameter : str
    value : float
        Of the parameter that differs.
    side : int
        -1 or +1.
    metrics : dict of str to float, optional
        None if the value cannot be.
    refused : str
        Why it cannot be, in words.
    keeps : bool
        Whether the metric has the same sign and at least half of the chosen one's value.
    """

    parameter: str
    value: float
    side: int
    metrics: Mapping[str, float] | None
    refused: str
    keeps: bool


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """Results next to the chosen parameters.

    Attributes
    ----------
    metric : str
    chosen : dict of str to object
    observed : dict of str to float
        Metrics of the chosen parameters.
    neighbours : tuple of Neighbour
    score : float
        Part of the neighbours that can be which keep the metric; NaN if there are none.
    """

    metric: str
    chosen: Mapping[str, Any]
    observed: Mapping[str, float]
    neighbours: tuple[Neighbour, ...]
    score: float

    @property
    def table(self) -> pl.DataFrame:
        """One row a set, the chosen one first: ``parameter``, ``value``, ``side``, ``keeps``, ``refused``, metrics."""
        first = {"parameter": None, "value": None, "side": 0, "keeps": True, "refused": "", **self.observed}
        rows = [
            {
                "parameter": one.parameter,
                "value": float(one.value),
                "side": one.side,
                "keeps": one.keeps,
                "refused": one.refused,
                **(one.metrics or dict.fromkeys(self.observed)),
            }
            for one in self.neighbours
        ]
        known = {
            "parameter": pl.String,
            "value": pl.Float64,
            "side": pl.Int64,
            "keeps": pl.Boolean,
            "refused": pl.String,
        }
        return pl.DataFrame([first, *rows], schema=known | dict.fromkeys(self.observed, pl.Float64))


def neighbourhood(
    run: Callable[[Mapping[str, Any]], Mapping[str, float]],
    parameters: Mapping[str, Any],
    *,
    steps: Mapping[str, float] | None = None,
    metric: str = "sharpe",
) -> Neighbourhood:
    """Run each set that differs from the chosen one in one number, by one step.

    Parameters
    ----------
    run : callable
        Metrics of a parameter set. An `EngineError` means that the set cannot be.
    parameters : mapping
        The chosen set. Only numbers are varied, whole ones by whole steps.
    steps : mapping of str to float, optional
        Step of a parameter, above 0; a tenth of its value, at least 1 of a whole number, where it is not named.
    metric : str

    Raises
    ------
    BadBacktest
        For a step that is not above 0 or of a parameter that is no number, or a metric that ``run`` does not give.
    """
    given = dict(steps or {})
    numbers = {name: value for name, value in parameters.items() if _is_number(value)}
    for name, step in given.items():
        if name not in numbers:
            raise BadBacktest(f"steps, {name}", f"is not a number of the set; there are {', '.join(numbers) or 'none'}")
        if not (_is_number(step) and 0.0 < step < math.inf):
            raise BadBacktest(f"steps, {name}", f"must be above 0, not {step!r}")
        if isinstance(numbers[name], int) and step != int(step):
            raise BadBacktest(f"steps, {name}", f"must be whole as the parameter is, not {step!r}")
    observed = dict(run(parameters))
    if metric not in observed:
        raise BadBacktest("metric", f"{metric!r} is not one of the run's: {', '.join(observed)}")
    found = [
        _tried(run, parameters, name, value + side * step, side, observed[metric], metric)
        for name, value in numbers.items()
        if (step := _step(value, given.get(name))) > 0
        for side in (-1, 1)
    ]
    possible = [one for one in found if one.metrics is not None]
    return Neighbourhood(
        metric=metric,
        chosen=dict(parameters),
        observed=observed,
        neighbours=tuple(found),
        score=sum(one.keeps for one in possible) / len(possible) if possible else math.nan,
    )


def _tried(
    run: Callable[[Mapping[str, Any]], Mapping[str, float]],
    parameters: Mapping[str, Any],
    name: str,
    value: float,
    side: int,
    observed: float,
    metric: str,
) -> Neighbour:
    try:
        metrics = dict(run({**parameters, name: value}))
    except EngineError as error:
        return Neighbour(parameter=name, value=value, side=side, metrics=None, refused=str(error), keeps=False)
    near = metrics[metric]
    # Comparisons with NaN are false: what is not defined does not keep anything.
    keeps = near * observed > 0.0 and abs(near) >= 0.5 * abs(observed)
    return Neighbour(parameter=name, value=value, side=side, metrics=metrics, refused="", keeps=keeps)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _step(value: float, given: float | None) -> float:
    if given is not None:
        return int(given) if isinstance(value, int) else given
    if isinstance(value, int):
        return max(1, round(abs(value) * _STEP))
    return abs(value) * _STEP
