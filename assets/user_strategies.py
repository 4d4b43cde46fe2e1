"""The user's own strategies in the graph: which run, and how stored rows tell that others ran before.

Rows made with another set of strategies, another version of one, or another content of its file are made anew from the first
bar: a strategy that was added has then signals of all bars, one that was taken away has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engines.signals.loading import LoadedStrategies


def loaded(folder: Path | None) -> LoadedStrategies:
    """Strategies of the folder, loaded and registered; of files that have not changed since the last time nothing is done.

    Raises
    ------
    engines.signals.compiling.BadStrategy
        If the folder does not exist.
    """
    from engines.signals.loading import load_strategies

    return load_strategies(folder)


def rows_version(base: str, folder: Path | None) -> str:
    """Version of rows that depend on signals: that of the engines, and a hash of the user's strategies where there are any."""
    fingerprint = loaded(folder).fingerprint if folder is not None else ""
    return f"{base}.strategies-{fingerprint}" if fingerprint else base
