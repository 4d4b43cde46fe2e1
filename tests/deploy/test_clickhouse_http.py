"""The HTTP interface as curl and plain HTTP clients see it."""

from __future__ import annotations

import gzip
import json
import socket

import lz4.frame
import pytest
import zstandard

from deploy.local.clickhouse_server import User, read_credentials
from deploy.local.clickhouse_server.native_frames import FrameEncoder, decode_frames
from tests.deploy.clickhouse_process import ClickHouseProcess


@pytest.mark.parametrize("path", ["/ping", "/", "/replicas_status"])
def test_health_needs_no_password(clickhouse: ClickHouseProcess, path: str) -> None:
    reply = clickhouse.request(method="GET", path=path, user=None)
    assert (reply.status, reply.body) == (200, b"Ok.\n")


def test_head_sends_no_body(clickhouse: ClickHouseProcess) -> None:
    assert clickhouse.request(method="HEAD", path="/ping", user=None).status == 200
    reply = clickhouse.request(None, {"query": "SELECT 1"}, method="HEAD")
    assert (reply.status, reply.body) == (200, b"")


def test_unknown_path_and_method(clickhouse: ClickHouseProcess) -> None:
    assert clickhouse.request(method="GET", path="/nothing/here").status == 404
    assert clickhouse.request(method="DELETE").status == 405


# -- users ----------------------------------------------------------------------------------------------------------


def test_users_are_known_by_basic_auth_headers_and_url(clickhouse: ClickHouseProcess) -> None:
    password = read_credentials(clickhouse.home).passwords[User.CAP]
    named = {"X-ClickHouse-User": "cap", "X-ClickHouse-Key": password}
    assert clickhouse.request("SELECT 1", headers=named, user=None).text == "1\n"
    assert clickhouse.request("SELECT 1", {"user": "cap", "password": password}, user=None).text == "1\n"
    assert clickhouse.request("SELECT 1").text == "1\n"


def test_without_a_user_the_server_asks_for_one(clickhouse: ClickHouseProcess) -> None:
    reply = clickhouse.request("SELECT 1", user=None)
    assert (reply.status, reply.code) == (401, 516)
    assert reply.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-ClickHouse-User": "cap", "X-ClickHouse-Key": "wrong"},
        {"X-ClickHouse-User": "default", "X-ClickHouse-Key": ""},
        {"X-ClickHouse-User": "nobody", "X-ClickHouse-Key": "é\u0080"},
        {"Authorization": "Basic bm9ib2R5Og=="},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Bearer token"},
        {"Authorization": "Basic Y2FwOng=", "X-ClickHouse-User": "cap"},
    ],
)
def test_wrong_credentials_are_refused(clickhouse: ClickHouseProcess, headers: dict[str, str]) -> None:
    latin = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    reply = clickhouse.request("SELECT 1", headers=latin, user=None)
    assert (reply.status, reply.code) == (403, 516)


def test_passwords_are_random_private_and_not_in_any_answer(clickhouse: ClickHouseProcess) -> None:
    passwords = read_credentials(clickhouse.home).passwords
    assert len(set(passwords.values())) == 2
    assert (clickhouse.home / "users.json").stat().st_mode & 0o777 == 0o600
    wrong = passwords[User.CAP][:-1]
    reply = clickhouse.request("SELECT 1", {"user": "cap", "password": wrong}, user=None)
    assert wrong not in reply.text
    assert passwords[User.CAP] not in repr(read_credentials(clickhouse.home))


# -- statements -----------------------------------------------------------------------------------------------------


def test_query_in_url_in_body_and_in_both(clickhouse: ClickHouseProcess) -> None:
    assert clickhouse.request(None, {"query": "SELECT 1"}, method="GET").text == "1\n"
    assert clickhouse.request("SELECT 1").text == "1\n"
    assert clickhouse.request("+ 1 FORMAT JSONEachRow", {"query": "SELECT 1"}).text == '{"plus(1, 1)":2}\n'


