"""What walk-forward found: the stitched curve, its windows, and how steadily it chose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from deploy.reports.content import Line, OutOfSample
from deploy.reports.curves import stitched_plot
from deploy.reports.markup import Cell, Column, metric, number, percent, sign, table, time
from deploy.reports.tables import TONED, definitions
from engines.backtest.metrics.catalogue import CATALOGUE
from engines.backtest.walk_forward import WalkForward

_BY_NAME = {one.name: one for one in CATALOGUE}
_TRAIN, _TEST = "train_", "test_"
_PLACES = ("train_begin", "train_end", "test_begin", "test_end")
_STEADY = (
    Column("Parameter", numeric=False),
    Column("Values there were"),
    Column("Most chosen"),
    Column("In windows", tip="Part of the windows in which it was chosen."),
    Column("Changes", tip="Part of the steps from one window to the next at which the value changed."),
    Column(
        "Spread", tip="Deviation of the chosen values over that of all there were; choosing at random gives about 1."
    ),
)


def out_of_sample(found: WalkForward, embargo: str = "") -> OutOfSample:
    """What a walk-forward found, for the page.

    Parameters
    ----------
    found : WalkForward
    embargo : str
        What was left out between the windows, in words.
    """
    facts = {"Windows": str(len(found.windows)), "Chosen by": _BY_NAME[found.choose_by].title}
    if math.isfinite(found.efficiency):
        facts["Annual return out of sample, of that in sample"] = percent(found.efficiency, 0)
    if found.overfitting is not None:
        facts["Probability of overfitting, all sets"] = percent(found.overfitting.probability, 0)
    equity = found.equity
    return OutOfSample(
        curve=Line(
            ts=equity["ts"].dt.epoch("ms").to_numpy(), equity=equity["equity"].to_numpy(), metrics=found.metrics
        ),
        windows=found.table,
        trades=found.trades,
        embargo=embargo,
        stability=found.stability,
        facts=facts,
    )


def unseen_view(unseen: OutOfSample, cash: float) -> str:
    """Everything there is of it."""
    known = "test_begin" in unseen.windows.columns
    borders = unseen.windows["test_begin"].dt.epoch("ms").to_numpy() if known else np.empty(0, np.int64)
    facts = definitions(list(unseen.facts.items())) if unseen.facts else ""
    cards = [stitched_plot(unseen.curve, cash, borders) + facts]
    if unseen.windows.height:
        cards.append(windows_table(unseen.windows))
    if unseen.stability is not None and unseen.stability.height:
        cards.append(stability_table(unseen.stability))
    return "".join(f"<div class='card'>{card}</div>" for card in cards)


def windows_table(windows: pl.DataFrame) -> str:
    """A window a row: when, what was chosen, and each number where it was chosen and where it was traded."""
    spans = [
        (title, f"{which}begin", f"{which}end")
        for title, which in (("Traded", _TEST), ("Chosen on", _TRAIN))
        if {f"{which}begin", f"{which}end"} <= set(windows.columns)
    ]
    others = [name for name in windows.columns if name not in _PLACES]
    columns = [
        *(Column(title, numeric=False) for title, _, _ in spans),
        *(Column(_title(name), numeric=windows.schema[name].is_numeric()) for name in others),
    ]
    rows: list[list[Cell]] = []
    for row in windows.iter_rows(named=True):
        when = [Cell(f"{_day(row[begin])} to {_day(row[end])}", numeric=False) for _, begin, end in spans]
        rows.append([*when, *(_value(name, row[name]) for name in others)])
    return table("Windows of the walk-forward", columns, rows)


def stability_table(stability: pl.DataFrame) -> str:
    """A parameter a row: whether the windows agreed on its value (`engines.backtest.stability.stability`)."""
    rows: list[Sequence[Cell]] = [
        [
            Cell(str(name), numeric=False),
            Cell(str(values)),
            Cell("–" if most is None else str(most)),
            Cell(percent(share, 0)),
            Cell(percent(changes, 0)),
            Cell(number(spread)),
        ]
        for name, values, most, share, changes, spread in stability.select(
            "parameter", "values", "most_chosen", "share", "changes", "dispersion"
        ).iter_rows()
    ]
    return table("How steadily parameters were chosen", _STEADY, rows)


def _split(name: str) -> tuple[str, str]:
    """``train_sharpe`` is a number in sample; a parameter of the strategy may be named anything."""
    for prefix, where in ((_TRAIN, "in sample"), (_TEST, "out of sample")):
        if name.startswith(prefix) and name.removeprefix(prefix) in _BY_NAME:
            return name.removeprefix(prefix), where
    return name, ""


def _title(name: str) -> str:
    plain, where = _split(name)
    return f"{_BY_NAME[plain].title}, {where}" if where else name


def _value(name: str, value: Any) -> Cell:
    plain, where = _split(name)
    if value is None:
        return Cell("–")
    if where:
        return Cell(metric(value, _BY_NAME[plain].unit), sign(value) if plain in TONED else "")
    return Cell(f"{value:g}" if isinstance(value, float) else str(value), numeric=not isinstance(value, str))


def _day(at: datetime) -> str:
    return time(round(at.timestamp() * 1000), day=True)
