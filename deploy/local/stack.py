"""The local stack: every store without a URL is started under the home folder, and its URL filled in."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pydantic import SecretStr

from deploy.local.clickhouse import ClickHouse
from deploy.local.dagster_home import write_dagster_home
from deploy.local.errors import LocalStackError
from deploy.local.home import Home, HomeLock
from deploy.local.mail_sink import MailSink
from deploy.local.postgres import Postgres
from deploy.local.redis_server import Redis
from deploy.local.service import Service
from deploy.local.supervisor import Supervisor
from stores.settings import Settings


@dataclass(frozen=True)
class Ports:
    """Preferred ports; a taken one is replaced by the next free one, 0 means any."""

    clickhouse: int = 8123
    postgres: int = 5432
    redis: int = 6379
    api: int = 8000
    dagster: int = 3000
    smtp: int = 2525

    @classmethod
    def any(cls) -> Ports:
        """Whatever is free, for instances that come and go."""
        return cls(0, 0, 0, 0, 0, 0)


class LocalStack:
    """Running stores on one home folder.

    A context manager: entering starts what has no URL, leaving stops it. Other services can be added with `supervisor`.

    Parameters
    ----------
    settings : Settings, optional
        Read from the environment if not given. A store whose URL is set is not started.
    home : pathlib.Path, optional
        Instead of ``settings.home``.
    ports : Ports, optional
    command : str
        What the instance is, for other processes to read.
    on_event : callable, optional
        Told in one sentence when a service crashed or came back.

    Examples
    --------
    >>> with LocalStack(home=Path("/tmp/example")) as stack:  # doctest: +SKIP
    ...     stack.settings.require("clickhouse_url")
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        home: Path | None = None,
        ports: Ports | None = None,
        command: str = "run",
        on_event: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings if settings is not None else Settings()
        self.home = Home(home if home is not None else self.settings.home)
        self.ports = ports if ports is not None else Ports()
        self._command = command
        self._lock = HomeLock(self.home, command)
        self.supervisor = Supervisor(self.home, command, on_event)
        self.recovered = 0
        """Processes of a killed instance that were stopped at the start."""

    def start(self) -> Settings:
        """Start what has no URL.

        Returns
        -------
        Settings
            With every URL filled in.

        Raises
        ------
        HomeBusy
            If another instance runs on the home folder.
        ServiceFailed
            If a store does not start.
        """
        self.home.create()
        self._lock.acquire()
        # For a caller that ends without `stop`: nothing may outlive it.
        atexit.register(self.stop)
        try:
            self.recovered = self.supervisor.recover()
            self.settings = self._start_stores()
            write_dagster_home(self.home.dagster)
            self.supervisor.publish(stored_urls(self.settings))
        except BaseException:
            self.stop()
            raise
        return self.settings

    def _start_stores(self) -> Settings:
        services: dict[str, Service] = {}
        if self.settings.clickhouse_url is None:
            services["clickhouse"] = ClickHouse(self.home, self.ports.clickhouse)
        if self.settings.postgres_url is None:
            services["postgres"] = Postgres(self.home, self.ports.postgres)
        if self.settings.redis_url is None:
            services["redis"] = Redis(self.home, self.ports.redis)
        if self.settings.smtp_url is None and self._command == "up":
            services["smtp"] = MailSink(self.home, self.ports.smtp)
        self.supervisor.start(list(services.values()))
        urls: dict[str, object] = {f"{name}_url": SecretStr(service.url) for name, service in services.items()}
        clickhouse = services.get("clickhouse")
        if isinstance(clickhouse, ClickHouse):
            urls["clickhouse_analyst_url"] = SecretStr(clickhouse.analyst_url)
        if self.settings.secret_key is None:
            urls["secret_key"] = SecretStr(self.home.secret("secret_key"))
        return self.settings.model_copy(update={**urls, "home": self.home.path})

    def stop(self) -> None:
        """Stop every process that was started; nothing if none was, or a second time."""
        if not self._lock.acquired:
            # The processes of this home are another instance's.
            return
        atexit.unregister(self.stop)
        try:
            self.supervisor.stop()
        finally:
            self._lock.release()

    @property
    def started(self) -> bool:
        """Whether this instance has the home folder, and with it something to stop."""
        return self._lock.acquired

    def environment(self) -> dict[str, str]:
        """Variables that tell a child process all there is to know of this stack."""
        return environment_of(self.settings)

    def __enter__(self) -> LocalStack:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


_URL_FIELDS = {
    "clickhouse": "clickhouse_url",
    "clickhouse_analyst": "clickhouse_analyst_url",
    "postgres": "postgres_url",
    "redis": "redis_url",
    "smtp": "smtp_url",
}


def stored_urls(settings: Settings) -> dict[str, str]:
    """URL of each store by name, in the clear."""
    secrets: dict[str, SecretStr | None] = {name: getattr(settings, field) for name, field in _URL_FIELDS.items()}
    urls = {name: secret.get_secret_value() for name, secret in secrets.items() if secret is not None}
    if settings.kafka_bootstrap:
        urls["kafka"] = settings.kafka_bootstrap
    return urls


def settings_with_urls(settings: Settings, urls: Mapping[str, str]) -> Settings:
    """Fill in the URLs of an instance that runs already; those set in the settings stay."""
    update = {
        field: SecretStr(urls[name])
        for name, field in _URL_FIELDS.items()
        if name in urls and getattr(settings, field) is None
    }
    return settings.model_copy(update=update)


def environment_of(settings: Settings) -> dict[str, str]:
    """``CAP_...`` variables of settings, and Dagster's.

    Raises
    ------
    LocalStackError
        If the database has no URL: Dagster's storage is in it.
    """
    if settings.postgres_url is None:
        raise LocalStackError("CAP_POSTGRES_URL is not set; start the local stack first")
    home = settings.home.absolute()
    variables = {
        "CAP_HOME": str(home),
        "CAP_SOURCE": settings.source,
        "CAP_MARKETS": ",".join(settings.markets),
        "CAP_TIMEFRAMES": ",".join(settings.timeframes),
        "CAP_API_HOST": settings.api_host,
        "CAP_API_PORT": str(settings.api_port),
        "DAGSTER_HOME": str(home / "dagster"),
        # dagster-postgres brings psycopg2; a bare postgresql:// would be read as psycopg 3 by SQLAlchemy.
        "CAP_DAGSTER_POSTGRES_URL": settings.require("postgres_url").replace(
            "postgresql://", "postgresql+psycopg2://", 1
        ),
    }
    if settings.secret_key is not None:
        variables["CAP_SECRET_KEY"] = settings.secret_key.get_secret_value()
    if settings.since is not None:
        variables["CAP_SINCE"] = settings.since.isoformat()
    if settings.until is not None:
        variables["CAP_UNTIL"] = settings.until.isoformat()
    if settings.strategies is not None:
        variables["CAP_STRATEGIES"] = str(settings.strategies.absolute())
    for name, url in stored_urls(settings).items():
        variables["CAP_KAFKA_BOOTSTRAP" if name == "kafka" else f"CAP_{name.upper()}_URL"] = url
    return variables


def export_environment(settings: Settings) -> None:
    """Put the variables of settings into this process's environment, for libraries that read nothing else."""
    os.environ.update(environment_of(settings))
