"""Tables of the page: metrics beside baselines, windows, trades."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import polars as pl

from deploy.reports.markup import Cell, Column, metric, number, price, sign, table, text, time
from engines.backtest.metrics.catalogue import CATALOGUE, Group

_BY_NAME = {one.name: one for one in CATALOGUE}
TONED = frozenset({"total_return", "annual_return", "net_profit", "expectancy", "expectancy_r", "sharpe", "sortino"})
_SHORT = {"max_drawdown": "Drawdown", "expectancy_r": "Expectancy"}
_MOST_TRADES = 200
_REASONS = {"target_1": "target 1", "target_2": "target 2", "break_even": "break-even", "time_stop": "time"}


def metric_cards(columns: Sequence[tuple[str, Mapping[str, float]]], held: Mapping[str, float] | None) -> str:
    """All numbers in groups; one column a run. Buying once is no sample of trades, so buy and hold has no column there.

    Parameters
    ----------
    columns : sequence of (str, mapping)
        Name and metrics of each run, the strategy's first.
    held : mapping of str to float, optional
        Metrics of buy and hold.
    """
    cards: list[str] = []
    for group in Group:
        shown = [*columns, *([("Buy and hold", held)] if held and group is not Group.TRADES else [])]
        rows = [
            [
                Cell(one.title, numeric=False),
                *(Cell(metric(values.get(one.name), one.unit), _tone(one.name, values)) for _, values in shown),
            ]
            for one in CATALOGUE
            if one.group is group and one.name in columns[0][1]
        ]
        if rows:
            heads = [Column(str(group), numeric=False), *(Column(name) for name, _ in shown)]
            cards.append(f"<div class='card'>{table(str(group), heads, rows, kind='metrics')}</div>")
    return f"<div class='cards'>{''.join(cards)}</div>"


def _tone(name: str, values: Mapping[str, float]) -> str:
    return sign(values.get(name)) if name in TONED else ""


def tiles(own: Mapping[str, float], held: Mapping[str, float] | None) -> str:
    """The few numbers that are looked at first, buy and hold's under them."""
    shown = (
        "total_return",
        "annual_return",
        "max_drawdown",
        "sharpe",
        "expectancy_r",
        "profit_factor",
        "win_rate",
        "trades",
    )
    parts: list[str] = []
    for name in shown:
        if math.isnan(own.get(name, math.nan)):
            continue
        one = _BY_NAME[name]
        below = ""
        if held is not None and name not in ("expectancy_r", "profit_factor", "win_rate", "trades"):
            below = f"<small>Buy and hold <span>{text(metric(held.get(name), one.unit))}</span></small>"
        parts.append(
            f"<div class='tile' data-tip='{text(one.definition)}'><dt>{text(_SHORT.get(name, one.title))}</dt>"
            f"<dd class='{_tone(name, own)}'>{text(metric(own[name], one.unit))}</dd>{below}</div>"
        )
    return f"<dl class='tiles'>{''.join(parts)}</dl>"


def trade_table(trades: pl.DataFrame) -> str:
    """The newest trades, sortable."""
    newest = trades.tail(_MOST_TRADES)
    first = trades.height - newest.height
    many = trades["market"].n_unique() > 1
    multiples = newest["r_multiple"].null_count() < newest.height
    columns = [
        Column("No."),
        *([Column("Market", numeric=False)] if many else []),
        Column("Side", numeric=False),
        Column("Entry, UTC"),
        Column("Exit, UTC"),
        Column("Entry price"),
        Column("Exit price"),
        Column("Result"),
        *([Column("R")] if multiples else []),
        Column("Costs"),
        Column("Bars"),
        Column("Ended by", numeric=False),
    ]
    rows: list[list[Cell]] = []
    for index, row in enumerate(newest.iter_rows(named=True)):
        entry, leave = (round(row[name].timestamp() * 1000) for name in ("entry_ts", "exit_ts"))
        costs = row["fees"] + row["funding"] + row["slippage_cost"]
        rows.append(
            [
                Cell(str(first + index + 1), key=first + index + 1),
                *([Cell(row["market"], numeric=False)] if many else []),
                Cell("long" if row["direction"] > 0 else "short", numeric=False),
                Cell(time(entry), key=entry),
                Cell(time(leave), key=leave),
                Cell(price(row["entry_price"]), key=row["entry_price"]),
                Cell(price(row["exit_price"]), key=row["exit_price"]),
                Cell(number(row["pnl"], signed=True), sign(row["pnl"]), key=row["pnl"]),
                *(
                    [Cell(number(row["r_multiple"], signed=True), sign(row["r_multiple"]), key=_key(row["r_multiple"]))]
                    if multiples
                    else []
                ),
                Cell(number(costs), key=costs),
                Cell(str(row["bars_held"]), key=row["bars_held"]),
                Cell(_REASONS.get(row["exit_reason"]) or str(row["exit_reason"]), numeric=False),
            ]
        )
    return table("Newest trades", columns, list(reversed(rows)), sortable=True, kind="trades")


def _key(value: float | None) -> float:
    return -1e300 if value is None else value


def definitions(rows: Sequence[tuple[str, str]]) -> str:
    """Names and values."""
    items = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in rows)
    return f"<dl class='facts'>{items}</dl>"
