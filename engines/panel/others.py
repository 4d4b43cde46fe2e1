"""Strategies that the panel's kernel does not know, such as a user's own: run one market after the other."""

from __future__ import annotations

import numpy as np

from engines.chain import Chain
from engines.panel.arena import cut
from engines.panel.parameters import others_of
from engines.panel.rows import PanelRows, Part
from engines.signals.frames import structure_events, zone_events
from engines.signals.view import BarView, HigherView

_ONLY = np.zeros(1, np.int64)


def decide_others(chain: Chain, j: int, call: PanelRows, part: Part) -> None:
    """Let the other strategies of a chain decide bar ``j`` of a call; their signals are added to ``part``.

    Parameters
    ----------
    chain : Chain
        Already advanced over the bar, but for these strategies.
    j : int
        Place of the bar in the call.
    call : PanelRows
    part : Part
        The part of ``call`` that the bar belongs to.
    """
    others = others_of(chain)
    higher = chain.part("signals").higher
    if not others or higher is None:
        return
    desk, k = part.desk, j - part.first
    ends = desk.marks.ends
    structure_begin, zones_begin = ends[k - 1] if k else (0, 0)
    structure_end, zones_end = ends[k]
    structure = cut(desk.structure, structure_begin, structure_end)
    zones = cut(desk.zones, zones_begin, zones_end)
    last = higher.state
    view = BarView(
        cut(call.inputs.call.bars, j, j + 1),
        chain.bars_seen - 1,
        call.indicators[j],
        structure_events(structure),
        np.array([0, structure_end - structure_begin]),
        zone_events(zones),
        np.array([0, zones_end - zones_begin]),
        HigherView(last.ts, last.close, last.indicators, last.swing_bias, last.internal_bias),
        _ONLY,
    )
    candidate = desk.scratch.candidate
    for number, runner in others:
        if not runner.advance_checked(view, candidate):
            continue
        n = desk.marks.signal_count[0]
        desk.signals.strategy[n] = number
        for column, value in zip(desk.signals.rows, candidate, strict=True):
            column[n] = value[0]
        desk.signals.rows.bar[n] = j
        desk.signals.rows.zone[n] += zones_begin if candidate.zone[0] >= 0 else 0
        desk.marks.signal_count[0] = n + 1
