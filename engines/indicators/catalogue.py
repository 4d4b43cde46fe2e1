"""What every indicator column is: its formula, where that comes from, from which bar on it exists, and its unit.

Nothing here needs the compiler. ``python -m engines.indicators.catalogue`` prints `docs/indicators.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from engines.indicators.periods import Periods


class Unit(StrEnum):
    """What a column's numbers count."""

    PRICE = "price"
    PERCENT = "percent"
    RATIO = "ratio"
    DIRECTION = "direction"
    VOLUME = "base volume"
    NUMBER = "number"
    LOG_RETURN = "log return"


@dataclass(frozen=True)
class IndicatorColumn:
    """One column of the indicator rows.

    Attributes
    ----------
    name : str
    formula : str
        In terms of ``o h l c v`` of the bar that closed, and of functions over the last bars.
    source : str
        TA-Lib's function of the same numbers, or who described it.
    lookback : int
        Number of leading bars without a value.
    unit : Unit
    later_nulls : str
        When the value can be null after those bars; empty if never.
    """

    name: str
    formula: str
    source: str
    lookback: int
    unit: Unit
    later_nulls: str = ""


_Entry = tuple[str, str, Unit] | tuple[str, str, Unit, str]


def catalogue(periods: Periods | None = None) -> tuple[IndicatorColumn, ...]:
    """All columns in the order of their rows, for these periods (the defaults if none are given)."""
    chosen = Periods() if periods is None else periods
    return tuple(
        IndicatorColumn(name, entry[0], entry[1], lookback, entry[2], entry[3] if len(entry) == 4 else "")
        for (name, lookback), entry in zip(chosen.columns(), _entries(chosen), strict=True)
    )


def _entries(p: Periods) -> Iterator[_Entry]:
    """Formula, source, unit and later nulls of each column, in the order of `Periods.columns`."""
    for n in p.sma_periods:
        yield f"mean of the last {n} c", "TA-Lib SMA", Unit.PRICE
    for n in p.ema_periods:
        yield f"e + 2/{n + 1} (c - e), from the mean of the first {n} c on", "TA-Lib EMA", Unit.PRICE
    n = p.wma_period
    yield f"mean of the last {n} c weighted 1 to {n}, the newest most", "TA-Lib WMA", Unit.PRICE
    n = p.dema_period
    yield f"2 e1 - e2; e1 = EMA(c, {n}), e2 = EMA(e1, {n})", "P. Mulloy; TA-Lib DEMA", Unit.PRICE
    n = p.tema_period
    yield (
        f"3 e1 - 3 e2 + e3; e1 = EMA(c, {n}), e2 = EMA(e1, {n}), e3 = EMA(e2, {n})",
        "P. Mulloy; TA-Lib TEMA",
        Unit.PRICE,
    )
    n = p.kama_period
    yield (
        f"k + s^2 (c - k); s from 2/31 to 2/3 with |c - c[{n}]| / sum of the last {n} |changes|",
        "P. Kaufman; TA-Lib KAMA",
        Unit.PRICE,
    )
    n, (half, root) = p.hma_period, p.hull
    yield f"WMA(2 WMA(c, {half}) - WMA(c, {n}), {root})", "A. Hull; TA-Lib HMA", Unit.PRICE
    yield from _channels(p)
    yield from _oscillators(p)
    yield from _directions(p)
    yield from _volatility(p)
    yield from _volumes(p)
    scale = p.swing_scale
    unknown = "until a swing is confirmed"
    yield (
        f"last swing high of {scale} bars, raised by every higher h since",
        "market structure, swing scale",
        Unit.PRICE,
        unknown,
    )
    yield (
        f"last swing low of {scale} bars, lowered by every lower l since",
        "market structure, swing scale",
        Unit.PRICE,
        unknown,
    )
    yield (
        "(c - range_bottom) / (range_top - range_bottom)",
        "market structure, swing scale",
        Unit.RATIO,
        "until both swings are confirmed",
    )


