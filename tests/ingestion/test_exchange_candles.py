"""The real ccxt client against a server that speaks Binance's endpoints and misbehaves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import polars as pl
import pytest

from engines.errors import EngineError
from engines.ingestion.exchange import ExchangeCandles
from engines.ingestion.retry import Retry
from engines.ingestion.source import Batch, Series
from engines.ingestion.vocabulary import NoSeries, SourceError, SourceUnavailable
from engines.timeframe import Timeframe
from tests.ingestion.fake_binance import FakeBinance, fake_binance, kline, ok, status

MARKET = Series("binance", "BTCUSDT", Timeframe.M1)
START = 1_704_067_200_000
MINUTE = 60_000


@pytest.fixture
def fake() -> Iterator[FakeBinance]:
    with fake_binance() as server:
        server.klines = [kline(START + i * MINUTE, 100.0 + i) for i in range(25)]
        server.now = START + 25 * MINUTE + 10_000
        yield server


class Sleeps(list[float]):
    """Waits instead of sleeping."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def source(fake: FakeBinance, sleeps: Sleeps | None = None, attempts: int = 4, clock: Callable[[], int] | None = None):
    retry = Retry(attempts=attempts, sleep=Sleeps() if sleeps is None else sleeps, scatter=lambda: 1.0)
    return ExchangeCandles(clock or (lambda: fake.now), retry, fake.configuration, page=10)


def times(batches: list[Batch]) -> list[int]:
    return pl.concat([batch.bars for batch in batches])["ts"].to_physical().to_list()


def minutes(count: int, first: int = 0) -> list[int]:
    return [START + i * MINUTE for i in range(first, first + count)]


def test_pages_come_in_order_and_hold_every_closed_bar(fake: FakeBinance) -> None:
    fake.klines.append(kline(START + 25 * MINUTE, 1.0))  # still open
    batches = list(source(fake).read(MARKET, Timeframe.M1, START))
    assert [batch.bars.height for batch in batches] == [10, 10, 5]
    assert times(batches) == minutes(25)
    assert batches[0].bars["close"].to_list() == [100.0 + i for i in range(10)]
    report = batches[1].report
    assert (report.ts, report.ts_last, report.bars, report.source.value) == (
        *minutes(2, 10)[:1],
        minutes(1, 19)[0],
        10,
        "exchange",
    )
    assert {(p["symbol"], p["interval"], p["limit"]) for p in fake.asked("/api/v3/klines")} == {("BTCUSDT", "1m", "10")}


def test_only_spot_markets_are_asked_for(fake: FakeBinance) -> None:
    list(source(fake).read(MARKET, Timeframe.M1, START))
    assert {path for path, _ in fake.requests} == {"/api/v3/exchangeInfo", "/api/v3/time", "/api/v3/klines"}


@pytest.mark.parametrize(("theirs", "ours"), [(0, 300_000), (300_000, 0), (0, 0)])
def test_an_open_bar_is_never_handed_over_whichever_clock_is_wrong(fake: FakeBinance, theirs: int, ours: int) -> None:
    now = START + 12 * MINUTE + 59_999
    fake.now = now + theirs
    batches = list(source(fake, clock=lambda: now + ours).read(MARKET, Timeframe.M1, START))
    assert times(batches) == minutes(12)


def test_reading_resumes_after_the_last_bar_stored(fake: FakeBinance) -> None:
    first = next(iter(source(fake).read(MARKET, Timeframe.M1, START)))
    rest = list(source(fake).read(MARKET, Timeframe.M1, first.report.ts_last + 1))
    assert times([first, *rest]) == minutes(25)


def test_the_window_is_half_open(fake: FakeBinance) -> None:
    batches = list(source(fake).read(MARKET, Timeframe.M1, START + 3 * MINUTE, START + 14 * MINUTE))
    assert times(batches) == minutes(11, 3)


