"""What the API takes and answers. Made from the OpenAPI description by ``make client``."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
)


class Accepted(BaseModel):
    """
    The same answer whether or not there is such an account.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    detail: Annotated[
        str,
        Field(
            examples=["if the address can be written to, a mail is on its way"],
            title="Detail",
        ),
    ]


class AddressOnly(BaseModel):
    """
    An address a mail is asked for.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    email: Annotated[str, Field(examples=["ada@example.com"], max_length=254, title="Email")]


class Alive(BaseModel):
    """
    The process answers.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    status: Annotated[Literal["ok"], Field(title="Status")]


class AllowedNetwork(RootModel[str]):
    root: Annotated[str, Field(max_length=50)]


class ApiKeyChanges(BaseModel):
    """
    What is to change; what is left out stays.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    name: Annotated[
        str | None,
        Field(
            examples=["trading bot"],
            max_length=100,
            min_length=1,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Name",
        ),
    ] = "unnamed"
    allowed_networks: Annotated[
        list[AllowedNetwork] | None,
        Field(
            examples=[["2001:db8::/48"]],
            max_length=50,
            title="Allowed Networks",
            validate_default=True,
        ),
    ] = []


class ApiKeyRotation(BaseModel):
    """
    How a key is replaced.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    overlap_hours: Annotated[
        float | None,
        Field(
            description="How long the old key stays good beside the new one.",
            ge=0.0,
            le=168.0,
            title="Overlap Hours",
        ),
    ] = 24


class AuditRecordSeen(BaseModel):
    """
    A record of the audit log.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    sequence: Annotated[int, Field(title="Sequence")]
    at: Annotated[AwareDatetime, Field(title="At")]
    actor_id: Annotated[str | None, Field(title="Actor Id")]
    impersonator_id: Annotated[str | None, Field(title="Impersonator Id")]
    means: Annotated[str, Field(title="Means")]
    action: Annotated[str, Field(title="Action")]
    target: Annotated[str, Field(title="Target")]
    details: Annotated[dict[str, Any], Field(title="Details")]
    address: Annotated[str, Field(title="Address")]
    request_id: Annotated[str, Field(title="Request Id")]
    digest: Annotated[
        str,
        Field(
            description="SHA-256 over the record before and this one, hexadecimal.",
            title="Digest",
        ),
    ]


class BacktestChoices(BaseModel):
    """
    What can be backtested.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    strategies: Annotated[
        list[dict[str, Any]],
        Field(
            description="Name, description, parameters with their defaults.",
            title="Strategies",
        ),
    ]
    configuration: Annotated[
        list[dict[str, Any]],
        Field(
            description="Fields of the account with their defaults.",
            title="Configuration",
        ),
    ]
    metrics: Annotated[
        list[dict[str, Any]],
        Field(description="Names, titles and units of the metrics.", title="Metrics"),
    ]
    updated_at: Annotated[
        AwareDatetime | None,
        Field(
            description="Null if no runner has ever been up: nothing would be run.",
            title="Updated At",
        ),
    ]
    left_today: Annotated[
        int | None,
        Field(
            description="How many more your plan allows in these 24 hours; null if signed out.",
            title="Left Today",
        ),
    ]


class BacktestCurve(BaseModel):
    """
    Equity over time, thinned out so that it can be drawn.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    ts: Annotated[list[int], Field(description="Milliseconds since 1970, UTC.", title="Ts")]
    equity: Annotated[list[float], Field(title="Equity")]
    drawdown: Annotated[
        list[float],
        Field(
            description="Distance to the highest equity so far, as a fraction; never positive.",
            title="Drawdown",
        ),
    ]
    buy_and_hold: Annotated[
        list[float] | None,
        Field(
            description="Equity of who bought at the first bar and held.",
            title="Buy And Hold",
        ),
    ]


class BacktestKind(RootModel[Literal["run", "sweep", "walk_forward"]]):
    root: Annotated[
        Literal["run", "sweep", "walk_forward"],
        Field(description="What is to be found out.", title="BacktestKind"),
    ]


class BacktestStatus(RootModel[Literal["queued", "running", "done", "failed", "cancelled"]]):
    root: Annotated[
        Literal["queued", "running", "done", "failed", "cancelled"],
        Field(description="How far a backtest is.", title="BacktestStatus"),
    ]


class BacktestSweep(BaseModel):
    """
    Every parameter set with its metrics.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    parameters: Annotated[
        list[str],
        Field(description="Names of those that were varied.", title="Parameters"),
    ]
    sets: Annotated[
        list[dict[str, Any]],
        Field(
            description="A row a set: its values, then its metrics; null where not defined.",
            title="Sets",
        ),
    ]
    overfitting: Annotated[
        float | None,
        Field(
            description="Probability that the best set is only the luckiest one.",
            title="Overfitting",
        ),
    ]


class Parameters(RootModel[int]):
    root: Annotated[int, Field(ge=-1000000000000, le=1000000000000)]


class Parameters1(RootModel[str]):
    root: Annotated[str, Field(max_length=64)]


class Config(RootModel[int]):
    root: Annotated[int, Field(ge=-1000000000000, le=1000000000000)]


class Config1(RootModel[str]):
    root: Annotated[str, Field(max_length=64)]


class Vary(RootModel[int]):
    root: Annotated[int, Field(ge=-1000000000000, le=1000000000000)]


class Vary1(RootModel[str]):
    root: Annotated[str, Field(max_length=64)]


class BillingDetails(BaseModel):
    """
    To whom invoices are written. It counts for those made from now on.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    name: Annotated[str | None, Field(examples=["Example Ltd"], max_length=200, title="Name")] = ""
    address: Annotated[
        str | None,
        Field(examples=["1 High Street\nLondon"], max_length=500, title="Address"),
    ] = ""
    country: Annotated[
        str | None,
        Field(
            description="ISO 3166-1 alpha-2.",
            examples=["GB"],
            pattern="^([A-Z]{2})?$",
            title="Country",
        ),
    ] = ""
    tax_id: Annotated[str | None, Field(examples=["GB123456789"], max_length=50, title="Tax Id")] = ""


class Candle(BaseModel):
    """
    A closed bar.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    ts: Annotated[
        AwareDatetime,
        Field(
            description="Open time of the bar, UTC; the bar is known one timeframe later.",
            examples=["2024-01-31T13:45:00.000Z"],
            title="Ts",
        ),
    ]
    open: Annotated[float, Field(title="Open")]
    high: Annotated[float, Field(title="High")]
    low: Annotated[float, Field(title="Low")]
    close: Annotated[float, Field(title="Close")]
    volume: Annotated[float, Field(description="Traded volume, base asset.", title="Volume")]
    base_timeframe: Annotated[
        str,
        Field(
            description="Timeframe of the ingested bars this one is made of.",
            title="Base Timeframe",
        ),
    ]
    base_bars: Annotated[int, Field(description="Number of ingested bars it holds.", title="Base Bars")]


class CodeOnly(BaseModel):
    """
    A code of the app that is being set up.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    code: Annotated[
        str,
        Field(
            description="Six digits of the app, or a recovery code.",
            examples=["123456"],
            max_length=64,
            min_length=1,
            title="Code",
        ),
    ]


class Crossing(RootModel[Literal["above", "below", "either"]]):
    root: Annotated[
        Literal["above", "below", "either"],
        Field(description="Which way a price crosses a level.", title="Crossing"),
    ]


class CsrfToken(BaseModel):
    """
    What a page sends as X-CSRF-Token.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    csrf_token: Annotated[str, Field(title="Csrf Token")]


class CurvePoint(BaseModel):
    """
    The end of one published signal.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    signal_id: Annotated[str, Field(title="Signal Id")]
    closed_at: Annotated[AwareDatetime, Field(description="When its end was known.", title="Closed At")]
    result_r: Annotated[
        float,
        Field(description="Its result in units of initial risk.", title="Result R"),
    ]
    cumulative_r: Annotated[
        float,
        Field(description="Sum of the results up to and with it.", title="Cumulative R"),
    ]
    drawdown_r: Annotated[
        float,
        Field(
            description="How far that sum is below the highest it has been, or below 0 at first.",
            title="Drawdown R",
        ),
    ]


class Deletion(BaseModel):
    """
    A deletion that was asked for.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    deletes_at: Annotated[
        AwareDatetime,
        Field(description="Until then it can be taken back.", title="Deletes At"),
    ]


class EmailChange(BaseModel):
    """
    Another address for the account.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    new_email: Annotated[str, Field(examples=["ada@example.com"], max_length=254, title="New Email")]
    password: Annotated[
        str,
        Field(
            examples=["correct horse battery staple"],
            max_length=1024,
            min_length=1,
            title="Password",
        ),
    ]


class EmailChangeToken(BaseModel):
    """
    The token of the mail to the new address.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    token: Annotated[str, Field(max_length=512, min_length=1, title="Token")]


class EntitlementsShown(BaseModel):
    """
    What the caller may do now.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    plan: Annotated[str, Field(examples=["pro"], title="Plan")]
    markets: Annotated[list[str] | None, Field(title="Markets")]
    timeframes: Annotated[list[str] | None, Field(title="Timeframes")]
    signal_delay_s: Annotated[int, Field(title="Signal Delay S")]
    history_s: Annotated[int | None, Field(title="History S")]
    streams: Annotated[int, Field(title="Streams")]
    alerts: Annotated[int, Field(title="Alerts")]
    webhooks: Annotated[int, Field(title="Webhooks")]
    api_keys: Annotated[int, Field(title="Api Keys")]
    requests_per_minute: Annotated[int, Field(title="Requests Per Minute")]
    burst: Annotated[int, Field(title="Burst")]
    backtests: Annotated[int, Field(title="Backtests")]
    export: Annotated[bool, Field(title="Export")]


class ExportFormat(RootModel[Literal["csv", "jsonl"]]):
    root: Annotated[
        Literal["csv", "jsonl"],
        Field(description="How an export is written.", title="ExportFormat"),
    ]


class Feature(RootModel[Literal["sign_up", "exports"]]):
    root: Annotated[
        Literal["sign_up", "exports"],
        Field(
            description="What can be switched. One that is not here is an error, not off.",
            title="Feature",
        ),
    ]


class FieldError(BaseModel):
    """
    What is wrong with one parameter.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    field: Annotated[str, Field(examples=["limit"], title="Field")]
    message: Annotated[
        str,
        Field(examples=["Input should be less than or equal to 5000"], title="Message"),
    ]


class FlagSeen(BaseModel):
    """
    Whom a feature is on for.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    name: Annotated[str, Field(title="Name")]
    enabled: Annotated[bool, Field(title="Enabled")]
    percentage: Annotated[int, Field(title="Percentage")]
    plans: Annotated[list[str], Field(title="Plans")]
    updated_at: Annotated[AwareDatetime | None, Field(title="Updated At")]
    updated_by: Annotated[str | None, Field(title="Updated By")]


class Plan(RootModel[str]):
    root: Annotated[str, Field(max_length=64, pattern="^[^\\x00-\\x1f\\x7f]*$")]


class FlagSettings(BaseModel):
    """
    Whom a feature is on for.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    reason: Annotated[
        str,
        Field(
            description="Kept in the audit log.",
            examples=["asked for by its owner, ticket 4711"],
            max_length=500,
            min_length=3,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Reason",
        ),
    ]
    enabled: Annotated[bool, Field(title="Enabled")]
    percentage: Annotated[int | None, Field(ge=0, le=100, title="Percentage")] = 100
    plans: Annotated[list[Plan] | None, Field(max_length=50, title="Plans", validate_default=True)] = []


class Format(RootModel[Literal["json", "arrow"]]):
    root: Annotated[
        Literal["json", "arrow"],
        Field(description="How rows are written.", title="Format"),
    ]


class GapSeen(BaseModel):
    """
    Bars that are missing.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    timeframe: Annotated[
        str,
        Field(
            description="Timeframe of the ingested bars.",
            examples=["1m"],
            title="Timeframe",
        ),
    ]
    first_missing: Annotated[AwareDatetime, Field(title="First Missing")]
    last_missing: Annotated[AwareDatetime, Field(title="Last Missing")]
    missing_bars: Annotated[int, Field(title="Missing Bars")]


class GrantSettings(BaseModel):
    """
    A plan for a person until a date.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    reason: Annotated[
        str,
        Field(
            description="Kept in the audit log.",
            examples=["asked for by its owner, ticket 4711"],
            max_length=500,
            min_length=3,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Reason",
        ),
    ]
    plan: Annotated[
        str,
        Field(
            examples=["pro"],
            max_length=64,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Plan",
        ),
    ]
    until: Annotated[AwareDatetime, Field(examples=["2030-01-01T00:00:00.000Z"], title="Until")]


