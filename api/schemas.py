"""The replies, as OpenAPI describes them.

Lists are written straight from the stores' columns and do not pass through these classes; tests hold both together.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

T = TypeVar("T")

_TS = "Open time of the bar, UTC; the bar is known one timeframe later."
_SIMULATED = "Whether the market is simulated: its prices were never traded anywhere."


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Side(IntEnum):
    """A direction: +1 up, long or demand; -1 down, short or supply."""

    UP = 1
    DOWN = -1


class Page(_Reply, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None = Field(description="Hand it over as `cursor` for the next page; null on the last one.")


class SeriesReply(Page[T], Generic[T]):
    """One page of a market's series."""

    market: str = Field(examples=["binance:BTCUSDT"])
    timeframe: str = Field(examples=["15m"])
    simulated: bool = Field(description=_SIMULATED)


class StoredTimeframe(_Reply):
    """What is stored of a market on one timeframe."""

    timeframe: str = Field(examples=["15m"])
    first_bar: AwareDatetime = Field(description="Open time of the first bar, UTC.")
    last_bar: AwareDatetime = Field(description="Open time of the last closed bar, UTC.")
    bars: int


class StoredMarket(_Reply):
    """A market and what is stored of it."""

    market: str = Field(examples=["binance:BTCUSDT"])
    exchange: str = Field(examples=["binance"])
    symbol: str = Field(examples=["BTCUSDT"])
    simulated: bool = Field(description=_SIMULATED)
    timeframes: list[StoredTimeframe]


class Candle(_Reply):
    """A closed bar."""

    ts: AwareDatetime = Field(description=_TS, examples=["2024-01-31T13:45:00.000Z"])
    open: float
    high: float
    low: float
    close: float
    volume: float = Field(description="Traded volume, base asset.")
    base_timeframe: str = Field(description="Timeframe of the ingested bars this one is made of.")
    base_bars: int = Field(description="Number of ingested bars it holds.")


class LatestBar(_Reply):
    """The newest closed bar of a market, and the 24 hours that end with it."""

    market: str = Field(examples=["binance:BTCUSDT"])
    timeframe: str = Field(examples=["15m"])
    simulated: bool = Field(description=_SIMULATED)
    ts: AwareDatetime = Field(description=_TS)
    close: float
    open_24h: float
    high_24h: float
    low_24h: float
    volume_24h: float = Field(description="Traded volume, base asset.")
    change_24h: float | None = Field(description="Close over the open 24 hours before, less one.", examples=[0.012])


class IndicatorRow(_Reply):
    """Indicators at the close of one bar; null where there is no value yet. `docs/indicators.md` has their formulas."""

    ts: AwareDatetime = Field(description=_TS)
    sma_20: float | None = None
    sma_50: float | None = None
    sma_200: float | None = None
    ema_9: float | None = None
    ema_21: float | None = None
    ema_50: float | None = None
    ema_200: float | None = None
    wma_20: float | None = None
    dema_20: float | None = None
    tema_20: float | None = None
    kama_10: float | None = None
    hma_20: float | None = None
    bb_upper_20: float | None = None
    bb_middle_20: float | None = None
    bb_lower_20: float | None = None
    bb_width_20: float | None = None
    bb_percent_20: float | None = None
    donchian_upper_20: float | None = None
    donchian_lower_20: float | None = None
    keltner_upper_20: float | None = None
    keltner_lower_20: float | None = None
    supertrend_10: float | None = None
    supertrend_dir_10: float | None = Field(default=None, description="1 while the trend is up, -1 while it is down.")
    psar: float | None = None
    rsi_14: float | None = None
    stoch_rsi_k_14: float | None = None
    stoch_rsi_d_14: float | None = None
    macd: float | None = None
    macd_signal: float | None = None
    macd_hist: float | None = None
    stoch_k_14: float | None = None
    stoch_d_14: float | None = None
    cci_20: float | None = None
    willr_14: float | None = None
    mfi_14: float | None = None
    roc_10: float | None = None
    mom_10: float | None = None
    trix_15: float | None = None
    ultosc: float | None = None
    ppo: float | None = None
    adx_14: float | None = None
    plus_di_14: float | None = None
    minus_di_14: float | None = None
    aroon_up_25: float | None = None
    aroon_down_25: float | None = None
    true_range: float | None = None
    atr_14: float | None = None
    atr_200: float | None = None
    natr_14: float | None = None
    realized_vol_30: float | None = Field(default=None, description="Standard deviation of log returns, per bar.")
    obv: float | None = None
    ad: float | None = None
    adosc: float | None = None
    cmf_20: float | None = None
    volume_sma_20: float | None = None
    relative_volume_20: float | None = Field(default=None, description="Volume over its average.")
    vwap: float | None = Field(
        default=None, description="Volume-weighted average price since 00:00 UTC of the bar's day."
    )
    range_top: float | None = Field(default=None, description="Top of the dealing range of the swing scale.")
    range_bottom: float | None = None
    range_position: float | None = Field(
        default=None, description="Close within the range; above 0.5 is premium, below discount."
    )


