"""Tables of the serving database. Importing this package registers all of them for the migrations."""

from __future__ import annotations

from stores.tables.signals import PublishedSignal, SignalOutcome

SCHEMA = "serving"
"""Postgres schema of every table the API serves from."""

__all__ = ["SCHEMA", "PublishedSignal", "SignalOutcome"]
