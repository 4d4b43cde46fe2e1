"""The read-only user: what he may do, and everything he may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.clickhouse_server import User
from tests.deploy.clickhouse_process import ClickHouseProcess, Reply


@pytest.fixture(scope="module")
def marts(clickhouse: ClickHouseProcess) -> Iterator[str]:
    """A database with something in it."""
    clickhouse.sql("CREATE DATABASE shop")
    clickhouse.sql("CREATE TABLE shop.t (k Int64, s String) ENGINE = MergeTree ORDER BY k")
    clickhouse.sql("INSERT INTO shop.t SELECT number, toString(number) FROM numbers(1000)")
    clickhouse.sql("CREATE VIEW shop.v AS SELECT k FROM shop.t WHERE k < 10")
    yield "shop"
    clickhouse.sql("DROP DATABASE shop")


def _ask(clickhouse: ClickHouseProcess, statement: str, **parameters: str) -> Reply:
    return clickhouse.request(statement, parameters, user=User.ANALYST)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count() FROM shop.t",
        "WITH x AS (SELECT k FROM shop.v) SELECT sum(k) FROM x",
        "SELECT * FROM shop.t AS a JOIN shop.v AS b ON a.k = b.k FORMAT Arrow",
        "SELECT count() FROM (SELECT * FROM numbers(10) UNION ALL SELECT * FROM generateSeries(1, 5))",
        "SELECT 'file(/etc/passwd) system.processes INTO OUTFILE' -- system.processes",
        "SELECT `s` FROM shop.`t` LIMIT 1",
        "SELECT arrayMap(x -> x + 1, [1, 2])",
        "DESCRIBE TABLE shop.t",
        "EXPLAIN SELECT * FROM shop.t",
        "EXISTS shop.t",
        "SHOW TABLES FROM shop",
        "SHOW DATABASES",
        "SHOW CREATE TABLE shop.t",
        "SELECT name, value FROM system.settings",
        "SELECT * FROM system.databases",
        "SELECT * FROM system.tables",
        "SELECT * FROM system.columns WHERE database = 'shop'",
        "SELECT * FROM information_schema.tables",
        "USE shop",
    ],
)
def test_reading_is_allowed(clickhouse: ClickHouseProcess, marts: str, statement: str) -> None:
    reply = _ask(clickhouse, statement)
    assert reply.status == 200, reply.text


REFUSED_BY_THE_ENGINE = [
    "INSERT INTO shop.t VALUES (1, 'x')",
    "INSERT INTO shop.t FORMAT CSV\n1,x",
    "INSERT INTO shop.t SELECT 1, 'x'",
    "INSERT INTO FUNCTION null('a Int8') VALUES (1)",
    "CREATE TABLE shop.n (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE n (a Int8)",
    "CREATE DATABASE n",
    "CREATE FUNCTION n AS x -> x",
    "DROP TABLE shop.t",
    "DROP DATABASE shop",
    "TRUNCATE TABLE shop.t",
    "ALTER TABLE shop.t DELETE WHERE 1",
    "DELETE FROM shop.t WHERE 1",
    "ALTER TABLE shop.t ADD COLUMN x Int8",
    "RENAME TABLE shop.t TO shop.u",
    "EXCHANGE TABLES shop.t AND shop.v",
    "OPTIMIZE TABLE shop.t",
    "SET readonly = 0",
    "SET readonly = 2",
    "SET max_execution_time = 0",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_result_rows = 0",
]


@pytest.mark.parametrize("statement", REFUSED_BY_THE_ENGINE)
def test_writing_and_changing_settings_is_refused_by_the_engine(
    clickhouse: ClickHouseProcess, marts: str, statement: str
) -> None:
    reply = _ask(clickhouse, statement)
    assert reply.code == 164, reply.text
    assert clickhouse.sql("SELECT count(), uniq(k) FROM shop.t") == "1000\t1000"


REFUSED_BY_THE_GUARD = [
    "SELECT file('/etc/passwd')",
    "SELECT file('/etc/passwd') FROM shop.t",
    "SELECT `file`('/etc/passwd')",
    "SELECT \"file\" /* x */ ('/etc/passwd')",
    r"SELECT `f\x69le`('/etc/passwd')",
    "SELECT * APPLY(file) FROM (SELECT '/etc/passwd' AS x)",
    "SELECT * APPLY file FROM (SELECT '/etc/passwd' AS x)",
    "SELECT arrayMap(x -> file(x), ['/etc/passwd'])",
    "WITH (SELECT file('/etc/passwd')) AS x SELECT x",
    "SHOW TABLES FROM shop WHERE name = file('/etc/passwd')",
    "EXPLAIN SELECT file('/etc/passwd')",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "DESCRIBE file('/etc/passwd')",
    "DESCRIBE TABLE file('/etc/passwd', 'LineAsString')",
    "DESCRIBE '/etc/passwd'",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 'a String')",
    "DESCRIBE url('http://127.0.0.1:9/x.csv')",
    "SELECT * FROM s3('http://127.0.0.1:9/b/x.csv')",
    "SELECT * FROM remote('127.0.0.1:9', system.one)",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "SELECT * FROM view(SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 'a String'))",
    "SELECT * FROM merge('system', 'processes')",
    "SELECT hasColumnInTable('127.0.0.1', 'u', 'p', 'a', 'b', 'c')",
    "SELECT 1 INTO OUTFILE '/tmp/analyst_was_here'",
    "SELECT 1 into/**/outfile '/tmp/analyst_was_here' FORMAT CSV",
    "INSERT INTO shop.t FROM INFILE '/etc/passwd' FORMAT LineAsString",
    "SHOW PROCESSLIST",
    "SELECT * FROM system.processes",
    "SELECT * FROM `system`.`processes`",
    "SELECT * FROM system . query_log",
    "SELECT 1 WHERE 'x' IN (SELECT query FROM system.processes)",
    "SELECT 1 WHERE ('x') IN system.processes",
    "KILL QUERY WHERE 1",
    "SYSTEM FLUSH LOGS",
    "SYSTEM STOP MERGES",
    "BACKUP TABLE shop.t TO Disk('a', 'b')",
    "DETACH TABLE shop.t",
    "BEGIN TRANSACTION",
    "SELECT 1; SELECT 2",
    "SELECT 1; SET readonly = 0",
    "SELECT 1 /* ; */ ; -- x\n DROP TABLE shop.t",
]


@pytest.mark.parametrize("statement", REFUSED_BY_THE_GUARD)
def test_what_read_only_mode_leaves_open_is_refused(clickhouse: ClickHouseProcess, marts: str, statement: str) -> None:
    reply = _ask(clickhouse, statement)
    assert reply.status >= 400, reply.text
    assert reply.code in (62, 164, 358, 497), reply.text
    assert "root:" not in reply.text
    assert not Path("/tmp/analyst_was_here").exists()


def test_the_guard_is_needed(clickhouse: ClickHouseProcess) -> None:
    """Positive control: the same statements do reach files for the platform's own user."""
    assert "root:" in clickhouse.sql("SELECT file('/etc/passwd')", readonly="1")