class Impersonation(BaseModel):
    """
    A session that sees what a person sees, and can change nothing.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    access_token: Annotated[str, Field(title="Access Token")]
    session_id: Annotated[str, Field(title="Session Id")]
    expires_at: Annotated[AwareDatetime, Field(title="Expires At")]


class IndicatorColumn(
    RootModel[
        Literal[
            "sma_20",
            "sma_50",
            "sma_200",
            "ema_9",
            "ema_21",
            "ema_50",
            "ema_200",
            "wma_20",
            "dema_20",
            "tema_20",
            "kama_10",
            "hma_20",
            "bb_upper_20",
            "bb_middle_20",
            "bb_lower_20",
            "bb_width_20",
            "bb_percent_20",
            "donchian_upper_20",
            "donchian_lower_20",
            "keltner_upper_20",
            "keltner_lower_20",
            "supertrend_10",
            "supertrend_dir_10",
            "psar",
            "rsi_14",
            "stoch_rsi_k_14",
            "stoch_rsi_d_14",
            "macd",
            "macd_signal",
            "macd_hist",
            "stoch_k_14",
            "stoch_d_14",
            "cci_20",
            "willr_14",
            "mfi_14",
            "roc_10",
            "mom_10",
            "trix_15",
            "ultosc",
            "ppo",
            "adx_14",
            "plus_di_14",
            "minus_di_14",
            "aroon_up_25",
            "aroon_down_25",
            "true_range",
            "atr_14",
            "atr_200",
            "natr_14",
            "realized_vol_30",
            "obv",
            "ad",
            "adosc",
            "cmf_20",
            "volume_sma_20",
            "relative_volume_20",
            "vwap",
            "range_top",
            "range_bottom",
            "range_position",
        ]
    ]
):
    root: Annotated[
        Literal[
            "sma_20",
            "sma_50",
            "sma_200",
            "ema_9",
            "ema_21",
            "ema_50",
            "ema_200",
            "wma_20",
            "dema_20",
            "tema_20",
            "kama_10",
            "hma_20",
            "bb_upper_20",
            "bb_middle_20",
            "bb_lower_20",
            "bb_width_20",
            "bb_percent_20",
            "donchian_upper_20",
            "donchian_lower_20",
            "keltner_upper_20",
            "keltner_lower_20",
            "supertrend_10",
            "supertrend_dir_10",
            "psar",
            "rsi_14",
            "stoch_rsi_k_14",
            "stoch_rsi_d_14",
            "macd",
            "macd_signal",
            "macd_hist",
            "stoch_k_14",
            "stoch_d_14",
            "cci_20",
            "willr_14",
            "mfi_14",
            "roc_10",
            "mom_10",
            "trix_15",
            "ultosc",
            "ppo",
            "adx_14",
            "plus_di_14",
            "minus_di_14",
            "aroon_up_25",
            "aroon_down_25",
            "true_range",
            "atr_14",
            "atr_200",
            "natr_14",
            "realized_vol_30",
            "obv",
            "ad",
            "adosc",
            "cmf_20",
            "volume_sma_20",
            "relative_volume_20",
            "vwap",
            "range_top",
            "range_bottom",
            "range_position",
        ],
        Field(title="IndicatorColumn"),
    ]


class IndicatorRow(BaseModel):
    """
    Indicators at the close of one bar; null where there is no value yet. `docs/indicators.md` has their formulas.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    ts: Annotated[
        AwareDatetime,
        Field(
            description="Open time of the bar, UTC; the bar is known one timeframe later.",
            title="Ts",
        ),
    ]
    sma_20: Annotated[float | None, Field(title="Sma 20")] = None
    sma_50: Annotated[float | None, Field(title="Sma 50")] = None
    sma_200: Annotated[float | None, Field(title="Sma 200")] = None
    ema_9: Annotated[float | None, Field(title="Ema 9")] = None
    ema_21: Annotated[float | None, Field(title="Ema 21")] = None
    ema_50: Annotated[float | None, Field(title="Ema 50")] = None
    ema_200: Annotated[float | None, Field(title="Ema 200")] = None
    wma_20: Annotated[float | None, Field(title="Wma 20")] = None
    dema_20: Annotated[float | None, Field(title="Dema 20")] = None
    tema_20: Annotated[float | None, Field(title="Tema 20")] = None
    kama_10: Annotated[float | None, Field(title="Kama 10")] = None
    hma_20: Annotated[float | None, Field(title="Hma 20")] = None
    bb_upper_20: Annotated[float | None, Field(title="Bb Upper 20")] = None
    bb_middle_20: Annotated[float | None, Field(title="Bb Middle 20")] = None
    bb_lower_20: Annotated[float | None, Field(title="Bb Lower 20")] = None
    bb_width_20: Annotated[float | None, Field(title="Bb Width 20")] = None
    bb_percent_20: Annotated[float | None, Field(title="Bb Percent 20")] = None
    donchian_upper_20: Annotated[float | None, Field(title="Donchian Upper 20")] = None
    donchian_lower_20: Annotated[float | None, Field(title="Donchian Lower 20")] = None
    keltner_upper_20: Annotated[float | None, Field(title="Keltner Upper 20")] = None
    keltner_lower_20: Annotated[float | None, Field(title="Keltner Lower 20")] = None
    supertrend_10: Annotated[float | None, Field(title="Supertrend 10")] = None
    supertrend_dir_10: Annotated[
        float | None,
        Field(
            description="1 while the trend is up, -1 while it is down.",
            title="Supertrend Dir 10",
        ),
    ] = None
    psar: Annotated[float | None, Field(title="Psar")] = None
    rsi_14: Annotated[float | None, Field(title="Rsi 14")] = None
    stoch_rsi_k_14: Annotated[float | None, Field(title="Stoch Rsi K 14")] = None
    stoch_rsi_d_14: Annotated[float | None, Field(title="Stoch Rsi D 14")] = None
    macd: Annotated[float | None, Field(title="Macd")] = None
    macd_signal: Annotated[float | None, Field(title="Macd Signal")] = None
    macd_hist: Annotated[float | None, Field(title="Macd Hist")] = None
    stoch_k_14: Annotated[float | None, Field(title="Stoch K 14")] = None
    stoch_d_14: Annotated[float | None, Field(title="Stoch D 14")] = None
    cci_20: Annotated[float | None, Field(title="Cci 20")] = None
    willr_14: Annotated[float | None, Field(title="Willr 14")] = None
    mfi_14: Annotated[float | None, Field(title="Mfi 14")] = None
    roc_10: Annotated[float | None, Field(title="Roc 10")] = None
    mom_10: Annotated[float | None, Field(title="Mom 10")] = None
    trix_15: Annotated[float | None, Field(title="Trix 15")] = None
    ultosc: Annotated[float | None, Field(title="Ultosc")] = None
    ppo: Annotated[float | None, Field(title="Ppo")] = None
    adx_14: Annotated[float | None, Field(title="Adx 14")] = None
    plus_di_14: Annotated[float | None, Field(title="Plus Di 14")] = None
    minus_di_14: Annotated[float | None, Field(title="Minus Di 14")] = None
    aroon_up_25: Annotated[float | None, Field(title="Aroon Up 25")] = None
    aroon_down_25: Annotated[float | None, Field(title="Aroon Down 25")] = None
    true_range: Annotated[float | None, Field(title="True Range")] = None
    atr_14: Annotated[float | None, Field(title="Atr 14")] = None
    atr_200: Annotated[float | None, Field(title="Atr 200")] = None
    natr_14: Annotated[float | None, Field(title="Natr 14")] = None
    realized_vol_30: Annotated[
        float | None,
        Field(
            description="Standard deviation of log returns, per bar.",
            title="Realized Vol 30",
        ),
    ] = None
    obv: Annotated[float | None, Field(title="Obv")] = None
    ad: Annotated[float | None, Field(title="Ad")] = None
    adosc: Annotated[float | None, Field(title="Adosc")] = None
    cmf_20: Annotated[float | None, Field(title="Cmf 20")] = None
    volume_sma_20: Annotated[float | None, Field(title="Volume Sma 20")] = None
    relative_volume_20: Annotated[
        float | None,
        Field(description="Volume over its average.", title="Relative Volume 20"),
    ] = None
    vwap: Annotated[
        float | None,
        Field(
            description="Volume-weighted average price since 00:00 UTC of the bar's day.",
            title="Vwap",
        ),
    ] = None
    range_top: Annotated[
        float | None,
        Field(
            description="Top of the dealing range of the swing scale.",
            title="Range Top",
        ),
    ] = None
    range_bottom: Annotated[float | None, Field(title="Range Bottom")] = None
    range_position: Annotated[
        float | None,
        Field(
            description="Close within the range; above 0.5 is premium, below discount.",
            title="Range Position",
        ),
    ] = None


class IngestionSeen(BaseModel):
    """
    What was taken in of a market from a source.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    timeframe: Annotated[str, Field(examples=["1m"], title="Timeframe")]
    source: Annotated[str, Field(examples=["files"], title="Source")]
    batches: Annotated[int, Field(title="Batches")]
    bars: Annotated[int, Field(title="Bars")]
    snapped_bars: Annotated[
        int,
        Field(
            description="Bars whose time was off the grid and was put onto it.",
            title="Snapped Bars",
        ),
    ]
    duplicate_bars: Annotated[int, Field(description="Exact repetitions, dropped.", title="Duplicate Bars")]
    refused_bars: Annotated[
        int,
        Field(
            description="Bars whose time could not be put onto the grid without doubt.",
            title="Refused Bars",
        ),
    ]
    last_batch_at: Annotated[AwareDatetime, Field(title="Last Batch At")]


class InvoiceLine(BaseModel):
    """
    One line, taxes included.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    description: Annotated[str, Field(title="Description")]
    amount_minor: Annotated[int, Field(title="Amount Minor")]


class InvoiceShown(BaseModel):
    """
    An invoice, or a credit note with negative sums.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    invoice_id: Annotated[str, Field(title="Invoice Id")]
    number: Annotated[str, Field(examples=["INV-000001"], title="Number")]
    kind: Annotated[Literal["invoice", "credit_note"], Field(title="Kind")]
    corrects: Annotated[
        str | None,
        Field(
            description="`invoice_id` of the invoice a credit note belongs to.",
            title="Corrects",
        ),
    ]
    subscription_id: Annotated[str | None, Field(title="Subscription Id")]
    status: Annotated[Literal["open", "paid", "void"], Field(title="Status")]
    lines: Annotated[list[InvoiceLine], Field(title="Lines")]
    currency: Annotated[str, Field(title="Currency")]
    net_minor: Annotated[int, Field(title="Net Minor")]
    tax_minor: Annotated[int, Field(title="Tax Minor")]
    total_minor: Annotated[int, Field(title="Total Minor")]
    refunded_minor: Annotated[int, Field(title="Refunded Minor")]
    period_start: Annotated[AwareDatetime | None, Field(title="Period Start")]
    period_end: Annotated[AwareDatetime | None, Field(title="Period End")]
    issued_at: Annotated[AwareDatetime, Field(title="Issued At")]
    due_at: Annotated[AwareDatetime | None, Field(title="Due At")]
    paid_at: Annotated[AwareDatetime | None, Field(title="Paid At")]


class LatestBar(BaseModel):
    """
    The newest closed bar of a market, and the 24 hours that end with it.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    timeframe: Annotated[str, Field(examples=["15m"], title="Timeframe")]
    simulated: Annotated[
        bool,
        Field(
            description="Whether the market is simulated: its prices were never traded anywhere.",
            title="Simulated",
        ),
    ]
    ts: Annotated[
        AwareDatetime,
        Field(
            description="Open time of the bar, UTC; the bar is known one timeframe later.",
            title="Ts",
        ),
    ]
    close: Annotated[float, Field(title="Close")]
    open_24h: Annotated[float, Field(title="Open 24H")]
    high_24h: Annotated[float, Field(title="High 24H")]
    low_24h: Annotated[float, Field(title="Low 24H")]
    volume_24h: Annotated[float, Field(description="Traded volume, base asset.", title="Volume 24H")]
    change_24h: Annotated[
        float | None,
        Field(
            description="Close over the open 24 hours before, less one.",
            examples=[0.012],
            title="Change 24H",
        ),
    ]


class MailedToken(BaseModel):
    """
    A token from a mail.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    token: Annotated[str, Field(max_length=512, min_length=1, title="Token")]


class Migrations(BaseModel):
    """
    Whether the serving database has the tables this program needs.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    status: Annotated[
        Literal["ok", "ahead", "behind", "unknown"],
        Field(
            description="`behind`: they have to be brought up, with `cap migrate`. `ahead`: by a newer program; all is well. `unknown`: the database does not answer.",
            title="Status",
        ),
    ]
    revision: Annotated[
        str | None,
        Field(
            description="Revision the database is at.",
            examples=["0010"],
            title="Revision",
        ),
    ]
    needed: Annotated[
        str,
        Field(
            description="Revision this program was made for.",
            examples=["0010"],
            title="Needed",
        ),
    ]


