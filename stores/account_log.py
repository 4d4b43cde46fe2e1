"""The log of decisions of an account over many markets, and its stored states.

The log is append-only: a decision stands from the moment it is written, whatever comes in later, as long as its signal is
what it was. What would be decided with all that came in later is kept beside it. States are stored after the rows they
cover, so a run that dies is simply run again.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stores.markets import Market
from stores.warehouse import Warehouse

DECISIONS = "market.risk_decisions"
RECONSIDERED = "market.risk_reconsidered"
_STATES = "market.account_states"
_OF_MARKETS = "concat(exchange, ':', symbol) IN {markets:Array(String)}"


@dataclass(frozen=True)
class AccountState:
    """A snapshot of an account and what it was made of.

    Attributes
    ----------
    until : datetime
        Instant up to which everything known has been folded, UTC.
    version : str
        Versions of the engine and of those its rows are computed from.
    inputs : str
        Fingerprint of the rows it has seen.
    snapshot : bytes
    """

    until: datetime
    version: str
    inputs: str
    snapshot: bytes

    @property
    def day(self) -> datetime:
        """First instant of the day of ``until``."""
        return self.until.replace(hour=0, minute=0, second=0, microsecond=0)


def save_state(warehouse: Warehouse, account: str, state: AccountState) -> None:
    """Store a state; of several in one day the one stored last stands."""
    import polars as pl

    row = {
        "account": account,
        "day": state.day,
        "until": state.until,
        "version": state.version,
        "inputs": state.inputs,
        "state": state.snapshot,
        "updated_at": datetime.now(UTC),
    }
    schema = {
        "account": pl.String,
        "day": pl.Datetime("ms", "UTC"),
        "until": pl.Datetime("ms", "UTC"),
        "version": pl.String,
        "inputs": pl.String,
        "state": pl.Binary,
        "updated_at": pl.Datetime("us", "UTC"),
    }
    warehouse.insert(_STATES, pl.DataFrame([row], schema=schema))


def state_marks(warehouse: Warehouse, account: str, version: str) -> list[tuple[datetime, str]]:
    """Instants that states of a version stand at, in order, each with the fingerprint of what the state has seen."""
    frame = warehouse.query_polars(
        f"SELECT until, inputs FROM {_STATES} FINAL "
        "WHERE account = {account:String} AND version = {version:String} ORDER BY until",
        {"account": account, "version": version},
    )
    return list(frame.iter_rows())


def read_state(warehouse: Warehouse, account: str, version: str, until: datetime) -> AccountState:
    """Read the state that stands at one of the instants of `state_marks`."""
    frame = warehouse.query_polars(
        f"SELECT inputs, base64Encode(state) AS state FROM {_STATES} FINAL WHERE account = {{account:String}} "
        "AND version = {version:String} AND until = {until:DateTime64(3, 'UTC')}",
        {"account": account, "version": version, "until": until},
    )
    return AccountState(until, version, frame["inputs"][0], base64.b64decode(frame["state"][0]))


def count_decisions(warehouse: Warehouse, markets: Sequence[Market]) -> int:
    """Count the signals of markets that there is a decision on."""
    scope = {"markets": [str(market) for market in markets]}
    return int(warehouse.scalar(f"SELECT uniqExact(signal_id) FROM {DECISIONS} WHERE {_OF_MARKETS}", scope))


def remove_superseded(warehouse: Warehouse, markets: Sequence[Market]) -> None:
    """Remove decisions of markets whose signal is no more, and those that another was written over.

    To be called after the new rows are written: who reads with ``FINAL`` sees one decision a signal at every moment.
    """
    scope: dict[str, Any] = {"markets": [str(market) for market in markets]}
    standing = (
        f"SELECT d.signal_id, max(d.decided_at) FROM {DECISIONS} AS d WHERE {_OF_MARKETS} "
        f"AND signal_id IN (SELECT signal_id FROM market.signals FINAL WHERE {_OF_MARKETS}) GROUP BY d.signal_id"
    )
    gone = int(
        warehouse.scalar(
            f"SELECT count() FROM {DECISIONS} WHERE {_OF_MARKETS} AND (signal_id, decided_at) NOT IN ({standing})",
            scope,
        )
    )
    if gone:
        warehouse.command(
            f"DELETE FROM {DECISIONS} WHERE {_OF_MARKETS} AND (signal_id, decided_at) NOT IN ({standing})", scope
        )
