"""The page of a backtest: one file, nothing loaded from anywhere, readable in any browser and on paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from deploy.reports.assumptions import RULES, assumptions, values
from deploy.reports.content import ReportContent
from deploy.reports.curves import drawdown_plot, equity_line, equity_plot
from deploy.reports.distributions import excursions_plot, interval_plot, random_plot, results_plot
from deploy.reports.exports import write_whole
from deploy.reports.harder import fan_figure, neighbourhood_lead, neighbourhood_table, stress_table
from deploy.reports.markup import number, text, time
from deploy.reports.months import month_table
from deploy.reports.tables import (
    definitions,
    metric_cards,
    tiles,
    trade_table,
)
from deploy.reports.trade_charts import choose, trade_figure, zone_legend, zone_style
from deploy.reports.unseen import unseen_view
from deploy.reports.verdict import Finding, Measure, Verdict, mean_interval

_MARKS = {Finding.EDGE: "✓", Finding.UNPROVEN: "?", Finding.NO_EDGE: "≈", Finding.LOSS: "✕", Finding.TOO_FEW: "…"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class _Section:
    name: str
    title: str
    body: str
    lead: str = ""


def write_report(path: Path, content: ReportContent) -> Path:
    """Write the page of a backtest.

    Parameters
    ----------
    path : Path
        Replaced when the page is complete, never half written. Its folder is made.
    content : ReportContent

    Returns
    -------
    Path
        The same path.
    """
    return write_whole(path, lambda at: at.write_text(page(content), encoding="utf-8"))


def page(content: ReportContent) -> str:
    """The page as text. The same content gives the same bytes."""
    result = content.result
    sections = [one for one in _sections(content) if one.body]
    links = "".join(f"<li><a href='#{one.name}'>{text(one.title)}</a></li>" for one in sections)
    body = "".join(_section(one) for one in sections)
    span = f"{time(int(_first(content)), day=True)} to {time(int(_last(content)), day=True)}"
    markets = ", ".join(result.markets) if len(result.markets) <= 4 else f"{len(result.markets)} markets"
    chips = (markets, str(result.timeframe), span, f"{content.bars.height:,} bars", f"{result.trades.height:,} trades")
    notes = "".join(f"<p class='note'>{text(note)}</p>" for note in content.notes)
    return (
        "<!DOCTYPE html>\n"
        f"<html lang='en'><head><meta charset='utf-8'/><meta name='viewport' content='width=device-width, initial-scale=1'/>"
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"{_POLICY}\"/><meta name='color-scheme' content='light dark'/>"
        f"<title>{text(content.title)} · backtest</title><style>/*<![CDATA[*/{_file('page.css')}{zone_style()}/*]]>*/</style></head>"
        f"<body><a class='skip' href='#verdict'>To the verdict</a><header class='top'><div><p class='over'>Backtest</p>"
        f"<h1>{text(content.title)}</h1><ul class='chips'>{''.join(f'<li>{text(chip)}</li>' for chip in chips if chip)}</ul></div>"
        "<button type='button' class='theme' id='theme' aria-label='Light or dark' hidden='hidden'>◐</button></header>"
        f"<nav aria-label='Sections'><ul>{links}</ul></nav><main>{_verdict(content.verdict)}{notes}{body}</main>"
        "<footer>Past prices say nothing certain about later ones. No network is needed to read this page.</footer>"
        "<div id='tip' class='tip' role='status' hidden='hidden'></div>"
        f"<script>/*<![CDATA[*/{_file('page.js')}/*]]>*/</script></body></html>\n"
    )


def _file(name: str) -> str:
    return files("deploy.reports").joinpath(name).read_text(encoding="utf-8")


def _first(content: ReportContent) -> int:
    return int(content.bars["ts"].dt.epoch("ms").min())  # pyright: ignore[reportArgumentType] - a backtest has bars


def _last(content: ReportContent) -> int:
    return int(content.bars["ts"].dt.epoch("ms").max())  # pyright: ignore[reportArgumentType] - a backtest has bars


def _section(one: _Section) -> str:
    lead = f"<p class='lead'>{text(one.lead)}</p>" if one.lead else ""
    return f"<section id='{one.name}' aria-labelledby='h-{one.name}'><h2 id='h-{one.name}'>{text(one.title)}</h2>{lead}{one.body}</section>"


def _verdict(verdict: Verdict) -> str:
    unit = "R" if verdict.measure is Measure.R else "% of equity"
    picture = interval_plot(verdict.expectancy, unit)
    origin = "Out of sample" if verdict.out_of_sample else "In sample only"
    return (
        f"<section id='verdict' class='verdict {verdict.finding}' aria-labelledby='h-verdict'><div class='seal' aria-hidden='true'>"
        f"{_MARKS[verdict.finding]}</div><div class='said'><p class='over'>{origin}</p><h2 id='h-verdict'>{text(verdict.headline)}</h2>"
        f"<p class='sentence'>{text(verdict.sentence)}</p></div>{picture}</section>"
    )


def _sections(content: ReportContent) -> Iterator[_Section]:
    result, baselines = content.result, content.baselines
    held, start = baselines.buy_and_hold, result.config.cash
    yield _Section("short", "In short", tiles(result.metrics, held.metrics if held else None))
    if result.equity.height:
        own = equity_line(result.equity)
        yield _Section("equity", "Equity", f"<div class='card'>{equity_plot(own, held, start)}</div>")
        yield _Section("drawdown", "Drawdown", f"<div class='card'>{drawdown_plot(own, held, start)}</div>")
        months = month_table(result.equity, start)
        yield _Section(
            "months",
            "Months",
            f"<div class='card'>{months}</div>",
            "Return of each month in percent, compounded from days.",
        )
    yield _Section("numbers", "All numbers", metric_cards(_runs(content), held.metrics if held else None))
    if result.trades.height:
        yield from _trade_sections(content)
    yield from _robust(content)
    yield from _unseen(content)
    if result.trades.height:
        count = min(result.trades.height, 200)
        lead = f"The newest {count} of {result.trades.height:,}." if count < result.trades.height else ""
        yield _Section("list", "List of trades", f"<div class='card'>{trade_table(result.trades)}</div>", lead)
    yield _Section("assumptions", "Assumptions", _assumed(content))


def _runs(content: ReportContent) -> list[tuple[str, Mapping[str, float]]]:
    columns: list[tuple[str, Mapping[str, float]]] = [("Strategy", content.result.metrics)]
    unseen = content.out_of_sample
    if unseen is not None and unseen.curve.metrics:
        columns.append(("Out of sample", unseen.curve.metrics))
    return columns


def _trade_sections(content: ReportContent) -> Iterator[_Section]:
    trades = content.result.trades
    figures = "".join(trade_figure(content, one) for one in choose(trades))
    lead = "Each on its candles: triangles are fills, the shaded box is the time in the market."
    if content.zones is not None:
        lead += " The zones nearest to the entry are shown from where they became known; dotted lines are breaks of structure."
    yield _Section("trades", "Trades", f"{zone_legend(content)}<div class='pair'>{figures}</div>", lead)
    multiples = trades["r_multiple"].fill_nan(None).drop_nulls().to_numpy()
    unit, results = (
        ("R", multiples) if multiples.shape[0] else ("% of equity", trades["return_on_equity"].to_numpy() * 100.0)
    )
    yield _Section(
        "results", "Results", f"<div class='card'>{results_plot(results, mean_interval(results), unit)}</div>"
    )
    pair = "".join(f"<div class='card'>{excursions_plot(trades, adverse)}</div>" for adverse in (True, False))
    lead = "How far each trade went against its entry, and in its favour, before it came to its result."
    yield _Section("excursions", "Excursions", f"<div class='pair'>{pair}</div>", lead)


def _robust(content: ReportContent) -> Iterator[_Section]:
    robust, random = content.robustness, content.baselines.random_entries
    if random is not None and random.values.shape[0]:
        lead = f"p {number(random.p, 3)}: how often the same orders, sent at random bars, do at least as well."
        yield _Section("chance", "Chance", f"<div class='card'>{random_plot(random)}</div>", lead)
    cash = content.result.config.cash
    fans = "".join(fan_figure(step, fan, cash) for step, fan in robust.monte_carlo)
    if fans:
        several = "pair" if len(robust.monte_carlo) > 1 else ""
        lead = "The same returns in other orders, or drawn again: what could as well have been."
        yield _Section("fan", "Monte Carlo", f"<div class='{several}'>{fans}</div>", lead)
    if robust.stress is not None:
        lead = "The same signals when trading is dearer or late. The first row is as tested."
        if robust.stress.dropped:
            lead += f" {robust.stress.dropped:,} late entries were not sent: the price was beyond their stop or target by then."
        card = f"<div class='card'>{stress_table(robust.stress, robust.conditions)}</div>"
        yield _Section("stress", "Stress", card, lead)
    near = robust.neighbourhood
    if near is not None and near.neighbours:
        card = f"<div class='card'>{neighbourhood_table(near)}</div>"
        yield _Section("neighbours", "Neighbours", card, neighbourhood_lead(near))


def _unseen(content: ReportContent) -> Iterator[_Section]:
    unseen = content.out_of_sample
    if unseen is None or not unseen.curve.ts.shape[0]:
        return
    lead = "Parameters were chosen on each window's past only; this is the curve of what came after."
    body = unseen_view(unseen, content.result.config.cash)
    yield _Section("walk-forward", "Out of sample", body, f"{lead} {unseen.embargo}".strip())


def _assumed(content: ReportContent) -> str:
    groups = [("Account, orders and costs", assumptions(content.result.config))]
    if content.parameters:
        groups.append(("Parameters of the strategy", values(content.parameters)))
    if content.versions:
        groups.append(("Versions", list(content.versions.items())))
    cards = "".join(f"<div class='card'><h3>{text(title)}</h3>{definitions(rows)}</div>" for title, rows in groups)
    rules = "".join(f"<li>{text(rule)}</li>" for rule in RULES)
    return f"{cards}<div class='card'><h3>Rules of the fills</h3><ul class='rules'>{rules}</ul></div>"