@pytest.mark.parametrize(
    "fault",
    [
        status(429, {"Retry-After": "7"}),
        status(418, {"Retry-After": "7"}),
        status(500, {"Retry-After": "7"}, b"<html>oops</html>"),
        status(502, {"Retry-After": "7"}, b""),
        status(503, {"Retry-After": "7"}),
        status(504, {"Retry-After": "7"}),
    ],
)
def test_a_transient_status_is_waited_out_as_long_as_the_exchange_asks(fake: FakeBinance, fault) -> None:
    fake.faults.extend([None, fault])
    sleeps = Sleeps()
    assert times(list(source(fake, sleeps).read(MARKET, Timeframe.M1, START))) == minutes(25)
    assert sleeps == [7.0]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda klines: None, id="hangs up"),
        pytest.param(lambda klines: (200, {"Content-Length": "9999"}, ok(klines)[2][:80]), id="body cut off"),
        pytest.param(lambda klines: (200, {"Content-Type": "application/json"}, ok(klines)[2][:80]), id="JSON cut off"),
        pytest.param(lambda klines: (200, {"Content-Type": "application/json"}, b""), id="nothing"),
        pytest.param(lambda klines: (200, {"Content-Type": "text/html"}, b"<html>captive portal</html>"), id="HTML"),
        pytest.param(lambda klines: ok([[k[0], None, None, None, None, None] for k in klines]), id="nulls"),
        pytest.param(lambda klines: ok([1, 2, 3]), id="numbers"),
        pytest.param(lambda klines: ok({"candles": klines}), id="object"),
    ],
)
def test_a_broken_reply_is_asked_for_again(fake: FakeBinance, fault) -> None:
    fake.faults.extend([None, fault])
    sleeps = Sleeps()
    assert times(list(source(fake, sleeps).read(MARKET, Timeframe.M1, START))) == minutes(25)
    assert len(sleeps) == 1


def test_waits_grow_and_attempts_are_bounded(fake: FakeBinance) -> None:
    fake.faults.extend([None, *[status(503)] * 10])
    sleeps = Sleeps()
    pages = source(fake, sleeps).read(MARKET, Timeframe.M1, START)
    assert next(pages).bars.height == 10
    with pytest.raises(SourceUnavailable, match=r"binance could not give candles of BTC/USDT 1m after 4 attempts"):
        next(pages)
    assert sleeps == [1.0, 2.0, 4.0]


def test_a_long_ban_is_not_sat_out(fake: FakeBinance) -> None:
    fake.faults.append(status(418, {"Retry-After": "259200"}))
    sleeps = Sleeps()
    with pytest.raises(SourceUnavailable, match="it asks to wait 259200 s"):
        list(source(fake, sleeps).read(MARKET, Timeframe.M1, START))
    assert sleeps == []


@pytest.mark.parametrize("code", [403, 451])
def test_a_refusal_by_place_is_not_asked_again(fake: FakeBinance, code: int) -> None:
    fake.info_faults.append(status(code, body=b"restricted location"))
    sleeps = Sleeps()
    with pytest.raises(SourceUnavailable):
        list(source(fake, sleeps).read(MARKET, Timeframe.M1, START))
    assert sleeps == []
    assert len(fake.requests) == 1


def test_an_unknown_symbol_and_a_bad_request_fail_at_once(fake: FakeBinance) -> None:
    sleeps = Sleeps()
    with pytest.raises(NoSeries, match="no market BTCEUR; it has BTCUSDT"):
        list(source(fake, sleeps).read(Series("binance", "BTCEUR", Timeframe.M1), Timeframe.M1, START))
    fake.faults.append(status(400, body=b'{"code":-1121,"msg":"Invalid symbol."}'))
    with pytest.raises(EngineError, match="BadSymbol"):
        list(source(fake, sleeps).read(MARKET, Timeframe.M1, START))
    assert sleeps == []


def test_an_unknown_exchange_is_named() -> None:
    with pytest.raises(NoSeries, match="'nowhere' is not an exchange"):
        list(ExchangeCandles(lambda: 0).read(Series("nowhere", "BTCUSDT", Timeframe.M1), Timeframe.M1))


def test_a_doubled_page_changes_nothing(fake: FakeBinance) -> None:
    fake.faults.extend([None, lambda klines: ok(fake.klines[:10])])
    assert times(list(source(fake).read(MARKET, Timeframe.M1, START))) == minutes(25)


def test_an_exchange_that_keeps_sending_the_first_page_is_not_read_forever(fake: FakeBinance) -> None:
    exchange = source(fake)
    client = exchange._client("binance")
    exchange.probe(MARKET)
    first_page = [[START + i * MINUTE, 100.0, 101.0, 99.0, 100.0, 1.0] for i in range(10)]
    calls: list[int] = []

    def send_first_page(*_: object) -> list[list[float]]:
        calls.append(1)
        assert len(calls) < 10, "the reader goes round in circles"
        return list(first_page)

    client.fetch_ohlcv = send_first_page
    assert times(list(exchange.read(MARKET, Timeframe.M1, START))) == minutes(10)