class StructureEvent(_Reply):
    """A pivot, an equal level or a break of structure, as it became known."""

    ts: AwareDatetime = Field(description=_TS)
    scale: Literal["micro", "internal", "swing"]
    kind: Literal["swing_high", "swing_low", "bos", "choch", "eqh", "eql"]
    direction: Side
    level: float = Field(description="Price of the pivot or of the equal level.")
    origin_ts: AwareDatetime = Field(description="Open time of the pivot bar.")
    label: Literal["HH", "LH", "HL", "LL"] | None
    bias: int | None = Field(description="Bias of the scale after the event: -1, 0 or +1; null for micro.", ge=-1, le=1)


class Zone(_Reply):
    """A zone and its life so far. Times of its life are open times of the bars at whose close they were known."""

    zone_id: str
    kind: Literal["order_block", "breaker", "fvg", "liquidity"]
    side: Side = Field(description="+1 demand, -1 supply.")
    scale: Literal["micro", "internal", "swing"] | None
    top: float
    bottom: float
    origin_ts: AwareDatetime = Field(description="Open time of the bar the zone is drawn from.")
    volume: float | None = Field(description="Volume of the origin bar, base asset.")
    created_ts: AwareDatetime
    touched_ts: AwareDatetime | None
    mitigated_ts: AwareDatetime | None
    ended_ts: AwareDatetime | None
    status: Literal["live", "invalidated", "filled", "swept", "broken", "expired"]


class Outcome(_Reply):
    """Something that became of a signal."""

    outcome: Literal["target_1", "target_2", "stopped", "expired"]
    ts: AwareDatetime = Field(description=_TS)
    known_at: AwareDatetime
    price: float
    r_multiple: float = Field(description="Profit at that price in units of the initial risk, before costs.")
    bars_held: int


class Takedown(_Reply):
    """A mark that a signal should not have been published."""

    reason: str | None
    taken_down_at: AwareDatetime


class Signal(_Reply):
    """A published signal. Nothing of it ever changes but the last fields, which tell what became of it."""

    signal_id: str
    market: str = Field(examples=["binance:BTCUSDT"])
    timeframe: str = Field(examples=["15m"])
    simulated: bool = Field(description=_SIMULATED)
    strategy: str
    direction: Side = Field(description="+1 long, -1 short.")
    ts: AwareDatetime = Field(description="Open time of the deciding bar, UTC.")
    known_at: AwareDatetime = Field(description="Close time of the deciding bar, UTC.")
    published_at: AwareDatetime = Field(description="When it was first published, by the server's clock.")
    entry: float
    stop: float
    target_1: float
    target_2: float | None
    risk_reward: float = Field(description="Distance to the last target over distance to the stop.")
    score: float = Field(description="Raw score of the strategy, 0 to 1.")
    reasons: list[str]
    zone_id: str | None = Field(description="Zone behind the signal.")
    decision: Literal["accepted", "resized"] = Field(description="Decision of the risk stage on the paper account.")
    size: float = Field(description="Position of the paper account, base asset.")
    notional: float = Field(description="Its value at entry, quote currency.")
    risk_amount: float = Field(description="Its loss at the stop, quote currency.")
    risk_fraction: float = Field(description="That loss as a fraction of equity.")
    status: Literal["open", "closed"]
    target_1_ts: AwareDatetime | None = Field(description="Bar that reached the first target, if one did.")
    outcome: Literal["target_1", "target_2", "stopped", "expired"] | None = Field(
        description="How it ended; null if open."
    )
    outcome_ts: AwareDatetime | None
    result_r: float | None = Field(description="Result in units of the initial risk, before costs; null if open.")
    bars_held: int | None
    takedown: Takedown | None = Field(description="Set if it was taken down; it stays visible and counts all the same.")


class RiskDecision(_Reply):
    """What the risk stage decided, and why."""

    decision: Literal["accepted", "resized"]
    rule: str | None = Field(description="Rule that resized it; null if accepted.")
    rule_value: float | None
    rule_limit: float | None
    reasons: list[str] = Field(description="Each broken rule in words with its number and limit, the deciding first.")
    sizing: str = Field(description="`fixed_fraction`, `volatility_target` or `kelly`.", examples=["fixed_fraction"])
    wanted_notional: float = Field(description="Value that the sizing asked for before limits, quote currency.")
    margin: float = Field(description="Margin the position ties up, quote currency.")
    liquidation_price: float | None = Field(description="Price at which the exchange would close it.")
    equity: float = Field(description="Equity of the paper account at the decision, quote currency.")
    open_positions: int = Field(description="Positions open before it.")
    gross_exposure: float = Field(description="Value open before it, long and short added up, over equity.")
    net_exposure: float = Field(description="Value open before it, long less short, over equity.")
    open_risk: float = Field(description="Loss at all stops of what was open before it, over equity.")
    cluster: str = Field(description="Cluster of correlated markets, named after its first.")
    cluster_exposure: float = Field(description="Value open in that cluster before it, over equity.")
    account: str = Field(description="Account that decided: `paper` or `sim`.")
    version: str = Field(description="Versions of the engines that decided.")
    decided_at: AwareDatetime | None = Field(description="When it was decided; the decision stands since.")


