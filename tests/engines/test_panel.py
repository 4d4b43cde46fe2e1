"""The panel: the same rows as its chains one by one, whichever way the bars come, and refusals that move nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.bars import bar_arrays
from engines.chain import Chain, ChainFrames
from engines.errors import BadBars, BadParameter
from engines.panel import Panel
from engines.signals import BUILT_IN
from tests.engines.engine_cases import EAGER
from tests.engines.market_bars import assert_same_bits, bars_frame, simulated_bars

FRAMES = ("indicators", "structure", "zones", "signals")
NAMES = tuple(f"binance:{name}USDT" for name in ("BTC", "ETH", "SOL", "XRP", "ADA"))


def chain(market: str, timeframe: str = "15m", **parameters: Any) -> Chain:
    return Chain(timeframe=timeframe, market=market, settings=EAGER, **parameters)


def market_bars(count: int, timeframe: str = "15m") -> dict[str, pl.DataFrame]:
    return {name: simulated_bars(count, seed=40 + k, timeframe=timeframe) for k, name in enumerate(NAMES)}


def with_market(market: str, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.lit(market).alias("market"), pl.all())


def alone(bars: dict[str, pl.DataFrame], timeframe: str = "15m") -> dict[str, ChainFrames]:
    return {market: chain(market, timeframe).advance(frame) for market, frame in bars.items()}


def assert_same_as_alone(parts: list[ChainFrames], expected: dict[str, ChainFrames]) -> None:
    for name in FRAMES:
        made = pl.concat([getattr(part, name) for part in parts])
        for market, frames in expected.items():
            assert_same_bits(made.filter(market=market).drop("market"), getattr(frames, name))


def by_rounds(bars: dict[str, pl.DataFrame], first: int = 0, last: int | None = None) -> list[pl.DataFrame]:
    """The k-th bar of every market, for each k."""
    end = min(frame.height for frame in bars.values()) if last is None else last
    return [
        pl.concat([with_market(market, frame.slice(k, 1)) for market, frame in bars.items()]) for k in range(first, end)
    ]


def test_one_bar_a_call_gives_the_rows_of_the_chains():
    bars = market_bars(1_500)
    expected = alone(bars)
    made = pl.concat([frames.signals for frames in expected.values()])["strategy"].value_counts()
    assert set(made["strategy"]) == set(BUILT_IN)
    assert made["count"].min() >= 5
    panel = Panel([chain(name) for name in NAMES])
    assert panel.markets == NAMES
    assert_same_as_alone([panel.advance(one) for one in by_rounds(bars)], expected)
    for name in NAMES:
        alone_chain = chain(name)
        alone_chain.advance(bars[name])
        assert panel.chain(name).snapshot() == alone_chain.snapshot()


@pytest.mark.parametrize("timeframe", ["1m", "1h", "1d", "1w"])
def test_timeframes(timeframe: str):
    bars = {name: frame.head(400) for name, frame in market_bars(400, timeframe).items()}
    panel = Panel([chain(name, timeframe) for name in NAMES])
    assert_same_as_alone([panel.advance(one) for one in by_rounds(bars)], alone(bars, timeframe))


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_bars_come_in_any_portions(data: st.DataObject) -> None:
    """Some markets late, some with several bars at once, one by itself, one stored and restored in between."""
    bars = market_bars(260)
    panel = Panel([chain(name) for name in NAMES], threads=data.draw(st.integers(1, 3)))
    edges = {name: sorted({0, 260, *data.draw(st.lists(st.integers(0, 260), max_size=6))}) for name in NAMES}
    parts: list[ChainFrames] = []
    for k in range(max(len(cuts) for cuts in edges.values()) - 1):
        pieces = [
            with_market(name, bars[name].slice(cuts[k], cuts[k + 1] - cuts[k]))
            for name, cuts in edges.items()
            if k + 1 < len(cuts)
        ]
        if data.draw(st.booleans()):
            by_itself = pieces.pop(0)
            market = by_itself["market"][0]
            frames = panel.chain(market).advance(by_itself.drop("market"))
            parts.append(ChainFrames(*(with_market(market, getattr(frames, name)) for name in FRAMES)))
        if pieces:
            parts.append(panel.advance(pl.concat(pieces)))
        if data.draw(st.booleans()):
            restored = [Chain.restore(panel.chain(name).snapshot(), **panel.chain(name).parameters) for name in NAMES]
            panel = Panel(restored)
    assert_same_as_alone(parts, alone(bars))


def test_many_markets_on_several_threads_are_the_same():
    """Enough markets for three parts of different size, one bar a call, each market at its own point of time."""
    count = 200
    names = [f"sim:{k}" for k in range(count)]
    base = simulated_bars(count + 40, seed=3)
    frames = {name: base.slice(k, 40) for k, name in enumerate(names)}
    one_thread, three = (Panel([chain(name) for name in names], threads=threads) for threads in (1, 3))
    with three:
        for one in by_rounds(frames):
            left, right = one_thread.advance(one), three.advance(one)
            for name in FRAMES:
                assert_same_bits(getattr(left, name), getattr(right, name))
    assert all(
        one_thread.chain(name).snapshot() == three.chain(name).snapshot() == _advanced(name, frames[name]).snapshot()
        for name in names[::17]
    )


def _advanced(name: str, bars: pl.DataFrame) -> Chain:
    made = chain(name)
    made.advance(bars)
    return made


def test_arrays_fill_the_rows_they_are_given():
    bars = market_bars(300)
    panel = Panel([chain(name) for name in NAMES])
    rows = panel.new_rows()
    places = np.arange(len(NAMES))
    parts: list[ChainFrames] = []
    for k in range(300):
        arrays = [bar_arrays(frame.slice(k, 1)) for frame in bars.values()]
        columns = [np.concatenate([one[c] for one in arrays]) for c in range(6)]
        counts = panel.advance_arrays(places, *columns, rows)
        parts.append(panel.frames(places, columns[0], rows))
        heights = (parts[-1].structure.height, parts[-1].zones.height, parts[-1].signals.height)
        assert heights == tuple(counts)
    assert_same_as_alone(parts, alone({name: frame.head(300) for name, frame in bars.items()}))


def test_more_zone_events_than_there_was_room_for():
    """A crash through hundreds of live zones of every market at once: their rows do not fit the first room."""
    rise = simulated_bars(4_000, seed=9)
    close = np.linspace(100.0, 400.0, 4_000) * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.002, 4_000)))
    open_ = np.concatenate([[close[0]], close[:-1]])
    bars = bars_frame(
        rise["ts"].to_physical().to_numpy(),
        open_,
        np.maximum(open_, close) * 1.0005,
        np.minimum(open_, close) * 0.9995,
        close,
        np.full(4_000, 5.0),
    )
    last = int(bars["ts"].to_physical()[-1])
    crash = bars_frame([last + 900_000], [close[-1]], [close[-1]], [1.0], [1.0], [5.0])
    names = [f"sim:{k}" for k in range(60)]
    seasoned = Chain(timeframe="15m", market=names[0])
    seasoned.advance(bars)
    chains = [Chain.restore(seasoned.snapshot())]
    expected = chains[0].advance(crash)
    assert expected.zones.height > 40
    copies = [Chain(timeframe="15m", market=name) for name in names]
    for copy in copies:
        copy.advance(bars)
    made = Panel(copies).advance(pl.concat([with_market(name, crash) for name in names]))
    assert made.zones.height == 60 * expected.zones.height
    assert_same_bits(made.zones.filter(market=names[0]).drop("market"), expected.zones)
    assert made.zones["zone_id"].n_unique() == 60 * expected.zones["zone_id"].n_unique()


def test_a_bad_bar_moves_no_market():
    bars = market_bars(60)
    panel = Panel([chain(name) for name in NAMES])
    for one in by_rounds(bars, 0, 50):
        panel.advance(one)
    before = [panel.chain(name).snapshot() for name in NAMES]
    good = by_rounds(bars, 50, 51)[0]
    bad_price = good.with_columns(high=pl.when(pl.col("market") == NAMES[3]).then(1e-9).otherwise("high"))
    with pytest.raises(BadBars, match=rf"{NAMES[3]}.*high is below"):
        panel.advance(bad_price)
    old = pl.concat([good.head(4), with_market(NAMES[4], bars[NAMES[4]].slice(3, 1))])
    with pytest.raises(BadBars, match=rf"{NAMES[4]}.*not after the last bar"):
        panel.advance(old)
    with pytest.raises(BadParameter, match="no market 'binance:DOGEUSDT'"):
        panel.advance(good.with_columns(market=pl.lit("binance:DOGEUSDT")))
    with pytest.raises(BadParameter, match="column market"):
        panel.advance(good.drop("market"))
    rows = panel.new_rows()
    columns = [np.ascontiguousarray(column) for column in bar_arrays(good.drop("market"))]
    for places in ([0, 1, 2, 3, 3], [0, 1, 2, 3, 5], [-1, 1, 2, 3, 4], [1, 0, 2, 3, 4], [0, 1, 2]):
        with pytest.raises(BadParameter, match="markets must be"):
            panel.advance_arrays(np.array(places), *columns, rows)
    with pytest.raises(BadParameter, match="room for 2 bars"):
        panel.advance_arrays(np.arange(5), *columns, panel.new_rows(2))
    broken = [column.copy() for column in columns]
    broken[5][2] = -1.0
    with pytest.raises(BadBars, match=rf"{NAMES[2]}.*volume"):
        panel.advance_arrays(np.arange(5), *broken, rows)
    assert [panel.chain(name).snapshot() for name in NAMES] == before
    assert panel.advance_arrays(np.arange(5), *columns, rows) is not None
    assert panel.advance(good.clear()).indicators.height == 0


def test_chains_that_do_not_belong_together_are_refused():
    with pytest.raises(BadParameter, match="at least one"):
        Panel([])
    with pytest.raises(BadParameter, match="two chains"):
        Panel([chain(NAMES[0]), chain(NAMES[0])])
    with pytest.raises(BadParameter, match="other parameters"):
        Panel([chain(NAMES[0]), Chain(timeframe="15m", market=NAMES[1])])
    with pytest.raises(BadParameter, match="other parameters"):
        Panel([chain(NAMES[0]), chain(NAMES[1], "1h")])


def test_fewer_strategies_and_other_parameters():
    bars = market_bars(700)
    given: dict[str, Any] = {
        "strategies": ["structure_breakout"],
        "settings": {"structure_breakout": EAGER["structure_breakout"]},
        "structure": {"swing": 20},
        "zones": {"swing": 20},
    }
    panel = Panel([Chain(timeframe="15m", market=name, **given) for name in NAMES])
    expected = {name: Chain(timeframe="15m", market=name, **given).advance(bars[name]) for name in NAMES}
    assert_same_as_alone([panel.advance(one) for one in by_rounds(bars)], expected)
