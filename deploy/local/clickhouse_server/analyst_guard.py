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
from collections.abc import Mapping

from deploy.local.clickhouse_server.engine import Connection, Engine
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
_TREE_TABLE = re.compile(r"^ *(?:Table)?Identifier (.+?)(?: \(.*\))?$", re.MULTILINE)


class AnalystGuard:
    """Looks at the analyst's statements before the engine runs them.

    Parameters
    ----------
    engine : Engine
        Asked once for the functions and tables it has.
    """

    def __init__(self, engine: Engine) -> None:
        connection = engine.connect()
        outside = _names(connection, "SELECT lower(name) FROM system.table_functions") - _TABLE_FUNCTIONS
        ai = _names(connection, "SELECT lower(name) FROM system.functions WHERE name ILIKE 'ai%'")
        self._functions_refused = outside | ai | _SCALAR_FUNCTIONS_REFUSED
        tables = _names(connection, "SELECT lower(name) FROM system.tables WHERE database = 'system'")
        self._tables_refused = (tables | {"query_log"}) - _SYSTEM_TABLES
        connection.close()
        self._approved: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, connection: Connection, sql: str, database: str, values: Mapping[str, str]) -> None:
        """Refuse what the locked connection would let through.

        Parameters
        ----------
        connection : Connection
            The analyst's, already locked.
        sql : str
            His statement; an INSERT without its data.
        database : str
            Where unqualified names are looked up; empty for the default.
        values : mapping
            Of the statement's parameters, some of which may stand for names.

        Raises
        ------
        QueryError
        """
        key = (sql, database)
        with self._lock:
            if key in self._approved:
                self._approved.move_to_end(key)
                return
        words = list(tokens(sql))
        names_from_values = self._check_words(words, database, values)
        kind, count = connection.classify(sql)
        first = words[0].text.upper() if words else ""
        if count > 1:
            raise QueryError.of(Code.SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)")
        if kind in ("MUTATING", "MUTATING_GLOBAL") or first in ("SET", "CREATE", "INSERT", "USE"):
            return  # the engine refuses these by itself, and USE ends with the request
        if kind == "CONTROL":
            raise _refusal(f"{first} is not allowed for this user")
        if kind == "READ_ONLY":
            self._check_tree(connection, sql, values, first, database, words)
            if not names_from_values:
                self._approve(key)

    def _approve(self, key: tuple[str, str]) -> None:
        """Remember a harmless statement, so that a dashboard's repeated queries are looked at once."""
        with self._lock:
            self._approved[key] = None
            if len(self._approved) > _REMEMBERED:
                self._approved.popitem(last=False)

    def _check_words(self, words: list[Token], database: str, values: Mapping[str, str]) -> bool:
        """Check by words alone. Returns whether names come from parameters."""
        names_from_values = False
        for index, token in enumerate(words):
            if token.kind not in ("word", "quoted"):
                continue
            following = words[index + 1].text if index + 1 < len(words) else ""
            name = token.text.strip('`"“”').lower()
            if token.kind == "quoted" and "\\" in token.text:
                raise _refusal("Escapes in quoted names are not allowed for this user")
            if name in ("outfile", "infile"):
                raise QueryError.of(Code.INTO_OUTFILE_NOT_ALLOWED, f"{name.upper()} is not allowed")
            if name in self._functions_refused and (following == "(" or _follows_apply(words, index)):
                raise _refusal(f"Function {name} is not allowed for this user")
            if name == "system" and following == "." and index + 2 < len(words):
                self._check_system_table(words[index + 2].text.strip('`"').lower(), strict=True)
            if name == "identifier" and following == "}":
                names_from_values = True
        if names_from_values and "system" in " ".join([database, *values.values()]).lower():
            raise _refusal("System tables cannot be named by parameters for this user")
        return names_from_values

    def _check_tree(
        self,
        connection: Connection,
        sql: str,
        values: Mapping[str, str],
        first: str,
        database: str,
        words: list[Token],
    ) -> None:
        if first == "SHOW" and any(token.text == "(" for token in words):
            raise _refusal("Expressions in SHOW are not allowed for this user")  # the tree leaves them out
        tree = connection.execute(f"EXPLAIN AST {sql.rstrip().rstrip(';')}", values).decode("utf-8", "replace")
        if tree.startswith("ShowProcesslist"):
            raise _refusal("SHOW PROCESSLIST is not allowed for this user")
        for name in _TREE_FUNCTION.findall(tree):
            if name.lower() in self._functions_refused:
                raise _refusal(f"Function {name} is not allowed for this user")
        for table in _TREE_TABLE.findall(tree):
            if "/" in table:
                raise _refusal("Files are not readable for this user")
            qualifier, _, name = table.rpartition(".")
            if (qualifier or database).lower() == "system":
                self._check_system_table(name.lower(), strict=bool(qualifier))

    def _check_system_table(self, name: str, *, strict: bool) -> None:
        """An unqualified name may also be one that the statement gives to a subquery."""
        if name in self._tables_refused or (strict and name not in _SYSTEM_TABLES):
            raise _refusal(f"system.{name} is not readable for this user")


def _names(connection: Connection, sql: str) -> set[str]:
    return set(connection.execute(sql).decode().splitlines())


def _follows_apply(words: list[Token], index: int) -> bool:
    return any(token.text.upper() == "APPLY" for token in words[max(0, index - 2) : index])


def _refusal(reason: str) -> QueryError:
    return QueryError.of(Code.ACCESS_DENIED, reason)
