"""The clients the platform and its people use: clickhouse-connect and dbt."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from deploy.local.clickhouse_server import User, read_credentials
from tests.deploy.clickhouse_process import ClickHouseProcess

_COLUMNS = "ts DateTime64(3, 'UTC'), s LowCardinality(String), o Float64, v Nullable(Float64), a Array(String)"


@pytest.fixture
def table(clickhouse: ClickHouseProcess, database: str) -> str:
    clickhouse.sql(f"CREATE TABLE {database}.t ({_COLUMNS}) ENGINE = MergeTree ORDER BY ts")
    return f"{database}.t"


def test_rows_frames_and_arrow_go_in_and_come_back(clickhouse: ClickHouseProcess, table: str) -> None:
    client = clickhouse.client()
    when = datetime(2024, 1, 1, 12, 0, 0, 123000, tzinfo=UTC)
    written = client.insert(table, [[when, "x", 1.5, None, ["a", "b"]]], column_names=["ts", "s", "o", "v", "a"])
    assert written.written_rows == 1
    assert client.query(f"SELECT * FROM {table}", query_tz="UTC").first_row[1:] == ("x", 1.5, None, ["a", "b"])
    rows = 100_000
    arrow = pa.table(
        {
            "ts": pa.array(np.arange(rows) * 60_000, type=pa.timestamp("ms", "UTC")),
            "s": ["BTCUSDT"] * rows,
            "o": np.arange(rows) / 3,
            "v": pa.array([None] * rows, type=pa.float64()),
            "a": [["q"]] * rows,
        }
    )
    assert client.insert_arrow(table, arrow).written_rows == rows
    back = client.query_arrow(f"SELECT * FROM {table} WHERE s = 'BTCUSDT' ORDER BY ts")
    assert back["o"].to_pylist() == arrow["o"].to_pylist()
    assert back["ts"].to_numpy().tolist() == arrow["ts"].to_numpy().tolist()
    frame = client.query_df(f"SELECT ts, o FROM {table} ORDER BY ts LIMIT 3")
    frame["s"], frame["v"], frame["a"] = "df", 1.0, [["z"]] * 3
    assert client.insert_df(table, frame).written_rows == 3


def test_the_writing_client_with_no_session_runs_in_parallel(clickhouse: ClickHouseProcess) -> None:
    from concurrent.futures import ThreadPoolExecutor

    client = clickhouse.client(autogenerate_session_id=False)
    with ThreadPoolExecutor(8) as pool:
        results = list(
            pool.map(lambda n: client.query("SELECT {n:Int32}", parameters={"n": n}).first_row[0], range(200))
        )
    assert results == list(range(200))


def test_large_results_stream_block_by_block(clickhouse: ClickHouseProcess) -> None:
    client = clickhouse.client()
    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(1000000)") as blocks:
        sizes = [len(block) for block in blocks]
    assert sum(sizes) == 1_000_000
    assert len(sizes) > 1


def test_an_error_in_mid_stream_is_raised_with_the_servers_words(clickhouse: ClickHouseProcess) -> None:
    from clickhouse_connect.driver.exceptions import StreamFailureError

    client = clickhouse.client()
    query = "SELECT throwIf(number = 9000000), number FROM numbers(10000000)"
    with (
        pytest.raises(StreamFailureError, match="FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        client.query_row_block_stream(query) as blocks,
    ):
        for _ in blocks:
            pass


@pytest.mark.parametrize(
    "value", ["o'x", "tab\there", "back\\slash", "line\nbreak", "é ☃", "{x}", "", "\\N", "%s", "'; --"]
)
def test_strings_arrive_as_they_are(clickhouse: ClickHouseProcess, value: str) -> None:
    client = clickhouse.client()
    row = client.query("SELECT {v:String}, {l:Array(String)}", parameters={"v": value, "l": [value, value]}).first_row
    assert row == (value, [value, value])


def test_a_long_parameter_goes_by_form(clickhouse: ClickHouseProcess) -> None:
    client = clickhouse.client(form_encode_query_params=True)
    assert client.query("SELECT length({v:String})", parameters={"v": "x" * 500_000}).first_row == (500_000,)


def test_sessions_raw_queries_and_commands(clickhouse: ClickHouseProcess) -> None:
    client = clickhouse.client(session_id=str(uuid.uuid4()))
    client.command("CREATE TEMPORARY TABLE kept (a Int32)")
    client.raw_insert("kept", ["a"], b"1\n2\n", fmt="CSV")
    assert client.command("SELECT sum(a) FROM kept") == 3
    assert client.raw_query("SELECT 1 AS x", fmt="JSONEachRow") == b'{"x":1}\n'
    assert client.query("SELECT a FROM kept LIMIT 0").column_names == ("a",)
    assert client.ping()


def test_async_client(clickhouse: ClickHouseProcess) -> None:
    import clickhouse_connect

    async def use() -> tuple[list[int], int]:
        client = await clickhouse_connect.get_async_client(
            host="127.0.0.1",
            port=clickhouse.live_port,
            username="cap",
            password=read_credentials(clickhouse.home).passwords[User.CAP],
            autogenerate_session_id=False,
        )
        answers = await asyncio.gather(*(client.query(f"SELECT {number}") for number in range(20)))
        table = await client.query_arrow("SELECT number FROM numbers(500000)")
        await client.close()
        return [answer.first_row[0] for answer in answers], table.num_rows

    assert asyncio.run(use()) == (list(range(20)), 500_000)


def test_statements_the_warehouse_lives_on(clickhouse: ClickHouseProcess, database: str) -> None:
    client = clickhouse.client(database=database)
    client.command(
        "CREATE TABLE a (p String, k Int32, v Int32, t UInt32) ENGINE = ReplacingMergeTree(t) PARTITION BY p ORDER BY k"
    )
    client.command("CREATE TABLE b AS a")
    client.command("INSERT INTO a VALUES ('x', 1, 1, 1), ('x', 2, 1, 1), ('y', 3, 1, 1)")
    client.command("INSERT INTO a VALUES ('x', 1, 2, 2)")
    assert client.query("SELECT k, v FROM a FINAL ORDER BY k").result_rows == [(1, 2), (2, 1), (3, 1)]
    client.command("OPTIMIZE TABLE a FINAL")
    assert client.command("SELECT count() FROM a") == 3
    client.command("INSERT INTO b VALUES ('x', 9, 9, 9)")
    client.command("ALTER TABLE a REPLACE PARTITION tuple('x') FROM b")
    assert client.query("SELECT k FROM a ORDER BY k").result_rows == [(3,), (9,)]
    client.command("DELETE FROM a WHERE k = 3")
    client.command("EXCHANGE TABLES a AND b")
    assert client.query("SELECT k FROM b").result_rows == [(9,)]
    client.command("ALTER TABLE b DELETE WHERE k = 9", settings={"mutations_sync": 2})
    assert client.command("SELECT count() FROM b") == 0


def test_log_comment_is_in_the_query_log(clickhouse: ClickHouseProcess) -> None:
    client = clickhouse.client()
    comment = f"run {uuid.uuid4()}"
    client.query("SELECT 42", settings={"log_comment": comment})
    client.command("SYSTEM FLUSH LOGS")
    look = "SELECT DISTINCT query FROM system.query_log WHERE log_comment = {c:String} AND type = 'QueryFinish'"
    queries = [row[0] for row in client.query(look, parameters={"c": comment}).result_rows]
    assert any("SELECT 42" in query for query in queries)


_MODELS = {
    "v.sql": "{{ config(materialized='view') }} select number as id, toString(number) as name from numbers(10)",
    "tb.sql": "{{ config(materialized='table', order_by='id') }} select id, name from {{ ref('v') }}",
    "inc.sql": "{{ config(materialized='incremental', incremental_strategy='append', order_by='id') }} "
    "select id, name from {{ ref('tb') }} {% if is_incremental() %} where 0 {% endif %}",
    "del.sql": "{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id', "
    "order_by='id') }} select id, name from {{ ref('tb') }}",
    "schema.yml": """
