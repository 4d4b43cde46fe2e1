"""The audit: replay a reader over the same bars in every way there is, and hold what it shows against itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.audit.compare import Tally
from engines.audit.findings import AuditReport, BadReading, Replay, TableAudit
from engines.audit.pin import pinned
from engines.audit.plan import AuditPlan, other_future
from engines.audit.prefixes import show
from engines.audit.readers import EngineReader, Frames, FunctionReader, Reader, Stepper

Told = Callable[[int, int], object]
"""Called with the replays done and the replays there will be."""

_CUTS, _CALLS, _FUTURES = 1, 2, 3
_KEPT_FINDINGS = 5
"""Of each table, kind and replay: enough to see what is wrong."""


def audit(reader: Reader, bars: pl.DataFrame, plan: AuditPlan | None = None, told: Told | None = None) -> AuditReport:
    """Look for readings that are rewritten, withdrawn or late.

    An engine is fed in pieces cut at sampled bars and one by one over stretches, with and without being restored from its
    snapshot at the cuts; in one call over sampled prefixes; and with other bars after sampled bars. A function is given
    sampled prefixes and stretches of prefixes that grow by one bar, and other bars after sampled bars. Whatever was shown
    must be the same in all of them, in every bit.

    Parameters
    ----------
    reader : EngineReader or FunctionReader
    bars : DataFrame
        Closed bars in the normal form, from the first the reader is to know.
    plan : AuditPlan, optional
        How much is replayed.
    told : callable, optional
        For progress.

    Returns
    -------
    AuditReport
        The same for the same reader, bars and plan.

    Raises
    ------
    BadReading
        If the reader fails, or returns something else than readings of the bars it was given.
    engines.errors.BadBars
        If a bar breaks a rule.
    """
    plan = plan or AuditPlan()
    steps = _Steps(told)
    if bars.height <= plan.first:
        return AuditReport(reader.name, bars.height, None, None, 0, ())
    if isinstance(reader, FunctionReader):
        return _audit_function(reader, bars, plan, steps)
    return _audit_engine(reader, bars, plan, steps)


class _Steps:
    """Counts replays and tells of them."""

    def __init__(self, told: Told | None) -> None:
        self._told = told
        self.done = 0
        self.total = 0

    def step(self) -> None:
        self.done += 1
        if self._told is not None:
            self._told(self.done, max(self.total, self.done))


# -- engines ------------------------------------------------------------------------------------------------------------


def _audit_engine(reader: EngineReader, bars: pl.DataFrame, plan: AuditPlan, steps: _Steps) -> AuditReport:
    run = _EngineRun(reader, bars)
    whole = run.rows(reader.start(), bars)
    sampled = plan.sampled(plan.prefixes, bars.height, _CUTS, _eventful(whole, bars))
    cuts = sorted({*sampled, *(end for stretch in plan.stretches(bars.height) for end in stretch)})
    restores = sampled[::2]
    calls = plan.sampled(plan.calls, bars.height, _CALLS)
    futures = plan.sampled(plan.futures, bars.height - 1, _FUTURES, _eventful(whole, bars))
    steps.total = len(cuts) + len(restores) + len(calls) + len(futures)
    tallies = {one.table: Tally(one, _KEPT_FINDINGS) for one in reader.tables}
    last = run.ts(bars.height)

    pieces = run.in_pieces(cuts, steps, tallies, restored=False)
    for table, tally in tallies.items():
        tally.compare(pieces[table], whole[table], last, last, Replay.PIECES)
    if any(tally.findings for tally in tallies.values()):
        # What pieces alone change cannot be told from what is lost at a snapshot between them.
        steps.total -= len(restores)
    else:
        again = run.in_pieces(restores, steps, tallies, restored=True)
        for table, tally in tallies.items():
            tally.compare(again[table], whole[table], last, last, Replay.RESTORED)
    for end in calls:
        shown = run.rows(reader.start(), bars.head(end))
        for table, tally in tallies.items():
            tally.compare(shown[table], whole[table], run.ts(end), last, Replay.MORE_BARS)
        steps.step()
    random = plan.random(_FUTURES)
    for cut in futures:
        other = run.rows(reader.start(), other_future(bars, cut, random))
        for table, tally in tallies.items():
            known = whole[table].filter(pl.col("ts") <= run.ts(cut))
            tally.compare(known, other[table], run.ts(cut), last, Replay.OTHER_FUTURE)
        steps.step()
    findings = [finding for tally in tallies.values() for finding in tally.findings]
    return AuditReport(
        reader.name,
        bars.height,
        run.ts(1),
        last,
        steps.done,
        tuple(tally.finish(whole[table]) for table, tally in tallies.items()),
        tuple(
            pinned(findings, reader.tables, bars, lambda table, end: run.rows(reader.start(), bars.head(end))[table])
        ),
    )


class _EngineRun:
    """Runs of one engine over parts of the same bars."""

    def __init__(self, reader: EngineReader, bars: pl.DataFrame) -> None:
        self._reader = reader
        self._bars = bars

    def ts(self, end: int) -> datetime:
        """Open time of the last bar of a prefix."""
        return cast("datetime", self._bars["ts"][end - 1])

    def rows(self, stepper: Stepper, bars: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """Advance, and check what came back."""
        return self._checked(stepper.advance(bars), bars)

    def in_pieces(
        self, cuts: Sequence[int], steps: _Steps, tallies: Mapping[str, Tally], *, restored: bool
    ) -> dict[str, pl.DataFrame]:
        """Rows of bars fed from cut to cut; ``restored`` goes on from the snapshot at each."""
        stepper = self._reader.start()
        shown: dict[str, list[pl.DataFrame]] = {table: [] for table in tallies}
        edges = [0, *cuts] if cuts and cuts[-1] == self._bars.height else [0, *cuts, self._bars.height]
        for begin, end in pairwise(edges):
            rows = self.rows(stepper, self._bars.slice(begin, end - begin))
            for table, frame in rows.items():
                shown[table].append(frame)
                before = self.ts(max(begin, 1))
                if begin and not restored and frame.height and cast("datetime", frame["ts"].min()) <= before:
                    # A row of a bar that had gone by when the call began.
                    tallies[table].compare(frame.head(0), frame, before, self.ts(end), Replay.MORE_BARS)
            if restored:
                stepper = self._reader.restore(stepper.snapshot())
            if end in cuts:
                steps.step()
        return {table: pl.concat(frames) for table, frames in shown.items()}

    def _checked(self, rows: Frames, bars: pl.DataFrame) -> dict[str, pl.DataFrame]:
        last = cast("datetime", bars["ts"][-1])
        checked: dict[str, pl.DataFrame] = {}
        for one in self._reader.tables:
            who = f"{self._reader.name}, given {bars.height:,} bars up to {last:%Y-%m-%d %H:%M},"
            if one.table not in rows:
                raise BadReading(f"{who} returned no table {one.table}; it has {', '.join(rows) or 'none'}")
            checked[one.table] = one.check(rows[one.table], f"{who} for {one.table}", last)
        return checked


def _eventful(whole: Mapping[str, pl.DataFrame], bars: pl.DataFrame) -> npt.NDArray[np.int64] | None:
    """Prefix lengths that end at a bar of the rarest event: where a look ahead shows first."""
    times = [frame["ts"].unique() for frame in whole.values()]
    rare = [ts for ts in times if 0 < ts.len() < bars.height]
    if not rare:
        return None
    rarest = min(rare, key=lambda ts: ts.len())
    return np.flatnonzero(bars["ts"].is_in(rarest.implode()).to_numpy()).astype(np.int64) + 1


# -- functions ----------------------------------------------------------------------------------------------------------


def _audit_function(reader: FunctionReader, bars: pl.DataFrame, plan: AuditPlan, steps: _Steps) -> AuditReport:
    tally = Tally(reader.readings, _KEPT_FINDINGS)
    stretches = plan.stretches(bars.height)
    sampled = {*plan.sampled(plan.prefixes, bars.height, _CUTS), bars.height}
    ends = sorted(sampled.union(*((run[0], run[-1]) for run in stretches)))
    futures = plan.sampled(plan.futures, bars.height - 1, _FUTURES)
    steps.total = sum(len(run) for run in stretches) + len(ends) + 2 * len(futures)

    def shown(length: int) -> pl.DataFrame:
        frame = show(reader.read, bars.head(length), reader.readings)
        steps.step()
        return frame

    def ts(length: int) -> datetime:
        return cast("datetime", bars["ts"][length - 1])

    # Stretches first: they say at which bar exactly something changed, and the first findings are the ones that are kept.
    last = pl.DataFrame()
    for run in (*stretches, ends):
        before = shown(run[0])
        for earlier, later in pairwise(run):
            last = shown(later)
            tally.compare(before, last, ts(earlier), ts(later), Replay.MORE_BARS)
            before = last
        last = before
    random = plan.random(_FUTURES)
    for cut in futures:
        before = shown(cut)
        other = show(reader.read, other_future(bars, cut, random), reader.readings)
        tally.compare(before, other, ts(cut), ts(bars.height), Replay.OTHER_FUTURE)
        steps.step()
    findings = pinned(
        tally.findings, (reader.readings,), bars, lambda _, end: show(reader.read, bars.head(end), reader.readings)
    )
    return AuditReport(
        reader.name, bars.height, ts(1), ts(bars.height), steps.done, (tally.finish(last),), tuple(findings)
    )


# -- stores -------------------------------------------------------------------------------------------------------------


def audit_stored(
    reader: EngineReader, bars: pl.DataFrame, stored: Mapping[str, pl.DataFrame], first: int = 0
) -> AuditReport:
    """Hold stored rows against what the reader makes of the stored bars.

    Parameters
    ----------
    reader : EngineReader
    bars : DataFrame
        All stored bars, from the first the reader is to know to the last whose rows are stored.
    stored : mapping of str to DataFrame
        Stored rows by table, with the columns of the reader's frames in any order and in types that can be cast to them.
        Tables that are not named are not compared.
    first : int
        Index of the first bar whose rows are compared.

    Returns
    -------
    AuditReport
        ``differing`` of each table counts the readings that differ; a finding's ``before`` is what is stored.
    """
    tables = tuple(one for one in reader.tables if one.table in stored)
    if bars.height <= first:
        return AuditReport(f"{reader.name} as stored", bars.height, None, None, 0, ())
    run = _EngineRun(reader, bars)
    begin, last = run.ts(first + 1), run.ts(bars.height)
    made = run.rows(reader.start(), bars)
    tallies = {one.table: Tally(one, _KEPT_FINDINGS) for one in tables}
    audits: list[TableAudit] = []
    for table, tally in tallies.items():
        fresh = made[table].filter(pl.col("ts") >= begin)
        rows = _as_made(table, stored[table], fresh).filter(pl.col("ts").is_between(begin, last))
        tally.compare(rows, fresh, last, last, Replay.STORE)
        audits.append(tally.finish(fresh))
    return AuditReport(
        f"{reader.name} as stored",
        bars.height - first,
        begin,
        last,
        1,
        tuple(audits),
        tuple(finding for tally in tallies.values() for finding in tally.findings),
        of_store=True,
    )


def _as_made(table: str, stored: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in made.columns if name not in stored.columns]
    if missing:
        raise BadReading(
            f"the stored rows of {table} have no column {', '.join(missing)}; they are of another version, "
            "make them anew"
        )
    return stored.select(made.columns).cast(made.schema)
