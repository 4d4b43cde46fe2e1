"""Libraries write what they like to the terminal; a run keeps it in a file and the terminal for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

COLUMNS_WITHOUT_TERMINAL = 160


@contextmanager
def terminal(log: Path | None) -> Iterator[Console]:
    """Console on the terminal while everything else that is printed goes to a file.

    The descriptors are redirected, not ``sys.stdout``: Dagster, dbt and compiled code write past it.

    Parameters
    ----------
    log : pathlib.Path, optional
        File to append to; None leaves all output on the terminal.
    """
    if log is None:
        yield Console(soft_wrap=not sys.stdout.isatty())
        return
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        with os.fdopen(os.dup(kept[0]), "w", buffering=1) as stream:
            width = None if stream.isatty() else COLUMNS_WITHOUT_TERMINAL
            yield Console(file=stream, width=width)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        for opened in (*kept, descriptor):
            os.close(opened)
