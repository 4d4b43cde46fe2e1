"""One bar of one chain, as a panel of one: what `Chain.advance_arrays` does for a single bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from engines.bars import FloatArray, TimeArray, rule_in_words
from engines.chain import Chain, ChainCounts, ChainRows
from engines.errors import BadBars
from engines.panel.memory import memory_of
from engines.panel.others import decide_others
from engines.panel.rows import PanelRows, take_in


def one_bar_rows(chain: Chain) -> PanelRows:
    """Room for a bar and its rows, for a kernel that works in the memory of the chain."""
    return PanelRows(chain, memory_of(chain), 1, 1, 1)


def advance_bar(
    chain: Chain, call: PanelRows, ts: TimeArray, values: Sequence[FloatArray], rows: ChainRows
) -> ChainCounts:
    """Advance a chain by a bar and fill the first of ``rows``.

    Raises
    ------
    BadBars
        If the bar breaks a rule. Nothing was advanced.
    """
    take_in(call.inputs, 1, ts, values)
    part = call.parts[0]
    part.begin(0, 1)
    _, rule = call.advance(part, 0, unchecked=True)
    if rule:
        raise BadBars(rule_in_words(rule, chain.timeframe), 0)
    if call.has_others:
        decide_others(chain, 0, call, part)
    rows.indicators[...] = call.indicators[0]
    desk = part.desk
    counts = ChainCounts(part.structure_count, part.zone_count, part.signal_count)
    for count, here, there in (
        (counts.structure, desk.structure, rows.structure),
        (counts.zones, desk.zones, rows.zones),
        (counts.signals, (desk.signals.strategy, *desk.signals.rows), rows.signals),
    ):
        if count:
            for column, room in zip(cast("Any", here), cast("Any", there), strict=True):
                room[:count] = column[:count]
    return counts
