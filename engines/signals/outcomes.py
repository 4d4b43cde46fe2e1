"""What became of each signal, found by walking the bars after the one that decided it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
import polars as pl

from engines import versions
from engines.bars import TS_DTYPE, BarArrays, FloatArray, TimeArray
from engines.engine import Engine, positive
from engines.errors import StateMismatch
from engines.kernel import kernel
from engines.signals.rows import (
    OUTCOME_SCHEMA,
    OUTCOMES,
    OutcomeRows,
    SideArray,
    SignalArrays,
    frozen_signals,
    require_bars,
    signal_arrays,
    time_series,
)
from engines.state import AnyArray
from engines.timeframe import Timeframe

_FIRST_CAPACITY = 64
_TARGET_1, _TARGET_2, _STOPPED, _EXPIRED = range(len(OUTCOMES))
_TEXTS = "texts"
_COUNT, _NEXT_HANDLE = 0, 1


class OpenSignals(NamedTuple):
    """Signals without a final outcome, oldest first; ``counters`` holds how many, and the next handle."""

    handle: TimeArray
    direction: SideArray
    entry: FloatArray
    stop: FloatArray
    target_1: FloatArray
    target_2: FloatArray
    held: TimeArray
    reached: SideArray
    counters: TimeArray


def _new_open(capacity: int) -> OpenSignals:
    return OpenSignals(
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int8),
        np.zeros(capacity),
        np.zeros(capacity),
        np.zeros(capacity),
        np.zeros(capacity),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int8),
        np.zeros(2, np.int64),
    )


@kernel
def _walk(bars: BarArrays, signals: SignalArrays, open_: OpenSignals, max_bars: int, rows: OutcomeRows) -> int:
    """Fold bars and the signals decided at their closes into ``open_``; returns the number of rows written."""
    count = open_.counters[_COUNT]
    n = 0
    taken = 0
    for t in range(bars.ts.shape[0]):
        kept = 0
        for i in range(count):
            d = float(open_.direction[i])
            entry = open_.entry[i]
            stop = open_.stop[i]
            target_1 = open_.target_1[i]
            target_2 = open_.target_2[i]
            risk = abs(entry - stop)
            held = open_.held[i] + 1
            reached = open_.reached[i]
            adverse = bars.low[t] if d > 0.0 else bars.high[t]
            favourable = bars.high[t] if d > 0.0 else bars.low[t]
            final = -1
            price = 0.0
            if (stop - adverse) * d >= 0.0:
                final = _STOPPED
                # A bar that opens beyond the stop fills there, not at the stop.
                price = bars.open[t] if (stop - bars.open[t]) * d > 0.0 else stop
            else:
                if reached == 0 and (favourable - target_1) * d >= 0.0:
                    reached = 1
                    if np.isnan(target_2):
                        final = _TARGET_1
                        price = target_1
                    else:
                        rows.ts[n] = bars.ts[t]
                        rows.handle[n] = open_.handle[i]
                        rows.outcome[n] = _TARGET_1
                        rows.price[n] = target_1
                        rows.r_multiple[n] = (target_1 - entry) * d / risk
                        rows.bars_held[n] = held
                        n += 1
                if reached == 1 and (favourable - target_2) * d >= 0.0:
                    final = _TARGET_2
                    price = target_2
                elif final < 0 and held >= max_bars:
                    final = _EXPIRED
                    price = bars.close[t]
            if final >= 0:
                rows.ts[n] = bars.ts[t]
                rows.handle[n] = open_.handle[i]
                rows.outcome[n] = final
                rows.price[n] = price
                rows.r_multiple[n] = (price - entry) * d / risk
                rows.bars_held[n] = held
                n += 1
            else:
                open_.handle[kept] = open_.handle[i]
                open_.direction[kept] = open_.direction[i]
                open_.entry[kept] = entry
                open_.stop[kept] = stop
                open_.target_1[kept] = target_1
                open_.target_2[kept] = target_2
                open_.held[kept] = held
                open_.reached[kept] = reached
                kept += 1
        count = kept
        while taken < signals.ts.shape[0] and signals.ts[taken] == bars.ts[t]:
            open_.handle[count] = open_.counters[_NEXT_HANDLE]
            open_.direction[count] = signals.direction[taken]
            open_.entry[count] = signals.entry[taken]
            open_.stop[count] = signals.stop[taken]
            open_.target_1[count] = signals.target_1[taken]
            open_.target_2[count] = signals.target_2[taken]
            open_.held[count] = 0
            open_.reached[count] = 0
            open_.counters[_NEXT_HANDLE] += 1
            count += 1
            taken += 1
    open_.counters[_COUNT] = count
    return n


class OutcomeEngine(Engine[OpenSignals]):
    """Finds what becomes of signals: `target_1`, `target_2`, `stopped` or `expired`.

    A signal decided at the close of bar ``t`` is walked from bar ``t + 1`` on. In each bar:

    1. if the bar holds the stop, the signal is ``stopped``, whatever else the bar holds; a bar that opens beyond the stop
       fills at its open;
    2. else, if it holds ``target_1`` for the first time, that outcome is written, and ends a signal without ``target_2``;
    3. then, if it holds ``target_2``, that ends it. Targets fill at their own price, never better;
    4. else, when ``max_bars`` bars have been walked, it is ``expired`` at the close.

    After ``target_1`` the stop stays where it is. ``r_multiple`` is the profit at the outcome's price in units of
    ``|entry - stop|``, before costs, as if the whole position left there.

    Parameters
    ----------
    timeframe : Timeframe or str
    market : str
        ``exchange:SYMBOL``; part of the state's identity only.
    max_bars : int
        Bars after which a signal expires. It also bounds the state: no signal is kept longer.
    """

    NAME = "outcomes"
    VERSION = versions.OUTCOMES
    GROWING: ClassVar[frozenset[str]] = frozenset(set(OpenSignals._fields) - {"counters"})

    def __init__(self, *, timeframe: Timeframe | str = "15m", market: str = "", max_bars: int = 200) -> None:
        self._max_bars = positive("max_bars", max_bars)
        super().__init__(timeframe, {"market": market, "max_bars": max_bars}, _new_open(_FIRST_CAPACITY))
        self._texts: dict[int, tuple[str, str, int, int]] = {}

    @property
    def open_signals(self) -> int:
        """Number of signals without a final outcome."""
        return int(self._state.counters[_COUNT])

    def advance(self, bars: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
        """Walk bars; returns the outcomes they brought, in order of time, then of the signals' age.

        Parameters
        ----------
        bars : DataFrame
            Closed bars, as for every engine.
        signals : DataFrame
            The signals decided at the closes of these bars.

        Raises
        ------
        BadBars, BadSignals
            Nothing has moved.
        """
        arrays = self.accept(bars)
        new = signal_arrays(signals)
        require_bars(new.ts, arrays.ts, "signals")
        self._remember(signals, new)
        rows = self.new_rows(new.ts.shape[0])
        count = self.advance_checked(arrays, new, rows)
        return self._frame(rows, count)

    def advance_arrays(
        self,
        ts: TimeArray,
        open_: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
        signals: SignalArrays,
        rows: OutcomeRows,
    ) -> int:
        """`advance` on arrays; fills ``rows`` (from `new_rows`) and returns how many were written.

        Signals are known by their handles: the n-th signal ever given has handle n, from 0. The texts of the frames
        (ids, strategies) are not known to an engine that got its signals this way: use one form or the other.

        Raises
        ------
        BadBars, BadSignals
            Nothing has moved.
        """
        arrays = self.accept_arrays(ts, open_, high, low, close, volume)
        require_bars(signals.ts, arrays.ts, "signals")
        return self.advance_checked(arrays, frozen_signals(signals), rows)

    def advance_checked(self, bars: BarArrays, signals: SignalArrays, rows: OutcomeRows) -> int:
        """`advance_arrays` on bars and signals that have been checked."""
        self._reserve(signals.ts.shape[0])
        count = int(_walk(bars, signals, self._state, self._max_bars, rows))
        self.mark(bars.ts)
        return count

    def new_rows(self, new_signals: int) -> OutcomeRows:
        """Arrays with room for all outcomes of the open signals and of ``new_signals`` more."""
        room = 2 * (self.open_signals + new_signals)
        return OutcomeRows(
            np.empty(room, np.int64),
            np.empty(room, np.int64),
            np.empty(room, np.int8),
            np.empty(room),
            np.empty(room),
            np.empty(room, np.int64),
        )

    def state_arrays(self) -> dict[str, AnyArray]:
        """State without unused room, with the texts of the open signals as JSON."""
        count = self.open_signals
        arrays = {
            name: array[:count] if name in self.GROWING else array for name, array in super().state_arrays().items()
        }
        texts = json.dumps([[handle, *text] for handle, text in self._texts.items()], separators=(",", ":"))
        arrays[_TEXTS] = np.frombuffer(texts.encode(), np.uint8)
        return arrays

    def load_arrays(self, arrays: Mapping[str, AnyArray]) -> None:
        """Replace the state by what `state_arrays` once returned."""
        rest = dict(arrays)
        texts = rest.pop(_TEXTS, None)
        super().load_arrays(rest)
        if texts is None or any(getattr(self._state, name).shape[0] != self.open_signals for name in self.GROWING):
            raise StateMismatch("snapshot of outcomes is incomplete; recompute from the bars")
        self._texts = {int(h): (i, s, d, t) for h, i, s, d, t in json.loads(texts.tobytes())}

    def _reserve(self, new_signals: int) -> None:
        needed = self.open_signals + new_signals
        capacity = self._state.handle.shape[0]
        if needed <= capacity:
            return
        larger = _new_open(max(needed, 2 * capacity, _FIRST_CAPACITY))
        for name in self.GROWING:
            getattr(larger, name)[:capacity] = getattr(self._state, name)
        larger.counters[:] = self._state.counters
        self._state = larger

    def _remember(self, signals: pl.DataFrame, arrays: SignalArrays) -> None:
        first = int(self._state.counters[_NEXT_HANDLE])
        texts = zip(
            signals["signal_id"], signals["strategy"], arrays.direction.tolist(), arrays.ts.tolist(), strict=True
        )
        self._texts.update(enumerate(texts, first))

    def _frame(self, rows: OutcomeRows, count: int) -> pl.DataFrame:
        handles = rows.handle[:count].tolist()
        codes: list[int] = rows.outcome[:count].tolist()
        outcomes = [OUTCOMES[code].value for code in codes]
        texts = [self._texts[handle] for handle in handles]
        if count:
            live = set(self._state.handle[: self.open_signals].tolist())
            self._texts = {handle: text for handle, text in self._texts.items() if handle in live}
        return pl.DataFrame(
            [
                time_series("ts", rows.ts[:count]),
                pl.Series("signal_id", [text[0] for text in texts], pl.String),
                pl.Series("strategy", [text[1] for text in texts], pl.String),
                pl.Series("direction", [text[2] for text in texts], pl.Int8),
                pl.Series("outcome", outcomes, pl.String),
                pl.Series("price", rows.price[:count], pl.Float64),
                pl.Series("r_multiple", rows.r_multiple[:count], pl.Float64),
                pl.Series("bars_held", rows.bars_held[:count], pl.Int64).cast(pl.UInt32),
                pl.Series("signal_ts", [text[3] for text in texts], pl.Int64).cast(TS_DTYPE),
            ],
        ).select(OUTCOME_SCHEMA.names())
