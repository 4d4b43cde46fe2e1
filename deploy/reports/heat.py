"""Tables whose cells are coloured by their value: months, and parameters beside the chosen ones."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from deploy.reports.content import Neighbourhood
from deploy.reports.markup import metric, number, percent, sign, text
from deploy.reports.tables import column_title, frame_table
from engines.backtest.metrics.calendar import MONTHS, return_table
from engines.backtest.metrics.catalogue import CATALOGUE, Unit
from engines.backtest.metrics.inputs import curve_of

_UNITS = {one.name: one.unit for one in CATALOGUE}


def month_table(equity: pl.DataFrame, start: float) -> str:
    """Return of each month, coloured by its size."""
    returns = return_table(curve_of(equity["ts"].dt.epoch("ms").to_numpy(), equity["equity"].to_numpy(), start))
    months = returns.select(MONTHS).to_numpy().astype(np.float64)
    known = np.abs(months[np.isfinite(months)])
    strongest = max(float(np.quantile(known, 0.95)) if known.shape[0] else 0.0, 1e-9)
    heads = "".join(f"<th scope='col'>{name.capitalize()}</th>" for name in MONTHS)
    body: list[str] = []
    for row in returns.iter_rows(named=True):
        cells = "".join(_month(row[name], strongest) for name in MONTHS)
        whole = f"<td class='year {sign(row['whole_year'])}'>{text(percent(row['whole_year'], 1, signed=True))}</td>"
        body.append(f"<tr><th scope='row'>{row['year']}</th>{cells}{whole}</tr>")
    return (
        "<div class='scroll' role='region' tabindex='0' aria-label='Returns by month'><table class='months'>"
        "<caption class='unseen'>Returns by month, percent</caption>"
        f"<thead><tr><th scope='col'>Year</th>{heads}<th scope='col'>Year</th></tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _month(value: float | None, strongest: float) -> str:
    if value is None or math.isnan(value):
        return "<td></td>"
    strength = round(100 * min(abs(value) / strongest, 1.0))
    tone = "up" if value >= 0 else "down"
    return f"<td class='{tone}' style='--s:{max(strength, 6)}%'>{text(number(value * 100.0, 1, signed=True))}</td>"


def neighbourhood_view(neighbourhood: Neighbourhood) -> str:
    """Sets beside the chosen one: a grid of the first result where there are two parameters, and the table of all."""
    frame = neighbourhood.table.select(*neighbourhood.parameters, *neighbourhood.shown).sort(neighbourhood.parameters)
    chosen = neighbourhood.chosen
    marked = next(
        (
            index
            for index, row in enumerate(frame.iter_rows(named=True))
            if chosen and all(row.get(name) == value for name, value in chosen.items())
        ),
        None,
    )
    table = f"<div class='card'>{frame_table('Results of neighbouring parameters', frame, marked)}</div>"
    if len(neighbourhood.parameters) != 2 or frame.select(neighbourhood.parameters).is_duplicated().any():
        return table
    return f"<div class='pair'><div class='card'>{_grid(frame, marked)}</div>{table}</div>"


def _grid(frame: pl.DataFrame, marked: int | None) -> str:
    down, across, shown = frame.columns[:3]
    values = frame[shown].cast(pl.Float64)
    strongest = max((abs(one) for one in values if one is not None and math.isfinite(one)), default=1.0) or 1.0
    unit = _UNITS.get(shown, Unit.RATIO)
    known = {(row[0], row[1]): (index, row[2]) for index, row in enumerate(frame.iter_rows())}
    heads = "".join(f"<th scope='col'>{text(one)}</th>" for one in frame[across].unique().sort())
    body: list[str] = []
    for first in frame[down].unique().sort():
        cells: list[str] = []
        for second in frame[across].unique().sort():
            index, value = known.get((first, second), (-1, None))
            if value is None or math.isnan(value):
                cells.append("<td class='none'>–</td>")
                continue
            tone = "down" if value < 0 else "up"
            here = " chosen" if index == marked else ""
            strength = round(100 * abs(value) / strongest)
            cells.append(f"<td class='{tone}{here}' style='--s:{strength}%'>{text(metric(value, unit))}</td>")
        body.append(f"<tr><th scope='row'>{text(first)}</th>{''.join(cells)}</tr>")
    caption = f"{column_title(shown)} by {down.replace('_', ' ')} (down) and {across.replace('_', ' ')} (across)"
    return (
        f"<h3>{text(caption)}</h3><div class='scroll' role='region' tabindex='0' aria-label='{text(caption)}'><table class='heat'>"
        f"<caption class='unseen'>{text(caption)}</caption><thead><tr><td class='none'></td>{heads}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