version: 2
models:
  - name: tb
    description: A table
    config: {contract: {enforced: true}}
    columns:
      - {name: id, data_type: UInt64, description: The id, data_tests: [unique, not_null]}
      - {name: name, data_type: String}
unit_tests:
  - name: counts
    model: tb
    given: [{input: ref('v'), rows: [{id: 1, name: a}]}]
    expect: {rows: [{id: 1, name: a}]}
""",
}


def test_dbt_builds_tests_and_documents(clickhouse: ClickHouseProcess, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name, text in _MODELS.items():
        (tmp_path / "models" / name).write_text(text)
    (tmp_path / "dbt_project.yml").write_text("name: shop\nversion: 1.0.0\nprofile: shop\n")
    target = {
        "type": "clickhouse",
        "driver": "http",
        "host": "127.0.0.1",
        "port": clickhouse.live_port,
        "user": "cap",
        "password": read_credentials(clickhouse.home).passwords[User.CAP],
        "schema": "dbt_shop",
        "threads": 2,
    }
    (tmp_path / "profiles.yml").write_text(json.dumps({"shop": {"target": "dev", "outputs": {"dev": target}}}))
    dbt = [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", "--no-send-anonymous-usage-stats"]
    for command in (["build"], ["build"], ["docs", "generate"]):
        done = subprocess.run([*dbt, *command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:]
    catalog = json.loads((tmp_path / "target" / "catalog.json").read_text())
    assert set(catalog["nodes"]["model.shop.tb"]["columns"]) == {"id", "name"}
    assert clickhouse.sql("SELECT count(), uniq(id) FROM dbt_shop.del") == "10\t10"
    assert clickhouse.sql("SELECT count() FROM dbt_shop.inc") == "10"
