"""What every engine is: a state machine over closed bars, with a name, a version, parameters and a snapshot.

An engine holds its state as a NamedTuple of small NumPy arrays (NamedTuples may be nested), which its kernels change in
place. This base class keeps the clock, checks what comes in, and stores and restores the state; a subclass has its
kernels, its ``advance`` and its ``advance_arrays``::

    class SpreadEngine(Engine[SpreadState]):
        NAME = "spread"
        VERSION = 1

        def __init__(self, *, timeframe: Timeframe | str = "15m", period: int = 20) -> None:
            period = positive("period", period)
            super().__init__(timeframe, {"period": period}, new_spread_state(period))

        def advance(self, bars: pl.DataFrame) -> pl.DataFrame:
            arrays = self.accept(bars)                      # raises before anything moves
            out = np.empty(arrays.ts.shape[0])
            self.advance_checked(arrays, out)
            return ...

        def advance_checked(self, bars: BarArrays, out: FloatArray) -> None:
            _spread(bars, self.state, out)
            self.mark(bars.ts)

A polars Series made from a NumPy array shares its memory: frames are made of arrays that nothing fills again, or of copies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.bars import NO_BAR, BarArrays, FloatArray, TimeArray, bar_arrays, check_bars, take_arrays
from engines.errors import BadParameter, StateMismatch
from engines.state import AnyArray, check_layout, check_parameters, encoded_identity, pack_as, unpack
from engines.timeframe import Timeframe

StateT = TypeVar("StateT", bound=tuple[Any, ...])

_CLOCK = "@clock"  # no field of a NamedTuple can have this name
_LAST_TS, _BARS_SEEN = 0, 1


def positive(name: str, value: object, least: int = 1) -> int:
    """Return ``value`` if it is a whole number of at least ``least``.

    Raises
    ------
    BadParameter
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise BadParameter(f"{name} must be a whole number of at least {least}, not {value!r}")
    return value


