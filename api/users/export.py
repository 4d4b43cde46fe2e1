"""Everything that is held about a person, as a zip archive of JSON files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import IO, Any

import orjson
from sqlalchemy import text
from sqlmodel import Session

from api.times import format_instant
from api.users.personal_data import HOLDINGS

_AT_ONCE = 1_000
_README = """\
This archive holds what the service keeps about you, one file a table. Times are UTC.
Left out are secrets, of which only digests or sealed copies are kept: {left_out}.
"""


def export(session: Session, user_id: str, now: datetime) -> bytes:
    """Write the archive of a person."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        left_out = ", ".join(name for name, holding in HOLDINGS.items() if not holding.exported)
        archive.writestr("README.txt", _README.format(left_out=left_out))
        archive.writestr("made_at.txt", format_instant(now) or "")
        for table, holding in HOLDINGS.items():
            if not holding.exported:
                continue
            columns = ", ".join(f"t.{name}" for name in holding.exported)
            rows = session.connection().execute(
                text(f"SELECT {columns} FROM serving.{table} AS t WHERE {holding.owner}"),
                _parameters(user_id, holding.owner),
                # Deliveries and records may be many: only the archive itself is held in memory.
                execution_options={"stream_results": True, "max_row_buffer": _AT_ONCE},
            )
            with archive.open(f"{table}.json", "w") as file:
                _write(file, rows.mappings())
    return written.getvalue()


def _write(file: IO[bytes], rows: Iterable[Mapping[Any, Any]]) -> None:
    file.write(b"[")
    for number, row in enumerate(rows):
        shown = {name: _plain(value) for name, value in row.items()}
        file.write((b",\n" if number else b"\n") + orjson.dumps(shown))
    file.write(b"\n]\n")


def _parameters(user_id: str, owner: str) -> dict[str, str]:
    return {name: user_id for name in ("user", "user_text") if f":{name}" in owner.replace(":user_text", ":user_text ")}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_instant(value)
    return str(value) if type(value).__name__ in ("UUID", "IPv4Network", "IPv6Network", "Decimal") else value
