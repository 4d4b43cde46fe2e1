"""What an alert says: a title of one line and a few lines of text, the same on every channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.alerts.events import Event
from api.alerts.rules import ConditionKind
from api.times import format_instant

_KINDS = {"order_block": "order block", "breaker": "breaker", "fvg": "fair value gap", "liquidity": "liquidity pool"}
_OUTCOMES = {
    "target_1": "reached its first target",
    "target_2": "reached its second target",
    "stopped": "was stopped",
    "expired": "expired",
}
_BREAKS = {"bos": "break of structure", "choch": "change of character"}


@dataclass(frozen=True)
class Words:
    """Title and text."""

    title: str
    body: str


def words_of(event: Event, rule_name: str) -> Words:
    """Say what happened, and for which rule."""
    facts = event.facts
    where = f"{event.market} {event.timeframe}"
    match event.kind:
        case ConditionKind.SIGNAL:
            title = f"{_way(facts['direction'])} signal: {where}"
            lines = _signal_lines(facts)
        case ConditionKind.OUTCOME:
            title = f"{_way(facts['direction'])} signal {_OUTCOMES[facts['outcome']]}: {where}"
            lines = [
                f"Strategy: {facts['strategy']}",
                f"Price: {price(facts['price'])}",
                f"Result: {facts['r_multiple']:+.2f} R before costs",
            ]
        case ConditionKind.PRICE:
            up = facts["close"] > facts["previous_close"]
            title = f"{where} closed {'higher' if up else 'lower'} at {price(facts['close'])}"
            lines = [f"Close before: {price(facts['previous_close'])}"]
        case ConditionKind.ZONE:
            side = "Demand" if facts["side"] > 0 else "Supply"
            title = f"{side} {_KINDS.get(facts['zone'], facts['zone'])} touched: {where}"
            lines = [f"Zone: {price(facts['bottom'])} to {price(facts['top'])}"]
        case ConditionKind.STRUCTURE:
            way = "up" if facts["direction"] > 0 else "down"
            title = f"{_BREAKS[facts['event']].capitalize()} {way}: {where}"
            lines = [f"Level: {price(facts['level'])}", f"Scale: {facts['scale']}"]
    if event.simulated:
        # Nobody may take a simulated price for a real one, wherever he reads it.
        title = f"[SIMULATED] {title}"
        lines.append("The market is simulated: its prices were never traded anywhere.")
    return Words(title, "\n".join([*lines, f"Known at: {format_instant(event.known_at)}", f"Rule: {rule_name}"]))


def price_words(words: Words, level: float) -> Words:
    """Add the level a price rule waited for."""
    return Words(words.title, f"Level: {price(level)}\n{words.body}")


def _signal_lines(facts: Any) -> list[str]:
    lines = [
        f"Strategy: {facts['strategy']}",
        f"Entry: {price(facts['entry'])}",
        f"Stop: {price(facts['stop'])}",
        f"First target: {price(facts['target_1'])}",
    ]
    if facts["target_2"] is not None:
        lines.append(f"Second target: {price(facts['target_2'])}")
    lines.append(f"Score: {facts['score']:.2f}")
    if facts["reasons"]:
        lines.append(f"Reasons: {', '.join(facts['reasons'])}")
    return lines


def _way(direction: int) -> str:
    return "Long" if direction > 0 else "Short"


def price(value: float) -> str:
    """Write a price with what digits it needs, at least as exactly as it is traded.

    >>> price(42000.5), price(0.00001234), price(50000.0)
    ('42,000.5', '0.00001234', '50,000')
    """
    digits = 2 if abs(value) >= 1_000 else 4 if abs(value) >= 1 else 12
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
