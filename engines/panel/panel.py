"""The panel: one call advances the chains of many markets, all stages of all of them in one compiled loop."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Self

import numpy as np
import polars as pl

from engines.bars import FloatArray, TimeArray, bar_arrays, rule_in_words
from engines.chain import Chain, ChainCounts, ChainFrames
from engines.errors import BadBars, BadParameter
from engines.panel.arena import arena_of, part_of
from engines.panel.frames import empty_frames, joined, panel_frames
from engines.panel.memory import gathered, settle
from engines.panel.others import decide_others
from engines.panel.rows import PanelRows, Part, take_in

_LEAST_MARKETS = 64
"""Markets that are worth a thread of their own."""


class Panel:
    """Chains of many markets, advanced together: the live path.

    The chains go on living in the panel's memory: each can be advanced, stored and looked at by itself as before, and its
    rows are the same bit for bit whichever way its bars came.

    Parameters
    ----------
    chains : sequence of Chain
        Of one timeframe and the same parameters, each of another market.
    threads : int, optional
        Threads that share the markets of a call; as many as there are cores unless given.

    Raises
    ------
    BadParameter
        If there is no chain, two are of one market, or one has other parameters than the first.

    Examples
    --------
    >>> panel = Panel([Chain(timeframe="15m", market=name) for name in ("binance:BTCUSDT", "binance:ETHUSDT")])
    >>> out = panel.advance(bars)  # a column ``market`` beside those of bars
    >>> out.signals.columns[:3]
    ['market', 'ts', 'signal_id']
    """

    def __init__(self, chains: Sequence[Chain], *, threads: int | None = None) -> None:
        _check_chains(chains)
        self._chains = {chain.market: chain for chain in chains}
        self._markets = tuple(self._chains)
        self._threads = max(1, threads or os.cpu_count() or 1)
        self._pool: ThreadPoolExecutor | None = None
        self._first = chains[0]
        self._states = arena_of([gathered(chain) for chain in chains])
        for k, chain in enumerate(chains):
            settle(chain, part_of(self._states, k), in_panel=True)

    @property
    def markets(self) -> tuple[str, ...]:
        """Markets, in the order of their places."""
        return self._markets

    def chain(self, market: str) -> Chain:
        """Chain of a market."""
        if market not in self._chains:
            raise BadParameter(f"the panel has no market {market!r}; it has {', '.join(sorted(self._chains))}")
        return self._chains[market]

    def close(self) -> None:
        """End the panel's threads; a later call starts them anew."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def advance(self, bars: pl.DataFrame) -> ChainFrames:
        """Rows of all stages for the next bars of any of the markets.

        Parameters
        ----------
        bars : DataFrame
            ``market``, and closed bars in the normal form; the bars of a market in order, after the last it has seen.

        Returns
        -------
        ChainFrames
            The frames of the chains, market after market in the panel's order, with ``market`` as first column.

        Raises
        ------
        BadBars
            If a bar of any market breaks a rule; the message names the market, the row is that among its bars. Nothing
            was advanced.
        BadParameter
            If there is no column ``market``, or a market the panel does not have.
        """
        places = self._places_of(bars)
        order = np.argsort(places, kind="stable")
        markets = places[order]
        if (np.diff(markets) > 0).all():
            return self._advance_one_each(markets, bars.drop("market")[order])
        found = [(market, frame.drop("market")) for market, frame in self._by_market(bars)]
        for market, frame in found:
            try:
                self._chains[market].accept(frame)
            except BadBars as error:
                raise BadBars(f"{market}: {error.rule}", error.row) from None
        made = self._share_out([lambda m=market, f=frame: self._chains[m].advance(f) for market, frame in found])
        return joined(self._first, [(market, frames) for (market, _), frames in zip(found, made, strict=True)])

    def advance_arrays(
        self,
        markets: TimeArray,
        ts: TimeArray,
        open_: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
        rows: PanelRows,
    ) -> ChainCounts:
        """Advance each of some markets by one bar.

        Parameters
        ----------
        markets : ndarray of int64, shape (n,)
            Place of each bar's market in `markets`, ascending.
        ts, open_, high, low, close, volume : ndarray, shape (n,)
            The bars.
        rows : PanelRows
            From `new_rows`, for at least ``n`` bars; filled.

        Returns
        -------
        ChainCounts
            How many rows of structure, zones and signals there are in all parts of ``rows``.

        Raises
        ------
        BadBars
            If a bar breaks a rule; the message names its market. Nothing was advanced.
        BadParameter
            If ``markets`` are not ascending places, or there is too little room. Nothing was advanced.
        """
        count = ts.shape[0] if ts.ndim == 1 else -1
        self._check_places(markets, count)
        room = rows.indicators.shape[0]
        if room < count:
            raise BadParameter(f"rows have room for {room} bars, not for {count}; make them with new_rows")
        take_in(rows.inputs, count, ts, (open_, high, low, close, volume))
        rows.inputs.markets[:count] = markets
        rows.share_out(count, _LEAST_MARKETS)
        if len(rows.used) == 1:
            bad, rule = self._advance_part(rows.used[0], rows, unchecked=True)
        else:
            bad, rule = rows.first_unfit(count)
        if rule:
            raise BadBars(f"{self._markets[markets[bad]]}: {rule_in_words(rule, self._first.timeframe)}", bad)
        if len(rows.used) > 1:
            self._share_out([partial(self._advance_part, part, rows) for part in rows.used])
        return ChainCounts(
            sum(part.structure_count for part in rows.used),
            sum(part.zone_count for part in rows.used),
            sum(part.signal_count for part in rows.used),
        )

    def new_rows(self, bars: int | None = None) -> PanelRows:
        """Room for the rows of one bar of each of ``bars`` markets, of all unless given."""
        count = len(self._chains) if bars is None else bars
        parts = max(1, min(self._threads, count // _LEAST_MARKETS))
        return PanelRows(self._first, self._states, count, parts, _LEAST_MARKETS)

    def frames(self, markets: TimeArray, ts: TimeArray, rows: PanelRows) -> ChainFrames:
        """Rows of a call of `advance_arrays` as frames, with ``market`` as first column.

        Parameters
        ----------
        markets, ts : ndarray of int64, shape (n,)
            As they were given in the call.
        rows : PanelRows
        """
        places: list[int] = markets.tolist()
        names = [self._markets[k] for k in places]
        return panel_frames(self._first, names, ts.copy(), rows)

    def _advance_part(self, part: Part, rows: PanelRows, *, unchecked: bool = False) -> tuple[int, int]:
        """Advance a part to its end; returns a bad bar and the rule it breaks, with nothing advanced, or (-1, 0)."""
        begin = part.first
        while begin < part.end:
            end, rule = rows.advance(part, begin, unchecked=unchecked)
            if rule:
                return end, rule
            for j in range(begin, end) if rows.has_others else ():
                decide_others(self._chains[self._markets[rows.inputs.markets[j]]], j, rows, part)
            begin = end
            unchecked = False
        return -1, 0

    def _advance_one_each(self, markets: TimeArray, bars: pl.DataFrame) -> ChainFrames:
        if not bars.height:
            return empty_frames(self._first)
        arrays = bar_arrays(bars)
        rows = self.new_rows(bars.height)
        self.advance_arrays(markets, *arrays, rows)
        return self.frames(markets, arrays.ts, rows)

    def _places_of(self, bars: pl.DataFrame) -> TimeArray:
        """Place of each bar's market."""
        if "market" not in bars.columns:
            raise BadParameter(f"bars of a panel need a column market; they have {', '.join(bars.columns)}")
        places = bars["market"].replace_strict(
            list(self._markets), list(range(len(self._markets))), default=None, return_dtype=pl.Int64
        )
        if places.null_count():
            self.chain(str(bars["market"].filter(places.is_null())[0]))
        return places.to_numpy()

    def _by_market(self, bars: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
        """Bars of each market, in the panel's order."""
        groups = bars.group_by("market", maintain_order=True)
        found = {str(market): frame for (market,), frame in groups}
        return [(market, found[market]) for market in self._markets if market in found]

    def _check_places(self, markets: TimeArray, count: int) -> None:
        if markets.shape != (count,) or markets.dtype != np.int64:
            raise BadParameter(f"markets must be an int64 array of {count} places, one for each bar")
        if count and (markets[0] < 0 or markets[-1] >= len(self._markets) or (np.diff(markets) <= 0).any()):
            raise BadParameter(
                f"markets must be ascending places from 0 to {len(self._markets) - 1}, each at most once"
            )

    def _share_out(self, work: Sequence[Callable[[], Any]]) -> list[Any]:
        """Do independent pieces of work on the panel's threads; kernels run without the interpreter's lock."""
        if len(work) < 2 or self._threads == 1:
            return [piece() for piece in work]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, "panel")
        return [future.result() for future in [self._pool.submit(piece) for piece in work]]


def _check_chains(chains: Sequence[Chain]) -> None:
    if not chains:
        raise BadParameter("a panel needs at least one chain")
    seen: set[str] = set()
    for chain in chains:
        if chain.market in seen:
            raise BadParameter(f"two chains of the panel are of market {chain.market!r}")
        seen.add(chain.market)
        if chain.in_panel:
            raise BadParameter(
                f"the chain of {chain.market!r} is in a panel already; restore it from a snapshot to have another"
            )
        if {**chain.parameters, "market": ""} != {**chains[0].parameters, "market": ""}:
            raise BadParameter(f"the chain of {chain.market!r} has other parameters than that of {chains[0].market!r}")