@pytest.mark.parametrize(
    "statement", ["SELECT 1;", "SELECT 1 ;; -- end", "(SELECT 1)", "WITH 1 AS x SELECT x", "\n SELECT 1\n"]
)
def test_spellings_of_a_query(clickhouse: ClickHouseProcess, statement: str) -> None:
    assert clickhouse.sql(statement) == "1"


def test_several_statements_are_refused(clickhouse: ClickHouseProcess, database: str) -> None:
    reply = clickhouse.request(f"SELECT 1; CREATE TABLE {database}.t (a Int8) ENGINE = Memory")
    assert (reply.status, reply.code) == (400, 62)
    assert clickhouse.sql(f"EXISTS {database}.t") == "0"


def test_data_follows_the_statement_in_body_or_url(clickhouse: ClickHouseProcess, database: str) -> None:
    clickhouse.sql("CREATE TABLE t (a Int64, s String) ENGINE = MergeTree ORDER BY a", database=database)
    into = {"database": database}
    for body, query in [
        ("INSERT INTO t FORMAT CSV\n1,one\n", None),
        ("2,two\n", "INSERT INTO t FORMAT CSV"),
        ("INSERT INTO t (s, a) VALUES ('three', 3)", None),
        ("(4, 'four')", "INSERT INTO t VALUES"),
        ('{"a":5,"s":"five"}', "INSERT INTO t SETTINGS max_threads = 1 FORMAT JSONEachRow"),
        ("6,six\n", "INSERT INTO t SELECT a, s FROM input('a Int64, s String') FORMAT CSV"),
        ("", "INSERT INTO t SELECT 7, 'seven'"),
        ("", "INSERT INTO t FORMAT CSV"),
    ]:
        reply = clickhouse.request(body, into | ({"query": query} if query else {}))
        assert reply.status == 200, reply.text
    expected = "1\tone\n2\ttwo\n3\tthree\n4\tfour\n5\tfive\n6\tsix\n7\tseven"
    assert clickhouse.sql(f"SELECT * FROM {database}.t ORDER BY a") == expected


def test_large_values_beyond_the_parsers_limit(clickhouse: ClickHouseProcess, database: str) -> None:
    clickhouse.sql("CREATE TABLE t (a Int64) ENGINE = Memory", database=database)
    body = "INSERT INTO t VALUES " + ", ".join(f"({number})" for number in range(200_000))
    assert clickhouse.request(body, {"database": database}).status == 200
    assert clickhouse.sql(f"SELECT count(), max(a) FROM {database}.t") == "200000\t199999"


def test_summary_counts_what_was_written_and_read(clickhouse: ClickHouseProcess, database: str) -> None:
    clickhouse.sql("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a", database=database)
    reply = clickhouse.request("INSERT INTO t FORMAT CSV\n1\n2\n3\n", {"database": database})
    assert json.loads(reply.headers["x-clickhouse-summary"])["written_rows"] == "3"
    reply = clickhouse.request("SELECT * FROM t", {"database": database})
    assert json.loads(reply.headers["x-clickhouse-summary"])["read_rows"] == "3"


def test_headers_of_an_answer(clickhouse: ClickHouseProcess) -> None:
    reply = clickhouse.request("SELECT 1 FORMAT JSON", {"query_id": "my-query.1"})
    assert reply.headers["x-clickhouse-query-id"] == "my-query.1"
    assert reply.headers["x-clickhouse-format"] == "JSON"
    assert reply.headers["x-clickhouse-timezone"] == "UTC"
    assert reply.headers["content-type"].startswith("application/json")
    assert "x-clickhouse-server-display-name" in reply.headers


def test_formats_are_chosen_by_clause_parameter_and_header(clickhouse: ClickHouseProcess) -> None:
    assert clickhouse.request("SELECT 1 AS a", {"default_format": "JSONEachRow"}).text == '{"a":1}\n'
    assert clickhouse.request("SELECT 1 AS a", headers={"X-ClickHouse-Format": "CSVWithNames"}).text == '"a"\n1\n'
    assert clickhouse.request("SELECT 1 AS a FORMAT TSV", {"default_format": "JSONEachRow"}).text == "1\n"


