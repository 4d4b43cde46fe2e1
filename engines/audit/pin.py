"""Find the very bar that changes a reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl

from engines.audit.compare import Readings, Tally
from engines.audit.findings import Finding, Replay

_PINNED = 3
"""Findings of a table that are looked into: each costs some twenty replays."""


def pinned(
    findings: Sequence[Finding],
    tables: Sequence[Readings],
    bars: pl.DataFrame,
    show: Callable[[str, int], pl.DataFrame],
) -> list[Finding]:
    """Findings, the first of each table with the bar that makes the difference instead of one far behind it.

    Parameters
    ----------
    findings : sequence of Finding
    tables : sequence of Readings
    bars : DataFrame
    show : callable
        Rows of a table when the first so many bars are known, all of them given at once.
    """
    by_name = {one.table: one for one in tables}
    left = dict.fromkeys(by_name, _PINNED)
    out: list[Finding] = []
    for finding in findings:
        found: Finding | None = None
        if finding.replay in (Replay.MORE_BARS, Replay.PIECES) and left[finding.table]:
            left[finding.table] -= 1
            found = _pin(finding, by_name[finding.table], bars, show)
        out.append(found or finding)
    return out


def _pin(
    finding: Finding, readings: Readings, bars: pl.DataFrame, show: Callable[[str, int], pl.DataFrame]
) -> Finding | None:
    """The change with the fewest bars that make it; None if bars to come do not make it."""
    # Of bars in pieces, what was shown first is what is known at the bar's own close.
    shown = finding.ts if finding.replay is Replay.PIECES else finding.shown
    least = int((bars["ts"] <= shown).sum())
    most = int((bars["ts"] <= finding.known).sum())
    first = _versions(show(readings.table, least), finding)

    def change(length: int) -> Finding | None:
        tally = Tally(readings, 1)
        later = _versions(show(readings.table, length), finding)
        tally.compare(first, later, bars["ts"][least - 1], bars["ts"][length - 1], Replay.MORE_BARS)
        return tally.findings[0] if tally.findings else None

    same, differs, step = least, least, 1
    found: Finding | None = None
    while found is None and differs < most:
        same, differs = differs, min(differs + step, most)
        found, step = change(differs), step * 2
    if found is None:
        return None
    while differs - same > 1:
        middle = (same + differs) // 2
        nearer = change(middle)
        if nearer is None:
            same = middle
        else:
            found, differs = nearer, middle
    return replace(found, shown=bars["ts"][differs - 2])


def _versions(frame: pl.DataFrame, finding: Finding) -> pl.DataFrame:
    """Rows of the reading's identity."""
    frame = frame.filter(pl.col("ts") == finding.ts)
    for name, value in finding.key:
        frame = frame.filter(pl.col(name).eq_missing(pl.lit(value, frame.schema[name])))
    return frame
