"""The replay test of a strategy: whether what it decides at a bar's close depends on anything that is not known then.

A strategy is handed blocks of bars, whose arrays reach beyond the bar being decided. Nothing keeps it from looking there but
this test. It runs the strategy

- in plain Python over watched arrays (`engines.signals.watching`), where a read of a later bar is seen as such;
- with the later bars taken away, and with other bars in their place, at sampled bars and at all that have signals;
- over the same bars cut into calls at random, one by one in parts, and restored from its snapshot between them.

The decisions must be the same in all of them. Pure functions of their arguments; the same findings every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import cast

import numpy as np
import polars as pl

from engines.signals.blocks import part_of_view, stage_view, with_other_future
from engines.signals.compiling import Walk
from engines.signals.findings import (
    Decision,
    Fault,
    StrategyFinding,
    StrategyReport,
    clock,
    first_difference,
    told,
)
from engines.signals.runner import StrategyRunner, new_candidates
from engines.signals.view import BarView, CandidateRows
from engines.signals.watching import walk_plainly
from engines.timeframe import Timeframe

_BLOCK = 64
"""Bars of the block in which later bars are taken away."""


@dataclass(frozen=True)
class CheckPlan:
    """How much is run again.

    Attributes
    ----------
    plain_bars, plain_stretches : int
        Bars of each stretch that is run in plain Python, and how many stretches besides the first there are.
    sampled : int
        Bars whose later ones are taken away and replaced, besides those with signals.
    signals : int
        Most bars with signals that are.
    cuts : int
        Cuts into calls; as many single bars follow one of them.
    seed : int
    """

    plain_bars: int = 800
    plain_stretches: int = 3
    sampled: int = 150
    signals: int = 150
    cuts: int = 60
    seed: int = 20_240_305


def check_strategy(
    name: str, bars: pl.DataFrame, timeframe: Timeframe | str, plan: CheckPlan | None = None
) -> StrategyReport:
    """Put a registered strategy through the replay test.

    Parameters
    ----------
    name : str
        In the register. Only a user's strategy is also run in plain Python.
    bars : DataFrame
        Closed bars in the normal form, some thousands.
    timeframe : Timeframe or str
        Of the bars.
    plan : CheckPlan, optional

    Raises
    ------
    engines.errors.BadBars
    engines.errors.BadParameter
        If there is no strategy of that name, or none can run on the timeframe.
    """
    check = _Check(name, stage_view(bars, timeframe), Timeframe(timeframe), plan or CheckPlan())
    findings = check.run() if bars.height else []
    return StrategyReport(
        name,
        Timeframe(timeframe).value,
        bars.height,
        len(check.whole),
        check.replays,
        check.ts(0) if bars.height else None,
        check.ts(bars.height - 1) if bars.height else None,
        tuple(findings),
    )


class _Check:
    def __init__(self, name: str, view: BarView, timeframe: Timeframe, plan: CheckPlan) -> None:
        self._name = name
        self._view = view
        self._timeframe = timeframe
        self._plan = plan
        self._count = view.bars.ts.shape[0]
        self._random = np.random.default_rng(plan.seed)
        self.whole: list[Decision] = []
        self.replays = 0

    def ts(self, bar: int) -> datetime:
        """Open time of a bar."""
        return datetime.fromtimestamp(int(self._view.bars.ts[bar]) / 1000, UTC)

    def run(self) -> list[StrategyFinding]:
        """Look for each fault; those that follow from an earlier one are left out."""
        runner = self._fresh()
        self.whole = self._decide(runner, 0, self._count)
        found = [self._plainly(), self._later_bars()]
        if not any(found):
            found.append(self._calls(restored=False) or self._calls(restored=True))
        failure = runner.failure
        if failure is not None and not any(found):
            found.append(
                StrategyFinding(
                    Fault.FAILS, failure.ts, f"it is switched off at the bar of {clock(failure.ts)}: {failure.reason}"
                )
            )
        return [finding for finding in found if finding is not None]

    # -- plain Python ---------------------------------------------------------------------------------------------------

    def _plainly(self) -> StrategyFinding | None:
        for begin, end in self._stretches():
            runner = self._fresh()
            decide = runner.strategy.decide
            if decide is None:
                return None
            if begin:
                self._decide(runner, 0, begin)
                if runner.failure is not None:
                    return None
            mistake = walk_plainly(
                decide,
                part_of_view(self._view, begin, end),
                runner.strategy.parameters,
                cast("Walk", runner.state),
                new_candidates(end - begin),
            )
            self.replays += 1
            if mistake is not None:
                ts = self.ts(begin + mistake.bar)
                fault = Fault.READS_AHEAD if mistake.ahead else Fault.FAILS
                return StrategyFinding(fault, ts, f"at the bar of {clock(ts)} {mistake.words}")
        return None

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """The first bars, and stretches around signals."""
        length = self._plan.plain_bars
        yield 0, min(length, self._count)
        later = [one.bar for one in self.whole if one.bar >= length]
        for bar in self._some(later, self._plan.plain_stretches):
            begin = max(bar - length // 4, 0)
            yield begin, min(begin + length // 2, self._count)

    # -- later bars -----------------------------------------------------------------------------------------------------

    def _later_bars(self) -> StrategyFinding | None:
        chosen = set(self._some(range(self._count - 1), self._plan.sampled))
        chosen |= set(self._some([one.bar for one in self.whole], self._plan.signals))
        runner = self._fresh()
        for begin in range(0, self._count, _BLOCK):
            end = min(begin + _BLOCK, self._count)
            before = runner.snapshot()
            decided = self._decide(runner, begin, end)
            cuts = sorted(bar for bar in chosen | {one.bar for one in decided[:4]} if begin <= bar < end - 1)
            for bar in cuts:
                finding = self._without_later(before, begin, end, bar, decided) or self._with_others(
                    before, begin, end, bar, decided
                )
                if finding is not None:
                    return finding
            if runner.failure is not None:
                return None
        return None

    def _without_later(
        self, before: bytes, begin: int, end: int, bar: int, decided: Sequence[Decision]
    ) -> StrategyFinding | None:
        runner = StrategyRunner.restore(before)
        alone = self._decide(runner, begin, bar + 1)
        differing = first_difference([one for one in decided if one.bar <= bar], alone)
        if differing is None:
            return None
        with_later, without = differing
        at = cast("Decision", with_later or without).bar
        failed = f" (it fails: {runner.failure.reason})" if runner.failure is not None else ""
        return StrategyFinding(
            Fault.LATER_BARS,
            self.ts(at),
            f"the signal of {clock(self.ts(at))} changes when bars after it are known: with later bars "
            f"{told(with_later, without)}, without {told(without, with_later)}{failed}",
        )

    def _with_others(
        self, before: bytes, begin: int, end: int, bar: int, decided: Sequence[Decision]
    ) -> StrategyFinding | None:
        block = part_of_view(self._view, begin, end)
        for factor in (np.nan, 0.5, 2.0):
            runner = StrategyRunner.restore(before)
            others = self._run(runner, with_other_future(block, bar - begin, factor), begin)
            differing = first_difference(
                [one for one in decided if one.bar <= bar], [one for one in others if one.bar <= bar]
            )
            if differing is not None:
                as_they_are, otherwise = differing
                at = cast("Decision", as_they_are or otherwise).bar
                return StrategyFinding(
                    Fault.LATER_BARS,
                    self.ts(at),
                    f"the signal of {clock(self.ts(at))} changes with the bars after {clock(self.ts(bar))}: with the "
                    f"bars as they are {told(as_they_are, otherwise)}, with others {told(otherwise, as_they_are)}",
                )
        return None

    # -- calls ----------------------------------------------------------------------------------------------------------

    def _calls(self, *, restored: bool) -> StrategyFinding | None:
        cuts = set(self._some(range(1, self._count), self._plan.cuts))
        if cuts:
            single = min(cuts)
            cuts |= set(range(single, min(single + self._plan.cuts, self._count)))
        edges = [0, *sorted(cuts), self._count]
        runner = self._fresh()
        found: list[Decision] = []
        for begin, end in pairwise(edges):
            found += self._decide(runner, begin, end)
            if restored:
                runner = StrategyRunner.restore(runner.snapshot())
        differing = first_difference(self.whole, found)
        if differing is None:
            return None
        in_one, in_pieces = differing
        ts = self.ts(cast("Decision", in_one or in_pieces).bar)
        how = "it is restored from its snapshot between calls" if restored else "the bars come in several calls"
        return StrategyFinding(
            Fault.FORGETS if restored else Fault.CALLS,
            ts,
            f"the signal of {clock(ts)} changes when {how}: in one call {told(in_one, in_pieces)}, "
            f"in {len(edges) - 1} calls {told(in_pieces, in_one)}",
        )

    # -- running --------------------------------------------------------------------------------------------------------

    def _fresh(self) -> StrategyRunner:
        return StrategyRunner(timeframe=self._timeframe, strategy=self._name)

    def _decide(self, runner: StrategyRunner, begin: int, end: int) -> list[Decision]:
        return self._run(runner, part_of_view(self._view, begin, end), begin)

    def _run(self, runner: StrategyRunner, block: BarView, begin: int) -> list[Decision]:
        self.replays += 1
        rows = new_candidates(block.bars.ts.shape[0])
        count = runner.advance_checked(block, rows)
        zones_begin = int(self._view.zones_from[begin])
        return [_decision(rows, i, begin, zones_begin) for i in range(count)]

    def _some(self, of: Sequence[int], count: int) -> list[int]:
        if len(of) <= count:
            return list(of)
        chosen: list[int] = self._random.permutation(len(of))[:count].tolist()
        return sorted(int(of[i]) for i in chosen)


def _decision(rows: CandidateRows, i: int, begin: int, zones_begin: int) -> Decision:
    zone = int(rows.zone[i])
    target_2 = float(rows.target_2[i])
    return Decision(
        int(rows.bar[i]) + begin,
        int(rows.direction[i]),
        float(rows.entry[i]),
        float(rows.stop[i]),
        float(rows.target_1[i]),
        None if target_2 != target_2 else target_2,
        float(rows.score[i]),
        int(rows.reasons[i]),
        zone if zone < 0 else zone + zones_begin,
    )
