"""Users' strategies: every ``*.py`` file of a folder, each loaded by itself, the bad ones reported and left out."""

from __future__ import annotations

import hashlib
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

from engines.signals.authoring import DECLARED
from engines.signals.compiling import BadStrategy
from engines.signals.engine import BUILT_IN
from engines.signals.strategy import Strategy, register, registered_names, unregister


@dataclass(frozen=True)
class LoadedStrategies:
    """What a folder holds.

    Attributes
    ----------
    folder : Path or None
    strategies : tuple of Strategy
        In order of files, in a file of their declaration.
    problems : tuple of BadStrategy
        Files, or strategies of a file, that cannot be used.
    """

    folder: Path | None
    strategies: tuple[Strategy[Any, Any], ...] = ()
    problems: tuple[BadStrategy, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All strategies a chain is to run: the built-in ones, then these."""
        return (*BUILT_IN, *(one.name for one in self.strategies))

    @property
    def fingerprint(self) -> str:
        """Hash of names, versions and contents of files; empty if there are none. Rows made with another one are not these."""
        if not self.strategies:
            return ""
        words = "\n".join(f"{one.name} {one.version} {one.source}" for one in self.strategies)
        return hashlib.sha256(words.encode()).hexdigest()[:12]


class _NameTaken(BadStrategy):
    """Not a fault of the file alone: it may be gone when another file is."""


@dataclass(frozen=True)
class _File:
    """A file as it was loaded."""

    content: str
    strategies: tuple[Strategy[Any, Any], ...]
    problem: BadStrategy | None


_LOADED: dict[Path, _File] = {}
_LOCK = threading.RLock()


def load_strategies(folder: Path | None) -> LoadedStrategies:
    """Load the strategies of a folder and register them; what has not changed since the last time is not loaded again.

    Files whose names begin with an underscore or a dot are left alone. What an earlier call registered of this folder and is
    not there any more is forgotten.

    Parameters
    ----------
    folder : Path or None
        None for no folder: there are only built-in strategies.

    Raises
    ------
    BadStrategy
        If the folder is not there. A file that cannot be used is in ``problems``.
    """
    if folder is None:
        return LoadedStrategies(None)
    place = folder.expanduser().resolve()
    if not place.is_dir():
        raise BadStrategy(f"the folder of strategies {folder} does not exist; make it, or unset CAP_STRATEGIES")
    files = sorted(file for file in place.glob("*.py") if file.is_file() and not file.name.startswith(("_", ".")))
    with _LOCK:
        for gone in [file for file in _LOADED if file.parent == place and file not in files]:
            _forget(gone)
        loaded = [_load(file) for file in files]
    return LoadedStrategies(
        place,
        tuple(one for file in loaded for one in file.strategies),
        tuple(file.problem for file in loaded if file.problem is not None),
    )


def load_strategy_file(file: Path) -> tuple[Strategy[Any, Any], ...]:
    """Load and register the strategies of one file.

    Raises
    ------
    BadStrategy
        If the file cannot be used.
    """
    place = file.expanduser().resolve()
    if not place.is_file():
        raise BadStrategy(f"there is no file {file}")
    with _LOCK:
        loaded = _load(place)
    if loaded.problem is not None:
        raise loaded.problem
    return loaded.strategies


def _load(file: Path) -> _File:
    source = file.read_bytes()
    content = hashlib.sha256(source).hexdigest()
    known = _LOADED.get(file)
    if known is not None and known.content == content and not isinstance(known.problem, _NameTaken):
        return known
    _forget(file)
    try:
        loaded = _File(content, _registered(file, _declared(file)), None)
    except BadStrategy as problem:
        loaded = _File(content, (), problem)
    _LOADED[file] = loaded
    return loaded


def _forget(file: Path) -> None:
    known = _LOADED.pop(file, None)
    for one in known.strategies if known else ():
        unregister(one.name)


def _registered(file: Path, declared: Iterable[Strategy[Any, Any]]) -> tuple[Strategy[Any, Any], ...]:
    """Register all of a file's strategies, or none."""
    found = tuple(declared)
    if not found:
        raise BadStrategy(
            "there is no strategy in it; decorate the function that decides a bar with @strategy(...)", file
        )
    taken: Mapping[str, str] = dict.fromkeys(registered_names(), "")
    own: set[str] = set()
    for one in found:
        line = one.decide.__code__.co_firstlineno if one.decide is not None else 0
        if one.name in BUILT_IN:
            raise BadStrategy(f"{one.name} is the name of a built-in strategy; choose another", file, line)
        if one.name in taken or one.name in own:
            raise _NameTaken(
                f"there is a strategy named {one.name} already{_whose(one.name)}; choose another name", file, line
            )
        own.add(one.name)
    for one in found:
        register(one)
    return found


def _whose(name: str) -> str:
    for file, loaded in _LOADED.items():
        if any(one.name == name for one in loaded.strategies):
            return f" in {file}"
    return ""


def _declared(file: Path) -> list[Strategy[Any, Any]]:
    """Run a file and collect what it declares."""
    source = file.read_bytes()
    # Compiled kernels are kept by content, and name the module their types stand in.
    name = f"cap_user_strategies_{hashlib.sha256(source).hexdigest()[:16]}_{file.stem}"
    spec = spec_from_loader(name, SourceFileLoader(name, str(file)))
    assert spec is not None  # noqa: S101 - it was made of a loader
    module = module_from_spec(spec)
    declared: list[Strategy[Any, Any]] = []
    token = DECLARED.set(declared)
    sys.modules[name] = module
    try:
        code = compile(source, str(file), "exec")
        exec(code, module.__dict__)  # noqa: S102 - the user's own file, in the folder he named
    except BadStrategy:
        raise
    except SyntaxError as error:
        raise BadStrategy(f"this is not Python: {error.msg}", file, error.lineno or 0) from error
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        raise BadStrategy(
            f"it cannot be loaded: {type(error).__name__}: {' '.join(str(error).split())}",
            file,
            (lines[-1] if lines else 0) or 0,
        ) from error
    finally:
        DECLARED.reset(token)
        sys.modules.pop(name, None)
    return declared
