"""``cap warm``: compile the kernels ahead."""

from __future__ import annotations

import subprocess
import sys

from rich.console import Console

from deploy.cli.progress import TerminalProgress

_BESIDE = (
    ("warm_indicators", "warm_stages"),
    # Needs what the two before have compiled.
    ("warm_others", "warm_panel"),
)
"""What is compiled here, and meanwhile by a process beside this one: the compiler holds a lock."""


def warm_kernels() -> None:
    """Compile what is not compiled for this machine and these sources yet."""
    from engines import warm

    with TerminalProgress(Console()) as progress:
        for here, there in _BESIDE:
            words = f"from engines.warm import {there}; {there}()"
            beside = subprocess.Popen([sys.executable, "-c", words])  # noqa: S603 - our own words
            getattr(warm, here)()
            # Whether it went well does not matter: what it has not compiled is compiled below.
            beside.wait()
        warm.warm(progress)
