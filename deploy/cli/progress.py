"""Progress on a terminal: a bar a stage; plain lines where there is none."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class TerminalProgress:
    """A listener that draws.

    A context manager: leaving it gives the terminal back.

    Parameters
    ----------
    console : rich.console.Console
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._name = ""
        self._began = 0.0

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage; one that was not ended is ended."""
        self.done()
        self._name, self._began = name, time.monotonic()
        self._task = self._bars.add_task(name, total=total)

    def advance(self, n: int = 1) -> None:
        """Move the bar."""
        if self._task is not None:
            self._bars.advance(self._task, n)

    def message(self, text: str) -> None:
        """Print a line above the bars."""
        self._console.print(text, markup=False, highlight=False)

    def done(self) -> None:
        """Fill the bar."""
        if self._task is None:
            return
        task = next(task for task in self._bars.tasks if task.id == self._task)
        total = task.total if task.total is not None else 1
        self._bars.update(self._task, total=total, completed=total)
        self._task = None
        if not self._console.is_terminal:
            self._console.print(f"{self._name}: {time.monotonic() - self._began:.1f} s", markup=False, highlight=False)

    def __enter__(self) -> TerminalProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.done()
        self._bars.stop()
