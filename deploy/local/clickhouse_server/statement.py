"""As much of the SQL grammar as the HTTP interface needs: where an INSERT's data begins and where FORMAT stands.

The engine's own parser decides what a statement is and may do; this module only finds the places at which the server
has to cut or to add (``FROM INFILE`` for a request body, ``INTO OUTFILE`` for a streamed result).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<space>(?:\s|--[^\n]*|\#[!\ ][^\n]*|/\*.*?(?:\*/|\Z))+)
    |(?P<string>'(?:[^'\\]|\\.|'')*'|‘[^’]*’|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    |(?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*"|“[^”]*”)
    |(?P<word>[^\W\d][\w$]*)
    |(?P<number>\d[\w.]*)
    |(?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


class Token(NamedTuple):
    """A significant piece of a statement."""

    kind: str
    text: str
    start: int
    end: int
    depth: int

    def is_word(self, word: str) -> bool:
        """Whether it is this unquoted word, at the outermost level."""
        return self.depth == 0 and self.kind == "word" and self.text.upper() == word


def tokens(sql: str) -> Iterator[Token]:
    """Split a statement; comments and white space are left out."""
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or "mark"
        if kind == "tag":
            kind = "string"
        if kind == "space":
            continue
        text = match.group()
        if kind == "mark" and text in _CLOSE:
            depth = max(0, depth - 1)
        yield Token(kind, text, match.start(), match.end(), depth)
        if kind == "mark" and text in _OPEN:
            depth += 1


def first_word(sql: str) -> str:
    """Leading keyword of a statement in upper case; empty if it starts with something else."""
    for token in tokens(sql):
        if token.kind == "word":
            return token.text.upper()
        if token.text != "(":
            return ""
    return ""


class Span(NamedTuple):
    """A stretch of a statement."""

    start: int
    end: int


@dataclass(frozen=True)
class InsertHead:
    """An INSERT whose rows follow it as data.

    Parameters
    ----------
    text : str
        The statement up to and with the name of the format, or ``VALUES``.
    target_end : int
        Where ``FROM INFILE`` belongs in ``text``: before ``SETTINGS``, ``FORMAT`` or ``VALUES``.
    data_start : int
        Where the data begins in the string that was parsed.
    format : str
        Name of the format; ``Values`` for ``VALUES``.
    input_call : Span or None
        Where it selects from ``input(...)``.
    """

    text: str
    target_end: int
    data_start: int
    format: str
    input_call: Span | None = None

    def from_file(self, path: str) -> str:
        """Return the statement with its rows coming from a file."""
        if self.input_call is not None:
            # The embedded engine has no stream to feed input() from; reading the file is the same thing.
            structure = self.text[self.input_call.start : self.input_call.end].partition("(")[2][:-1].strip()
            call = f"file('{path}', '{self.format}'{', ' if structure else ''}{structure})"
            return f"{self.text[: self.input_call.start]}{call}{self.text[self.input_call.end : self.target_end]}"
        tail = self.text[self.target_end :]
        if self.format == "Values" and tail[-6:].upper() == "VALUES":
            tail = f"{tail[:-6]} FORMAT Values"
        return f"{self.text[: self.target_end]} FROM INFILE '{path}' {tail}"


def parse_insert_head(sql: str) -> InsertHead | None:
    """Find where the data of an INSERT begins.

    Returns
    -------
    InsertHead or None
        None if the statement is no INSERT, or takes its rows from elsewhere (``SELECT``, ``INFILE``).
    """
    stream = tokens(sql)
    previous = next(stream, None)
    if previous is None or not previous.is_word("INSERT"):
        return None
    settings_start: int | None = None
    selects = False
    input_call: Span | None = None
    open_input: Token | None = None
    for token in stream:
        if open_input is not None:
            if token.text == ")" and token.depth == open_input.depth:
                input_call, open_input = Span(open_input.start, token.end), None
        elif selects and token.text == "(" and previous.kind == "word" and previous.text.lower() == "input":
            open_input = previous
        elif token.is_word("SELECT") or token.is_word("WITH"):
            selects = True
        elif token.is_word("INFILE") or token.is_word("WATCH"):
            return None
        elif token.is_word("SETTINGS") and not selects:
            settings_start = token.start
        elif token.is_word("VALUES") and not selects and not previous.is_word("INTO"):
            target_end = settings_start if settings_start is not None else token.start
            return InsertHead(sql[: token.end], target_end, token.end, "Values")
        elif previous.is_word("FORMAT") and token.kind == "word" and token.depth == 0:
            if selects and input_call is None:
                return None
            target_end = settings_start if settings_start is not None else previous.start
            return InsertHead(sql[: token.end], target_end, _data_start(sql, token.end), token.text, input_call)
        previous = token
    return None


def _data_start(sql: str, position: int) -> int:
    """Skip what the engine skips between the format's name and the data: blanks and one line break."""
    while position < len(sql) and sql[position] in " \t\f":
        position += 1
    if sql.startswith("\r", position):
        position += 1
    if sql.startswith("\n", position):
        position += 1
    return position


@dataclass(frozen=True)
class OutputClause:
    """The end of a statement that returns rows.

    Parameters
    ----------
    body_end : int
        Where ``INTO OUTFILE`` belongs: before ``FORMAT``, or at the end.
    end : int
        Where the statement ends, without semicolons and comments.
    format : str or None
        Name after ``FORMAT``.
    has_outfile : bool
        Whether the statement already has ``INTO OUTFILE``.
    """

    body_end: int
    end: int
    format: str | None
    has_outfile: bool


def parse_output_clause(sql: str) -> OutputClause:
    """Find the trailing ``FORMAT`` of a statement."""
    significant = list(tokens(sql))
    while significant and significant[-1].text == ";":
        significant.pop()
    if not significant:
        return OutputClause(0, 0, None, False)
    end = significant[-1].end
    has_outfile = any(
        token.is_word("OUTFILE") and index and significant[index - 1].is_word("INTO")
        for index, token in enumerate(significant)
    )
    for index in range(len(significant) - 2, -1, -1):
        token, name = significant[index], significant[index + 1]
        if not token.is_word("FORMAT") or name.depth or name.kind not in ("word", "quoted"):
            continue
        after = significant[index + 2] if index + 2 < len(significant) else None
        if after is None or after.is_word("SETTINGS"):
            return OutputClause(token.start, end, name.text.strip('`"'), has_outfile)
    return OutputClause(end, end, None, has_outfile)
