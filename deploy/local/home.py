"""The home folder: one instance's data, passwords, logs and records of its processes."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.errors import HomeBusy, LocalStackError
from deploy.local.processes import ProcessIdentity, boot_id

_LOOK_SECONDS = 0.2


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only from its first byte on."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def _read_json(path: Path) -> dict[str, Any]:
    """Content of a file this package wrote; empty if it is not there.

    Raises
    ------
    ValueError
        If it was damaged.
    """
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    if not isinstance(content, dict):
        raise ValueError(f"{path} does not hold an object")
    return content


def _read_replaceable(path: Path) -> dict[str, Any]:
    """Content of a file that can be made anew; empty if it is not there or was damaged."""
    try:
        return _read_json(path)
    except ValueError:
        return {}


@dataclass(frozen=True)
class ProcessRecord:
    """A started service: what runs, where it listens."""

    name: str
    pid: int
    started: float
    port: int | None
    stop_signal: int

    @property
    def identity(self) -> ProcessIdentity:
        """The process itself."""
        return ProcessIdentity(self.pid, self.started)


@dataclass(frozen=True)
class InstanceRecord:
    """What runs on a home folder, as written to ``processes.json`` (owner only: the URLs carry passwords)."""

    command: str = ""
    boot: str = ""
    supervisor: ProcessIdentity | None = None
    processes: tuple[ProcessRecord, ...] = ()
    ready: bool = False
    """Whether everything asked for has come up."""
    urls: dict[str, str] = field(default_factory=dict)
    """URL by name: ``clickhouse``, ``clickhouse_analyst``, ``postgres``, ``redis``, ``kafka``, ``api``, ``dagster``."""

    @property
    def running(self) -> bool:
        """Whether the process that supervises the instance runs."""
        return self.boot == boot_id() and self.supervisor is not None and self.supervisor.alive

    @property
    def orphans(self) -> list[ProcessRecord]:
        """Recorded processes that still run."""
        return [record for record in self.processes if record.identity.alive] if self.boot == boot_id() else []


class Home:
    """Paths and small files under the home folder.

    Parameters
    ----------
    path : pathlib.Path
        The folder; made if absent.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._secrets_lock = threading.Lock()

    @property
    def logs(self) -> Path:
        """Folder of log files."""
        return self.path / "logs"

    @property
    def dagster(self) -> Path:
        """Dagster's home."""
        return self.path / "dagster"

    @property
    def exists(self) -> bool:
        """Whether an instance was ever made here."""
        return (self.path / "lock").exists()

    def create(self) -> None:
        """Make the folder.

        Raises
        ------
        LocalStackError
            If it cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # Traversable: as root, PostgreSQL runs as another user. Every file inside is its owner's alone.
            self.path.chmod(0o711)
            self.logs.mkdir(exist_ok=True)
            self.logs.chmod(0o700)
        except OSError as error:
            raise LocalStackError(
                f"the home folder {self.path} cannot be used ({error.strerror}); choose another with --home"
            ) from error

    def secret(self, name: str) -> str:
        """Random password of a service, made the first time it is asked for."""
        path = self.path / "secrets.json"
        with self._secrets_lock:
            try:
                known = _read_json(path)
            except ValueError:
                # New passwords would lock the data of the old ones away for good.
                raise LocalStackError(
                    f"{path} is damaged, and the stores' passwords are in it; bring it back from a backup, "
                    "or begin anew in another folder with --home"
                ) from None
            if name not in known:
                known[name] = secrets.token_urlsafe(24)
                write_private(path, json.dumps(known))
            return str(known[name])

    @property
    def instance(self) -> str:
        """Random identity of this home, carried by every process it starts."""
        return self.secret("instance")

    def record(self) -> InstanceRecord:
        """Read what runs here."""
        content = _read_replaceable(self.path / "processes.json")
        if not content:
            return InstanceRecord()
        supervisor = content.get("supervisor")
        return InstanceRecord(
            command=content.get("command", ""),
            boot=content.get("boot", ""),
            supervisor=ProcessIdentity(**supervisor) if supervisor else None,
            processes=tuple(ProcessRecord(**entry) for entry in content.get("processes", ())),
            ready=bool(content.get("ready", False)),
            urls=content.get("urls", {}),
        )

    def write_record(self, record: InstanceRecord) -> None:
        """Write what runs here."""
        write_private(self.path / "processes.json", json.dumps(asdict(record), indent=1))

    def clear_record(self) -> None:
        """Note that nothing runs here any more."""
        (self.path / "processes.json").unlink(missing_ok=True)

    def read_config(self) -> dict[str, Any]:
        """Options of the last run."""
        return _read_replaceable(self.path / "config.json")

    def write_config(self, options: dict[str, Any]) -> None:
        """Keep the options for the next run."""
        write_private(self.path / "config.json", json.dumps(options, indent=1))


class HomeLock:
    """One home, one instance: a lock the kernel drops when its holder dies, however it dies."""

    def __init__(self, home: Home, command: str) -> None:
        self._home = home
        self._command = command
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        HomeBusy
            If another process holds it.
        """
        path = self._home.path / "lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._flock(descriptor)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise HomeBusy(
                f"{holder} already uses {self._home.path}; stop it with 'cap down', or choose another folder with --home"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"'cap {self._command}' (process {os.getpid()})".encode(), 0)
        self._descriptor = descriptor

    @property
    def acquired(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    @staticmethod
    def _flock(descriptor: int) -> None:
        deadline = time.monotonic() + _LOOK_SECONDS
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # It may only be `held` looking.
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_LOOK_SECONDS / 10)

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    @staticmethod
    def held(home: Home) -> bool:
        """Whether some process holds the lock of a home."""
        try:
            descriptor = os.open(home.path / "lock", os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False
