"""Rows of a panel as the frames of a chain, with the market before the other columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.bars import TimeArray
from engines.chain import Chain, ChainFrames
from engines.identity import ids, zone_prefix
from engines.panel.rows import PanelRows, Part
from engines.signals.engine import SignalEngine, SignalRows
from engines.signals.rows import SIGNAL_SCHEMA
from engines.structure.rows import SCALE_NAMES, STRUCTURE_SCHEMA, structure_frame
from engines.timeframe import Timeframe
from engines.zones.rows import KIND_NAMES, NO_SCALE, ZONE_SCHEMA, ZoneRows, named_zone_frame

_MARKET = pl.Schema({"market": pl.String})
Places = npt.NDArray[np.int64]


def empty_frames(chain: Chain) -> ChainFrames:
    """Frames without a row."""
    schemas = (chain.part("indicators").schema, STRUCTURE_SCHEMA, ZONE_SCHEMA, SIGNAL_SCHEMA)
    return ChainFrames(*(pl.Schema({**_MARKET, **schema}).to_frame() for schema in schemas))


def joined(chain: Chain, frames: Sequence[tuple[str, ChainFrames]]) -> ChainFrames:
    """Frames of chains, one after the other, with their markets."""
    parts = [empty_frames(chain)]
    for market, one in frames:
        named = (
            frame.select(pl.lit(market).alias("market"), pl.all())
            for frame in (one.indicators, one.structure, one.zones, one.signals)
        )
        parts.append(ChainFrames(*named))
    return ChainFrames(
        pl.concat([part.indicators for part in parts]),
        pl.concat([part.structure for part in parts]),
        pl.concat([part.zones for part in parts]),
        pl.concat([part.signals for part in parts]),
    )


def panel_frames(chain: Chain, names: Sequence[str], ts: TimeArray, rows: PanelRows) -> ChainFrames:
    """Frames of the rows of a call.

    Parameters
    ----------
    chain : Chain
        Any of the panel's.
    names : sequence of str
        Market of each bar of the call.
    ts : ndarray of int64, shape (n,)
        Open times of the bars; the frames share its memory.
    rows : PanelRows
    """
    markets = pl.Series("market", names, pl.String)
    columns = np.ascontiguousarray(rows.indicators[: ts.shape[0], :, 0].T)
    indicators = chain.part("indicators").frame(ts, columns).insert_column(0, markets)
    empty = empty_frames(chain)
    structure, zones, signals = [empty.structure], [empty.zones], [empty.signals]
    for part in rows.used:
        if part.structure_count:
            events = structure_frame(part.desk.structure, part.structure_count)
            structure.append(events.insert_column(0, markets.gather(part.market_of_structure())))
        if part.zone_count:
            cut = ZoneRows(*(cast("Any", column)[: part.zone_count].copy() for column in part.desk.zones))
            market = part.market_of_zones()
            made = named_zone_frame(cut, _zone_ids(cut, market, names, chain.timeframe))
            zones.append(made.insert_column(0, markets.gather(market)))
        if part.signal_count:
            zone_ids = zones[-1]["zone_id"] if part.zone_count else empty.zones["zone_id"]
            signals.append(_signals(chain, part, names, ts, zone_ids))
    return ChainFrames(indicators, pl.concat(structure), pl.concat(zones), pl.concat(signals))


def _zone_ids(rows: ZoneRows, market: Places, names: Sequence[str], timeframe: Timeframe) -> pl.Series:
    """Ids of zones of several markets: the prefixes that occur are made once each."""
    scales = len(SCALE_NAMES) + 1
    kind, scale = rows.kind.astype(np.int64), rows.scale.astype(np.int64) - NO_SCALE
    code = ((market * len(KIND_NAMES) + kind) * 2 + (rows.side < 0)) * scales + scale
    found, which = np.unique(code, return_inverse=True)
    codes: list[int] = found.tolist()
    prefixes: list[str] = []
    for value in codes:
        rest, at = divmod(value, scales)
        rest, down = divmod(rest, 2)
        place, kind_at = divmod(rest, len(KIND_NAMES))
        name = SCALE_NAMES[at + NO_SCALE] if at + NO_SCALE >= 0 else None
        prefixes.append(zone_prefix(names[place], timeframe, KIND_NAMES[kind_at], -1 if down else 1, name))
    return ids(prefixes, which.astype(np.int64), rows.origin_ts, rows.created_ts)


def _signals(chain: Chain, part: Part, names: Sequence[str], ts: TimeArray, zone_ids: pl.Series) -> pl.DataFrame:
    """Signals are rare: their frames are made a market at a time, by the engine that makes them for one market."""
    order = np.lexsort(
        (part.desk.signals.strategy[: part.signal_count], part.desk.signals.rows.bar[: part.signal_count])
    )
    rows = SignalRows(
        part.desk.signals.strategy[order].astype(np.int8),
        *(cast("Any", column)[order] for column in part.desk.signals.rows),
    )
    engine = cast("SignalEngine", chain.part("signals"))
    bars: list[int] = np.unique(rows.bar).tolist()
    frames: list[pl.DataFrame] = []
    for bar in bars:
        own = SignalRows(*(cast("Any", column)[rows.bar == bar] for column in rows))
        frame = engine.frame(ts, own, zone_ids, market=names[bar])
        frames.append(frame.insert_column(0, pl.Series("market", [names[bar]] * frame.height, pl.String)))
    return pl.concat(frames)
