"""Snapshots: whole or refused, and only for the engine, version and parameters they were taken of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.engine import Engine, positive
from engines.errors import BadParameter, StateMismatch
from engines.state import pack, unpack
from engines.timeframe import Timeframe


class Inner(NamedTuple):
    levels: np.ndarray
    count: np.ndarray


class Outer(NamedTuple):
    inner: Inner
    ring: np.ndarray


class CountingEngine(Engine[Outer]):
    NAME = "counting"
    VERSION = 3
    GROWING = frozenset({"inner.levels"})

    def __init__(
        self, *, timeframe: Timeframe | str = "15m", scales: tuple[int, ...] = (3, 5), market: str = ""
    ) -> None:
        for scale in scales:
            positive("scales", scale)
        state = Outer(Inner(np.zeros((2, 3)), np.zeros(1, np.int64)), np.full(4, np.nan))
        super().__init__(timeframe, {"scales": scales, "market": market}, state)

    def grow(self) -> None:
        self._state = self._state._replace(inner=self._state.inner._replace(levels=np.ones((9, 3))))


class OtherEngine(CountingEngine):
    NAME = "other"


class NewerEngine(CountingEngine):
    VERSION = 4


class WiderEngine(CountingEngine):
    def __init__(
        self, *, timeframe: Timeframe | str = "15m", scales: tuple[int, ...] = (3, 5), market: str = ""
    ) -> None:
        super().__init__(timeframe=timeframe, scales=scales, market=market)
        self._state = self._state._replace(ring=np.zeros(5))


def _advanced(**parameters) -> CountingEngine:
    engine = CountingEngine(**parameters)
    engine.state.ring[2] = -0.0
    engine.state.inner.count[0] = 7
    engine.mark(np.array([900_000, 1_800_000]))
    return engine


def test_restored_engine_has_state_clock_and_parameters():
    engine = _advanced(timeframe="1h", scales=(2, 9), market="binance:BTCUSDT")
    again = CountingEngine.restore(engine.snapshot())
    assert again.snapshot() == engine.snapshot()
    assert (again.last_ts, again.bars_seen) == (1_800_000, 2)
    assert again.parameters == {"timeframe": "1h", "scales": [2, 9], "market": "binance:BTCUSDT"}
    assert np.signbit(again.state.ring[2])
    again.state.ring[0] = 1.0
    assert np.isnan(engine.state.ring[0]), "the copies must not share memory"


def test_named_parameters_must_agree():
    data = _advanced(scales=(2, 9)).snapshot()
    assert CountingEngine.restore(data, timeframe=Timeframe.M15, scales=(2, 9), market="").bars_seen == 2
    with pytest.raises(StateMismatch, match=r"timeframe='15m', asked for '1h'"):
        CountingEngine.restore(data, timeframe="1h")
    with pytest.raises(StateMismatch, match="scales"):
        CountingEngine.restore(data, scales=(2, 8))
    with pytest.raises(StateMismatch, match="no parameter 'scale'"):
        CountingEngine.restore(data, scale=None)


@pytest.mark.parametrize("other", [OtherEngine, NewerEngine, WiderEngine])
def test_another_engine_version_or_layout_is_refused(other):
    with pytest.raises(StateMismatch):
        other.restore(_advanced().snapshot())


def test_growing_arrays_may_have_grown():
    engine = _advanced()
    engine.grow()
    assert CountingEngine.restore(engine.snapshot()).state.inner.levels.shape == (9, 3)


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_any_damage_is_noticed(data):
    whole = _advanced().snapshot()
    position = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    for bad in (bytes(damaged), whole[:position], whole + b"\0"):
        with pytest.raises(StateMismatch):
            CountingEngine.restore(bad)


@pytest.mark.parametrize("bad", [b"", b"CAPS", b"\0" * 100, "CAPS", None])
def test_what_is_not_a_snapshot_is_refused(bad):
    with pytest.raises(StateMismatch):
        CountingEngine.restore(bad)


def test_unusable_parameters_are_refused():
    arrays = {"@clock": np.zeros(2, np.int64), **_advanced().state_arrays()}
    for parameters in ({"timeframe": "15m", "colour": "red"}, {"timeframe": "7m"}, {"timeframe": "15m", "scales": [0]}):
        with pytest.raises(StateMismatch):
            CountingEngine.restore(pack("counting", 3, parameters, arrays))


def test_clock_must_be_there():
    with pytest.raises(StateMismatch, match="clock"):
        CountingEngine.restore(pack("counting", 3, {"timeframe": "15m"}, _advanced().state_arrays()))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(0),
        np.zeros((2, 0, 3)),
        np.array(5),
        np.arange(6, dtype=np.int8).reshape(2, 3).T,
        np.array([True, False]),
    ],
)
def test_arrays_of_any_shape_survive(array):
    again = unpack(pack("x", 1, {}, {"a": array}), "x", 1).arrays["a"]
    assert (again.shape, again.dtype) == (array.shape, array.dtype)
    assert np.array_equal(again, array)
    assert again.flags.writeable


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "5", None])
def test_positive_refuses_everything_else(value):
    with pytest.raises(BadParameter, match="period must be a whole number of at least 1"):
        positive("period", value)
