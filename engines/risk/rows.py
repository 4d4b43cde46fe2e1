"""What decisions look like: schemas of the frames, arrays, and the way from decisions to both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from engines.bars import TS_DTYPE, FloatArray, TimeArray
from engines.risk.decision import Verdict
from engines.risk.ledger import Decided, Event
from engines.risk.limits import Rule
from engines.risk.policy import Sizing
from engines.signals.rows import OUTCOME_SCHEMA, BadSignals, Outcome, SideArray

DECISION_SCHEMA = pl.Schema(
    {
        "ts": TS_DTYPE,
        "signal_id": pl.String,
        "strategy": pl.String,
        "direction": pl.Int8,
        "decision": pl.String,
        "rule": pl.String,
        "rule_value": pl.Float64,
        "rule_limit": pl.Float64,
        "reasons": pl.List(pl.String),
        "sizing": pl.String,
        "wanted_notional": pl.Float64,
        "size": pl.Float64,
        "notional": pl.Float64,
        "risk_amount": pl.Float64,
        "risk_fraction": pl.Float64,
        "margin": pl.Float64,
        "liquidation_price": pl.Float64,
        "equity": pl.Float64,
        "open_positions": pl.UInt32,
        "gross_exposure": pl.Float64,
        "net_exposure": pl.Float64,
        "open_risk": pl.Float64,
        "cluster": pl.String,
        "cluster_exposure": pl.Float64,
    }
)

SERIES_SCHEMA = pl.Schema({"market": pl.String, "timeframe": pl.String})
"""Columns that say which series a row of an account over many markets is of."""

ACCOUNT_DECISION_SCHEMA = pl.Schema({"known_at": TS_DTYPE, **SERIES_SCHEMA, **DECISION_SCHEMA})

VERDICTS = tuple(Verdict)
"""Verdict by its code in `DecisionRows`."""
RULES = tuple(Rule)
"""Rule by its code in `DecisionRows`."""


class DecisionRows(NamedTuple):
    """Decisions as arrays, one entry a signal: ``verdict`` indexes `VERDICTS`, ``rule`` indexes `RULES` (-1: none)."""

    verdict: SideArray
    rule: SideArray
    rule_value: FloatArray
    rule_limit: FloatArray
    size: FloatArray
    notional: FloatArray
    risk_amount: FloatArray
    risk_fraction: FloatArray
    equity: FloatArray
    open_positions: TimeArray

    def fill(self, place: int, decided: Decided) -> None:
        """Write one decision."""
        decision = decided.decision
        self.verdict[place] = VERDICTS.index(decision.verdict)
        self.rule[place] = -1 if decision.rule is None else RULES.index(decision.rule)
        self.rule_value[place] = np.nan if decision.rule_value is None else decision.rule_value
        self.rule_limit[place] = np.nan if decision.rule_limit is None else decision.rule_limit
        self.size[place] = decision.size
        self.notional[place] = decision.notional
        self.risk_amount[place] = decision.risk_amount
        self.risk_fraction[place] = decision.risk_fraction
        self.equity[place] = decided.equity
        self.open_positions[place] = decided.open_positions


def outcome_names(outcomes: pl.DataFrame) -> list[Outcome]:
    """Outcomes of a frame as their enum.

    Raises
    ------
    BadSignals
        For the first that is none.
    """
    known = {outcome.value: outcome for outcome in Outcome}
    names: list[str] = outcomes["outcome"].to_list()
    for row, name in enumerate(names):
        if name not in known:
            raise BadSignals(f"outcome is {name!r}; it must be one of {', '.join(known)}", row)
    return [known[name] for name in names]


def events(outcomes: pl.DataFrame, moments: Sequence[int], bar_ms: Sequence[int]) -> Iterator[Event]:
    """Outcomes in the order of the frame, each at its moment."""
    for moment, length, key, outcome, price, r_multiple in zip(
        moments,
        bar_ms,
        outcomes["signal_id"].to_list(),
        outcome_names(outcomes),
        outcomes["price"].to_list(),
        outcomes["r_multiple"].to_list(),
        strict=True,
    ):
        yield Event(moment, key, outcome, price, r_multiple, length)


FIRST_TARGET_FIRST = ~(pl.col("outcome") == Outcome.TARGET_1.value)
"""Sort key: of two outcomes of a signal on one bar the first target comes first."""


def decision_columns(decided: Sequence[Decided], sizing: Sizing) -> list[pl.Series]:
    """Columns of `DECISION_SCHEMA` that a decision adds to its signal's."""
    decisions = [row.decision for row in decided]
    of_decision = (
        "rule_value",
        "rule_limit",
        "wanted_notional",
        "size",
        "notional",
        "risk_amount",
        "risk_fraction",
        "margin",
        "liquidation_price",
    )
    of_account = (
        "equity",
        "open_positions",
        "gross_exposure",
        "net_exposure",
        "open_risk",
        "cluster",
        "cluster_exposure",
    )
    return [
        pl.Series("decision", [d.verdict.value for d in decisions], pl.String),
        pl.Series("rule", [None if d.rule is None else d.rule.value for d in decisions], pl.String),
        pl.Series("reasons", [list(d.reasons) for d in decisions], pl.List(pl.String)),
        pl.Series("sizing", [sizing.value] * len(decisions), pl.String),
        *(pl.Series(name, [getattr(d, name) for d in decisions], pl.Float64) for name in of_decision),
        *(pl.Series(name, [getattr(row, name) for row in decided], DECISION_SCHEMA[name]) for name in of_account),
    ]


__all__ = [
    "ACCOUNT_DECISION_SCHEMA",
    "DECISION_SCHEMA",
    "FIRST_TARGET_FIRST",
    "OUTCOME_SCHEMA",
    "RULES",
    "SERIES_SCHEMA",
    "VERDICTS",
    "DecisionRows",
    "decision_columns",
    "events",
    "outcome_names",
]
