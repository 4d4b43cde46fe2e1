"""How columns are declared: without null unless it is said."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, DateTime, Uuid
from sqlmodel import Field

TIME = DateTime(timezone=True)
"""An instant; the database keeps it in UTC."""

IDENTIFIER = Uuid(as_uuid=False)
"""A UUID, as text in Python."""


def column(type_: Any, *constraints: Any, **options: Any) -> Any:
    """Declare a column that takes no null unless it says so."""
    options.setdefault("nullable", False)
    return Field(sa_column=Column(type_, *constraints, **options))