class MonthOfResults(BaseModel):
    """
    Published signals that ended in one month.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    month: Annotated[
        str,
        Field(
            description="Year and month of their end, UTC.",
            examples=["2024-01"],
            title="Month",
        ),
    ]
    sample_size: Annotated[int, Field(title="Sample Size")]
    wins: Annotated[int, Field(title="Wins")]
    total_r: Annotated[float, Field(title="Total R")]


class NoticeShown(BaseModel):
    """
    A firing on one channel.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    channel: Annotated[str, Field(examples=["email"], title="Channel")]
    state: Annotated[
        Literal["queued", "sent", "retrying", "failed"],
        Field(
            description="For a webhook: `queued` means handed over; its own log tells the rest.",
            title="State",
        ),
    ]
    detail: Annotated[str, Field(title="Detail")]
    updated_at: Annotated[AwareDatetime, Field(title="Updated At")]


class Order(RootModel[Literal["asc", "desc"]]):
    root: Annotated[
        Literal["asc", "desc"],
        Field(description="Order of a list in time.", title="Order"),
    ]


class Outcome(BaseModel):
    """
    Something that became of a signal.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    outcome: Annotated[Literal["target_1", "target_2", "stopped", "expired"], Field(title="Outcome")]
    ts: Annotated[
        AwareDatetime,
        Field(
            description="Open time of the bar, UTC; the bar is known one timeframe later.",
            title="Ts",
        ),
    ]
    known_at: Annotated[AwareDatetime, Field(title="Known At")]
    price: Annotated[float, Field(title="Price")]
    r_multiple: Annotated[
        float,
        Field(
            description="Profit at that price in units of the initial risk, before costs.",
            title="R Multiple",
        ),
    ]
    bars_held: Annotated[int, Field(title="Bars Held")]


class Market(RootModel[str]):
    root: Annotated[str, Field(max_length=80, pattern="^[a-z0-9_]+:[A-Z0-9][A-Z0-9._/-]*$")]


class Markets(RootModel[list[Market]]):
    root: Annotated[
        list[Market],
        Field(
            description="Only these markets; null for all.",
            max_length=50,
            min_length=1,
            title="Markets",
        ),
    ]


class Strategy(RootModel[str]):
    root: Annotated[
        str,
        Field(
            description="Only this strategy.",
            max_length=64,
            pattern="^[A-Za-z0-9_.-]+$",
            title="Strategy",
        ),
    ]


class PageAuditRecordSeen(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[AuditRecordSeen], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PageFlagSeen(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[FlagSeen], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PageInvoiceShown(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[InvoiceShown], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PageLatestBar(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[LatestBar], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PasswordAndCode(BaseModel):
    """
    Password and second factor shown again.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    password: Annotated[
        str,
        Field(
            examples=["correct horse battery staple"],
            max_length=1024,
            min_length=1,
            title="Password",
        ),
    ]
    code: Annotated[
        str,
        Field(
            description="Six digits of the app, or a recovery code.",
            examples=["123456"],
            max_length=64,
            min_length=1,
            title="Code",
        ),
    ]


class PasswordChange(BaseModel):
    """
    A new password by the old one.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    current_password: Annotated[
        str,
        Field(
            examples=["correct horse battery staple"],
            max_length=1024,
            min_length=1,
            title="Current Password",
        ),
    ]
    new_password: Annotated[
        str,
        Field(
            examples=["correct horse battery staple"],
            max_length=1024,
            min_length=1,
            title="New Password",
        ),
    ]


class PasswordOnly(BaseModel):
    """
    A password shown again before something that must not happen by somebody else's hand.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    password: Annotated[
        str,
        Field(
            examples=["correct horse battery staple"],
            max_length=1024,
            min_length=1,
            title="Password",
        ),
    ]


class PasswordReset(BaseModel):
    """
    A new password by a mailed token.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    token: Annotated[str, Field(max_length=512, min_length=1, title="Token")]
    new_password: Annotated[
        str,
        Field(
            examples=["correct horse battery staple"],
            max_length=1024,
            min_length=1,
            title="New Password",
        ),
    ]


class PasswordShown(BaseModel):
    """
    The password, shown again.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    password: Annotated[
        str,
        Field(
            examples=["correct horse battery staple"],
            max_length=1024,
            min_length=1,
            title="Password",
        ),
    ]


class PaymentConfirmation(BaseModel):
    """
    A payment that came in.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    payment_ref: Annotated[
        str | None,
        Field(
            description="What the bank calls it.",
            examples=["SEPA 2026-11-23 4711"],
            max_length=200,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Payment Ref",
        ),
    ] = ""


class PerformanceCurve(BaseModel):
    """
    What became of published signals, added up in the order in which they ended.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    simulated: Annotated[
        bool,
        Field(
            description="Whether the market is simulated: its prices were never traded anywhere.",
            title="Simulated",
        ),
    ]
    sample_size: Annotated[
        int,
        Field(
            description="Closed signals: all the figures are of these.",
            title="Sample Size",
        ),
    ]
    total_r: Annotated[float, Field(title="Total R")]
    max_drawdown_r: Annotated[
        float,
        Field(
            description="Largest `drawdown_r` there has been, also before the points shown.",
            title="Max Drawdown R",
        ),
    ]
    left_off: Annotated[int, Field(description="Points before the first one shown.", title="Left Off")]
    items: Annotated[list[CurvePoint], Field(description="Oldest first.", title="Items")]
    months: Annotated[
        list[MonthOfResults],
        Field(
            description="Oldest first, those in which nothing ended left out.",
            title="Months",
        ),
    ]
    costs_included: Annotated[
        Literal[False],
        Field(
            description="Fees, slippage and funding are not in these results.",
            title="Costs Included",
        ),
    ]


class PersonDetail(BaseModel):
    """
    A person with what he has.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    user_id: Annotated[str, Field(title="User Id")]
    email: Annotated[str, Field(title="Email")]
    role: Annotated[str, Field(title="Role")]
    status: Annotated[Literal["active", "locked", "deleted"], Field(title="Status")]
    display_name: Annotated[str | None, Field(title="Display Name")]
    email_verified_at: Annotated[AwareDatetime | None, Field(title="Email Verified At")]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]
    last_seen_at: Annotated[AwareDatetime | None, Field(title="Last Seen At")]
    second_factor: Annotated[bool, Field(title="Second Factor")]
    subscriptions: Annotated[list[dict[str, Any]], Field(title="Subscriptions")]
    grants: Annotated[list[dict[str, Any]], Field(title="Grants")]


class PersonSeen(BaseModel):
    """
    A person.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    user_id: Annotated[str, Field(title="User Id")]
    email: Annotated[str, Field(title="Email")]
    role: Annotated[str, Field(title="Role")]
    status: Annotated[Literal["active", "locked", "deleted"], Field(title="Status")]
    display_name: Annotated[str | None, Field(title="Display Name")]
    email_verified_at: Annotated[AwareDatetime | None, Field(title="Email Verified At")]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]
    last_seen_at: Annotated[AwareDatetime | None, Field(title="Last Seen At")]
    second_factor: Annotated[bool, Field(title="Second Factor")]


class PlainChannel(BaseModel):
    """
    To the person himself: his confirmed address, his linked chat, his browsers.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    type: Annotated[Literal["email", "push", "telegram"], Field(title="Type")]


class Markets1Item(RootModel[str]):
    root: Annotated[str, Field(max_length=80)]


class Markets1(RootModel[list[Markets1Item]]):
    root: Annotated[list[Markets1Item], Field(max_length=1000, title="Markets")]


class Timeframes1Item(RootModel[str]):
    root: Annotated[str, Field(max_length=8)]


class Timeframes1(RootModel[list[Timeframes1Item]]):
    root: Annotated[list[Timeframes1Item], Field(max_length=20, title="Timeframes")]


class HistoryS(RootModel[int]):
    root: Annotated[int, Field(ge=0, le=3162240000, title="History S")]


class PlanChanges(BaseModel):
    """
    What of a plan is to change; what is left out stays.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    name: Annotated[
        str | None,
        Field(max_length=100, min_length=1, pattern="^[^\\x00-\\x1f\\x7f]*$", title="Name"),
    ] = "unnamed"
    price_minor: Annotated[int | None, Field(ge=0, le=1000000000, title="Price Minor")] = 0
    trial_days: Annotated[int | None, Field(ge=0, le=365, title="Trial Days")] = 0
    markets: Annotated[Markets1 | None, Field(title="Markets")] = None
    timeframes: Annotated[Timeframes1 | None, Field(title="Timeframes")] = None
    signal_delay_s: Annotated[int | None, Field(ge=0, le=2592000, title="Signal Delay S")] = 0
    history_s: Annotated[HistoryS | None, Field(title="History S")] = None
    streams: Annotated[int | None, Field(ge=0, le=100000, title="Streams")] = 1
    alerts: Annotated[int | None, Field(ge=0, le=100000, title="Alerts")] = 1
    webhooks: Annotated[int | None, Field(ge=0, le=100000, title="Webhooks")] = 1
    api_keys: Annotated[int | None, Field(ge=0, le=100000, title="Api Keys")] = 1
    requests_per_minute: Annotated[int | None, Field(ge=1, le=10000000, title="Requests Per Minute")] = 300
    burst: Annotated[int | None, Field(ge=1, le=10000000, title="Burst")] = 100
    backtests: Annotated[int | None, Field(ge=0, le=100000, title="Backtests")] = 3
    export: Annotated[bool | None, Field(title="Export")] = False
    active: Annotated[bool | None, Field(title="Active")] = True


class PlanRights(BaseModel):
    """
    What the plan entitles to.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    plan: Annotated[str, Field(examples=["free"], title="Plan")]
    markets: Annotated[list[str] | None, Field(description="Null for all.", title="Markets")]
    timeframes: Annotated[list[str] | None, Field(description="Null for all.", title="Timeframes")]
    signal_delay_s: Annotated[
        float,
        Field(
            description="Seconds after which a signal is shown.",
            examples=[900],
            title="Signal Delay S",
        ),
    ]
    history_days: Annotated[float | None, Field(description="Null for all there is.", title="History Days")]
    streams: Annotated[int, Field(title="Streams")]
    alerts: Annotated[int, Field(title="Alerts")]
    webhooks: Annotated[int, Field(title="Webhooks")]
    api_keys: Annotated[int, Field(title="Api Keys")]
    requests_per_minute: Annotated[int, Field(title="Requests Per Minute")]
    burst: Annotated[int, Field(title="Burst")]
    backtests: Annotated[int, Field(title="Backtests")]
    export: Annotated[bool, Field(title="Export")]


class PlanShown(BaseModel):
    """
    A plan and the rights it gives.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    plan: Annotated[str, Field(examples=["pro"], title="Plan")]
    name: Annotated[str, Field(examples=["Pro"], title="Name")]
    price_minor: Annotated[
        int,
        Field(
            description="Price of one interval in the smallest unit of the currency.",
            examples=[2900],
            title="Price Minor",
        ),
    ]
    currency: Annotated[str, Field(examples=["EUR"], title="Currency")]
    interval: Annotated[Literal["month", "year"], Field(title="Interval")]
    trial_days: Annotated[
        int,
        Field(
            description="Days of the trial, which a person has once.",
            title="Trial Days",
        ),
    ]
    markets: Annotated[
        list[str] | None,
        Field(description="Those it shows; null for all.", title="Markets"),
    ]
    timeframes: Annotated[
        list[str] | None,
        Field(description="Those it shows; null for all.", title="Timeframes"),
    ]
    signal_delay_s: Annotated[
        int,
        Field(
            description="Seconds after which a signal is shown.",
            examples=[0],
            title="Signal Delay S",
        ),
    ]
    history_s: Annotated[
        int | None,
        Field(
            description="Seconds it shows back; null for all there is.",
            title="History S",
        ),
    ]
    streams: Annotated[int, Field(title="Streams")]
    alerts: Annotated[int, Field(title="Alerts")]
    webhooks: Annotated[int, Field(title="Webhooks")]
    api_keys: Annotated[int, Field(title="Api Keys")]
    requests_per_minute: Annotated[int, Field(title="Requests Per Minute")]
    burst: Annotated[int, Field(title="Burst")]
    backtests: Annotated[int, Field(description="Backtests in 24 hours.", title="Backtests")]
    export: Annotated[
        bool,
        Field(description="Whether signals may be downloaded in bulk.", title="Export"),
    ]


class PortalLink(BaseModel):
    """
    A page of the payment provider.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    url: Annotated[str, Field(title="Url")]


class Problem(BaseModel):
    """
    An error reply, by RFC 9457.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    type: Annotated[
        str,
        Field(
            description="Names the kind of problem; resolves to its description.",
            examples=["/problems/unknown-market"],
            title="Type",
        ),
    ]
    title: Annotated[str, Field(examples=["Unknown market"], title="Title")]
    status: Annotated[int, Field(description="The HTTP status.", examples=[404], title="Status")]
    detail: Annotated[
        str,
        Field(description="What is wrong this time, and what to do.", title="Detail"),
    ]
    instance: Annotated[
        str,
        Field(
            description="Path of the request.",
            examples=["/v1/candles"],
            title="Instance",
        ),
    ]
    request_id: Annotated[
        str,
        Field(description="Finds this request in the server's logs.", title="Request Id"),
    ]
    errors: Annotated[
        list[FieldError] | None,
        Field(
            description="One entry a wrong parameter; only with status 422.",
            title="Errors",
        ),
    ] = None


