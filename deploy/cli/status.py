"""``cap status``: what runs, where, and whether it answers."""

from __future__ import annotations

import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import typer

from deploy.cli.options import read_settings
from deploy.local.home import Home, InstanceRecord
from deploy.local.http_probe import answers
from deploy.local.stack import settings_with_urls, stored_urls
from stores.settings import Settings

NAMES = ("clickhouse", "postgres", "redis", "kafka", "api", "worker", "ui", "dagster", "smtp")
_TIMEOUT_SECONDS = 3


@dataclass(frozen=True)
class Health:
    """Where a part of the platform is, and whether it answers."""

    url: str | None
    healthy: bool = False
    analyst_url: str | None = None

    def shown(self) -> dict[str, object]:
        """As ``cap status --json`` prints it."""
        shown: dict[str, object] = {"url": self.url, "healthy": self.healthy}
        return {**shown, "analyst_url": self.analyst_url} if self.analyst_url else shown


def show_status(home: Path | None, *, as_json: bool) -> None:
    """Print the health of everything."""
    settings = read_settings(home)
    health = check_health(settings)
    if as_json:
        typer.echo(json.dumps({name: each.shown() for name, each in health.items()}, indent=2))
        return
    record = Home(settings.home).record()
    state = f"'cap {record.command}' runs" if record.running else "nothing runs"
    typer.echo(f"{Home(settings.home).path}: {state}")
    for name, each in health.items():
        if each.url is None:
            typer.echo(f"  {name:<11} -")
        else:
            typer.echo(f"  {name:<11} {'ok' if each.healthy else 'no answer':<10} {masked(each.url)}")


def check_health(settings: Settings) -> dict[str, Health]:
    """Ask every part that has a URL.

    Parameters
    ----------
    settings : Settings
        Their URLs come before those of a running instance, as everywhere.

    Returns
    -------
    dict of str to Health
        By name, every one of `NAMES`.
    """
    record = Home(settings.home).record()
    if record.running:
        settings = settings_with_urls(settings, record.urls)
    urls = stored_urls(settings)
    if record.running:
        urls |= {name: url for name, url in record.urls.items() if name in ("api", "worker", "ui", "dagster")}
    with ThreadPoolExecutor(len(NAMES)) as pool:
        healthy = dict(zip(NAMES, pool.map(lambda name: _healthy(name, urls.get(name), record), NAMES), strict=True))
    analyst = urls.get("clickhouse_analyst")
    return {name: Health(urls.get(name), healthy[name], analyst if name == "clickhouse" else None) for name in NAMES}


def _healthy(name: str, url: str | None, record: InstanceRecord) -> bool:
    if url is None:
        return False
    if name == "postgres":
        return _postgres_answers(url)
    if name == "redis":
        return _redis_answers(url)
    if name == "kafka":
        return all(_listens(broker) for broker in url.split(","))
    if name == "smtp":
        return _mail_server_greets(url)
    if name == "ui":
        return answers(f"{url}/signals/")
    if name == "dagster":
        parts = [process for process in record.processes if process.name.startswith("dagster")]
        return answers(f"{url}/server_info") and all(process.identity.alive for process in parts)
    return answers(f"{_without_credentials(url)}/{'ping' if name == 'clickhouse' else 'healthz'}")


def _postgres_answers(url: str) -> bool:
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=_TIMEOUT_SECONDS) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def _redis_answers(url: str) -> bool:
    import redis

    try:
        with redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
        ) as client:
            return bool(client.ping())
    except (redis.RedisError, ValueError):
        return False


def _mail_server_greets(url: str) -> bool:
    from deploy.local.mail_sink import greets

    try:
        parts = urlsplit(url)
        port = parts.port or (465 if parts.scheme == "smtps" else 587 if parts.username else 25)
    except ValueError:
        return False
    host = parts.hostname or ""
    # One that is encrypted from the first byte on greets nobody before.
    return _listens(f"{host}:{port}") if parts.scheme == "smtps" else greets(host, port)


def _listens(broker: str) -> bool:
    host, _, port = broker.strip().rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_TIMEOUT_SECONDS):
            return True
    except (OSError, ValueError):
        return False


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def masked(url: str) -> str:
    """URL with its password hidden, wherever one can stand."""
    shown = re.sub(r"(://[^/@:]*):.*@", r"\1:***@", url)
    return re.sub(r"(?i)(password=)[^&]*", r"\1***", shown)
