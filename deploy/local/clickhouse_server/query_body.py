"""From the bytes of a request to a statement, its data, and the tables sent along with it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.clickhouse_server.compression import decode
from deploy.local.clickhouse_server.credentials import User
from deploy.local.clickhouse_server.errors import Code, QueryError
from deploy.local.clickhouse_server.multipart import Part, parse_multipart
from deploy.local.clickhouse_server.spool import Spool
from deploy.local.clickhouse_server.statement import InsertHead, first_word, parse_insert_head, tokens

_HEAD_SIZE = 1 << 18
"""Bytes within which an INSERT must come to its data; the engine's own limit (``max_query_size``)."""
_STATEMENT_SIZE = 64 << 20
_BODY_SIZE = {User.CAP: 1 << 40, User.ANALYST: 16 << 20}

_COLUMN_WORDS_WITH_EXPRESSIONS = frozenset(
    {"DEFAULT", "MATERIALIZED", "ALIAS", "EPHEMERAL", "TTL", "CODEC", "SETTINGS"}
)


@dataclass(frozen=True)
class ExternalTable:
    """A table sent along with a query: the statements that make it."""

    name: str
    create: str
    insert: str


@dataclass(frozen=True)
class Statement:
    """A statement as it came in.

    Parameters
    ----------
    text : str
        The statement; for an INSERT with data, up to its data.
    parameters : dict
        Of the URL and the form.
    head : InsertHead or None
        Set when rows follow as data, at ``data_path``.
    external_tables : tuple of ExternalTable
    """

    text: str
    parameters: dict[str, str]
    head: InsertHead | None = None
    data_path: str = ""
    external_tables: tuple[ExternalTable, ...] = ()

    @property
    def external_names(self) -> frozenset[str]:
        """Names of the tables sent along."""
        return frozenset(table.name for table in self.external_tables)


@contextmanager
def read_statement(
    body: Iterable[bytes], parameters: dict[str, str], headers: dict[str, str], user: User, spool_folder: Path
) -> Iterator[Statement]:
    """Read a request's body; its data stays on file for as long as the context is held.

    Parameters
    ----------
    body : iterable of bytes
        As it comes from the wire.
    parameters : dict
        Of the URL.
    headers : dict
        Names in lower case.

    Raises
    ------
    QueryError
        If the body cannot be decoded, is too large, or the disk is full.
    """
    with ExitStack() as resources:
        chunks = _limited(decode(headers.get("content-encoding", ""), body), _BODY_SIZE[user])
        if parameters.get("decompress", "").lower() in ("1", "true"):
            from deploy.local.clickhouse_server.native_frames import decode_frames

            chunks = decode_frames(chunks)
        content_type = headers.get("content-type", "")
        if content_type.lower().startswith("multipart/form-data"):
            spool = _spool(resources, spool_folder, chunks)
            yield _from_form(spool.read(), content_type, parameters, resources, spool_folder)
        else:
            yield _from_body(iter(chunks), parameters, resources, spool_folder)


def _limited(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise QueryError.of(Code.QUERY_IS_TOO_LARGE, f"The request body is larger than {limit} bytes")
        yield chunk


def _spool(resources: ExitStack, folder: Path, chunks: Iterable[bytes]) -> Spool:
    spool = resources.enter_context(Spool(folder))
    try:
        spool.extend(chunks)
    except OSError as error:
        raise QueryError.of(
            Code.NOT_ENOUGH_SPACE, f"Cannot store the request body: {error.strerror}; nothing was inserted"
        ) from error
    return spool


def _from_body(chunks: Iterator[bytes], parameters: dict[str, str], resources: ExitStack, folder: Path) -> Statement:
    in_url = parameters.get("query", "")
    opening = f"{in_url}\n".encode("utf-8", "surrogateescape") if in_url else b""
    pieces = [opening]
    size = len(opening)
    whole = False
    while size <= _HEAD_SIZE:
        piece = next(chunks, None)
        if piece is None:
            whole = True
            break
        pieces.append(piece)
        size += len(piece)
    start = b"".join(pieces)
    text = start[:_HEAD_SIZE].decode("utf-8", "surrogateescape")
    if first_word(text) == "INSERT":
        head = parse_insert_head(text)
        if head is not None and not (head.format == "Values" and whole):
            return _insert(text, start, head, chunks, parameters, resources, folder)
    for piece in chunks:
        pieces.append(piece)
        size += len(piece)
        if size > _STATEMENT_SIZE:
            raise QueryError.of(Code.QUERY_IS_TOO_LARGE, f"The statement is larger than {_STATEMENT_SIZE} bytes")
    return Statement(b"".join(pieces).decode("utf-8", "surrogateescape").rstrip("\n"), parameters)


def _insert(
    text: str,
    start: bytes,
    head: InsertHead,
    rest: Iterator[bytes],
    parameters: dict[str, str],
    resources: ExitStack,
    folder: Path,
) -> Statement:
    data_start = len(text[: head.data_start].encode("utf-8", "surrogateescape"))

    def data() -> Iterator[bytes]:
        yield start[data_start:]
        yield from rest

    spool = _spool(resources, folder, data())
    return Statement(head.text, parameters, head, data_path=spool.path)


def _from_form(
    body: bytes, content_type: str, parameters: dict[str, str], resources: ExitStack, folder: Path
) -> Statement:
    parts = parse_multipart(body, content_type)
    merged = dict(parameters)
    merged.update({part.name: part.text() for part in parts if part.filename is None})
    tables = tuple(
        _external_table(part, merged, _spool(resources, folder, [part.data]))
        for part in parts
        if part.filename is not None
    )
    return Statement(merged.get("query", ""), merged, external_tables=tables)


def _external_table(part: Part, parameters: dict[str, str], data: Spool) -> ExternalTable:
    name = part.name
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise QueryError.of(Code.BAD_ARGUMENTS, f"External table {name!r} has no valid name")
    structure = parameters.get(f"{name}_structure", "")
    types = parameters.get(f"{name}_types", "")
    if not structure and types:
        structure = ", ".join(f"_{index} {kind}" for index, kind in enumerate(_split_types(types), start=1))
    if not structure:
        raise QueryError.of(Code.BAD_ARGUMENTS, f"External table {name} needs {name}_structure or {name}_types")
    _check_structure(name, structure)
    data_format = parameters.get(f"{name}_format", "TabSeparated")
    if not re.fullmatch(r"\w+", data_format):
        raise QueryError.of(Code.BAD_ARGUMENTS, f"External table {name} has no valid format")
    return ExternalTable(
        name,
        f"CREATE TEMPORARY TABLE `{name}` ({structure})",
        f"INSERT INTO `{name}` FROM INFILE '{data.path}' FORMAT {data_format}",  # checked above
    )


def _split_types(types: str) -> list[str]:
    cuts = [token.start for token in tokens(types) if token.text == "," and token.depth == 0]
    bounds = [-1, *cuts, len(types)]
    return [types[start + 1 : end] for start, end in itertools.pairwise(bounds)]


def _check_structure(name: str, structure: str) -> None:
    """Names and types only: the statement it becomes part of runs before the analyst's connection is locked."""
    depth = 0
    for token in tokens(structure):
        depth += (token.text in "([") - (token.text in ")]") if token.kind == "mark" else 0
        if depth < 0 or token.text in (";", "{", "}") or token.text.upper() in _COLUMN_WORDS_WITH_EXPRESSIONS:
            raise QueryError.of(
                Code.BAD_ARGUMENTS, f"The structure of external table {name} may hold names and types only"
            )
