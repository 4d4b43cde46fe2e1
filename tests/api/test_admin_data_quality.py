"""What ingestion found wrong, as administrators see it: as it stands now, newest first."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from api.security.principal import Role
from stores.settings import Settings
from stores.warehouse import Warehouse
from tests.api.conftest import Served
from tests.api.people import make_user
from tests.api.world import insert, series, text, ts

STORED = datetime(2024, 6, 1, 12, tzinfo=UTC)
BASE = series(timeframe="1m")


def gap(number: int, missing: int, later: int = 0) -> dict[str, Any]:
    return {
        **BASE,
        "ts": ts(number),
        "gap_end": ts(number + 1),
        "missing_bars": missing,
        "ingested_at": STORED + timedelta(minutes=later),
    }


def report(number: int, status: str = "accepted", **changes: Any) -> dict[str, Any]:
    return {
        **BASE,
        "ts": ts(number),
        "ts_last": ts(number + 1),
        "source": "files",
        "origin": f"file-{number}.csv",
        "content_hash": f"hash {number}",
        "status": status,
        "reason": "row 7: high below low" if status == "refused" else "",
        "bars": 0 if status == "refused" else 1_000,
        "snapped_bars": 3,
        "refused_bars": 1,
        "duplicate_bars": 2,
        "missing_bars": 0,
        "ingested_at": STORED + timedelta(minutes=number),
        **changes,
    }


def restatement() -> dict[str, Any]:
    prices = {f"{age}_{name}": 1.0 for age in ("old", "new") for name in ("open", "high", "low", "close", "volume")}
    return {**BASE, "ts": ts(4), **prices, "new_close": 2.5, "source": "exchange", "ingested_at": STORED}


def store(settings: Settings) -> None:
    milliseconds = pl.Datetime("ms", "UTC")
    with closing(Warehouse.connect(settings, origin="test")) as warehouse:
        # The first gap was filled by later data, the second is there, and newer.
        for rows in ([gap(10, 5), gap(20, 7)], [gap(10, 0, later=1)]):
            insert(warehouse, "candle_gaps", rows, gap_end=milliseconds)
        insert(warehouse, "candle_restatements", [restatement()])
        reports = [report(1), report(2), report(2), report(3, status="refused")]
        insert(warehouse, "ingestion_reports", reports, ts_last=milliseconds)


@pytest.fixture(scope="module")
def found(served: Served) -> dict[str, Any]:
    store(served.settings)
    admin = make_user(served.settings, role=Role.ADMIN, second_factor=True)
    reply = served.client.get("/v1/admin/data-quality", headers=admin.headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_gaps_are_those_that_are_still_open(found: dict[str, Any]) -> None:
    assert found["gaps"] == [
        {
            "market": "binance:BTCUSDT",
            "timeframe": "1m",
            "first_missing": text(ts(20)),
            "last_missing": text(ts(21)),
            "missing_bars": 7,
        }
    ]


def test_a_changed_bar_shows_what_it_was_and_what_it_is(found: dict[str, Any]) -> None:
    (one,) = found["restatements"]
    assert (one["ts"], one["old_close"], one["new_close"]) == (text(ts(4)), 1.0, 2.5)
    assert (one["source"], one["stored_at"]) == ("exchange", text(STORED))


def test_what_a_source_brought_is_counted_once_and_refusals_say_why(found: dict[str, Any]) -> None:
    (one,) = found["ingestion"]
    counted = (one["batches"], one["bars"], one["snapped_bars"], one["duplicate_bars"], one["refused_bars"])
    assert counted == (2, 2_000, 6, 4, 2)
    (refused,) = found["refused"]
    assert (refused["origin"], refused["reason"]) == ("file-3.csv", "row 7: high below low")


def test_it_is_for_administrators(served: Served) -> None:
    person = make_user(served.settings)
    assert served.client.get("/v1/admin/data-quality", headers=person.headers).status_code == 403
    assert served.client.get("/v1/admin/data-quality").status_code == 401