def test_every_output_format_of_the_engine_is_one_document(clickhouse: ClickHouseProcess) -> None:
    """Whatever the number of blocks, and without what a shell would add."""
    names = clickhouse.sql("SELECT name FROM system.formats WHERE is_output ORDER BY name").splitlines()
    assert len(names) > 50
    needs_more = {"AvroConfluent", "GeoJSON", "PNG", "Prometheus", "ProtobufSingle", "Template"}
    for name in names:
        if name in needs_more:
            continue
        query = "SELECT toString(number) AS s FROM numbers(3) SETTINGS max_block_size = 1"
        reply = clickhouse.request(query, {"default_format": name})
        # RawBLOB and the like write what they are given; what matters is that none fails or writes nothing
        assert reply.status == 200, f"{name}: {reply.text}"
        assert reply.body or name in ("Null", "Hash"), name


def test_an_arrow_file_of_many_blocks_is_one_file(clickhouse: ClickHouseProcess) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    query = "SELECT number FROM numbers(300000)"
    arrow = clickhouse.request(query, {"default_format": "Arrow"}).body
    assert pa.ipc.open_file(arrow).read_all()["number"].to_pylist()[-1] == 299_999
    parquet = clickhouse.request(query, {"default_format": "Parquet"}).body
    assert pq.read_table(pa.BufferReader(parquet)).num_rows == 300_000
    document = json.loads(clickhouse.request(query, {"default_format": "JSON"}).body)
    assert document["rows"] == len(document["data"]) == 300_000


# -- compression ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("lz4", lz4.frame.compress), ("zstd", zstandard.ZstdCompressor().compress)],
)
def test_compressed_bodies_both_ways(clickhouse: ClickHouseProcess, encoding: str, pack, database: str) -> None:
    clickhouse.sql("CREATE TABLE t (a Int64) ENGINE = Memory", database=database)
    data = pack(b"INSERT INTO t FORMAT CSV\n" + b"\n".join(b"%d" % n for n in range(50_000)))
    assert clickhouse.request(data, {"database": database}, {"Content-Encoding": encoding}).status == 200
    for rows in (10, 50_000):
        query = f"SELECT a FROM {database}.t ORDER BY a LIMIT {rows}"
        plain = clickhouse.request(query).body
        reply = clickhouse.request(query, {"enable_http_compression": "1"}, {"Accept-Encoding": encoding})
        assert reply.headers["content-encoding"] == encoding
        unpack = {"gzip": gzip.decompress, "lz4": lz4.frame.decompress}.get(
            encoding, lambda packed: zstandard.ZstdDecompressor().decompressobj().decompress(packed)
        )
        assert unpack(reply.body) == plain


def test_no_compression_unless_asked_for(clickhouse: ClickHouseProcess) -> None:
    reply = clickhouse.request("SELECT 1", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in reply.headers


def test_native_blocks_both_ways(clickhouse: ClickHouseProcess) -> None:
    stream = FrameEncoder()
    body = stream.compress(b"SELECT number FROM numbers(400000)") + stream.flush()
    reply = clickhouse.request(body, {"compress": "1", "decompress": "1"})
    rows = b"".join(decode_frames([reply.body])).splitlines()
    assert len(rows) == 400_000
    assert rows[-1] == b"399999"


# -- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "status", "code"),
    [
        ("SELEC 1", 400, 62),
        ("SELECT nope", 404, 47),
        ("SELECT * FROM nope", 404, 60),
        ("SELECT * FROM nope.nope", 404, 81),
        ("SELECT nope(1)", 404, 46),
        ("SELECT toUInt8('x')", 400, 6),
        ("SELECT 1 FORMAT Nope", 404, 73),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT count() FROM system.numbers SETTINGS max_execution_time = 1", 408, 159),
        ("SELECT 1 INTO OUTFILE '/tmp/out'", 500, 358),
        ("INSERT INTO nope VALUES (1)", 404, 60),
    ],
)
def test_errors_have_the_status_and_code_clients_expect(
    clickhouse: ClickHouseProcess, statement: str, status: int, code: int
) -> None:
    reply = clickhouse.request(statement)
    assert (reply.status, reply.code) == (status, code), reply.text
    assert reply.text.startswith(f"Code: {code}. DB::Exception: ")
    assert "/dev/fd" not in reply.text
    assert reply.text.count("DB::Exception") == reply.text.count("(version ") == 1


