"""Where ``cap backtest`` writes to, looked at before anything runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from deploy.cli.errors import WrongUse

if TYPE_CHECKING:
    from deploy.backtests.studies import BacktestOptions


def check_outputs(options: BacktestOptions) -> None:
    """Refuse what would be passed over, and places that nothing can be written to; nothing is made.

    Raises
    ------
    WrongUse
        Naming the option.
    """
    from deploy.cli.backtest import STDOUT

    sweeps = bool(options.varied) and options.walk_forward is None
    if sweeps and options.report is not None:
        raise WrongUse("--report: a sweep has no page; add --walk-forward, or take --json or --parquet")
    if options.resume is not None and not sweeps:
        raise WrongUse("--resume keeps the results of a sweep: --vary NAME=A,B,C without --walk-forward")
    files = {"--report": options.report, "--resume": options.resume}
    if options.as_json not in (None, STDOUT):
        files["--json"] = Path(cast("str", options.as_json))
    for option, path in files.items():
        if path is not None:
            if path.is_dir():
                raise WrongUse(f"{option}: {path} is a folder; name a file")
            _check_folder(option, path.absolute().parent)
    if options.parquet is not None:
        _check_folder("--parquet", options.parquet.absolute())


def _check_folder(option: str, folder: Path) -> None:
    """A folder that is there or can be made; nothing is made yet."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir():
        raise WrongUse(f"{option}: {there} is a file, not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise WrongUse(f"{option}: {there} cannot be written to")
