"""One bar of one market through all stages, and the loop over markets around it."""

from __future__ import annotations

from typing import NamedTuple

from engines.bars import BarArrays, FloatArray, TimeArray, first_bad_bar
from engines.indicators.kernel import advance_indicators
from engines.kernel import lean_kernel
from engines.panel.arena import Arena, taker
from engines.panel.decisions import decide
from engines.panel.desk import DESK_FORM, STRUCTURE_END, ZONES_END, HigherBar, Scratch
from engines.panel.memory import BARS_SEEN, BASE_CLOCKS, CLOCKS, FORM, HIGHER_INDICATORS, LAST_TS
from engines.panel.parameters import PARAMETERS_FORM, PanelParameters
from engines.resample import OPEN_TIME, fold_bar
from engines.signals.higher import LastHigherBar
from engines.signals.view import (
    INTERNAL,
    SWING,
    BarView,
    HigherView,
    StructureEvents,
    ZoneEvents,
)
from engines.structure.kernel import advance_structure
from engines.structure.rows import StructureRows
from engines.zones.kernel import advance_zones
from engines.zones.lives import LIVE_LIMIT, WRITTEN, WRITTEN_BEFORE, Pen
from engines.zones.rows import ZoneRows

take_clocks = taker(FORM, "clocks")
take_indicators = taker(FORM, "indicators")
take_structure = taker(FORM, "structure")
take_zones = taker(FORM, "zones")
take_pending = taker(FORM, "higher.pending")
take_higher_indicators = taker(FORM, "higher.indicators")
take_higher_structure = taker(FORM, "higher.structure")
take_last = taker(FORM, "higher.last")

take_parameters = taker(PARAMETERS_FORM, "")
take_scratch = taker(DESK_FORM, "scratch")
take_marks = taker(DESK_FORM, "marks")
take_structure_rows = taker(DESK_FORM, "structure")
take_zone_rows = taker(DESK_FORM, "zones")
take_signal_rows = taker(DESK_FORM, "signals")


class Call(NamedTuple):
    """Bars of a call: one of each of some markets.

    Attributes
    ----------
    markets : ndarray of int64, shape (n,)
        Place of each bar's market in the stacked state, ascending.
    bars : BarArrays
        Of shape (n,).
    """

    markets: TimeArray
    bars: BarArrays


@lean_kernel
def _one_bar(bars: BarArrays, j: int) -> BarArrays:
    k = j + 1
    return BarArrays(bars.ts[j:k], bars.open[j:k], bars.high[j:k], bars.low[j:k], bars.close[j:k], bars.volume[j:k])


@lean_kernel
def _structure_from(rows: StructureRows, n: int) -> StructureRows:
    return StructureRows(
        rows.ts[n:],
        rows.scale[n:],
        rows.kind[n:],
        rows.direction[n:],
        rows.level[n:],
        rows.origin_ts[n:],
        rows.label[n:],
        rows.bias[n:],
    )


@lean_kernel
def _zones_from(rows: ZoneRows, n: int) -> ZoneRows:
    return ZoneRows(
        rows.ts[n:],
        rows.zone[n:],
        rows.kind[n:],
        rows.event[n:],
        rows.side[n:],
        rows.scale[n:],
        rows.top[n:],
        rows.bottom[n:],
        rows.origin_ts[n:],
        rows.created_ts[n:],
        rows.volume[n:],
        rows.sequence[n:],
    )


@lean_kernel
def _complete_higher_bar(p: PanelParameters, states: Arena, market: int, scratch: Scratch, room: HigherBar) -> None:
    """Take the higher bar that has just been completed into its indicators and structure."""
    pending, last = take_pending(states, market), take_last(states, market)
    clocks = take_clocks(states, market).of
    ts = pending.clock[OPEN_TIME]
    room.ts[0] = ts
    for k in range(5):
        room.values[k, 0] = pending.values[k]
    seen = clocks[HIGHER_INDICATORS, BARS_SEEN]
    advance_indicators(room.bars, seen, p.higher_plan, take_higher_indicators(states, market), last.indicators)
    rows = scratch.higher_rows
    written = advance_structure(
        room.bars,
        seen,
        p.higher_structure.widths,
        p.higher_structure.threshold,
        p.higher_structure.atr_period,
        take_higher_structure(states, market),
        rows,
    )
    for i in range(written):
        if rows.scale[i] == SWING:
            last.swing_bias[0] = rows.bias[i]
        elif rows.scale[i] == INTERNAL:
            last.internal_bias[0] = rows.bias[i]
    last.ts[0] = ts
    last.close[0] = pending.values[3]
    for clock in range(HIGHER_INDICATORS, CLOCKS):
        clocks[clock, LAST_TS] = ts
        clocks[clock, BARS_SEEN] = seen + 1


