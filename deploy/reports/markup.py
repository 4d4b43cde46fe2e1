"""Pieces of markup: numbers as people read them, escaped text, tables. All of it is well-formed XML too."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape

from engines.backtest.metrics.catalogue import Unit

NOTHING = "–"
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text(value: object) -> str:
    """Escaped for content and attributes; characters that no page may hold become a replacement character."""
    return escape(_NOT_XML.sub("\ufffd", str(value)), quote=True)


def data(value: object) -> str:
    """JSON that cannot end the script element it stands in. Not a number is null."""
    plain = json.dumps(_finite(value), separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value


def number(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """``1,234.50``; a dash where there is none, ∞ where it has no end."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    shown = f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"
    if not re.search("[1-9]", shown):
        shown = shown.lstrip("+-")
    return shown.replace("-", "−")


def percent(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """A fraction in percent."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{number(value * 100.0, digits, signed=signed)} %"


def price(value: float | None) -> str:
    """As many digits as a price of that size needs."""
    if value is None or not math.isfinite(value):
        return number(value)
    if value == 0.0:
        return "0"
    return number(value, min(10, max(2, 4 - math.floor(math.log10(abs(value))))) if abs(value) < 1000 else 2)


def metric(value: float | None, unit: Unit) -> str:
    """A number of a summary in its unit."""
    if value is None or math.isnan(value):
        return NOTHING
    match unit:
        case Unit.FRACTION | Unit.PROBABILITY:
            return percent(value, 1 if abs(value) >= 10.0 else 2)
        case Unit.PERCENT:
            return percent(value / 100.0)
        case Unit.R:
            return f"{number(value, signed=True)} R"
        case Unit.COUNT:
            return number(value, 0)
        case Unit.DAYS | Unit.BARS:
            return number(value, 1)
        case _:
            return number(value)


def time(ms: int | None, *, day: bool = False) -> str:
    """UTC time to the minute, or the day."""
    if ms is None:
        return NOTHING
    return f"{_EPOCH + timedelta(milliseconds=ms):{'%Y-%m-%d' if day else '%Y-%m-%d %H:%M'}}"


def sign(value: float | None) -> str:
    """Class of a number that is good above 0 and bad below."""
    if value is None or math.isnan(value) or value == 0.0:
        return ""
    return "up" if value > 0.0 else "down"


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes
    ----------
    shown : str
        Text, not yet escaped.
    tone : str
        Class: ``up``, ``down`` or none.
    key : float or str, optional
        What it is sorted by, where the table can be.
    numeric : bool
    """

    shown: str
    tone: str = ""
    key: float | str | None = None
    numeric: bool = True


@dataclass(frozen=True)
class Column:
    """Head of a column, with a word of explanation if it needs one."""

    title: str
    numeric: bool = True
    tip: str = ""


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    *,
    sortable: bool = False,
    marked: int | None = None,
    kind: str = "",
) -> str:
    """A table that scrolls by itself where the page is narrow; the first cell of each row is its head.

    Parameters
    ----------
    caption : str
        For readers who do not see the page; shown above nothing.
    columns : sequence of Column
    rows : iterable of sequences of Cell
    sortable : bool
        Whether the heads are buttons that sort.
    marked : int, optional
        Number of a row to stand out.
    kind : str
        Further class of the table.
    """
    heads: list[str] = []
    for column in columns:
        tip = f" data-tip='{text(column.tip)}'" if column.tip else ""
        title = f"<button type='button'>{text(column.title)}</button>" if sortable else text(column.title)
        heads.append(f"<th scope='col' class='{'n' if column.numeric else 't'}'{tip}>{title}</th>")
    body: list[str] = []
    for index, row in enumerate(rows):
        cells = "".join(_cell(cell, head=position == 0, sortable=sortable) for position, cell in enumerate(row))
        body.append(f"<tr{' class=' + chr(39) + 'marked' + chr(39) if index == marked else ''}>{cells}</tr>")
    classes = " ".join(filter(None, ("sortable" if sortable else "", kind)))
    return (
        f"<div class='scroll' role='region' tabindex='0' aria-label='{text(caption)}'>"
        f"<table class='{classes}'><caption class='unseen'>{text(caption)}</caption><thead><tr>{''.join(heads)}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _cell(cell: Cell, *, head: bool, sortable: bool) -> str:
    classes = " ".join(filter(None, ("n" if cell.numeric else "t", cell.tone)))
    key = f" data-key='{text(cell.key)}'" if sortable and cell.key is not None else ""
    name, scope = ("th", " scope='row'") if head else ("td", "")
    return f"<{name}{scope} class='{classes}'{key}>{text(cell.shown)}</{name}>"
