"""The audit of engines: an honest one passes, and each way of cheating is found and named for what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pytest

from engines.audit import (
    AuditPlan,
    AuditReport,
    BadReading,
    Change,
    EngineReader,
    FunctionReader,
    Readings,
    Replay,
    audit,
    audit_stored,
    chain_reader,
    other_future,
    register_reader,
    registered_readers,
    single_engine_reader,
)
from engines.bars import bar_arrays, check_bars
from engines.chain import Chain
from engines.indicators import IndicatorEngine
from engines.timeframe import Timeframe
from tests.engines.market_bars import Awkward, bars_frame, simulated_bars
from tests.engines.test_chain import EAGER

MARKET = "binance:BTCUSDT"
PLAN = AuditPlan(prefixes=30, stretch=12, futures=4, calls=4)
TABLE = Readings("means")


class Mean:
    """Mean of the last two closes, bar by bar, in plain Python: the honest engine the cheats are made of."""

    def __init__(self, last: float | None = None) -> None:
        self.last = last

    def advance(self, bars: pl.DataFrame) -> dict[str, pl.DataFrame]:
        closes = bars["close"].to_list()
        means = [None if a is None else (a + b) / 2 for a, b in zip([self.last, *closes], closes, strict=False)]
        self.last = closes[-1] if closes else self.last
        return {"means": bars.select("ts", mean=pl.Series(means, dtype=pl.Float64))}

    def snapshot(self) -> bytes:
        return json.dumps(self.last).encode()

    @classmethod
    def restore(cls, data: bytes) -> Any:
        return cls(json.loads(data))


def reader(kind: type[Mean]) -> EngineReader:
    return EngineReader("mean", (TABLE,), kind, kind.restore)


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return simulated_bars(900, seed=6)


def found(report: AuditReport) -> set[tuple[Change, Replay]]:
    return {(finding.kind, finding.replay) for finding in report.findings}


def test_an_honest_engine_passes(bars):
    report = audit(reader(Mean), bars, PLAN)
    assert (report.rewritten, report.readings, report.findings) == (0, 900, ())
    assert report.prefixes > 60
    assert report.compared > 2_000


def test_a_look_at_the_next_bar_of_the_call(bars):
    class Peeks(Mean):
        def advance(self, bars):
            shown = super().advance(bars)["means"]
            return {"means": shown.with_columns(mean=pl.col("mean").shift(-1).fill_null(pl.col("mean")))}

    report = audit(reader(Peeks), bars, PLAN)
    assert report.rewritten > 30
    assert (Change.REWRITTEN, Replay.PIECES) in found(report)
    assert (Change.REWRITTEN, Replay.MORE_BARS) in found(report)
    assert (Change.REWRITTEN, Replay.OTHER_FUTURE) in found(report)
    first, *_, fifth = report.findings[:5]
    assert first.known - first.ts == bars["ts"].diff()[1], "the next bar is what changes it"
    assert str(first).endswith(f"once the bar of {first.known:%Y-%m-%d %H:%M} is known")
    assert "come in one call instead of in pieces" in str(fifth)


def test_a_state_that_is_forgotten_at_the_end_of_a_call(bars):
    class Forgets(Mean):
        def advance(self, bars):
            self.last = None
            return super().advance(bars)

    assert found(audit(reader(Forgets), bars, PLAN)) == {(Change.REWRITTEN, Replay.PIECES)}


def test_a_snapshot_that_loses_something(bars):
    class Loses(Mean):
        def snapshot(self):
            return b"null"

    report = audit(reader(Loses), bars, PLAN)
    assert found(report) == {(Change.REWRITTEN, Replay.RESTORED)}
    assert "instead of being restored" in str(report.findings[0])


def test_rows_of_bars_gone_by(bars):
    class Late(Mean):
        def __init__(self, last=None, held=None):
            super().__init__(last)
            self.held = held

        def advance(self, bars):
            rows = super().advance(bars)["means"]
            rows = rows if self.held is None else pl.concat([self.held, rows])
            self.held = rows.tail(1)
            return {"means": rows[:-1]}

        def snapshot(self):
            return json.dumps([self.last, [str(self.held["ts"][0]), self.held["mean"][0]]]).encode()

        @classmethod
        def restore(cls, data):
            last, (ts, mean) = json.loads(data)
            held = pl.DataFrame({"ts": [ts], "mean": [mean]}, schema={"ts": pl.String, "mean": pl.Float64})
            return cls(last, held.with_columns(pl.col("ts").str.to_datetime(time_unit="ms", time_zone="UTC")))

    report = audit(reader(Late), bars, PLAN)
    assert (Change.LATE, Replay.MORE_BARS) in found(report)
    assert "was not there at its own close" in str(report.findings[0])


def test_the_chain_passes_with_every_table(bars):
    report = audit(
        chain_reader(MARKET, "15m", lambda: Chain(timeframe="15m", market=MARKET, settings=EAGER)),
        simulated_bars(5_000, seed=8),
        PLAN,
    )
    assert report.rewritten == 0
    assert {table.table: table.readings > 0 for table in report.tables} == dict.fromkeys(
        ("indicators", "structure_events", "zone_events", "signals", "signal_outcomes"), True
    )


def test_a_chain_that_begins_at_a_snapshot(bars):
    whole = chain_reader(MARKET, "15m").start().advance(bars)
    head = Chain(timeframe="15m", market=MARKET)
    head.advance(bars[:400])
    state = head.snapshot()
    resumed = chain_reader(MARKET, "15m", lambda: Chain.restore(state))
    assert audit(resumed, bars[400:], PLAN).passed
    stored = {"indicators": whole["indicators"], "zone_events": whole["zone_events"]}
    assert audit_stored(resumed, bars[400:], stored).passed


def test_the_same_plan_gives_the_same_report(bars):
    one = audit(chain_reader(MARKET, "15m"), bars, PLAN)
    assert one == audit(chain_reader(MARKET, "15m"), bars, PLAN)
    other = audit(chain_reader(MARKET, "15m"), bars, AuditPlan(prefixes=30, stretch=12, futures=4, calls=4, seed=2))
    assert other.compared != one.compared


def test_progress_ends_at_the_total(bars):
    for one in (reader(Mean), FunctionReader(TABLE, lambda bars: bars.select("ts", "close"))):
        told: list[tuple[int, int]] = []
        report = audit(one, bars, PLAN, lambda done, total, told=told: told.append((done, total)))
        assert told[-1][0] == told[-1][1] == report.prefixes
        assert [done for done, _ in told] == list(range(1, len(told) + 1))
        assert len({total for _, total in told}) == 1


FEATURES: dict[str, tuple[Callable[[], pl.Expr], bool]] = {
    "returns": (lambda: pl.col("close").pct_change(), True),
    "rolling_z": (lambda: (pl.col("close") - pl.col("close").rolling_mean(50)) / pl.col("close").rolling_std(50), True),
    "expanding_rank": (lambda: pl.col("close").cum_max() - pl.col("close"), True),
    "centred_mean": (lambda: pl.col("close").rolling_mean(9, center=True), False),
    "sample_z": (lambda: (pl.col("close") - pl.col("close").mean()) / pl.col("close").std(), False),
    "next_return": (lambda: pl.col("close").shift(-1) / pl.col("close") - 1, False),
    "backfilled": (lambda: pl.col("close").rolling_mean(20).fill_null(strategy="backward"), False),
    "whole_sample_quantile": (lambda: pl.col("volume").rank() / pl.len(), False),
}


@pytest.mark.parametrize("name", FEATURES)
def test_features(bars, name):
    expression, honest = FEATURES[name]
    one = FunctionReader(Readings(name), lambda bars: bars.select("ts", expression().alias(name)))
    # The first rows of the series, where a backward fill would show, are among those looked at.
    report = audit(one, bars if name != "backfilled" else bars[:60], PLAN)
    assert report.passed is honest, report.verdict


@pytest.mark.parametrize("ahead", [1, 2, 7, 64, 100])
def test_the_bar_that_makes_the_difference_is_named(bars, ahead):
    def leaks(bars: pl.DataFrame) -> pl.DataFrame:
        return bars.select("ts", later=pl.col("close").shift(-ahead))

    # Places far apart, so that none of them is next to the bar in question.
    report = audit(FunctionReader(Readings("leaks"), leaks), bars, AuditPlan(prefixes=5, stretch=0, futures=0))
    row = {ts: i for i, ts in enumerate(bars["ts"])}
    for finding in report.findings[:3]:
        assert row[finding.known] - row[finding.ts] == ahead
        assert finding.after == bars["close"][row[finding.known]]
        assert finding.shown == bars["ts"][row[finding.known] - 1]
    assert all(finding.replay is Replay.MORE_BARS for finding in report.findings[:3])


def test_a_row_that_comes_late_is_told_with_the_bar_that_brings_it(bars):
    def pivots(bars: pl.DataFrame) -> pl.DataFrame:
        high = pl.col("high")
        return bars.filter((high > high.shift(1)) & (high > high.shift(-1)) & (high > high.shift(-2))).select(
            "ts", "high"
        )

    report = audit(FunctionReader(Readings("pivots"), pivots), bars, AuditPlan(prefixes=4, stretch=30, futures=0))
    first = report.findings[0]
    assert first.kind is Change.LATE
    assert (bars["ts"] <= first.known).sum() - (bars["ts"] <= first.ts).sum() == 2


def test_a_look_ahead_that_prefixes_do_not_show():
    """Every prefix of a market that only rises agrees with a feature that expects it to; another future does not."""
    price = 100.0 + np.arange(600.0)
    ts = simulated_bars(600, awkward=Awkward(gap=0.0))["ts"].to_physical()
    rising = bars_frame(ts, price, price + 1.0, price, price + 1.0, price)

    def expects(bars: pl.DataFrame) -> pl.DataFrame:
        return bars.select("ts", up=(pl.col("close").shift(-40) > pl.col("close")).fill_null(True))

    report = audit(FunctionReader(Readings("expects"), expects), rising, PLAN)
    assert found(report) == {(Change.REWRITTEN, Replay.OTHER_FUTURE)}
    first = report.findings[0]
    assert str(first).endswith(
        f"changes `up` from True to False when other bars follow the one of {first.shown:%Y-%m-%d %H:%M}"
    )


def test_other_futures_are_legal_bars_and_other_ones(bars):
    for cut in (1, 450, 899):
        other = other_future(bars, cut, np.random.default_rng(3))
        check_bars(bar_arrays(other), Timeframe.M15)
        assert other[:cut].equals(bars[:cut])
        changed = other[cut:]
        truth = bars[cut : cut + changed.height]
        assert changed.height == min(300, bars.height - cut)
        moved = truth.filter(pl.col("close") != bars["close"][cut - 1]).height
        assert (changed["close"] != truth["close"]).sum() == moved > 0
    assert other_future(bars, 900, np.random.default_rng(3)).equals(bars)
    wild = bars.with_columns((pl.col(name) * (10.0 ** (pl.int_range(pl.len()) % 9 - 4))) for name in bars.columns[1:5])
    check_bars(bar_arrays(other_future(wild, 300, np.random.default_rng(3))), Timeframe.M15)


def test_stored_rows_that_are_not_what_the_bars_make(bars):
    one = chain_reader(MARKET, "15m", lambda: Chain(timeframe="15m", market=MARKET, settings=EAGER))
    rows = dict(one.start().advance(bars))
    assert audit_stored(one, bars, rows).passed
    number = pl.int_range(pl.len())
    zones = rows["zone_events"]
    wrong = zones.with_columns(top=pl.when(number == 7).then(pl.col("top") + 0.5).otherwise(pl.col("top")))[:-2]
    extra = rows["structure_events"].vstack(rows["structure_events"][-1:])
    report = audit_stored(one, bars, {"zone_events": wrong, "structure_events": extra, "signals": rows["signals"]})
    assert {table.table: table.differing for table in report.tables} == {
        "structure_events": 1, "zone_events": 3, "signals": 0,
    }  # fmt: skip
    words = [str(finding) for finding in report.findings]
    row = zones.row(7, named=True)
    assert words[0].endswith("is stored, but the stored bars do not make it")
    assert words[1] == (
        f"zone_events: the row of {row['ts']:%Y-%m-%d %H:%M} ({row['kind']} {row['event']}) is stored with "
        f"`top` {row['top'] + 0.5!r}; the stored bars make {row['top']!r}"
    )
    assert words[2].endswith("is made of the stored bars, but is not stored")
    later = audit_stored(one, bars, {"zone_events": wrong}, first=800)
    assert (later.rewritten, later.first) == (2, bars["ts"][800])
    with pytest.raises(BadReading, match="indicators have no column rsi_14"):
        audit_stored(one, bars, {"indicators": rows["indicators"].drop("rsi_14")})


def test_places_looked_at():
    plan = AuditPlan(prefixes=50, stretch=20, seed=5, first=300)
    ends = plan.sampled(50, 1_000, 1)
    assert len(ends) == len(set(ends)) == 50
    assert min(ends) > 300
    assert max(ends) <= 1_000
    eventful = np.array([1, 299, 500, 505, 510, 1_001])
    assert {500, 505, 510} <= set(plan.sampled(50, 1_000, 1, eventful))
    for run in plan.stretches(1_000):
        assert run == list(range(run[0], run[-1] + 1))
        assert run[0] > 300
    assert plan.stretches(1_000)[-1][-1] == 1_000
    assert plan.sampled(50, 303, 1) == [301, 302, 303]
    assert AuditPlan(first=10).stretches(11) == []
    assert AuditPlan().sampled(5, 0, 1) == []


def test_few_bars(bars):
    for count in (0, 1, 2, 3):
        for one in (reader(Mean), chain_reader(MARKET, "15m"), FunctionReader(TABLE, lambda bars: bars.select("ts"))):
            assert audit(one, bars[:count], AuditPlan()).passed
        assert audit_stored(reader(Mean), bars[:count], {}).passed


def test_readers_are_registered_by_name(bars):
    make = partial(
        lambda market, timeframe: single_engine_reader(
            Readings("indicators"), lambda: IndicatorEngine(timeframe=timeframe)
        )
    )
    try:
        register_reader("mine", make)
        register_reader("mine", make)
        with pytest.raises(BadReading, match="a reader named 'mine' is registered already"):
            register_reader("mine", lambda market, timeframe: reader(Mean))
        assert audit(registered_readers()["mine"](MARKET, "15m"), bars, PLAN).passed
    finally:
        from engines.audit import readers

        readers._REGISTER.pop("mine", None)
    assert set(registered_readers()) == {"chain"}


def test_an_engine_without_its_table_is_refused(bars):
    broken = EngineReader("mean", (Readings("other"),), Mean, Mean.restore)
    with pytest.raises(BadReading, match="returned no table other; it has means"):
        audit(broken, bars, PLAN)
