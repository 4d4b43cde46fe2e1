"""What the engine's read-only mode leaves open, closed for the analyst.

``readonly = 1`` makes the engine refuse writes, DDL, changes of settings and table functions that reach outside. Tried
against it, these still went through: ``INTO OUTFILE`` wrote a file, the scalar function ``file()`` and ``DESCRIBE`` of a
table function read one, and ``KILL QUERY`` stopped other people's queries. They are refused here, before the engine
sees them, by its own parser's account of the statement (class and syntax tree) and by the words in it.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict

from deploy.local.clickhouse_server.engine import Connection
from deploy.local.clickhouse_server.errors import Code, QueryError
from deploy.local.clickhouse_server.statement import Token, tokens

_TABLE_FUNCTIONS = frozenset(
    {
        *("numbers", "numbers_mt", "zeros", "zeros_mt", "generateseries", "generate_series", "generaterandom"),
        *("values", "view", "format", "null", "primes"),
    }
)
_SCALAR_FUNCTIONS_REFUSED = frozenset({"file", "hascolumnintable", "catboostevaluate", "getclienthttpheader"})
_SYSTEM_TABLES = frozenset(
    {
        *("aggregate_function_combinators", "build_options", "clusters", "collations", "columns", "contributors"),
        *("data_skipping_indices", "data_type_families", "databases", "database_engines", "dictionaries", "formats"),
        *("functions", "keywords", "licenses", "macros", "merge_tree_settings", "numbers", "numbers_mt", "one"),
        *("parts", "parts_columns", "settings", "table_engines", "table_functions", "tables", "time_zones", "version"),
        *("zeros", "zeros_mt", "roles", "current_roles", "enabled_roles", "users"),
    }
)
_REMEMBERED = 1024

_TREE_FUNCTION = re.compile(r"^ *Function (\S+)", re.MULTILINE)
_TREE_TABLE = re.compile(r"^ *TableIdentifier (.+?)(?: \(alias .*\))?$", re.MULTILINE)


class _Approved:
    """Statements found harmless lately, so that a dashboard's repeated queries are looked at once."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: tuple[str, str]) -> bool:
        with self._lock:
            if key not in self._known:
                return False
            self._known.move_to_end(key)
            return True

    def add(self, key: tuple[str, str]) -> None:
        with self._lock:
            self._known[key] = None
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)


_approved = _Approved()
_table_functions_of_engine: frozenset[str] = frozenset()


def check(connection: Connection, sql: str, database: str) -> None:
    """Refuse what the locked connection would let through.

    Parameters
    ----------
    connection : Connection
        The analyst's, already locked.
    sql : str
        His statement; an INSERT without its data.
    database : str
        Where unqualified names are looked up; empty for the default.

    Raises
    ------
    QueryError
    """
    key = (sql, database)
    if key in _approved:
        return
    kind, count = connection.classify(sql)
    words = list(tokens(sql))
    first = words[0].text.upper() if words else ""
    _check_words(words)
    if kind in ("MUTATING", "MUTATING_GLOBAL") or first == "SET":
        return  # the engine refuses these by itself
    if kind == "CONTROL" and first != "USE":
        raise _refusal(f"{first} is not allowed for this user")
    if count > 1:
        raise QueryError.of(Code.SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)")
    if kind == "READ_ONLY":
        _check_tree(connection, sql, first, database, words)
        _approved.add(key)


def _check_words(words: list[Token]) -> None:
    for index, token in enumerate(words):
        if token.kind not in ("word", "quoted"):
            continue
        following = words[index + 1].text if index + 1 < len(words) else ""
        name = token.text.strip('`"“”').lower()
        if token.kind == "quoted" and "\\" in token.text:
            raise _refusal("Escapes in quoted names are not allowed for this user")
        if name in ("outfile", "infile"):
            raise QueryError.of(Code.INTO_OUTFILE_NOT_ALLOWED, f"{name.upper()} is not allowed")
        if name in _SCALAR_FUNCTIONS_REFUSED and (following == "(" or _inside_apply(words, index)):
            raise _refusal(f"Function {name} is not allowed for this user")
        if name == "system" and following == "." and index + 2 < len(words):
            _check_system_table(words[index + 2].text.strip('`"').lower())


def _inside_apply(words: list[Token], index: int) -> bool:
    return any(token.text.upper() == "APPLY" for token in words[max(0, index - 2) : index])


def _check_system_table(name: str) -> None:
    if name not in _SYSTEM_TABLES:
        raise _refusal(f"system.{name} is not readable for this user")


def _check_tree(connection: Connection, sql: str, first: str, database: str, words: list[Token]) -> None:
    if first == "SHOW" and any(token.text == "(" for token in words):
        raise _refusal("Expressions in SHOW are not allowed for this user")  # the tree leaves them out
    tree = connection.execute(f"EXPLAIN AST {sql.rstrip().rstrip(';')}").decode("utf-8", "replace")
    if tree.startswith("ShowProcesslist"):
        raise _refusal("SHOW PROCESSLIST is not allowed for this user")
    outside = _functions_of_engine(connection) - _TABLE_FUNCTIONS
    for name in _TREE_FUNCTION.findall(tree):
        if name.lower() in outside or name.lower() in _SCALAR_FUNCTIONS_REFUSED or name.lower().startswith("ai"):
            raise _refusal(f"Function {name} is not allowed for this user")
    for table in _TREE_TABLE.findall(tree):
        if "/" in table:
            raise _refusal("Files are not readable for this user")
        qualifier, _, name = table.rpartition(".")
        if (qualifier or database).lower() == "system":
            _check_system_table(name.lower())


def _functions_of_engine(connection: Connection) -> frozenset[str]:
    global _table_functions_of_engine  # filled once: the list belongs to the engine of this process
    if not _table_functions_of_engine:
        rows = connection.execute("SELECT name FROM system.table_functions").decode()
        _table_functions_of_engine = frozenset(line.lower() for line in rows.splitlines())
    return _table_functions_of_engine


def _refusal(reason: str) -> QueryError:
    return QueryError.of(Code.ACCESS_DENIED, reason)
