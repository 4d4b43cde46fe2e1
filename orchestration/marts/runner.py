"""Run dbt in this process, from the project parsed ahead, and hand out its events as they come.

A ``dbt`` command of its own would import dbt once more (seconds) and, as ports and passwords of local stores change, parse
the project again (seconds more). dbt allows one invocation at a time in a process; a lock keeps to that.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from orchestration.marts.environment import PROJECT_DIR, Target, dbt_environment
from orchestration.marts.manifest import require_manifest
from stores.settings import Settings

_RESULT_EVENTS = frozenset({"LogModelResult", "LogTestResult", "LogSeedResult", "LogSnapshotResult"})
_ONE_AT_A_TIME = threading.Lock()


class DbtFailed(RuntimeError):
    """A model could not be built, or a test of severity error failed."""


@dataclass(frozen=True)
class DbtEvent:
    """The end of one node of a dbt invocation.

    Attributes
    ----------
    raw : dict
        The event as dbt's JSON log writes it.
    """

    raw: dict[str, Any]

    @property
    def node(self) -> str:
        """Name of the model or test."""
        return str(self.raw["data"]["node_info"]["node_name"])

    @property
    def status(self) -> str:
        """``success``, ``error``, ``skipped``, ``pass``, ``warn`` or ``fail``."""
        status = str(self.raw["data"]["node_info"]["node_status"])
        # Unit tests leave the field of the node empty and say it beside.
        return status if status not in ("", "None") else str(self.raw["data"]["status"])


@dataclass
class _Invocation:
    """A dbt invocation on a thread of its own, so that its events can be handed out while it runs."""

    arguments: Sequence[str]
    target: Target
    environment: Mapping[str, str]
    events: queue.SimpleQueue[DbtEvent | None] = field(default_factory=queue.SimpleQueue)
    errors: list[str] = field(default_factory=list)
    success: bool = False

    def run(self) -> None:
        try:
            with _ONE_AT_A_TIME, _added_to_environment(self.environment):
                self._invoke()
        except Exception as error:
            self.errors.append(str(error))
        finally:
            self.events.put(None)

    def _invoke(self) -> None:
        from dbt.cli.main import dbtRunner
        from dbt.contracts.graph.manifest import Manifest

        parsed = Manifest.from_msgpack(self.target.parsed_path.read_bytes())
        if self.target is Target.SERVING:
            # Parsed nodes carry the database of the profile's default; the real one may have any name.
            for node in (*parsed.nodes.values(), *parsed.sources.values()):
                node.database = self.environment["DBT_POSTGRES_DATABASE"]
        parsed.build_flat_graph()
        result = dbtRunner(manifest=parsed, callbacks=[self._collect]).invoke(list(self.arguments))
        self.success = result.success
        if result.exception is not None:
            self.errors.append(str(result.exception))

    def _collect(self, event: Any) -> None:
        from dbt_common.events.functions import msg_to_dict

        if event.info.level == "error":
            self.errors.append(str(event.info.msg))
        if event.info.name in _RESULT_EVENTS:
            self.events.put(DbtEvent(msg_to_dict(event)))


def run_dbt(settings: Settings, target: Target, arguments: Sequence[str]) -> Iterator[DbtEvent]:
    """Run a dbt command and yield the end of each node.

    Parameters
    ----------
    settings : Settings
        Gives the URL of the target's store.
    target : Target
    arguments : sequence of str
        Command and options, such as ``["build", "--select", "order_blocks"]``.

    Raises
    ------
    stores.settings.MissingStore
        If the target's store has no URL.
    orchestration.marts.manifest.MissingManifest
        If the project has not been parsed.
    DbtFailed
        After the last event, if the command failed; with what dbt said.
    """
    settings.require("clickhouse_url" if target is Target.WAREHOUSE else "postgres_url")
    require_manifest(target)
    invocation = _Invocation([*_global_options(), *arguments, *_options(target)], target, dbt_environment(settings))
    thread = threading.Thread(target=invocation.run, name=f"dbt-{target}", daemon=True)
    thread.start()
    try:
        while (event := invocation.events.get()) is not None:
            yield event
    finally:
        # dbt cannot be stopped half-way; whoever gives up waits for it, so that nothing runs on behind a released lock.
        thread.join()
    if not invocation.success:
        raise DbtFailed("\n".join(dict.fromkeys(invocation.errors)) or f"dbt {' '.join(arguments)} failed")


def _global_options() -> list[str]:
    return ["--log-level", "none", "--log-level-file", "none", "--no-print", "--no-use-colors"]


def _options(target: Target) -> list[str]:
    folder = str(PROJECT_DIR)
    return [
        *("--target", target.value, "--project-dir", folder, "--profiles-dir", folder),
        *("--target-path", str(target.target_dir / "run"), "--no-write-json", "--no-partial-parse"),
    ]


@contextmanager
def _added_to_environment(variables: Mapping[str, str]) -> Generator[None]:
    """Set variables for dbt's profile, which reads nothing but the environment, and take them back."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