class ProblemKind(BaseModel):
    """
    What a problem's `type` means.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    type: Annotated[str, Field(title="Type")]
    title: Annotated[str, Field(title="Title")]
    status: Annotated[int, Field(title="Status")]
    meaning: Annotated[str, Field(title="Meaning")]


class Profile(BaseModel):
    """
    A person, as he sees himself.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    user_id: Annotated[str, Field(title="User Id")]
    email: Annotated[str, Field(title="Email")]
    role: Annotated[str, Field(title="Role")]
    email_verified_at: Annotated[AwareDatetime | None, Field(title="Email Verified At")]
    display_name: Annotated[str | None, Field(title="Display Name")]
    time_zone: Annotated[str, Field(title="Time Zone")]
    locale: Annotated[str, Field(title="Locale")]
    preferences: Annotated[dict[str, Any], Field(title="Preferences")]
    version: Annotated[
        int,
        Field(
            description="Also the reply's `ETag`; send it as `If-Match` with a change.",
            title="Version",
        ),
    ]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]
    deletes_at: Annotated[
        AwareDatetime | None,
        Field(
            description="When the account is deleted, if that was asked for.",
            title="Deletes At",
        ),
    ]
    plan: PlanRights
    second_factor_shown: Annotated[
        bool,
        Field(
            description="Whether a second factor was shown for this session.",
            title="Second Factor Shown",
        ),
    ]
    impersonated_by: Annotated[
        str | None,
        Field(
            description="Administrator who is looking; such a session cannot change a thing.",
            title="Impersonated By",
        ),
    ]


class DisplayName(RootModel[str]):
    root: Annotated[
        str,
        Field(
            examples=["Ada"],
            max_length=100,
            min_length=1,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Display Name",
        ),
    ]


class ProfileChanges(BaseModel):
    """
    What is to change; what is left out stays.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    display_name: Annotated[DisplayName | None, Field(examples=["Ada"], title="Display Name")] = None
    time_zone: Annotated[str | None, Field(examples=["Europe/Berlin"], max_length=64, title="Time Zone")] = "UTC"
    locale: Annotated[str | None, Field(examples=["de-CH"], max_length=16, title="Locale")] = "en"
    preferences: Annotated[
        dict[str, Any] | None,
        Field(
            description="What a dashboard remembers; 16 KB at most.",
            examples=[{"theme": "dark"}],
            title="Preferences",
        ),
    ] = {}


class PushKey(BaseModel):
    """
    Key of this instance.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    public_key: Annotated[
        str,
        Field(
            description="`applicationServerKey` of `PushManager.subscribe`, in base64url.",
            title="Public Key",
        ),
    ]


class PushKeys(BaseModel):
    """
    Keys of a browser.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    p256dh: Annotated[str, Field(max_length=200, min_length=1, title="P256Dh")]
    auth: Annotated[str, Field(max_length=50, min_length=1, title="Auth")]


class PushSettings(BaseModel):
    """
    What ``PushSubscription.toJSON()`` of a browser gives, and a label.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    endpoint: Annotated[
        str,
        Field(
            examples=["https://push.example.com/send/abc"],
            max_length=1000,
            min_length=1,
            title="Endpoint",
        ),
    ]
    keys: PushKeys
    expirationTime: Annotated[float | None, Field(description="Not used.", title="Expirationtime")] = None
    label: Annotated[
        str | None,
        Field(
            examples=["Firefox on the laptop"],
            max_length=100,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Label",
        ),
    ] = ""


class PushShown(BaseModel):
    """
    A browser that is subscribed.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    subscription_id: Annotated[str, Field(title="Subscription Id")]
    label: Annotated[str, Field(title="Label")]
    endpoint_sha256: Annotated[
        str,
        Field(
            description="Digest of the endpoint, by which a browser knows itself among them.",
            pattern="^[0-9a-f]{64}$",
            title="Endpoint Sha256",
        ),
    ]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]


class QuietThen(RootModel[Literal["hold", "drop"]]):
    root: Annotated[
        Literal["hold", "drop"],
        Field(
            description="What is done with what falls into quiet hours.",
            title="QuietThen",
        ),
    ]


class Received(BaseModel):
    """
    A message was taken.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    received: Annotated[Literal[True], Field(title="Received")]


class RecoveryCodes(BaseModel):
    """
    Codes that stand in for the app, each once; shown once.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    recovery_codes: Annotated[
        list[str],
        Field(examples=[["ABCDEF-GHIJKL-MNOPQR-STUVWX"]], title="Recovery Codes"),
    ]


class RefreshToken(RootModel[str]):
    root: Annotated[str, Field(max_length=512, min_length=1, title="Refresh Token")]


class RefreshRequest(BaseModel):
    """
    A refresh token; a browser leaves it out, its cookie is the token.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    refresh_token: Annotated[RefreshToken | None, Field(title="Refresh Token")] = None


class AmountMinor(RootModel[int]):
    root: Annotated[
        int,
        Field(
            description="In the smallest unit; all that is left if not given.",
            ge=1,
            le=1000000000000,
            title="Amount Minor",
        ),
    ]


class RefundRequest(BaseModel):
    """
    Money to give back.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    reason: Annotated[
        str,
        Field(
            description="Kept in the audit log.",
            examples=["asked for by its owner, ticket 4711"],
            max_length=500,
            min_length=3,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Reason",
        ),
    ]
    amount_minor: Annotated[
        AmountMinor | None,
        Field(
            description="In the smallest unit; all that is left if not given.",
            title="Amount Minor",
        ),
    ] = None


class RefusalSeen(BaseModel):
    """
    A batch of which nothing was taken in.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    timeframe: Annotated[str, Field(title="Timeframe")]
    source: Annotated[str, Field(title="Source")]
    origin: Annotated[str, Field(description="Name of the file, or the endpoint.", title="Origin")]
    reason: Annotated[str, Field(description="Row and rule.", title="Reason")]
    refused_at: Annotated[AwareDatetime, Field(title="Refused At")]


class Registration(BaseModel):
    """
    A new account.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    email: Annotated[str, Field(examples=["ada@example.com"], max_length=254, title="Email")]
    password: Annotated[
        str,
        Field(
            examples=["correct horse battery staple"],
            max_length=1024,
            min_length=1,
            title="Password",
        ),
    ]


class RestatementSeen(BaseModel):
    """
    A bar that was changed after it had been stored.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    timeframe: Annotated[str, Field(examples=["1m"], title="Timeframe")]
    ts: Annotated[AwareDatetime, Field(title="Ts")]
    old_close: Annotated[float, Field(title="Old Close")]
    new_close: Annotated[float, Field(title="New Close")]
    old_volume: Annotated[float, Field(title="Old Volume")]
    new_volume: Annotated[float, Field(title="New Volume")]
    source: Annotated[str, Field(title="Source")]
    stored_at: Annotated[
        AwareDatetime,
        Field(description="When the new version was stored.", title="Stored At"),
    ]


class RiskDecision(BaseModel):
    """
    What the risk stage decided, and why.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    decision: Annotated[Literal["accepted", "resized"], Field(title="Decision")]
    rule: Annotated[
        str | None,
        Field(description="Rule that resized it; null if accepted.", title="Rule"),
    ]
    rule_value: Annotated[float | None, Field(title="Rule Value")]
    rule_limit: Annotated[float | None, Field(title="Rule Limit")]
    reasons: Annotated[
        list[str],
        Field(
            description="Each broken rule in words with its number and limit, the deciding first.",
            title="Reasons",
        ),
    ]
    sizing: Annotated[
        str,
        Field(
            description="`fixed_fraction`, `volatility_target` or `kelly`.",
            examples=["fixed_fraction"],
            title="Sizing",
        ),
    ]
    wanted_notional: Annotated[
        float,
        Field(
            description="Value that the sizing asked for before limits, quote currency.",
            title="Wanted Notional",
        ),
    ]
    margin: Annotated[
        float,
        Field(description="Margin the position ties up, quote currency.", title="Margin"),
    ]
    liquidation_price: Annotated[
        float | None,
        Field(
            description="Price at which the exchange would close it.",
            title="Liquidation Price",
        ),
    ]
    equity: Annotated[
        float,
        Field(
            description="Equity of the paper account at the decision, quote currency.",
            title="Equity",
        ),
    ]
    open_positions: Annotated[int, Field(description="Positions open before it.", title="Open Positions")]
    gross_exposure: Annotated[
        float,
        Field(
            description="Value open before it, long and short added up, over equity.",
            title="Gross Exposure",
        ),
    ]
    net_exposure: Annotated[
        float,
        Field(
            description="Value open before it, long less short, over equity.",
            title="Net Exposure",
        ),
    ]
    open_risk: Annotated[
        float,
        Field(
            description="Loss at all stops of what was open before it, over equity.",
            title="Open Risk",
        ),
    ]
    cluster: Annotated[
        str,
        Field(
            description="Cluster of correlated markets, named after its first.",
            title="Cluster",
        ),
    ]
    cluster_exposure: Annotated[
        float,
        Field(
            description="Value open in that cluster before it, over equity.",
            title="Cluster Exposure",
        ),
    ]
    account: Annotated[
        str,
        Field(description="Account that decided: `paper` or `sim`.", title="Account"),
    ]
    version: Annotated[str, Field(description="Versions of the engines that decided.", title="Version")]
    decided_at: Annotated[
        AwareDatetime | None,
        Field(
            description="When it was decided; the decision stands since.",
            title="Decided At",
        ),
    ]


class Role(RootModel[Literal["user", "admin"]]):
    root: Annotated[
        Literal["user", "admin"],
        Field(description="What a person is to the platform.", title="Role"),
    ]


class RoleChange(BaseModel):
    """
    What a person is to be.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    reason: Annotated[
        str,
        Field(
            description="Kept in the audit log.",
            examples=["asked for by its owner, ticket 4711"],
            max_length=500,
            min_length=3,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Reason",
        ),
    ]
    role: Annotated[Literal["user", "admin"], Field(title="Role")]


class Scope(
    RootModel[
        Literal[
            "market:read",
            "signals:read",
            "signals:stream",
            "account:read",
            "account:write",
            "alerts:read",
            "alerts:write",
            "webhooks:read",
            "webhooks:write",
            "billing:read",
            "backtests",
        ]
    ]
):
    root: Annotated[
        Literal[
            "market:read",
            "signals:read",
            "signals:stream",
            "account:read",
            "account:write",
            "alerts:read",
            "alerts:write",
            "webhooks:read",
            "webhooks:write",
            "billing:read",
            "backtests",
        ],
        Field(
            description="What an API key may be allowed; a signed-in person has all of them.",
            title="Scope",
        ),
    ]


class SecondFactorBegun(BaseModel):
    """
    What an authenticator app is set up with; shown once.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    secret: Annotated[str, Field(examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"], title="Secret")]
    uri: Annotated[
        str,
        Field(
            examples=["otpauth://totp/Crypto%20Analytics%20Platform:ada%40example.com?secret=JBSWY3DP"],
            title="Uri",
        ),
    ]
    qr_svg: Annotated[str, Field(description="The uri as a picture.", title="Qr Svg")]


class SecondFactorRequest(BaseModel):
    """
    A second factor shown.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    challenge: Annotated[str, Field(max_length=512, min_length=1, title="Challenge")]
    code: Annotated[
        str,
        Field(
            description="Six digits of the app, or a recovery code.",
            examples=["123456"],
            max_length=64,
            min_length=1,
            title="Code",
        ),
    ]
    cookies: Annotated[bool | None, Field(title="Cookies")] = False


class SecondFactorRequired(BaseModel):
    """
    The password was right; a code has to follow.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    second_factor_required: Annotated[bool | None, Field(examples=[True], title="Second Factor Required")] = True
    challenge: Annotated[str, Field(title="Challenge")]
    expires_in: Annotated[
        int,
        Field(description="Seconds to show the code.", examples=[300], title="Expires In"),
    ]


class SecondFactorStatus(BaseModel):
    """
    Whether a second factor is asked for.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    enabled: Annotated[bool, Field(title="Enabled")]
    recovery_codes_left: Annotated[int, Field(title="Recovery Codes Left")]