def test_position_of_a_syntax_error_is_that_of_the_clients_text(clickhouse: ClickHouseProcess) -> None:
    assert "failed at position 13 " in clickhouse.request("SELECT 1 +* 2").text


def test_an_error_after_the_first_rows_is_in_the_body_and_cuts_it(clickhouse: ClickHouseProcess) -> None:
    import http.client

    connection = clickhouse.connect()
    query = "SELECT throwIf(number = 9000000), number FROM numbers(10000000)"
    connection.request("POST", "/", query, clickhouse.authorization())
    response = connection.getresponse()
    tag = response.getheader("X-ClickHouse-Exception-Tag")
    assert response.status == 200
    assert tag
    with pytest.raises(http.client.IncompleteRead) as broken:
        response.read()
    end = broken.value.partial[-2000:]
    assert f"__exception__\r\n{tag}\r\nCode: 395".encode() in end
    assert end.endswith(f"{tag}\r\n__exception__\r\n".encode())


def test_waiting_for_the_end_turns_a_late_error_into_a_status(clickhouse: ClickHouseProcess) -> None:
    query = "SELECT throwIf(number = 9000000), number FROM numbers(10000000)"
    reply = clickhouse.request(query, {"wait_end_of_query": "1"})
    assert (reply.status, reply.code) == (500, 395)
    reply = clickhouse.request("SELECT number FROM numbers(3000000)", {"wait_end_of_query": "1"})
    assert reply.body.count(b"\n") == 3_000_000


# -- the wire -------------------------------------------------------------------------------------------------------


def _raw(clickhouse: ClickHouseProcess, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", clickhouse.live_port), timeout=30) as sock:
        sock.sendall(data)
        received = b""
        while piece := sock.recv(65536):
            received += piece
    return received


def test_requests_in_one_packet_are_answered_in_order(clickhouse: ClickHouseProcess) -> None:
    authorization = clickhouse.authorization()["Authorization"].encode()
    one = b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\nContent-Length: 8\r\n\r\nSELECT 1" % authorization
    two = b"GET /?query=SELECT+2 HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\nConnection: close\r\n\r\n" % authorization
    received = _raw(clickhouse, one + two)
    assert received.count(b"HTTP/1.1 200") == 2
    assert received.index(b"\r\n\r\n1\n") < received.index(b"\r\n\r\n2\n")


def test_http_1_0_gets_no_chunks(clickhouse: ClickHouseProcess) -> None:
    authorization = clickhouse.authorization()["Authorization"].encode()
    query = b"GET /?query=SELECT+number+FROM+numbers(400000) HTTP/1.0\r\nAuthorization: %b\r\n\r\n" % authorization
    head, _, body = _raw(clickhouse, query).partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert body.count(b"\n") == 400_000


def test_a_client_that_waits_for_permission_gets_it(clickhouse: ClickHouseProcess) -> None:
    authorization = clickhouse.authorization()["Authorization"].encode()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\nContent-Length: 8\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", clickhouse.live_port), timeout=30) as sock:
        sock.sendall(head % authorization)
        assert sock.recv(100).startswith(b"HTTP/1.1 100 Continue")
        sock.sendall(b"SELECT 1")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "data",
    [
        b"rubbish\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
)
def test_rubbish_is_a_bad_request_and_hurts_nobody(clickhouse: ClickHouseProcess, data: bytes) -> None:
    received = _raw(clickhouse, data + b"\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 400") or received == b""
    assert clickhouse.sql("SELECT 1") == "1"


def test_a_statement_that_is_not_utf8_reaches_the_engine_as_it_is(clickhouse: ClickHouseProcess) -> None:
    assert clickhouse.request(b"SELECT hex('\xff\xfe')").text == "FFFE\n"
