"""Errors of the backtest."""

from __future__ import annotations

from engines.errors import EngineError


class BadBacktest(EngineError, ValueError):
    """A configuration or input that a backtest cannot run with. Nothing has run.

    Attributes
    ----------
    where : str
        Field of the configuration, or table and row.
    rule : str
        What is wrong with it, in words.
    """

    def __init__(self, where: str, rule: str) -> None:
        self.where = where
        self.rule = rule
        super().__init__(f"bad backtest: {where}: {rule}")