class SeriesReplyCandle(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[Candle], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    timeframe: Annotated[str, Field(examples=["15m"], title="Timeframe")]
    simulated: Annotated[
        bool,
        Field(
            description="Whether the market is simulated: its prices were never traded anywhere.",
            title="Simulated",
        ),
    ]


class SeriesReplyIndicatorRow(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[IndicatorRow], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    timeframe: Annotated[str, Field(examples=["15m"], title="Timeframe")]
    simulated: Annotated[
        bool,
        Field(
            description="Whether the market is simulated: its prices were never traded anywhere.",
            title="Simulated",
        ),
    ]


class SessionShown(BaseModel):
    """
    A session a person is signed in by.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    session_id: Annotated[str, Field(title="Session Id")]
    device: Annotated[
        str,
        Field(description="What the browser or program said of itself.", title="Device"),
    ]
    address: Annotated[str, Field(title="Address")]
    second_factor: Annotated[bool, Field(title="Second Factor")]
    by_support: Annotated[
        bool,
        Field(description="Whether an administrator looks through it.", title="By Support"),
    ]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]
    last_seen_at: Annotated[AwareDatetime, Field(title="Last Seen At")]
    expires_at: Annotated[AwareDatetime, Field(title="Expires At")]
    current: Annotated[bool, Field(title="Current")]


class Side(RootModel[Literal[1, -1]]):
    root: Annotated[
        Literal[1, -1],
        Field(
            description="A direction: +1 up, long or demand; -1 down, short or supply.",
            title="Side",
        ),
    ]


class SignInRequest(BaseModel):
    """
    A password shown.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    email: Annotated[str, Field(examples=["ada@example.com"], max_length=254, title="Email")]
    password: Annotated[
        str,
        Field(
            examples=["correct horse battery staple"],
            max_length=1024,
            min_length=1,
            title="Password",
        ),
    ]
    cookies: Annotated[
        bool | None,
        Field(
            description="For browsers: the tokens come as cookies that no script can read.",
            title="Cookies",
        ),
    ] = False


class Markets2Item(RootModel[str]):
    root: Annotated[str, Field(max_length=80, pattern="^[a-z0-9_]+:[A-Z0-9][A-Z0-9._/-]*$")]


class Markets2(RootModel[list[Markets2Item]]):
    root: Annotated[
        list[Markets2Item],
        Field(
            description="Only these markets; null for all.",
            max_length=50,
            min_length=1,
            title="Markets",
        ),
    ]


class SignedIn(BaseModel):
    """
    A session. With cookies the tokens are not in the body, and ``csrf_token`` is.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    second_factor_required: Annotated[bool | None, Field(examples=[False], title="Second Factor Required")] = False
    session_id: Annotated[str, Field(title="Session Id")]
    token_type: Annotated[str | None, Field(title="Token Type")] = "Bearer"
    expires_in: Annotated[
        int,
        Field(
            description="Seconds the access token is good.",
            examples=[600],
            title="Expires In",
        ),
    ]
    refresh_expires_at: Annotated[
        AwareDatetime,
        Field(
            description="The session ends if it is not refreshed until then.",
            title="Refresh Expires At",
        ),
    ]
    access_token: Annotated[str | None, Field(title="Access Token")] = None
    refresh_token: Annotated[
        str | None,
        Field(description="Good once; its use gives the next one.", title="Refresh Token"),
    ] = None
    csrf_token: Annotated[
        str | None,
        Field(
            description="A page sends it as X-CSRF-Token with every write.",
            title="Csrf Token",
        ),
    ] = None


class SignedOut(BaseModel):
    """
    Sessions ended.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    sessions: Annotated[int, Field(title="Sessions")]


class StoreHealth(BaseModel):
    """
    Whether a store answers.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    name: Annotated[Literal["clickhouse", "postgres", "redis"], Field(title="Name")]
    status: Annotated[Literal["ok", "down"], Field(title="Status")]
    required: Annotated[bool, Field(title="Required")]
    latency_ms: Annotated[float | None, Field(title="Latency Ms")]
    detail: Annotated[str | None, Field(title="Detail")]


class StoreName(RootModel[Literal["clickhouse", "postgres", "redis"]]):
    root: Annotated[
        Literal["clickhouse", "postgres", "redis"],
        Field(
            description="The stores the API reads from, by their name in readiness.",
            title="StoreName",
        ),
    ]


class StoredTimeframe(BaseModel):
    """
    What is stored of a market on one timeframe.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    timeframe: Annotated[str, Field(examples=["15m"], title="Timeframe")]
    first_bar: Annotated[
        AwareDatetime,
        Field(description="Open time of the first bar, UTC.", title="First Bar"),
    ]
    last_bar: Annotated[
        AwareDatetime,
        Field(description="Open time of the last closed bar, UTC.", title="Last Bar"),
    ]
    bars: Annotated[int, Field(title="Bars")]


class StreamTicket(BaseModel):
    """
    A right to open one stream.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    ticket: Annotated[str, Field(title="Ticket")]
    expires_at: Annotated[AwareDatetime, Field(title="Expires At")]


class Bias(RootModel[int]):
    root: Annotated[
        int,
        Field(
            description="Bias of the scale after the event: -1, 0 or +1; null for micro.",
            ge=-1,
            le=1,
            title="Bias",
        ),
    ]


class StructureEvent(BaseModel):
    """
    A pivot, an equal level or a break of structure, as it became known.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    ts: Annotated[
        AwareDatetime,
        Field(
            description="Open time of the bar, UTC; the bar is known one timeframe later.",
            title="Ts",
        ),
    ]
    scale: Annotated[Literal["micro", "internal", "swing"], Field(title="Scale")]
    kind: Annotated[
        Literal["swing_high", "swing_low", "bos", "choch", "eqh", "eql"],
        Field(title="Kind"),
    ]
    direction: Side
    level: Annotated[
        float,
        Field(description="Price of the pivot or of the equal level.", title="Level"),
    ]
    origin_ts: Annotated[
        AwareDatetime,
        Field(description="Open time of the pivot bar.", title="Origin Ts"),
    ]
    label: Annotated[Literal["HH", "LH", "HL", "LL"] | None, Field(title="Label")]
    bias: Annotated[
        Bias | None,
        Field(
            description="Bias of the scale after the event: -1, 0 or +1; null for micro.",
            title="Bias",
        ),
    ]


class SubscriptionShown(BaseModel):
    """
    A subscription.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    subscription_id: Annotated[str, Field(title="Subscription Id")]
    plan: Annotated[str, Field(examples=["pro"], title="Plan")]
    next_plan: Annotated[
        str | None,
        Field(
            description="The plan from `period_end` on, if it changes then.",
            title="Next Plan",
        ),
    ]
    status: Annotated[
        Literal["incomplete", "trialing", "active", "past_due", "unpaid", "ended"],
        Field(title="Status"),
    ]
    provider: Annotated[Literal["manual", "stripe"], Field(title="Provider")]
    period_start: Annotated[AwareDatetime | None, Field(title="Period Start")]
    period_end: Annotated[AwareDatetime | None, Field(title="Period End")]
    trial_end: Annotated[AwareDatetime | None, Field(title="Trial End")]
    cancel_at_period_end: Annotated[bool, Field(title="Cancel At Period End")]
    past_due_since: Annotated[
        AwareDatetime | None,
        Field(description="Since when a payment is missing.", title="Past Due Since"),
    ]
    entitled_until: Annotated[
        AwareDatetime | None,
        Field(
            description="Until when it gives its plan if nothing else happens; null if it gives none.",
            title="Entitled Until",
        ),
    ]
    ended_at: Annotated[AwareDatetime | None, Field(title="Ended At")]
    checkout_url: Annotated[
        str | None,
        Field(description="Where to pay, while it is incomplete.", title="Checkout Url"),
    ]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]


class SubscriptionWanted(BaseModel):
    """
    Which plan to subscribe to. Prices, trials and states are not the client's to say.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    plan: Annotated[
        str,
        Field(
            description="`plan` of GET /v1/plans.",
            examples=["pro"],
            max_length=32,
            pattern="^[a-z][a-z0-9_-]*$",
            title="Plan",
        ),
    ]


class SystemStatus(BaseModel):
    """
    How the platform does; what could not be asked is null.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    at: Annotated[AwareDatetime, Field(title="At")]
    stores: Annotated[list[dict[str, Any]], Field(title="Stores")]
    migrations: Annotated[dict[str, Any], Field(title="Migrations")]
    series: Annotated[list[dict[str, Any]] | None, Field(title="Series")]
    queues: Annotated[list[dict[str, Any]] | None, Field(title="Queues")]
    signals: Annotated[dict[str, Any] | None, Field(title="Signals")]
    assets: Annotated[list[dict[str, Any]] | None, Field(title="Assets")]
    database_bytes: Annotated[int | None, Field(title="Database Bytes")]
    relayed_sequence: Annotated[int | None, Field(title="Relayed Sequence")]
    disk: Annotated[dict[str, int] | None, Field(title="Disk")]


class Takedown(BaseModel):
    """
    A mark that a signal should not have been published.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    reason: Annotated[str | None, Field(title="Reason")]
    taken_down_at: Annotated[AwareDatetime, Field(title="Taken Down At")]


class TakedownSeen(BaseModel):
    """
    A signal that was taken down.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    signal_id: Annotated[str, Field(title="Signal Id")]
    reason: Annotated[str, Field(title="Reason")]
    taken_by: Annotated[str, Field(title="Taken By")]
    at: Annotated[AwareDatetime, Field(title="At")]


class TelegramLinkCode(BaseModel):
    """
    A code to write to the bot.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    code: Annotated[str, Field(title="Code")]
    command: Annotated[
        str,
        Field(
            description="Write this to the bot.",
            examples=["/start b3ZlcnRoZXJhaW5ib3c"],
            title="Command",
        ),
    ]
    link: Annotated[
        str | None,
        Field(description="Opens a chat with the bot and writes it.", title="Link"),
    ]
    expires_at: Annotated[AwareDatetime, Field(title="Expires At")]


class TelegramShown(BaseModel):
    """
    The linked chat.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    available: Annotated[bool, Field(description="Whether this instance has a bot.", title="Available")]
    linked: Annotated[bool, Field(title="Linked")]
    name: Annotated[str | None, Field(description="Name of the chat.", title="Name")]
    linked_at: Annotated[AwareDatetime | None, Field(title="Linked At")]


class TestQueued(BaseModel):
    """
    A test on its way.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    firing_id: Annotated[int, Field(title="Firing Id")]
    channels: Annotated[list[NoticeShown], Field(title="Channels")]


class Timeframe(RootModel[Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"]]):
    root: Annotated[
        Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w"],
        Field(
            description="A bar length. The value is the field's usual short name.",
            title="Timeframe",
        ),
    ]


class TrackRecord(BaseModel):
    """
    What became of the published signals of one strategy, market and timeframe, open ones counted apart.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    strategy: Annotated[str, Field(title="Strategy")]
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    timeframe: Annotated[str, Field(examples=["15m"], title="Timeframe")]
    simulated: Annotated[
        bool,
        Field(
            description="Whether the market is simulated: its prices were never traded anywhere.",
            title="Simulated",
        ),
    ]
    signals: Annotated[int, Field(title="Signals")]
    open_signals: Annotated[int, Field(title="Open Signals")]
    sample_size: Annotated[
        int,
        Field(
            description="Closed signals: all the figures below are of these.",
            title="Sample Size",
        ),
    ]
    wins: Annotated[int, Field(title="Wins")]
    losses: Annotated[int, Field(title="Losses")]
    win_rate: Annotated[float | None, Field(title="Win Rate")]
    win_rate_low: Annotated[
        float | None,
        Field(
            description="Lower end of Wilson's 95 % interval of the win rate.",
            title="Win Rate Low",
        ),
    ]
    win_rate_high: Annotated[float | None, Field(title="Win Rate High")]
    expectancy_r: Annotated[
        float | None,
        Field(description="Mean result in units of initial risk.", title="Expectancy R"),
    ]
    total_r: Annotated[float, Field(title="Total R")]
    profit_factor: Annotated[
        float | None,
        Field(
            description="Sum of wins over sum of losses; null without a loss.",
            title="Profit Factor",
        ),
    ]
    average_bars_held: Annotated[float | None, Field(title="Average Bars Held")]
    first_known_at: Annotated[AwareDatetime, Field(title="First Known At")]
    last_known_at: Annotated[AwareDatetime, Field(title="Last Known At")]
    costs_included: Annotated[
        Literal[False],
        Field(
            description="Fees, slippage and funding are not in these results.",
            title="Costs Included",
        ),
    ]


class TrackRecords(BaseModel):
    """
    A page of track records.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[TrackRecord], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]
    costs_included: Annotated[Literal[False], Field(title="Costs Included")]


class Verification(BaseModel):
    """
    Whether the audit log is whole.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    whole: Annotated[bool, Field(title="Whole")]
    records: Annotated[int, Field(title="Records")]
    broken_at: Annotated[
        int | None,
        Field(
            description="The first record that does not follow from the one before it.",
            title="Broken At",
        ),
    ]


class WalkForwardWanted(BaseModel):
    """
    Windows of walk-forward.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    train_days: Annotated[int | None, Field(ge=1, le=3650, title="Train Days")] = 90
    test_days: Annotated[int | None, Field(ge=1, le=3650, title="Test Days")] = 30
    anchored: Annotated[
        bool | None,
        Field(
            description="Whether every window begins at the first bar.",
            title="Anchored",
        ),
    ] = False


class WatchlistChanges(BaseModel):
    """
    What is to change; what is left out stays.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    name: Annotated[
        str | None,
        Field(
            examples=["majors"],
            max_length=100,
            min_length=1,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Name",
        ),
    ] = "unnamed"
    markets: Annotated[
        list[Market] | None,
        Field(
            examples=[["binance:ETHUSDT", "binance:BTCUSDT"]],
            max_length=200,
            title="Markets",
            validate_default=True,
        ),
    ] = []


class WatchlistSettings(BaseModel):
    """
    A list to make.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    name: Annotated[
        str,
        Field(
            examples=["majors"],
            max_length=100,
            min_length=1,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Name",
        ),
    ]
    markets: Annotated[
        list[Market] | None,
        Field(
            examples=[["binance:BTCUSDT", "binance:ETHUSDT"]],
            max_length=200,
            title="Markets",
            validate_default=True,
        ),
    ] = []


class WatchlistShown(BaseModel):
    """
    A watchlist.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    watchlist_id: Annotated[str, Field(title="Watchlist Id")]
    name: Annotated[str, Field(title="Name")]
    markets: Annotated[list[str], Field(title="Markets")]
    version: Annotated[int, Field(title="Version")]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]


class WebhookAttemptShown(BaseModel):
    """
    One try of a delivery.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    number: Annotated[int, Field(title="Number")]
    at: Annotated[AwareDatetime, Field(title="At")]
    status: Annotated[
        int | None,
        Field(description="Of the reply; null if there was none.", title="Status"),
    ]
    duration_ms: Annotated[int, Field(title="Duration Ms")]
    error: Annotated[str | None, Field(title="Error")]
    response: Annotated[str, Field(description="Beginning of the reply.", title="Response")]


class Markets3Item(RootModel[str]):
    root: Annotated[str, Field(max_length=80, pattern="^[a-z0-9_]+:[A-Z0-9][A-Z0-9._/-]*$")]


class Markets3(RootModel[list[Markets3Item]]):
    root: Annotated[
        list[Markets3Item],
        Field(description="Only these; null for all.", max_length=200, title="Markets"),
    ]


class Timeframes3(RootModel[list[Timeframe]]):
    root: Annotated[
        list[Timeframe],
        Field(description="Only these; null for all.", max_length=20, title="Timeframes"),
    ]


class Strategy2(RootModel[str]):
    root: Annotated[str, Field(max_length=64, pattern="^[A-Za-z0-9_.-]+$")]


class Strategies(RootModel[list[Strategy2]]):
    root: Annotated[
        list[Strategy2],
        Field(description="Only these; null for all.", max_length=100, title="Strategies"),
    ]


class WebhookChanges(BaseModel):
    """
    What is to change; what is left out stays.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    url: Annotated[
        str | None,
        Field(
            examples=["https://bot.example.com/hooks/signals"],
            max_length=2000,
            min_length=1,
            title="Url",
        ),
    ] = ""
    description: Annotated[
        str | None,
        Field(max_length=200, pattern="^[^\\x00-\\x1f\\x7f]*$", title="Description"),
    ] = ""
    events: Annotated[
        list[Literal["signal.published", "signal.outcome", "signal.takedown", "alert.triggered"]] | None,
        Field(max_length=8, min_length=1, title="Events"),
    ] = ["signal.published"]
    markets: Annotated[Markets3 | None, Field(description="Only these; null for all.", title="Markets")] = None
    timeframes: Annotated[
        Timeframes3 | None,
        Field(description="Only these; null for all.", title="Timeframes"),
    ] = None
    strategies: Annotated[
        Strategies | None,
        Field(description="Only these; null for all.", title="Strategies"),
    ] = None
    direction: Annotated[
        Literal[1, -1] | None,
        Field(description="Only long (1) or short (-1); null for both.", title="Direction"),
    ] = None
    enabled: Annotated[bool | None, Field(examples=[True], title="Enabled")] = True


class WebhookChannel(BaseModel):
    """
    To one of his webhooks.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    type: Annotated[Literal["webhook"], Field(title="Type")]
    webhook_id: Annotated[UUID, Field(title="Webhook Id")]


class WebhookDeliveryShown(BaseModel):
    """
    One event for one webhook, with every attempt.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    delivery_id: Annotated[
        str,
        Field(description="The header `webhook-id` of every attempt.", title="Delivery Id"),
    ]
    webhook_id: Annotated[str, Field(title="Webhook Id")]
    event_type: Annotated[str, Field(title="Event Type")]
    body: Annotated[str, Field(description="JSON as it is sent.", title="Body")]
    state: Annotated[Literal["pending", "delivered", "dead"], Field(title="State")]
    redeliveries: Annotated[int, Field(title="Redeliveries")]
    attempts: Annotated[list[WebhookAttemptShown], Field(title="Attempts")]
    next_at: Annotated[AwareDatetime | None, Field(description="Of the next attempt.", title="Next At")]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]
    finished_at: Annotated[AwareDatetime | None, Field(title="Finished At")]


class Markets4Item(RootModel[str]):
    root: Annotated[str, Field(max_length=80, pattern="^[a-z0-9_]+:[A-Z0-9][A-Z0-9._/-]*$")]


class Markets4(RootModel[list[Markets4Item]]):
    root: Annotated[
        list[Markets4Item],
        Field(
            description="Only these; null for all.",
            examples=[["binance:BTCUSDT"]],
            max_length=200,
            title="Markets",
        ),
    ]


class Timeframes4(RootModel[list[Timeframe]]):
    root: Annotated[
        list[Timeframe],
        Field(
            description="Only these; null for all.",
            examples=[["1h"]],
            max_length=20,
            title="Timeframes",
        ),
    ]


class Strategies1Item(RootModel[str]):
    root: Annotated[str, Field(max_length=64, pattern="^[A-Za-z0-9_.-]+$")]


class Strategies1(RootModel[list[Strategies1Item]]):
    root: Annotated[
        list[Strategies1Item],
        Field(
            description="Only these; null for all.",
            examples=[["smc_pullback"]],
            max_length=100,
            title="Strategies",
        ),
    ]


class WebhookSettings(BaseModel):
    """
    What the owner of a webhook sets.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    url: Annotated[
        str,
        Field(
            description="https, on the public internet.",
            examples=["https://bot.example.com/hooks/signals"],
            max_length=2000,
            min_length=1,
            title="Url",
        ),
    ]
    description: Annotated[
        str | None,
        Field(max_length=200, pattern="^[^\\x00-\\x1f\\x7f]*$", title="Description"),
    ] = ""
    events: Annotated[
        list[Literal["signal.published", "signal.outcome", "signal.takedown", "alert.triggered"]] | None,
        Field(
            description="What it is told of.",
            max_length=8,
            min_length=1,
            title="Events",
        ),
    ] = ["signal.published"]
    markets: Annotated[
        Markets4 | None,
        Field(
            description="Only these; null for all.",
            examples=[["binance:BTCUSDT"]],
            title="Markets",
        ),
    ] = None
    timeframes: Annotated[
        Timeframes4 | None,
        Field(
            description="Only these; null for all.",
            examples=[["1h"]],
            title="Timeframes",
        ),
    ] = None
    strategies: Annotated[
        Strategies1 | None,
        Field(
            description="Only these; null for all.",
            examples=[["smc_pullback"]],
            title="Strategies",
        ),
    ] = None
    direction: Annotated[
        Literal[1, -1] | None,
        Field(description="Only long (1) or short (-1); null for both.", title="Direction"),
    ] = None
    enabled: Annotated[bool | None, Field(title="Enabled")] = True


class WebhookShown(BaseModel):
    """
    A webhook, without its secret.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    webhook_id: Annotated[str, Field(title="Webhook Id")]
    url: Annotated[str, Field(title="Url")]
    description: Annotated[str, Field(title="Description")]
    events: Annotated[list[str], Field(title="Events")]
    markets: Annotated[list[str] | None, Field(title="Markets")]
    timeframes: Annotated[list[str] | None, Field(title="Timeframes")]
    strategies: Annotated[list[str] | None, Field(title="Strategies")]
    direction: Annotated[Literal[1, -1] | None, Field(title="Direction")]
    enabled: Annotated[bool, Field(title="Enabled")]
    disabled_reason: Annotated[
        str | None,
        Field(
            description="Why the platform turned it off; null if it is on or you did.",
            title="Disabled Reason",
        ),
    ]
    previous_secret_until: Annotated[
        AwareDatetime | None,
        Field(
            description="Until then the secret before signs too.",
            title="Previous Secret Until",
        ),
    ]
    failing_since: Annotated[
        AwareDatetime | None,
        Field(description="First failure since the last success.", title="Failing Since"),
    ]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]
    updated_at: Annotated[AwareDatetime, Field(title="Updated At")]


class WebhookWithSecret(BaseModel):
    """
    A webhook with its secret, which is shown this once.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    webhook_id: Annotated[str, Field(title="Webhook Id")]
    url: Annotated[str, Field(title="Url")]
    description: Annotated[str, Field(title="Description")]
    events: Annotated[list[str], Field(title="Events")]
    markets: Annotated[list[str] | None, Field(title="Markets")]
    timeframes: Annotated[list[str] | None, Field(title="Timeframes")]
    strategies: Annotated[list[str] | None, Field(title="Strategies")]
    direction: Annotated[Literal[1, -1] | None, Field(title="Direction")]
    enabled: Annotated[bool, Field(title="Enabled")]
    disabled_reason: Annotated[
        str | None,
        Field(
            description="Why the platform turned it off; null if it is on or you did.",
            title="Disabled Reason",
        ),
    ]
    previous_secret_until: Annotated[
        AwareDatetime | None,
        Field(
            description="Until then the secret before signs too.",
            title="Previous Secret Until",
        ),
    ]
    failing_since: Annotated[
        AwareDatetime | None,
        Field(description="First failure since the last success.", title="Failing Since"),
    ]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]
    updated_at: Annotated[AwareDatetime, Field(title="Updated At")]
    secret: Annotated[
        str,
        Field(
            description="Checks the signatures. It is not shown again.",
            examples=["whsec_MfKQ9r8GKYqr..."],
            title="Secret",
        ),
    ]


class WithReason(BaseModel):
    """
    Why it is done.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    reason: Annotated[
        str,
        Field(
            description="Kept in the audit log.",
            examples=["asked for by its owner, ticket 4711"],
            max_length=500,
            min_length=3,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Reason",
        ),
    ]


class Zone(BaseModel):
    """
    A zone and its life so far. Times of its life are open times of the bars at whose close they were known.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    zone_id: Annotated[str, Field(title="Zone Id")]
    kind: Annotated[Literal["order_block", "breaker", "fvg", "liquidity"], Field(title="Kind")]
    side: Annotated[Side, Field(description="+1 demand, -1 supply.")]
    scale: Annotated[Literal["micro", "internal", "swing"] | None, Field(title="Scale")]
    top: Annotated[float, Field(title="Top")]
    bottom: Annotated[float, Field(title="Bottom")]
    origin_ts: Annotated[
        AwareDatetime,
        Field(
            description="Open time of the bar the zone is drawn from.",
            title="Origin Ts",
        ),
    ]
    volume: Annotated[
        float | None,
        Field(description="Volume of the origin bar, base asset.", title="Volume"),
    ]
    created_ts: Annotated[AwareDatetime, Field(title="Created Ts")]
    touched_ts: Annotated[AwareDatetime | None, Field(title="Touched Ts")]
    mitigated_ts: Annotated[AwareDatetime | None, Field(title="Mitigated Ts")]
    ended_ts: Annotated[AwareDatetime | None, Field(title="Ended Ts")]
    status: Annotated[
        Literal["live", "invalidated", "filled", "swept", "broken", "expired"],
        Field(title="Status"),
    ]


class ZoneCondition(BaseModel):
    """
    Price touches a zone for the first time.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    markets: Annotated[list[Market], Field(max_length=50, min_length=1, title="Markets")]
    timeframes: Annotated[list[Timeframe], Field(max_length=13, min_length=1, title="Timeframes")]
    scale: Annotated[
        Literal["micro", "internal", "swing"] | None,
        Field(description="Only this scale.", title="Scale"),
    ] = None
    kind: Annotated[Literal["zone"], Field(title="Kind")]
    zone: Annotated[
        Literal["order_block", "breaker", "fvg", "liquidity"] | None,
        Field(description="Only this kind of zone.", title="Zone"),
    ] = None
    side: Annotated[
        Literal[1, -1] | None,
        Field(description="1 demand, -1 supply; null for both.", title="Side"),
    ] = None


class Channels(RootModel[PlainChannel | WebhookChannel]):
    root: Annotated[PlainChannel | WebhookChannel, Field(discriminator="type")]


class ApiKeyMade(BaseModel):
    """
    A new key.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    key_id: Annotated[str, Field(title="Key Id")]
    name: Annotated[str, Field(title="Name")]
    prefix: Annotated[
        str,
        Field(
            description="First characters of the key.",
            examples=["cap_q8Zr3kTe"],
            title="Prefix",
        ),
    ]
    scopes: Annotated[list[Scope], Field(title="Scopes")]
    allowed_networks: Annotated[list[str], Field(title="Allowed Networks")]
    status: Annotated[Literal["good", "retiring", "ended", "revoked"], Field(title="Status")]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]
    expires_at: Annotated[AwareDatetime | None, Field(title="Expires At")]
    revoked_at: Annotated[AwareDatetime | None, Field(title="Revoked At")]
    retires_at: Annotated[
        AwareDatetime | None,
        Field(description="End of the time beside its successor.", title="Retires At"),
    ]
    successor_id: Annotated[str | None, Field(title="Successor Id")]
    last_used_at: Annotated[
        AwareDatetime | None,
        Field(description="A minute behind at most.", title="Last Used At"),
    ]
    last_used_address: Annotated[str | None, Field(title="Last Used Address")]
    key: Annotated[str, Field(description="The key itself. It is shown this once.", title="Key")]


