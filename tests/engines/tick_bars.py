"""Short series of bars on a coarse grid of prices, drawn by hypothesis: ties, equal levels, gaps and still markets abound."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import strategies as st

from engines.timeframe import Timeframe
from tests.engines.market_bars import START_MS, bars_frame

_TICK = 0.5


@st.composite
def tick_bars(draw: st.DrawFn, most: int = 160) -> pl.DataFrame:
    """15-minute bars whose prices are whole ticks."""
    shapes = draw(
        st.lists(
            st.tuples(
                st.integers(1, 3),  # bars since the last: more than one is a gap in time
                st.integers(-6, 6),  # from the last close to the open: a gap in price
                st.integers(-8, 8),  # body
                st.integers(0, 4),  # upper wick
                st.integers(0, 4),  # lower wick
                st.integers(0, 3),
            ),
            max_size=most,
        )
    )
    calm = draw(st.booleans())
    rows: list[tuple[int, int, int, int, int, int]] = []
    ts, last = START_MS, 400
    for steps, jump, body, up, down, volume in shapes:
        ts += steps * Timeframe.M15.milliseconds
        open_ = max(last + (0 if calm and abs(jump) < 5 else jump), 20)
        close = max(open_ + body, 20)
        rows.append((ts, open_, max(open_, close) + up, min(open_, close) - down, close, volume))
        last = close
    table = np.array(rows, np.int64).reshape(-1, 6)
    return bars_frame(table[:, 0], *(table[:, k] * _TICK for k in range(1, 5)), table[:, 5])
