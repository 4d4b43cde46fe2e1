"""Counting rewritten readings: every way in which a function of bars can go back on what it showed."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from engines.audit import AuditReport, BadReading, Change, rewritten_readings
from tests.engines.market_bars import simulated_bars

COUNT = 400


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return simulated_bars(COUNT, seed=4)


def honest(bars: pl.DataFrame) -> pl.DataFrame:
    mean = pl.col("close").rolling_mean(20)
    return bars.select("ts", mean=mean, z=(pl.col("close") - mean) / pl.col("close").rolling_std(20))


def one_bar_late(bars: pl.DataFrame) -> pl.DataFrame:
    """Pivots stamped at their own bar: known only when the next bar is."""
    peak = (pl.col("high") > pl.col("high").shift(1)) & (pl.col("high") > pl.col("high").shift(-1))
    return bars.filter(peak.fill_null(False)).select("ts", level="high")


def dense(read, bars: pl.DataFrame, first: int = 100, **options) -> AuditReport:
    return rewritten_readings(read, bars, range(first, bars.height + 1), **options)


def test_an_honest_function_rewrites_nothing(bars):
    report = dense(honest, bars)
    assert (report.rewritten, report.passed, report.findings) == (0, True, ())
    assert report.prefixes == COUNT - 100
    assert report.readings == COUNT
    assert report.compared == sum(range(100, COUNT))
    assert "nothing was rewritten" in report.verdict


def test_a_centred_window_is_told_with_bar_and_value(bars):
    def centred(bars: pl.DataFrame) -> pl.DataFrame:
        return bars.select("ts", mean=pl.col("close").rolling_mean(5, center=True))

    report = dense(centred, bars)
    # Rows 98 to 397: each is null while the two bars after it are not known.
    assert report.tables[0].rewritten == report.rewritten == COUNT - 100
    first = report.findings[0]
    assert (first.kind, first.column, first.before) == (Change.REWRITTEN, "mean", None)
    assert (first.ts, first.shown, first.known) == (bars["ts"][98], bars["ts"][99], bars["ts"][100])
    after = float(bars["close"][96:101].mean())
    assert first.after == pytest.approx(after)
    assert str(first) == (
        f"centred: the row of {bars['ts'][98]:%Y-%m-%d %H:%M} changes `mean` from null to {first.after!r} "
        f"once the bar of {bars['ts'][100]:%Y-%m-%d %H:%M} is known"
    )


def test_a_statistic_of_the_whole_sample_rewrites_every_row(bars):
    def z_score(bars: pl.DataFrame) -> pl.DataFrame:
        return bars.select("ts", z=(pl.col("close") - pl.col("close").mean()) / pl.col("close").std())

    report = rewritten_readings(z_score, bars, [100, 200, 300, 400])
    assert report.rewritten == 300
    assert len(report.findings) == 20


def test_a_shift_from_the_future_is_found(bars):
    def tomorrow(bars: pl.DataFrame) -> pl.DataFrame:
        return bars.select("ts", up=pl.col("close").shift(-1) > pl.col("close"))

    report = dense(tomorrow, bars)
    assert report.rewritten == COUNT - 100


def test_readings_that_come_late(bars):
    report = dense(one_bar_late, bars)
    table = report.tables[0]
    assert table.late == table.changed == report.rewritten > 50
    assert (table.rewritten, table.withdrawn) == (0, 0)
    assert report.findings[0].known - report.findings[0].ts >= timedelta(minutes=15)
    assert "was not there at its own close; it appears once" in str(report.findings[0])


def test_readings_that_are_withdrawn(bars):
    def newest_high_only(bars: pl.DataFrame) -> pl.DataFrame:
        return bars.filter(pl.col("high") == pl.col("high").max()).tail(1).select("ts", "high", side=pl.lit("up"))

    report = dense(newest_high_only, bars, first=2, key=("side",))
    table = report.tables[0]
    highs = bars["high"].cum_max()
    shown = bars.filter(pl.col("high") == highs)["ts"][1:].len()
    assert table.readings >= shown - 1
    assert table.withdrawn == table.changed == table.readings - 1
    assert "(up) is gone once" in str(report.findings[0])


def test_a_reading_that_changes_and_changes_back_counts_once(bars):
    def flickers(bars: pl.DataFrame) -> pl.DataFrame:
        return bars.head(50).select("ts", value=pl.lit(bars.height % 2))

    report = dense(flickers, bars)
    assert report.rewritten == report.tables[0].rewritten == 50
    ends = [100, 200, 300]
    assert rewritten_readings(flickers, bars, ends).rewritten == 0, "these prefixes cannot show it"


def test_null_nan_and_signed_zero_are_three_things(bars):
    def read(value):
        return lambda bars: bars.head(1).select(
            "ts", v=pl.Series([value[0] if bars.height < 300 else value[1]], dtype=pl.Float64)
        )

    for pair in ((None, float("nan")), (0.0, -0.0), (1.0, 1.0 + 2**-52), (None, 0.0)):
        assert dense(read(pair), bars).rewritten == 1
    for pair in ((float("nan"), float("nan")), (None, None), (2.0, 2.0)):
        assert dense(read(pair), bars).rewritten == 0


def test_rows_of_one_key_are_told_apart_by_their_order(bars):
    def twice(bars: pl.DataFrame) -> pl.DataFrame:
        rows = bars.select("ts", value="close")
        return pl.concat([rows, rows.with_columns(value=pl.col("value") * 2)]).sort("ts", maintain_order=True)

    report = dense(twice, bars, first=300)
    assert (report.readings, report.rewritten) == (2 * COUNT, 0)

    def second_once(bars: pl.DataFrame) -> pl.DataFrame:
        return twice(bars)[: 2 * bars.height - 1]

    late = dense(second_once, bars, first=300)
    assert late.tables[0].late == late.rewritten == COUNT - 300


def test_columns_that_may_be_filled_in_are_left_out(bars):
    def filled(bars: pl.DataFrame) -> pl.DataFrame:
        return bars.select("ts", level="high", touched=pl.col("low").shift(-1))

    assert dense(filled, bars, first=300).rewritten == COUNT - 300
    assert dense(filled, bars, first=300, columns=("level",)).rewritten == 0


def test_lists_strings_and_types_that_come_with_the_values(bars):
    def read(bars: pl.DataFrame) -> pl.DataFrame:
        words = [["a", "b"] if bars.height < 350 else ["a", "c"]]
        return bars.head(1).select(
            "ts", words=pl.Series(words), nothing=pl.lit(None, pl.Null if bars.height < 345 else pl.Float64)
        )

    report = dense(read, bars, first=340)
    assert report.rewritten == 1
    assert (report.findings[0].before, report.findings[0].after) == (["a", "b"], ["a", "c"])


def test_what_is_no_reader_is_refused_in_words(bars):
    def fails(bars: pl.DataFrame) -> pl.DataFrame:
        raise ZeroDivisionError("no volume")

    for read, words in [
        (fails, r"fails, given 100 bars up to .* failed with ZeroDivisionError: no volume"),
        (lambda bars: bars["close"], "returned Series; it must return a polars DataFrame"),
        (lambda bars: bars.select("close"), "returned no column ts; it has close"),
        (lambda bars: bars.with_columns(ts=pl.lit(3)), "returned ts as Int32"),
        (lambda bars: bars.select(pl.col("ts").shift(1)), "returned no ts in row 0"),
        (lambda bars: bars.select(pl.col("ts").dt.offset_by("1h")), "a bar it was not given"),
    ]:
        with pytest.raises(BadReading, match=words):
            dense(read, bars)
    with pytest.raises(BadReading, match="other columns after more bars"):
        dense(lambda bars: bars.select("ts", **{f"c{bars.height}": pl.lit(1)}), bars)
    for ends in ([0, 5], [5, COUNT + 1]):
        with pytest.raises(BadReading, match="a prefix of"):
            rewritten_readings(honest, bars, ends)


def test_no_prefixes_and_no_readings(bars):
    assert rewritten_readings(honest, bars, []).tables == ()
    report = dense(lambda bars: bars.head(0).select("ts", "close"), bars)
    assert (report.readings, report.passed) == (0, True)
    assert "nothing was shown" in report.verdict