class ApiKeySettings(BaseModel):
    """
    A key to make.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    name: Annotated[
        str,
        Field(
            description="For you to recognize it.",
            examples=["trading bot"],
            max_length=100,
            min_length=1,
            pattern="^[^\\x00-\\x1f\\x7f]*$",
            title="Name",
        ),
    ]
    scopes: Annotated[
        list[Scope],
        Field(
            description="What it may do.",
            examples=[["signals:read", "signals:stream"]],
            max_length=11,
            min_length=1,
            title="Scopes",
        ),
    ]
    expires_at: Annotated[
        AwareDatetime | None,
        Field(
            description="When it ends; null for a key without an end.",
            examples=["2030-01-01T00:00:00.000Z"],
            title="Expires At",
        ),
    ] = None
    allowed_networks: Annotated[
        list[AllowedNetwork] | None,
        Field(
            description="Addresses or networks it may be used from; none for all.",
            examples=[["203.0.113.0/24"]],
            max_length=50,
            title="Allowed Networks",
            validate_default=True,
        ),
    ] = []


class ApiKeyShown(BaseModel):
    """
    A key, without its secret.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    key_id: Annotated[str, Field(title="Key Id")]
    name: Annotated[str, Field(title="Name")]
    prefix: Annotated[
        str,
        Field(
            description="First characters of the key.",
            examples=["cap_q8Zr3kTe"],
            title="Prefix",
        ),
    ]
    scopes: Annotated[list[Scope], Field(title="Scopes")]
    allowed_networks: Annotated[list[str], Field(title="Allowed Networks")]
    status: Annotated[Literal["good", "retiring", "ended", "revoked"], Field(title="Status")]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]
    expires_at: Annotated[AwareDatetime | None, Field(title="Expires At")]
    revoked_at: Annotated[AwareDatetime | None, Field(title="Revoked At")]
    retires_at: Annotated[
        AwareDatetime | None,
        Field(description="End of the time beside its successor.", title="Retires At"),
    ]
    successor_id: Annotated[str | None, Field(title="Successor Id")]
    last_used_at: Annotated[
        AwareDatetime | None,
        Field(description="A minute behind at most.", title="Last Used At"),
    ]
    last_used_address: Annotated[str | None, Field(title="Last Used Address")]


