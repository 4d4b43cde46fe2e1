"""Where the dbt project lies and how it reaches the stores: light, so that anyone may ask without importing dbt."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from stores.settings import Settings

PROJECT_DIR = Path(__file__).resolve().parents[2] / "dbt_project"


class Target(StrEnum):
    """The engines of the dbt project; the value is the name of the target in ``profiles.yml``."""

    WAREHOUSE = "warehouse"
    SERVING = "serving"

    @property
    def target_dir(self) -> Path:
        """Folder of dbt's artifacts for this target: each has its own manifest."""
        return PROJECT_DIR / "target" / self.value

    @property
    def manifest_path(self) -> Path:
        """The parsed project, for Dagster."""
        return self.target_dir / "manifest.json"

    @property
    def parsed_path(self) -> Path:
        """The parsed project as dbt itself keeps it; running from it parses nothing."""
        return self.target_dir / "partial_parse.msgpack"


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Environment variables that ``profiles.yml`` reads, from the URLs of the stores.

    Passwords go into variables whose names start with ``DBT_ENV_SECRET_``: dbt keeps those out of its logs. A store
    without a URL is left out, and its variables keep the defaults of ``profiles.yml``.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    dict of str to str
        To be added to the environment of a dbt process.
    """
    variables: dict[str, str] = {}
    if settings.clickhouse_url is not None:
        url = urlsplit(settings.clickhouse_url.get_secret_value())
        secure = url.scheme == "https"
        variables |= {
            "DBT_CLICKHOUSE_HOST": url.hostname or "127.0.0.1",
            "DBT_CLICKHOUSE_PORT": str(url.port or (8443 if secure else 8123)),
            "DBT_CLICKHOUSE_USER": unquote(url.username or "default"),
            "DBT_ENV_SECRET_CLICKHOUSE_PASSWORD": unquote(url.password or ""),
            "DBT_CLICKHOUSE_SECURE": str(secure),
        }
    if settings.postgres_url is not None:
        url = urlsplit(settings.postgres_url.get_secret_value())
        variables |= {
            "DBT_POSTGRES_HOST": url.hostname or "127.0.0.1",
            "DBT_POSTGRES_PORT": str(url.port or 5432),
            "DBT_POSTGRES_USER": unquote(url.username or "postgres"),
            "DBT_ENV_SECRET_POSTGRES_PASSWORD": unquote(url.password or ""),
            "DBT_POSTGRES_DATABASE": unquote(url.path.lstrip("/")) or "postgres",
            "DBT_POSTGRES_SSLMODE": parse_qs(url.query).get("sslmode", ["prefer"])[0],
        }
    return variables
