"""What a request brings along: settings, parameters, tables, a session; and that it ends with it."""

from __future__ import annotations

import pytest

from deploy.local.clickhouse_server import User
from tests.deploy.clickhouse_process import ClickHouseProcess

# -- settings, parameters, database ---------------------------------------------------------------------------------


def test_settings_of_a_request_end_with_it(clickhouse: ClickHouseProcess) -> None:
    connection = clickhouse.connect()
    seen: list[bytes] = []
    for target in ("/?max_block_size=777", "/", "/?max_block_size=778", "/"):
        connection.request("POST", target, "SELECT getSetting('max_block_size')", clickhouse.authorization())
        seen.append(connection.getresponse().read().strip())
    assert seen[0] == b"777"
    assert seen[2] == b"778"
    assert seen[1] == seen[3] not in (b"777", b"778")


@pytest.mark.parametrize("statement", ["SET max_block_size = 99", "USE system"])
def test_set_and_use_outside_a_session_change_nothing(clickhouse: ClickHouseProcess, statement: str) -> None:
    look = "SELECT getSetting('max_block_size'), currentDatabase()"
    before = clickhouse.sql(look)
    assert clickhouse.request(statement).status == 200
    assert clickhouse.sql(look) == before


def test_values_of_settings_cannot_become_sql(clickhouse: ClickHouseProcess) -> None:
    comment = "a', max_threads = 63, log_comment = 'b\\"
    assert clickhouse.sql("SELECT getSetting('log_comment') FORMAT RawBLOB", log_comment=comment) == comment


@pytest.mark.parametrize("name", ["no_such_setting", "a b", "x,y", "max_threads = 5, max_block_size"])
def test_unknown_settings_are_refused(clickhouse: ClickHouseProcess, name: str) -> None:
    reply = clickhouse.request("SELECT 1", {name: "1"})
    assert (reply.status, reply.code) == (404, 115)


def test_database_by_parameter_and_header(clickhouse: ClickHouseProcess) -> None:
    assert clickhouse.sql("SELECT currentDatabase()", database="system") == "system"
    assert (
        clickhouse.request("SELECT currentDatabase()", headers={"X-ClickHouse-Database": "system"}).text == "system\n"
    )
    assert clickhouse.sql("SELECT currentDatabase()") == "default"
    reply = clickhouse.request("SELECT 1", {"database": "no`such"})
    assert (reply.status, reply.code) == (404, 81)


def test_query_parameters_in_the_url(clickhouse: ClickHouseProcess) -> None:
    query = "SELECT {s:String} = concat('o''x', char(9), 'y'), {a:Array(UInt8)}[2], {i:Identifier}, {n:Nullable(Int8)} FROM (SELECT 7 AS z)"
    parameters = {"param_s": "o'x\\ty", "param_a": "[1,2]", "param_i": "z", "param_n": "\\N"}
    assert clickhouse.sql(query, **parameters) == "1\t2\t7\t\\N"
    reply = clickhouse.request("SELECT {missing:String}")
    assert (reply.status, reply.code) == (500, 456)


def _form(parts: list[tuple[str, str | None, bytes]]) -> tuple[bytes, dict[str, str]]:
    lines: list[bytes] = []
    for name, filename, data in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
        lines.append(b"--edge\r\nContent-Disposition: %b\r\n\r\n%b\r\n" % (disposition.encode(), data))
    return b"".join(lines) + b"--edge--\r\n", {"Content-Type": 'multipart/form-data; boundary="edge"'}


def test_query_and_parameters_in_a_form(clickhouse: ClickHouseProcess) -> None:
    body, headers = _form([("query", None, b"SELECT {x:String}"), ("param_x", None, "é\\n".encode())])
    assert clickhouse.request(body, headers=headers).text == "é\\n\n"


def test_tables_sent_along(clickhouse: ClickHouseProcess) -> None:
    body, headers = _form([("t", "t.csv", b"1,a\n2,b\n"), ("u", "u.tsv", b"2\r\n"), ("u_types", None, b"Int8")])
    parameters = {
        "query": "SELECT s FROM t JOIN u ON t.k = u._1",
        "t_structure": "k Int8, s Enum8('a' = 1, 'b' = 2)",
        "t_format": "CSV",
        "input_format_tsv_crlf_end_of_line": "1",
    }
    reply = clickhouse.request(body, parameters, headers)
    assert (reply.status, reply.text) == (200, "b\n")