class TrackRecord(_Reply):
    """What became of the published signals of one strategy, market and timeframe, open ones counted apart."""

    strategy: str
    market: str = Field(examples=["binance:BTCUSDT"])
    timeframe: str = Field(examples=["15m"])
    simulated: bool = Field(description=_SIMULATED)
    signals: int
    open_signals: int
    sample_size: int = Field(description="Closed signals: all the figures below are of these.")
    wins: int
    losses: int
    win_rate: float | None
    win_rate_low: float | None = Field(description="Lower end of Wilson's 95 % interval of the win rate.")
    win_rate_high: float | None
    expectancy_r: float | None = Field(description="Mean result in units of initial risk.")
    total_r: float
    profit_factor: float | None = Field(description="Sum of wins over sum of losses; null without a loss.")
    average_bars_held: float | None
    first_known_at: AwareDatetime
    last_known_at: AwareDatetime
    costs_included: Literal[False] = Field(description="Fees, slippage and funding are not in these results.")


class SignalDetail(Signal):
    """A signal with all that is known around it."""

    outcomes: list[Outcome] = Field(description="In the order in which they became known.")
    bars_since: int = Field(description="Bars closed since it was known; of a closed signal until its end.")
    targets_reached: list[Literal["target_1", "target_2"]]
    risk: RiskDecision | None
    zone: Zone | None
    structure: list[StructureEvent] | None = Field(
        description="Last events of each scale that were known when it was decided, newest first."
    )
    track_record: TrackRecord | None = Field(
        description="Of its strategy on this market and timeframe; the interval says how little or much that means."
    )
    background: Literal["complete", "unavailable"] = Field(
        description="`unavailable`: the warehouse did not answer, so `risk`, `zone` and `structure` are missing."
    )


class TrackRecords(Page[TrackRecord]):
    """A page of track records."""

    costs_included: Literal[False]


class CurvePoint(_Reply):
    """The end of one published signal."""

    signal_id: str
    closed_at: AwareDatetime = Field(description="When its end was known.")
    result_r: float = Field(description="Its result in units of initial risk.")
    cumulative_r: float = Field(description="Sum of the results up to and with it.")
    drawdown_r: float = Field(description="How far that sum is below the highest it has been, or below 0 at first.")


class MonthOfResults(_Reply):
    """Published signals that ended in one month."""

    month: str = Field(description="Year and month of their end, UTC.", examples=["2024-01"])
    sample_size: int
    wins: int
    total_r: float


class PerformanceCurve(_Reply):
    """What became of published signals, added up in the order in which they ended."""

    simulated: bool = Field(description=_SIMULATED)
    sample_size: int = Field(description="Closed signals: all the figures are of these.")
    total_r: float
    max_drawdown_r: float = Field(description="Largest `drawdown_r` there has been, also before the points shown.")
    left_off: int = Field(description="Points before the first one shown.")
    items: list[CurvePoint] = Field(description="Oldest first.")
    months: list[MonthOfResults] = Field(description="Oldest first, those in which nothing ended left out.")
    costs_included: Literal[False] = Field(description="Fees, slippage and funding are not in these results.")


class StreamTicket(_Reply):
    """A right to open one stream."""

    ticket: str
    expires_at: AwareDatetime


class Alive(_Reply):
    """The process answers."""

    status: Literal["ok"]


class StoreHealth(_Reply):
    """Whether a store answers."""

    name: Literal["clickhouse", "postgres", "redis"]
    status: Literal["ok", "down"]
    required: bool
    latency_ms: float | None
    detail: str | None


class Migrations(_Reply):
    """Whether the serving database has the tables this program needs."""

    status: Literal["ok", "ahead", "behind", "unknown"] = Field(
        description="`behind`: they have to be brought up, with `cap migrate`. `ahead`: by a newer program; all is well. "
        "`unknown`: the database does not answer."
    )
    revision: str | None = Field(description="Revision the database is at.", examples=["0010"])
    needed: str = Field(description="Revision this program was made for.", examples=["0010"])


class Readiness(_Reply):
    """Whether requests can be answered."""

    status: Literal["ok", "degraded", "down", "draining"] = Field(
        description="`down` (with status 503): a required store is missing, or its tables. `degraded`: another one is. "
        "`draining` (with status 503): this process is about to stop, and still answers."
    )
    stores: list[StoreHealth]
    migrations: Migrations


class ProblemKind(_Reply):
    """What a problem's `type` means."""

    type: str
    title: str
    status: int
    meaning: str
