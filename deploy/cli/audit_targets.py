"""What a user wrote, as something to audit: a function of bars, or a strategy's file."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from deploy.cli.errors import CommandFailed, WrongUse
from stores.warehouse import Series

if TYPE_CHECKING:
    from engines.audit import Reader
    from engines.audit.prefixes import Read

ReadersOf = Callable[[Series], "Sequence[Reader]"]
"""Readers to audit for a series."""


def function_reader(text: str) -> ReadersOf:
    """Reader of a function ``FILE:NAME`` that turns bars into a frame with ``ts``.

    Raises
    ------
    WrongUse
        If there is no such file or function.
    CommandFailed
        If the file cannot be imported.
    """
    from engines.audit import FunctionReader, Readings

    file, colon, name = text.rpartition(":")
    if not colon or not file or not name:
        raise WrongUse(f"--function: {text!r} is not FILE:NAME, as in features.py:momentum")
    module = _imported(Path(file).expanduser())
    function = cast("Any", getattr(module, name, None))
    if not callable(function):
        known = ", ".join(known for known, value in vars(module).items() if _is_own(module, known, value)) or "none"
        raise WrongUse(f"--function: {file} has no function {name!r}; it has {known}")
    readings = Readings(name)
    return lambda series: [FunctionReader(readings, cast("Read", function))]


def strategy_reader(file: Path, home: Path | None) -> ReadersOf:
    """Reader of a chain that runs the strategies of a file and no others.

    Raises
    ------
    WrongUse
        If there is no such file.
    CommandFailed
        If the file cannot be used.
    """
    from dataclasses import replace

    from deploy.cli.strategy import strategies_of
    from engines.audit import chain_reader
    from engines.chain import Chain

    names = tuple(one.name for one in strategies_of(file, home))

    def readers(series: Series) -> list[Reader]:
        market, timeframe = str(series.market), series.timeframe
        reader = chain_reader(market, timeframe, lambda: Chain(timeframe=timeframe, market=market, strategies=names))
        return [replace(reader, name=", ".join(names))]

    return readers


def _is_own(module: Any, name: str, value: object) -> bool:
    return callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__


def _imported(path: Path) -> Any:
    if not path.is_file():
        raise WrongUse(f"--function: there is no file {path}")
    name = f"audited_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise WrongUse(f"--function: {path} is no Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    # Data classes and pickles of the file look their module up by name; files beside it can be imported as when it is run.
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise CommandFailed(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return module