@pytest.mark.parametrize("structure", ["k Int8) ENGINE = File(CSV", "k Int8 DEFAULT 1", "k Int8; DROP TABLE x", ""])
def test_structure_of_a_table_sent_along_holds_names_and_types_only(
    clickhouse: ClickHouseProcess, structure: str
) -> None:
    body, headers = _form([("t", "t.csv", b"1\n")])
    reply = clickhouse.request(body, {"query": "SELECT * FROM t", "t_structure": structure}, headers)
    assert (reply.status, reply.code) == (400, 36)


@pytest.mark.parametrize("body", [b"", b"--edge\r\n", b"--edge\r\nno header\r\n--edge--", b"--other--\r\n"])
def test_broken_forms_are_refused(clickhouse: ClickHouseProcess, body: bytes) -> None:
    reply = clickhouse.request(body, headers={"Content-Type": "multipart/form-data; boundary=edge"})
    assert (reply.status, reply.code) == (400, 36)


# -- sessions -------------------------------------------------------------------------------------------------------


def test_a_session_keeps_tables_settings_and_database(clickhouse: ClickHouseProcess) -> None:
    session = {"session_id": "keeps"}
    for statement in (
        "CREATE TEMPORARY TABLE kept (a Int8)",
        "INSERT INTO kept VALUES (1), (2)",
        "SET max_block_size = 555",
    ):
        assert clickhouse.request(statement, session).status == 200
    look = "SELECT sum(a), getSetting('max_block_size') FROM kept"
    assert clickhouse.sql(look, session_id="keeps") == "3\t555"
    assert clickhouse.sql(look, session_id="keeps", max_block_size="77") == "3\t77"
    assert clickhouse.sql(look, session_id="keeps") == "3\t555"
    assert clickhouse.request("USE system", session).status == 200
    assert clickhouse.sql("SELECT currentDatabase()", session_id="keeps") == "system"
    assert clickhouse.sql("SELECT currentDatabase()", session_id="keeps", database="default") == "default"
    assert clickhouse.sql("SELECT currentDatabase()", session_id="keeps") == "system"
    assert clickhouse.request("SELECT * FROM kept").code == 60
    assert clickhouse.request("SELECT * FROM kept", {"session_id": "another"}).code == 60


def test_sessions_of_two_users_are_two(clickhouse: ClickHouseProcess) -> None:
    assert clickhouse.request("CREATE TEMPORARY TABLE mine (a Int8)", {"session_id": "same"}).status == 200
    assert clickhouse.request("SELECT * FROM mine", {"session_id": "same"}, user=User.ANALYST).code == 60


def test_session_errors(clickhouse: ClickHouseProcess) -> None:
    assert clickhouse.request("SELECT 1", {"session_id": "none", "session_check": "1"}).code == 372
    assert clickhouse.request("SELECT 1", {"session_id": "x", "session_timeout": "4000"}).code == 374
    assert clickhouse.request("SELECT 1", {"session_id": "x", "session_timeout": "-1"}).code == 374


def test_a_busy_session_is_locked(clickhouse: ClickHouseProcess) -> None:
    connection = clickhouse.connect()
    connection.request("POST", "/?session_id=busy", "SELECT count() FROM system.numbers", clickhouse.authorization())
    codes: set[int] = set()
    while 373 not in codes:
        codes.add(clickhouse.request("SELECT 1", {"session_id": "busy"}).code)
        assert codes <= {0, 373}
    connection.close()


# -- GET writes nothing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("session", [{}, {"session_id": "get"}])
def test_get_does_not_write(clickhouse: ClickHouseProcess, database: str, session: dict[str, str]) -> None:
    create = f"CREATE TABLE {database}.t (a Int8) ENGINE = Memory"
    reply = clickhouse.request(None, {"query": create, **session}, method="GET")
    assert (reply.status, reply.code) == (500, 164)
    assert clickhouse.sql(f"EXISTS {database}.t") == "0"
