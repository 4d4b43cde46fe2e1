"""Engines made of engines: one clock, one snapshot that holds the snapshots of the parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from engines.engine import Engine, StateT
from engines.errors import StateMismatch
from engines.state import AnyArray
from engines.timeframe import Timeframe

_PART = "part."
"""Sets the parts' names in a snapshot apart from those of the engine's own state."""


class NoState(NamedTuple):
    """State of an engine that is nothing but its parts."""


class CompositeEngine(Engine[StateT]):
    """Base of engines that are composed of others.

    Parameters
    ----------
    timeframe, parameters, state
        As for `Engine`; ``state`` is what the engine keeps besides its parts.
    parts : mapping of str to Engine
        By the name they have in the snapshot.
    """

    def __init__(
        self,
        timeframe: Timeframe | str,
        parameters: Mapping[str, Any],
        state: StateT,
        parts: Mapping[str, Engine[Any]],
    ) -> None:
        super().__init__(timeframe, parameters, state)
        self._parts = dict(parts)

    def part(self, name: str) -> Any:
        """Part of a name. `restore` replaces parts, so they are not to be kept."""
        return self._parts[name]

    def state_arrays(self) -> dict[str, AnyArray]:
        """Own state and, as bytes, the snapshots of the parts."""
        nested = {_PART + name: np.frombuffer(part.snapshot(), np.uint8) for name, part in self._parts.items()}
        return {**super().state_arrays(), **nested}

    def load_arrays(self, arrays: Mapping[str, AnyArray]) -> None:
        """Replace own state and the parts by what `state_arrays` once returned."""
        missing = [name for name in self._parts if _PART + name not in arrays]
        if missing:
            raise StateMismatch(f"snapshot of {self.NAME} has no part {', '.join(missing)}; recompute from the bars")
        parts = {
            name: type(part).restore(arrays[_PART + name].tobytes(), **part.parameters)
            for name, part in self._parts.items()
        }
        super().load_arrays({name: array for name, array in arrays.items() if not name.startswith(_PART)})
        self._parts = parts