class Engine(Generic[StateT]):
    """Base of all engines.

    Parameters
    ----------
    timeframe : Timeframe or str
        Grid of the bars it is fed.
    parameters : mapping
        The subclass's keyword arguments besides ``timeframe``, as JSON values. With ``timeframe`` they are what
        `restore` builds the engine from again.
    state : NamedTuple of arrays
        The state before the first bar.

    Raises
    ------
    BadParameter
        If the timeframe is not one of `Timeframe`.
    """

    NAME: ClassVar[str]
    VERSION: ClassVar[int]
    GROWING: ClassVar[frozenset[str]] = frozenset()
    """Names of state arrays (``field`` or ``field.inner``) whose first dimension may differ from the initial one."""

    def __init__(self, timeframe: Timeframe | str, parameters: Mapping[str, Any], state: StateT) -> None:
        self._grid = Timeframe(timeframe)
        self._parameters = _as_json({"timeframe": self._grid.value, **parameters})
        self._identity: str | None = None
        self._clock = np.array([NO_BAR, 0], np.int64)
        self._state = state

    @property
    def timeframe(self) -> Timeframe:
        """Timeframe of the bars this engine is fed."""
        return self._grid

    @property
    def parameters(self) -> dict[str, Any]:
        """Keyword arguments this engine was built with (a copy)."""
        return dict(self._parameters)

    @property
    def state(self) -> StateT:
        """The arrays the kernels change in place; for kernels of engines that are composed of others."""
        return self._state

    @property
    def last_ts(self) -> int | None:
        """Open time (ms UTC) of the last bar seen; None before the first."""
        last = int(self._clock[_LAST_TS])
        return None if last == NO_BAR else last

    @property
    def bars_seen(self) -> int:
        """Number of bars seen since the first."""
        return int(self._clock[_BARS_SEEN])

    def accept(self, bars: pl.DataFrame) -> BarArrays:
        """Take a frame of bars apart and check it against the rules and this engine's last bar.

        Raises
        ------
        BadBars
            For the first row that breaks a rule. Nothing has moved.
        """
        arrays = bar_arrays(bars)
        check_bars(arrays, self._grid, int(self._clock[_LAST_TS]))
        return arrays

    def accept_arrays(
        self,
        ts: TimeArray,
        open_: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
    ) -> BarArrays:
        """`accept` for bars that are arrays already.

        Raises
        ------
        BadBars
            If an array has another dtype, length or layout, or a row breaks a rule. Nothing has moved.
        """
        arrays = take_arrays(ts, open_, high, low, close, volume)
        check_bars(arrays, self._grid, int(self._clock[_LAST_TS]))
        return arrays

    def mark(self, ts: TimeArray) -> None:
        """Note that the bars of ``ts`` have been folded into the state."""
        count = ts.shape[0]
        if count:
            self._clock[_LAST_TS] = ts[count - 1]
            self._clock[_BARS_SEEN] += count

    @property
    def clock(self) -> TimeArray:
        """Open time (ms) of the last bar and number of bars seen, as kernels of composed engines change them."""
        return self._clock

    def move(self, state: StateT, clock: TimeArray) -> None:
        """Go on in other memory, which must hold a copy of `state` and `clock`."""
        self._state = state
        self._clock = clock

    def snapshot(self) -> bytes:
        """State, version and parameters as bytes, to be given to `restore` in any process."""
        if self._identity is None:
            self._identity = encoded_identity(self.NAME, self.VERSION, self._parameters)
        return pack_as(self._identity, {_CLOCK: self._clock, **self.state_arrays()})

    @classmethod
    def restore(cls, data: bytes, **expected: Any) -> Self:
        """Build the engine a snapshot was taken of; its next rows are those the original would have made.

        Parameters
        ----------
        data : bytes
            What `snapshot` returned.
        **expected
            Parameters the snapshot must have been made with; those not named are taken from it.

        Raises
        ------
        StateMismatch
            If the bytes are damaged, or belong to another engine, version or other parameters.
        """
        found = unpack(data, cls.NAME, cls.VERSION)
        check_parameters(cls.NAME, found.parameters, _as_json(expected))
        try:
            engine = cls(**found.parameters)
        except (TypeError, ValueError) as error:
            raise StateMismatch(f"snapshot of {cls.NAME} has unusable parameters ({error})") from error
        arrays = dict(found.arrays)
        clock = arrays.pop(_CLOCK, None)
        if clock is None or clock.shape != (2,) or clock.dtype != np.int64:
            raise StateMismatch(f"snapshot of {cls.NAME} has no clock; recompute from the bars")
        engine._clock = clock
        engine.load_arrays(arrays)
        return engine

    def state_arrays(self) -> dict[str, AnyArray]:
        """State as named arrays, nested fields as ``outer.inner``. An engine made of engines overrides this."""
        return dict(_flatten("", self._state))

    def load_arrays(self, arrays: Mapping[str, AnyArray]) -> None:
        """Replace the state by what `state_arrays` once returned.

        Raises
        ------
        StateMismatch
            If names, dtypes or shapes are not those of this engine's state.
        """
        wanted = dict(_flatten("", self._state))
        check_layout(self.NAME, wanted, arrays, self.GROWING)
        self._state = cast("StateT", _rebuild("", self._state, arrays))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._parameters.items())
        return f"{type(self).__name__}({shown}) after {self.bars_seen} bars"


def _as_json(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters in the form they have after a snapshot: tuples become lists, enums their values."""
    try:
        return cast("dict[str, Any]", json.loads(json.dumps(dict(parameters))))
    except TypeError as error:
        raise BadParameter(f"parameters must be plain values ({error})") from error


def _fields(state: tuple[Any, ...]) -> tuple[str, ...]:
    return cast("tuple[str, ...]", cast("Any", state)._fields)


def _flatten(prefix: str, state: tuple[Any, ...]) -> Iterator[tuple[str, AnyArray]]:
    for name, value in zip(_fields(state), state, strict=True):
        if isinstance(value, tuple):
            yield from _flatten(f"{prefix}{name}.", cast("tuple[Any, ...]", value))
        else:
            yield f"{prefix}{name}", cast("npt.NDArray[Any]", value)


def _rebuild(prefix: str, state: tuple[Any, ...], arrays: Mapping[str, AnyArray]) -> tuple[Any, ...]:
    values = [
        _rebuild(f"{prefix}{name}.", cast("tuple[Any, ...]", value), arrays)
        if isinstance(value, tuple)
        else arrays[f"{prefix}{name}"]
        for name, value in zip(_fields(state), state, strict=True)
    ]
    return type(state)(*values)