class BacktestWanted(BaseModel):
    """
    What to backtest.

    With `vary` it is a sweep: one backtest for each combination. With `walk_forward` as well, the best of each window is
    traded in the days after it.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    strategy: Annotated[
        str,
        Field(
            examples=["smc_pullback"],
            max_length=64,
            min_length=1,
            pattern="^[A-Za-z0-9_.-]+$",
            title="Strategy",
        ),
    ]
    market: Annotated[
        str,
        Field(
            examples=["binance:BTCUSDT"],
            max_length=80,
            pattern="^[a-z0-9_]+:[A-Z0-9][A-Z0-9._/-]*$",
            title="Market",
        ),
    ]
    timeframe: Annotated[Timeframe, Field(examples=["15m"])]
    start: Annotated[
        date | None,
        Field(
            description="First day that is traded; the first stored one if not given.",
            title="Start",
        ),
    ] = None
    end: Annotated[
        date | None,
        Field(
            description="Last day; the last one your plan shows if not given.",
            title="End",
        ),
    ] = None
    parameters: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", min_length=1, max_length=64)],
            bool | Parameters | float | Parameters1,
        ]
        | None,
        Field(
            description="Of the strategy; what is left out is as it comes.",
            title="Parameters",
            validate_default=True,
        ),
    ] = {}
    config: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", min_length=1, max_length=64)],
            bool | Config | float | Config1,
        ]
        | None,
        Field(
            description="Of the account: cash, size, fees, slippage, leverage ...",
            title="Config",
            validate_default=True,
        ),
    ] = {}
    vary: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", min_length=1, max_length=64)],
            list[bool | Vary | float | Vary1],
        ]
        | None,
        Field(
            description="Values to try, by parameter.",
            examples=[{"stop_atr": [0.1, 0.2, 0.3]}],
            title="Vary",
            validate_default=True,
        ),
    ] = {}
    walk_forward: WalkForwardWanted | None = None
    robust: Annotated[
        bool | None,
        Field(
            description="Whether chance, costs and neighbours are tried too.",
            title="Robust",
        ),
    ] = True


class DataQuality(BaseModel):
    """
    What ingestion found, newest first; at most 100 of each.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    gaps: Annotated[list[GapSeen], Field(title="Gaps")]
    restatements: Annotated[list[RestatementSeen], Field(title="Restatements")]
    ingestion: Annotated[list[IngestionSeen], Field(title="Ingestion")]
    refused: Annotated[list[RefusalSeen], Field(title="Refused")]


class FiringShown(BaseModel):
    """
    An event that a rule held for.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    firing_id: Annotated[int, Field(title="Firing Id")]
    kind: Annotated[
        Literal["signal", "outcome", "price", "zone", "structure", "test"],
        Field(title="Kind"),
    ]
    title: Annotated[str, Field(title="Title")]
    text: Annotated[str, Field(title="Text")]
    market: Annotated[str | None, Field(title="Market")]
    timeframe: Annotated[str | None, Field(title="Timeframe")]
    event: Annotated[dict[str, Any], Field(title="Event")]
    state: Annotated[
        Literal["queued", "held", "quiet", "stale"],
        Field(
            description="`held`: told when the quiet hours end. `quiet`: dropped by them. `stale`: known too late to be news.",
            title="State",
        ),
    ]
    known_at: Annotated[AwareDatetime, Field(title="Known At")]
    matched_at: Annotated[AwareDatetime, Field(title="Matched At")]
    channels: Annotated[list[NoticeShown], Field(title="Channels")]


class Timeframes(RootModel[list[Timeframe]]):
    root: Annotated[
        list[Timeframe],
        Field(
            description="Only these timeframes; null for all.",
            max_length=13,
            min_length=1,
            title="Timeframes",
        ),
    ]


class OutcomeCondition(BaseModel):
    """
    A published signal reaches a target, is stopped, or expires.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    markets: Annotated[
        Markets | None,
        Field(description="Only these markets; null for all.", title="Markets"),
    ] = None
    timeframes: Annotated[
        Timeframes | None,
        Field(description="Only these timeframes; null for all.", title="Timeframes"),
    ] = None
    strategy: Annotated[Strategy | None, Field(description="Only this strategy.", title="Strategy")] = None
    direction: Annotated[
        Literal[1, -1] | None,
        Field(description="1 long, -1 short; null for both.", title="Direction"),
    ] = None
    minimum_score: Annotated[float | None, Field(ge=0.0, le=1.0, title="Minimum Score")] = 0.0
    exclude_simulated: Annotated[
        bool | None,
        Field(
            description="Leave signals of simulated markets out.",
            title="Exclude Simulated",
        ),
    ] = False
    kind: Annotated[Literal["outcome"], Field(title="Kind")]
    outcomes: Annotated[
        list[Literal["target_1", "target_2", "stopped", "expired"]] | None,
        Field(min_length=1, title="Outcomes"),
    ] = ["target_1", "target_2", "stopped", "expired"]