def _channels(p: Periods) -> Iterator[_Entry]:
    n, k = p.bb_period, p.bb_deviations
    bands = "J. Bollinger; TA-Lib BBANDS"
    yield f"middle + {k:g} population standard deviations of the last {n} c", bands, Unit.PRICE
    yield f"mean of the last {n} c", bands, Unit.PRICE
    yield f"middle - {k:g} population standard deviations of the last {n} c", bands, Unit.PRICE
    yield "(upper - lower) / middle", "J. Bollinger", Unit.RATIO
    yield "(c - lower) / (upper - lower)", "J. Bollinger", Unit.RATIO, "while the bands coincide"
    n = p.donchian_period
    yield f"highest of the last {n} h", "R. Donchian; TA-Lib MAX", Unit.PRICE
    yield f"lowest of the last {n} l", "R. Donchian; TA-Lib MIN", Unit.PRICE
    for sign in "+-":
        reach = f"{p.keltner_factor:g} ATR({p.keltner_atr_period})"
        yield f"EMA(c, {p.keltner_period}) {sign} {reach}", "C. Keltner, L. Raschke", Unit.PRICE
    n = p.supertrend_period
    yield (
        f"band (h + l)/2 -+ {p.supertrend_factor:g} ATR({n}) on the trend's side, ratcheting towards price",
        "O. Seban; TA-Lib SUPERTREND",
        Unit.PRICE,
    )
    yield "1 until c < lower band, then -1 until c > upper band", "O. Seban; TA-Lib SUPERTREND", Unit.DIRECTION
    yield (
        f"s + a (extreme - s), turned when price crosses it; a from {p.psar_step:g} by {p.psar_step:g} to {p.psar_limit:g}",
        "W. Wilder; TA-Lib SAR",
        Unit.PRICE,
    )


def _oscillators(p: Periods) -> Iterator[_Entry]:
    n = p.rsi_period
    yield (
        f"100 g / (g + d); Wilder's averages over {n} of gains and of losses of c",
        "W. Wilder; TA-Lib RSI",
        Unit.PERCENT,
    )
    m = p.stoch_rsi_period
    yield f"place of RSI({n}) in its range of {m} bars", "T. Chande, S. Kroll; TA-Lib STOCHRSI", Unit.PERCENT
    yield f"mean of the last {p.stoch_rsi_smoothing} K", "T. Chande, S. Kroll; TA-Lib STOCHRSI", Unit.PERCENT
    macd = "G. Appel; TA-Lib MACD"
    yield f"EMA(c, {p.macd_fast}) - EMA(c, {p.macd_slow})", macd, Unit.PRICE
    yield f"EMA(macd, {p.macd_signal})", macd, Unit.PRICE
    yield "macd - macd_signal", macd, Unit.PRICE
    n = p.stoch_period
    stoch = "G. Lane; TA-Lib STOCH"
    yield f"mean of the last {p.stoch_k_smoothing} places of c in the range of {n} bars", stoch, Unit.PERCENT
    yield f"mean of the last {p.stoch_d_smoothing} K", stoch, Unit.PERCENT
    n = p.cci_period
    yield (
        f"(x - mean) / (0.015 mean absolute deviation) of x = (h + l + c)/3 over {n} bars",
        "D. Lambert; TA-Lib CCI",
        Unit.NUMBER,
    )
    n = p.willr_period
    yield f"-100 (highest h - c) / (highest h - lowest l) over {n} bars", "L. Williams; TA-Lib WILLR", Unit.PERCENT
    n = p.mfi_period
    yield (
        f"100 p / (p + q); sums over {n} bars of x v where x = (h + l + c)/3 rose and where it fell",
        "G. Quong, A. Soudack; TA-Lib MFI",
        Unit.PERCENT,
    )
    yield f"100 (c / c[{p.roc_period}] - 1)", "TA-Lib ROC", Unit.PERCENT
    yield f"c - c[{p.mom_period}]", "TA-Lib MOM", Unit.PRICE
    n = p.trix_period
    yield f"change of EMA(EMA(EMA(c, {n}), {n}), {n}) in a bar", "J. Hutson; TA-Lib TRIX", Unit.PERCENT
    a, b, c = p.ultosc_periods
    yield (
        f"100 (4 r{a} + 2 r{b} + r{c}) / 7; r = sum of c - min(l, c[1]) over sum of true range",
        "L. Williams; TA-Lib ULTOSC",
        Unit.PERCENT,
    )
    yield (
        f"100 (EMA(c, {p.ppo_fast}) - EMA(c, {p.ppo_slow})) / EMA(c, {p.ppo_slow})",
        "G. Appel; TA-Lib PPO",
        Unit.PERCENT,
    )


