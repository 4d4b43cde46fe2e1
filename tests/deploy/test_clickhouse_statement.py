"""Where the server cuts a statement: the data of an INSERT, and the FORMAT at the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.clickhouse_server.statement import first_word, parse_insert_head, parse_output_clause, tokens


@pytest.mark.parametrize(
    ("sql", "data", "infile"),
    [
        ("INSERT INTO t FORMAT CSV\n1,2", "1,2", "INSERT INTO t  FROM INFILE 'f' FORMAT CSV"),
        ("insert into t (a, b) format  TSV \r\n1\t2", "1\t2", "insert into t (a, b)  FROM INFILE 'f' format  TSV"),
        (
            "INSERT INTO t SETTINGS x = 1 FORMAT Native\n\n",
            "\n",
            "INSERT INTO t  FROM INFILE 'f' SETTINGS x = 1 FORMAT Native",
        ),
        ("INSERT INTO t VALUES (1)", " (1)", "INSERT INTO t  FROM INFILE 'f'  FORMAT Values"),
        (
            "INSERT INTO `format` FORMAT JSONEachRow {}",
            "{}",
            "INSERT INTO `format`  FROM INFILE 'f' FORMAT JSONEachRow",
        ),
        ("INSERT INTO values VALUES (1)", " (1)", "INSERT INTO values  FROM INFILE 'f'  FORMAT Values"),
        ("-- FORMAT CSV\n/* VALUES */ INSERT INTO t FORMAT CSV 1", "1", None),
        ("INSERT INTO FUNCTION null('a format CSV') FORMAT CSV 1", "1", None),
    ],
)
def test_data_of_an_insert_is_found(sql: str, data: str, infile: str | None) -> None:
    head = parse_insert_head(sql)
    assert head is not None
    assert sql[head.data_start :] == data
    if infile is not None:
        assert head.from_file("f") == infile


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FORMAT CSV",
        "INSERT INTO t SELECT * FROM u",
        "INSERT INTO t SELECT * FROM u FORMAT CSV",
        "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        "INSERT INTO t SELECT 'FORMAT CSV 1'",
        "",
    ],
)
def test_insert_without_data_has_no_head(sql: str) -> None:
    assert parse_insert_head(sql) is None


@pytest.mark.parametrize(
    ("sql", "rewritten"),
    [
        (
            "INSERT INTO t SELECT a + 1 FROM input('a Int8') WHERE a FORMAT CSV\n1",
            "INSERT INTO t SELECT a + 1 FROM file('f', 'CSV', 'a Int8') WHERE a ",
        ),
        ("INSERT INTO t SELECT * FROM input() FORMAT CSV\n1", "INSERT INTO t SELECT * FROM file('f', 'CSV') "),
    ],
)
def test_input_function_reads_the_file(sql: str, rewritten: str) -> None:
    head = parse_insert_head(sql)
    assert head is not None
    assert head.from_file("f") == rewritten


@pytest.mark.parametrize(
    ("sql", "body", "name"),
    [
        ("SELECT 1", "SELECT 1", None),
        ("SELECT 1 ; -- done", "SELECT 1", None),
        ("SELECT 1 FORMAT JSON", "SELECT 1 ", "JSON"),
        ("SELECT 1 FORMAT JSON SETTINGS a = 1, b = 'x';", "SELECT 1 ", "JSON"),
        ("SELECT 'FORMAT JSON'", "SELECT 'FORMAT JSON'", None),
        ("SELECT format FROM t", "SELECT format FROM t", None),
        ("SELECT (SELECT 1 FORMAT JSON)", "SELECT (SELECT 1 FORMAT JSON)", None),
        ("SELECT 1 -- FORMAT JSON", "SELECT 1", None),
        ("SELECT $$ FORMAT JSON $$", "SELECT $$ FORMAT JSON $$", None),
    ],
)
def test_format_at_the_end_is_found(sql: str, body: str, name: str | None) -> None:
    clause = parse_output_clause(sql)
    assert sql[: clause.body_end] == body
    assert clause.format == name


def test_outfile_is_noticed_only_as_a_clause() -> None:
    assert parse_output_clause("SELECT 1 INTO /* x */ OUTFILE 'f'").has_outfile
    assert not parse_output_clause("SELECT 'INTO OUTFILE f'").has_outfile


@pytest.mark.parametrize(
    ("sql", "word"),
    [("((SELECT 1))", "SELECT"), ("/* a */ with x as (select 1) select 1", "WITH"), ("", ""), ("1", "")],
)
def test_first_word(sql: str, word: str) -> None:
    assert first_word(sql) == word


@given(st.text())
def test_tokens_cover_any_text_in_order(sql: str) -> None:
    end = 0
    for token in tokens(sql):
        assert token.start >= end
        assert sql[token.start : token.end] == token.text
        end = token.end


@given(st.text(alphabet="abFORMAT'\\` ;-\n(", max_size=30))
def test_a_string_literal_never_hides_what_follows(content: str) -> None:
    literal = "'" + content.replace("\\", "\\\\").replace("'", "\\'") + "'"
    clause = parse_output_clause(f"SELECT {literal} FORMAT CSV")
    assert clause.format == "CSV"
