"""Parameter sets to try: every combination, a random sample, or a search that learns from what it has seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from engines.backtest.config import BacktestConfig, config_fields
from engines.backtest.errors import BadBacktest

ParameterSet = dict[str, Any]
Constraint = Callable[[Mapping[str, Any]], bool]
"""Whether a set makes sense, as in ``lambda one: one["fast"] < one["slow"]``."""
_MOST_SETS = 10_000_000


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included.

    Attributes
    ----------
    low, high : int or float
        Whole numbers if both are.
    step : int or float, optional
        Distance between two numbers; needed for a grid, unless they are whole (1).
    log : bool
        Whether a random draw and a search are even in the logarithm.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole."""
        return (
            isinstance(self.low, int)
            and isinstance(self.high, int)
            and (self.step is None or isinstance(self.step, int))
        )


Space = Mapping[str, Sequence[Any] | Range]
"""Values by parameter: a list of choices, or a `Range`."""


@dataclass(frozen=True)
class GridSearch:
    """Every combination of the values, the last parameter fastest."""


@dataclass(frozen=True)
class RandomSearch:
    """Sets drawn at random, each value by itself; equal sets are drawn again.

    Attributes
    ----------
    sets : int
    seed : int
    """

    sets: int = 100
    seed: int = 1


@dataclass(frozen=True)
class OptunaSearch:
    """Optuna's tree-structured Parzen estimator, asked for a batch at a time because asking costs more than a backtest.

    Attributes
    ----------
    trials : int
    metric : str
        Name of the metric to bring up, or down with ``minimize``.
    minimize : bool
    least_trades : int
        Sets with fewer trades count as having no result.
    batch : int
        Trials asked for, and run side by side, before the study learns from them.
    seed : int
    storage : str, optional
        URL of a database that Optuna keeps the study in; else it is kept in memory.
    """

    trials: int = 200
    metric: str = "sharpe"
    minimize: bool = False
    least_trades: int = 1
    batch: int = 16
    seed: int = 1
    storage: str | None = None


Search = GridSearch | RandomSearch | OptunaSearch


def check_space(space: Space, parameters: Mapping[str, Any], name: str, config: BacktestConfig) -> None:
    """Refuse a space with a parameter that is not there, or values that cannot be.

    Parameters
    ----------
    space : mapping
    parameters : mapping
        The strategy's parameters and their defaults.
    name : str
        The strategy's.
    config : BacktestConfig
        Values of its fields are tried on it.

    Raises
    ------
    BadBacktest
        Naming the parameter.
    """
    if not space:
        raise BadBacktest("grid", "is empty; name at least one parameter with its values")
    fields = config_fields()
    for one, values in space.items():
        if one in parameters and one in fields:
            raise BadBacktest(one, f"is a parameter of {name} and a field of the configuration; rename the strategy's")
        if one not in parameters and one not in fields:
            known = ", ".join((*parameters, *fields))
            raise BadBacktest(
                one, f"is neither a parameter of {name} nor a field of the configuration; there are {known}"
            )
        for value in _edges(one, values):
            if one in fields:
                config.with_values({one: value})
            elif not _like(parameters[one], value):
                kind = type(parameters[one]).__name__
                raise BadBacktest(
                    one, f"{name}.{one} must be of type {kind} like its default {parameters[one]!r}, not {value!r}"
                )
    for one in space:
        group, dot, _ = one.partition(".")
        if dot and group in space:
            raise BadBacktest(one, f"is part of {group}, which is varied too; vary one of them")


def _like(default: Any, value: Any) -> bool:
    """Whether a value can stand in a parameter's place; whole numbers can for fractions, what is neither is the source's own."""
    if isinstance(default, bool) or not isinstance(default, int | float):
        return not isinstance(default, bool) or isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(default, float) else isinstance(value, int)


def _edges(name: str, values: Sequence[Any] | Range) -> list[Any]:
    """All values of a list, both ends of a range."""
    if isinstance(values, Range):
        if not (math.isfinite(values.low) and math.isfinite(values.high) and values.low < values.high):
            raise BadBacktest(
                name, f"a range must go up between two numbers, not from {values.low!r} to {values.high!r}"
            )
        if values.log and values.low <= 0:
            raise BadBacktest(name, f"a range even in the logarithm must begin above 0, not at {values.low!r}")
        if values.step is not None and values.step <= 0:
            raise BadBacktest(name, f"a step must be above 0, not {values.step!r}")
        return [values.low, values.high]
    if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):  # pyright: ignore[reportUnnecessaryIsInstance] - values come from files too
        raise BadBacktest(name, f"needs a list of at least one value, not {values!r}")
    seen: list[Any] = []
    for value in values:
        if any(value == other and type(value) is type(other) for other in seen):
            raise BadBacktest(name, f"{value!r} is named twice")
        seen.append(value)
    return seen


def grid_sets(space: Space, constraint: Constraint | None = None) -> list[ParameterSet]:
    """Every combination, in order, the last parameter fastest.

    Raises
    ------
    BadBacktest
        If a range has no step, there are too many sets, or none that fits.
    """
    lists = {name: _listed(name, values) for name, values in space.items()}
    count = math.prod(len(values) for values in lists.values())
    if count > _MOST_SETS:
        raise BadBacktest("grid", f"has {count:,} sets, more than {_MOST_SETS:,}; draw a random sample instead")
    sets = [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]
    return _fitting(sets, constraint)


def random_sets(space: Space, search: RandomSearch, constraint: Constraint | None = None) -> list[ParameterSet]:
    """Different sets drawn at random; fewer than asked for if there are not that many.

    Raises
    ------
    BadBacktest
        If none fits.
    """
    random = np.random.default_rng(search.seed)
    sets: list[ParameterSet] = []
    seen: set[str] = set()
    for _ in range(search.sets * 20):
        if len(sets) == search.sets:
            break
        one = {name: _drawn(random, values) for name, values in space.items()}
        if repr(one) not in seen and (constraint is None or constraint(one)):
            seen.add(repr(one))
            sets.append(one)
    return _fitting(sets, None)


def _fitting(sets: list[ParameterSet], constraint: Constraint | None) -> list[ParameterSet]:
    fitting = [one for one in sets if constraint is None or constraint(one)]
    if not fitting:
        raise BadBacktest("grid", "no set fits the constraint")
    return fitting


def _listed(name: str, values: Sequence[Any] | Range) -> list[Any]:
    if not isinstance(values, Range):
        return list(values)
    if values.whole:
        return list(range(int(values.low), int(values.high) + 1, int(values.step or 1)))
    if values.step is None:
        raise BadBacktest(name, "a range of fractions needs a step in a grid")
    return [values.low + k * values.step for k in range(_steps(values, values.step))]


def _drawn(random: np.random.Generator, values: Sequence[Any] | Range) -> Any:
    if not isinstance(values, Range):
        return values[int(random.integers(len(values)))]
    step = 1 if values.whole and values.step is None else values.step
    # Each step's number stands for what lies up to the next, the last one's too, so that it is drawn as often.
    count = 0 if step is None else _steps(values, step)
    top = values.high if step is None else values.low + count * step
    if values.log:
        drawn = math.exp(random.uniform(math.log(values.low), math.log(top)))
    else:
        drawn = random.uniform(values.low, top)
    if step is None:
        return min(max(drawn, float(values.low)), float(values.high))
    return values.low + min(max(math.floor((drawn - values.low) / step), 0), count - 1) * step


def _steps(values: Range, step: float) -> int:
    return math.floor((values.high - values.low) / step * (1.0 + 1e-12)) + 1
