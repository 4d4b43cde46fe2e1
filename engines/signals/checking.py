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
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from engines.bars import BarArrays, bar_arrays, check_bars, frozen
from engines.errors import BadParameter
from engines.indicators import IndicatorEngine
from engines.signals.compiling import Walk
from engines.signals.engine import rows_from
from engines.signals.frames import structure_events, zone_events
from engines.signals.higher import HigherTimeframe
from engines.signals.runner import StrategyRunner, new_candidates
from engines.signals.view import BarView, CandidateRows
from engines.signals.watching import walk_plainly
from engines.structure import StructureEngine
from engines.timeframe import Timeframe
from engines.zones import ZoneEngine


class Fault(StrEnum):
    """What is wrong with a strategy."""

    READS_AHEAD = "reads ahead"
    """It reads what is not known at the bar."""
    LATER_BARS = "depends on later bars"
    """Its decision changes with the bars after it."""
    CALLS = "depends on calls"
    """Its decision changes with how bars are cut into calls."""
    FORGETS = "forgets"
    """Its decision changes when it goes on from a snapshot."""
    FAILS = "fails"
    """It raises, or makes a signal no one can use."""


@dataclass(frozen=True)
class StrategyFinding:
    """One fault.

    Attributes
    ----------
    fault : Fault
    ts : datetime
        Open time of the bar it was found at, UTC.
    words : str
    """

    fault: Fault
    ts: datetime
    words: str

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class StrategyReport:
    """What a check found.

    Attributes
    ----------
    strategy : str
    timeframe : str
    bars, signals, replays : int
        Bars and signals of the run in one call; how often bars were run again.
    first, last : datetime or None
        Open times of the first and last bar.
    findings : tuple of StrategyFinding
        The first of each fault.
    """

    strategy: str
    timeframe: str
    bars: int
    signals: int
    replays: int
    first: datetime | None
    last: datetime | None
    findings: tuple[StrategyFinding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


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


class Decision(NamedTuple):
    """A signal as it was decided; ``bar`` and ``zone`` count from the first bar and zone row of all."""

    bar: int
    direction: int
    entry: float
    stop: float
    target_1: float
    target_2: float | None
    score: float
    reasons: int
    zone: int

    def __str__(self) -> str:
        return f"{'long' if self.direction > 0 else 'short'} {_price(self.entry)}"


_BLOCK = 64
"""Bars of the block in which later bars are taken away."""


def stage_view(bars: pl.DataFrame, timeframe: Timeframe | str) -> BarView:
    """All that a strategy is shown of some bars, as one block.

    Raises
    ------
    engines.errors.BadBars
        If a bar breaks a rule.
    engines.errors.BadParameter
        If nothing confirms the timeframe, so that no strategy runs on it.
    """
    grid = Timeframe(timeframe)
    if grid.higher is None:
        raise BadParameter(f"no timeframe confirms {grid.value}, so no strategy runs on it")
    arrays = bar_arrays(bars)
    check_bars(arrays, grid)
    count = bars.height
    indicators = IndicatorEngine(timeframe=grid)
    columns = indicators.empty_rows(count)
    indicators.advance_checked(arrays, columns)
    structure = StructureEngine(timeframe=grid)
    events = structure.new_rows(count)
    written = structure.advance_checked(arrays, events)
    zones = ZoneEngine(timeframe=grid)
    lives = zones.new_rows(count)
    ended = zones.advance_checked(arrays, events, written, lives)
    higher, known = HigherTimeframe(timeframe=grid).advance_checked(arrays)
    structure_from, zones_from = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
    rows_from(arrays.ts, events.ts, written, structure_from)
    rows_from(arrays.ts, lives.ts, ended, zones_from)
    return BarView(
        arrays,
        0,
        columns,
        _sliced(structure_events(events), 0, written),
        structure_from,
        _sliced(zone_events(lives), 0, ended),
        zones_from,
        higher,
        known,
    )


def part_of_view(view: BarView, begin: int, end: int) -> BarView:
    """Bars ``begin`` up to ``end`` of a view as a block of their own, as a chain would hand it over."""
    structure_begin, structure_end = int(view.structure_from[begin]), int(view.structure_from[end])
    zones_begin, zones_end = int(view.zones_from[begin]), int(view.zones_from[end])
    before = int(view.higher_known[begin - 1]) if begin else 0
    last = int(view.higher_known[end - 1])
    higher = view.higher
    return BarView(
        _sliced(view.bars, begin, end),
        view.start + begin,
        np.ascontiguousarray(view.indicators[:, begin:end]),
        _sliced(view.structure, structure_begin, structure_end),
        view.structure_from[begin : end + 1] - structure_begin,
        _sliced(view.zones, zones_begin, zones_end),
        view.zones_from[begin : end + 1] - zones_begin,
        type(higher)(
            higher.ts[before : last + 1],
            higher.close[before : last + 1],
            np.ascontiguousarray(higher.indicators[:, before : last + 1]),
            higher.swing_bias[before : last + 1],
            higher.internal_bias[before : last + 1],
        ),
        view.higher_known[begin:end] - before,
    )


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
                    Fault.FAILS, failure.ts, f"it is switched off at the bar of {_clock(failure.ts)}: {failure.reason}"
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
                return StrategyFinding(fault, ts, f"at the bar of {_clock(ts)} {mistake.words}")
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
        differing = _first_difference([one for one in decided if one.bar <= bar], alone)
        if differing is None:
            return None
        with_later, without = differing
        at = cast("Decision", with_later or without).bar
        failed = f" (it fails: {runner.failure.reason})" if runner.failure is not None else ""
        return StrategyFinding(
            Fault.LATER_BARS,
            self.ts(at),
            f"the signal of {_clock(self.ts(at))} changes when bars after it are known: with later bars "
            f"{_told(with_later, without)}, without {_told(without, with_later)}{failed}",
        )

    def _with_others(
        self, before: bytes, begin: int, end: int, bar: int, decided: Sequence[Decision]
    ) -> StrategyFinding | None:
        block = part_of_view(self._view, begin, end)
        for factor in (np.nan, 0.5, 2.0):
            runner = StrategyRunner.restore(before)
            others = self._run(runner, _with_other_future(block, bar - begin, factor), begin)
            differing = _first_difference(
                [one for one in decided if one.bar <= bar], [one for one in others if one.bar <= bar]
            )
            if differing is not None:
                as_they_are, otherwise = differing
                at = cast("Decision", as_they_are or otherwise).bar
                return StrategyFinding(
                    Fault.LATER_BARS,
                    self.ts(at),
                    f"the signal of {_clock(self.ts(at))} changes with the bars after {_clock(self.ts(bar))}: with the "
                    f"bars as they are {_told(as_they_are, otherwise)}, with others {_told(otherwise, as_they_are)}",
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
        differing = _first_difference(self.whole, found)
        if differing is None:
            return None
        in_one, in_pieces = differing
        ts = self.ts(cast("Decision", in_one or in_pieces).bar)
        how = "it is restored from its snapshot between calls" if restored else "the bars come in several calls"
        return StrategyFinding(
            Fault.FORGETS if restored else Fault.CALLS,
            ts,
            f"the signal of {_clock(ts)} changes when {how}: in one call {_told(in_one, in_pieces)}, "
            f"in {len(edges) - 1} calls {_told(in_pieces, in_one)}",
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


def _first_difference(
    one: Sequence[Decision], other: Sequence[Decision]
) -> tuple[Decision | None, Decision | None] | None:
    """The earliest bar at which decisions differ: what each has there."""
    mine, theirs = {decision.bar: decision for decision in one}, {decision.bar: decision for decision in other}
    for bar in sorted({*mine, *theirs}):
        if mine.get(bar) != theirs.get(bar):
            return mine.get(bar), theirs.get(bar)
    return None


def _told(one: Decision | None, other: Decision | None) -> str:
    """A decision in words, as far as it is another one than ``other``."""
    if one is None:
        return "there is none"
    if other is None or str(one) != str(other):
        return f"it is {one}"
    differing = [name for name in Decision._fields if getattr(one, name) != getattr(other, name)]
    values = ", ".join(f"{name.replace('_', ' ')} {_value(getattr(one, name))}" for name in differing)
    return f"it is {one} with {values}"


def _value(value: Any) -> str:
    return "none" if value is None else _price(value) if isinstance(value, float) else str(value)


def _price(value: float) -> str:
    return f"{value:,.8g}"


def _clock(ts: datetime) -> str:
    return f"{ts:%Y-%m-%d %H:%M}"


def _sliced(rows: Any, begin: int, end: int) -> Any:
    return type(rows)(*(column[begin:end] for column in rows))


def _with_other_future(block: BarView, bar: int, factor: float) -> BarView:
    """The block with all prices, indicators and rows after a bar as they would not be; times stay."""
    structure_known, zones_known = int(block.structure_from[bar + 1]), int(block.zones_from[bar + 1])
    higher_known = int(block.higher_known[bar])

    def other(column: npt.NDArray[Any], known: int) -> npt.NDArray[Any]:
        made = column.copy()
        after = made[..., known:]
        if made.dtype == np.float64:
            after *= factor
        elif made.dtype == np.int8:
            after *= -1
        return made

    return block._replace(
        bars=BarArrays(block.bars.ts, *(frozen(other(column, bar + 1)) for column in block.bars[1:])),
        indicators=other(block.indicators, bar + 1),
        structure=type(block.structure)(*(other(column, structure_known) for column in block.structure)),
        zones=type(block.zones)(*(other(column, zones_known) for column in block.zones)),
        higher=type(block.higher)(*(other(column, higher_known + 1) for column in block.higher)),
    )
