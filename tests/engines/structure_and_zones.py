"""Both stages together, in the kernels and in plain Python, with the same parameters and rows in one form."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import strategies as st

from engines.structure import StructureEngine
from engines.zones import ZoneEngine
from tests.engines.reference.pivots import bar_list, structure_events
from tests.engines.reference.zone_lives import zone_rows

MARKET = "binance:BTCUSDT"

Parameters = dict[str, Any]
_STRUCTURE = {"micro", "internal", "swing", "equal_threshold", "atr_period"}
_ZONES = {"internal", "swing", "live_limit", "wild_bar", "atr_period"}


@st.composite
def small_parameters(draw: st.DrawFn) -> Parameters:
    """Parameters with which short series already have events of every kind."""
    return {
        "micro": draw(st.integers(1, 3)),
        "internal": draw(st.integers(1, 4)),
        "swing": draw(st.integers(1, 9)),
        "equal_threshold": draw(st.sampled_from([0.1, 0.5, 1.0, 3.0])),
        "atr_period": draw(st.integers(1, 8)),
        "live_limit": draw(st.sampled_from([1, 2, 3, 100])),
        "wild_bar": draw(st.sampled_from([0.5, 1.0, 2.0])),
    }


def structure_engine(timeframe: str = "15m", **parameters: Any) -> StructureEngine:
    return StructureEngine(timeframe=timeframe, **{k: v for k, v in parameters.items() if k in _STRUCTURE})


def zone_engine(timeframe: str = "15m", **parameters: Any) -> ZoneEngine:
    own = {k: v for k, v in parameters.items() if k in _ZONES}
    return ZoneEngine(timeframe=timeframe, market=MARKET, **own)


class Both:
    """The two engines as one, so that bars can be cut in any way and both see the same pieces."""

    def __init__(self, timeframe: str = "15m", **parameters: Any) -> None:
        self.structure = structure_engine(timeframe, **parameters)
        self.zones = zone_engine(timeframe, **parameters)

    def advance(self, bars: pl.DataFrame) -> pl.DataFrame:
        """Zone rows."""
        return self.zones.advance(bars, self.structure.advance(bars))


def plain(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Rows as tuples, times in ms."""
    return frame.with_columns(pl.selectors.datetime().to_physical()).rows()


def reference(
    bars: pl.DataFrame, timeframe: str = "15m", **parameters: Any
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Structure and zone rows in plain Python."""
    listed = bar_list(bars)
    events = structure_events(listed, **{k: v for k, v in parameters.items() if k in _STRUCTURE})
    own = {k: v for k, v in parameters.items() if k in _ZONES - {"internal", "swing"}}
    zones = zone_rows(listed, events, market=MARKET, timeframe=timeframe, **own)
    return [event.row() for event in events], zones


def assert_equal_rows(left: list[tuple[Any, ...]], right: list[tuple[Any, ...]]) -> None:
    """Fail with the first row that differs."""
    for i, (a, b) in enumerate(zip(left, right, strict=False)):
        assert a == b, f"row {i}"
    assert len(left) == len(right)