class PageApiKeyShown(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[ApiKeyShown], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PageFiringShown(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[FiringShown], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PagePersonSeen(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[PersonSeen], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PageSessionShown(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[SessionShown], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PageSubscriptionShown(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[SubscriptionShown], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PageTakedownSeen(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[TakedownSeen], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PageWatchlistShown(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[WatchlistShown], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PageWebhookDeliveryShown(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[WebhookDeliveryShown], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PlanList(BaseModel):
    """
    All plans on offer.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[PlanShown], Field(title="Items")]
    next_cursor: Annotated[None, Field(title="Next Cursor")]


class PriceCondition(BaseModel):
    """
    The close of a bar is beyond a level that the close before was not beyond.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    kind: Annotated[Literal["price"], Field(title="Kind")]
    market: Annotated[
        str,
        Field(max_length=80, pattern="^[a-z0-9_]+:[A-Z0-9][A-Z0-9._/-]*$", title="Market"),
    ]
    timeframe: Timeframe
    level: Annotated[float, Field(gt=0.0, le=1000000000000000.0, title="Level")]
    crosses: Annotated[Crossing | None, Field(validate_default=True)] = "either"


class PushList(BaseModel):
    """
    All of them, oldest first.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[PushShown], Field(title="Items")]
    next_cursor: Annotated[None, Field(title="Next Cursor")]


class QuietHours(BaseModel):
    """
    Not to be told between two times of day, by the person's own time zone.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    start: Annotated[str, Field(examples=["22:00"], pattern="^\\d{2}:\\d{2}$", title="Start")]
    end: Annotated[str, Field(examples=["22:00"], pattern="^\\d{2}:\\d{2}$", title="End")]
    then: Annotated[
        QuietThen | None,
        Field(
            description="Hold it back until they end, or drop it.",
            validate_default=True,
        ),
    ] = "hold"


class Readiness(BaseModel):
    """
    Whether requests can be answered.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    status: Annotated[
        Literal["ok", "degraded", "down", "draining"],
        Field(
            description="`down` (with status 503): a required store is missing, or its tables. `degraded`: another one is. `draining` (with status 503): this process is about to stop, and still answers.",
            title="Status",
        ),
    ]
    stores: Annotated[list[StoreHealth], Field(title="Stores")]
    migrations: Migrations


class SeriesReplyStructureEvent(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[StructureEvent], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    timeframe: Annotated[str, Field(examples=["15m"], title="Timeframe")]
    simulated: Annotated[
        bool,
        Field(
            description="Whether the market is simulated: its prices were never traded anywhere.",
            title="Simulated",
        ),
    ]


class SeriesReplyZone(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[Zone], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    timeframe: Annotated[str, Field(examples=["15m"], title="Timeframe")]
    simulated: Annotated[
        bool,
        Field(
            description="Whether the market is simulated: its prices were never traded anywhere.",
            title="Simulated",
        ),
    ]


class Signal(BaseModel):
    """
    A published signal. Nothing of it ever changes but the last fields, which tell what became of it.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    signal_id: Annotated[str, Field(title="Signal Id")]
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    timeframe: Annotated[str, Field(examples=["15m"], title="Timeframe")]
    simulated: Annotated[
        bool,
        Field(
            description="Whether the market is simulated: its prices were never traded anywhere.",
            title="Simulated",
        ),
    ]
    strategy: Annotated[str, Field(title="Strategy")]
    direction: Annotated[Side, Field(description="+1 long, -1 short.")]
    ts: Annotated[
        AwareDatetime,
        Field(description="Open time of the deciding bar, UTC.", title="Ts"),
    ]
    known_at: Annotated[
        AwareDatetime,
        Field(description="Close time of the deciding bar, UTC.", title="Known At"),
    ]
    published_at: Annotated[
        AwareDatetime,
        Field(
            description="When it was first published, by the server's clock.",
            title="Published At",
        ),
    ]
    entry: Annotated[float, Field(title="Entry")]
    stop: Annotated[float, Field(title="Stop")]
    target_1: Annotated[float, Field(title="Target 1")]
    target_2: Annotated[float | None, Field(title="Target 2")]
    risk_reward: Annotated[
        float,
        Field(
            description="Distance to the last target over distance to the stop.",
            title="Risk Reward",
        ),
    ]
    score: Annotated[float, Field(description="Raw score of the strategy, 0 to 1.", title="Score")]
    reasons: Annotated[list[str], Field(title="Reasons")]
    zone_id: Annotated[str | None, Field(description="Zone behind the signal.", title="Zone Id")]
    decision: Annotated[
        Literal["accepted", "resized"],
        Field(
            description="Decision of the risk stage on the paper account.",
            title="Decision",
        ),
    ]
    size: Annotated[
        float,
        Field(description="Position of the paper account, base asset.", title="Size"),
    ]
    notional: Annotated[
        float,
        Field(description="Its value at entry, quote currency.", title="Notional"),
    ]
    risk_amount: Annotated[
        float,
        Field(description="Its loss at the stop, quote currency.", title="Risk Amount"),
    ]
    risk_fraction: Annotated[
        float,
        Field(description="That loss as a fraction of equity.", title="Risk Fraction"),
    ]
    status: Annotated[Literal["open", "closed"], Field(title="Status")]
    target_1_ts: Annotated[
        AwareDatetime | None,
        Field(
            description="Bar that reached the first target, if one did.",
            title="Target 1 Ts",
        ),
    ]
    outcome: Annotated[
        Literal["target_1", "target_2", "stopped", "expired"] | None,
        Field(description="How it ended; null if open.", title="Outcome"),
    ]
    outcome_ts: Annotated[AwareDatetime | None, Field(title="Outcome Ts")]
    result_r: Annotated[
        float | None,
        Field(
            description="Result in units of the initial risk, before costs; null if open.",
            title="Result R",
        ),
    ]
    bars_held: Annotated[int | None, Field(title="Bars Held")]
    takedown: Annotated[
        Takedown | None,
        Field(description="Set if it was taken down; it stays visible and counts all the same."),
    ]


class SignalCondition(BaseModel):
    """
    A signal is published.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    markets: Annotated[
        Markets2 | None,
        Field(description="Only these markets; null for all.", title="Markets"),
    ] = None
    timeframes: Annotated[
        Timeframes | None,
        Field(description="Only these timeframes; null for all.", title="Timeframes"),
    ] = None
    strategy: Annotated[Strategy | None, Field(description="Only this strategy.", title="Strategy")] = None
    direction: Annotated[
        Literal[1, -1] | None,
        Field(description="1 long, -1 short; null for both.", title="Direction"),
    ] = None
    minimum_score: Annotated[float | None, Field(ge=0.0, le=1.0, title="Minimum Score")] = 0.0
    exclude_simulated: Annotated[
        bool | None,
        Field(
            description="Leave signals of simulated markets out.",
            title="Exclude Simulated",
        ),
    ] = False
    kind: Annotated[Literal["signal"], Field(title="Kind")]


class SignalDetail(BaseModel):
    """
    A signal with all that is known around it.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    signal_id: Annotated[str, Field(title="Signal Id")]
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    timeframe: Annotated[str, Field(examples=["15m"], title="Timeframe")]
    simulated: Annotated[
        bool,
        Field(
            description="Whether the market is simulated: its prices were never traded anywhere.",
            title="Simulated",
        ),
    ]
    strategy: Annotated[str, Field(title="Strategy")]
    direction: Annotated[Side, Field(description="+1 long, -1 short.")]
    ts: Annotated[
        AwareDatetime,
        Field(description="Open time of the deciding bar, UTC.", title="Ts"),
    ]
    known_at: Annotated[
        AwareDatetime,
        Field(description="Close time of the deciding bar, UTC.", title="Known At"),
    ]
    published_at: Annotated[
        AwareDatetime,
        Field(
            description="When it was first published, by the server's clock.",
            title="Published At",
        ),
    ]
    entry: Annotated[float, Field(title="Entry")]
    stop: Annotated[float, Field(title="Stop")]
    target_1: Annotated[float, Field(title="Target 1")]
    target_2: Annotated[float | None, Field(title="Target 2")]
    risk_reward: Annotated[
        float,
        Field(
            description="Distance to the last target over distance to the stop.",
            title="Risk Reward",
        ),
    ]
    score: Annotated[float, Field(description="Raw score of the strategy, 0 to 1.", title="Score")]
    reasons: Annotated[list[str], Field(title="Reasons")]
    zone_id: Annotated[str | None, Field(description="Zone behind the signal.", title="Zone Id")]
    decision: Annotated[
        Literal["accepted", "resized"],
        Field(
            description="Decision of the risk stage on the paper account.",
            title="Decision",
        ),
    ]
    size: Annotated[
        float,
        Field(description="Position of the paper account, base asset.", title="Size"),
    ]
    notional: Annotated[
        float,
        Field(description="Its value at entry, quote currency.", title="Notional"),
    ]
    risk_amount: Annotated[
        float,
        Field(description="Its loss at the stop, quote currency.", title="Risk Amount"),
    ]
    risk_fraction: Annotated[
        float,
        Field(description="That loss as a fraction of equity.", title="Risk Fraction"),
    ]
    status: Annotated[Literal["open", "closed"], Field(title="Status")]
    target_1_ts: Annotated[
        AwareDatetime | None,
        Field(
            description="Bar that reached the first target, if one did.",
            title="Target 1 Ts",
        ),
    ]
    outcome: Annotated[
        Literal["target_1", "target_2", "stopped", "expired"] | None,
        Field(description="How it ended; null if open.", title="Outcome"),
    ]
    outcome_ts: Annotated[AwareDatetime | None, Field(title="Outcome Ts")]
    result_r: Annotated[
        float | None,
        Field(
            description="Result in units of the initial risk, before costs; null if open.",
            title="Result R",
        ),
    ]
    bars_held: Annotated[int | None, Field(title="Bars Held")]
    takedown: Annotated[
        Takedown | None,
        Field(description="Set if it was taken down; it stays visible and counts all the same."),
    ]
    outcomes: Annotated[
        list[Outcome],
        Field(description="In the order in which they became known.", title="Outcomes"),
    ]
    bars_since: Annotated[
        int,
        Field(
            description="Bars closed since it was known; of a closed signal until its end.",
            title="Bars Since",
        ),
    ]
    targets_reached: Annotated[list[Literal["target_1", "target_2"]], Field(title="Targets Reached")]
    risk: RiskDecision | None
    zone: Zone | None
    structure: Annotated[
        list[StructureEvent] | None,
        Field(
            description="Last events of each scale that were known when it was decided, newest first.",
            title="Structure",
        ),
    ]
    track_record: Annotated[
        TrackRecord | None,
        Field(
            description="Of its strategy on this market and timeframe; the interval says how little or much that means."
        ),
    ]
    background: Annotated[
        Literal["complete", "unavailable"],
        Field(
            description="`unavailable`: the warehouse did not answer, so `risk`, `zone` and `structure` are missing.",
            title="Background",
        ),
    ]


class StoredMarket(BaseModel):
    """
    A market and what is stored of it.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    market: Annotated[str, Field(examples=["binance:BTCUSDT"], title="Market")]
    exchange: Annotated[str, Field(examples=["binance"], title="Exchange")]
    symbol: Annotated[str, Field(examples=["BTCUSDT"], title="Symbol")]
    simulated: Annotated[
        bool,
        Field(
            description="Whether the market is simulated: its prices were never traded anywhere.",
            title="Simulated",
        ),
    ]
    timeframes: Annotated[list[StoredTimeframe], Field(title="Timeframes")]


class StructureCondition(BaseModel):
    """
    Structure breaks.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    markets: Annotated[list[Market], Field(max_length=50, min_length=1, title="Markets")]
    timeframes: Annotated[list[Timeframe], Field(max_length=13, min_length=1, title="Timeframes")]
    scale: Annotated[
        Literal["micro", "internal", "swing"] | None,
        Field(description="Only this scale.", title="Scale"),
    ] = None
    kind: Annotated[Literal["structure"], Field(title="Kind")]
    event: Annotated[
        Literal["bos", "choch"] | None,
        Field(description="Only this kind of break.", title="Event"),
    ] = None
    direction: Annotated[
        Literal[1, -1] | None,
        Field(description="1 up, -1 down; null for both.", title="Direction"),
    ] = None


class WebhookList(BaseModel):
    """
    All webhooks of a person.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[WebhookShown], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class AlertChanges(BaseModel):
    """
    What is to change of a rule; what is left out stays.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    name: Annotated[
        str | None,
        Field(
            examples=["BTC over 50,000"],
            max_length=100,
            min_length=1,
            pattern="^[^\\x00-\\x1f\\x7f]+$",
            title="Name",
        ),
    ] = "-"
    condition: Annotated[
        SignalCondition | OutcomeCondition | PriceCondition | ZoneCondition | StructureCondition | None,
        Field(
            description="What it waits for.",
            examples=[
                {"crosses": "above", "kind": "price", "level": 50000, "market": "binance:BTCUSDT", "timeframe": "15m"}
            ],
            title="Condition",
        ),
    ] = None
    channels: Annotated[
        list[Channels] | None,
        Field(
            description="How you are told.",
            examples=[[{"type": "email"}]],
            max_length=10,
            min_length=1,
            title="Channels",
            validate_default=True,
        ),
    ] = []
    quiet_hours: QuietHours | None = None
    cooldown_seconds: Annotated[
        int | None,
        Field(
            description="After an event the rule passes over what is known within so many seconds.",
            ge=0,
            le=604800,
            title="Cooldown Seconds",
        ),
    ] = 0
    expires_at: Annotated[AwareDatetime | None, Field(title="Expires At")] = None
    enabled: Annotated[bool | None, Field(examples=[True], title="Enabled")] = True


class AlertSettings(BaseModel):
    """
    A rule to make.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    name: Annotated[
        str,
        Field(
            examples=["BTC over 50,000"],
            max_length=100,
            min_length=1,
            pattern="^[^\\x00-\\x1f\\x7f]+$",
            title="Name",
        ),
    ]
    condition: Annotated[
        SignalCondition | OutcomeCondition | PriceCondition | ZoneCondition | StructureCondition,
        Field(
            description="What it waits for.",
            discriminator="kind",
            examples=[
                {"crosses": "above", "kind": "price", "level": 50000, "market": "binance:BTCUSDT", "timeframe": "15m"}
            ],
            title="Condition",
        ),
    ]
    channels: Annotated[
        list[Channels],
        Field(
            description="How you are told.",
            examples=[[{"type": "email"}]],
            max_length=10,
            min_length=1,
            title="Channels",
        ),
    ]
    quiet_hours: Annotated[QuietHours | None, Field(description="By the time zone of your profile.")] = None
    cooldown_seconds: Annotated[
        int | None,
        Field(
            description="After an event the rule passes over what is known within so many seconds.",
            ge=0,
            le=604800,
            title="Cooldown Seconds",
        ),
    ] = 0
    expires_at: Annotated[
        AwareDatetime | None,
        Field(description="What is known from then on does not count.", title="Expires At"),
    ] = None
    enabled: Annotated[bool | None, Field(title="Enabled")] = True


class AlertShown(BaseModel):
    """
    A rule.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    alert_id: Annotated[str, Field(title="Alert Id")]
    name: Annotated[str, Field(title="Name")]
    condition: Annotated[
        SignalCondition | OutcomeCondition | PriceCondition | ZoneCondition | StructureCondition,
        Field(discriminator="kind", title="Condition"),
    ]
    channels: Annotated[list[Channels], Field(title="Channels")]
    quiet_hours: QuietHours | None
    cooldown_seconds: Annotated[int, Field(title="Cooldown Seconds")]
    expires_at: Annotated[AwareDatetime | None, Field(title="Expires At")]
    enabled: Annotated[bool, Field(title="Enabled")]
    within_plan: Annotated[
        bool,
        Field(
            description="False for a rule that is on and that your plan has no room for: the oldest ones count.",
            title="Within Plan",
        ),
    ]
    active_since: Annotated[
        AwareDatetime,
        Field(description="What was known before does not count.", title="Active Since"),
    ]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]
    updated_at: Annotated[AwareDatetime, Field(title="Updated At")]


class BacktestShown(BaseModel):
    """
    A backtest, how far it is, and what came of it.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    backtest_id: Annotated[str, Field(title="Backtest Id")]
    kind: BacktestKind
    status: BacktestStatus
    request: BacktestWanted
    stage: Annotated[
        str | None,
        Field(
            description="What is being done.",
            examples=["Random entries"],
            title="Stage",
        ),
    ]
    done: Annotated[int, Field(description="How much of the stage.", title="Done")]
    total: Annotated[
        int | None,
        Field(description="Of how much; null where nobody knows.", title="Total"),
    ]
    failure: Annotated[str | None, Field(description="Why it failed.", title="Failure")]
    summary: Annotated[
        dict[str, Any] | None,
        Field(description="Verdict and metrics of one that is done.", title="Summary"),
    ]
    documents: Annotated[
        list[Literal["report", "result", "curve", "sweep"]],
        Field(description="What can be read of it.", title="Documents"),
    ]
    created_at: Annotated[AwareDatetime, Field(title="Created At")]
    started_at: Annotated[AwareDatetime | None, Field(title="Started At")]
    ended_at: Annotated[AwareDatetime | None, Field(title="Ended At")]


class PageBacktestShown(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[BacktestShown], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PageSignal(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[Signal], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class PageStoredMarket(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[StoredMarket], Field(title="Items")]
    next_cursor: Annotated[
        str | None,
        Field(
            description="Hand it over as `cursor` for the next page; null on the last one.",
            title="Next Cursor",
        ),
    ]


class AlertList(BaseModel):
    """
    All rules, oldest first.
    """

    model_config = ConfigDict(
        extra="ignore",
    )
    items: Annotated[list[AlertShown], Field(title="Items")]
    next_cursor: Annotated[None, Field(title="Next Cursor")]
