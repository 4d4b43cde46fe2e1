"""What the routes of backtests are asked and what they answer."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.parameters import MarketText
from engines.timeframe import Timeframe
from stores.tables.backtests import BacktestKind, BacktestStatus

MOST_SETS = 2_000
"""Parameter sets of one sweep."""
_Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]


def _finite(value: float) -> float:
    if not math.isfinite(value) or abs(value) > 1e15:
        raise ValueError("is no number a strategy could use")
    return value


_Number = Annotated[float, AfterValidator(_finite)]
_Value = bool | Annotated[int, Field(ge=-(10**12), le=10**12)] | _Number | Annotated[str, Field(max_length=64)]
_Settings = Annotated[dict[_Name, _Value], Field(max_length=40)]


class _Body(BaseModel):
    """A request: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class WalkForwardWanted(_Body):
    """Windows of walk-forward."""

    train_days: int = Field(default=90, ge=1, le=3_650)
    test_days: int = Field(default=30, ge=1, le=3_650)
    anchored: bool = Field(default=False, description="Whether every window begins at the first bar.")


class BacktestWanted(_Body):
    """What to backtest.

    With `vary` it is a sweep: one backtest for each combination. With `walk_forward` as well, the best of each window is
    traded in the days after it.
    """

    strategy: _Name = Field(examples=["smc_pullback"])
    market: MarketText = Field(examples=["binance:BTCUSDT"])
    timeframe: Timeframe = Field(examples=["15m"])
    start: date | None = Field(default=None, description="First day that is traded; the first stored one if not given.")
    end: date | None = Field(default=None, description="Last day; the last one your plan shows if not given.")
    parameters: _Settings = Field(default={}, description="Of the strategy; what is left out is as it comes.")
    config: _Settings = Field(default={}, description="Of the account: cash, size, fees, slippage, leverage ...")
    vary: Annotated[dict[_Name, Annotated[list[_Value], Field(min_length=1, max_length=200)]], Field(max_length=6)] = (
        Field(default={}, description="Values to try, by parameter.", examples=[{"stop_atr": [0.1, 0.2, 0.3]}])
    )
    walk_forward: WalkForwardWanted | None = None
    robust: bool = Field(default=True, description="Whether chance, costs and neighbours are tried too.")

    @property
    def kind(self) -> BacktestKind:
        """What is to be found out."""
        if self.walk_forward is not None:
            return BacktestKind.WALK_FORWARD
        return BacktestKind.SWEEP if self.vary else BacktestKind.RUN

    @model_validator(mode="after")
    def _consistent(self) -> BacktestWanted:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError("end is before start")
        if self.walk_forward is not None and not self.vary:
            raise ValueError("walk_forward needs something to choose from: vary")
        sets = math.prod(len(values) for values in self.vary.values())
        if sets > MOST_SETS:
            raise ValueError(f"vary makes {sets:,} parameter sets; {MOST_SETS:,} are the most")
        return self


class BacktestShown(BaseModel):
    """A backtest, how far it is, and what came of it."""

    backtest_id: str
    kind: BacktestKind
    status: BacktestStatus
    request: BacktestWanted
    stage: str | None = Field(description="What is being done.", examples=["Random entries"])
    done: int = Field(description="How much of the stage.")
    total: int | None = Field(description="Of how much; null where nobody knows.")
    failure: str | None = Field(description="Why it failed.")
    summary: dict[str, Any] | None = Field(description="Verdict and metrics of one that is done.")
    documents: list[Literal["report", "result", "curve", "sweep"]] = Field(description="What can be read of it.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class BacktestCurve(BaseModel):
    """Equity over time, thinned out so that it can be drawn."""

    ts: list[int] = Field(description="Milliseconds since 1970, UTC.")
    equity: list[float]
    drawdown: list[float] = Field(description="Distance to the highest equity so far, as a fraction; never positive.")
    buy_and_hold: list[float] | None = Field(description="Equity of who bought at the first bar and held.")


class BacktestSweep(BaseModel):
    """Every parameter set with its metrics."""

    parameters: list[str] = Field(description="Names of those that were varied.")
    sets: list[dict[str, Any]] = Field(description="A row a set: its values, then its metrics; null where not defined.")
    overfitting: float | None = Field(description="Probability that the best set is only the luckiest one.")


class BacktestChoices(BaseModel):
    """What can be backtested."""

    strategies: list[dict[str, Any]] = Field(description="Name, description, parameters with their defaults.")
    configuration: list[dict[str, Any]] = Field(description="Fields of the account with their defaults.")
    metrics: list[dict[str, Any]] = Field(description="Names, titles and units of the metrics.")
    updated_at: datetime | None = Field(description="Null if no runner has ever been up: nothing would be run.")
    left_today: int | None = Field(description="How many more your plan allows in these 24 hours; null if signed out.")
