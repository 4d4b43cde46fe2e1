"""How the result stands when something is changed: resampled, dearer, later, with other parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from deploy.reports.content import Step
from deploy.reports.curves import fan_plot
from deploy.reports.markup import Cell, Column, metric, number, percent, sign, table, text
from deploy.reports.tables import TONED, definitions
from engines.backtest.metrics.catalogue import CATALOGUE, Unit
from engines.backtest.robustness.monte_carlo import MonteCarlo, Resampling
from engines.backtest.robustness.neighbourhood import Neighbour, Neighbourhood
from engines.backtest.robustness.stress import Scenario, Stress, StressResult

_BY_NAME = {one.name: one for one in CATALOGUE}
_STRESSED = ("total_return", "sharpe", "max_drawdown", "expectancy_r", "profit_factor", "trades")


def fan_figure(step: Step, fan: MonteCarlo, cash: float) -> str:
    """Bands of one resampling, with what its paths came to."""
    blocks = {
        Resampling.SHUFFLE: "shuffled",
        Resampling.CIRCULAR: f"drawn in blocks of {fan.block:g}",
        Resampling.STATIONARY: f"drawn in blocks of {fan.block:g} on average",
    }
    name = f"{str(step).capitalize()}s {blocks[fan.method]}"
    deepest = np.quantile(fan.max_drawdown, [0.5, 0.95])
    facts = [
        ("Paths", f"{fan.max_drawdown.shape[0]:,}"),
        ("Drawdown as traded", percent(fan.actual_drawdown)),
        ("Drawdown, median path", percent(float(deepest[0]))),
        ("Drawdown, 95 % of paths below", percent(float(deepest[1]))),
        (f"Chance to fall to {percent(fan.ruin, 0)} of the cash", percent(fan.probability_of_ruin)),
    ]
    if fan.method is not Resampling.SHUFFLE:
        facts.insert(1, ("Paths that lose", percent(fan.probability_of_loss)))
    return (
        f"<figure class='card'><figcaption><b>{text(name)}</b></figcaption>{fan_plot(name, step, fan, cash)}"
        f"{definitions(facts)}</figure>"
    )


def stress_table(found: StressResult, how: Stress) -> str:
    """A scenario a row, the first one as it was tested."""
    names = [
        name for name in _STRESSED if any(not math.isnan(row.get(name, math.nan)) for row in found.metrics.values())
    ]
    columns = [
        Column("Scenario", numeric=False),
        *(Column(_BY_NAME[name].title, tip=_BY_NAME[name].definition) for name in names),
    ]
    bars = "1 bar late" if how.bars_late == 1 else f"{how.bars_late} bars late"
    dearer = f"Fees × {how.fees:g}", f"Slippage × {how.slippage:g}"
    titles = {
        Scenario.BASE: "As tested",
        Scenario.FEES: dearer[0],
        Scenario.SLIPPAGE: dearer[1],
        Scenario.COSTS: f"{dearer[0]}, {dearer[1].lower()}",
        Scenario.LATE: bars[:1].upper() + bars[1:],
        Scenario.ALL: f"{dearer[0]}, {dearer[1].lower()}, {bars}",
    }
    body = [
        [Cell(titles[scenario], numeric=False), *(_cell(name, row) for name in names)]
        for scenario, row in found.metrics.items()
    ]
    return table("Results under stress", columns, body, marked=0)


def _cell(name: str, row: Mapping[str, float]) -> Cell:
    value = row.get(name)
    return Cell(metric(value, _BY_NAME[name].unit), sign(value) if name in TONED else "")


def neighbourhood_lead(near: Neighbourhood) -> str:
    """How many neighbours keep the result, in words."""
    possible = sum(one.metrics is not None for one in near.neighbours)
    kept = sum(one.keeps for one in near.neighbours)
    title = _title(near.metric)
    observed = near.observed.get(near.metric, math.nan)
    if not observed > 0.0:
        return f"Each number one step down and up. {title} as tested: {_value(near, near.observed)}, so there is no edge to keep."
    return (
        f"Each number one step down and up. {kept} of {possible} neighbours keep the sign and at least half of the "
        f"{title}, {_value(near, near.observed)} as tested; an edge that is there does not vanish one step away."
    )


def neighbourhood_table(near: Neighbourhood) -> str:
    """A parameter a row: the metric one step down, as chosen and one step up."""
    sides = {(one.parameter, one.side): one for one in near.neighbours}
    body: list[str] = []
    for name in dict.fromkeys(one.parameter for one in near.neighbours):
        own = (
            f"<td class='chosen'><b>{text(_value(near, near.observed))}</b>"
            f"<small>{text(_plain(near.chosen.get(name)))}</small></td>"
        )
        body.append(
            f"<tr><th scope='row' class='t'>{text(name)}</th>{_side(near, sides.get((name, -1)))}{own}"
            f"{_side(near, sides.get((name, 1)))}</tr>"
        )
    caption = f"{_title(near.metric)} of neighbouring parameters"
    heads = "".join(f"<th scope='col'>{name}</th>" for name in ("One step down", "As tested", "One step up"))
    return (
        f"<div class='scroll' role='region' tabindex='0' aria-label='{text(caption)}'><table class='heat'>"
        f"<caption class='unseen'>{text(caption)}</caption><thead><tr><th scope='col' class='t'>Parameter</th>{heads}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _side(near: Neighbourhood, one: Neighbour | None) -> str:
    if one is None:
        return "<td class='none'></td>"
    if one.metrics is None:
        return f"<td class='none' data-tip='{text(one.refused)}'>cannot be<small>{text(_plain(one.value))}</small></td>"
    tone = "up" if one.keeps and one.metrics.get(near.metric, math.nan) > 0.0 else "down"
    words = "keeps the result" if one.keeps else "does not keep the result"
    return (
        f"<td class='{tone}' data-tip='{words}'><b>{text(_value(near, one.metrics))}</b>"
        f"<small>{text(_plain(one.value))}</small></td>"
    )


def _title(name: str) -> str:
    return _BY_NAME[name].title if name in _BY_NAME else name.replace("_", " ")


def _value(near: Neighbourhood, row: Mapping[str, float]) -> str:
    known = _BY_NAME.get(near.metric)
    return metric(row.get(near.metric), known.unit if known else Unit.RATIO)


def _plain(value: object) -> str:
    return number(value, 10).rstrip("0").rstrip(".") if isinstance(value, float) else str(value).replace("-", "−")
