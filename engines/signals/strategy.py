"""What a strategy is, and the register the built-in and a user's own stand in.

A strategy is a name, parameters and a compiled fold: it walks the bars of a block in order, keeps what it must remember in
a state of its own, and writes the signals it decides at the bars' closes. See `engines.signals.structure_breakout` for a
short one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from engines.errors import BadParameter
from engines.signals.view import BarView, CandidateRows

ParametersT = TypeVar("ParametersT", bound=tuple[Any, ...])
StateT = TypeVar("StateT", bound=tuple[Any, ...])

MOST_REASONS = 62
"""Reasons that flags have room for."""
_REGISTER: dict[str, Strategy[Any, Any]] = {}


@dataclass(frozen=True)
class Strategy(Generic[ParametersT, StateT]):
    """A strategy.

    Attributes
    ----------
    name : str
        As it stands in the rows.
    version : int
        Raised whenever the same bars and parameters would give other signals.
    reasons : tuple of str
        What can speak for a signal, in words; bit ``i`` of a candidate's flags stands for ``reasons[i]``.
    parameters : NamedTuple of int, float and bool
        What the fold is given; its field values are the defaults.
    new_state : callable
        Makes the state before the first bar, a NamedTuple of arrays, from the parameters.
    fold : kernel
        ``fold(view, parameters, state, rows) -> int``. Decides the bars of the view in order, changes the state in place,
        fills ``rows`` with at most one candidate a bar and returns how many. It may look at bar ``t`` and those before it
        only; `engines.signals.candidates.propose` writes a candidate if it makes sense.
    decide : callable, optional
        Of a user's strategy (`engines.signals.authoring`): what its author wrote, not compiled. ``fold`` then takes its
        state as a `engines.signals.authoring.Walk` and everything it sees as read-only arrays.
    file : Path, optional
        File a user's strategy stands in.
    source : str
        Hash of that file: with ``version`` it tells whether stored rows are those of this strategy.
    """

    name: str
    version: int
    reasons: tuple[str, ...]
    parameters: ParametersT
    new_state: Callable[[ParametersT], StateT]
    fold: Callable[[BarView, ParametersT, StateT, CandidateRows], int]
    decide: Callable[..., int] | None = None
    file: Path | None = None
    source: str = ""

    def with_parameters(self, changes: Mapping[str, Any]) -> Strategy[ParametersT, StateT]:
        """The same strategy with some parameters changed.

        Raises
        ------
        BadParameter
            For a name the strategy does not know, or a value of another type than the default's.
        """
        defaults: dict[str, Any] = cast("Any", self.parameters)._asdict()
        unknown = sorted(set(changes) - set(defaults))
        if unknown:
            known = ", ".join(defaults)
            raise BadParameter(f"strategy {self.name} has no parameter {', '.join(unknown)}; it has {known}")
        taken = {name: _like(f"{self.name}.{name}", defaults[name], value) for name, value in changes.items()}
        return replace(self, parameters=cast("ParametersT", cast("Any", self.parameters)._replace(**taken)))

    def words(self, flags: int) -> list[str]:
        """Reasons of a candidate, in words."""
        return [reason for bit, reason in enumerate(self.reasons) if flags >> bit & 1]


def register(strategy: Strategy[Any, Any]) -> None:
    """Make a strategy known by its name.

    Raises
    ------
    BadParameter
        If another strategy has that name, or it has more reasons than flags.
    """
    known = _REGISTER.get(strategy.name)
    if known is not None and known is not strategy:
        raise BadParameter(f"there is a strategy named {strategy.name} already; choose another name")
    if len(strategy.reasons) > MOST_REASONS:
        raise BadParameter(f"strategy {strategy.name} has {len(strategy.reasons)} reasons; {MOST_REASONS} are possible")
    _REGISTER[strategy.name] = strategy


def unregister(name: str) -> None:
    """Forget a strategy, if there is one of that name; chains that run it go on."""
    _REGISTER.pop(name, None)


def registered_names() -> tuple[str, ...]:
    """Names of all strategies in the register, in order of registration."""
    return tuple(_REGISTER)


def registered(name: str) -> Strategy[Any, Any]:
    """Strategy of a name.

    Raises
    ------
    BadParameter
        If there is none.
    """
    if name not in _REGISTER:
        raise BadParameter(f"there is no strategy named {name!r}; there are {', '.join(sorted(_REGISTER))}")
    return _REGISTER[name]


def _like(name: str, default: Any, value: Any) -> Any:
    """``value`` in the type of ``default``: a kernel is compiled for one set of types."""
    if isinstance(default, bool) or isinstance(value, bool):
        fits = isinstance(default, bool) and isinstance(value, bool)
    elif isinstance(default, int):
        fits = isinstance(value, int)
    else:
        fits = isinstance(value, int | float) and value == value and abs(value) != float("inf")
    if not fits:
        raise BadParameter(f"{name} must be a {type(default).__name__} like its default {default!r}, not {value!r}")
    return type(default)(value)