@lean_kernel
def _advance_market(
    j: int,
    bar: BarArrays,
    p: PanelParameters,
    states: Arena,
    market: int,
    desk: Arena,
    higher_bar: HigherBar,
    out: FloatArray,
    place: int,
) -> None:
    """Advance one market by its bar, the one of ``place`` in the thread's part: its rows are added to the desk's."""
    marks, scratch = take_marks(desk, 0), take_scratch(desk, 0)
    structure_begin = marks.ends[place - 1, STRUCTURE_END] if place else 0
    zones_begin = marks.ends[place - 1, ZONES_END] if place else 0
    clocks = take_clocks(states, market).of
    ts, start = bar.ts[0], clocks[0, BARS_SEEN]

    advance_indicators(bar, start, p.plan, take_indicators(states, market), out)
    structure = _structure_from(take_structure_rows(desk, 0), structure_begin)
    written = advance_structure(
        bar,
        start,
        p.structure.widths,
        p.structure.threshold,
        p.structure.atr_period,
        take_structure(states, market),
        structure,
    )
    zones = _zones_from(take_zone_rows(desk, 0), zones_begin)
    scratch.pen[WRITTEN] = 0
    scratch.pen[WRITTEN_BEFORE] = 0
    scratch.pen[LIVE_LIMIT] = p.live_limit
    advance_zones(
        bar,
        start,
        p.wild_bar,
        p.zones_atr_period,
        structure,
        written,
        take_zones(states, market),
        Pen(zones, scratch.pen),
    )
    lives = scratch.pen[WRITTEN]
    marks.ends[place, STRUCTURE_END] = structure_begin + written
    marks.ends[place, ZONES_END] = zones_begin + lives

    if p.higher_ms > 0:
        o, h, l, c, v = bar.open[0], bar.high[0], bar.low[0], bar.close[0], bar.volume[0]
        pending = take_pending(states, market)
        if fold_bar(ts, o, h, l, c, v, p.higher_ms, p.higher_offset_ms, p.bar_ms, pending.values, pending.clock):
            _complete_higher_bar(p, states, market, scratch, higher_bar)
        scratch.first_rows[1] = written
        scratch.first_rows[3] = lives
        view = _view(bar, start, out, structure, zones, take_last(states, market), scratch)
        signals = take_signal_rows(desk, 0)
        marks.signal_count[0] = decide(
            j,
            zones_begin,
            view,
            p.strategies,
            states,
            market,
            scratch.candidate,
            signals.strategy,
            signals.rows,
            marks.signal_count[0],
        )
    for clock in range(BASE_CLOCKS):
        clocks[clock, LAST_TS] = ts
        clocks[clock, BARS_SEEN] = start + 1


@lean_kernel
def _view(
    bar: BarArrays,
    start: int,
    out: FloatArray,
    structure: StructureRows,
    zones: ZoneRows,
    last: LastHigherBar,
    scratch: Scratch,
) -> BarView:
    """What strategies see of one bar."""
    events = StructureEvents(
        structure.scale,
        structure.kind,
        structure.direction,
        structure.level,
        structure.origin_ts,
        structure.label,
        structure.bias,
    )
    lives = ZoneEvents(
        zones.kind, zones.event, zones.side, zones.scale, zones.top, zones.bottom, zones.origin_ts, zones.volume
    )
    higher = HigherView(last.ts, last.close, last.indicators, last.swing_bias, last.internal_bias)
    first = scratch.first_rows
    return BarView(bar, start, out, events, first[:2], lives, first[2:], higher, scratch.known)


@lean_kernel
def first_unfit_bar(parameters: Arena, states: Arena, call: Call, count: int) -> tuple[int, int]:
    """Place and rule of the first of ``count`` bars that does not follow its market's last or is not sound; else (-1, 0)."""
    p = take_parameters(parameters, 0)
    for j in range(count):
        last_ts = take_clocks(states, call.markets[j]).of[0, LAST_TS]
        _, rule = first_bad_bar(_one_bar(call.bars, j), 0, 1, last_ts, p.bar_ms, p.offset_ms)
        if rule != 0:
            return j, rule
    return -1, 0


@lean_kernel
def advance_markets(
    parameters: Arena,
    states: Arena,
    call: Call,
    desk: Arena,
    higher_bar: HigherBar,
    indicators: FloatArray,
    first: int,
    begin: int,
    end: int,
    unchecked: bool,
) -> tuple[int, int]:
    """Advance each market of a part by one bar.

    Parameters
    ----------
    parameters : Arena
        Of `PanelParameters`.
    states : Arena
        Of all markets. Changed in place.
    call : Call
    desk : Arena
        Of one `Desk`. Changed in place.
    higher_bar : HigherBar
    indicators : ndarray of float64, shape (n, columns, 1)
        By the place of the bar in the call. Filled.
    first, begin, end : int
        Where the part begins in the call; the bars from ``begin`` up to ``end`` are advanced, their rows are added behind
        those of the bars from ``first`` to ``begin``.
    unchecked : bool
        Look at all bars up to ``end`` first, and advance none if one is bad.

    Returns
    -------
    done, rule : int
        Up to which bar there was room for the zone rows; or the first bad bar and the rule it breaks.
    """
    if unchecked:
        bad, rule = first_unfit_bar(parameters, states, call, end)
        if rule != 0:
            return bad, rule
    p = take_parameters(parameters, 0)
    ends, room = take_marks(desk, 0).ends, take_zone_rows(desk, 0).ts.shape[0]
    for j in range(begin, end):
        used = ends[j - first - 1, ZONES_END] if j > first else 0
        if room - used < p.zone_room:
            return j, 0
        _advance_market(
            j, _one_bar(call.bars, j), p, states, call.markets[j], desk, higher_bar, indicators[j], j - first
        )
    return end, 0
