"""The benchmarks themselves: fair turns, agreement before speed, results that are kept, and a page made of nothing else."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from bench import report
from bench.bars import many_bars
from bench.indicators import Disagreement, check_agreement
from bench.measure import Timing, side_by_side
from bench.run import SECTIONS, run_section
from bench.section import Chart, ChartKind, Section, Table, Target, Tell, timings_table
from bench.talib_set import COLUMNS, by_talib
from engines.bars import bar_arrays, check_bars
from engines.indicators import IndicatorEngine
from engines.timeframe import Timeframe


def made_up(quick: bool, tell: Tell) -> Section:
    tell("nothing")
    section = Section("live", "Made up <here>", timings=[Timing("a | b", 10, "bar", (1.0, 2.0, 4.0))])
    section.tables.append(timings_table(section.timings))
    section.tables.append(Table("Words", ("x", "y"), (("1", "2"),)))
    points = [(1, 10.0), (10, 20.0), (100, 0.5)]
    section.charts.append(
        Chart("lines", "Lines & more", "n", "ns", ChartKind.LINES, {"one": list(points), "two": [(1, 3.0)]})
    )
    section.charts.append(Chart("flat", "Flat", "n", "ns", ChartKind.LINES, {"one": [(1, 3.0)]}, logarithmic=False))
    section.charts.append(Chart("bars", "Bars", "", "s", ChartKind.BARS, {"": [("us", 0.5), ("them", 700.0)]}))
    section.targets.append(Target("be fast", "slow", met=False, reason="it was a Monday"))
    section.notes.append(f"quick is {quick}")
    return section


def results() -> dict[str, Any]:
    return run_section("live", made_up, True, lambda _: None, {})


def test_works_take_turns() -> None:
    turns: list[str] = []
    timings = side_by_side({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, 1, "bar", runs=3, warmup=1)
    assert turns == ["a", "b"] * 4
    assert {name: len(timing.seconds) for name, timing in timings.items()} == {"a": 3, "b": 3}


def test_a_section_measured_again_leaves_the_others() -> None:
    before = {"whole_run": {"kept": True}, "live": {"old": True}}
    after = run_section("live", made_up, False, lambda _: None, before)
    assert list(after) == ["live", "whole_run"]
    assert after["whole_run"] == {"kept": True}
    assert after["live"]["timings"][0]["median_seconds"] == 2.0
    assert after["live"]["machine"]["noise_max_over_min"] >= 1.0
    assert set(after) <= set(SECTIONS)


def test_the_page_says_what_was_measured() -> None:
    text = report.page(results())
    assert "| be fast | slow | **no**: it was a Monday |" in text
    assert "| a &#124; b | 10 bars | 2.0000 | 200,000,000.0 | 150% |" in text
    assert "Measured with `--quick`: a part of it." in text
    assert "![Lines & more](benchmarks/lines.svg)" in text
    assert "quick is True" in text


def test_charts_are_pictures_with_all_points() -> None:
    made = report.pictures(results())
    assert set(made) == {"lines.svg", "flat.svg", "bars.svg"}
    for text in made.values():
        root = ET.fromstring(text)
        numbers = [
            float(value) for node in root.iter() for key, value in node.attrib.items() if key in {"x", "y", "cx", "cy"}
        ]
        assert all(0.0 <= number <= 860.0 for number in numbers)
    assert made["lines.svg"].count("<circle") == len([(1, 10.0), (10, 20.0), (100, 0.5)]) + 1
    assert made["bars.svg"].count("<rect") == 3


def test_the_page_in_the_docs_is_that_of_the_results() -> None:
    sections = report.load()
    assert set(sections) == set(SECTIONS)
    assert report.PAGE.read_text() == report.page(sections)
    for name, text in report.pictures(sections).items():
        assert (report.PICTURES / name).read_text() == text


def test_no_speed_is_told_of_what_does_not_agree() -> None:
    bars = bar_arrays(many_bars(3_000))
    engine = IndicatorEngine(timeframe="1m", columns=COLUMNS)
    want = by_talib(bars)
    assert set(want) == set(COLUMNS)
    check_agreement(engine, bars, want, "TA-Lib")
    for spoilt in (want["rsi_14"] + 1e-6, np.where(np.arange(3_000) == 100, np.nan, want["rsi_14"])):
        with pytest.raises(Disagreement, match="TA-Lib and we differ in rsi_14"):
            check_agreement(engine, bars, {**want, "rsi_14": spoilt}, "TA-Lib")


def test_bars_are_sound_however_many() -> None:
    bars = many_bars(1_200_000)
    check_bars(bar_arrays(bars), Timeframe.M1)
    change = bars["close"].log().diff().abs()
    assert change.max() < 0.2
    assert bars.height == 1_200_000
