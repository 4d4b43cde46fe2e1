"""Where an audit looks: seeded samples of prefixes, stretches bar by bar, and futures that never were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.bars import BAR_SCHEMA, FloatArray

_FUTURE_BARS = 300
"""Bars of another future: longer than any lookahead that a reading could plausibly have."""
_LEAST_RATIO, _MOST_RATIO = 1e-3, 1e3


@dataclass(frozen=True)
class AuditPlan:
    """How much an audit replays. The same plan on the same bars always looks at the same places.

    Attributes
    ----------
    prefixes : int
        Sampled places where what is known is held against what is known later.
    stretch : int
        Bars replayed one by one, at a sampled place and at the end.
    futures : int
        Sampled places after which the bars are replaced by others.
    calls : int
        Sampled prefixes that an engine is given in one call from its first bar; each costs as much as all bars before.
    seed : int
    first : int
        Index of the first bar to look at; engines begin at the first of all, as their rows depend on it.
    """

    prefixes: int = 100
    stretch: int = 30
    futures: int = 4
    calls: int = 6
    seed: int = 1
    first: int = 0

    def random(self, purpose: int) -> np.random.Generator:
        """Numbers for one purpose, so that asking for more of one thing does not move the others."""
        return np.random.default_rng((self.seed, purpose))

    def sampled(self, count: int, bars: int, purpose: int, preferred: npt.NDArray[np.int64] | None = None) -> list[int]:
        """Up to ``count`` different prefix lengths after `first`, half of them among ``preferred`` if there are any."""
        random = self.random(purpose)
        chosen: set[int] = set()
        if preferred is not None:
            usable = preferred[(preferred > self.first) & (preferred <= bars)]
            chosen.update(random.permutation(usable)[: count // 2].tolist())
        room = bars - self.first
        wanted = min(count - len(chosen), room)
        if wanted > 0:
            # One a stratum, so that no part of the history is left out.
            edges = np.linspace(self.first, bars, wanted + 1)
            low = np.floor(edges[:-1]).astype(np.int64)
            high = np.maximum(np.floor(edges[1:]).astype(np.int64), low + 1)
            chosen.update((random.integers(low, high) + 1).tolist())
        return sorted(chosen)

    def stretches(self, bars: int) -> list[list[int]]:
        """Runs of consecutive prefix lengths: one at a sampled place, one at the end."""
        length = min(self.stretch, bars - self.first)
        if length < 2:
            return []
        last = list(range(bars - length + 1, bars + 1))
        begin = int(self.random(0).integers(self.first, bars - length + 1))
        anywhere = [end for end in range(begin + 1, begin + length + 1) if end < last[0]]
        return [run for run in (anywhere, last) if len(run) > 1]


def other_future(bars: pl.DataFrame, cut: int, random: np.random.Generator) -> pl.DataFrame:
    """Bars up to ``cut``, and after it a future that is as plausible as the one that came.

    Every move is turned around and stretched as seen from the last close, and volumes change places: whatever was about
    to rise falls, by another amount. Times, and with them gaps, stay.

    Parameters
    ----------
    bars : DataFrame
        In the normal form.
    cut : int
        Bars that stay as they are, at least one.
    random : numpy.random.Generator
    """
    tail = bars.slice(cut, _FUTURE_BARS)
    if tail.is_empty():
        return bars.head(cut)
    close = float(bars["close"][cut - 1])
    power = float(random.uniform(1.2, 2.0))

    def turned(name: str) -> FloatArray:
        ratio = np.clip(close / tail[name].to_numpy(), _LEAST_RATIO, _MOST_RATIO)
        return close * ratio**power

    open_, ends = turned("open"), turned("close")
    # What was low is high now; rounding may leave it a hair inside the body.
    high = np.maximum(np.maximum(turned("low"), open_), ends)
    low = np.minimum(np.minimum(turned("high"), open_), ends)
    volume = random.permutation(tail["volume"].to_numpy()) * random.uniform(0.5, 2.0, tail.height)
    future = pl.DataFrame([tail["ts"], *map(pl.Series, (open_, high, low, ends, volume))], schema=dict(BAR_SCHEMA))
    return pl.concat([bars.head(cut).select(BAR_SCHEMA.names()), future])