def test_system_tables_by_default_database_or_parameter(clickhouse: ClickHouseProcess) -> None:
    assert _ask(clickhouse, "SELECT * FROM processes", database="system").code == 497
    assert _ask(clickhouse, "SELECT 1 WHERE 'x' IN processes", database="system").code == 497
    assert _ask(clickhouse, "SELECT count() FROM tables", database="system").status == 200
    for statement in ("SELECT * FROM {d:Identifier}.processes", "SELECT * FROM {d:Identifier}.{t:Identifier}"):
        assert _ask(clickhouse, statement, param_d="system", param_t="processes").code == 497
    assert _ask(clickhouse, "SELECT {c:Identifier} FROM (SELECT 5 AS z)", param_c="z").text == "5\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("readonly", "0"),
        ("readonly", "2"),
        ("allow_ddl", "0"),
        ("format_schema", "/etc/passwd"),
        ("max_ast_depth", "5"),
    ],
)
def test_settings_sent_along_that_matter_are_refused_by_the_engine(
    clickhouse: ClickHouseProcess, name: str, value: str
) -> None:
    assert _ask(clickhouse, "SELECT 1", **{name: value}).code == 164


def test_settings_sent_along_may_tighten_and_shape(clickhouse: ClickHouseProcess) -> None:
    look = "SELECT getSetting('max_result_rows'), getSetting('readonly')"
    standing, locked = _ask(clickhouse, look).text.split()
    assert locked == "1"
    assert _ask(clickhouse, look, max_result_rows="7").text.split() == ["7", "1"]
    for wish in ("0", "99999999999999", "-1", "1e30", "x"):
        assert _ask(clickhouse, look, max_result_rows=wish).text.split() == [standing, "1"]
    assert (
        _ask(
            clickhouse,
            "SELECT 18446744073709551615 AS n FORMAT JSONEachRow",
            output_format_json_quote_64bit_integers="1",
        ).text
        == '{"n":"18446744073709551615"}\n'
    )
    assert _ask(clickhouse, "SELECT 1", send_progress_in_http_headers="1", connect_timeout="5").status == 200


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM (SELECT getSetting('readonly') SETTINGS readonly = 0)",
        "(SELECT getSetting('readonly') SETTINGS readonly = 0) UNION DISTINCT (SELECT 1)",
        "WITH x AS (SELECT getSetting('readonly') SETTINGS readonly = 0) SELECT * FROM x",
    ],
)
def test_settings_inside_a_statement_lift_nothing(clickhouse: ClickHouseProcess, statement: str) -> None:
    assert _ask(clickhouse, statement).text == "1\n"


def test_results_are_limited(clickhouse: ClickHouseProcess) -> None:
    reply = _ask(clickhouse, "SELECT number FROM numbers(20000000) FORMAT Null")
    assert reply.code == 396, reply.text
    reply = _ask(clickhouse, "SELECT groupArray(toString(number)) FROM numbers(100000000) FORMAT Null")
    assert reply.code == 241, reply.text
    assert _ask(clickhouse, "SELECT count() FROM system.numbers", max_execution_time="1").code in (158, 159)


def test_tables_sent_along_work(clickhouse: ClickHouseProcess, marts: str) -> None:
    client = clickhouse.client(User.ANALYST)
    from clickhouse_connect.driver.external import ExternalData

    keys = ExternalData(file_name="wanted", data=b"5\n6\n", fmt="TabSeparated", structure="k Int64")
    rows = client.query("SELECT s FROM shop.t WHERE k IN wanted ORDER BY k", external_data=keys).result_rows
    assert rows == [("5",), ("6",)]


def test_clickhouse_connect_reads_and_is_refused(clickhouse: ClickHouseProcess, marts: str) -> None:
    from clickhouse_connect.driver.exceptions import DatabaseError

    client = clickhouse.client(User.ANALYST)
    assert client.query("SELECT count() FROM shop.t").first_row == (1000,)
    assert client.query_arrow("SELECT * FROM shop.t").num_rows == 1000
    assert len(client.query_df("SELECT * FROM shop.t WHERE k < {n:Int64}", parameters={"n": 5})) == 5
    with pytest.raises(DatabaseError, match="READONLY"):
        client.insert("shop.t", [[1, "x"]], column_names=["k", "s"])
    with pytest.raises(DatabaseError, match="READONLY"):
        client.command("DROP TABLE shop.t")
