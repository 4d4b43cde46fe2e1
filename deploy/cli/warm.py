"""``cap warm``: compile the kernels ahead."""

from __future__ import annotations

from rich.console import Console

from deploy.cli.progress import TerminalProgress


def warm_kernels() -> None:
    """Compile what is not compiled for this machine and these sources yet."""
    from engines.warm import warm

    with TerminalProgress(Console()) as progress:
        warm(progress)
