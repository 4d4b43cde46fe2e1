"""``cap gateway``: nginx before replicas of the API, on one machine."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from deploy.cli.api import with_stores
from deploy.cli.errors import WrongUse
from deploy.cli.interrupts import raise_on_signals
from deploy.cli.options import read_settings
from deploy.gateway.certificate import self_signed
from deploy.gateway.rendering import Gateway
from deploy.gateway.services import Nginx, Replica, nginx_program
from deploy.local.home import Home, HomeLock
from deploy.local.stack import environment_of
from deploy.local.supervisor import Supervisor
from stores.settings import Settings

_ADDRESS = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}")


@dataclass(frozen=True)
class GatewayOptions:
    """What was asked for on the command line."""

    replicas: int
    upstreams: tuple[str, ...]
    host: str
    port: int
    redirect_port: int | None
    certificate: Path | None
    key: Path | None
    name: str


def serve(home: Path | None, options: GatewayOptions) -> None:
    """Run the gateway, and replicas of its own unless addresses of others are given, until told to stop.

    Raises
    ------
    deploy.gateway.services.NoNginx
        If nginx is not installed.
    WrongUse
        If an option makes no sense.
    """
    nginx_program()
    replicas = _given(options.upstreams)
    if (options.certificate is None) != (options.key is None):
        raise WrongUse("--certificate and --key belong together; give both or none")
    settings = with_stores(read_settings(home))
    folder = Home(Home(settings.home).path / "gateway")
    folder.create()
    lock = HomeLock(folder, "gateway")
    lock.acquire()
    supervisor = Supervisor(folder, "gateway", lambda text: typer.echo(text, err=True))
    try:
        with raise_on_signals():
            supervisor.recover()
            if not replicas:
                replicas = {"all": _start(supervisor, folder, settings, options)}
            nginx = Nginx(folder, _gateway(folder, options, replicas))
            supervisor.start([nginx])
            typer.echo(f"Gateway             {nginx.url}/v1/signals, before {', '.join(_flat(replicas))}")
            threading.Event().wait()
    except KeyboardInterrupt:
        return
    finally:
        supervisor.stop()
        lock.release()


def _start(supervisor: Supervisor, folder: Home, settings: Settings, options: GatewayOptions) -> tuple[str, ...]:
    settings.require("postgres_url")
    settings.require("secret_key")
    replicas = [Replica(folder, number, settings.drain_s) for number in range(1, options.replicas + 1)]
    public = {} if "CAP_PUBLIC_URL" in os.environ else {"CAP_PUBLIC_URL": f"https://localhost:{options.port}"}
    supervisor.start(replicas, {**environment_of(settings), **public})
    return tuple(replica.address for replica in replicas)


def _gateway(folder: Home, options: GatewayOptions, replicas: dict[str, tuple[str, ...]]) -> Gateway:
    if options.certificate is not None and options.key is not None:
        certificate, key = options.certificate.absolute(), options.key.absolute()
    else:
        certificate, key = self_signed(folder.path / "tls")
    return Gateway(
        folder=folder.path / "nginx",
        replicas=replicas,
        certificate=certificate,
        key=key,
        host=options.host,
        port=options.port,
        redirect_port=options.redirect_port,
        server_name=options.name,
    )


def _given(upstreams: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read ``host:port`` and ``service=host:port``."""
    from api.main import Service

    known = {service.value for service in Service} | {"all"}
    found: dict[str, tuple[str, ...]] = {}
    for text in upstreams:
        service, equals, address = text.rpartition("=")
        service = service if equals else "all"
        if service not in known:
            raise WrongUse(f"--upstream: there is no service {service!r}; there are: {', '.join(sorted(known))}")
        if not _ADDRESS.fullmatch(address):
            raise WrongUse(f"--upstream: {address!r} is not an address; write it as in 127.0.0.1:8000")
        found[service] = (*found.get(service, ()), address)
    if found and "all" not in found and set(found) | {"all"} != known:
        missing = ", ".join(sorted(known - set(found) - {"all"}))
        raise WrongUse(f"--upstream: nobody runs {missing}; name a replica of each service, or one of all")
    return found


def _flat(replicas: dict[str, tuple[str, ...]]) -> list[str]:
    return [
        address if service == "all" else f"{service}={address}"
        for service, addresses in replicas.items()
        for address in addresses
    ]
