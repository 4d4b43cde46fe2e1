"""``cap indicators``: which columns the indicator engine gives."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import asdict

import typer

from deploy.cli.errors import WrongUse
from engines.indicators.catalogue import IndicatorColumn, Unit, catalogue


def show_indicators(words: Sequence[str], unit: str | None, *, as_json: bool) -> None:
    """Print the catalogue of indicator columns, as a table or for programs.

    Parameters
    ----------
    words : sequence of str
        Only columns with one of these words in their name or source; all if there are none.
    unit : str or None
        Only columns of this unit.
    as_json : bool

    Raises
    ------
    WrongUse
        If a word is in no column, there is no such unit, or no column is left.
    """
    columns = [column for column in _with(words, catalogue()) if unit is None or column.unit is _unit(unit)]
    if not columns:
        raise WrongUse(f"no column with {' or '.join(words)} is counted in {unit}")
    if as_json:
        typer.echo(json.dumps([asdict(column) for column in columns], indent=2))
        return
    head = ("column", "lookback", "unit", "source", "formula")
    rows = [(c.name, str(c.lookback), str(c.unit), c.source, _formula(c)) for c in columns]
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head) - 1)]
    for row in (head, *rows):
        cells = [row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].ljust(widths[2]), row[3].ljust(widths[3])]
        typer.echo("  ".join([*cells, row[4]]))


def _formula(column: IndicatorColumn) -> str:
    return f"{column.formula} (null {column.later_nulls})" if column.later_nulls else column.formula


def _with(words: Sequence[str], columns: Sequence[IndicatorColumn]) -> Sequence[IndicatorColumn]:
    """Columns that have one of the words in their name or source, in any case."""
    if not words:
        return columns
    texts = {column.name: f"{column.name} {column.source}".lower() for column in columns}
    for word in words:
        if not any(word.lower() in text for text in texts.values()):
            known = {*texts, *(part for name in texts for part in name.split("_"))}
            near = difflib.get_close_matches(word.lower(), sorted(known), 3)
            hint = f"did you mean {' or '.join(near)}?" if near else "`cap indicators` lists them all"
            raise WrongUse(f"no indicator column has {word!r} in its name or source; {hint}")
    return [column for column in columns if any(word.lower() in texts[column.name] for word in words)]


def _unit(name: str) -> Unit:
    try:
        return Unit(name.lower())
    except ValueError:
        raise WrongUse(f"there is no unit {name!r}; there are {', '.join(repr(str(unit)) for unit in Unit)}") from None
