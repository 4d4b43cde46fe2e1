"""From the frames and rows of the stages before to what strategies see."""

from __future__ import annotations

import numpy as np
import polars as pl

from engines.bars import TS_DTYPE, FloatArray, TimeArray
from engines.signals.rows import BadSignals, check_columns, floats, require_bars, times
from engines.signals.view import INDICATOR_COUNT, StructureEvents, ZoneEvents
from engines.structure.rows import SCALE_NAMES, STRUCTURE_SCHEMA, StructureRows, codes_of, structure_rows
from engines.zones.rows import EVENT_NAMES, KIND_NAMES, NO_SCALE, ZONE_SCHEMA, ZoneRows, empty_rows


def structure_events(rows: StructureRows) -> StructureEvents:
    """The part of structure rows that strategies see."""
    return StructureEvents(rows.scale, rows.kind, rows.direction, rows.level, rows.origin_ts, rows.label, rows.bias)


def zone_events(rows: ZoneRows) -> ZoneEvents:
    """The part of zone rows that strategies see."""
    return ZoneEvents(rows.kind, rows.event, rows.side, rows.scale, rows.top, rows.bottom, rows.origin_ts, rows.volume)


def indicator_columns(frame: pl.DataFrame, bars_ts: TimeArray) -> FloatArray:
    """Indicator rows as the array the indicator engine fills.

    Raises
    ------
    BadSignals
        If a column is missing, or the rows are not those of the bars.
    """
    columns = frame.columns[1:]
    schema = pl.Schema({"ts": TS_DTYPE, **dict.fromkeys(columns, pl.Float64())})
    check_columns(frame, schema, "indicator rows", frozenset(columns))
    if len(columns) != INDICATOR_COUNT:
        raise BadSignals(f"indicator rows have {len(columns)} columns beside ts, they must have {INDICATOR_COUNT}")
    if not np.array_equal(times(frame["ts"]), bars_ts):
        raise BadSignals("indicator rows are not those of the bars, one a bar")
    # A row longer than the bars, so that the array has the memory layout kernels are compiled for.
    out = np.empty((INDICATOR_COUNT, bars_ts.shape[0] + 1))[:, :-1]
    for row, name in enumerate(columns):
        out[row] = floats(frame[name])
    return out


def structure_from_frame(frame: pl.DataFrame, bars_ts: TimeArray) -> StructureRows:
    """Structure rows from a frame in the order the structure engine gave it.

    Raises
    ------
    BadSignals
        If a column is missing, or a row is of none of the bars.
    """
    check_columns(frame, STRUCTURE_SCHEMA, "structure rows", frozenset({"label", "bias"}))
    require_bars(times(frame["ts"]), bars_ts, "structure rows")
    return structure_rows(frame)


def zones_from_frame(frame: pl.DataFrame, bars_ts: TimeArray) -> ZoneRows:
    """Zone rows from a frame in the order the zone engine gave it; numbers and creation times, which no frame has, are 0.

    Raises
    ------
    BadSignals
        If a column is missing, or a row is of none of the bars.
    """
    check_columns(frame, ZONE_SCHEMA, "zone rows", frozenset({"scale", "volume"}))
    require_bars(times(frame["ts"]), bars_ts, "zone rows")
    zeros = np.zeros(frame.height, np.int64)
    return empty_rows(0)._replace(
        ts=times(frame["ts"]).copy(),
        zone=zeros,
        kind=codes_of(frame["kind"], KIND_NAMES),
        event=codes_of(frame["event"], EVENT_NAMES),
        side=frame["side"].to_numpy().copy(),
        scale=codes_of(frame["scale"], SCALE_NAMES, NO_SCALE),
        top=frame["top"].to_numpy().copy(),
        bottom=frame["bottom"].to_numpy().copy(),
        origin_ts=times(frame["origin_ts"]).copy(),
        created_ts=zeros,
        volume=floats(frame["volume"]).copy(),
        sequence=frame["sequence"].to_numpy().copy(),
    )
