"""Many clients at once: who waits for whom, who stops whom, and how much memory it takes."""

from __future__ import annotations

import http.client
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local.clickhouse_server import User
from deploy.local.clickhouse_server.engine import ClientGone, FairSlots
from tests.deploy.clickhouse_process import ClickHouseProcess, wait_for

ENDLESS = "SELECT count() FROM system.numbers"


def _running(clickhouse: ClickHouseProcess, what: str) -> int:
    look = "SELECT count() FROM system.processes WHERE query LIKE {what:String} AND query NOT LIKE '%system.processes%'"
    return int(clickhouse.sql(look, param_what=f"%{what}%"))


def _send(
    clickhouse: ClickHouseProcess, query: str, target: str = "/", user: User = User.CAP
) -> http.client.HTTPConnection:
    connection = clickhouse.connect()
    connection.request("POST", target, query, clickhouse.authorization(user))
    return connection


def test_a_short_query_passes_a_long_one(clickhouse: ClickHouseProcess) -> None:
    long = _send(clickhouse, f"{ENDLESS} WHERE number != 1")
    wait_for(lambda: _running(clickhouse, "number != 1"), "the long query runs")
    assert clickhouse.sql("SELECT 1") == "1"
    assert _running(clickhouse, "number != 1") == 1
    long.close()
    wait_for(lambda: not _running(clickhouse, "number != 1"), "the long query is stopped")


def test_a_client_that_leaves_stops_its_own_query_and_no_other(clickhouse: ClickHouseProcess) -> None:
    leaving = _send(clickhouse, f"{ENDLESS} WHERE number != 2")
    staying = _send(clickhouse, f"{ENDLESS} WHERE number != 3")
    wait_for(lambda: _running(clickhouse, "number != 2") and _running(clickhouse, "number != 3"), "both run")
    leaving.close()
    wait_for(lambda: not _running(clickhouse, "number != 2"), "the left query is stopped")
    assert _running(clickhouse, "number != 3") == 1
    staying.close()
    wait_for(lambda: not _running(clickhouse, "number != 3"), "the other is stopped")


def test_a_client_that_leaves_in_mid_stream_frees_its_slot(clickhouse: ClickHouseProcess) -> None:
    for _ in range(20):
        connection = _send(clickhouse, "SELECT number, 'left' FROM system.numbers")
        response = connection.getresponse()
        assert response.read(1000)
        response.close()
        connection.close()
    wait_for(lambda: not _running(clickhouse, "'left'"), "all are stopped")
    assert clickhouse.sql("SELECT 1") == "1"


def test_an_insert_goes_on_when_its_client_leaves(clickhouse: ClickHouseProcess, database: str) -> None:
    clickhouse.sql(f"CREATE TABLE {database}.t (a UInt64) ENGINE = MergeTree ORDER BY a")
    insert = (
        f"INSERT INTO {database}.t SELECT number + sleepEachRow(0.01) FROM numbers(100) SETTINGS max_block_size = 10"
    )
    connection = _send(clickhouse, insert)
    wait_for(lambda: _running(clickhouse, "sleepEachRow(0.01)"), "the insert runs")
    connection.close()
    wait_for(lambda: clickhouse.sql(f"SELECT count() FROM {database}.t") == "100", "all rows are in")


def test_a_query_is_killed_by_the_id_its_client_gave(clickhouse: ClickHouseProcess) -> None:
    connection = _send(clickhouse, f"{ENDLESS} WHERE number != 4", "/?query_id=to-be-killed")
    wait_for(lambda: _running(clickhouse, "number != 4"), "the query runs")
    clickhouse.sql("KILL QUERY WHERE query_id = 'another' SYNC")
    assert _running(clickhouse, "number != 4") == 1
    clickhouse.sql("KILL QUERY WHERE query_id = 'to-be-killed'")
    response = connection.getresponse()
    assert response.getheader("X-ClickHouse-Exception-Code") == "394"
    assert response.getheader("X-ClickHouse-Query-Id") == "to-be-killed"