def test_rows_doubled_within_a_page_are_counted(fake: FakeBinance) -> None:
    fake.faults.append(lambda klines: ok([*klines[:5], *klines[:5]]))
    batches = list(source(fake).read(MARKET, Timeframe.M1, START))
    assert times(batches) == minutes(25)
    assert batches[0].report.duplicate_bars == 5


def test_a_page_out_of_order_does_not_lose_the_one_before(fake: FakeBinance) -> None:
    fake.faults.extend([None, lambda klines: ok(fake.klines[20:])])
    assert times(list(source(fake).read(MARKET, Timeframe.M1, START))) == minutes(25)


def test_a_page_that_is_empty_once_is_asked_for_again(fake: FakeBinance) -> None:
    fake.faults.extend([None, lambda klines: ok([])])
    assert times(list(source(fake).read(MARKET, Timeframe.M1, START))) == minutes(25)


def test_an_outage_of_the_exchange_is_a_gap_once_seen_twice(fake: FakeBinance) -> None:
    del fake.klines[10:14]
    batches = list(source(fake).read(MARKET, Timeframe.M1, START))
    assert times(batches) == [*minutes(10), *minutes(11, 14)]
    starts = [p["startTime"] for p in fake.asked("/api/v3/klines")]
    assert starts.count(str(START + 10 * MINUTE)) == 2


def test_history_before_the_listing_is_passed_over(fake: FakeBinance) -> None:
    batches = list(source(fake).read(MARKET, Timeframe.M1))
    assert times(batches) == minutes(25)


def test_a_page_with_a_bad_row_is_refused_and_nothing_comes_after(fake: FakeBinance) -> None:
    fake.klines[12] = kline(START + 12 * MINUTE, 112.0, high=50.0)
    batches: list[Batch] = []
    with pytest.raises(SourceError, match=r"row 2: high is below max\(open, close\)"):
        batches.extend(source(fake).read(MARKET, Timeframe.M1, START))
    pages = source(fake).read(MARKET, Timeframe.M1, START)
    good, refused = next(pages), next(pages)
    assert good.report.accepted
    assert not refused.report.accepted
    assert refused.bars.is_empty()
    assert refused.report.reason == "row 2: high is below max(open, close)"


def test_a_server_that_never_answers_is_given_up(fake: FakeBinance) -> None:
    release = threading.Event()
    fake.info_faults.extend([lambda klines: release.wait(30) and None] * 5)
    try:
        with pytest.raises(SourceUnavailable, match="check the network"):
            source(fake).probe(MARKET, timeout=0.2)
    finally:
        release.set()
    assert len(fake.requests) == 2


def test_no_server_at_all() -> None:
    with fake_binance() as fake:
        configuration = fake.configuration
    exchange = ExchangeCandles(lambda: START, Retry(attempts=2, sleep=Sleeps()), configuration)
    with pytest.raises(SourceUnavailable, match="use --source files:PATH or --source sim"):
        exchange.probe(MARKET)
    with pytest.raises(SourceUnavailable, match="after 2 attempts"):
        list(exchange.read(MARKET, Timeframe.M1, START))


def test_the_base_is_the_finest_the_exchange_offers(fake: FakeBinance) -> None:
    exchange = source(fake)
    for _ in range(3):
        assert exchange.choose_base(MARKET, [Timeframe.M15, Timeframe.H1]) is Timeframe.M1
    assert [path for path, _ in fake.requests] == ["/api/v3/exchangeInfo"]


def test_choosing_the_base_tells_an_exchange_out_of_reach_and_an_unknown_market(fake: FakeBinance) -> None:
    with pytest.raises(NoSeries, match="no market BTCEUR"):
        source(fake).choose_base(Series("binance", "BTCEUR", Timeframe.M1), [Timeframe.H1])
    fake.info_faults.extend([status(503)] * 5)
    with pytest.raises(SourceUnavailable, match="after 2 attempts"):
        source(fake).choose_base(MARKET, [Timeframe.H1])


def test_requests_are_throttled_by_their_weight(fake: FakeBinance) -> None:
    exchange = source(fake)
    exchange.probe(MARKET)
    client = exchange._client("binance")
    assert client.enableRateLimit
    costs: list[float] = []
    client.throttle = costs.append
    list(exchange.read(MARKET, Timeframe.M1, START))
    weights = {"/api/v3/time": 0.2, "/api/v3/klines": 0.4}
    assert costs == pytest.approx([weights[path] for path, _ in fake.requests[1:]])
