"""One honest sentence: whether there is an edge after costs, out of sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

import polars as pl

from engines.bars import FloatArray

FEWEST_TRADES = 30
"""With fewer, nothing is claimed either way."""
CONFIDENCE = 0.95
SIGNIFICANT = 0.05


class Finding(StrEnum):
    """What the evidence comes to."""

    EDGE = "edge"
    UNPROVEN = "unproven"
    """The mean is above 0, but a further test is missing or was not passed."""
    NO_EDGE = "no_edge"
    """The interval of the mean includes 0."""
    LOSS = "loss"
    """The interval of the mean lies below 0."""
    TOO_FEW = "too_few"


class Measure(StrEnum):
    """What a trade's result is counted in."""

    R = "R"
    """Multiples of what the trade risked."""
    EQUITY = "% of equity"


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval; NaN where there are less than two numbers."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    """A finding, and the sentence that says it.

    Attributes
    ----------
    finding : Finding
    headline : str
        A few words.
    sentence : str
        With the numbers.
    out_of_sample : bool
        Whether the numbers are of bars no parameter was chosen on.
    trades : int
    expectancy : Interval
    measure : Measure
    probabilistic_sharpe, p_random : float
        NaN where not known.
    """

    finding: Finding
    headline: str
    sentence: str
    out_of_sample: bool
    trades: int
    expectancy: Interval
    measure: Measure
    probabilistic_sharpe: float
    p_random: float


def mean_interval(values: FloatArray, confidence: float = CONFIDENCE) -> Interval:
    """Mean of independent numbers with Student's confidence interval.

    The quantile is the expansion of Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5; from 10 numbers on it is
    right to four digits.
    """
    count = values.shape[0]
    mean = float(values.mean()) if count else math.nan
    if count < 2:
        return Interval(mean, math.nan, math.nan)
    free = count - 1
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    quantile = (
        z
        + (z**3 + z) / (4 * free)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * free**3)
    )
    width = quantile * float(values.std(ddof=1)) / math.sqrt(count)
    return Interval(mean, mean - width, mean + width)


def verdict(
    trades: pl.DataFrame,
    *,
    out_of_sample: bool,
    total_return: float,
    probabilistic_sharpe: float = math.nan,
    p_random: float = math.nan,
    p_out_of_sample: bool = False,
    trials: int = 1,
) -> Verdict:
    """Judge trades after all costs.

    Parameters
    ----------
    trades : DataFrame
        With ``r_multiple`` and ``return_on_equity``. R is the measure if every trade has one.
    out_of_sample : bool
        Whether no parameter was chosen on these bars.
    total_return : float
        Of the same bars, a fraction.
    probabilistic_sharpe : float
        Of the same bars; where the parameters were chosen among many, the deflated one. NaN if not known.
    p_random : float
        Part of runs with random entries that were at least as good. NaN if not tested.
    p_out_of_sample : bool
        Whether those runs too were on bars that no parameter was chosen on; the sentence says so if they were not.
    trials : int
        Parameter sets that were looked at.

    Returns
    -------
    Verdict
        `Finding.EDGE` only with at least 30 trades out of sample, an interval above 0, a positive return, a probabilistic Sharpe
        ratio of at least 95 % and p of at most 5 %, out of sample too.
    """
    measure, values = _results(trades)
    interval = mean_interval(values)
    count = trades.height
    chance = "" if math.isnan(p_random) else f"p against random entries {_p(p_random)}"
    if chance and out_of_sample and not p_out_of_sample:
        chance += " in sample"
    numbers = _numbers(count, measure, interval, probabilistic_sharpe, chance) if count else ""
    where = "out of sample" if out_of_sample else "in sample"
    finding, headline, sentence = Finding.TOO_FEW, "", ""
    if count == 0:
        headline = "No verdict"
        sentence = f"No verdict: there was no trade {where}."
    elif count < FEWEST_TRADES:
        headline = "No verdict: too few trades"
        are = "trades are" if count > 1 else "trade is"
        sentence = (
            f"No verdict: {count} {are} too few {where} to tell an edge from luck, at least {FEWEST_TRADES} are needed; "
            f"so far {numbers}."
        )
    elif interval.high < 0.0:
        finding, headline = Finding.LOSS, "Loses after costs"
        sentence = f"It loses after costs {where}: {numbers}."
    elif not interval.low > 0.0:
        finding, headline = Finding.NO_EDGE, "No edge after costs"
        sentence = f"No edge after costs is shown {where}: {numbers}; the interval includes 0."
    else:
        doubts = _doubts(out_of_sample, total_return, probabilistic_sharpe, p_random, trials)
        if chance.endswith("in sample") and not p_random > SIGNIFICANT:
            doubts.append("random entries were tested in sample only")
        finding = Finding.UNPROVEN if doubts else Finding.EDGE
        headline = "Not proven" if doubts else "An edge after costs"
        start = f"Not proven, though positive after costs {where}" if doubts else f"An edge after costs {where}"
        sentence = f"{start}: {numbers}" + (f"; {', and '.join(doubts)}." if doubts else ".")
    if not out_of_sample and finding in (Finding.NO_EDGE, Finding.LOSS):
        sentence = f"{sentence[:-1]}, and nothing was tested out of sample."
    return Verdict(finding, headline, sentence, out_of_sample, count, interval, measure, probabilistic_sharpe, p_random)


def _results(trades: pl.DataFrame) -> tuple[Measure, FloatArray]:
    multiples = trades["r_multiple"].cast(pl.Float64).fill_nan(None)
    if multiples.null_count() == 0:
        return Measure.R, multiples.to_numpy()
    return Measure.EQUITY, trades["return_on_equity"].cast(pl.Float64).to_numpy() * 100.0


def _numbers(count: int, measure: Measure, interval: Interval, sharpe: float, chance: str) -> str:
    unit = " R" if measure is Measure.R else " % of equity"
    parts = [f"{count:,} trade{'' if count == 1 else 's'} averaged {_signed(interval.mean)}{unit}"]
    if not math.isnan(interval.low):
        parts[0] += f" ({_percent(CONFIDENCE)} interval {_signed(interval.low)} to {_signed(interval.high)})"
    if not math.isnan(sharpe):
        parts.append(f"probabilistic Sharpe ratio {_percent(sharpe)}")
    if chance:
        parts.append(chance)
    return ", ".join(parts)


def _doubts(out_of_sample: bool, total_return: float, sharpe: float, p_random: float, trials: int) -> list[str]:
    doubts: list[str] = []
    if not out_of_sample:
        doubts.append(
            f"nothing was tested out of sample, with {trials:,} parameter sets looked at"
            if trials > 1
            else "nothing was tested out of sample"
        )
    if not total_return > 0.0:
        doubts.append("the account as a whole gained nothing")
    if math.isnan(sharpe):
        doubts.append("the probabilistic Sharpe ratio is not known")
    elif sharpe < CONFIDENCE:
        doubts.append(f"the probabilistic Sharpe ratio is below {_percent(CONFIDENCE)}")
    if math.isnan(p_random):
        doubts.append("random entries were not tested")
    elif p_random > SIGNIFICANT:
        doubts.append(f"random entries do as well too often (p above {SIGNIFICANT})")
    return doubts


def _signed(value: float) -> str:
    """Two digits after the point, more where they would read as nothing."""
    digits = 2 if abs(value) >= 0.01 or value == 0.0 else min(8, 1 - math.floor(math.log10(abs(value))))
    return f"{value:+.{digits}f}".replace("-", "−")


def _percent(value: float) -> str:
    """Never rounded to certainty."""
    if 0.0 < value < 0.001:
        return "below 0.1 %"
    return "above 99.9 %" if value > 0.999 else f"{math.floor(round(value * 1000.0, 6)) / 10.0:g} %"


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"
