"""The page of a backtest: everything it is given is on it, nothing is loaded, and what is missing leaves no trace."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from deploy.charts.scene import Zone
from deploy.reports.content import ReportContent
from deploy.reports.exports import write_json, write_parquet, write_whole
from deploy.reports.markup import Cell, Column, data, table
from deploy.reports.page import page, write_report
from deploy.reports.plots import Axis, thin, time_ticks, value_ticks
from deploy.reports.trade_charts import nearest, spans
from engines.backtest.config import BacktestConfig, Sizing
from engines.backtest.errors import BadBacktest
from engines.backtest.result import BacktestResult
from engines.backtest.robustness.neighbourhood import neighbourhood
from engines.backtest.robustness.stress import Scenario
from engines.backtest.simulate import backtest
from tests.deploy import backtest_reports as made


@cache
def _result() -> BacktestResult:
    return made.result(made.bars())


@cache
def _full() -> str:
    return page(made.full(_result()))


def _tree(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def _words(element: ElementTree.Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def _section(markup: str, name: str) -> ElementTree.Element:
    (found,) = [one for one in _tree(markup).iter("section") if one.get("id") == name]
    return found


def _section_names(markup: str) -> list[str | None]:
    return [one.get("id") for one in _tree(markup).iter("section")]


def test_verdict_is_the_first_section_and_says_its_sentence() -> None:
    names = _section_names(_full())
    assert names[0] == "verdict"
    assert made.full(_result()).verdict.sentence in _words(_section(_full(), "verdict"))


def test_every_section_is_there_and_linked() -> None:
    wanted = ["short", "equity", "drawdown", "months", "numbers", "trades", "results", "excursions", "chance", "fan"]
    wanted += ["stress", "neighbours", "walk-forward", "list", "assumptions"]
    assert _section_names(_full())[1:] == wanted
    links = [one.get("href") for one in _tree(_full()).iter("a") if one.get("href") != "#verdict"]
    assert links == [f"#{name}" for name in wanted]


def test_sections_without_data_are_left_out() -> None:
    bare = page(made.judged(_result()))
    names = _section_names(bare)
    assert not {"chance", "fan", "stress", "neighbours", "walk-forward"} & set(names)
    assert "Buy and hold" not in _words(_tree(bare))
    assert "order block" not in _words(_tree(bare))


def test_a_backtest_without_trades_has_no_empty_frames() -> None:
    rows = made.bars()
    nothing = made.result(rows[:25], every=1000)
    assert nothing.trades.is_empty()
    markup = page(replace(made.judged(nothing), bars=rows[:25]))
    assert "there was no trade" in _words(_section(markup, "verdict"))
    assert not {"trades", "results", "excursions", "list"} & set(_section_names(markup))
    assert "nan" not in _words(_section(markup, "numbers")).lower().split()


@pytest.mark.parametrize("bars", [1, 3000])
def test_one_bar_one_trade_and_ruin_are_drawn_without_holes(bars: int) -> None:
    rows = made.bars()[:bars]
    fallen = rows.with_columns(
        pl.when(pl.int_range(pl.len()) > 1500).then(pl.col(name) * 0.2).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close")
    )
    signals = pl.DataFrame({"ts": rows["ts"][:1], "direction": pl.Series([1], dtype=pl.Int8)})
    config = BacktestConfig(sizing=Sizing.EQUITY_FRACTION, size=19.0, leverage=20.0)
    found = backtest(fallen, signals, config, timeframe="1h")
    assert (found.metrics["max_drawdown"] > 0.9) == (bars == 3000)
    markup = page(replace(made.judged(found), bars=fallen))
    assert _section_names(markup)[0] == "verdict"
    assert not re.search(r"(?<![a-z])(nan|inf)(?![a-z])", markup)


def test_nothing_is_loaded_from_anywhere() -> None:
    markup = _full()
    assert not re.search(r"https?:|//[a-z]|@import|url\(|srcset|\bsrc=", markup)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', markup)
    assert policy.startswith("default-src 'none'")
    assert {one.get("href", "")[:1] for one in _tree(markup).iter("a")} == {"#"}


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write_report(tmp_path / "a" / "report.html", made.full(made.result(made.bars())))
    assert first.read_text(encoding="utf-8") == _full()
    assert [one.name for one in first.parent.iterdir()] == ["report.html"]
    assert first.stat().st_size < 1_500_000


def test_text_of_others_is_escaped() -> None:
    evil = "</script><script>alert('x')</script>&\"<b>\x00"
    base = made.full(_result())
    trades = _result().trades.with_columns(pl.lit(evil).alias("exit_reason"), pl.lit(evil).alias("market"))
    fills = _result().fills.with_columns(pl.lit(evil).alias("market"))
    near = neighbourhood(_refusing, {evil: 1.0}, metric="total_return")
    content = replace(
        base,
        title=evil,
        parameters={evil: evil},
        versions={evil: evil},
        notes=(evil,),
        result=_Changed(_result(), trades, fills, evil),
        robustness=replace(base.robustness, neighbourhood=near),
    )
    markup = page(content)
    assert "<script>alert" not in markup
    assert markup.count("<script") == markup.count("</script>")
    (title,) = _tree(markup).iter("h1")
    assert title.text == evil.replace("\x00", "\ufffd")


def _refusing(changes: Mapping[str, object]) -> dict[str, float]:
    if 1.0 not in changes.values():
        raise BadBacktest(str(changes), "</td><script>alert('x')</script>")
    return {"total_return": 0.1}


class _Changed:
    """A result whose tables say something else."""

    def __init__(self, base: BacktestResult, trades: pl.DataFrame, fills: pl.DataFrame, market: str) -> None:
        self.config, self.timeframe, self.markets = base.config, str(base.timeframe), (market,)
        self.trades, self.fills, self.equity, self.metrics = trades, fills, base.equity, base.metrics


def test_the_numbers_are_those_of_the_result() -> None:
    metrics = _result().metrics
    words = _words(_section(_full(), "numbers"))
    assert f"Win rate {metrics['win_rate'] * 100:.2f} %" in words
    assert f"Profit factor {metrics['profit_factor']:,.2f}" in words
    tiles = _words(_section(_full(), "short"))
    assert f"Trades{_result().trades.height}" in tiles.replace(" ", "")


def test_list_holds_the_newest_200_with_what_they_are_sorted_by() -> None:
    found = made.result(made.bars(6000), every=8)
    assert found.trades.height > 200
    markup = page(replace(made.judged(found), bars=made.bars(6000)))
    rows = list(_section(markup, "list").iter("tr"))[1:]
    assert len(rows) == 200
    assert rows[0][0].text == str(found.trades.height)
    keys = [float(cell.get("data-key", "nan")) for row in rows for cell in row if "up" in cell.get("class", "").split()]
    assert keys
    assert min(keys) > 0.0


def test_trades_stand_on_candles_with_their_fills_and_zones() -> None:
    figures = list(_section(_full(), "trades").iter("figure"))
    assert 3 <= len(figures) <= 4
    marks = [one for figure in figures for one in figure.iter("i")]
    assert len(marks) >= 2 * len(figures)
    shown = " ".join(one.get("data-tip", "") for one in _section(_full(), "trades").iter("rect"))
    assert "order block" in shown
    assert "liquidity" not in shown
    best = _result().trades.sort("r_multiple")[-1]
    assert f"{best['r_multiple'][0]:+.2f} R" in _words(figures[0])


def test_zones_shown_lived_at_the_entry_and_lie_nearest_to_it() -> None:
    at = datetime(2024, 5, 1, tzinfo=UTC)
    hour = timedelta(hours=1)

    def zone(bottom: float, top: float, created: int, ended: int | None, kind: str = "fvg") -> Zone:
        return Zone(kind, 1, "swing", top, bottom, at + created * hour, None if ended is None else at + ended * hour)

    far, around, inside = zone(50, 55, -3, None), zone(90, 110, -9, 5), zone(99, 101, -1, 0)
    never = [zone(99, 101, 1, None), zone(99, 101, -9, -1), zone(10, 190, -9, None), zone(99, 101, -9, 9, "liquidity")]
    assert nearest([far, *never, around, inside], 100.0, at, 50.0) == [inside, around, far]
    assert len(nearest([around] * 20, 100.0, at, 50.0)) == 6


def test_zones_end_with_the_event_that_ends_them() -> None:
    at = datetime(2024, 5, 1, tzinfo=UTC)
    rows = [(at, "a", "created"), (at + timedelta(hours=2), "a", "touched"), (at + timedelta(hours=5), "a", "broken")]
    rows += [(at + timedelta(hours=1), "b", "created"), (at, "c", "touched")]
    events = pl.DataFrame(rows, schema=["ts", "zone_id", "event"], orient="row").with_columns(
        kind=pl.lit("fvg"), side=pl.lit(1), scale=pl.lit(None, pl.String), top=pl.lit(2.0), bottom=pl.lit(1.0)
    )
    lives = [(one.created, one.ended) for one in spans(events)]
    assert lives == [(at, at + timedelta(hours=5)), (at + timedelta(hours=1), None)]


def test_harder_conditions_are_told_with_their_numbers() -> None:
    content = made.full(_result())
    assert content.robustness.stress is not None
    words = _words(_section(_full(), "stress"))
    for name, scenario in (("As tested", Scenario.BASE), ("Fees × 2", Scenario.FEES), ("1 bar late", Scenario.LATE)):
        assert (
            f"{name} {content.robustness.stress.metrics[scenario]['total_return'] * 100:.2f} %".replace("-", "−")
            in words
        )
    assert content.robustness.neighbourhood is not None
    words = _words(_section(_full(), "neighbours"))
    assert "fees.taker_bp" in words
    assert "4.5" in words
    assert "5.5" in words
    assert "cannot be 0" in words
    fans = [_words(one) for one in _section(_full(), "fan").iter("figcaption")]
    assert fans[0] == "Trades shuffled"
    assert fans[1].startswith("Days drawn in blocks of")


def test_windows_tell_what_was_chosen_and_what_it_came_to() -> None:
    section = _section(_full(), "walk-forward")
    rows = [[cell.text for cell in row] for row in section.iter("tr")]
    assert rows[0] == [
        "Traded",
        "Chosen on",
        "reach",
        "Sharpe ratio, in sample",
        "Sharpe ratio, out of sample",
        "Trades, out of sample",
    ]
    assert rows[2] == ["2024-03-03 to 2024-03-24", "2024-01-21 to 2024-03-03", "2.5", "1.50", "−0.25", "72"]
    assert rows[4] == ["reach", "2", "1.5", "50 %", "100 %", "1.00"]
    words = _words(section)
    assert "A day was left out." in words
    assert "Efficiency 31 %" in words


def test_months_compound_to_the_years() -> None:
    (row,) = [one for one in _section(_full(), "months").iter("tr") if (one[0].text or "") == "2024"]
    values = [float(cell.text.replace("−", "-").rstrip(" %")) for cell in row[1:] if cell.text]
    grown = np.prod([1.0 + value / 100.0 for value in values[:-1]]) - 1.0
    assert grown * 100.0 == pytest.approx(values[-1], abs=0.4)


def test_thin_curves_keep_every_extreme_of_a_column() -> None:
    rng = np.random.default_rng(1)
    x, y = np.arange(100_000.0), np.cumsum(rng.normal(size=100_000))
    few_x, few_y = thin(x, y, 100)
    assert few_x.shape[0] <= 400
    assert (np.diff(few_x) > 0).all()
    for number in range(100):
        inside = (x >= number * 999.99) & (x < (number + 1) * 999.99)
        kept = (few_x >= number * 999.99) & (few_x < (number + 1) * 999.99)
        assert few_y[kept].max() == y[inside].max()
        assert few_y[kept].min() == y[inside].min()


@pytest.mark.parametrize("span", [3_600_000, 86_400_000, 40 * 86_400_000, 900 * 86_400_000, 9000 * 86_400_000])
def test_times_of_an_axis_are_few_and_in_order(span: int) -> None:
    ticks = time_ticks(Axis(made.START, made.START + span))
    shares = [tick.share for tick in ticks]
    assert 2 <= len(ticks) <= 10
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] <= 1.0


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3e-9, 5e-9), (9_999.99, 10_000.01), (-1e12, 4e12)])
def test_values_of_an_axis_are_told_apart(low: float, high: float) -> None:
    labels = [tick.label for tick in value_ticks(Axis(low, high))]
    assert 2 <= len(labels) <= 8
    assert len(set(labels)) == len(labels)


def test_json_holds_what_is_not_a_number_as_null(tmp_path: Path) -> None:
    content: ReportContent = made.full(_result())
    written = json.loads(write_json(tmp_path / "report.json", content).read_text(encoding="utf-8"))
    assert written["config"] == content.result.config.as_json()
    assert written["verdict"]["sentence"] == content.verdict.sentence
    assert written["metrics"]["trades"] == _result().trades.height
    assert written["versions"] == {"signals": "2"}
    nothing = replace(made.judged(made.result(made.bars()[:25], every=1000)), bars=made.bars()[:25])
    assert json.loads(write_json(tmp_path / "none.json", nothing).read_text())["metrics"]["win_rate"] is None


def test_parquet_files_are_the_frames(tmp_path: Path) -> None:
    paths = write_parquet(tmp_path / "files", _result())
    assert [one.name for one in paths] == ["trades.parquet", "fills.parquet", "equity.parquet"]
    for path, frame in zip(paths, (_result().trades, _result().fills, _result().equity), strict=True):
        assert_frame_equal(pl.read_parquet(path), frame)
    assert len(list((tmp_path / "files").iterdir())) == 3


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    old = tmp_path / "report.html"
    old.write_text("old")

    def fails(at: Path) -> None:
        at.write_text("half")
        raise OSError("disk is full")

    with pytest.raises(OSError, match="disk is full"):
        write_whole(old, fails)
    assert old.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_markup_helpers_refuse_to_break_out() -> None:
    assert "<" not in data({"a": "</script>", "b": float("nan")})
    assert json.loads(data({"a": "</script>", "b": float("nan")})) == {"a": "</script>", "b": None}
    assert "<i>" not in table("<i>", [Column("<i>", tip="'<i>")], [[Cell("<i>", key="'<i>")]], sortable=True)
