"""``cap warm``: compile the kernels ahead."""

from __future__ import annotations

import subprocess
import sys

from rich.console import Console

from deploy.cli.progress import TerminalProgress

_SIGNALS = "from engines.warm import warm_signals; warm_signals()"


def warm_kernels() -> None:
    """Compile what is not compiled for this machine and these sources yet.

    The compiler holds a lock, so the strategies, about half of the work, are compiled by a process beside this one.
    """
    from engines.kernel import CACHE_DIR
    from engines.warm import warm, warm_structure_and_zones

    with TerminalProgress(Console()) as progress:
        if not CACHE_DIR.exists():
            beside = subprocess.Popen([sys.executable, "-c", _SIGNALS])  # noqa: S603 - our own words
            warm_structure_and_zones()
            # Whether it went well does not matter: what it has not compiled is compiled below.
            beside.wait()
        warm(progress)