def _directions(p: Periods) -> Iterator[_Entry]:
    n = p.adx_period
    yield f"Wilder's average over {n} of 100 |plus - minus| / (plus + minus)", "W. Wilder; TA-Lib ADX", Unit.PERCENT
    yield f"100 Wilder sum over {n} of rises of h / that of true range", "W. Wilder; TA-Lib PLUS_DI", Unit.PERCENT
    yield f"100 Wilder sum over {n} of falls of l / that of true range", "W. Wilder; TA-Lib MINUS_DI", Unit.PERCENT
    n = p.aroon_period
    yield f"100 (1 - bars since the highest h of {n + 1} / {n})", "T. Chande; TA-Lib AROON", Unit.PERCENT
    yield f"100 (1 - bars since the lowest l of {n + 1} / {n})", "T. Chande; TA-Lib AROON", Unit.PERCENT


def _volatility(p: Periods) -> Iterator[_Entry]:
    yield "max(h, c[1]) - min(l, c[1])", "W. Wilder; TA-Lib TRANGE", Unit.PRICE
    for n in p.atr_periods:
        yield f"Wilder's average over {n} of true range", "W. Wilder; TA-Lib ATR", Unit.PRICE
    yield f"100 ATR({p.natr_period}) / c", "J. Forman; TA-Lib NATR", Unit.PERCENT
    n = p.realized_vol_period
    yield f"sample standard deviation of the last {n} log(c / c[1]), per bar", "defined here", Unit.LOG_RETURN


def _volumes(p: Periods) -> Iterator[_Entry]:
    yield "first v, plus v where c rose, minus v where it fell", "J. Granville; TA-Lib OBV", Unit.VOLUME
    yield "sum of v ((c - l) - (h - c)) / (h - l)", "M. Chaikin; TA-Lib AD", Unit.VOLUME
    yield f"EMA(ad, {p.adosc_fast}) - EMA(ad, {p.adosc_slow})", "M. Chaikin; TA-Lib ADOSC", Unit.VOLUME
    n = p.cmf_period
    yield f"sum of v ((c - l) - (h - c)) / (h - l) over sum of v, {n} bars", "M. Chaikin; TA-Lib CMF", Unit.RATIO
    n = p.volume_period
    yield f"mean of the last {n} v", "TA-Lib SMA", Unit.VOLUME
    yield f"v / mean of the last {n} v", "defined here", Unit.RATIO, "while nothing was traded in those bars"
    yield (
        "sum of v (h + l + c)/3 over sum of v, since 00:00 UTC of the bar's day",
        "defined here",
        Unit.PRICE,
        "while nothing was traded that day",
    )


def markdown() -> str:
    """The catalogue with the default periods as a Markdown page."""
    lines = [
        "# Indicators",
        "",
        "One row a bar, known at its close. Generated by `python -m engines.indicators.catalogue`; `cap indicators` prints",
        "the same. `o h l c v` are the bar's values, `x[n]` is the value `n` bars ago. Where TA-Lib has the function the values",
        "agree with it to 1e-8 (relative above 1, absolute below) and are null in the same rows.",
        "",
        "Every period is a keyword argument of `IndicatorEngine` (`engines/indicators/periods.py` lists them with their",
        "defaults), and the columns' names follow it: `IndicatorEngine(rsi_period=7)` gives `rsi_7`.",
        '`IndicatorEngine(columns=["rsi_14", "psar"])` computes only those; their values are the same bit for bit.',
        "",
        "The lookback is the number of bars at the beginning that have no value.",
        "",
        "| column | formula | source | lookback | unit | null later |",
        "|---|---|---|---:|---|---|",
    ]
    for column in catalogue():
        formula = column.formula.replace("|", "\\|")
        lines.append(
            f"| `{column.name}` | {formula} | {column.source} | {column.lookback} | {column.unit} | {column.later_nulls} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(markdown())
