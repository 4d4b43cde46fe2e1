"""Returns by month, coloured by their size."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from deploy.reports.markup import number, percent, sign, text
from engines.backtest.metrics.calendar import MONTHS, return_table
from engines.backtest.metrics.inputs import curve_of


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