def test_the_analyst_never_keeps_the_platform_waiting(clickhouse: ClickHouseProcess) -> None:
    long = "SELECT count() FROM numbers(1000000000) WHERE NOT ignore(sleep(1)) AND number != 5"
    busy = [_send(clickhouse, long, user=User.ANALYST) for _ in range(12)]
    wait_for(lambda: _running(clickhouse, "number != 5") >= 4, "the analyst's slots are taken")
    assert _running(clickhouse, "number != 5") == 4
    assert clickhouse.sql("SELECT 1") == "1"
    for connection in busy:
        connection.close()
    wait_for(lambda: not _running(clickhouse, "number != 5"), "all are stopped, also those that waited")
    assert clickhouse.sql("SELECT 1", user=User.ANALYST) == "1"


def test_more_clients_than_slots_are_all_served(clickhouse: ClickHouseProcess) -> None:
    def ask(number: int) -> str:
        return clickhouse.sql(f"SELECT {number}, getSetting('max_block_size')", max_block_size=str(1000 + number))

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(ask, range(300)))
    assert answers == [f"{number}\t{1000 + number}" for number in range(300)]


def test_writers_and_readers_side_by_side_lose_nothing(clickhouse: ClickHouseProcess, database: str) -> None:
    clickhouse.sql(f"CREATE TABLE {database}.t (w UInt8, n UInt32) ENGINE = MergeTree ORDER BY n")

    def write(writer: int) -> None:
        for batch in range(20):
            rows = "\n".join(f"{writer},{batch * 100 + row}" for row in range(100))
            clickhouse.sql(f"INSERT INTO {database}.t FORMAT CSV\n{rows}")

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(write, writer) for writer in range(6)]:
            future.result()
    assert clickhouse.sql(f"SELECT count(), uniqExact(w, n) FROM {database}.t") == "12000\t12000"


@pytest.mark.parametrize("output_format", ["TSV", "JSONCompact", "Native", "Arrow"])
def test_fifty_million_rows_stream_in_constant_memory(clickhouse: ClickHouseProcess, output_format: str) -> None:
    before = clickhouse.resident_mib()
    connection = _send(clickhouse, f"SELECT number FROM numbers(50000000) FORMAT {output_format}")
    response = connection.getresponse()
    received = peak = since_look = 0
    while piece := response.read(1 << 20):
        received += len(piece)
        since_look += len(piece)
        if since_look > 40 << 20:
            peak, since_look = max(peak, clickhouse.resident_mib()), 0
    assert received > 150 << 20
    assert 0 < peak < before + 250


def test_a_reader_that_stops_reading_holds_the_engine_back(clickhouse: ClickHouseProcess) -> None:
    before = clickhouse.resident_mib()
    connection = _send(clickhouse, "SELECT number, 'stalled' FROM system.numbers")
    response = connection.getresponse()
    assert response.read(100)
    look = "SELECT max(read_rows) FROM system.processes WHERE query LIKE '%\\'stalled\\'%' AND query NOT LIKE '%processes%'"
    seen = [-1, int(clickhouse.sql(look))]

    def stands_still() -> bool:
        seen.append(int(clickhouse.sql(look)))
        return len(set(seen[-5:])) == 1

    wait_for(stands_still, "the query stands still")
    assert seen[-1] > 0
    assert clickhouse.resident_mib() < before + 250
    connection.close()


def test_slots_are_given_in_the_order_of_arrival() -> None:
    slots, order = FairSlots(1), []
    started = [threading.Event() for _ in range(5)]

    def wait_in_line(number: int) -> None:
        started[number].set()
        with slots.held(lambda: False):
            order.append(number)

    threads = []
    with slots.held(lambda: False):
        for number in range(5):
            thread = threading.Thread(target=wait_in_line, args=(number,))
            thread.start()
            threads.append(thread)
            wait_for(lambda number=number: len(slots._line) == number + 1, "it stands in line")
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


def test_who_leaves_the_line_takes_no_slot() -> None:
    slots = FairSlots(1)
    with slots.held(lambda: False), pytest.raises(ClientGone), slots.held(lambda: True):
        pass
    with slots.held(lambda: True):
        pass
