"""Search of a parameter space by Optuna, in batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engines.backtest.errors import BadBacktest
from engines.backtest.parameter_space import Constraint, OptunaSearch, ParameterSet, Range, Space

if TYPE_CHECKING:
    import optuna

    from engines.backtest.sweeps import SetResult


def searched(
    space: Space,
    search: OptunaSearch,
    constraint: Constraint | None,
    run: Callable[[Sequence[ParameterSet], int], Sequence[SetResult]],
) -> tuple[list[ParameterSet], list[SetResult]]:
    """Ask for sets, run them, tell what they brought, and so on.

    Parameters
    ----------
    space : mapping
    search : OptunaSearch
    constraint : callable, optional
        Sets for which it is false are told as failed, not run.
    run : callable
        Results of sets, given how many there will be in all.

    Returns
    -------
    sets : list of dict
        Different sets, in the order in which they were first asked for.
    results : list of SetResult
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=search.storage,
        sampler=optuna.samplers.TPESampler(seed=search.seed, constant_liar=True, multivariate=True),
        direction="minimize" if search.minimize else "maximize",
    )
    places: dict[str, int] = {}
    sets: list[ParameterSet] = []
    results: list[SetResult] = []
    asked = 0
    while asked < search.trials:
        count = min(search.batch, search.trials - asked)
        trials = [study.ask() for _ in range(count)]
        proposed = [_suggested(trial, space) for trial in trials]
        asked += count
        new: list[ParameterSet] = []
        for one in proposed:
            if repr(one) not in places and (constraint is None or constraint(one)):
                places[repr(one)] = len(sets) + len(new)
                new.append(one)
        sets += new
        results += run(new, search.trials)
        for trial, one in zip(trials, proposed, strict=True):
            place = places.get(repr(one))
            value = math.nan if place is None else _value(results[place].metrics, search)
            if math.isnan(value):
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, value)
    if not sets:
        raise BadBacktest("grid", "no set that was asked for fits the constraint")
    return sets, results


def _value(metrics: Mapping[str, float], search: OptunaSearch) -> float:
    return metrics[search.metric] if metrics["trades"] >= search.least_trades else math.nan


def _suggested(trial: optuna.Trial, space: Space) -> ParameterSet:
    made: ParameterSet = {}
    for name, values in space.items():
        if not isinstance(values, Range):
            # Only simple values can be choices of a study that is stored; places stand for all others.
            made[name] = values[trial.suggest_int(name, 0, len(values) - 1)]
        elif values.whole:
            low, high = int(values.low), int(values.high)
            made[name] = trial.suggest_int(name, low, high, step=int(values.step or 1), log=values.log)
        else:
            step: Any = None if values.log else values.step
            made[name] = trial.suggest_float(name, float(values.low), float(values.high), step=step, log=values.log)
    return made
